"""Which ordinary picture lies below a film's Dolby Vision. Pure.

By Dolby's "Profiles and Levels": the compatibility number of the record promises the base layer;
old profiles have it by definition. Profile 5, and 10 and 20 with number 0, hold IPT colours that
nothing but Dolby Vision shows rightly.
"""

from __future__ import annotations

from msgspec.structs import replace

from av1rules.media.source import Colour, VideoStream

PQ, HLG, SDR = "smpte2084", "arib-std-b67", "bt709"

VIEWABLE_BASE_TRANSFERS = frozenset({PQ, HLG, SDR, "bt2020-10"})

_BY_COMPATIBILITY = {1: PQ, 2: SDR, 4: HLG, 6: PQ}

_BY_PROFILE = {0: SDR, 2: SDR, 4: SDR, 6: PQ, 7: PQ, 9: SDR}

_WITHOUT_BASE = frozenset({1, 3, 5})
_WITHOUT_BASE_AT_0 = frozenset({10, 20})

BASE_NAMES = {PQ: "HDR10", HLG: "HLG", SDR: "SDR"}


def base_transfer(main: VideoStream) -> str | None:
    """The transfer of the ordinary picture, as tagged or as the record promises; None if there
    is no such picture."""
    vision, tagged = main.dolby_vision, main.colour.transfer
    profile = vision.profile if vision else None
    compatibility = vision.compatibility_id if vision else None
    if profile in _WITHOUT_BASE or (profile in _WITHOUT_BASE_AT_0 and compatibility == 0):
        return None
    if tagged is not None:
        return tagged if tagged in VIEWABLE_BASE_TRANSFERS else _promised(profile, compatibility)
    return _promised(profile, compatibility)


def _promised(profile: int | None, compatibility: int | None) -> str | None:
    if compatibility:
        return _BY_COMPATIBILITY.get(compatibility)
    return _BY_PROFILE.get(profile) if profile is not None else None


def untagged_base(main: VideoStream) -> Colour | None:
    """The colours to tag the ordinary picture with, where the record promises HDR and the pictures
    are not tagged: without it, players would take them for SDR. None where nothing is missing."""
    base = base_transfer(main)
    if main.dolby_vision is None or main.colour.transfer is not None or base in (None, SDR):
        return None
    tagged = main.colour
    return replace(
        tagged,
        transfer=base,
        primaries=tagged.primaries or "bt2020",
        matrix=tagged.matrix or "bt2020nc",
    )
