"""Remembers what is true of whole films, by content, and how far a first look must go for it."""

from __future__ import annotations

from msgspec.structs import replace

from av1rules.media.cache import LibraryCache, content_key_of
from av1rules.media.film_facts import FILM_VERSION, FilmFacts, merged
from av1rules.media.source import LibraryFile, Reach, Source

FIRST_REACH = Reach(size_bytes=50_000_000, duration_s=60.0)
"""For containers without a header of all streams: FFmpeg's own 5 MB and 7 s end before the sound of
many a recording begins. Costs a probe 0.07 s and a read of 50 MB (measured, VOB)."""

FARTHEST_BYTES = 512 * 1024**2
"""All packets up to there wait in the memory of every program that opens the file."""

FARTHER = (
    Reach(size_bytes=160 * 1024**2, duration_s=900.0),
    Reach(size_bytes=FARTHEST_BYTES, duration_s=3600.0),
)
"""Tried one after the other where a track is known to begin beyond the first one: 0.25 s and 170 MB
of memory for each program that reads 500 MB (measured, VOB)."""

_PACKETS_BYTES = 16_000_000
_PACKETS_S = 20.0
"""Read beyond the first packet of a late stream, so that its format is known."""

HEADERLESS = frozenset({"mpegts", "mpeg", "flv", "live_flv", "wtv", "dv"})
"""FFmpeg's containers whose streams are known only once a packet of each was seen."""


def is_headerless(container: str) -> bool:
    """Whether a container has no list of its streams, by FFmpeg's name of it."""
    return not HEADERLESS.isdisjoint(container.split(","))


def film_key(content_key: str) -> str:
    """The memo of the film of this content."""
    return f"film:{FILM_VERSION}:{content_key}"


def known_film(cache: LibraryCache, content_key: str) -> FilmFacts | None:
    """What is known of the whole film of this content; None if nobody looked yet."""
    return cache.get_value(film_key(content_key), FilmFacts)


def remember_film(cache: LibraryCache, content_key: str, film: FilmFacts) -> FilmFacts:
    """Add what was seen to what is known; returns both together."""
    whole = merged(known_film(cache, content_key), film)
    cache.put_value(film_key(content_key), whole)
    return whole


def reach_for(film: FilmFacts | None, *, start_s: float = 0.0) -> Reach:
    """How far to look to find all streams of a film without a header, so far as that is possible.
    `start_s` is where the clock of the file begins."""
    places = [one for one in film.late if one.at_byte is not None] if film is not None else []
    near = [one for one in places if (one.at_byte or 0) + _PACKETS_BYTES <= FARTHEST_BYTES]
    if not near:
        return FIRST_REACH
    last_byte = max(one.at_byte or 0 for one in near)
    last_s = max((one.at_s or 0.0) - start_s for one in near)
    return Reach(
        size_bytes=max(last_byte + _PACKETS_BYTES, FIRST_REACH.size_bytes),
        duration_s=max(last_s + _PACKETS_S, FIRST_REACH.duration_s),
    )


def needs_reach(film: FilmFacts, source: Source) -> Reach | None:
    """The reach with which a probe of the source would find more of the film's late streams; None
    if it found all that it can."""
    if source.reach is None or not film.late:
        return None
    reach = reach_for(film, start_s=source.start_s or 0.0)
    is_farther = (
        reach.size_bytes > source.reach.size_bytes or reach.duration_s > source.reach.duration_s
    )
    return reach if is_farther else None


def is_resolved(source: Source) -> bool:
    """Whether a packet of each sound track was seen. Of some FFmpeg knows only that they are there:
    it looks at the end of the file, too, for its duration."""
    return all(audio.sample_rate is not None for audio in source.audio)


def without_unresolved(source: Source) -> Source:
    """The source without the sound that no program could map."""
    lost = tuple(audio for audio in source.audio if audio.sample_rate is None)
    if not lost or source.reach is None:
        return source
    words = tuple(f"a sound track ({audio.codec})" for audio in lost)
    kept = tuple(audio for audio in source.audio if audio.sample_rate is not None)
    return replace(source, audio=kept, unresolved=words)


def known_reach(file: LibraryFile, cache: LibraryCache, *, start_s: float) -> Reach:
    """The reach for a file without a header. Raises OSError if it can't be read."""
    return reach_for(known_film(cache, content_key_of(file, cache)), start_s=start_s)
