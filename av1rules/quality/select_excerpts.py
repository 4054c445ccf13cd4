"""Selects the excerpts of a test clip: the hardest ones of the film, each with its reason.

Pure and deterministic: the same survey gives the same clip.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

import msgspec

from av1rules.media.source import Chapter
from av1rules.quality.credits import content_span, is_blank, is_still
from av1rules.quality.excerpts import ClipPlan, Excerpt, ExcerptKind, FrameSample, Survey, nits
from av1rules.quality.grain import noise_level

CLIP_S = 45.0
SHORTEST_EXCERPT_S = 5.0
"""Shorter excerpts end before the eye has adjusted; the clip has fewer, longer ones instead."""

GRAINY = 1.0
"""From this noise on the clip shows the noisiest excerpt; below, films are clean (see `grain`) and
it shows the one with the most fine detail."""

_Score = Callable[[FrameSample], float | None]


class _Search(msgspec.Struct, frozen=True, kw_only=True):
    """The part of the film that excerpts may come from, with its samples."""

    survey: Survey
    low_s: float
    high_s: float
    total_s: float
    length_s: float  # of one excerpt
    samples: tuple[FrameSample, ...]  # inside, by time
    times: tuple[float, ...]

    def within(self, start_s: float, end_s: float) -> tuple[FrameSample, ...]:
        first = bisect_left(self.times, start_s)
        return self.samples[first : bisect_left(self.times, end_s)]


def select_excerpts(
    survey: Survey,
    *,
    clip_s: float = CLIP_S,
    max_excerpts: int | None = None,
    chapters: Sequence[Chapter] = (),
    is_hdr: bool | None = None,
) -> ClipPlan:
    """The clip of a film: `clip_s` seconds in up to `max_excerpts` excerpts (None: one of each
    kind).

    A film no longer than its clip is shown whole. A short film gets fewer excerpts. `is_hdr` None:
    as in the survey.
    """
    if survey.duration_s <= clip_s:
        return ClipPlan(excerpts=(_whole(survey),))
    low_s, high_s = content_span(survey, chapters)
    total_s = min(clip_s, high_s - low_s)
    inside = tuple(sample for sample in survey.samples if low_s <= sample.time_s < high_s)
    kinds = _kinds(inside, is_hdr=survey.is_hdr if is_hdr is None else is_hdr)
    count = max(min(max_excerpts or len(kinds), int(total_s / SHORTEST_EXCERPT_S)), 1)
    search = _Search(
        survey=survey,
        low_s=low_s,
        high_s=high_s,
        total_s=total_s,
        length_s=total_s / count,
        samples=inside,
        times=tuple(sample.time_s for sample in inside),
    )
    found: list[Excerpt] = []
    for number in range(count):
        excerpt = _best(search, kinds[number % len(kinds)], found)
        if excerpt is not None:
            found.append(excerpt)
    return ClipPlan(excerpts=tuple(sorted(found or [_middle(search)], key=lambda it: it.start_s)))


def _kinds(samples: Iterable[FrameSample], *, is_hdr: bool) -> tuple[ExcerptKind, ...]:
    levels = (noise_level(sample.noise, sample.texture) or 0.0 for sample in samples)
    noisiest = max(levels, default=0.0)
    rough = ExcerptKind.GRAIN if noisiest >= GRAINY else ExcerptKind.TEXTURE
    return (ExcerptKind.DARK, rough, ExcerptKind.FAST, *((ExcerptKind.BRIGHT,) if is_hdr else ()))


_SCORES: dict[ExcerptKind, _Score] = {
    ExcerptKind.DARK: lambda sample: -sample.luma,
    ExcerptKind.GRAIN: lambda sample: sample.noise,
    ExcerptKind.TEXTURE: lambda sample: sample.texture,
    ExcerptKind.FAST: lambda sample: sample.motion,
    ExcerptKind.BRIGHT: lambda sample: sample.peak,
}


def _best(search: _Search, kind: ExcerptKind, taken: Iterable[Excerpt]) -> Excerpt | None:
    """The excerpt with the highest mean score that overlaps no other; of equals the first."""
    taken = tuple(taken)
    best: tuple[float, Excerpt] | None = None
    for sample in search.samples:
        excerpt = _excerpt_around(search, sample, kind)
        if excerpt is None or any(_overlap(excerpt, other) for other in taken):
            continue
        score = _score(search, excerpt)
        if score is not None and (best is None or score > best[0]):
            best = (score, excerpt)
    return None if best is None else best[1]


def _score(search: _Search, excerpt: Excerpt) -> float | None:
    """The mean over the excerpt; half its length on either side counts for a third, so that it
    doesn't begin or end in another scene. None if nothing happens: black leader, a still."""
    inside = search.within(excerpt.start_s, excerpt.end_s)
    if any(is_blank(sample) for sample in inside) or all(is_still(sample) for sample in inside):
        return None
    margin_s = search.length_s / 2
    around = search.within(excerpt.start_s - margin_s, excerpt.end_s + margin_s)
    own, wider = (_mean(part, excerpt.kind) for part in (inside, around))
    return None if own is None or wider is None else (2 * own + wider) / 3


