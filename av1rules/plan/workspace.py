"""All that a command works with, opened once: rules, ledger, caches, tools. Never global."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from av1rules import __version__
from av1rules.approvals.file import approvals_path
from av1rules.approvals.model import Decisions
from av1rules.base.process import Children
from av1rules.base.text import text_digest
from av1rules.encode.encoders.registry import SELF_TESTS
from av1rules.ffmpeg.locate import find_tools
from av1rules.ffmpeg.tools import Tools
from av1rules.ledger.ledger import Ledger
from av1rules.media.cache import LibraryCache, ProbeFailure
from av1rules.media.discover import VIDEO_EXTENSIONS, Candidate, WalkProblem, walk
from av1rules.media.ffprobe import probe_many
from av1rules.media.source import LibraryFile, Source
from av1rules.plan.approvals import ApprovalsFile
from av1rules.policy.load import load_noted_rules
from av1rules.policy.model import Root, RuleSet
from av1rules.policy.ownership import writable_by_others


def walk_roots(ruleset: RuleSet, roots: Sequence[Root]) -> Iterator[Candidate | WalkProblem]:
    """Every candidate below `roots` as the rules want it; what we write ourselves is pruned."""
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
        """What was decided on clips. Raises RulesError, Av1rulesError."""
        return self.approvals.book

    @property
    def state_dir(self) -> Path:
        return self.ruleset.run.state_dir

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know before anything is done: the rules name the programs to run."""
        found = writable_by_others(self.ruleset.file)
        return () if found is None else (found,)

    @property
    def policy_digest(self) -> str:
        """What decisions depend on beside the file: rules, approvals, tools, our own version."""
        tools = msgspec.json.encode(self.tools, order="deterministic").decode()
        return text_digest(
            f"{__version__}\n{self.ruleset.digest}\n{self.approvals.digest}\n{tools}"
        )


@contextmanager
def open_workspace(rules_file: Path, *, write: bool) -> Iterator[Workspace]:
    """Load the rules, find the tools, open ledger and caches; close them at the end.

    Raises RulesError, ToolError, LedgerError. Without `write` nothing but caches is written.
    """
    ruleset = load_noted_rules(rules_file)
    spec = ruleset.tools
    with LibraryCache(ruleset.run.state_dir) as cache:
        tools = find_tools(
            ffmpeg=spec.ffmpeg,
            ffprobe=spec.ffprobe,
            min_version=spec.min_version,
            self_tests=SELF_TESTS,
            memo=cache,
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
