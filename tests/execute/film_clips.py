"""Films that change on the way, made by FFmpeg. Each has 12 s at 25 pictures a second, a key frame
every 12 pictures, in parts that are coded on their own and joined byte by byte."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec

from av1rules.ffmpeg.tools import Tools

PLAIN = "testsrc2=s=160x96:r=25"
_SDR = "colorprim=bt709:transfer=bt709:colormatrix=bt709"
_PQ = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
_HLG = "colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc"

HIDDEN = (36, 48)
"""Pictures that no look sees: of the places, one a second, the nearest begin at key frames 24 and
48 and show eight pictures each."""


class FilmClips(msgspec.Struct, frozen=True):
    """Makes the clips in `folder`."""

    tools: Tools
    folder: Path

    def ff(self, *arguments: str) -> None:
        command = [self.tools.ffmpeg, "-v", "error", "-nostdin", "-y", *arguments]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=120)

    def part(self, picture: str, pictures: int, kind: str = "h264", *, more: str = "") -> bytes:
        """A raw stream of so many pictures; `kind` is "h264", "hevc" or "m2v", `more` are
        parameters of x264 or x265, or options of MPEG-2."""
        path = self.folder / f"part.{kind}"
        made = ["-f", "lavfi", "-i", picture, "-frames:v", str(pictures), "-g", "12"]
        match kind:
            case "h264":
                made += ["-c:v", "libx264", "-preset", "ultrafast", "-x264-params"]
                made += [f"aud=1:keyint=12:scenecut=0:{more}", "-f", "h264"]
            case "hevc":
                made += ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params"]
                made += [f"log-level=none:bframes=0:keyint=12:scenecut=0:{more}", "-f", "hevc"]
            case _:
                made += ["-c:v", "mpeg2video", "-b:v", "300k", *more.split(), "-f", "mpeg2video"]
        self.ff(*made, str(path))
        return path.read_bytes()

    def film(self, name: str, *parts: bytes, raw: str = "h264") -> Path:
        """The parts in one container, by the name's extension."""
        joined = self.folder / f"joined.{raw}"
        joined.write_bytes(b"".join(parts))
        path = self.folder / name
        self.ff("-r", "25", "-i", str(joined), "-c", "copy", str(path))
        return path


def with_captions(stream: bytes, first: int, end: int) -> bytes:
    """H.264 with messages of CEA-608 captions in the pictures from `first` to before `end`."""
    words = b"\xfc\x94\x2c" * 2
    body = b"\xb5\x00\x31GA94\x03" + bytes([0x40 | 2]) + b"\xff" + words + b"\xff"
    message = b"\x00\x00\x01\x06\x04" + bytes([len(body)]) + body + b"\x80"
    pictures = [one for one in re.split(b"(?=\x00\x00\x00\x01\x09)", stream) if one]
    return b"".join(
        one[:6] + message + one[6:] if first <= number < end else one
        for number, one in enumerate(pictures)
    )


def size(clips: FilmClips) -> Path:
    large = clips.part("testsrc2=s=320x192:r=25", 150)
    return clips.film("size.mkv", clips.part(PLAIN, 150), large)


def size_and_back(clips: FilmClips) -> Path:
    small, large = clips.part(PLAIN, 100), clips.part("testsrc2=s=320x192:r=25", 100)
    return clips.film("back.ts", small, large, small)


def aspect_h264(clips: FilmClips) -> Path:
    parts = [clips.part(f"{PLAIN},setsar={sar}", 150) for sar in ("16/15", "64/45")]
    return clips.film("aspect.ts", *parts)


def aspect_mpeg2(clips: FilmClips) -> Path:
    parts = [clips.part(f"{PLAIN},setdar={shape}", 150, "m2v") for shape in ("4/3", "16/9")]
    return clips.film("aspect.vob", *parts, raw="m2v")


def depth(clips: FilmClips) -> Path:
    formats = ("yuv420p", "yuv420p10le")
    parts = [clips.part(f"{PLAIN},format={one}", 150, "hevc") for one in formats]
    return clips.film("depth.mkv", *parts, raw="hevc")


def chroma(clips: FilmClips) -> Path:
    parts = [clips.part(f"{PLAIN},format={one}", 150) for one in ("yuv420p", "yuv444p")]
    return clips.film("chroma.mkv", *parts)


def _two_colours(clips: FilmClips, name: str, first: str, second: str) -> Path:
    picture = f"{PLAIN},format=yuv420p10le"
    parts = [clips.part(picture, 150, "hevc", more=one) for one in (first, second)]
    return clips.film(name, *parts, raw="hevc")


