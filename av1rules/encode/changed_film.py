"""Compares what an encode saw of its film with what its plan knew of it."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from av1rules.base.process import Children
from av1rules.encode.encode import EncodeOutcome
from av1rules.encode.filters import format_filters
from av1rules.encode.job import EncodeJob
from av1rules.encode.losses import find_losses
from av1rules.media.film_cache import needs_reach
from av1rules.media.film_facts import FilmFacts, with_film
from av1rules.media.probe.sequence_headers import aspects_of_whole


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
    return replace(encoded, film=replace(encoded.film, aspects=aspects))


def as_seen(job: EncodeJob, encoded: EncodeOutcome) -> EncodeJob:
    """The job with what its encode saw, which its result is compared with."""
    return replace(job, source=with_film(job.source, encoded.film))


def changed_film(
    job: EncodeJob, encoded: EncodeOutcome, *, has_mkvpropedit: bool
) -> ChangedFilm | None:
    """What the policy of a job does not accept of its film; None if there is nothing."""
    film = encoded.film
    seen = as_seen(job, encoded)
    source = seen.source
    if needs_reach(film, job.source) is not None:
        late = ", ".join(source.unmapped) or "a late stream"
        return ChangedFilm(film=film, reason=f"not all streams were encoded: {late}")
    refused = [
        loss.message
        for loss in find_losses(
            source, job.settings, job.streams, job.encoder, has_mkvpropedit=has_mkvpropedit
        )
        if not loss.accepted
    ]
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
