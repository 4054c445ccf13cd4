"""The section `output`: where targets go, and what becomes of originals, copies and orphans."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from av1rules.base.text import printable
from av1rules.base.units import UnitError, format_duration, parse_duration
from av1rules.policy.build_paths import folder_of
from av1rules.policy.model import (
    Copies,
    HardLinks,
    Originals,
    OriginalsKind,
    Orphans,
    OutputMode,
    OutputSpec,
    ReceiptForm,
    SideFiles,
)
from av1rules.policy.reader import Cursor
from av1rules.policy.section import Section, member_of

SHORT_KEEP_S = 86400.0
"""Originals kept for less than a day are probably meant to be kept for longer: `3m` is no month."""

_KEEP_FOR = re.compile(rf"{OriginalsKind.KEEP_FOR.value}\b\s*(?P<time>.*)", re.DOTALL)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_IN_WORDS = re.compile(r"(\d{1,4})\s*(day|week|month|year)s?")
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
_TO_DELETE = "to delete them for good"
_TO_KEEP = "to keep them without end: keep"
_DELETE_MEANT = ("delete", "remove", "none", "discard", "trash", "false", "no")


def build_output(cursor: Cursor | None, folder: Path) -> OutputSpec:
    """The section; paths start at `folder`."""
    values = Section(cursor).fields(
        mode=("mode", member_of(OutputMode)),
        root=("root", lambda item: folder_of(item, folder)),
        suffix=("suffix", _suffix),
        temp_dir=("temp_dir", lambda item: folder_of(item, folder)),
        receipts=("receipts", member_of(ReceiptForm)),
        keep_mtime=("keep_mtime", Cursor.boolean),
        keep_mode=("keep_mode", Cursor.boolean),
        keep_owner=("keep_owner", Cursor.boolean),
        keep_xattrs=("keep_xattrs", Cursor.boolean),
        originals=("originals", _originals),
        orphans=("orphans", member_of(Orphans)),
        copies=("copies", member_of(Copies)),
        hard_links=("hard_links", member_of(HardLinks)),
        side_files=("side_files", member_of(SideFiles)),
    )
    if cursor is not None:
        _check_mode(cursor, values)
    return OutputSpec(place=None if cursor is None else cursor.key_place, **values)


def _suffix(cursor: Cursor) -> str | None:
    text = cursor.text()
    if text is None:
        return None
    if not text or "/" in text or "\0" in text:
        cursor.fault("expected a part of a file name such as .av1")
        return None
    return text


def _originals(cursor: Cursor) -> Originals | None:
    text = cursor.text()
    if text is None:
        return None
    for kind in (OriginalsKind.KEEP, OriginalsKind.DELETE):
        if text == kind.value:
            return Originals(kind=kind)
    found = _KEEP_FOR.fullmatch(text)
    if found is None:
        shown = printable(text, limit=60)
        message = f"expected keep, keep for 30d or delete after verify, found {shown}"
        cursor.fault(message, hint=_originals_hint(text))
        return None
    keep_s = _keep_time(cursor, found["time"].strip())
    return None if keep_s is None else Originals(kind=OriginalsKind.KEEP_FOR, keep_s=keep_s)


def _originals_hint(text: str) -> str | None:
    plain = text.strip().lower()
    if plain.startswith(_DELETE_MEANT):
        return f"{_TO_DELETE}: {OriginalsKind.DELETE.value}"
    if (time := _time_meant(plain.removeprefix("keep").strip().removeprefix("for"))) is not None:
        return f"write keep for {time}"
    return "write keep" if plain.startswith("keep") else None


def _keep_time(cursor: Cursor, text: str) -> float | None:
    """Seconds. A number alone is refused: those who write 30 mean days, our units say seconds."""
    if _NUMBER.fullmatch(text):
        cursor.fault("keep for needs a unit", hint=f"for days: keep for {text}d")
        return None
    try:
        keep_s = parse_duration(text)
    except UnitError as error:
        meant = _time_meant(text)
        hint = f"write keep for {meant}" if meant is not None else error.hint or _TO_KEEP
        shown = printable(text, limit=60) or "nothing"
        cursor.fault(f"expected a time such as 30d or 2w behind keep for, found {shown}", hint=hint)
        return None
    if keep_s <= 0:
        hint = f"{_TO_DELETE}: {OriginalsKind.DELETE.value}"
        cursor.fault("keep for needs more than 0 seconds", hint=hint)
        return None
    if keep_s < SHORT_KEEP_S:
        message = f"originals would be kept for {format_duration(keep_s)} only"
        cursor.warn(message, hint="m and min are minutes; d is days, w is weeks")
    return keep_s


def _time_meant(text: str) -> str | None:
    """`30d` for `30 days`; a duration as it is."""
    plain = text.strip().lower()
    if found := _IN_WORDS.fullmatch(plain):
        return f"{int(found[1]) * _DAYS[found[2]]}d"
    try:
        parse_duration(plain)
    except UnitError:
        return None
    return None if _NUMBER.fullmatch(plain) else plain


def _check_mode(cursor: Cursor, values: Mapping[str, Any]) -> None:
    """What the mode needs, and what it makes no use of."""
    mode = values.get("mode", OutputMode.BESIDE)
    at, root = cursor.get("mode"), cursor.get("root")
    if at is not None and "mode" not in values:
        return  # told already
    if at is not None and mode is OutputMode.MIRROR and root is None:
        at.fault("mode mirror needs a root", hint="add root: /path/to/av1 under output:")
    if root is not None and mode is not OutputMode.MIRROR:
        where = "would go next to" if mode is OutputMode.BESIDE else "take the place of"
        root.fault(
            f"root is not used in mode {mode.value}: targets {where} their sources",
            hint="write mode: mirror, or take root out",
            at_key=True,
        )
    _warn_unused(cursor, mode, values)
    if mode is OutputMode.REPLACE and _is_deleting(values):
        originals = cursor.get("originals")
        assert originals is not None
        originals.warn(
            "nothing is kept: an original is deleted for good once its target is verified, "
            "and av1rules undo can't bring it back",
            hint="keep for 30d leaves time to look at the targets",
        )


def _warn_unused(cursor: Cursor, mode: OutputMode, values: Mapping[str, Any]) -> None:
    """Only for values other than the default, which is true of every mode: `originals: keep`."""
    is_replace = mode is OutputMode.REPLACE
    others = "modes mirror and beside" if is_replace else "mode replace"
    for key in ("orphans",) if is_replace else ("originals", "hard_links"):
        if key in values and values[key] != getattr(OutputSpec(), key):
            below = cursor.get(key)
            assert below is not None
            below.warn(
                f"{key} is not used in mode {mode.value}",
                hint=f"it is for {others}: take it out",
                at_key=True,
            )


def _is_deleting(values: Mapping[str, Any]) -> bool:
    originals = values.get("originals")
    return originals is not None and originals.kind is OriginalsKind.DELETE
