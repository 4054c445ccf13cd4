"""Which stream of the source is which in the target. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from av1rules.encode.containers import MP4
from av1rules.encode.streams import StreamPlan, StreamStep
from av1rules.media.source import Chapter


def target_indexes(streams: StreamPlan, empty: frozenset[int] = frozenset()) -> dict[int, int]:
    """The index in the target of each kept stream, by its index in the source.

    MP4 keeps covers apart from the tracks, and FFmpeg lists them last, wherever the source had
    them; a track without a single packet (`empty`) is not written there at all.
    """
    order = [step for step in streams.mapped if not is_left_out(step, streams.container, empty)]
    if streams.container == MP4:
        order.sort(key=lambda step: step.kind == "cover")
    return {step.index: number for number, step in enumerate(order)}


def is_left_out(step: StreamStep, container: str, empty: frozenset[int]) -> bool:
    """Whether a kept stream is no track of the target, since it holds nothing."""
    return container == MP4 and step.index in empty


def shown_chapters(chapters: Iterable[Chapter]) -> Iterator[Chapter]:
    """FFmpeg shows no chapter of Matroska that starts where the one before does. It is there."""
    latest_s = 0.0
    for chapter in chapters:
        if latest_s == 0 or chapter.start_s > latest_s:
            yield chapter
            latest_s = chapter.start_s
