"""The tables of keys, which every migration has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from av1rules.base.text import counted, printable
from av1rules.operations.migrate.outcome import KeyFate, KeyOutcome
from av1rules.report.table import Column, Section, table_of


def keys_section(title: str, keys: Sequence[KeyOutcome], note: str | None = None) -> Section:
    """A row for each key. Values that are not in the file are those of the program itself."""
    return Section(title=title, note=note or fates_text(keys), table=table_of(_COLUMNS, keys))


def fates_text(keys: Iterable[KeyOutcome]) -> str:
    """How many keys have which fate."""
    found = Counter(one.fate for one in keys)
    return ", ".join(f"{found[fate]} {fate.value}" for fate in KeyFate if found[fate])


def _value_text(one: KeyOutcome) -> str:
    if one.value is not None:
        return printable(one.value)
    return "not there" if one.default is None else f"not there ({one.default})"


_COLUMNS: tuple[Column[KeyOutcome], ...] = (
    Column(header="key", value=lambda one: one.key),
    Column(header="value", value=_value_text),
    Column(header="becomes", value=lambda one: one.fate),
    Column(header="here", value=lambda one: one.ours, show=lambda v: v or ""),
    Column(header="why", value=lambda one: one.why, is_detail=True),
)


def unknown_line(keys: Iterable[KeyOutcome]) -> str | None:
    """That a file has keys that its program does not know."""
    names = [printable(one.key) for one in keys if one.fate is KeyFate.UNKNOWN]
    if not names:
        return None
    return f"{counted(len(names), 'key')} unknown: {', '.join(names)}"
