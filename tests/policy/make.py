"""Sources, facts and conditions for tests, with only what a test is about written out."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from av1rules.media.source import AudioStream, FileStat, LibraryFile, Source, VideoStream
from av1rules.policy.facts import Facts
from av1rules.policy.model import Place

HERE = Place(file="rules.yaml", line=1, column=1)
RATE_24 = Fraction(24000, 1001)


def video(**values: Any) -> VideoStream:
    defaults: dict[str, Any] = {
        "index": 0, "codec": "h264", "width": 1920, "height": 1080, "frame_rate": RATE_24,
    }  # fmt: skip
    return VideoStream(**(defaults | values))


def audio(**values: Any) -> AudioStream:
    defaults: dict[str, Any] = {"index": 1, "codec": "ac3", "is_lossless": False}
    return AudioStream(**(defaults | values))


def source(main: VideoStream | None = None, *sound: AudioStream, **values: Any) -> Source:
    defaults: dict[str, Any] = {
        "container": "matroska,webm",
        "size_bytes": 8 * 1024**3,
        "video": () if main is None else (main,),
        "main_index": None if main is None else main.index,
        "audio": sound,
    }
    return Source(**(defaults | values))


def library_file(relative_path: str = "film.mkv", *, size_bytes: int = 8 * 1024**3) -> LibraryFile:
    stat = FileStat(device=1, inode=1, size_bytes=size_bytes, mtime_ns=0, ctime_ns=0)
    return LibraryFile(
        root_name="movies", root="/media/movies", relative_path=relative_path, stat=stat
    )


def facts(**values: Any) -> Facts:
    return Facts(**({"path": ("film.mkv", "movies/film.mkv")} | values))
