"""Canonical form, digests and fingerprints of the settings that affect the output. Pure.

Fingerprints of targets and approvals of clips depend on it. Fields at their default are left out,
so a later version can add a setting without making targets or approvals stale. A number found by
search or measurement is left out too; the request for it is included instead.

Not in a fingerprint: names and order of rules, comments, paths, thread counts, tool versions.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import msgspec
from msgspec.structs import fields, replace

from av1rules.base.memo import by_identity
from av1rules.base.text import text_digest
from av1rules.media.source import Source
from av1rules.policy.deinterlacing import BWDIF, picture_rate
from av1rules.policy.settings import (
    AUTO,
    DEINTERLACE_FIELDS,
    DEINTERLACE_FRAMES,
    NOT_IN_FINGERPRINT,
    STORED_NAMES,
    EncodeSettings,
    show_value,
)
from av1rules.policy.tracks.choice import ChosenTracks, choose_tracks
from av1rules.policy.tracks.rules import ALL, TrackChoice

UNKNOWN_BIT_DEPTH = 10
"""An unknown depth becomes 10 bit: 10-bit video reduced to 8 shows banding; the reverse costs
little."""

DEFAULTS: dict[str, object] = {
    item.name: item.default for item in fields(EncodeSettings) if not item.required
}

_TRACKS = "tracks"
"""What `audio` and `subtitles` come to for one source."""

_NOT_IN_RULES = frozenset({"film_grain_auto", _TRACKS})
"""Fields without a name of their own in rules: the first is shown as `film_grain: auto`."""

NAMES = tuple(item.name for item in fields(EncodeSettings) if item.name not in _NOT_IN_RULES)
"""Settings by their names in a rules file, in the order of `EncodeSettings`."""

_OF_PICTURES = tuple(name for name in NAMES if name not in NOT_IN_FINGERPRINT)

OUTPUT_AFFECTING = (*_OF_PICTURES, _TRACKS)
"""The settings that affect the output."""

ADJUSTABLE = tuple(name for name in _OF_PICTURES if name != "quality_target")
"""The settings that a user can adjust for one film: a CRF replaces a target."""

_REQUESTS = ("quality_target", "film_grain_auto", "quality_gate")

_NO_DEFAULT = object()
_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODER = msgspec.json.Decoder(EncodeSettings)


def effective(settings: EncodeSettings, source: Source) -> EncodeSettings:
    """The settings as they apply to this source, so that a change without effect doesn't count.

    Bit depth "as the source" becomes a number, `keyint` in seconds becomes frames of the target, a
    deinterlacer is off if the video is known to be progressive, and without one its rate does
    not count. Rules for tracks become the tracks that go and the flags that change.
    """
    main = source.main
    if main is None:
        return settings
    made = _effective(settings, main.bit_depth, main.frame_rate, is_interlaced=main.is_interlaced)
    choice = chosen_tracks(source, settings).choice
    return made if choice is None else _with_tracks(made, choice)


@functools.lru_cache(maxsize=1024)
def _with_tracks(settings: EncodeSettings, choice: TrackChoice) -> EncodeSettings:
    return replace(settings, tracks=choice)


def chosen_tracks(source: Source, settings: EncodeSettings) -> ChosenTracks:
    """What the rules for tracks in `settings` come to for this source, with the reasons."""
    return choose_tracks(source, settings.audio or None, settings.subtitles or None)


def of_pictures(settings: EncodeSettings) -> EncodeSettings:
    """The settings without a word of tracks: what a measurement, a search or a clip depends on."""
    return replace(settings, audio=msgspec.UNSET, subtitles=msgspec.UNSET, tracks=msgspec.UNSET)


@functools.lru_cache(maxsize=1024)  # a library has few settings and many films
def _effective(
    settings: EncodeSettings,
    bit_depth: int | None,
    frame_rate: Fraction | None,
    *,
    is_interlaced: bool | None,
) -> EncodeSettings:
    depth = settings.bit_depth or _kept_depth(bit_depth)
    deinterlace = "off" if is_interlaced is False else settings.deinterlace
    is_by_fields = deinterlace == BWDIF and settings.deinterlace_rate == DEINTERLACE_FIELDS
    rate = DEINTERLACE_FIELDS if is_by_fields else msgspec.UNSET
    settings = replace(settings, bit_depth=depth, deinterlace=deinterlace, deinterlace_rate=rate)
    keyint = _keyint_frames(settings.keyint, picture_rate(frame_rate, settings))
    return replace(settings, keyint=keyint)


def _kept_depth(depth: int | None) -> int:
    if depth is None:
        return UNKNOWN_BIT_DEPTH
    return 8 if depth <= 8 else 10


def _keyint_frames(keyint: str | None, frame_rate: Fraction | None) -> str | None:
    if keyint is None or not keyint.endswith("s") or not frame_rate:
        return keyint
    return str(max(1, round(float(keyint[:-1]) * float(frame_rate))))


def output_affecting(settings: EncodeSettings) -> dict[str, object]:
    """The settings that affect the output and are not at their default."""
    values = {name: getattr(settings, name) for name in OUTPUT_AFFECTING}
    values["crf"] = float(settings.crf)  # 18 and 18.0 must have the same spelling
    if settings.film_grain_auto:
        values["film_grain"] = AUTO
    if settings.quality_target is not None:
        values["quality_target"] = settings.quality_target.text
        del values["crf"]
    return {
        name: value for name, value in values.items() if value != DEFAULTS.get(name, _NO_DEFAULT)
    }


@functools.lru_cache(maxsize=1024)
def output_affecting_json(settings: EncodeSettings) -> str:
    """`output_affecting` as canonical JSON, by the stored names."""
    values = {
        STORED_NAMES.get(name, name): value for name, value in output_affecting(settings).items()
    }
    return _ENCODER.encode(values).decode()


@functools.lru_cache(maxsize=1024)
def settings_digest(settings: EncodeSettings) -> str:
    """32 hex digits over the settings that affect the pictures, independent of the content: an
    approval or a sample says nothing of tracks."""
    return text_digest(output_affecting_json(of_pictures(settings)))


def fingerprint(content_key: str, settings: EncodeSettings) -> str:
    """32 hex digits over the source's content key and the settings that affect the output."""
    return text_digest(f"{content_key}\n{output_affecting_json(settings)}")


