"""The rules, ledger, caches and tools of one command, opened once. Never global."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from av1rules import __version__
from av1rules.approvals.file import approvals_path, load_approvals
from av1rules.approvals.model import Decisions
from av1rules.approvals.read import parse_approvals
from av1rules.base.events import Sink, ignore
from av1rules.base.files import open_regular
from av1rules.base.process import Children
from av1rules.base.text import text_digest
from av1rules.base.timing import timed
from av1rules.encode.encoders.registry import SELF_TESTS
from av1rules.ffmpeg.locate import find_tools
from av1rules.ffmpeg.tools import Tools
from av1rules.ledger.ledger import Ledger
from av1rules.media.cache import LibraryCache, ProbeFailure
from av1rules.media.discover import VIDEO_EXTENSIONS, Candidate, FolderSideFiles, WalkProblem, walk
from av1rules.media.disk import Disk
from av1rules.media.local_disk import LOCAL_DISK
from av1rules.media.probe.many import known_probes, probe_many
from av1rules.media.source import LibraryFile, Source
from av1rules.policy.digests import DecisionDigests, decision_digests
from av1rules.policy.load import load_rules_cached
from av1rules.policy.model import Root, RuleSet
from av1rules.policy.ownership import writable_by_others
from av1rules.policy.problems import RulesError


def walk_roots(
    ruleset: RuleSet,
    roots: Sequence[Root],
    on_side_files: Callable[[FolderSideFiles], None] | None = None,
    disk: Disk = LOCAL_DISK,
) -> Iterator[Candidate | WalkProblem]:
    """Every candidate below `roots`, as the rules define it. Our own output folders are pruned.
    `on_side_files` gets the other files of each folder."""
    library, output = ruleset.library, ruleset.output
    pruned = [ruleset.run.state_dir, *filter(None, (output.root, output.temp_dir))]
    return walk(
        [(root.name, str(root.path)) for root in roots],
        include=library.include,
        exclude=library.exclude,
        extensions=frozenset(library.extensions) or VIDEO_EXTENSIONS,
        min_size=library.min_size,
        settle_s=library.settle_s,
        now_s=disk.now_s(),
        excluded_folders=[str(path) for path in pruned],
        on_side_files=on_side_files,
        disk=disk,
    )


Walk = Callable[
    [RuleSet, Sequence[Root], Callable[[FolderSideFiles], None] | None],
    Iterator[Candidate | WalkProblem],
]
"""`walk_roots`, or the same from memory."""


def probe_files(
    workspace: Workspace, files: Iterable[LibraryFile], sink: Sink = ignore
) -> Generator[tuple[LibraryFile, Source | ProbeFailure], None, None]:
    """The facts of each file, from the cache or by ffprobe, in the order given; `sink` gets the
    progress of what ffprobe is asked. Of a recorded disk nothing is probed."""
    if workspace.disk.is_recorded:
        return known_probes(files, workspace.tools, workspace.cache)
    return probe_many(
        files,
        workspace.tools,
        workspace.cache,
        jobs=os.cpu_count() or 1,
        timeout_s=workspace.ruleset.run.probe_timeout_s,
        children=workspace.children,
        sink=sink,
    )


def _approvals_digest(raw: bytes) -> str:
    return text_digest(raw.decode("utf-8", "surrogateescape")) if raw else ""


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
        return cls(path, _approvals_digest(raw))

    @classmethod
    def of(cls, raw: bytes, shown_as: str) -> ApprovalsFile:
        """Of approvals that stand elsewhere. Raises RulesError."""
        book, problems = parse_approvals(raw, file=shown_as)
        if problems:
            raise RulesError(problems, what="the approvals")
        return cls(digest=_approvals_digest(raw), _book=book)

    @property
    def book(self) -> Decisions:
        """All decisions. Raises RulesError, Av1rulesError."""
        if self._book is None:
            self._book = Decisions() if self.path is None else load_approvals(self.path)
        return self._book


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """One command's working set; `ledger` is writable only if it was opened so. Its plans `walk`
    the library. `placed` gives other rules for the same library the paths that it has on `disk`;
    `cores` are those of the machine that encodes."""

    ruleset: RuleSet
    ledger: Ledger
    cache: LibraryCache
    tools: Tools
    children: Children = msgspec.field(default_factory=Children)
    approvals: ApprovalsFile = msgspec.field(default_factory=ApprovalsFile)
    walk: Walk = walk_roots
    disk: Disk = LOCAL_DISK
    placed: Callable[[RuleSet], RuleSet] = lambda ruleset: ruleset
    cores: int = msgspec.field(default_factory=lambda: os.cpu_count() or 1)

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
        if self.disk.is_recorded:  # no program is run
            return ()
        found = writable_by_others(self.ruleset.file)
        return () if found is None else (found,)

    @property
    def decision_digests(self) -> DecisionDigests:
        """What decisions depend on besides the file: rules, approvals, tools, version."""
        tools = msgspec.json.encode(self.tools, order="deterministic").decode()
        return decision_digests(self.ruleset, __version__, self.approvals.digest, tools)


@contextmanager
def open_workspace(rules_file: Path, *, write: bool) -> Iterator[Workspace]:
    """Load the rules, find the tools, and open the ledger and caches; close them at the end.

    Raises RulesError, ToolError, LedgerError. Without `write` only caches are written.
    """
    approvals = ApprovalsFile.at(approvals_path(rules_file))
    with timed("the rules were read"):
        ruleset = load_rules_cached(rules_file)
    with opened(ruleset, approvals, write=write) as workspace:
        yield workspace


@contextmanager
def opened(
    ruleset: RuleSet, approvals: ApprovalsFile | None = None, *, write: bool
) -> Iterator[Workspace]:
    """The same for rules that are loaded."""
    spec = ruleset.tools
    with LibraryCache(ruleset.run.state_dir) as cache:
        with timed("the tools were found"):
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
                approvals=ApprovalsFile() if approvals is None else approvals,
            )
        finally:
            ledger.close()
