"""The checks of `doctor` for FFmpeg and ffprobe: each binary, each check with its reason. Never
raises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from av1rules.base.errors import ToolError
from av1rules.ffmpeg.capabilities import ProgramFacts, facts_of
from av1rules.ffmpeg.locate import (
    ProgramCandidate,
    candidates,
    dotted,
    install_hint,
    require_known_bytes,
    require_runnable,
)
from av1rules.ffmpeg.tools import SelfTest, ToolCheck

METRIC_FILTERS = ("libvmaf", "xpsnr", "ssim", "psnr")

MinVersion = tuple[int, int]


SelfTests = Mapping[str, SelfTest]


def diagnose_tools(
    *,
    ffmpeg: str | None,
    ffprobe: str | None,
    min_version: MinVersion,
    self_tests: SelfTests,
) -> tuple[ToolCheck, ...]:
    """All checks of all binaries that could be used, without the memo."""
    return (
        *_diagnose("ffmpeg", ffmpeg, min_version, self_tests),
        *_diagnose("ffprobe", ffprobe, min_version, self_tests),
    )


def _diagnose(
    program: str, configured: str | None, wanted: MinVersion, self_tests: SelfTests
) -> Iterator[ToolCheck]:
    hint = install_hint(program, wanted)
    try:
        found = list(candidates(program, configured))
    except ToolError as problem:
        found = []
        yield ToolCheck(
            subject=program, check="found", passed=False, detail=problem.message, hint=problem.hint
        )
    else:
        if not found:
            detail = "neither in PATH nor embedded"
            yield ToolCheck(subject=program, check="found", passed=False, detail=detail, hint=hint)
    for candidate in found:
        yield from _checks(candidate, wanted, hint, self_tests)


def _checks(
    candidate: ProgramCandidate, wanted: MinVersion, hint: str, self_tests: SelfTests
) -> Iterator[ToolCheck]:
    subject = f"{candidate.program} {candidate.path}"
    is_ffmpeg = candidate.program == "ffmpeg"
    try:
        require_known_bytes(candidate, None)
        require_runnable(candidate.path)
        facts = facts_of(candidate.path, is_ffmpeg=is_ffmpeg, self_tests=self_tests, memo=None)
    except ToolError as problem:
        yield ToolCheck(
            subject=subject,
            check=f"runs ({candidate.origin})",
            passed=False,
            detail=problem.message,
            hint=problem.hint or hint,
        )
        return
    yield ToolCheck(
        subject=subject, check=f"runs ({candidate.origin})", passed=True, detail=facts.version_text
    )
    yield from _basics(subject, facts, wanted, hint)
    if is_ffmpeg:
        yield from _encoders(subject, facts, self_tests)
        yield from _metrics(subject, facts)


def _basics(
    subject: str, facts: ProgramFacts, wanted: MinVersion, hint: str
) -> Iterator[ToolCheck]:
    is_new = facts.version is not None and facts.version >= wanted
    decoders = ", ".join(sorted(facts.av1_decoders)) or "none"
    for check, passed, detail in (
        ("version", is_new, f"{facts.version_text}, need {dotted(wanted)} or later"),
        ("zlib (PNG decoder)", facts.has_png, "present" if facts.has_png else "missing"),
        ("AV1 software decoder", bool(facts.av1_decoders), decoders),
    ):
        yield ToolCheck(
            subject=subject, check=check, passed=passed, detail=detail,
            hint=None if passed else hint,
        )  # fmt: skip


def _encoders(subject: str, facts: ProgramFacts, codecs: Iterable[str]) -> Iterator[ToolCheck]:
    trials = {trial.codec: trial for trial in facts.trials}
    is_any = bool(facts.encoders)
    for codec in codecs:
        trial = trials.get(codec)
        if trial is None:
            passed, detail = None if is_any else False, "not compiled in"
        elif trial.info is None:
            passed, detail = False, trial.failure or "failed"
        else:
            name, version = trial.info.name, trial.info.version
            passed, detail = True, " ".join(["trial encode passed:", name, version or ""]).strip()
        yield ToolCheck(subject=subject, check=f"encoder {codec}", passed=passed, detail=detail)


def _metrics(subject: str, facts: ProgramFacts) -> Iterator[ToolCheck]:
    for name in METRIC_FILTERS:
        is_there = name in facts.filters
        yield ToolCheck(
            subject=subject,
            check=f"metric {name}",
            passed=True if is_there else None,
            detail="present" if is_there else "not in this build",
        )
