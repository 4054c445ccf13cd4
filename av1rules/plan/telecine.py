"""What is remembered of a film's telecine; `execute/telecine.py` looks."""

from __future__ import annotations

from av1rules.plan.workspace import Workspace

_VERSION = 1
"""Raised whenever the look is judged differently."""

WORDS = {"film": True, "video": False}
"""What the cache holds; any other word means that a look showed nothing."""


def known_telecine(workspace: Workspace, content_key: str) -> bool | None:
    """Whether looks at this content showed film; None if there were none, or nothing was seen."""
    return WORDS.get(workspace.cache.get(telecine_key(content_key)) or "")


def telecine_key(content_key: str) -> str:
    return f"telecine:{_VERSION}:{content_key}"
