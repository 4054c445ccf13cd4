"""Breaks a good target by FFmpeg or by a change in the bytes, and has it verified."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from av1rules.encode.encode import EncodeOutcome
from av1rules.encode.verify import Verification
from av1rules.ffmpeg.tools import Tools
from tests.conftest import MakeClip
from tests.encode.real import Way, check, go

FRAMES = 48
Changes = dict[str, int | None]
PQ = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:log-level=none"
DISPLAY = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
SRT = "1\n00:00:00,100 --> 00:00:00,800\nHello\n\n2\n00:00:01,000 --> 00:00:01,800\nAnd goodbye\n"
CHAPTERS = (
    ";FFMETADATA1\nlocation=+48.1+11.5/\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\n"
    "title={0}\n[CHAPTER]\nTIMEBASE=1/1000\nSTART={1}\nEND=2000\ntitle=Two\n"
)
SOUNDS = (
    "-f", "lavfi", "-i", "sine=f=440:d={0}", "-f", "lavfi", "-i", "sine=f=880:d=2",
)  # fmt: skip


def good_way(make_clip: MakeClip, tools: Tools, folder: Path) -> Way:
    """A film with everything a contract speaks of, and its good target."""
    (folder / "a.srt").write_text(SRT)
    (folder / "meta.txt").write_text(CHAPTERS.format("One", 1000))
    (folder / "a.ttf").write_bytes(bytes(range(256)) * 4)
    cover = make_clip("cover.jpg", "-f", "lavfi", "-i", "testsrc=s=64x64:d=0.04", "-frames:v", "1")
    film = make_clip(
        "film.mkv", "-f", "lavfi", "-i", "testsrc2=s=128x96:r=24:d=2", *SOUNDS[:3],
        SOUNDS[3].format(2), *SOUNDS[4:], "-i", str(folder / "a.srt"),
        "-i", str(folder / "meta.txt"), "-map", "0:v", "-map", "1:a", "-map", "2:a", "-map", "3:s",
        "-map_metadata", "4", "-vf", "setsar=4/3", "-c:v", "libx265", "-preset", "ultrafast",
        "-pix_fmt", "yuv420p10le", "-x265-params",
        f"{PQ}:chromaloc=2:max-cll=1000,400:master-display={DISPLAY}",
        "-c:a:0", "ac3", "-c:a:1", "ac3", "-c:s", "srt",
        "-metadata:s:v:0", "stereo_mode=left_right", "-disposition:v:0", "default",
        "-metadata:s:a:0", "language=ger", "-metadata:s:a:1", "title=Kommentar",
        "-disposition:a:0", "default", "-disposition:a:1", "comment",
        "-metadata:s:s:0", "language=fre", "-disposition:s:0", "forced",
        "-attach", str(folder / "a.ttf"), "-metadata:s:t:0", "mimetype=font/ttf",
        "-attach", str(cover), "-metadata:s:t:1", "mimetype=image/jpeg",
        "-metadata:s:t:1", "filename=cover.jpg",
    )  # fmt: skip
    (folder / "good").mkdir()
    return go(film, folder / "good", tools)


def reasons(verified: Verification) -> dict[str, str]:
    return {one.name: one.detail for one in verified.failed}


def with_packets(ivf: bytes, change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    """An IVF file with other packets: a header of 32 bytes, then size, time and bytes of each. One
    more than there were comes one tick after the last."""
    packets, times, at = [], [], 32
    while at < len(ivf):
        size, time = struct.unpack_from("<IQ", ivf, at)
        packets.append(ivf[at + 12 : at + 12 + size])
        times.append(time)
        at += 12 + size
    frames = zip(change(packets), (*times, times[-1] + 1), strict=False)
    return ivf[:32] + b"".join(struct.pack("<IQ", len(one), time) + one for one, time in frames)


@dataclass(frozen=True, slots=True)
class Bench:
    """Breaks the good target, and judges what came out."""

    good: Way
    tools: Tools
    folder: Path

    def ffmpeg(self, *arguments: str | Path) -> None:
        subprocess.run(
            [self.tools.ffmpeg, "-v", "error", "-nostdin", "-y", *map(str, arguments)],
            check=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "SVT_LOG": "1"},
            timeout=120,
        )

    def remuxed(self, *options: str | Path, before: Iterable[str] = ()) -> Path:
        """All tracks copied, with these options between input and output."""
        path = self.folder / "broken.mkv"
        copied = ("-map", "0", "-c", "copy")
        self.ffmpeg(*before, "-i", self.good.path, *copied, *options, path)
        return path

    def with_sound(self, *codec: str, seconds: float = 2) -> Path:
        """Another first sound track in the place of the good one."""
        sound, path = self.folder / "sound.mka", self.folder / "broken.mkv"
        self.ffmpeg("-f", "lavfi", "-i", f"sine=f=440:d={seconds}", "-c:a", *codec, sound)
        self.ffmpeg(
            "-i", self.good.path, "-i", sound, "-map", "0:v:0", "-map", "1:a", "-map", "0:a:1",
            "-map", "0:s", "-map", "0:t", *self._cover(), "-c", "copy",
            "-metadata:s:a:0", "language=ger", "-disposition:a:0", "default", path,
        )  # fmt: skip
        return path

    def with_pictures(self, change: Callable[[list[bytes]], list[bytes]]) -> Path:
        """Other packets of pictures in the place of the good ones, at the same times."""
        good, changed = self.folder / "good.ivf", self.folder / "changed.ivf"
        self.ffmpeg("-i", self.good.path, "-map", "0:v:0", "-c", "copy", good)
        changed.write_bytes(with_packets(good.read_bytes(), change))
        path = self.folder / "broken.mkv"
        self.ffmpeg(
            "-i", self.good.path, "-i", changed, "-map", "1:v", "-map", "0:a", "-map", "0:s",
            "-map", "0:t", *self._cover(), "-c", "copy",
            "-metadata:s:v:0", "stereo_mode=left_right", "-aspect:v:0", "170:96",
            "-disposition:v:0", "default", path,
        )  # fmt: skip
        return path

    def _cover(self) -> tuple[str, ...]:
        """Attached anew: FFmpeg copies it only where all tracks are of one file."""
        cover = self.folder / "cover.jpg"
        self.ffmpeg("-i", self.good.path, "-map", "0:v:1", "-c", "copy", cover)
        named = ("-metadata:s:t:1", "mimetype=image/jpeg", "-metadata:s:t:1", "filename=cover.jpg")
        return ("-attach", str(cover), *named)

    def pictures(self, *options: str, before: Iterable[str] = ()) -> Path:
        """The pictures encoded once more, all else copied."""
        fast = (
            "-c:v:0",
            "libsvtav1",
            "-preset",
            "12",
            "-crf",
            "60",
            "-fps_mode:v:0",
            "passthrough",
        )
        return self.remuxed(*fast, *options, before=before)

    def verified(self, path: Path, **changed: object) -> Verification:
        assert self.good.outcome is not None
        outcome: EncodeOutcome = replace(self.good.outcome, path=str(path), **changed)
        return check(self.good.job, outcome, self.tools)


def require_only(found: dict[str, str], says: str) -> None:
    """Only the contract is broken, and it only so. `says` may end where values of floats begin."""
    assert list(found) == ["contract"]
    whole = found["contract"]
    assert whole == says or (says.endswith("be") and whole.startswith(says))
    assert whole.count("should be") == says.count("should be")
