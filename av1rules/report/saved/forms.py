"""The forms of a saved plan, and how its file is recognised by what it holds."""

from __future__ import annotations

import os
import re
from enum import Enum
from pathlib import Path

from av1rules.base.errors import UsageError
from av1rules.base.files import open_regular
from av1rules.base.text import printable

HEAD_BYTES = 4096
"""What is read of a file to recognise it."""

MARKDOWN_MARK = "<!-- av1rules plan -->"
"""The first line of a plan in Markdown, which no reader shows."""

CSV_MARK = "action,path,target,size_bytes,source_tier,rule,"
"""How the first line of a plan as CSV begins."""

_JSON_MARK = re.compile(rb'\A\s*\{.*?"document"\s*:\s*"plan"', re.DOTALL)


class PlanForm(Enum):
    """The forms; the value is how the name of a file ends."""

    JSON = ".json"
    MARKDOWN = ".md"
    CSV = ".csv"


def form_of(goal: Path) -> PlanForm:
    """The form that the name of a file asks for. Raises UsageError."""
    for form in PlanForm:
        if goal.suffix.lower() == form.value:
            return form
    endings = ", ".join(form.value for form in PlanForm)
    raise UsageError(
        "this is no file name for a plan",
        where=printable(str(goal)),
        hint=f"use one that ends with {endings}; `av1rules run` takes only {PlanForm.JSON.value}",
    )


def is_plan(path: str | Path, form: PlanForm) -> bool:
    """Whether a file holds a plan in this form, by its beginning. Raises OSError."""
    with open_regular(path) as file:
        head = file.read(HEAD_BYTES) or b""
    if form is PlanForm.JSON:
        return _JSON_MARK.match(head) is not None
    mark = MARKDOWN_MARK if form is PlanForm.MARKDOWN else CSV_MARK
    return head.startswith(mark.encode())


def plan_named(words: tuple[str, ...]) -> str | None:
    """The saved plan that a user names in place of films. A film never begins like one, and no film
    has such an ending. Raises UsageError for a plan beside other names, for one that can only be
    read by people, and for a file that should be a plan by its name."""
    found = [word for word in words if _is_meant(word)]
    if not found:
        return None
    if len(words) > 1:
        raise UsageError(
            "a saved plan stands alone: its rows are all that is done",
            where=printable(found[0]),
            hint="name films, or one plan",
        )
    return found[0]


def _is_meant(word: str) -> bool:
    suffix = os.path.splitext(word)[1].lower()
    if suffix == PlanForm.JSON.value:
        return True
    if not os.path.isfile(word):
        return False
    try:
        if suffix in (PlanForm.MARKDOWN.value, PlanForm.CSV.value) and is_plan(
            word, PlanForm(suffix)
        ):
            raise UsageError(
                "this form of a plan is for reading",
                where=printable(word),
                hint="save one to run with `av1rules plan -o FILE.json`",
            )
        return is_plan(word, PlanForm.JSON)
    except OSError:  # as the name of a film it is told what is wrong
        return False
