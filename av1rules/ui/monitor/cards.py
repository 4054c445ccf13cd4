"""A card for each job: what it does, how far it is, what it will come to. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from av1rules.base.text import counted, printable
from av1rules.base.units import format_duration, format_rate, format_size
from av1rules.ledger.films.queue import QueuedFilm
from av1rules.report.live.model import LiveJob
from av1rules.report.view import Role
from av1rules.ui.monitor.lines import (
    ScreenLine,
    ScreenSpan,
    bar,
    both_ends,
    cut,
    heading,
    joined,
    line,
    padded,
    quiet,
)

CARD_LINES = (1, 3, 5)
"""The heights of a card, by the room that there is."""

STAGES = {
    "starting": "starting", "digest": "reading", "survey": "looking", "measure": "measuring grain",
    "search": "searching CRF", "sample": "sampling", "encode": "encoding", "verify": "verifying",
    "decode": "checking", "score": "scoring",
}  # fmt: skip
"""The phases of a job in words."""

_LEAST_NAME = 16


def card(
    job: LiveJob, facts: QueuedFilm | None, now: datetime, width: int, height: int
) -> list[ScreenLine]:
    """A job on exactly so many lines, one of `CARD_LINES`."""
    if height == CARD_LINES[0]:
        return [_short(job, width)]
    lines = [_head(job, width), _progress(job, now, width), _sizes(job, now, width)]
    if height >= CARD_LINES[2]:
        lines += [_video(job, facts, width), _why(job, facts, width)]
    return lines


def card_height(jobs: int, room: int) -> int:
    """The largest height at which all jobs have room; 0 if not even one line is there."""
    fitting = [height for height in CARD_LINES if height * jobs <= room]
    return max(fitting, default=1 if room > 0 else 0)


def cards(
    jobs: tuple[LiveJob, ...],
    facts: dict[str, QueuedFilm],
    now: datetime,
    width: int,
    room: int,
) -> list[ScreenLine]:
    """All jobs in at most `room` lines."""
    height = card_height(len(jobs), room)
    if not jobs or not height:
        return []
    shown = jobs if len(jobs) * height <= room else jobs[: room - 1]
    found = [one for job in shown for one in card(job, facts.get(job.film), now, width, height)]
    if hidden := len(jobs) - len(shown):
        found.append(line(quiet(f"... and {counted(hidden, 'more job', 'more jobs')}")))
    return found


def _stage(job: LiveJob) -> ScreenSpan:
    word = STAGES.get(job.phase, job.phase)
    if job.paused is not None:
        return ScreenSpan("paused", Role.WAITING)
    return ScreenSpan(f"{word} clip" if job.is_clip else word, Role.WORK)


def _percent(job: LiveJob) -> str:
    return "" if job.share is None else f"{job.share:.0%}"


def _short(job: LiveJob, width: int) -> ScreenLine:
    left = "" if job.eta_s is None or job.paused else f"{format_duration(job.eta_s)} left"
    right = line(_stage(job), f" {_percent(job):>4}", f" {left}" if left else "")
    name = padded(printable(job.film), max(width - right.width - 1, _LEAST_NAME))
    return cut(line(name, " ", *right.spans), width)


def _head(job: LiveJob, width: int) -> ScreenLine:
    right = line(_stage(job), f" {_percent(job)}")
    mark = "‖ " if job.paused else "▶ "
    name = padded(printable(job.film), max(width - right.width - len(mark) - 1, _LEAST_NAME))
    return cut(line(mark, heading(name), " ", *right.spans), width)


def _progress(job: LiveJob, now: datetime, width: int) -> ScreenLine:
    parts: list[str] = []
    if job.paused is not None:
        parts.append(printable(job.paused))
    elif job.eta_s is not None:
        parts.append(f"{format_duration(job.eta_s)} left")
    if job.fps is not None and not job.paused:
        parts.append(f"{job.fps:.1f} fps")
    if job.speed is not None and not job.paused:
        parts.append(f"{job.speed:.2f}x")
    if job.frame is not None and job.frames and width >= 100:
        parts.append(f"frame {job.frame:,} of {job.frames:,}")
    if (elapsed := elapsed_s(job, now)) is not None:
        parts.append(f"{format_duration(elapsed)} so far")
    text = ", ".join(parts)
    room = max(min(width - len(text) - 4, 40), 0)
    drawn = bar(job.share or 0.0, room, Role.WAITING if job.paused else Role.WORK)
    return cut(line("  ", *drawn, "  " if room else "", text), width)


def elapsed_s(job: LiveJob, now: datetime) -> float | None:
    """Seconds since it began; None if its time can't be read."""
    try:
        return max((now - datetime.fromisoformat(job.started)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None


def _sizes(job: LiveJob, now: datetime, width: int) -> ScreenLine:
    return next(iter(joined(_size_parts(job, now), width - 2, gap=", ")), ScreenLine()).indented


def _size_parts(job: LiveJob, now: datetime) -> Iterator[ScreenLine]:
    if job.source_bytes:
        yield line(f"{format_size(job.source_bytes)} source")
    if job.projected_bytes is not None:
        role = Role.BAD if job.is_over_limit else Role.GOOD
        ratio = f" ({job.projected_bytes / job.source_bytes:.0%})" if job.source_bytes else ""
        yield line("will be ", ScreenSpan(f"{format_size(job.projected_bytes)}{ratio}", role))
    if job.limit_bytes is not None:
        word = "over the limit of" if job.is_over_limit else "limit"
        yield line(f"{word} {format_size(job.limit_bytes)}")
    if job.out_bytes is not None:
        elapsed = elapsed_s(job, now)
        rate = f" at {format_size(job.out_bytes / elapsed)}/s" if elapsed else ""
        yield line(f"{format_size(job.out_bytes)} written{rate}")


def _video(job: LiveJob, facts: QueuedFilm | None, width: int) -> ScreenLine:
    parts = list(picture_words(facts))
    if job.duration_s is not None:
        parts.append(format_duration(job.duration_s))
    made = ", ".join(filter(None, (job.encoder, job.quality)))
    text = f"  {' '.join(parts)}"
    return cut(both_ends(line(text), line(quiet(made)), width), width)


def picture_words(facts: QueuedFilm | None) -> Iterator[str]:
    """Resolution, codec, HDR, bit depth and bit rate, as far as known."""
    if facts is None:
        return
    if facts.width and facts.height:
        yield f"{facts.width}x{facts.height}"
    if facts.codec:
        yield printable(facts.codec)
    if facts.hdr:
        yield printable(facts.hdr)
    if facts.bit_depth:
        yield f"{facts.bit_depth} bit"
    if facts.bitrate_bps:
        yield format_rate(facts.bitrate_bps)


def _why(job: LiveJob, facts: QueuedFilm | None, width: int) -> ScreenLine:
    rule = [] if facts is None else [facts.source_tier or "", facts.rule or ""]
    why = "; ".join(job.causes)
    text = ", ".join(printable(part) for part in (*rule, why) if part)
    return cut(line("  ", quiet(text)), width)
