"""Looks whether a film was telecined, where time is no matter: once for the file that `explain` is
asked about, and ahead of the hours of an encode. Plans only read what is known.
"""

from __future__ import annotations

from av1rules.encode.telecine import is_telecined
from av1rules.media.source import Source
from av1rules.plan.explain import Explanation
from av1rules.plan.items import work_of
from av1rules.plan.telecine import WORDS, known_telecine, telecine_key
from av1rules.plan.workspace import Workspace
from av1rules.policy.deinterlacing import BWDIF, is_telecine_rate
from av1rules.policy.settings import EncodeSettings

_UNSEEN = "unseen"


def look_for_telecine(
    workspace: Workspace, path: str, source: Source, content_key: str, settings: EncodeSettings
) -> bool | None:
    """As `known_telecine`, after a look where the content can be film and none was taken yet.
    Raises OSError and RunInterruptedError."""
    if source.main is None or settings.deinterlace != BWDIF or not is_telecine_rate(source.main):
        return None
    key = telecine_key(content_key)
    if workspace.cache.get(key) is None:
        found = is_telecined(path, source, tools=workspace.tools, children=workspace.children)
        word = next((word for word, value in WORDS.items() if value is found), _UNSEEN)
        workspace.cache.put(key, word)
    return known_telecine(workspace, content_key)


def has_looked_for_telecine(workspace: Workspace, explanation: Explanation) -> bool:
    """Whether a look at the explained film told something that plans say from now on."""
    work = work_of(explanation.row)
    if work is None:
        return False
    known = known_telecine(workspace, work.content_key)
    found = look_for_telecine(
        workspace,
        work.origin.path,
        work.evaluation.source,
        work.content_key,
        work.recipe.settings,
    )
    return found is not known
