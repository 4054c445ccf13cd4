"""The programs a run works with, as found and asked: frozen facts, no I/O. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderInfo:
    """One AV1 encoder of an FFmpeg build that passed a trial encode.

    `name` is ours: `svt-av1-psy`, `libsvtav1`, `libaom-av1`, `librav1e`; `codec` is FFmpeg's
    `-c:v` name. `params` are the svtav1-params keys of `tool_check.SVT_TRIAL_PARAMS` that this
    build accepts. `version` is what the encoder library says of itself, None if it says nothing.
    """

    name: str
    codec: str
    version: str | None = None
    params: frozenset[str] = frozenset()
    has_fractional_crf: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """FFmpeg and ffprobe that passed the self-test; `encoders` in order of priority, best first.

    `origin` says where FFmpeg was found: "configured", "PATH" or "embedded".
    """

    ffmpeg: str
    ffprobe: str
    ffmpeg_version: str  # as the program prints it, e.g. "n9.0.2-17-g2a571b6068-20260930"
    ffprobe_version: str
    version: tuple[int, int]
    encoders: tuple[EncoderInfo, ...]
    filters: frozenset[str] = frozenset()
    origin: str = "PATH"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCheck:
    """One line of `doctor`: `subject` is a program or encoder, `check` what was looked at.

    `passed` is None where the outcome is only worth knowing (a missing extra).
    """

    subject: str
    check: str
    passed: bool | None
    detail: str
    hint: str | None = None


class ToolMemo(Protocol):
    """Remembers texts between runs; may forget any of them at any time."""

    def get(self, key: str) -> str | None: ...

    def put(self, key: str, value: str) -> None: ...


SVT_CODEC = "libsvtav1"


AOM_CODEC = "libaom-av1"
