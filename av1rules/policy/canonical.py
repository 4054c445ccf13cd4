"""What a target depends on, as one value: source content plus the settings that shape it. Pure.

Not in it: names and order of rules, comments, paths, thread counts, tool versions.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from fractions import Fraction
from typing import Any

import msgspec

from av1rules.base.text import text_digest
from av1rules.media.source import Source
from av1rules.policy.settings import AUTO, NOT_IN_FINGERPRINT, EncodeSettings, show_value

UNKNOWN_BIT_DEPTH = 10
"""Unknown depth becomes 10 bit: a 10-bit picture cut to 8 bands, the other way costs a little."""


_REQUESTED = ("target", "film_grain_auto", "verify")


_JSON_ENCODER = msgspec.json.Encoder(order="deterministic")


_JSON_DECODER = msgspec.json.Decoder(EncodeSettings)


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
    for name in _REQUESTED:
        if not values[name]:
            del values[name]
    return _JSON_ENCODER.encode(values).decode()


def parse_settings(text: str) -> EncodeSettings:
    """The inverse of `settings_json`. Raises msgspec.ValidationError."""
    return _JSON_DECODER.decode(text)


def changed_settings(
    before: EncodeSettings, after: EncodeSettings
) -> tuple[tuple[str, str, str], ...]:
    """The shaping settings that differ, as (name, before, after), for people."""
    old, new = shaping(before), shaping(after)
    differing = (name for name in SHAPING if old.get(name) != new.get(name))
    return tuple((name, shown(before, name), _requested(after, name)) for name in differing)


def _requested(settings: EncodeSettings, name: str) -> str:
    """As `shown`, without the number that a target is still to come to."""
    is_searched = name == "crf" and settings.target is not None
    return "by target" if is_searched else shown(settings, name)


DEFAULTS: dict[str, object] = {
    item.name: item.default for item in fields(EncodeSettings) if item.default is not MISSING
}


_PART_OF_ANOTHER = "film_grain_auto"
"""Told as `film_grain: auto`."""


NAMES = tuple(item.name for item in fields(EncodeSettings) if item.name != _PART_OF_ANOTHER)
"""Settings as people name them, in the order of `EncodeSettings`."""


SHAPING = tuple(name for name in NAMES if name not in NOT_IN_FINGERPRINT)
"""Those that can change the result."""


ADJUSTABLE = tuple(name for name in SHAPING if name != "target")
"""Those that a person may set for one film: a CRF of its own takes the place of a target."""


_NO_DEFAULT = object()


_ENCODER = msgspec.json.Encoder(order="deterministic")


def shaping(settings: EncodeSettings) -> dict[str, object]:
    """The shaping settings that are not at their default."""
    values = {name: getattr(settings, name) for name in SHAPING}
    values["crf"] = float(settings.crf)  # 18 and 18.0 are equal, and must be spelled alike
    if settings.film_grain_auto:
        values["film_grain"] = AUTO
    if settings.target is not None:
        values["target"] = settings.target.text
        del values["crf"]
    return {
        name: value for name, value in values.items() if value != DEFAULTS.get(name, _NO_DEFAULT)
    }


def shaping_json(settings: EncodeSettings) -> str:
    """`shaping` as canonical JSON."""
    return _ENCODER.encode(shaping(settings)).decode()


@functools.lru_cache(maxsize=1024)  # a library has few settings and many films
def settings_digest(settings: EncodeSettings) -> str:
    """32 hex digits over `shaping_json`, whatever the content."""
    return text_digest(shaping_json(settings))


def in_words(settings: EncodeSettings) -> tuple[tuple[str, str], ...]:
    """`shaping` as a person writes it: `(("crf", "18"), ("preset", "3"))`."""
    return tuple((name, show_value(value)) for name, value in shaping(settings).items())


def shown(settings: EncodeSettings, name: str) -> str:
    """One setting for people: `auto` with the number it came to, a target that is none as that."""
    value = getattr(settings, name)
    if name == "film_grain" and settings.film_grain_auto:
        return f"{AUTO} ({value})" if value else AUTO
    if name == "crf" and settings.target is not None:
        return f"{show_value(value)} by target"
    return "none" if name in ("target", "verify") and value is None else show_value(value)


def with_changes(settings: EncodeSettings, changes: Mapping[str, object]) -> EncodeSettings:
    """Settings with others on top, by their names in a rules file; a CRF ends a target, `auto` a
    number of grain and the other way round."""
    values: dict[str, Any] = dict(changes)
    if "crf" in values:
        values.setdefault("target", None)
    if "film_grain" in values:
        is_auto = values["film_grain"] == AUTO
        values["film_grain_auto"] = is_auto
        values["film_grain"] = 0 if is_auto else values["film_grain"]
    changed = replace(settings, **values)
    if changed.film_grain == 0 and not changed.film_grain_auto:
        # Without synthesis nothing is taken out; one fixed value, so it can't make a file stale.
        changed = replace(changed, film_grain_denoise=True)
    return changed
