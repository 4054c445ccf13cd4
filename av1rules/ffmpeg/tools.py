"""The programs that a run uses, as found and tested: frozen facts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec


class EncoderInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One AV1 encoder of an FFmpeg build that passed a trial encode.

    `name` is this program's name, which tells a fork from the original; `codec` is FFmpeg's `-c:v`
    name. `params` are the encoder parameters, of those that the self-test tries, that this build
    accepts. `version` is what the encoder library reports, None if it reports nothing.
    """

    name: str
    codec: str
    version: str | None = None
    params: frozenset[str] = frozenset()
    has_fractional_crf: bool = False


class EncoderTrial(msgspec.Struct, frozen=True, kw_only=True):
    """Outcome of one trial encode: `info` if it worked, else `failure` as text."""

    codec: str
    info: EncoderInfo | None = None
    failure: str | None = None


class TrialAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How a trial encode ended, as text, and what it printed."""

    ok: bool
    exit_text: str
    lines: tuple[str, ...]

    def failure(self, *, chatter: str | None = None) -> str:
        """The exit and the last line printed, without lines that start with `chatter`."""
        lines = [
            line
            for line in self.lines
            if line.strip() and not (chatter and line.startswith(chatter))
        ]
        return f"{self.exit_text}: {lines[-1] if lines else 'no message'}"


class TrialEncode(Protocol):
    """Encodes two tiny frames with FFmpeg arguments."""

    def __call__(
        self, *args: str, log_level: str = "error", env: Mapping[str, str] | None = None
    ) -> TrialAnswer: ...


SelfTest = Callable[[TrialEncode], EncoderTrial]
"""Tests one encoder by trial encodes: an encoder that is compiled in may still fail."""


class SideProgram(msgspec.Struct, frozen=True, kw_only=True):
    """A program that a run can do without. `version` as it prints it."""

    path: str
    version: str


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """FFmpeg and ffprobe that passed the self-test; `encoders` in order of priority, best first.

    `origin` says where FFmpeg was found: "configured", "PATH" or "embedded". `mkvpropedit` None: it
    is missing or turned off.
    """

    ffmpeg: str
    ffprobe: str
    ffmpeg_version: str  # as the program prints it, e.g. "n9.0.2-17-g2a571b6068-20260930"
    ffprobe_version: str
    version: tuple[int, int]
    encoders: tuple[EncoderInfo, ...]
    filters: frozenset[str] = frozenset()
    origin: str = "PATH"
    mkvpropedit: SideProgram | None = None


class ToolCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `doctor`: `subject` is a program or encoder, `check` is what was checked.

    `passed` is None where the outcome is only information (a missing extra).
    """

    subject: str
    check: str
    passed: bool | None
    detail: str
    hint: str | None = None


class ToolMemo(Protocol):
    """Keeps texts between runs; may lose any of them at any time."""

    def get(self, key: str) -> str | None: ...

    def put(self, key: str, value: str) -> None: ...
