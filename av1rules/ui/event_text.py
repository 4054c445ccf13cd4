"""One line of text for each event, for logs and terminals without a screen. Pure."""

from __future__ import annotations

import math
from functools import singledispatch

from av1rules.base.events import (
    CheckStarted,
    ClipMade,
    Event,
    FileChecked,
    JobCopied,
    JobDiscarded,
    JobDone,
    JobDropped,
    JobFailed,
    JobMoved,
    JobProgress,
    JobStarted,
    JobWithheld,
    Note,
    Outcome,
    Paused,
    Probing,
    Resumed,
    RunFinished,
    RunForecast,
    RunStarted,
    StepDone,
    Watching,
)
from av1rules.base.text import counted, printable
from av1rules.base.units import format_duration, format_size, format_time_range, local_time_text


def event_text(event: Event) -> str:
    """The log line of `event`; untrusted text is made printable."""
    name = printable(event.file) if event.file else ""
    text = _text(event)
    return f"{name}: {text}" if name else text


@singledispatch
def _text(event: Event) -> str:
    return type(event).__name__


@_text.register
def _(event: Probing) -> str:
    parts = [
        f"probed {event.done:,} of {event.total:,} new {'file' if event.total == 1 else 'files'}"
    ]
    if event.per_s is not None:
        parts.append(f"{event.per_s:.{0 if event.per_s >= 10 else 1}f} a second")
    if event.eta_s is not None and event.done < event.total:
        parts.append(f"about {_roughly(event.eta_s)} left")
    return ", ".join(parts)


def _roughly(duration_s: float) -> str:
    """In one unit: an estimate has no seconds beside its hours."""
    if duration_s < 100:
        return f"{math.ceil(duration_s)} s"
    minutes = round(duration_s / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes / 60:.1f} h"


@_text.register
def _(event: CheckStarted) -> str:
    known = f", {event.known} checked before" if event.known else ""
    return f"{counted(event.files, 'file')} to check ({format_size(event.size_bytes)}){known}"


@_text.register
def _(event: FileChecked) -> str:
    if event.fault is None:
        return f"ok, checked in {format_duration(event.elapsed_s)}"
    return f"problem: {printable(event.fault)}"


@_text.register
def _(event: RunForecast) -> str:
    time = format_time_range(event.low_s, event.mid_s, event.high_s)
    return f"forecast: about {time} for {counted(event.encodes, 'encode')}"


@_text.register
def _(event: RunStarted) -> str:
    parts = [f"{counted(event.clips, 'clip')} to make"] if event.clips else []
    parts.append(f"{event.stale:,} to encode ({format_size(event.size_bytes)})")
    others = {"fresh": event.fresh, "held": event.held, "blocked": event.blocked}
    parts += [f"{count:,} {word}" for word, count in others.items() if count]
    return f"{', '.join(parts)}; {counted(event.jobs, 'job')} at a time"


@_text.register
def _(event: JobStarted) -> str:
    causes = "; ".join(printable(cause) for cause in event.causes)
    doing = "making its clip" if event.is_clip else "encoding"
    return f"{doing} with {event.encoder} ({causes})"


@_text.register
def _(event: JobProgress) -> str:
    if event.frame is None:
        return event.phase
    parts = [f"{event.phase} frame {event.frame}"]
    if event.frames:
        parts[0] += f" of {event.frames} ({event.frame / event.frames:.0%})"
    if event.fps:
        parts.append(f"{event.fps:.1f} frames/s")
    if event.speed:
        parts.append(f"{event.speed:.2f}x")
    if event.eta_s is not None:
        parts.append(f"{format_duration(event.eta_s)} left")
    if event.projected_bytes is not None:
        parts.append(f"about {format_size(event.projected_bytes)} in the end")
    return ", ".join(parts)


@_text.register
def _(event: JobDone) -> str:
    share = f" ({event.target_bytes / event.source_bytes:.0%})" if event.source_bytes else ""
    return (
        f"done: {format_size(event.source_bytes)} -> {format_size(event.target_bytes)}{share}, "
        f"encoded in {format_duration(event.encode_s)}, "
        f"verified in {format_duration(event.verify_s)}"
    )


@_text.register
def _(event: JobDiscarded) -> str:
    return f"discarded: {event.reason}"


@_text.register
def _(event: StepDone) -> str:
    return f"{event.step}: {printable(event.found)} ({format_duration(event.elapsed_s)})"


@_text.register
def _(event: JobWithheld) -> str:
    return f"not encoded: {printable(event.reason)}"


@_text.register
def _(event: JobFailed) -> str:
    lines = [printable(line) for line in event.message.splitlines()]
    if event.hint:
        lines.append(f"  hint: {printable(event.hint)}")
    return "failed: " + "\n".join(lines)


@_text.register
def _(event: JobDropped) -> str:
    return f"left for the next run: {event.reason}"


@_text.register
def _(event: JobMoved) -> str:
    if event.old == event.target:
        return "renamed: its target keeps its place"
    if event.is_followed:
        return f"moved by a user: {printable(event.old)} -> {printable(event.target)}"
    return f"moved: {printable(event.old)} -> {printable(event.target)}"


@_text.register
def _(event: JobCopied) -> str:
    return f"{'linked' if event.is_link else 'copied'} from {printable(event.like)}"


@_text.register
def _(event: ClipMade) -> str:
    parts = [f"clip made in {format_duration(event.elapsed_s)}"]
    if event.projected_bytes is not None and event.source_bytes:
        share = f"{event.projected_bytes / event.source_bytes:.0%}"
        parts.append(f"projected size of the film {format_size(event.projected_bytes)} ({share})")
    if event.score:
        parts.append(event.score)
    return f"{', '.join(parts)}{'' if event.is_variant else '; it waits for approval'}"


@_text.register
def _(event: Paused) -> str:
    what = "nothing is begun, what runs goes on" if event.is_finishing else "stands still"
    return f"{what}: {printable(event.reason)}"


@_text.register
def _(event: Resumed) -> str:
    return f"goes on, after {format_duration(event.paused_s)}"


@_text.register
def _(event: Watching) -> str:
    if event.state == "idle":
        return "goes on: what kept the watcher from a round is over"
    what = {"held": "held", "waiting": "no round now"}.get(event.state, event.state)
    text = what if event.reason is None else f"{what}: {printable(event.reason)}"
    return text if event.until is None else f"{text}; looks again {local_time_text(event.until)}"


@_text.register
def _(event: Note) -> str:
    return printable(event.message)


@_text.register
def _(event: RunFinished) -> str:
    parts = [
        outcome.counted(count)
        for outcome, count in event.counts.items()
        if (count or outcome is Outcome.DONE) and outcome is not Outcome.OVER_BUDGET
    ]
    text = f"{', '.join(parts)} in {format_duration(event.elapsed_s)}"
    if event.source_bytes:
        saved = event.source_bytes - event.target_bytes
        text += f"; {format_size(event.source_bytes)} -> {format_size(event.target_bytes)}"
        text += f", {format_size(abs(saved))} {'saved' if saved >= 0 else 'more than before'}"
    return text if event.run is None else f"run {event.run}: {text}"
