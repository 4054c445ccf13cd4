"""How many pictures become of one coded frame: everything that counts frames or goes by their rate
asks here. Pure.
"""

from __future__ import annotations

from fractions import Fraction

from av1rules.media.source import VideoStream
from av1rules.policy.settings import DEINTERLACE_FIELDS, EncodeSettings

BWDIF, INVERSE_TELECINE = "bwdif", "inverse-telecine"

TELECINE_CYCLE = 5
"""Frames of 60i that hold four pictures of film, two fields here and three there."""

TELECINE_RATE = Fraction(30_000, 1001)
RATE_TOLERANCE = Fraction(1, 500)
"""30 frames a second are one part in a thousand from it, and telecined as often."""


def makes_fields(settings: EncodeSettings) -> bool:
    """Whether every field of interlaced frames becomes a picture of its own."""
    return settings.deinterlace == BWDIF and settings.deinterlace_rate == DEINTERLACE_FIELDS


def pictures_per_frame(settings: EncodeSettings) -> Fraction:
    """Pictures in the target for each frame of an interlaced source: 1, 2 or 4/5. The settings are
    the effective ones, which deinterlace no film that is known to be progressive."""
    if makes_fields(settings):
        return Fraction(2)
    if settings.deinterlace == INVERSE_TELECINE:
        return Fraction(TELECINE_CYCLE - 1, TELECINE_CYCLE)
    return Fraction(1)


def picture_rate(frame_rate: Fraction | None, settings: EncodeSettings) -> Fraction | None:
    """Pictures per second of the target; None where the source's rate is not known."""
    return None if frame_rate is None else frame_rate * pictures_per_frame(settings)


def is_telecine_rate(main: VideoStream) -> bool:
    """Whether film in this video can have been telecined: only in NTSC's 60 fields per second."""
    rate = main.frame_rate
    return rate is not None and abs(rate / TELECINE_RATE - 1) <= RATE_TOLERANCE


TELECINE_SEEN = (
    "telecined film was seen in it, 24 pictures in 60 fields per second: `deinterlace: "
    "inverse-telecine` gives them back"
)


def deinterlacing_notes(
    main: VideoStream, settings: EncodeSettings, *, is_film: bool | None = None
) -> tuple[str, ...]:
    """What becomes of the motion of an interlaced film, for the plan; nothing where nothing is
    deinterlaced. The settings are the effective ones. `is_film`: whether a look showed telecined
    film; None: nobody looked."""
    frames = main.frame_rate
    made = picture_rate(frames, settings)
    if frames is None or made is None or settings.deinterlace not in (BWDIF, INVERSE_TELECINE):
        return ()
    fields, pictures = _per_second(frames * 2), _per_second(made)
    if settings.deinterlace == INVERSE_TELECINE:
        return (f"inverse telecine: {fields} fields per second become {pictures} pictures of film",)
    if makes_fields(settings):
        note = f"deinterlaced: {fields} fields per second become {pictures} pictures per second"
    else:
        note = (
            f"deinterlaced: {fields} fields per second become {pictures} pictures per second: half "
            "the motion goes (`deinterlace_rate: fields` keeps it)"
        )
    if not is_telecine_rate(main) or is_film is False:
        return (note,)
    may_be = "film at 24 pictures in these 60 fields? `av1rules explain` looks"
    return (note, TELECINE_SEEN if is_film else may_be)


def _per_second(rate: Fraction) -> str:
    return f"{float(rate):.5g}"
