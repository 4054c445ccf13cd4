"""The key `review` of a rule: which encodes are seen as a clip first, and how long that is."""

from __future__ import annotations

import re

from av1rules.base.text import printable
from av1rules.base.units import format_duration
from av1rules.policy.model import (
    LONGEST_CLIP_S,
    MOST_CANARIES,
    SHORTEST_CLIP_S,
    Action,
    ActionKind,
    ReviewKind,
    ReviewSpec,
)
from av1rules.policy.reader import Cursor

_CANARY = re.compile(r"canary\s*\(\s*(\d{1,9})\s*\)")
_CANARY_MEANT = re.compile(r"canary\D*(\d{1,9})\D*")
_REQUEST = "each, canary(3) or never"


def build_review(cursor: Cursor | None, action: Action | None) -> ReviewSpec | None:
    """The review of a rule with this action, the long form or a word alone."""
    if cursor is None:
        return None
    if action is not None and action.kind is not ActionKind.ENCODE:
        cursor.warn(
            f"review is of no effect: this rule says {action.kind.value}",
            hint="it is for rules that encode",
            at_key=True,
        )
    if not cursor.is_mapping:
        kind, canary = _approve(cursor)
        return ReviewSpec(kind=kind, canary=canary, place=cursor.key_place)
    approve, clip = cursor.get("approve"), cursor.get("clip")
    kind, canary = (None, None) if approve is None else _approve(approve)
    if clip is not None and kind is ReviewKind.NEVER:
        clip.warn("no clip is made with approve: never", hint="leave clip out", at_key=True)
    return ReviewSpec(
        kind=kind,
        canary=canary,
        clip_s=None if clip is None else _clip_s(clip),
        place=cursor.key_place,
    )


def _approve(cursor: Cursor) -> tuple[ReviewKind | None, int | None]:
    text = cursor.text()
    if text is None:
        return None, None
    for kind in (ReviewKind.EACH, ReviewKind.NEVER):
        if text.strip() == kind.value:
            return kind, None
    found = _CANARY.fullmatch(text.strip())
    if found is None:
        shown = printable(text, limit=60)
        cursor.fault(f"expected {_REQUEST}, found {shown}", hint=_hint(text))
        return None, None
    count = int(found[1])
    if count < 1:
        cursor.fault("canary(0) would release the rule unseen", hint="that is: never")
    elif count > MOST_CANARIES:
        cursor.fault(f"{count} is above the maximum {MOST_CANARIES}", hint="to see all: each")
    return ReviewKind.CANARY, count


def _hint(text: str) -> str | None:
    plain = text.strip().lower()
    if (meant := _CANARY_MEANT.fullmatch(plain)) is not None:
        return f"write canary({int(meant[1])})"
    if plain.startswith("canar"):
        return "say how many must be approved: canary(3)"
    meanings = {"all": "each", "always": "each", "every": "each", "none": "never", "no": "never"}
    word = plain if plain in ("each", "never") else meanings.get(plain)
    return None if word is None else f"write {word}"


def _clip_s(cursor: Cursor) -> float | None:
    clip_s = cursor.duration()
    if clip_s is None:
        return None
    if not SHORTEST_CLIP_S <= clip_s <= LONGEST_CLIP_S:
        bounds = f"{SHORTEST_CLIP_S:g}s to {LONGEST_CLIP_S:g}s"
        cursor.fault(
            f"a clip of {format_duration(clip_s)} is not within {bounds}",
            hint="shorter shows too little, longer costs without telling more",
        )
        return None
    return clip_s
