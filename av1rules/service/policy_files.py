"""The rules and approvals that a watcher goes by: read anew when their files change; broken ones
are told once, and those of before go on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from av1rules.approvals.file import approvals_path
from av1rules.base.errors import Av1rulesError
from av1rules.plan.workspace import ApprovalsFile
from av1rules.policy.load import load_rules_cached
from av1rules.policy.model import RuleSet

_Stat = tuple[int, int, int, int] | None


class PolicyInForce(msgspec.Struct, frozen=True, kw_only=True):
    """What the next round goes by."""

    ruleset: RuleSet
    approvals: ApprovalsFile


class PolicyFiles:
    """Begins with the files as they are: raises RulesError and Av1rulesError if they are broken
    then."""

    def __init__(self, rules_file: Path) -> None:
        self._rules_file = rules_file
        self._approvals_file = approvals_path(rules_file)
        self._seen = self._stats()
        self._said: str | None = None
        self.in_force = self._read(None)

    def have_changed(self) -> bool:
        """Whether a file is another one than at the last call."""
        now = self._stats()
        changed, self._seen = now != self._seen, now
        return changed

    def read_again(self, say: Callable[[str], None]) -> bool:
        """Go by the files as they are now, or on by those of before; returns whether all could be
        read. `say` gets the problems of broken ones, once."""
        try:
            self.in_force = self._read(self.in_force)
        except (Av1rulesError, OSError) as problem:
            text = str(problem)
            if text != self._said:
                self._said = text
                say(f"the edited policy is broken, and the former goes on:\n{text}")
            return False
        if self._said is not None:
            self._said = None
            say("the policy can be read again, and goes on from here")
        return True

    def _read(self, former: PolicyInForce | None) -> PolicyInForce:
        approvals = ApprovalsFile.at(self._approvals_file)
        ruleset = load_rules_cached(self._rules_file)
        if former is not None and approvals.digest == former.approvals.digest:
            approvals = former.approvals
        else:
            _ = approvals.book  # raises if it is broken
        return PolicyInForce(ruleset=ruleset, approvals=approvals)

    def _stats(self) -> tuple[_Stat, _Stat]:
        return _stat(self._rules_file), _stat(self._approvals_file)


def _stat(path: Path) -> _Stat:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