def sdr_then_pq(clips: FilmClips) -> Path:
    return _two_colours(clips, "sdr-pq.mkv", _SDR, _PQ)


def sdr_then_hlg(clips: FilmClips) -> Path:
    return _two_colours(clips, "sdr-hlg.mp4", _SDR, _HLG)


def pq_in_the_middle(clips: FilmClips) -> Path:
    picture = f"{PLAIN},format=yuv420p10le"
    lengths = ((_SDR, 100), (_PQ, 100), (_SDR, 100))
    parts = [clips.part(picture, count, "hevc", more=one) for one, count in lengths]
    return clips.film("pq-middle.mkv", *parts, raw="hevc")


def fields(clips: FilmClips) -> Path:
    combed = "testsrc2=s=160x96:r=50,tinterlace=interleave_top"
    parts = (
        clips.part(f"{PLAIN},format=yuv420p", 150, "m2v"),
        clips.part(f"{combed},format=yuv420p", 150, "m2v", more="-flags +ildct+ilme"),
    )
    return clips.film("fields.vob", *parts, raw="m2v")


def captions(clips: FilmClips) -> Path:
    return clips.film("captions.mkv", with_captions(clips.part(PLAIN, 300), 200, 300))


def captions_mp4(clips: FilmClips) -> Path:
    return clips.film("captions.mp4", with_captions(clips.part(PLAIN, 300), 100, 200))


def hidden_size(clips: FilmClips) -> Path:
    large = clips.part("testsrc2=s=320x192:r=25", HIDDEN[1] - HIDDEN[0])
    first, last = clips.part(PLAIN, HIDDEN[0]), clips.part(PLAIN, 300 - HIDDEN[1])
    return clips.film("hidden-size.mkv", first, large, last)


def hidden_fields(clips: FilmClips) -> Path:
    combed = clips.part(PLAIN, HIDDEN[1] - HIDDEN[0], more="tff=1")
    first, last = clips.part(PLAIN, HIDDEN[0]), clips.part(PLAIN, 300 - HIDDEN[1])
    return clips.film("hidden-fields.mkv", first, combed, last)


def hidden_captions(clips: FilmClips) -> Path:
    stream = with_captions(clips.part(PLAIN, 300), HIDDEN[0] + 2, HIDDEN[0] + 3)
    return clips.film("hidden-captions.mkv", stream)


def hidden_depth(clips: FilmClips) -> Path:
    deep = clips.part(f"{PLAIN},format=yuv420p10le", HIDDEN[1] - HIDDEN[0], "hevc")
    plain = f"{PLAIN},format=yuv420p"
    first = clips.part(plain, HIDDEN[0], "hevc")
    last = clips.part(plain, 300 - HIDDEN[1], "hevc")
    return clips.film("hidden-depth.mkv", first, deep, last, raw="hevc")


Maker = Callable[[FilmClips], Path]


def late_sound(
    clips: FilmClips, name: str, *, starts_s: float, lasts_s: float, whole_s: float
) -> Path:
    """A film whose second sound track begins late."""
    path = clips.folder / name
    muxer = "vob" if path.suffix == ".vob" else "mpegts"
    clips.ff(
        "-f", "lavfi", "-i", f"{PLAIN}:d={whole_s}", "-f", "lavfi", "-i", f"sine=d={whole_s}",
        "-itsoffset", str(starts_s), "-f", "lavfi", "-i", f"sine=880:d={lasts_s}",
        "-map", "0", "-map", "1", "-map", "2", "-c:v", "mpeg2video", "-b:v", "300k",
        "-c:a", "ac3", "-f", muxer, str(path),
    )  # fmt: skip
    return path


def second_programme(clips: FilmClips) -> Path:
    """A TS whose table of streams gains a second sound track at 15 s."""
    parts = []
    for number, tracks in enumerate((1, 2)):
        sound = [
            word
            for one in range(tracks)
            for word in ("-f", "lavfi", "-i", f"sine={440 + one}:d=15")
        ]
        maps = [word for one in range(tracks + 1) for word in ("-map", str(one))]
        path = clips.folder / f"programme-{number}.ts"
        clips.ff(
            "-f", "lavfi", "-i", f"{PLAIN}:d=15", *sound, *maps, "-c:v", "mpeg2video",
            "-b:v", "300k", "-c:a", "ac3", "-output_ts_offset", str(15 * number), str(path),
        )  # fmt: skip
        parts.append(path.read_bytes())
    path = clips.folder / "programme.ts"
    path.write_bytes(b"".join(parts))
    return path
