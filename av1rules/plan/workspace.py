"""The rules, ledger, caches and tools of one command, opened once. Never global."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from av1rules import __version__
from av1rules.approvals.file import approvals_path, load_approvals
from av1rules.approvals.model import Decisions
from av1rules.base.files import open_regular
from av1rules.base.process import Children
from av1rules.base.text import text_digest
from av1rules.encode.encoders.registry import SELF_TESTS
from av1rules.ffmpeg.locate import find_tools
from av1rules.ffmpeg.tools import Tools
from av1rules.ledger.ledger import Ledger
from av1rules.media.cache import LibraryCache, ProbeFailure
from av1rules.media.discover import VIDEO_EXTENSIONS, Candidate, WalkProblem, walk
from av1rules.media.probe.ffprobe import probe_many
from av1rules.media.source import LibraryFile, Source
from av1rules.policy.load import load_rules_cached
from av1rules.policy.model import Root, RuleSet
from av1rules.policy.ownership import writable_by_others


def walk_roots(ruleset: RuleSet, roots: Sequence[Root]) -> Iterator[Candidate | WalkProblem]:
    """Every candidate below `roots`, as the rules define it. Our own output folders are pruned."""
    library, output = ruleset.library, ruleset.output
    pruned = [ruleset.run.state_dir, *filter(None, (output.root, output.temp_dir))]
    return walk(
        [(root.name, str(root.path)) for root in roots],
        include=library.include,
        exclude=library.exclude,
        extensions=frozenset(library.extensions) or VIDEO_EXTENSIONS,
        min_size=library.min_size,
        settle_s=library.settle_s,
        now_s=time.time(),
        excluded_folders=[str(path) for path in pruned],
    )


def probe_files(
    workspace: Workspace, files: Sequence[LibraryFile]
) -> Iterator[tuple[LibraryFile, Source | ProbeFailure]]:
    """The facts of each file, from the cache or by ffprobe, in the order given."""
    return probe_many(
        files,
        workspace.tools,
        workspace.cache,
        jobs=os.cpu_count() or 1,
        timeout_s=workspace.ruleset.run.probe_timeout_s,
        children=workspace.children,
    )


@dataclass(slots=True)
class ApprovalsFile:
    """approvals.yaml: digested when it is opened, parsed and checked on first use."""

    path: Path | None = None
    digest: str = ""
    _book: Decisions | None = field(default=None, repr=False)

    @classmethod
    def at(cls, path: Path) -> ApprovalsFile:
        try:
            with open_regular(path) as file:
                raw = file.read()
        except OSError:  # missing or unreadable: `book` raises the error
            raw = b""
        return cls(path, text_digest(raw.decode("utf-8", "surrogateescape")) if raw else "")

    @property
    def book(self) -> Decisions:
        """All decisions. Raises RulesError, Av1rulesError."""
        if self._book is None:
            self._book = Decisions() if self.path is None else load_approvals(self.path)
        return self._book


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """One command's working set; `ledger` is writable only if it was opened so."""

    ruleset: RuleSet
    ledger: Ledger
    cache: LibraryCache
    tools: Tools
    children: Children = msgspec.field(default_factory=Children)
    approvals: ApprovalsFile = msgspec.field(default_factory=ApprovalsFile)

    @property
    def book(self) -> Decisions:
        """The decisions on clips. Raises RulesError, Av1rulesError."""
        return self.approvals.book

    @property
    def state_dir(self) -> Path:
        return self.ruleset.run.state_dir

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know first: whoever can edit the rules chooses the programs to
        run."""
        found = writable_by_others(self.ruleset.file)
        return () if found is None else (found,)

    @property
    def policy_digest(self) -> str:
        """Digest of what decisions depend on besides the file: rules, approvals, tools, version."""
        tools = msgspec.json.encode(self.tools, order="deterministic").decode()
        return text_digest(
            f"{__version__}\n{self.ruleset.digest}\n{self.approvals.digest}\n{tools}"
        )


@contextmanager
def open_workspace(rules_file: Path, *, write: bool) -> Iterator[Workspace]:
    """Load the rules, find the tools, and open the ledger and caches; close them at the end.

    Raises RulesError, ToolError, LedgerError. Without `write` only caches are written.
    """
    ruleset = load_rules_cached(rules_file)
    spec = ruleset.tools
    with LibraryCache(ruleset.run.state_dir) as cache:
        tools = find_tools(
            ffmpeg=spec.ffmpeg,
            ffprobe=spec.ffprobe,
            min_version=spec.min_version,
            self_tests=SELF_TESTS,
            memo=cache,
            mkvpropedit=spec.mkvpropedit,
        )
        open_ledger = Ledger.open if write else Ledger.read
        ledger = open_ledger(ruleset.run.state_dir)
        try:
            yield Workspace(
                ruleset=ruleset,
                ledger=ledger,
                cache=cache,
                tools=tools,
                approvals=ApprovalsFile.at(approvals_path(rules_file)),
            )
        finally:
            ledger.close()
