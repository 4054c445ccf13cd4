"""Collects all that a plan reads of a library, as the lines of a file of facts."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from av1rules import __version__
from av1rules.base.events import Sink, ignore
from av1rules.plan.facts.collect_disk import (
    CollectedDisk,
    collect_disk,
    has_side_files,
    recorded_top,
)
from av1rules.plan.facts.collect_films import film_lines, memo_lines
from av1rules.plan.facts.collect_ledger import place_lines, row_lines
from av1rules.plan.facts.lines import (
    FACTS_VERSION,
    EndLine,
    FactsHeader,
    FactsLine,
    text_of_path,
)
from av1rules.plan.workspace import Workspace


class ExportOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`is_complete`: what a plan would probe or read is probed and read; else only what is known is
    written. `history`: of how many encodes forecasts learn."""

    is_complete: bool = True
    history: int = 2000


def export_facts(
    workspace: Workspace, options: ExportOptions = ExportOptions(), *, sink: Sink = ignore
) -> Iterator[FactsLine]:
    """The lines, the header first. Raises LedgerError, RunInterruptedError."""
    now = datetime.fromtimestamp(workspace.disk.now_s(), UTC)
    found = collect_disk(workspace)
    is_complete = options.is_complete
    count = 1
    yield _header(workspace, found, options, now)
    parts: tuple[Iterable[FactsLine], ...] = (
        found.folders,
        film_lines(workspace, found.films, is_complete=is_complete, sink=sink),
        place_lines(workspace, found, is_complete=is_complete),
        memo_lines(workspace),
        row_lines(workspace, history=options.history),
    )
    for line in itertools.chain.from_iterable(parts):
        count += 1
        yield line
    yield EndLine(lines=count + 1)


def _header(
    workspace: Workspace, found: CollectedDisk, options: ExportOptions, now: datetime
) -> FactsHeader:
    ruleset = workspace.ruleset
    output, temp_dir = ruleset.output.root, ruleset.output.temp_dir
    return FactsHeader(
        facts=FACTS_VERSION,
        av1rules=__version__,
        exported_at=now.isoformat(timespec="seconds"),
        now_s=now.timestamp(),
        is_private=False,
        is_complete=options.is_complete,
        has_side_files=has_side_files(ruleset),
        rules_folder=text_of_path(str(ruleset.file.parent)),
        roots=tuple(recorded_top(root.name, str(root.path)) for root in ruleset.library.roots),
        output=None if output is None else recorded_top("", str(output)),
        temp_dir=None if temp_dir is None else text_of_path(str(temp_dir)),
        state_dir=text_of_path(str(ruleset.run.state_dir)),
        tools=workspace.tools,
        cores=workspace.cores,
        films=len(found.films),
        targets=workspace.ledger.totals().count,
    )
