"""Where the rules file is: in the working folder or in one above it, as with git."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from av1rules.base.errors import Av1rulesError, UsageError
from av1rules.base.system.users import is_mine_or_roots
from av1rules.base.text import printable

RULES_NAMES = ("rules.yaml", "rules.yml")
"""The names that are looked for."""

DEFAULT_RULES = RULES_NAMES[0]

TESTS_BESIDE = ("*.tests.yaml", "*.tests.yml")
"""Names of the files with its tests, in the folder of a rules file."""

_ROOT_USER = 0


def find_rules(folder: Path) -> Path | None:
    """The rules file of `folder` or of the nearest folder above it that has one, relative to
    `folder`; None if there is none.

    Raises UsageError where both names are there, and for a file above `folder` that belongs to
    another user: rules name programs to run, and a shared folder such as /tmp is above many.
    """
    for above in _at_and_above(folder):
        names = [name for name in RULES_NAMES if os.path.lexists(above / name)]
        if len(names) > 1:
            raise UsageError(
                f"{' and '.join(names)} are both in this folder, and only one can be meant",
                where=printable(str(above)),
                hint="remove one of them, or name one with -f",
            )
        if names:
            found = above / names[0]
            if above != folder:
                _require_own(found)
            return Path(os.path.relpath(found, folder))
    return None


def unreadable(path: Path, problem: OSError) -> Av1rulesError:
    """The error for a rules file that can't be opened."""
    if isinstance(problem, FileNotFoundError) and str(path) == DEFAULT_RULES:  # nobody named it
        return _none_found(Path.cwd())
    return Av1rulesError(
        f"can't read the rules file: {problem.strerror or 'unknown error'}",
        where=printable(str(path)),
        hint="`av1rules init ROOT` writes a first one",
    )


def _none_found(folder: Path) -> UsageError:
    places = [printable(str(above)) for above in _at_and_above(folder)]
    above = f", nor in a folder above it (up to {places[-1]})" if len(places) > 1 else ""
    return UsageError(
        f"no {' or '.join(RULES_NAMES)} in {places[0]}{above}",
        hint="`av1rules init ROOT` writes a first one; -f or AV1RULES_FILE names another",
    )


def _at_and_above(folder: Path) -> Iterator[Path]:
    yield folder
    yield from folder.parents


def _require_own(file: Path) -> None:
    try:
        found = os.stat(file)
    except OSError:
        return  # reading it reports that
    if not is_mine_or_roots(found):
        raise UsageError(
            "this rules file, in a folder above the current one, belongs to another user",
            where=printable(str(file)),
            hint="if you trust it, name it: -f FILE, or AV1RULES_FILE",
        )
