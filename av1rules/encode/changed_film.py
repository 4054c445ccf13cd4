"""Compares what an encode saw of its film with what its plan knew of it."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from av1rules.base.process import Children
from av1rules.encode.encode import EncodeOutcome
from av1rules.encode.filters import format_filters
from av1rules.encode.job import EncodeJob
from av1rules.encode.losses import LossFinding, find_losses
from av1rules.encode.streams import StreamPlan
from av1rules.ffmpeg.tools import EncoderInfo
from av1rules.media.film_cache import needs_reach
from av1rules.media.film_facts import FilmFacts, with_film
from av1rules.media.probe.sequence_headers import aspects_of_whole
from av1rules.media.source import Source
from av1rules.policy.settings import EncodeSettings


class ChangedFilm(msgspec.Struct, frozen=True, kw_only=True):
    """An encode whose film is not what its plan took it for, so that its result is thrown away."""

    film: FilmFacts
    reason: str


def with_own_aspects(job: EncodeJob, encoded: EncodeOutcome, children: Children) -> EncodeOutcome:
    """The encode with the sample aspects that MPEG-2 says itself: one pass over the bytes of the
    source, which were just read. Raises OSError."""
    if job.main.codec != "mpeg2video":
        return encoded
    aspects = aspects_of_whole(job.source_path, job.source, check=children.check)
    film = replace(encoded.film, aspects=tuple(dict.fromkeys(aspects)))
    return replace(encoded, film=film, restarts=encoded.restarts + max(len(aspects) - 1, 0))


def as_seen(job: EncodeJob, encoded: EncodeOutcome) -> EncodeJob:
    """The job with what its encode saw, which its result is compared with."""
    return replace(job, source=with_film(job.source, encoded.film))


def new_losses(
    planned: Source,
    seen: Source,
    settings: EncodeSettings,
    streams: StreamPlan,
    encoder: EncoderInfo | None,
) -> tuple[LossFinding, ...]:
    """The losses of the film as an encode saw it that its plan did not know. The plan's own were
    judged by it, with the tools that keep some of them."""
    known = find_losses(planned, settings, streams, encoder)
    found = find_losses(seen, settings, streams, encoder)
    return tuple(loss for loss in found if loss not in known)


def changed_film(job: EncodeJob, encoded: EncodeOutcome) -> ChangedFilm | None:
    """What the policy of a job does not accept of its film; None if there is nothing."""
    film = encoded.film
    seen = as_seen(job, encoded)
    source = seen.source
    if needs_reach(film, job.source) is not None:
        late = ", ".join(source.unmapped) or "a late stream"
        return ChangedFilm(film=film, reason=f"not all streams were encoded: {late}")
    found = new_losses(job.source, source, job.settings, job.streams, job.encoder)
    refused = [loss.message for loss in found if not loss.accepted]
    if refused:
        return ChangedFilm(film=film, reason="; ".join(refused))
    if tuple(format_filters(seen)) != tuple(format_filters(job)):
        changes = "; ".join(change.text for change in seen.main.changes)
        reason = f"other filters are needed, since the pictures change on the way: {changes}"
        return ChangedFilm(film=film, reason=reason)
    is_new = source.main is not None and source.main.is_interlaced and not job.main.is_interlaced
    if is_new and job.settings.deinterlace != job.wanted_deinterlace:
        reason = "the pictures are interlaced in places, where the plan knew of none"
        return ChangedFilm(film=film, reason=reason)
    return None
