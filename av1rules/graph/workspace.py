"""All that a command works with, opened once: rules, ledger, caches, tools. Never global."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from av1rules import __version__
from av1rules.base.digest import text_digest
from av1rules.base.process import Children
from av1rules.graph.ledger import Ledger
from av1rules.library.cache import LibraryCache
from av1rules.library.tools import find_tools
from av1rules.library.toolset import Tools
from av1rules.rules.load import load_rules
from av1rules.rules.model import RuleSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """One command's working set; `ledger` is writable only if it was opened so."""

    ruleset: RuleSet
    ledger: Ledger
    cache: LibraryCache
    tools: Tools
    children: Children = field(default_factory=Children)

    @property
    def state_dir(self) -> Path:
        return self.ruleset.run.state_dir

    @property
    def policy_digest(self) -> str:
        """All that a decision depends on beside the file: rules, tools, our own version."""
        tools = self.tools
        return text_digest(
            f"{__version__}\n{self.ruleset.digest}\n{tools.ffmpeg_version}\n"
            f"{tools.ffprobe_version}\n{tools.encoders}"
        )


@contextmanager
def open_workspace(rules_file: Path, *, write: bool) -> Iterator[Workspace]:
    """Load the rules, find the tools, open ledger and caches; close them at the end.

    Raises RulesError, ToolError, LedgerError. Without `write` nothing but caches is written.
    """
    ruleset = load_rules(rules_file)
    spec = ruleset.tools
    with LibraryCache(ruleset.run.state_dir) as cache:
        tools = find_tools(
            ffmpeg=spec.ffmpeg, ffprobe=spec.ffprobe, min_version=spec.min_version, memo=cache
        )
        open_ledger = Ledger.open if write else Ledger.read
        ledger = open_ledger(ruleset.run.state_dir)
        try:
            yield Workspace(ruleset=ruleset, ledger=ledger, cache=cache, tools=tools)
        finally:
            ledger.close()