def only_output_affecting(settings: EncodeSettings) -> EncodeSettings:
    """The settings without those that only decide whether to encode: for the provenance tag."""
    deciding: dict[str, Any] = {name: DEFAULTS[name] for name in NOT_IN_FINGERPRINT}
    return replace(settings, **deciding)


def settings_json(settings: EncodeSettings) -> str:
    """All fields in canonical JSON: kept whole, so that a later plan can say what changed. Absent
    requests are left out: a ledger has a row like this for each film."""
    values = msgspec.to_builtins(settings)
    for name in _REQUESTS:
        if not getattr(settings, name):
            del values[STORED_NAMES.get(name, name)]
    return _ENCODER.encode(values).decode()


def parse_settings(text: str) -> EncodeSettings:
    """The inverse of `settings_json`. Raises msgspec.ValidationError."""
    return _DECODER.decode(text)


def in_words(settings: EncodeSettings) -> tuple[tuple[str, str], ...]:
    """What affects the pictures, as in a rules file: `(("crf", "18"), ("preset", "3"))`."""
    found = output_affecting(of_pictures(settings))
    return tuple((name, show_value(value)) for name, value in found.items())


def shown(settings: EncodeSettings, name: str) -> str:
    """One setting as text: `auto` with the number found, an absent target as `none`."""
    value = getattr(settings, name)
    if value is msgspec.UNSET and name in ("audio", "subtitles", "on_change", _TRACKS):
        return ALL
    if value is msgspec.UNSET:
        return DEINTERLACE_FRAMES if settings.deinterlace == BWDIF else "none"
    if name == "film_grain" and settings.film_grain_auto:
        return f"{AUTO} ({value})" if value else AUTO
    if name == "crf" and settings.quality_target is not None:
        return f"{show_value(value)} by target"
    return "none" if name in STORED_NAMES and value is None else show_value(value)


@by_identity
def changed_settings(
    before: EncodeSettings, after: EncodeSettings
) -> tuple[tuple[str, str, str], ...]:
    """The output-affecting settings that differ, as (name, before, after), as text."""
    old, new = output_affecting(before), output_affecting(after)
    differing = (name for name in OUTPUT_AFFECTING if old.get(name) != new.get(name))
    return tuple((name, shown(before, name), _requested(after, name)) for name in differing)


def _requested(settings: EncodeSettings, name: str) -> str:
    """Like `shown`, without a number that was found for a target."""
    is_searched = name == "crf" and settings.quality_target is not None
    return "by target" if is_searched else shown(settings, name)


def with_changes(settings: EncodeSettings, changes: Mapping[str, object]) -> EncodeSettings:
    """Settings with others on top, by their names in a rules file; a CRF ends a target, `auto` a
    number of grain and the other way round."""
    values: dict[str, Any] = dict(changes)
    if "crf" in values:
        values.setdefault("quality_target", None)
    if "film_grain" in values:
        is_auto = values["film_grain"] == AUTO
        values["film_grain_auto"] = is_auto
        values["film_grain"] = 0 if is_auto else values["film_grain"]
    changed = replace(settings, **values)
    if changed.film_grain == 0 and not changed.film_grain_auto:
        # Without synthesis there is no denoising: a fixed value, so that it can't make a file
        # stale.
        changed = replace(changed, film_grain_denoise=True)
    return changed
