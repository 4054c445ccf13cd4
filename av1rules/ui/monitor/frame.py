"""The main screen as lines, for any size of terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from av1rules.base.text import counted, printable
from av1rules.base.units import format_size, format_time_range
from av1rules.report.format import hours_of
from av1rules.report.live.model import LiveRun, LiveState, RunPhase
from av1rules.report.view import Role
from av1rules.ui.monitor.cards import cards
from av1rules.ui.monitor.keys import footer_keys
from av1rules.ui.monitor.lines import (
    ScreenLine,
    ScreenSpan,
    bar,
    both_ends,
    cut,
    heading,
    joined,
    line,
    quiet,
    side_by_side,
    sparkline,
    trend,
)
from av1rules.ui.monitor.model import Gauges, ScreenState
from av1rules.ui.monitor.table import WIDE, list_lines
from av1rules.ui.time_left import TimeLeft, time_left

SMALL = (80, 12)
"""Columns and lines below which the screen is simplified: counts, jobs, progress."""

LEAST_LIST = 6


def frame(state: ScreenState, width: int, height: int) -> list[ScreenLine]:
    """All lines of the screen, exactly `height` of them, none wider than `width`."""
    if width < SMALL[0] or height < SMALL[1]:
        found = _small(state, width, height)
    else:
        found = _whole(state, width, height)
    return [cut(one, width) for one in (*found, *[ScreenLine()] * height)[:height]]


def list_place(state: ScreenState, width: int, height: int) -> tuple[int, int]:
    """The first line of the rows of the list, and how many there are; none on a small screen."""
    if width < SMALL[0] or height < SMALL[1]:
        return 0, 0
    used = len(_above(state, width, height)) + 2
    return used, max(height - used - 1, 0)


def _whole(state: ScreenState, width: int, height: int) -> list[ScreenLine]:
    above = _above(state, width, height)
    return [
        *above,
        *list_lines(state, width, height - len(above) - 1),
        _footer(state, width),
    ]


def _above(state: ScreenState, width: int, height: int) -> list[ScreenLine]:
    """What stands above the list."""
    lines = [_top(state, width), *joined(_gauges(state.gauges), width)[:1]]
    lines += _figures(state.live, width, 3 if height >= 30 else 2)
    if (why := _pause(state.live)) is not None:
        lines.append(line(ScreenSpan(why, Role.WAITING)))
    if state.live.library.problem:
        lines.append(line(ScreenSpan(printable(state.live.library.problem), Role.BAD)))
    lines.append(_progress(state, width))
    room = min(max(height - len(lines) - 1 - LEAST_LIST, 1), height // 2)
    jobs = state.live.jobs
    if width >= WIDE and len(jobs) > 1:
        half = (width - 2) // 2
        left = cards(jobs[0::2], state.facts, state.now, half, room)
        right = cards(jobs[1::2], state.facts, state.now, half, room)
        return lines + side_by_side(left, right, width)
    return lines + cards(jobs, state.facts, state.now, width, room)


def _small(state: ScreenState, width: int, height: int) -> list[ScreenLine]:
    """Counts, current jobs, progress."""
    library = state.live.library
    lines = [_top(state, width)]
    counts = f"{library.targets:,} done, {library.waiting:,} waiting, {library.failed:,} failed"
    lines.append(line(counts))
    lines.append(line(f"{format_size(library.saved_bytes)} saved"))
    if (why := _pause(state.live)) is not None:
        lines.append(line(ScreenSpan(why, Role.WAITING)))
    lines.append(_progress(state, width))
    room = max(height - len(lines) - 1, 0)
    shown = cards(state.live.jobs, state.facts, state.now, width, room)
    lines += shown or [line(quiet("no job is at work"))]
    lines += [ScreenLine()] * (height - 1 - len(lines))
    return [*lines[: height - 1], _footer(state, width)]


def _top(state: ScreenState, width: int) -> ScreenLine:
    """Who is at work, and what the run has done."""
    live = state.live
    name = heading(f"av1rules top{f' {state.title}' if state.title else ''}  ")
    time = quiet(state.now.strftime("%H:%M:%S"))
    return both_ends(line(name, *_status(live)), line(time), width)


def _status(live: LiveState) -> Iterator[ScreenSpan]:
    run = live.run
    if run is None or (not live.is_active and live.holder is None):
        yield ScreenSpan("idle", Role.QUIET)
        if run is not None:
            yield ScreenSpan(f", {_last(run)}")
        return
    number = "" if run.number is None else f"run {run.number} "
    if run.pause is not None or live.library.pause is not None:
        yield ScreenSpan(f"{number}paused", Role.WAITING)
    elif run.phase is RunPhase.PLANNING:
        probed = "" if run.probed is None else f", {run.probed[0]:,} of {run.probed[1]:,} probed"
        yield ScreenSpan(f"{number}planning{probed}", Role.WORK)
    elif run.phase is RunPhase.WORKING:
        yield ScreenSpan(f"{number}running", Role.WORK)
        yield ScreenSpan(f", {len(live.jobs)} of {counted(run.slots, 'slot')}")
    else:
        yield ScreenSpan("waiting", Role.QUIET)
        yield ScreenSpan(f", {_last(run)}")


def _last(run: LiveRun) -> str:
    words = {RunPhase.FINISHED: "finished", RunPhase.GONE: "ended without a last word"}
    number = "the last run" if run.number is None else f"run {run.number}"
    return f"{number} {words.get(run.phase, run.phase.value)}"


def _gauges(gauges: Gauges) -> Iterator[ScreenLine]:
    for name, share in (("CPU", gauges.cpu), ("MEM", gauges.memory), ("GPU", gauges.gpu)):
        if share is not None:
            role = Role.BAD if share > 0.95 else Role.WORK
            yield line(quiet(f"{name} "), *bar(share, 10, role), f" {share:4.0%}")
    if gauges.load is not None:
        yield line(quiet("load "), f"{gauges.load:.1f}")
    if gauges.temperature_c is not None:
        yield line(f"{gauges.temperature_c:.0f} °C")
    if gauges.target_free is not None:
        yield line(quiet("free: "), f"{format_size(gauges.target_free)} for targets")
    if gauges.temp_free is not None:
        yield line(f"{format_size(gauges.temp_free)} for work")


def _figures(live: LiveState, width: int, lines: int) -> list[ScreenLine]:
    return joined((*_totals(live), *_trends(live, 24 if width >= WIDE else 10)), width)[:lines]


def _totals(live: LiveState) -> Iterator[ScreenLine]:
    """Saved, compression, success, what is to come, time."""
    library = live.library
    share = library.saved_bytes / library.source_bytes if library.source_bytes else 0.0
    yield line(
        quiet("saved "),
        ScreenSpan(format_size(library.saved_bytes), Role.GOOD),
        f" ({share:.0%}) with {counted(library.targets, 'film')}",
    )
    if library.success_share is not None:
        yield line(quiet("success "), f"{library.success_share:.0%}")
    if library.waiting:
        saving, seconds = library.expected_saving, library.waiting_s
        more = "" if saving is None else f", {format_size(saving)} to save"
        hours = "" if seconds is None else f" in {hours_of(seconds)}"
        yield line(quiet("waiting "), f"{library.waiting:,}{more}{hours}")
    if library.failed:
        yield line(ScreenSpan(f"{library.failed:,} failed", Role.BAD))
    if library.clips_waiting:
        clips = counted(library.clips_waiting, "clip")
        yield line(ScreenSpan(f"{clips} to review (c)", Role.WAITING))
    if library.skipped:
        yield line(f"{library.skipped:,} skipped")
    if library.neighbours_untold:
        yield line(f"{library.neighbours_untold:,} to tell neighbours")
    for text in library.schedules:
        yield line(ScreenSpan(f"hours {text}", Role.WAITING if library.is_closed else None))
    yield line(quiet("work "), hours_of(library.encode_s))


def _trends(live: LiveState, width: int) -> Iterator[ScreenLine]:
    library = live.library
    series = (
        ("saved", library.saved_shares, "{:.0%}"),
        ("fps", library.speeds, "{:.1f}"),
        ("forecast off by", library.forecast_errors, "{:+.0%}"),
    )
    for name, values, form in series:
        if len(values) > 1:
            drawn = sparkline(values, width)
            last = form.format(values[-1])
            yield line(quiet(f"{name} "), ScreenSpan(drawn, Role.WORK), f" {last}{trend(values)}")


def _pause(live: LiveState) -> str | None:
    run = live.run
    if live.is_active and run is not None and run.pause is not None:
        word = "nothing is begun" if run.pause.is_finishing else "all stands still"
        return f"{word}: {printable(run.pause.reason)}"
    return None if live.library.pause is None else printable(live.library.pause)


def _progress(state: ScreenState, width: int) -> ScreenLine:
    """The whole run on one line."""
    run = state.live.run
    if run is None or not run.planned:
        return line(quiet("no run has begun" if run is None else "nothing to do"))
    share = 1.0 if run.phase is RunPhase.FINISHED else state.live.share
    words = [f"{run.ended:,} of {run.planned:,} done"]
    if run.failed:
        words.append(f"{run.failed:,} failed")
    if run.saved_bytes:
        words.append(f"{format_size(run.saved_bytes)} saved")
    if (left := _left(run, share, state.now)) and state.live.is_active and run.pause is None:
        words.append(f"about {format_time_range(*left)} left")
    while len(words) > 1 and len(", ".join(words)) + 18 > width:
        del words[-2 if len(words) > 2 else -1]  # the time left is wanted most
    text = ", ".join(words)
    room = max(min(width - len(text) - 8, 60), 0)
    return line(*bar(share, room), f" {share:4.0%}  ", text)


def _left(run: LiveRun, share: float, now: datetime) -> TimeLeft | None:
    try:
        elapsed_s = (now - datetime.fromisoformat(run.started)).total_seconds()
    except (ValueError, TypeError):
        return None
    forecast = None if run.forecast_s is None else TimeLeft(*run.forecast_s)
    return time_left(share, max(elapsed_s, 0.0), forecast)


def _footer(state: ScreenState, width: int) -> ScreenLine:
    """What was said last, else the keys."""
    if state.message:
        return cut(line(ScreenSpan(printable(state.message), Role.HEADING)), width)
    parts = (line(ScreenSpan(one.shown, Role.HEADING), f" {one.label}") for one in footer_keys())
    return next(iter(joined(parts, width, gap="  ")), ScreenLine())
