"""Where a plan comes from: when, by which rules, from which state of the ledger. For people and
their scripts: no recheck asks for any of it but the rules file and `forced`."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from msgspec import UNSET, Struct, UnsetType

from av1rules import __version__
from av1rules.base.git import ask_git
from av1rules.base.units import now_text
from av1rules.plan.workspace import Workspace
from av1rules.policy.redo.choice import Redo


class RulesOrigin(Struct, frozen=True, kw_only=True):
    """The rules file. `digest` covers its bytes, its path and the version of av1rules.
    `git_revision` is the commit that was checked out there, and `git_is_clean` whether the file is
    as in that commit; both are null outside a git work tree, or without git."""

    file: str
    digest: str
    git_revision: str | None
    git_is_clean: bool | None


class LedgerOrigin(Struct, frozen=True, kw_only=True):
    """The ledger: its folder, and its last run (null before the first)."""

    folder: str
    last_run: int | None


class PlanOrigin(Struct, frozen=True, kw_only=True):
    """Where a plan comes from: when it was made, by which version of av1rules. `forced`: it redoes
    fresh targets. `redo`: what `--redo` said of finished work, in place of the policy."""

    at: str
    version: str
    rules: RulesOrigin
    ledger: LedgerOrigin
    forced: bool
    redo: str | UnsetType = UNSET


def origin_of(workspace: Workspace, *, forced: bool, redo: Redo | None = None) -> PlanOrigin:
    """The origin of a plan that is made now."""
    ruleset = workspace.ruleset
    last = workspace.ledger.runs.latest(1)
    revision, is_clean = _git_state(Path(os.path.realpath(ruleset.file)))
    return PlanOrigin(
        at=now_text(),
        version=__version__,
        rules=RulesOrigin(
            file=os.path.realpath(ruleset.file),
            digest=ruleset.digest,
            git_revision=revision,
            git_is_clean=is_clean,
        ),
        ledger=LedgerOrigin(folder=str(workspace.state_dir), last_run=last[0].id if last else None),
        forced=forced,
        redo=UNSET if redo is None else redo.text,
    )


def _git_state(file: Path) -> tuple[str | None, bool | None]:
    """The commit that is checked out where `file` stands, and whether the file is as in it."""
    if not any((folder / ".git").exists() for folder in file.parents):
        return None, None
    names = _git(file.parent, "rev-parse", "HEAD", f"HEAD:./{file.name}")
    if not names:
        revision = _git(file.parent, "rev-parse", "--verify", "HEAD")
        return (revision[0], False) if revision else (None, None)
    blob = _git(file.parent, "hash-object", "--no-filters", "--", file.name)
    return names[0], blob == names[1:]


def _git(folder: Path, *words: str) -> list[str]:
    """The lines that git says; none if it is missing or fails."""
    with contextlib.suppress(OSError):
        ended = ask_git(folder, *words)
        if ended.ok:
            return ended.stdout.decode("utf-8", "replace").split()
    return []
