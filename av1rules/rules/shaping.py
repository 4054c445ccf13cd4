"""The part of the settings that shapes the result, in one spelling and as a digest. Pure.

Fingerprints of targets and approvals of clips stand on it. Fields at their default are left out,
so that a later version may add a setting and nothing that was made or approved goes stale. A number
that was found by search or measurement is left out too: the wish for it stands in its place.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from typing import Any

import msgspec

from av1rules.base.digest import text_digest
from av1rules.rules.settings import AUTO, NOT_IN_FINGERPRINT, EncodeSettings, show_value

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
