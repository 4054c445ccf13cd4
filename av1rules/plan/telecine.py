"""What is remembered of a film's telecine, for plans; and the look itself, where time is no matter:
once for the file that `explain` is asked about, and ahead of the hours of an encode.
"""

from __future__ import annotations

from av1rules.encode.telecine import is_telecined
from av1rules.media.source import Source
from av1rules.plan.workspace import Workspace
from av1rules.policy.deinterlacing import BWDIF, is_telecine_rate
from av1rules.policy.settings import EncodeSettings

_VERSION = 1
"""Raised whenever the look is judged differently."""

_WORDS = {"film": True, "video": False}
_UNSEEN = "unseen"


def known_telecine(workspace: Workspace, content_key: str) -> bool | None:
    """Whether looks at this content showed film; None if there were none, or nothing was seen."""
    return _WORDS.get(workspace.cache.get(_key(content_key)) or "")


def look_for_telecine(
    workspace: Workspace, path: str, source: Source, content_key: str, settings: EncodeSettings
) -> bool | None:
    """As `known_telecine`, after a look where the content can be film and none was taken yet.
    Raises OSError and RunInterruptedError."""
    if source.main is None or settings.deinterlace != BWDIF or not is_telecine_rate(source.main):
        return None
    if workspace.cache.get(_key(content_key)) is None:
        found = is_telecined(path, source, tools=workspace.tools, children=workspace.children)
        word = next((word for word, value in _WORDS.items() if value is found), _UNSEEN)
        workspace.cache.put(_key(content_key), word)
    return known_telecine(workspace, content_key)


def _key(content_key: str) -> str:
    return f"telecine:{_VERSION}:{content_key}"
