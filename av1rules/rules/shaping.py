"""The part of the settings that shapes the result, in one spelling and as a digest. Pure.

Fingerprints of targets and approvals of clips stand on it. Fields at their default are left out,
so that a later version may add a setting and nothing that was made or approved goes stale.
"""

from __future__ import annotations

import functools
from dataclasses import MISSING, fields

import msgspec

from av1rules.base.digest import text_digest
from av1rules.rules.settings import NOT_IN_FINGERPRINT, EncodeSettings, show_value

DEFAULTS: dict[str, object] = {
    item.name: item.default for item in fields(EncodeSettings) if item.default is not MISSING
}
SHAPING = tuple(item.name for item in fields(EncodeSettings) if item.name not in NOT_IN_FINGERPRINT)
"""Names of the fields that can change the result, in the order of `EncodeSettings`."""

_NO_DEFAULT = object()
_ENCODER = msgspec.json.Encoder(order="deterministic")


def shaping(settings: EncodeSettings) -> dict[str, object]:
    """The shaping fields that are not at their default."""
    values = ((name, getattr(settings, name)) for name in SHAPING)
    return {name: value for name, value in values if value != DEFAULTS.get(name, _NO_DEFAULT)}


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
