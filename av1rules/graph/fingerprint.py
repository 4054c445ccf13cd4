"""What a target depends on, as one value: source content plus the settings that shape it. Pure.

Not in it: names and order of rules, comments, paths, thread counts, tool versions.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import msgspec

from av1rules.base.digest import text_digest
from av1rules.library.source import Source
from av1rules.rules.settings import NOT_IN_FINGERPRINT, EncodeSettings
from av1rules.rules.shaping import DEFAULTS, SHAPING, shaping, shaping_json, shown

UNKNOWN_BIT_DEPTH = 10
"""Unknown depth becomes 10 bit: a 10-bit picture cut to 8 bands, the other way costs a little."""

_WISHES = ("target", "film_grain_auto", "verify")

_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODER = msgspec.json.Decoder(EncodeSettings)


def effective(settings: EncodeSettings, source: Source) -> EncodeSettings:
    """The settings with what this source makes of them, so that a change without effect is none.

    Bit depth "as the source" becomes a number, `keyint` in seconds becomes frames, and a
    deinterlacer is off where the pictures are known to be progressive.
    """
    main = source.main
    if main is None:
        return settings
    depth = settings.bit_depth or _kept_depth(main.bit_depth)
    deinterlace = "off" if main.is_interlaced is False else settings.deinterlace
    keyint = _keyint_frames(settings.keyint, main.frame_rate)
    return replace(settings, bit_depth=depth, deinterlace=deinterlace, keyint=keyint)


def _kept_depth(depth: int | None) -> int:
    if depth is None:
        return UNKNOWN_BIT_DEPTH
    return 8 if depth <= 8 else 10


def _keyint_frames(keyint: str | None, frame_rate: Fraction | None) -> str | None:
    if keyint is None or not keyint.endswith("s") or not frame_rate:
        return keyint
    return str(max(1, round(float(keyint[:-1]) * float(frame_rate))))


def fingerprint(content_key: str, settings: EncodeSettings) -> str:
    """32 hex digits over the source's content key and the shaping fields of `settings`."""
    return text_digest(f"{content_key}\n{shaping_json(settings)}")


def shaping_only(settings: EncodeSettings) -> EncodeSettings:
    """The settings with all that only decides *whether* at its default: for the output's tag."""
    deciding: dict[str, Any] = {name: DEFAULTS[name] for name in NOT_IN_FINGERPRINT}
    return replace(settings, **deciding)


def settings_json(settings: EncodeSettings) -> str:
    """All fields in canonical JSON: kept whole, so that a later plan can say what changed. Wishes
    that are not there are left out: a ledger has a row like this for each film."""
    values = msgspec.to_builtins(settings)
    for name in _WISHES:
        if not values[name]:
            del values[name]
    return _ENCODER.encode(values).decode()


def parse_settings(text: str) -> EncodeSettings:
    """The inverse of `settings_json`. Raises msgspec.ValidationError."""
    return _DECODER.decode(text)


def changed_settings(
    before: EncodeSettings, after: EncodeSettings
) -> tuple[tuple[str, str, str], ...]:
    """The shaping settings that differ, as (name, before, after), for people."""
    old, new = shaping(before), shaping(after)
    differing = (name for name in SHAPING if old.get(name) != new.get(name))
    return tuple((name, shown(before, name), _wished(after, name)) for name in differing)


def _wished(settings: EncodeSettings, name: str) -> str:
    """As `shown`, without the number that a target is still to come to."""
    is_searched = name == "crf" and settings.target is not None
    return "by target" if is_searched else shown(settings, name)
