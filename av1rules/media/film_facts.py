"""What is true of a whole film, beyond its first moments: how its pictures look along the way, and
which streams begin late. From looks at some places, or from an encode, which saw all. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from av1rules.ffmpeg.film_log import MOST_KINDS, FilmLog, LateStream, ShownPicture
from av1rules.media.probe.ffprobe_json import ratio
from av1rules.media.probe.parse_video import bit_depth, chroma, hdr_kinds
from av1rules.media.source import (
    HDR_TRANSFERS,
    Change,
    ChangeKind,
    Colour,
    HdrKind,
    Source,
    VideoStream,
)

FILM_VERSION = 1
"""Part of every cached answer: raised whenever something else is looked at."""

_Kind = TypeVar("_Kind")


class FilmFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a film. `pictures` are the different ones in the order of the film,
    `aspects` the sample aspects that MPEG-2 itself says where a container hides them, `sounds` the
    formats that a decoded track changes to.

    `is_whole`: all pictures were seen, by an encode.
    """

    version: int = FILM_VERSION
    pictures: tuple[ShownPicture, ...] = ()
    aspects: tuple[str, ...] = ()
    sounds: tuple[str, ...] = ()
    late: tuple[LateStream, ...] = ()
    is_whole: bool = False

    @classmethod
    def of_log(cls, log: FilmLog) -> FilmFacts:
        """What an encode saw."""
        return cls(
            pictures=tuple(log.pictures),
            sounds=tuple(log.sounds),
            late=tuple(log.late.values()),
            is_whole=True,
        )


def merged(first: FilmFacts | None, second: FilmFacts) -> FilmFacts:
    """Both together, each picture and stream once. `second` of a whole film goes before looks."""
    if first is None:
        return second
    return FilmFacts(
        pictures=_once(first.pictures, second.pictures),
        aspects=_once(first.aspects, second.aspects),
        sounds=_once(first.sounds, second.sounds),
        late=tuple({one.index: one for one in (*second.late, *first.late)}.values()),
        is_whole=first.is_whole or second.is_whole,
    )


def _once(first: tuple[_Kind, ...], second: tuple[_Kind, ...]) -> tuple[_Kind, ...]:
    return tuple(dict.fromkeys((*first, *second)))[:MOST_KINDS]


def with_film(source: Source, film: FilmFacts | None) -> Source:
    """The source with what is true of its whole film. Nothing that the probe found is taken back,
    and doing it twice changes nothing more."""
    main = source.main
    if film is None or main is None:
        return source
    kinds = main.hdr_kinds
    if any(one.has_hdr10_plus for one in film.pictures):
        kinds = (kinds or frozenset()) | {HdrKind.HDR10_PLUS}
    if any(one.has_dolby_vision for one in film.pictures):
        kinds = (kinds or frozenset()) | {HdrKind.DOLBY_VISION}
    film = replace(film, sounds=_other_sounds(film.sounds, source))
    changes = _changes(film, main.changes)
    colour = _first_colour(main, film.pictures) if changes else main.colour
    if colour != main.colour:
        has_static = main.mastering_display is not None or main.content_light is not None
        kinds = hdr_kinds(
            colour,
            main.bit_depth,
            has_static=has_static,
            has_plus=HdrKind.HDR10_PLUS in (kinds or ()),
            has_vision=HdrKind.DOLBY_VISION in (kinds or ()),
        )
    whole = replace(
        main,
        colour=colour,
        is_interlaced=True
        if any(one.is_interlaced for one in film.pictures)
        else main.is_interlaced,
        has_captions=True if any(one.has_captions for one in film.pictures) else main.has_captions,
        hdr_kinds=kinds,
        changes=changes,
    )
    known = {stream.index for stream in source.streams()} | {one.index for one in source.data}
    late = (_late_text(one) for one in film.late if one.index not in known)
    unmapped = tuple(dict.fromkeys((*source.unmapped, *late)))
    video = tuple(whole if one is main else one for one in source.video)
    return replace(source, video=video, unmapped=unmapped)


