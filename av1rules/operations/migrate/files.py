"""Writes the files of a migration: over none of the user's, and never half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

import msgspec

from av1rules.base.errors import UsageError
from av1rules.base.files import make_folders, open_regular, write_text
from av1rules.base.text import printable
from av1rules.policy.load import check_rules
from av1rules.policy.model import Severity
from av1rules.policy.problems import render_all

_MOST_BYTES = 16 * 1024**2


class FileState(StrEnum):
    WRITTEN = "written"
    UNCHANGED = "unchanged"  # it was there, just so
    KEPT = "kept"  # another text is there: an edit of the user, or an earlier state


class MigrationFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a migration, and what became of it. A dry run says what would."""

    path: str
    state: FileState


def put_file(path: str, text: str, *, is_dry: bool) -> MigrationFile:
    """Write a file unless something is there already. Raises UsageError where that is no file of
    text, OSError."""
    there = text_there(path)
    if there is not None:
        state = FileState.UNCHANGED if there == text else FileState.KEPT
        return MigrationFile(path=path, state=state)
    if not is_dry:
        make_folders(os.path.dirname(path))
        write_text(Path(path), text)
    return MigrationFile(path=path, state=FileState.WRITTEN)


def text_there(path: str) -> str | None:
    """The text of a file; None if nothing is there. Raises UsageError for what is no text."""
    if not os.path.lexists(path):
        return None
    try:
        with open_regular(path) as file:
            return file.read(_MOST_BYTES).decode("utf-8", "surrogateescape")
    except OSError as problem:
        raise UsageError(
            f"a file can't be written here: {problem.strerror}",
            where=printable(path),
            hint="move what is there away, or give another folder",
        ) from problem


def require_ours(path: str, first_line: str) -> None:
    """Raise UsageError if a rules file is there that no migration wrote: its ledger is not ours to
    write to."""
    there = text_there(path)
    if there is not None and not there.startswith(first_line):
        raise UsageError(
            "a rules file is here that no migration wrote",
            where=printable(path),
            hint="give another folder with -o",
        )


def require_valid(text: str, *, origin: str) -> None:
    """Check a rules file as `av1rules validate` does, before it is written. Raises UsageError with
    what is wrong: values that a configuration may have, but a policy may not."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rules.yaml")
        path.write_text(text, encoding="utf-8")
        _, problems = check_rules(path)
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if errors:
        shown = render_all(errors).replace(f"{folder}/", "")
        raise UsageError(
            f"the rules made of it are not valid:\n{shown}",
            where=printable(origin),
            hint="change these values there, then migrate again",
        )


def states_of(files: Iterable[MigrationFile]) -> frozenset[FileState]:
    """What became of several files."""
    return frozenset(file.state for file in files)
