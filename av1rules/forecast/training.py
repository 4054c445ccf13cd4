"""Past encodes as samples to learn from, corrected for encodes that ran at the same time. Pure.

The ledger has how long an encode took, not what else was encoded meanwhile. Its end and its length
tell when it ran; where encodes overlapped, each is taken to have been slowed by the others.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from av1rules.forecast.model import PastEncode, stretch_of
from av1rules.forecast.priors import Traits
from av1rules.ledger.history import EncodeRecord

ROUNDED_S = 1.5
"""Times in the ledger are whole seconds: short encodes, one after the other, seem to overlap."""


def past_encodes(
    made: Iterable[EncodeRecord], *, cores: int, threads: int | None = None
) -> tuple[PastEncode, ...]:
    """A sample for every target whose record has frames and frame size."""
    known = [one for one in made if _is_known(one)]
    concurrencies = mean_concurrency([_span(one) for one in known])
    return tuple(
        PastEncode(
            traits=traits,
            seconds=_encode_seconds(one) / stretch_of(concurrency, cores, threads),
            size_bytes=one.target_bytes,
        )
        for one, concurrency in zip(known, concurrencies, strict=True)
        for traits in _traits(one)
    )


def mean_concurrency(spans: list[tuple[float, float]]) -> list[float]:
    """How many of these were at work on average during each, itself included. Start and end in
    seconds."""
    edges = sorted({edge for span in spans for edge in span})
    change = dict.fromkeys(edges, 0)
    for start, end in spans:
        change[start] += 1
        change[end] -= 1
    at_work, busy, sums = 0, [], [0.0]
    for edge, after in zip(edges, [*edges[1:], *edges[-1:]], strict=True):
        at_work += change[edge]
        busy.append(at_work)
        sums.append(sums[-1] + at_work * (after - edge))
    places = {edge: number for number, edge in enumerate(edges)}
    return [
        max(1.0, (sums[places[end]] - sums[bisect_left(edges, start)]) / (end - start))
        if end > start
        else 1.0
        for start, end in spans
    ]


def _is_known(one: EncodeRecord) -> bool:
    return bool(
        one.encode_s and one.frames and one.pixels and one.source_bytes and one.target_bytes
    )


def _encode_seconds(one: EncodeRecord) -> float:
    return (one.encode_s or 0.0) + (one.verify_s or 0.0)


def _span(one: EncodeRecord) -> tuple[float, float]:
    end = one.built_at.timestamp()
    return min(end, end - _encode_seconds(one) + ROUNDED_S), end


def _traits(one: EncodeRecord) -> Iterator[Traits]:
    if one.frames is not None and one.pixels is not None:
        settings = one.settings
        yield Traits(
            encoder=one.tools.encoder,
            preset=settings.preset,
            crf=settings.crf,
            film_grain=settings.film_grain,
            bit_depth=settings.bit_depth,
            resolution=one.resolution,
            source_tier=one.source_tier,
            frames=one.frames,
            pixels=one.pixels,
            source_bytes=one.source_bytes,
            max_size_ratio=settings.max_size_ratio,
        )
