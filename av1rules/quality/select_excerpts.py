"""Picks the passages of a film that become its test clip: the hardest ones, each with its reason.

Pure and without chance: the same survey gives the same clip.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

import msgspec

from av1rules.media.source import Chapter
from av1rules.quality.credits import is_blank, is_still, shown_span
from av1rules.quality.excerpts import ClipPlan, Excerpt, ExcerptKind, FrameSample, Survey, nits
from av1rules.quality.grain import noise_level

CLIP_S = 45.0
SHORTEST_EXCERPT_S = 5.0
"""Shorter pieces are over before the eye has settled; fewer and longer ones are made instead."""

GRAINY = 1.0
"""Noise from which the noisiest passage is shown; below, films are clean (see `grain`) and the one
of most fine detail is."""

_Score = Callable[[FrameSample], float | None]


class _Ground(msgspec.Struct, frozen=True, kw_only=True):
    """Where pieces may lie, and what is known of it."""

    survey: Survey
    low_s: float
    high_s: float
    total_s: float
    length_s: float  # of one piece
    samples: tuple[FrameSample, ...]  # inside, by time
    times: tuple[float, ...]

    def within(self, start_s: float, end_s: float) -> tuple[FrameSample, ...]:
        first = bisect_left(self.times, start_s)
        return self.samples[first : bisect_left(self.times, end_s)]


def select_excerpts(
    survey: Survey,
    *,
    clip_s: float = CLIP_S,
    pieces: int | None = None,
    chapters: Sequence[Chapter] = (),
    is_hdr: bool | None = None,
) -> ClipPlan:
    """The clip of a film: `clip_s` seconds in all, in `pieces` pieces (None: one for each kind).

    A film that is no longer than its clip is shown whole. Where there is no room for all pieces,
    there are fewer. `is_hdr` None: as the survey says.
    """
    if survey.duration_s <= clip_s:
        return ClipPlan(pieces=(_whole(survey),))
    low_s, high_s = shown_span(survey, chapters)
    total_s = min(clip_s, high_s - low_s)
    inside = tuple(sample for sample in survey.samples if low_s <= sample.time_s < high_s)
    kinds = _kinds(inside, is_hdr=survey.is_hdr if is_hdr is None else is_hdr)
    count = max(min(pieces or len(kinds), int(total_s / SHORTEST_EXCERPT_S)), 1)
    ground = _Ground(
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
        piece = _best(ground, kinds[number % len(kinds)], found)
        if piece is not None:
            found.append(piece)
    return ClipPlan(pieces=tuple(sorted(found or [_middle(ground)], key=lambda it: it.start_s)))


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


def _best(ground: _Ground, kind: ExcerptKind, taken: Iterable[Excerpt]) -> Excerpt | None:
    """The piece of the highest mean score that overlaps no other; of equals the first."""
    taken = tuple(taken)
    best: tuple[float, Excerpt] | None = None
    for sample in ground.samples:
        piece = _excerpt_around(ground, sample, kind)
        if piece is None or any(_overlap(piece, other) for other in taken):
            continue
        score = _score(ground, piece)
        if score is not None and (best is None or score > best[0]):
            best = (score, piece)
    return None if best is None else best[1]


def _score(ground: _Ground, piece: Excerpt) -> float | None:
    """The mean over the piece, a third of it from half its length on either side too, so that it
    does not begin or end in another scene; None where nothing happens: black leader, a still."""
    inside = ground.within(piece.start_s, piece.end_s)
    if any(is_blank(sample) for sample in inside) or all(is_still(sample) for sample in inside):
        return None
    margin_s = ground.length_s / 2
    around = ground.within(piece.start_s - margin_s, piece.end_s + margin_s)
    own, wider = (_mean(part, piece.kind) for part in (inside, around))
    return None if own is None or wider is None else (2 * own + wider) / 3


def _mean(samples: Iterable[FrameSample], kind: ExcerptKind) -> float | None:
    values = [_SCORES[kind](sample) for sample in samples if not is_blank(sample)]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _overlap(one: Excerpt, other: Excerpt) -> bool:
    return one.start_s < other.end_s and other.start_s < one.end_s


def _excerpt_around(ground: _Ground, sample: FrameSample, kind: ExcerptKind) -> Excerpt | None:
    """The piece with the sample in its middle, or as near as the ends of the film let it."""
    start_s = sample.time_s - ground.length_s / 2
    start_s = max(min(start_s, ground.high_s - ground.length_s), ground.low_s)
    start_s, end_s, frames = _cut(ground.survey, start_s, ground.length_s, anchor_s=sample.time_s)
    inside = ground.within(start_s, end_s)
    if not inside:
        return None
    return Excerpt(
        kind=kind,
        start_s=start_s,
        end_s=end_s,
        frames=frames,
        reason=f"{kind.value}: {_clock(start_s - ground.survey.start_s)}, "
        + _measured(inside, kind, ground.survey),
    )


def _cut(
    survey: Survey, start_s: float, length_s: float, *, anchor_s: float
) -> tuple[float, float, int | None]:
    """Cuts halfway between pictures, counted from one whose time was seen."""
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
        reason="whole film: it is not longer than a clip",
    )


def _middle(ground: _Ground) -> Excerpt:
    """For a film in which nothing happens."""
    start_s = (ground.low_s + ground.high_s - ground.total_s) / 2
    anchor_s = ground.times[0] if ground.times else start_s
    start_s, end_s, frames = _cut(ground.survey, start_s, ground.total_s, anchor_s=anchor_s)
    place = _clock(start_s - ground.survey.start_s)
    return Excerpt(
        kind=ExcerptKind.WHOLE,
        start_s=start_s,
        end_s=end_s,
        frames=frames,
        reason=f"middle: {place}, the film is the same all over",
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(max(seconds, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest:02}"


def _measured(inside: Sequence[FrameSample], kind: ExcerptKind, survey: Survey) -> str:
    """Levels as 8-bit video counts them: black is 16, white 235."""
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
