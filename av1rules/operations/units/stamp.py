"""The mark of files that `av1rules service` writes: who asked for what, and the digest of the rest,
by which an edit is seen. Pure."""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from av1rules.base.text import text_digest
from av1rules.operations.units.model import ServiceRequest

_MARK = "av1rules service:"
_TWO_DASHES = r"\u002d\u002d"
_WRITTEN = re.compile(rf"^(?:#|<!--) {_MARK} (\{{.*\}})(?: -->)?\n", re.MULTILINE)


class UnitState(StrEnum):
    """What stands where a file of a service is to be."""

    ABSENT = "absent"
    CURRENT = "current"  # as it would be written now
    OUTDATED = "outdated"  # ours; policy, options or av1rules have changed since
    EDITED = "edited"  # ours once; somebody changed it
    FOREIGN = "foreign"  # not ours
    UNKNOWN = "unknown"  # ours, unedited; its rules can't be read, so nothing says what is due


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    digest: str
    request: ServiceRequest


def stamped(text: str, request: ServiceRequest) -> str:
    """The text of a unit or crontab with its mark on a line of its own, above; below the first
    line of a property list, which must be the declaration."""
    raw = msgspec.json.encode(Stamp(digest=text_digest(text), request=request)).decode()
    # `--` must not stand in a comment of XML.
    mark = f"{_MARK} {raw.replace('--', _TWO_DASHES)}"
    if text.startswith("<?xml"):
        first, _, rest = text.partition("\n")
        return f"{first}\n<!-- {mark} -->\n{rest}"
    return f"# {mark}\n{text}"


def read_stamp(text: str) -> tuple[Stamp, bool] | None:
    """The mark, and whether the rest is as it was written; None: not ours."""
    found = _WRITTEN.search(text)
    if found is None:
        return None
    try:
        stamp = msgspec.json.decode(found[1], type=Stamp)
    except msgspec.MsgspecError:
        return None
    rest = text[: found.start()] + text[found.end() :]
    return stamp, text_digest(rest) == stamp.digest


def state_of(there: str | None, wanted: str) -> UnitState:
    """What `there` is to the text that would be written now."""
    if there is None:
        return UnitState.ABSENT
    if there == wanted:
        return UnitState.CURRENT
    read = read_stamp(there)
    if read is None:
        return UnitState.FOREIGN
    return UnitState.OUTDATED if read[1] else UnitState.EDITED
