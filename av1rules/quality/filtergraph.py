"""The FFmpeg command that compares an encode with its source: one pass for all metrics. Pure.

Both sides get the same pixel format and frame numbers from 0 as timestamps: rounded timestamps of
two containers could pair a frame with its neighbour. All metrics form one chain that passes on the
frames of the encode. If one side ends early its last frame repeats, so each side is counted to its
end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from av1rules.encode.excerpt_argv import (
    EXCERPT_EDGE_S,
    EXCERPT_THREADS,
    NO_FILTER_REINIT,
    SEEK_SLACK_S,
)
from av1rules.encode.filters import RGB_MATRIX
from av1rules.ffmpeg.run import file_url
from av1rules.media.source import Reach, VideoStream
from av1rules.policy.quality_spec import Metric

MAX_BIT_DEPTH = 12
"""The highest bit depth that every metric takes."""


FILTERS = {
    Metric.VMAF: "libvmaf",
    Metric.XPSNR: "xpsnr",
    Metric.SSIM: "ssim",
    Metric.PSNR: "psnr",
}


LOGS = {
    Metric.VMAF: "vmaf.csv",
    Metric.XPSNR: "xpsnr.txt",
    Metric.SSIM: "ssim.txt",
    Metric.PSNR: "psnr.txt",
}
"""The log of each filter, in a folder private to the measurement."""


BEFORE_LOG, AFTER_LOG = "before.txt", "after.txt"
"""Errors against the source frame before and after the matching one."""


_GRAIN_DECODER = "libdav1d"
"""This decoder can leave out film grain; libaom always adds it."""


class ScoreInput(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a comparison: a stream of a file, whole or some excerpts of it.

    `passages` are the excerpts, as (start, duration) in seconds by the timestamps of the file
    (`pts_time` of ffprobe) minus `origin_s`; they include the start and exclude the end. A clip
    that joins excerpts of the source is given whole. Reading starts `slack_s` before an excerpt
    (see `seek_slack`). `deinterlacers`: the filters through which the
    encode saw it (see `encode/argv.py`). `reach`: that of the probe of the file.
    """

    path: str
    stream: VideoStream
    passages: tuple[tuple[float, float], ...] = ()
    origin_s: float = 0.0
    slack_s: float = SEEK_SLACK_S
    deinterlacers: tuple[str, ...] = ()
    reach: Reach | None = None


class ScoreInputs(msgspec.Struct, frozen=True, kw_only=True):
    """What to compare and how; the filters write their logs to `folder`.

    `vmaf_model` is libvmaf's name. `without_grain`: decode the encode without the film grain that
    players add. `checks_shift`: also compare with the frames before and after.
    """

    reference: ScoreInput
    distorted: ScoreInput
    metrics: tuple[Metric, ...]
    folder: str
    vmaf_model: str
    threads: int
    without_grain: bool = False
    checks_shift: bool = True


def pixel_format(reference: VideoStream, distorted: VideoStream) -> str:
    """4:2:0 with the higher bit depth of the two; an unknown one counts as 10."""
    depth = max(reference.bit_depth or 10, distorted.bit_depth or 10)
    return {8: "yuv420p", 9: "yuv420p10le", 10: "yuv420p10le"}.get(
        depth, f"yuv420p{MAX_BIT_DEPTH}le"
    )


def times_log(side: str, number: int) -> str:
    """The file with the times of one excerpt; `side` is "reference" or "distorted"."""
    return f"{side}-{number}.txt"


def comparison_argv(
    comparison: ScoreInputs, *, ffmpeg: str, guards: tuple[str, ...]
) -> tuple[str, ...]:
    """The whole command, each input under `guards`. The filters expect the encode first."""
    both = (comparison.distorted, comparison.reference)
    has_passages = any(part.passages for part in both)
    graph = _Graph()
    distorted = graph.side(comparison, "distorted", first_input=0)
    count = len(comparison.distorted.passages) or 1
    reference = graph.side(comparison, "reference", first_input=count)
    last = graph.compare(comparison, distorted, reference)
    return (
        ffmpeg, "-nostdin", "-v", "level+verbose",
        "-progress", "pipe:1", "-nostats", "-stats_period", "1",
        *(("-copyts",) if has_passages else ()),
        *_inputs(comparison.distorted, guards, without_grain=comparison.without_grain),
        *_inputs(comparison.reference, guards, without_grain=False),
        "-filter_complex", ";".join(graph.chains),
        "-map", f"[{last}]", "-fps_mode", "passthrough", "-f", "null", "-",
    )  # fmt: skip


