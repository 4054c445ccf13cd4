"""approvals.yaml as a plan needs it: its digest always, its decisions only where they are asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from av1rules.approvals.file import load_approvals
from av1rules.approvals.model import Decisions
from av1rules.base.text import text_digest


@dataclass(slots=True)
class ApprovalsFile:
    """The file as it was when it was opened; read and checked at the first question."""

    path: Path | None = None
    digest: str = ""
    _book: Decisions | None = field(default=None, repr=False)

    @classmethod
    def at(cls, path: Path) -> ApprovalsFile:
        try:
            raw = path.read_bytes()
        except OSError:  # none, or unreadable: the first question says so
            raw = b""
        return cls(path, text_digest(raw.decode("utf-8", "surrogateescape")) if raw else "")

    @property
    def book(self) -> Decisions:
        """All decisions. Raises RulesError, Av1rulesError."""
        if self._book is None:
            self._book = Decisions() if self.path is None else load_approvals(self.path)
        return self._book
