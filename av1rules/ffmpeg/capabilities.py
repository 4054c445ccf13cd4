"""Self-tests of one FFmpeg or ffprobe binary: version, decoders, filters, AV1 trial encodes.

What was learnt is memoised by the binary's path, size and mtime, so that a second start runs no
program.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

import msgspec

from av1rules.base.errors import ToolError
from av1rules.base.process import Completed, Limits, run
from av1rules.ffmpeg.tools import EncoderInfo, ToolMemo

FACTS_VERSION = 1
"""Part of every memo key: raised whenever the questions below change."""

CHECK_LIMITS = Limits(timeout_s=60.0, output_bytes=4 * 1024 * 1024)
"""A question takes 10-500 ms; a minute leaves room for a cold disk on a busy NAS."""

SOFTWARE_AV1_DECODERS = frozenset({"libdav1d", "libaom-av1", "libgav1"})
"""FFmpeg's own `av1` decoder needs hardware: it can't verify a target here."""

USEFUL_FILTERS = frozenset(
    {"libvmaf", "xpsnr", "ssim", "psnr", "bwdif", "idet", "zscale", "libplacebo", "convolution"}
)

SVT_TRIAL_PARAMS: tuple[tuple[str, str], ...] = (
    ("tune", "1"),
    ("ac-bias", "1.0"),
    ("max-tx-size", "32"),
    ("hbd-mds", "1"),
    ("enable-kf-tf", "1"),
    ("pin", "0"),
    ("enable-variance-boost", "1"),
    ("variance-boost-strength", "2"),
    ("variance-octile", "6"),
    ("variance-boost-curve", "0"),
    ("enable-qm", "1"),
    ("qm-min", "8"),
    ("qm-max", "15"),
    ("chroma-qm-min", "8"),
    ("chroma-qm-max", "15"),
    ("sharpness", "1"),
    ("luminance-qp-bias", "10"),
    ("qp-scale-compress-strength", "1"),
    ("tf-strength", "3"),
    ("enable-tf", "1"),
    ("film-grain", "8"),
    ("film-grain-denoise", "1"),
    ("adaptive-film-grain", "1"),
    ("enable-dlf", "1"),
    ("enable-cdef", "1"),
    ("enable-restoration", "1"),
    ("enable-overlays", "0"),
    ("startup-mg-size", "3"),
    ("fast-decode", "0"),
    ("lossless", "0"),
    ("scm", "0"),
    ("scd", "0"),
    ("keyint", "10s"),
    ("lp", "1"),
    ("mbr", "0"),
    ("noise-norm-strength", "1"),
    ("psy-rd", "1.0"),
    ("spy-rd", "1"),
    ("kf-tf-strength", "1"),
    ("noise-strength", "0"),
    ("sharp-tx", "1"),
    ("tx-bias", "1"),
    ("complex-hvs", "0"),
    ("alt-ssim-tuning", "0"),
    ("enable-alt-curve", "0"),
    ("frame-luma-bias", "10"),
    ("low-q-taper", "0"),
)
"""Keys asked in one process: SVT names each one that it does not know in a warning."""

PSY_ONLY_PARAMS = frozenset(
    {
        "noise-norm-strength", "psy-rd", "spy-rd", "kf-tf-strength", "noise-strength", "sharp-tx",
        "tx-bias", "complex-hvs", "alt-ssim-tuning", "enable-alt-curve", "frame-luma-bias",
        "low-q-taper",
    }
)  # fmt: skip
"""Keys of SVT-AV1-PSY and its heirs; none is known to mainline 3.1, 4.1 or 4.2."""

PSY_MIN_PARAMS = 2
"""So many fork-only keys make a fork: mainline may adopt one of them at any time."""

_NO_PARAM = "av1rules-no-such-key"
"""Asked for with the others: only a build that names this one as unknown can be believed."""

_TRIAL_SOURCE = ("-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=0.08")
_NUMBERED = re.compile(r"n?(\d{1,2})\.(\d+)")
_LIBAVCODEC = re.compile(r"^libavcodec\s+(\d+)\.", re.MULTILINE)
_SVT_VERSION = re.compile(r"SVT \[version\]:\s*(?:SVT-AV1\s+)?(?:Encoder Lib\s+)?(\S.*)")
_SVT_UNKNOWN = re.compile(r"Error parsing option ([\w-]+):")
_LISTED = re.compile(r"^ [A-Z.]{2,6} (\S+)", re.MULTILINE)

LIBAVCODEC_MINUS_FFMPEG = 54
"""libavcodec's major number runs 54 ahead of FFmpeg's since 5 (59): 8 has 62, 9 has 63."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderTrial:
    """Outcome of one trial encode: `info` if it worked, else `failure` in words."""

    codec: str
    info: EncoderInfo | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramFacts:
    """What one binary said of itself. `version` is None where it names none that we can read."""

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
    """Version as printed, and as numbers; git builds without a number go by libavcodec's."""
    first = text.partition("\n")[0].split()
    shown = first[2] if len(first) > 2 and first[1] == "version" else ""
    if found := _NUMBERED.match(shown.partition(":")[2] or shown):
        return shown, (int(found[1]), int(found[2]))
    if shown and (library := _LIBAVCODEC.search(text)):
        return shown, (int(library[1]) - LIBAVCODEC_MINUS_FFMPEG, 0)
    return shown, None


