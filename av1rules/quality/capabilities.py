"""Asks FFmpeg which metrics it has, and whether a stream asks players for film grain."""

from __future__ import annotations

import os
import tempfile

import msgspec

from av1rules.base.errors import ToolError
from av1rules.base.files import TEMP_PREFIX
from av1rules.base.process import Children, Completed, Limits, run
from av1rules.ffmpeg.run import INPUT_GUARD, file_url
from av1rules.ffmpeg.tools import ToolMemo, Tools
from av1rules.policy.quality_spec import Metric
from av1rules.quality.filtergraph import FILTERS, ScoreInput, filter_value

VMAF_MODEL = "vmaf_v0.6.1"
"""Made for 1080p seen from three times the height of the screen."""

VMAF_UHD_MODEL = "vmaf_4k_v0.6.1"
"""Made for 2160p seen from one and a half times the height."""

ABILITIES_VERSION = 1
"""Part of the memo key; increment it whenever the queries change."""

QUERY_LIMITS = Limits(timeout_s=60.0, output_bytes=4 * 1024 * 1024)


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """The metrics of an FFmpeg build. `libvmaf` is its version, None without it."""

    metrics: frozenset[Metric]
    vmaf_models: frozenset[str] = frozenset()
    libvmaf: str | None = None
    leaves_out_grain: bool = False


class _VmafLog(msgspec.Struct):
    version: str


def find_abilities(
    tools: Tools, memo: ToolMemo | None = None, *, children: Children | None = None
) -> Abilities:
    """Query FFmpeg once, then the memo. Raises ToolError if FFmpeg can't start or doesn't
    answer."""
    try:
        stat = os.stat(tools.ffmpeg)
    except OSError as problem:
        raise ToolError(f"cannot read {tools.ffmpeg}: {problem.strerror}") from problem
    key = f"scores:{ABILITIES_VERSION}:{stat.st_size}:{stat.st_mtime_ns}:{tools.ffmpeg}"
    if memo is not None and (known := memo.get(key)) is not None:
        try:
            return msgspec.json.decode(known, type=Abilities)
        except msgspec.MsgspecError:
            pass  # written by another version: ask again
    abilities = _query_all(tools, children or Children())
    if memo is not None:
        memo.put(key, msgspec.json.encode(abilities).decode())
    return abilities


def _query_all(tools: Tools, children: Children) -> Abilities:
    metrics = {metric for metric, name in FILTERS.items() if name in tools.filters}
    models: dict[str, str] = {}
    if Metric.VMAF in metrics:
        for model in (VMAF_MODEL, VMAF_UHD_MODEL):
            version = _libvmaf_with(model, tools, children)
            if version is not None:
                models[model] = version
        if VMAF_MODEL not in models:
            metrics.discard(Metric.VMAF)
    listed = _query([tools.ffmpeg, "-v", "quiet", "-decoders"], children)
    return Abilities(
        metrics=frozenset(metrics),
        vmaf_models=frozenset(models),
        libvmaf=models.get(VMAF_MODEL),
        leaves_out_grain=b" libdav1d " in listed.stdout,
    )


def _libvmaf_with(model: str, tools: Tools, children: Children) -> str | None:
    """The version of libvmaf if it has `model`: only a trial shows that."""
    with tempfile.TemporaryDirectory(prefix=TEMP_PREFIX) as folder:
        log = f"{folder}/trial.json"
        clip = ("-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.08")
        graph = f"libvmaf=log_fmt=json:log_path={filter_value(log)}:model=version={model}"
        done = _query(
            [tools.ffmpeg, "-nostdin", "-v", "error", *clip, *clip, "-lavfi", graph,
             "-f", "null", "-"],
            children,
        )  # fmt: skip
        if not done.ok:
            return None
        try:
            with open(log, "rb") as file:
                return msgspec.json.decode(file.read(), type=_VmafLog).version
        except (OSError, msgspec.MsgspecError):
            return None


def _query(argv: list[str], children: Children) -> Completed:
    try:
        done = run(argv, children=children, limits=QUERY_LIMITS, tether=True)
    except OSError as problem:
        raise ToolError(f"cannot start {argv[0]}: {problem.strerror}") from problem
    children.check()
    if done.stopped is not None:
        raise ToolError(f"{argv[0]} doesn't answer: {done.describe_exit()}")
    return done


def has_film_grain(part: ScoreInput, tools: Tools, children: Children) -> bool:
    """Whether players add film grain to the stream: only its sequence header tells."""
    if part.stream.codec != "av1":
        return False
    argv = [
        tools.ffmpeg, "-nostdin", "-v", "verbose", *INPUT_GUARD, "-i", file_url(part.path),
        "-map", f"0:{part.stream.index}", "-frames:v", "1", "-c", "copy",
        "-bsf:v", "trace_headers", "-f", "null", "-",
    ]  # fmt: skip
    found = False

    def on_line(line: str) -> None:
        nonlocal found
        found = found or ("film_grain_params_present" in line and line.endswith("= 1"))

    run(argv, children=children, limits=QUERY_LIMITS, on_err_line=on_line, tether=True)
    children.check()
    return found