def _inputs(part: ScoreInput, guards: tuple[str, ...], *, without_grain: bool) -> Iterator[str]:
    for edges in _edges(part):
        yield from (*guards, "-noautorotate")
        if part.reach is not None:
            yield from part.reach.options
        yield from part.stream.packet_filter
        if edges is not None and edges[0] > part.slack_s:
            # Accurate seeking would add the file's start time once more; `trim` is accurate.
            yield from ("-noaccurate_seek", "-seek_timestamp", "1")
            yield from ("-ss", f"{edges[0] - part.slack_s:.6f}")
        if part.passages:
            yield from NO_FILTER_REINIT
        if len(part.passages) > 1:
            yield from ("-threads", EXCERPT_THREADS)
        if without_grain:
            yield from ("-export_side_data", "film_grain")
            yield from (f"-c:{part.stream.index}", _GRAIN_DECODER)
        yield from ("-i", file_url(part.path))


def _edges(part: ScoreInput) -> tuple[tuple[float, float] | None, ...]:
    if not part.passages:
        return (None,)
    shift_s = part.origin_s - EXCERPT_EDGE_S
    return tuple((start + shift_s, start + length + shift_s) for start, length in part.passages)


@dataclass(slots=True)
class _Graph:
    """Builds the filter chains; each is `[in]filter,filter[out]`."""

    chains: list[str] = field(default_factory=list)

    def side(self, comparison: ScoreInputs, name: str, *, first_input: int) -> str:
        """Normalise and number the frames of one side; returns their label."""
        part = comparison.reference if name == "reference" else comparison.distorted
        labels = []
        for number, edges in enumerate(_edges(part)):
            filters = [*part.deinterlacers]  # first: they look at the pictures around
            if edges is not None:
                filters.append(f"trim=start={edges[0]:.6f}:end={edges[1]:.6f}")
            log = f"{comparison.folder}/{times_log(name, number)}"
            filters += [
                # Only frames with metadata are printed.
                "metadata=mode=add:key=av1rules:value=1",
                f"metadata=mode=print:key=av1rules:file={filter_value(log)}",
                "setpts=PTS-STARTPTS",
            ]
            labels.append(f"{name}{number}")
            source = f"[{first_input + number}:{part.stream.index}]"
            self.chains.append(f"{source}{','.join(filters)}[{labels[-1]}]")
        joined = "".join(f"[{label}]" for label in labels)
        concat = [f"concat=n={len(labels)}"] if len(labels) > 1 else []
        filters = [*concat, *_alike(comparison, part), "settb=1/25", "setpts=N"]
        self.chains.append(f"{joined}{','.join(filters)}[{name}]")
        return name

    def compare(self, comparison: ScoreInputs, distorted: str, reference: str) -> str:
        """Chain all metrics; returns the label of the end."""
        filters = [_metric_filter(comparison, metric) for metric in comparison.metrics]
        shifts: list[str] = []
        if comparison.checks_shift:
            if Metric.PSNR not in comparison.metrics:
                filters.append(_metric_filter(comparison, Metric.PSNR))
            before, after = (
                filter_value(f"{comparison.folder}/{log}") for log in (BEFORE_LOG, AFTER_LOG)
            )
            # Last in the chain and `shortest`: the source, delayed by a frame, would end later.
            filters += [f"psnr=f={before}:shortest=1", f"psnr=f={after}"]
            shifts = ["PTS+1", "PTS-1"]
        copies = [f"copy{number}" for number in range(len(filters))]
        outputs = "".join(f"[{copy}]" for copy in copies)
        self.chains.append(f"[{reference}]split={len(copies)}{outputs}")
        for copy, shift in zip(copies[len(copies) - len(shifts) :], shifts, strict=True):
            self.chains.append(f"[{copy}]setpts={shift}[{copy}moved]")
            copies[copies.index(copy)] = f"{copy}moved"
        for number, (copy, text) in enumerate(zip(copies, filters, strict=True)):
            self.chains.append(f"[{distorted}][{copy}]{text}[compared{number}]")
            distorted = f"compared{number}"
        return distorted


def _alike(comparison: ScoreInputs, part: ScoreInput) -> Iterator[str]:
    """One pixel format and range; then one name for range and matrix, or FFmpeg would convert
    between what two containers call the same."""
    target = comparison.distorted.stream.colour.range or "tv"
    if part is comparison.reference:
        stream = part.stream
        if stream.chroma == "rgb":
            yield f"scale=out_color_matrix={RGB_MATRIX}:out_range={target}"
        elif (stream.colour.range or "tv") != target:
            yield f"scale=in_range={stream.colour.range or 'tv'}:out_range={target}"
    yield f"format={pixel_format(comparison.reference.stream, comparison.distorted.stream)}"
    yield "setparams=range=tv:colorspace=bt709"


def _metric_filter(comparison: ScoreInputs, metric: Metric) -> str:
    log = filter_value(f"{comparison.folder}/{LOGS[metric]}")
    if metric is Metric.VMAF:
        return (
            f"libvmaf=log_fmt=csv:log_path={log}:n_threads={comparison.threads}:"
            f"model=version={comparison.vmaf_model}"
        )
    return f"{FILTERS[metric]}=f={log}"


def filter_value(text: str) -> str:
    """A value escaped for its filter, and again for the filter graph."""
    for special in ("\\':", "\\'[],;"):
        text = "".join(f"\\{letter}" if letter in special else letter for letter in text)
    return text