def _mean(samples: Iterable[FrameSample], kind: ExcerptKind) -> float | None:
    values = [_SCORES[kind](sample) for sample in samples if not is_blank(sample)]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _overlap(one: Excerpt, other: Excerpt) -> bool:
    return one.start_s < other.end_s and other.start_s < one.end_s


def _excerpt_around(search: _Search, sample: FrameSample, kind: ExcerptKind) -> Excerpt | None:
    """The excerpt with the sample in its middle, or as close as the ends of the film allow."""
    start_s = sample.time_s - search.length_s / 2
    start_s = max(min(start_s, search.high_s - search.length_s), search.low_s)
    start_s, end_s, frames = _cut(search.survey, start_s, search.length_s, anchor_s=sample.time_s)
    inside = search.within(start_s, end_s)
    if not inside:
        return None
    return Excerpt(
        kind=kind,
        start_s=start_s,
        end_s=end_s,
        frames=frames,
        reason=f"{kind.value}: {_clock(start_s - search.survey.start_s)}, "
        + _measured(inside, kind, search.survey),
    )


def _cut(
    survey: Survey, start_s: float, length_s: float, *, anchor_s: float
) -> tuple[float, float, int | None]:
    """Cuts halfway between frames, counted from a frame whose time is known."""
    if survey.frame_rate is None:
        return start_s, start_s + length_s, None
    rate = Fraction(*survey.frame_rate)
    frames = max(round(length_s * rate), 1)
    before = round((anchor_s - start_s) * rate)
    start_s = anchor_s - float((before + Fraction(1, 2)) / rate)
    return round(start_s, 6), round(start_s + float(frames / rate), 6), frames


def _whole(survey: Survey) -> Excerpt:
    return Excerpt(
        kind=ExcerptKind.WHOLE,
        start_s=survey.start_s,
        end_s=survey.end_s,
        frames=None,
        reason="whole film: it is no longer than a clip",
    )


def _middle(search: _Search) -> Excerpt:
    """For a film in which nothing happens."""
    start_s = (search.low_s + search.high_s - search.total_s) / 2
    anchor_s = search.times[0] if search.times else start_s
    start_s, end_s, frames = _cut(search.survey, start_s, search.total_s, anchor_s=anchor_s)
    place = _clock(start_s - search.survey.start_s)
    return Excerpt(
        kind=ExcerptKind.WHOLE,
        start_s=start_s,
        end_s=end_s,
        frames=frames,
        reason=f"middle: {place}, the film hardly changes",
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(max(seconds, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest:02}"


def _measured(inside: Sequence[FrameSample], kind: ExcerptKind, survey: Survey) -> str:
    """Levels as in 8-bit limited range: black is 16, white 235."""
    mean = _mean(inside, kind)
    peak = max(sample.peak for sample in inside)
    if mean is None:
        return "not measured"
    match kind:
        case ExcerptKind.DARK:
            return f"mean luma {round(16 - 219 * mean)}"
        case ExcerptKind.GRAIN:
            return f"noise {mean:.1f}"
        case ExcerptKind.TEXTURE:
            return f"fine detail {mean:.1f}"
        case ExcerptKind.FAST:
            return f"change {219 * mean:.0f} in 0.12 s"
        case _ if survey.transfer == "smpte2084":
            return f"peak {nits(peak):.0f} cd/m2"
        case _:
            return f"peak {round(16 + 219 * peak)}"
