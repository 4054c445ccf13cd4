"""Films of a minute or three for the figures on searches: real clips, cut up and shuffled."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SIZE = (512, 288)
RATE = 24
LONGEST_SCENE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A real clip, or the part of it from `start_s` on."""

    name: str
    length_s: float
    start_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    clip: Clip
    change: str  # filters between scaling and the film


def _cut(name: str, length_s: float) -> tuple[Clip, ...]:
    count = max(round(length_s / LONGEST_SCENE_S), 1)
    each_s = length_s / count
    return tuple(Clip(name=name, length_s=each_s, start_s=each_s * n) for n in range(count))


DRAWN = (
    *_cut("h264-sintel-51-eng.mp4", 6.0),
    *_cut("h264-chapters-data.mp4", 10.0),
    *_cut("h263-bbb.3gp", 1.0),
    *_cut("h264-444-testcard.mp4", 1.0),
)
CAMERA = (
    *_cut("h264-720p24-park-noaudio.mp4", 10.2),
    *_cut("h264-720p30-bee.mp4", 4.0),
    *_cut("h264-720p30-dog-tmcd.mp4", 9.6),
    *_cut("h264-lowbitrate-bottles-40s.mp4", 15.0),
    *_cut("h264-1080p25-street-grain.mkv", 1.2),
    *_cut("h264-480p-film-bw.mp4", 6.1),
    *_cut("h264-vfr-webcam.mov", 7.5),
    *_cut("h264-ac3.ts", 2.7),
    *_cut("vp9-tractor.webm", 9.9),
    *_cut("mpeg2-city-night-ps.mpg", 2.6),
    *_cut("h264-multivideo-movtext-nasa.mp4", 13.0),
)
FILMED = _cut("vp8-tears-of-steel-70s.webm", 70.0)

_WHOLE = "null"
_MIRRORED = "crop=iw/1.6:ih/1.6,scale={0}:{1},hflip"
_CORNER = "crop=iw/2:ih/2:0:ih/3,scale={0}:{1}"
_NOISY = "noise=alls=9:allf=t:all_seed=7"


def films() -> dict[str, tuple[Scenario, ...]]:
    """The scenes of each film; the same every time."""
    shuffle = random.Random(4)
    drawn = list(_scenes(DRAWN, (_WHOLE, _MIRRORED, _CORNER, "negate," + _MIRRORED)))
    camera = list(_scenes(CAMERA, (_WHOLE, _MIRRORED)))
    mixed = [
        *_scenes(FILMED, (_WHOLE,)),
        *_scenes(CAMERA, (_CORNER,)),
        *_scenes(DRAWN, (_WHOLE,)),
        *_scenes(CAMERA[::3], (_NOISY,)),
    ]
    for scenes in (camera, mixed, drawn):
        shuffle.shuffle(scenes)
    return {"drawn": tuple(drawn), "camera": tuple(camera), "mixed": tuple(mixed)}


def _scenes(clips: tuple[Clip, ...], changes: tuple[str, ...]) -> Iterator[Scenario]:
    for change in changes:
        yield from (Scenario(clip=clip, change=change.format(*SIZE)) for clip in clips)


def make_film(scenes: tuple[Scenario, ...], film: Path, *, media: Path, ffmpeg: str) -> None:
    """All scenes one after the other, as a disc or a good stream would hold them."""
    width, height = SIZE
    inputs, chains = [], []
    for number, scene in enumerate(scenes):
        inputs += ["-ss", f"{scene.clip.start_s:.3f}", "-t", f"{scene.clip.length_s:.3f}"]
        inputs += ["-threads", "1", "-i", str(media / scene.clip.name)]
        chains.append(
            f"[{number}:v:0]scale={width}:{height}:force_original_aspect_ratio=increase,"
            f"crop={width}:{height},{scene.change},fps={RATE},format=yuv420p,setsar=1,"
            f"setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709[s{number}]"
        )
    joined = "".join(f"[s{number}]" for number in range(len(scenes)))
    graph = ";".join([*chains, f"{joined}concat=n={len(scenes)}[film]"])
    subprocess.run(
        [ffmpeg, "-v", "error", *inputs, "-filter_complex", graph, "-map", "[film]",
         "-c:v", "libx264", "-preset", "veryfast", "-crf", "10", "-g", "48", str(film)],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
