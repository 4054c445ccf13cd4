"""What a target depends on, as one value: source content plus the settings that shape it. Pure.

Not in it: names and order of rules, comments, paths, thread counts, tool versions.
"""

from __future__ import annotations

from dataclasses import MISSING, fields, replace
from fractions import Fraction

import msgspec

from av1rules.base.digest import text_digest
from av1rules.library.source import Source
from av1rules.rules.settings import NOT_IN_FINGERPRINT, EncodeSettings

UNKNOWN_BIT_DEPTH = 10
"""Unknown depth becomes 10 bit: a 10-bit picture cut to 8 bands, the other way costs a little."""

_FIELDS = tuple(item.name for item in fields(EncodeSettings))
_SHAPING = tuple(name for name in _FIELDS if name not in NOT_IN_FINGERPRINT)
_NO_DEFAULT = object()
_DEFAULTS = {
    item.name: item.default for item in fields(EncodeSettings) if item.default is not MISSING
}
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
    """32 hex digits over the source's content key and the shaping fields of `settings`.

    Fields at their default are left out, so that a later version may add a setting without
    making every target of every library stale.
    """
    values = ((name, getattr(settings, name)) for name in _SHAPING)
    shaping = {name: value for name, value in values if value != _DEFAULTS.get(name, _NO_DEFAULT)}
    return text_digest(f"{content_key}\n{_ENCODER.encode(shaping).decode()}")


def shaping_only(settings: EncodeSettings) -> EncodeSettings:
    """The settings with all that only decides *whether* at its default: for the output's tag."""
    deciding = {name: _DEFAULTS[name] for name in NOT_IN_FINGERPRINT}
    return replace(settings, **deciding)


def settings_json(settings: EncodeSettings) -> str:
    """All fields in canonical JSON: kept whole, so that a later plan can say what changed."""
    return _ENCODER.encode(settings).decode()


def parse_settings(text: str) -> EncodeSettings:
    """The inverse of `settings_json`. Raises msgspec.ValidationError."""
    return _DECODER.decode(text)


def changed_fields(
    before: EncodeSettings, after: EncodeSettings
) -> tuple[tuple[str, object, object], ...]:
    """The shaping fields that differ, as (field, before, after)."""
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in _SHAPING)
    return tuple((name, old, new) for name, old, new in pairs if old != new)
