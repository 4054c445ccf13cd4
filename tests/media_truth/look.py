"""What a file holds, by FFmpeg and ffprobe alone: nothing here comes from av1rules.

Sources and targets are looked at in the same way and long enough to see a track that starts late.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

LIMIT_S = 300
WHOLE = ("-probesize", "1G", "-analyzeduration", "1000M")
"""Look at all of a small film before saying which streams it has."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Programs:
    ffmpeg: str
    ffprobe: str


@dataclass(frozen=True)
class Packet:
    """`time_s` None: the container gives no times (raw video)."""

    time_s: float | None
    digest: str


@dataclass(frozen=True)
class Look:
    """One file, read by `programs`. Streams are ffprobe's own mappings."""

    path: Path
    programs: Programs
    answer: Json = field(repr=False)
    decoded: dict[int, list[Json]] = field(default_factory=dict, repr=False)

    @classmethod
    def at(cls, path: Path, programs: Programs) -> Look:
        answer = _ffprobe(
            programs, path, "-show_format", "-show_streams", "-show_chapters", "-show_packets",
            "-show_data_hash", "MD5", "-show_entries",
            "packet=stream_index,pts_time,dts_time,data_hash",
        )  # fmt: skip
        return cls(path, programs, answer)

    @property
    def streams(self) -> list[Json]:
        return list(self.answer["streams"])

    def of(self, kind: str) -> list[Json]:
        """Streams of this kind; pictures that are covers are no film."""
        return [
            stream
            for stream in self.streams
            if stream.get("codec_type") == kind and not _is_cover(stream)
        ]

    @property
    def covers(self) -> list[str]:
        """Digests of cover pictures, whether they are tracks or attachments."""
        found = [self.packets(s["index"])[0].digest for s in self.streams if _is_cover(s)]
        return sorted(found)

    @property
    def attachments(self) -> list[tuple[str, str]]:
        """Names and digests of attached files that are no covers."""
        return sorted(
            (tag(s, "filename"), s.get("extradata_hash", ""))
            for s in self.streams
            if s.get("codec_type") == "attachment"
        )

    @property
    def chapters(self) -> list[tuple[float, str]]:
        chapters = self.answer["chapters"]
        return [(float(one["start_time"]), tag(one, "title")) for one in chapters]

    @property
    def tags(self) -> dict[str, str]:
        tags = self.answer.get("format", {}).get("tags", {})
        return {key.lower(): value for key, value in tags.items()}

    def packets(self, index: int) -> list[Packet]:
        return self._packets.get(index, [])

    @cached_property
    def _packets(self) -> dict[int, list[Packet]]:
        found: dict[int, list[Packet]] = {}
        for packet in self.answer.get("packets", ()):
            time = packet.get("pts_time", packet.get("dts_time"))
            made = Packet(None if time is None else float(time), packet.get("data_hash", ""))
            found.setdefault(packet["stream_index"], []).append(made)
        return found

    def frames(self, index: int) -> list[Json]:
        """Every decoded picture of a stream, in the order they are shown."""
        if index not in self.decoded:
            answer = _ffprobe(
                self.programs, self.path, "-select_streams", str(index), "-show_frames"
            )
            found = [one for one in answer.get("frames", ()) if one.get("media_type") == "video"]
            self.decoded[index] = found
        return self.decoded[index]

    def first_sound_s(self, index: int) -> float | None:
        """When the first sample is heard, by the same FFmpeg for source and target: versions of
        it give the first samples of some codecs (WMA) other times."""
        made = subprocess.run(
            [
                self.programs.ffmpeg, "-v", "info", "-nostdin", *WHOLE, "-copyts", "-i",
                str(self.path), "-map", f"0:{index}", "-af", "ashowinfo", "-f", "null", "-",
            ],
            check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=LIMIT_S,
        )  # fmt: skip
        found = re.search(r"n:0 .*?pts_time:(-?[\d.]+)", made.stderr.decode("utf-8", "replace"))
        return float(found[1]) if found else None

    def sound(self, index: int) -> bytes:
        """All samples, 16 bit."""
        return self.output("-map", f"0:{index}", "-c", "pcm_s16le", "-f", "s16le", "-")

    def subtitle_texts(self, index: int) -> list[str]:
        """What is read on the screen, line by line, markup of fonts aside."""
        made = self.output("-map", f"0:{index}", "-c", "srt", "-f", "srt", "-")
        return _lines_of_srt(made.decode("utf-8", "replace"))

    def output(self, *arguments: str) -> bytes:
        return _run(
            self.programs.ffmpeg, "-v", "error", "-nostdin", *WHOLE, "-noautorotate",
            "-i", str(self.path), *arguments,
        )  # fmt: skip


def ssim(source: Look, target: Look, streams: tuple[int, int], first: str = "") -> dict[str, float]:
    """Likeness of the pictures one by one, whatever their times: 1 is the same, by plane.

    `first` is a filter that the source's pictures go through.
    """
    shape = "format=yuv420p,settb=1/1000,setpts=N*40"
    graph = f"[0:{streams[0]}]{first}{shape}[a];[1:{streams[1]}]{shape}[b];[a][b]ssim"
    made = subprocess.run(
        [
            source.programs.ffmpeg, "-v", "info", "-nostdin", *WHOLE, "-noautorotate", "-i",
            str(source.path), "-noautorotate", "-i", str(target.path), "-lavfi", graph,
            "-f", "null", "-",
        ],
        check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=LIMIT_S,
    )  # fmt: skip
    line = made.stderr.decode("utf-8", "replace").rpartition("SSIM ")[2]
    return {plane: float(value) for plane, value in re.findall(r"(\w+):([\d.]+)", line)}


def colours(look: Look, index: int) -> bytes:
    """Every picture as 16x12 points of RGB, by the colours that the file itself names."""
    graph = "format=gbrp,scale=16:12:flags=area,format=rgb24"
    return look.output(
        "-map", f"0:{index}", "-vf", graph, "-fps_mode", "passthrough", "-f", "rawvideo", "-"
    )  # fmt: skip


def tag(stream: Json, name: str) -> str:
    tags = stream.get("tags", {})
    return next((str(value) for key, value in tags.items() if key.lower() == name), "")


def _is_cover(stream: Json) -> bool:
    return bool(stream.get("disposition", {}).get("attached_pic"))


def _lines_of_srt(text: str) -> list[str]:
    kept = [re.sub(r"</?font[^>]*>", "", line).strip() for line in text.splitlines()]
    return [line for line in kept if line and not line.isdecimal() and "-->" not in line]


def _ffprobe(programs: Programs, path: Path, *arguments: str) -> Json:
    out = _run(programs.ffprobe, "-v", "error", *WHOLE, "-of", "json", *arguments, str(path))
    found: Json = json.loads(out)
    return found


def _run(*command: str) -> bytes:
    made = subprocess.run(
        command, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=LIMIT_S,
        env={**os.environ, "AV_LOG_FORCE_NOCOLOR": "1"},
    )  # fmt: skip
    return made.stdout
