"""The configuration of av1d, in both of its forms (Docker/QSV and native), as JSON or TOML."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from av1rules.base.errors import UsageError
from av1rules.base.text import printable
from av1rules.operations.migrate.input import Member, read_members
from av1rules.operations.migrate.outcome import shown_value

T = TypeVar("T")

DOCKER_KEYS = ("docker_image", "docker_bin", "gpu_device")
NATIVE_KEYS = (
    "ffmpeg_bin", "ffprobe_bin", "require_ffmpeg_version", "force_reencode",
    "enable_test_clip_workflow", "test_clip_duration", "preferred_encoder",
)  # fmt: skip

_MOST_BYTES = 2**62  # of a size that the ledger takes as a whole number
_MOST_SECONDS = 10**9


class ConfigForm(StrEnum):
    DOCKER = "Docker/QSV"
    NATIVE = "native"


class Av1dConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration with av1d's defaults for what it leaves out. Folders are absolute, or start
    with `~`. Sizes in bytes, times in seconds. `members` are the keys as they stand in the file."""

    file: str
    form: ConfigForm
    members: Mapping[str, Member]
    library_roots: tuple[str, ...] = ("/media",)
    min_bytes: int = 2 * 1024**3
    max_size_ratio: float = 0.90
    job_state_dir: str = "/tmp/av1d-jobs"  # noqa: S108 - av1d's own default, which is only read
    scan_interval_secs: int = 60
    temp_output_dir: str | None = None
    stuck_job_timeout_secs: int = 3600
    stuck_job_file_inactivity_secs: int = 600
    stuck_job_check_enable_process: bool = True
    stuck_job_check_enable_file_activity: bool = True
    command_dir: str | None = None
    docker_image: str | None = None
    docker_bin: str | None = None
    gpu_device: str | None = None
    ffmpeg_bin: str = "ffmpeg"
    ffprobe_bin: str = "ffprobe"
    require_ffmpeg_version: str = "8.0"
    force_reencode: bool = False
    enable_test_clip_workflow: bool = True
    test_clip_duration: int = 45
    preferred_encoder: str | None = None

    @property
    def commands(self) -> str:
        """The folder of commands from the terminal monitor."""
        return self.command_dir or os.path.normpath(f"{self.job_state_dir}/../commands")


_NOT_KEYS = ("file", "form", "members")

KEYS = tuple(name for name in Av1dConfig.__struct_fields__ if name not in _NOT_KEYS)
"""Every key of both forms."""


class _WrongTypeError(ValueError):
    """The value of a key is not of the type that av1d takes."""


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise _WrongTypeError("text that is not empty")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _WrongTypeError("true or false")
    return value


def _whole(most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            raise _WrongTypeError(f"a whole number from 0 to {most}")
        return value

    return read


def _number(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):
        raise _WrongTypeError("a number")
    return float(value)


def _folder(value: Any) -> str:
    """Absolute: av1d takes a relative one from its current folder, which is not known here."""
    path = _text(value)
    return path if path.startswith("~") else os.path.abspath(path)


def _folders(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise _WrongTypeError("a list of folders, at least one")
    return tuple(dict.fromkeys(map(_folder, value)))


def _program(value: Any) -> str:
    name = _text(value)
    return os.path.abspath(name) if "/" in name and not name.startswith("~") else name


def _optional(read: Callable[[Any], T]) -> Callable[[Any], T | None]:
    return lambda value: None if value is None else read(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "library_roots": _folders,
    "min_bytes": _whole(_MOST_BYTES),
    "max_size_ratio": _number,
    "job_state_dir": _folder,
    "scan_interval_secs": _whole(_MOST_SECONDS),
    "temp_output_dir": _folder,
    "stuck_job_timeout_secs": _whole(_MOST_SECONDS),
    "stuck_job_file_inactivity_secs": _whole(_MOST_SECONDS),
    "stuck_job_check_enable_process": _flag,
    "stuck_job_check_enable_file_activity": _flag,
    "command_dir": _optional(_folder),
    "docker_image": _text,
    "docker_bin": _text,
    "gpu_device": _text,
    "ffmpeg_bin": _program,
    "ffprobe_bin": _program,
    "require_ffmpeg_version": _text,
    "force_reencode": _flag,
    "enable_test_clip_workflow": _flag,
    "test_clip_duration": _whole(_MOST_SECONDS),
    "preferred_encoder": _optional(_text),
}


def read_config(path: str) -> Av1dConfig:
    """Raises UsageError: with its place for a file that is no JSON or TOML, with all of them for
    values of a wrong type."""
    members = {member.name: member for member in read_members(path)}
    values: dict[str, Any] = {}
    problems: list[str] = []
    for name in KEYS:
        if name in members:
            try:
                values[name] = _READERS[name](members[name].value)
            except _WrongTypeError as problem:
                found = printable(shown_value(members[name].value))
                problems.append(f"{members[name].place}: {name}: expected {problem}, found {found}")
    if problems:
        raise UsageError(
            "\n".join(["the configuration has values that av1d would refuse:", *problems]),
            hint="mend them, or leave the keys out: av1d's defaults count then",
        )
    return Av1dConfig(file=path, form=_form(members), members=members, **values)


def _form(names: Iterable[str]) -> ConfigForm:
    """The Docker form has keys of its own, and none of the native one. av1d reads a file with both
    as the native program, which is the newer one."""
    given = set(names)
    is_docker = bool(given & set(DOCKER_KEYS)) and not given & set(NATIVE_KEYS)
    return ConfigForm.DOCKER if is_docker else ConfigForm.NATIVE