def facts_of(path: str, *, is_ffmpeg: bool, memo: ToolMemo | None) -> ProgramFacts:
    """Ask the binary at `path`, or the memo. Raises ToolError if it can't be run at all."""
    key = _memo_key(path, is_ffmpeg=is_ffmpeg)
    if memo is not None and (known := memo.get(key)) is not None:
        try:
            return msgspec.json.decode(known, type=ProgramFacts)
        except msgspec.MsgspecError:
            pass  # written by another version: ask again
    facts = _ask(path, is_ffmpeg=is_ffmpeg)
    if memo is not None:
        memo.put(key, msgspec.json.encode(facts).decode())
    return facts


def _memo_key(path: str, *, is_ffmpeg: bool) -> str:
    try:
        stat = os.stat(path)
    except OSError as problem:
        raise ToolError(f"cannot read {path}: {problem.strerror}") from problem
    role = "ffmpeg" if is_ffmpeg else "ffprobe"
    return f"{role}:{FACTS_VERSION}:{stat.st_size}:{stat.st_mtime_ns}:{path}"


def _ask(path: str, *, is_ffmpeg: bool) -> ProgramFacts:
    text = _answer(path, "-version")
    shown, version = parse_version(text)
    if not shown:
        raise ToolError(f"{path} does not answer like FFmpeg (-version printed {text[:60]!r})")
    decoders = _listed(_answer(path, "-v", "quiet", "-decoders"))
    trials: tuple[EncoderTrial, ...] = ()
    filters: frozenset[str] = frozenset()
    if is_ffmpeg:
        filters = _listed(_answer(path, "-v", "quiet", "-filters")) & USEFUL_FILTERS
        encoders = _listed(_answer(path, "-v", "quiet", "-encoders"))
        trials = tuple(try_encoder(path, codec) for codec in ENCODER_CODECS if codec in encoders)
    return ProgramFacts(
        version_text=shown,
        version=version,
        has_png="png" in decoders,
        av1_decoders=decoders & SOFTWARE_AV1_DECODERS,
        filters=filters,
        trials=trials,
    )


def _answer(path: str, *arguments: str) -> str:
    done = _run([path, "-hide_banner", *arguments])
    if not done.ok:
        said = done.stderr[-1] if done.stderr else "it printed nothing"
        raise ToolError(f"{path} {arguments[-1]} failed ({done.describe_exit()}): {said}")
    return done.stdout.decode("utf-8", "replace")


def _run(argv: list[str], **env: str) -> Completed:
    try:
        return run(argv, limits=CHECK_LIMITS, env=env or None)
    except OSError as problem:
        raise ToolError(f"cannot start {argv[0]}: {problem.strerror or problem}") from problem


def _listed(text: str) -> frozenset[str]:
    return frozenset(_LISTED.findall(text))


ENCODER_CODECS = ("libsvtav1", "libaom-av1", "librav1e")
"""FFmpeg's software AV1 encoders in our order of priority; a PSY fork is a kind of the first."""

_FAST = {
    "libsvtav1": ("-preset", "10"),
    "libaom-av1": ("-cpu-used", "8", "-crf", "50"),
    "librav1e": ("-speed", "10"),
}


def try_encoder(path: str, codec: str) -> EncoderTrial:
    """Encode two tiny frames: what is compiled in may still fail (CPU, libraries)."""
    if codec == "libsvtav1":
        return _try_svt(path)
    done = _trial(path, codec)
    if not done.ok:
        return EncoderTrial(codec=codec, failure=_failure(done))
    return EncoderTrial(codec=codec, info=EncoderInfo(name=codec, codec=codec))


def _try_svt(path: str) -> EncoderTrial:
    codec = "libsvtav1"
    done = _trial(path, codec, "-svtav1-params", "crf=30.5")
    fractional = done.ok
    if not fractional:
        done = _trial(path, codec, "-crf", "30")
    if not done.ok:
        return EncoderTrial(codec=codec, failure=_failure(done))
    version = next((m[1].strip() for line in done.stderr if (m := _SVT_VERSION.search(line))), None)
    params = _accepted_params(path)
    is_psy = len(params & PSY_ONLY_PARAMS) >= PSY_MIN_PARAMS
    info = EncoderInfo(
        name="svt-av1-psy" if is_psy else codec,
        codec=codec,
        version=version,
        params=params,
        has_fractional_crf=fractional,
    )
    return EncoderTrial(codec=codec, info=info)


def _accepted_params(path: str) -> frozenset[str]:
    """Keys that SVT parses. The encode itself may fail: some go together badly, none matters."""
    wanted = ":".join(f"{key}={value}" for key, value in (*SVT_TRIAL_PARAMS, (_NO_PARAM, "1")))
    done = _run(
        [path, "-hide_banner", "-nostdin", "-v", "warning", *_TRIAL_SOURCE, "-pix_fmt",
         "yuv420p10le", "-c:v", "libsvtav1", "-preset", "10", "-svtav1-params", wanted,
         "-f", "null", "-"],
        SVT_LOG="1",
    )  # fmt: skip
    unknown = {key for line in done.stderr for key in _SVT_UNKNOWN.findall(line)}
    if _NO_PARAM not in unknown:
        return frozenset()  # it never came to reading them, or does not say
    return frozenset(key for key, _ in SVT_TRIAL_PARAMS) - unknown


def _trial(path: str, codec: str, *options: str) -> Completed:
    return _run(
        [path, "-hide_banner", "-nostdin", "-v", "error", *_TRIAL_SOURCE, "-pix_fmt", "yuv420p",
         "-c:v", codec, *_FAST[codec], *options, "-err_detect:v", "explode", "-f", "null", "-"],
        SVT_LOG="3",
    )  # fmt: skip


def _failure(done: Completed) -> str:
    lines = [line for line in done.stderr if line.strip() and not line.startswith("Svt[info]")]
    return f"{done.describe_exit()}: {lines[-1] if lines else 'no message'}"
