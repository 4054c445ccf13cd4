"""Self-tests of one FFmpeg or ffprobe binary: version, decoders, filters, AV1 trial encodes.

Results are memoised by the binary's path, size and mtime, so that a second start runs no program.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

import msgspec

from av1rules.base.errors import ToolError
from av1rules.base.process import Completed, Limits, run
from av1rules.ffmpeg.tools import EncoderInfo, EncoderTrial, SelfTest, ToolMemo, TrialAnswer

FACTS_VERSION = 1
"""Part of every memo key: raised whenever the self-tests below change."""

CHECK_LIMITS = Limits(timeout_s=60.0, output_bytes=4 * 1024 * 1024)
"""One call takes 10-500 ms; a minute is enough for a cold disk on a busy NAS."""

SOFTWARE_AV1_DECODERS = frozenset({"libdav1d", "libaom-av1", "libgav1"})
"""FFmpeg's own `av1` decoder needs hardware: it can't verify a target here."""

USEFUL_FILTERS = frozenset(
    {"libvmaf", "xpsnr", "ssim", "psnr", "bwdif", "idet", "zscale", "libplacebo", "convolution"}
)

_TRIAL_SOURCE = ("-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=0.08")
_NUMBERED = re.compile(r"n?(\d{1,2})\.(\d+)")
_LIBAVCODEC = re.compile(r"^libavcodec\s+(\d+)\.", re.MULTILINE)
_LISTED = re.compile(r"^ [A-Z.]{2,6} (\S+)", re.MULTILINE)

LIBAVCODEC_MINUS_FFMPEG = 54
"""libavcodec's major number runs 54 ahead of FFmpeg's since 5 (59): 8 has 62, 9 has 63."""


class ProgramFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What one binary reports of itself. `version` is None if it prints none that can be read."""

    version_text: str
    version: tuple[int, int] | None
    has_png: bool
    av1_decoders: frozenset[str]
    filters: frozenset[str] = frozenset()
    trials: tuple[EncoderTrial, ...] = ()

    @property
    def encoders(self) -> tuple[EncoderInfo, ...]:
        return tuple(trial.info for trial in self.trials if trial.info is not None)


def parse_version(text: str) -> tuple[str, tuple[int, int] | None]:
    """The version as printed, and as numbers; for git builds without one, by libavcodec's."""
    first = text.partition("\n")[0].split()
    shown = first[2] if len(first) > 2 and first[1] == "version" else ""
    if found := _NUMBERED.match(shown.partition(":")[2] or shown):
        return shown, (int(found[1]), int(found[2]))
    if shown and (library := _LIBAVCODEC.search(text)):
        return shown, (int(library[1]) - LIBAVCODEC_MINUS_FFMPEG, 0)
    return shown, None


def facts_of(
    path: str, *, is_ffmpeg: bool, self_tests: Mapping[str, SelfTest], memo: ToolMemo | None
) -> ProgramFacts:
    """Facts of the binary at `path`, from the memo or from the binary itself; `self_tests` are
    those of the encoders, by codec.

    Raises ToolError if it can't be run at all.
    """
    key = _memo_key(path, tuple(self_tests) if is_ffmpeg else None)
    if memo is not None and (known := memo.get(key)) is not None:
        try:
            return msgspec.json.decode(known, type=ProgramFacts)
        except msgspec.MsgspecError:
            pass  # written by another version: ask again
    facts = _ask(path, self_tests if is_ffmpeg else None)
    if memo is not None:
        memo.put(key, msgspec.json.encode(facts).decode())
    return facts


def _memo_key(path: str, codecs: tuple[str, ...] | None) -> str:
    try:
        stat = os.stat(path)
    except OSError as problem:
        raise ToolError(f"cannot read {path}: {problem.strerror}") from problem
    role = "ffprobe" if codecs is None else f"ffmpeg:{','.join(codecs)}"
    return f"{role}:{FACTS_VERSION}:{stat.st_size}:{stat.st_mtime_ns}:{path}"


def _ask(path: str, self_tests: Mapping[str, SelfTest] | None) -> ProgramFacts:
    """Run the self-tests of the binary; `self_tests` is None for ffprobe."""
    text = _output(path, "-version")
    shown, version = parse_version(text)
    if not shown:
        raise ToolError(f"{path} does not answer like FFmpeg (-version printed {text[:60]!r})")
    decoders = _listed(_output(path, "-v", "quiet", "-decoders"))
    trials: tuple[EncoderTrial, ...] = ()
    filters: frozenset[str] = frozenset()
    if self_tests is not None:
        filters = _listed(_output(path, "-v", "quiet", "-filters")) & USEFUL_FILTERS
        encoders = _listed(_output(path, "-v", "quiet", "-encoders"))
        trials = tuple(
            self_test(_Trial(path)) for codec, self_test in self_tests.items() if codec in encoders
        )
    return ProgramFacts(
        version_text=shown,
        version=version,
        has_png="png" in decoders,
        av1_decoders=decoders & SOFTWARE_AV1_DECODERS,
        filters=filters,
        trials=trials,
    )


def _output(path: str, *arguments: str) -> str:
    done = _run([path, "-hide_banner", *arguments])
    if not done.ok:
        last_line = done.stderr[-1] if done.stderr else "it printed nothing"
        raise ToolError(f"{path} {arguments[-1]} failed ({done.describe_exit()}): {last_line}")
    return done.stdout.decode("utf-8", "replace")


def _run(argv: list[str], env: Mapping[str, str] | None = None) -> Completed:
    try:
        return run(argv, limits=CHECK_LIMITS, env=env, tether=True)
    except OSError as problem:
        raise ToolError(f"cannot start {argv[0]}: {problem.strerror or problem}") from problem


def _listed(text: str) -> frozenset[str]:
    return frozenset(_LISTED.findall(text))


class _Trial(msgspec.Struct, frozen=True):
    """Trial encodes by the FFmpeg at `path`."""

    path: str

    def __call__(
        self, *args: str, log_level: str = "error", env: Mapping[str, str] | None = None
    ) -> TrialAnswer:
        head = (self.path, "-hide_banner", "-nostdin", "-v", log_level, *_TRIAL_SOURCE)
        done = _run([*head, *args, "-f", "null", "-"], env)
        return TrialAnswer(ok=done.ok, exit_text=done.describe_exit(), lines=done.stderr)