def _other_sounds(sounds: tuple[str, ...], source: Source) -> tuple[str, ...]:
    """Sounds by FFmpeg's words ("48000 Hz, stereo") without those of the tracks as probed: FFmpeg
    also says so where only the form of samples or hints for downmixing change."""
    known = {f"{one.sample_rate} Hz, {one.layout}" for one in source.audio}
    return tuple(sound for sound in sounds if sound not in known)


def _first_colour(main: VideoStream, pictures: tuple[ShownPicture, ...]) -> Colour:
    """The colours of the first picture where they change on the way: containers may give those of
    a later one, and an encoder takes the first."""
    first = pictures[0] if pictures else None
    if first is None or len({one.transfer for one in pictures}) < 2:
        return main.colour
    return replace(
        main.colour, primaries=first.primaries, transfer=first.transfer, matrix=first.matrix
    )


def _late_text(late: LateStream) -> str:
    when = "" if late.at_s is None else f" at {late.at_s:.0f} s"
    kind = {"audio": "a sound track", "subtitle": "a subtitle track"}.get(
        late.kind, f"a {late.kind} stream"
    )
    return f"{kind} that begins{when}"


def _changes(film: FilmFacts, known: tuple[Change, ...]) -> tuple[Change, ...]:
    """What changes by this film, and what is known to change by an earlier one."""
    pictures = film.pictures
    values: dict[ChangeKind, Iterable[str | None]] = {
        ChangeKind.SIZE: (f"{one.width}x{one.height}" for one in pictures),
        ChangeKind.SAMPLE_ASPECT: _aspects(film),
        ChangeKind.BIT_DEPTH: (_shown_depth(one) for one in pictures),
        ChangeKind.CHROMA: (_shown_chroma(one) for one in pictures),
        ChangeKind.TRANSFER: _transfers(pictures),
        ChangeKind.PRIMARIES: (one.primaries for one in pictures),
        ChangeKind.MATRIX: (one.matrix for one in pictures),
        ChangeKind.RANGE: (one.range or "tv" for one in pictures),
        ChangeKind.ROTATION: (f"{one.rotation or 0:g} degrees" for one in pictures),
        ChangeKind.SOUND: ("as it begins", *film.sounds),
    }
    different = {
        kind: tuple(dict.fromkeys(one for one in given if one is not None))
        for kind, given in values.items()
    }
    by_kind = {change.kind: change for change in known}
    by_kind |= {kind: Change(kind=kind, values=of) for kind, of in different.items() if len(of) > 1}
    return tuple(by_kind[kind] for kind in ChangeKind if kind in by_kind)


def _aspects(film: FilmFacts) -> tuple[str, ...]:
    """Sample aspects; unknown ones are square. Where several sizes follow each other, each has an
    aspect of its own."""
    said = film.aspects or tuple(one.sample_aspect or "1/1" for one in film.pictures)
    return tuple(_plain_aspect(text) for text in said)


def _plain_aspect(text: str) -> str:
    value = ratio(text.replace(":", "/")) or Fraction(1)
    return f"{value.numerator}:{value.denominator}"


def _shown_depth(picture: ShownPicture) -> str | None:
    depth = bit_depth(picture.pix_fmt, None)
    return None if depth is None else f"{depth} bit"


def _shown_chroma(picture: ShownPicture) -> str | None:
    found = chroma(picture.pix_fmt)
    if found is None or not found.isdigit():
        return found
    return ":".join(found)


def _transfers(pictures: Iterable[ShownPicture]) -> list[str | None]:
    """Pictures without a transfer are SDR to every player: that counts only beside HDR."""
    said = [one.transfer for one in pictures]
    if HDR_TRANSFERS.isdisjoint(filter(None, said)):
        return said
    return [one or "unknown (SDR)" for one in said]
