"""Parses the settings that a user requests for the next clip, from options or `key=value`. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from av1rules.approvals.model import changed_words
from av1rules.approvals.write import yaml_word
from av1rules.base.errors import UsageError
from av1rules.base.text import printable
from av1rules.policy.decode_settings import settings_of
from av1rules.policy.fingerprint import ADJUSTABLE, DEFAULTS, in_words, output_affecting, shown
from av1rules.policy.schema import settings_problems
from av1rules.policy.settings import EncodeSettings
from av1rules.policy.yaml.document import parse_document

CRF_STEP = 2.0
"""How far a plain `adjust` lowers the CRF: an eighth to a quarter more bits, as av1d did."""

_BETWEEN = re.compile(r",(?=\s*[a-z_]+\s*=)")
"""A comma between two settings: unlike one inside a value, a key follows it."""


def requested_changes(
    settings: EncodeSettings, *, crf: float | None, is_slower: bool, words: Sequence[str]
) -> dict[str, object]:
    """The changed settings; `words` are `key=value`. Without any, the CRF goes down by `CRF_STEP`.

    Raises UsageError for a setting that is unknown, out of bounds, or already at its lowest.
    """
    texts = list(words)
    if crf is not None:
        texts.append(f"crf={crf:g}")
    if is_slower:
        if settings.preset <= 0:
            raise UsageError("preset 0 is the slowest already", hint="a lower CRF: --crf")
        texts.append(f"preset={settings.preset - 1}")
    if not texts:
        if settings.crf <= 0:
            raise UsageError("CRF 0 is the lowest already", hint="a slower preset: --slower")
        texts.append(f"crf={max(settings.crf - CRF_STEP, 0):g}")
    return parsed_settings(texts, ADJUSTABLE)


def requested_variants(
    settings: EncodeSettings, *, sets: Sequence[str], crfs: Sequence[float], is_slower: bool
) -> tuple[dict[str, object], ...]:
    """The changed settings of each requested variant.

    There is one per entry of `sets` (`key=value`, separated by commas) and of `crfs`, and one for
    `is_slower`.

    Raises UsageError for what `requested_changes` refuses, and when no variant is requested.
    """
    variants = [
        requested_changes(settings, crf=None, is_slower=False, words=split_settings(text))
        for text in sets
    ]
    variants += [requested_changes(settings, crf=crf, is_slower=False, words=()) for crf in crfs]
    if is_slower:
        variants.append(requested_changes(settings, crf=None, is_slower=True, words=()))
    if not variants:
        raise UsageError("a variant of what?", hint="--set film_grain=4 --set film_grain=12,crf=20")
    return tuple(variants)


def changes_between(settings: EncodeSettings, goal: EncodeSettings) -> tuple[str, ...]:
    """The `key=value` words that turn `settings` into `goal`, as far as it can be adjusted."""
    old, new = DEFAULTS | output_affecting(settings), DEFAULTS | output_affecting(goal)
    return tuple(
        f"{name}={yaml_word(new[name])}"
        for name in ADJUSTABLE
        if new.get(name) is not None and new[name] != old.get(name)  # None can't be written
    )


def differing(settings: EncodeSettings, goal: EncodeSettings) -> tuple[str, ...]:
    """The names of the settings that differ, in the order of `EncodeSettings`."""
    return tuple(name for name, _, _ in changed_words(in_words(settings), in_words(goal)))


def described_changes(settings: EncodeSettings, goal: EncodeSettings) -> str:
    """The settings of `goal` that differ, as text: `film_grain 4, preset 5`."""
    names = differing(settings, goal)
    return ", ".join(f"{name} {printable(shown(goal, name), limit=80)}" for name in names)


def split_settings(text: str) -> tuple[str, ...]:
    """The words of one option: `crf=24,preset=5` is two."""
    return tuple(word.strip() for word in _BETWEEN.split(text))


def parsed_settings(texts: Sequence[str], allowed: Sequence[str]) -> dict[str, object]:
    """The settings of `key=value` words, checked as in a rules file. Raises UsageError."""
    lines = []
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or "\n" in text:
            raise UsageError(
                f"expected key=value, found {printable(text, limit=60)}", hint="--set film_grain=4"
            )
        lines.append(f"{key.strip()}: {value.strip()}")
    document = parse_document("\n".join(lines).encode("utf-8", "replace"), file="--set")
    problems = document.problems or settings_problems(document, (), allowed)
    if problems:
        first = problems[0]
        path = f"{first.path}: " if first.path else ""
        raise UsageError(f"{path}{first.message}", hint=first.hint)
    values = document.plain()
    assert isinstance(values, dict)  # the schema refuses anything else
    return settings_of(values)
