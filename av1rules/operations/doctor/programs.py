"""`doctor`'s look at Python, its packages, FFmpeg and ffprobe."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import sqlite3
from collections.abc import Iterator

from av1rules import __version__
from av1rules.base.errors import ToolError
from av1rules.encode.encoders.registry import SELF_TESTS
from av1rules.ffmpeg.diagnose import diagnose_tools
from av1rules.ffmpeg.locate import find_tools
from av1rules.ffmpeg.tools import ToolCheck, Tools
from av1rules.operations.doctor.findings import Finding, Grade
from av1rules.policy.model import ToolsSpec

_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")


def check_python() -> Iterator[Finding]:
    """Versions of Python, SQLite and the packages that av1rules needs."""
    python = f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.platform()}"
    yield _finding("Python", Grade.OK, "Python", python)
    try:
        wanted = importlib.metadata.requires("av1rules") or []
    except importlib.metadata.PackageNotFoundError:
        detail = f"{__version__}, not installed as a package: its requirements are unknown"
        hint = "run: pip install -e . in the checkout"
        yield _finding("Python", Grade.WARNING, "av1rules", detail, hint)
        return
    yield _finding("Python", Grade.OK, "av1rules", __version__)
    versions = {name: _version(name) for name in _names(wanted)}
    present = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    yield _finding("Python", Grade.OK, "packages", present)
    for name, version in versions.items():
        if version is None:
            hint = f"run: pip install {name}"
            yield _finding("Python", Grade.WRONG, "packages", f"{name} is missing", hint)


def _names(requirements: list[str]) -> Iterator[str]:
    for requirement in requirements:
        found = _REQUIREMENT.match(requirement)
        if found and "extra ==" not in requirement:
            yield found[0]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def check_programs(spec: ToolsSpec) -> Iterator[Finding]:
    """Every binary there is, check by check, then which ones a run would use.

    What is wrong with a binary that is not used is a warning only.
    """
    tools, refusal = _chosen(spec)
    checks = diagnose_tools(
        ffmpeg=spec.ffmpeg,
        ffprobe=spec.ffprobe,
        min_version=spec.min_version,
        self_tests=SELF_TESTS,
    )
    for check in checks:
        yield _of_check(check, tools)
    if refusal is not None:
        yield _finding("in use", Grade.WRONG, "programs", refusal.message, refusal.hint)
    if tools is not None:
        yield from _in_use(tools, spec)


def _chosen(spec: ToolsSpec) -> tuple[Tools | None, ToolError | None]:
    try:
        return find_tools(
            ffmpeg=spec.ffmpeg,
            ffprobe=spec.ffprobe,
            min_version=spec.min_version,
            self_tests=SELF_TESTS,
        ), None
    except ToolError as refusal:
        return None, refusal


def _of_check(check: ToolCheck, tools: Tools | None) -> Finding:
    detail = check.detail
    if check.passed is None:
        grade = Grade.NOTE
    elif check.passed:
        grade = Grade.OK
    elif tools is None:
        grade = Grade.WRONG
    else:
        grade = Grade.WARNING
        if check.subject not in (f"ffmpeg {tools.ffmpeg}", f"ffprobe {tools.ffprobe}"):
            detail = f"{detail} (not used: another one is)"
    return _finding(check.subject, grade, check.check, detail, check.hint)


def _in_use(tools: Tools, spec: ToolsSpec) -> Iterator[Finding]:
    yield _finding(
        "in use", Grade.OK, "ffmpeg", f"{tools.ffmpeg} ({tools.ffmpeg_version}, {tools.origin})"
    )
    yield _finding("in use", Grade.OK, "ffprobe", f"{tools.ffprobe} ({tools.ffprobe_version})")
    names = [name for encoder in tools.encoders for name in (encoder.name, encoder.codec)]
    if spec.preferred_encoder is not None and spec.preferred_encoder not in names:
        detail = f"{spec.preferred_encoder} is preferred, but this FFmpeg does not have it"
        hint = f"{tools.encoders[0].name} is used in its place; or give another tools.ffmpeg"
        yield _finding("in use", Grade.WARNING, "encoder", detail, hint)
    else:
        chosen = spec.preferred_encoder or tools.encoders[0].name
        yield _finding("in use", Grade.OK, "encoder", f"{chosen}, unless a rule names another")


def _finding(
    section: str, grade: Grade, subject: str, detail: str, hint: str | None = None
) -> Finding:
    return Finding(section=section, grade=grade, subject=subject, detail=detail, hint=hint)
