"""What a person asks of the next clip, as checked settings: by options, or in the words of a rules
file. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from av1rules.base.errors import UsageError
from av1rules.base.text import printable
from av1rules.rules.build_settings import build_layer
from av1rules.rules.document import parse_document
from av1rules.rules.model import Problem
from av1rules.rules.reader import Cursor
from av1rules.rules.setting_bounds import check_settings
from av1rules.rules.settings import EncodeSettings
from av1rules.rules.shaping import ADJUSTABLE

CRF_STEP = 2.0
"""What "better" means where nothing else is said: the predecessor's step, an eighth to a quarter
more bits."""


def wanted_changes(
    settings: EncodeSettings, *, crf: float | None, is_slower: bool, words: Sequence[str]
) -> dict[str, object]:
    """The changed settings: `words` are `key=value`; nothing at all means CRF `CRF_STEP` lower.

    Raises UsageError for a setting that is not known, out of bounds, or as low as it gets.
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
    return _parsed(texts)


def _parsed(texts: Sequence[str]) -> dict[str, object]:
    lines = []
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or "\n" in text:
            raise UsageError(
                f"expected key=value, found {printable(text, limit=60)}", hint="--set film_grain=4"
            )
        lines.append(f"{key.strip()}: {value.strip()}")
    document = parse_document("\n".join(lines).encode("utf-8", "replace"), file="--set")
    problems: list[Problem] = list(document.problems)
    found: dict[str, object] = {}
    if document.root is not None and not problems:
        cursor = Cursor(document.root, (), "--set", problems)
        check_settings(cursor, ADJUSTABLE)
        if not problems:
            layer = build_layer(cursor, "adjustment")
            found = {one.field: one.value for one in layer.settings}
    if problems:
        first = problems[0]
        path = f"{first.path}: " if first.path else ""
        raise UsageError(f"{path}{first.message}", hint=first.hint)
    return found
