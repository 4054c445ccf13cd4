"""A small library on disk with its rules file: planned, run and looked at as a user would."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from av1rules.base.events import Event
from av1rules.base.files import TRASH_FOLDER
from av1rules.execute.startup import start_session
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import TargetRow
from av1rules.ledger.trash_table import TrashEntry
from av1rules.plan.context import PlanRequest
from av1rules.plan.items import Plan, PlanAction, PlanItem
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from av1rules.policy.load import load_rules
from av1rules.policy.model import RuleSet
from av1rules.ui.event_text import event_text
from tests.facts_of import assert_facts_plan_alike
from tests.runs import RunCounts, run_plan

FAST = "crf: 50, preset: 12, film_grain: 0, max_size_ratio: 9"
"""Settings for tests: quick, and never thrown away for their size."""

RULES = """\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: mirror, root: out, copies: encode}}
run: {{reserve: 0}}
rules:
  - name: all
    encode: {{{settings}}}
    review: never
"""


@dataclass
class SampleLibrary:
    """`films/` with sources, `out/` with targets, `rules.yaml` between them."""

    folder: Path
    clip: Path
    events: list[Event] = field(default_factory=list)

    @property
    def rules_file(self) -> Path:
        return self.folder / "rules.yaml"

    @property
    def state_dir(self) -> Path:
        return self.folder / ".av1rules"

    def rules(self, text: str | None = None, *, settings: str = FAST) -> None:
        self.rules_file.write_text(text or RULES.format(settings=settings))

    def add(self, name: str | bytes, clip: Path | None = None) -> Path:
        path = os.path.join(os.fsencode(str(self.folder / "films")), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copy(os.fsencode(clip or self.clip), path)
        return Path(os.fsdecode(path))

    def target(self, name: str) -> Path:
        return self.folder / "out" / "films" / name

    def ruleset(self) -> RuleSet:
        return load_rules(self.rules_file)

    def plan(self, *paths: Path, force: bool = False, accept_missing: bool = False) -> Plan:
        return self.plan_for(_expected(paths, force=force, accept_missing=accept_missing))

    def plan_for(self, request: PlanRequest) -> Plan:
        with open_workspace(self.rules_file, write=False) as workspace:
            if os.environ.get("AV1RULES_FACTS"):
                assert_facts_plan_alike(workspace, request)
            return build_plan(workspace, request)

    def run(
        self, *paths: Path, force: bool = False, accept_missing: bool = False, jobs: int = 1
    ) -> RunCounts:
        self.events.clear()
        request = _expected(paths, force=force, accept_missing=accept_missing)
        with (
            open_workspace(self.rules_file, write=False) as workspace,
            start_session(workspace, self.events.append) as session,
        ):
            return run_plan(build_plan(session.workspace, request), session, jobs=jobs)

    def run_after(self, change: Callable[[], object]) -> RunCounts:
        """A run whose library changes between the plan and the first job."""
        self.events.clear()
        with (
            open_workspace(self.rules_file, write=False) as workspace,
            start_session(workspace, self.events.append) as session,
        ):
            plan = build_plan(session.workspace, PlanRequest())
            change()
            return run_plan(plan, session, jobs=1)

    def row(self, name: str, *, force: bool = False) -> PlanItem:
        rows = [r for r in self.plan(force=force).rows if r.file.relative_path == name]
        assert len(rows) == 1, f"{name} is planned {len(rows)} times"
        return rows[0]

    def causes(self, name: str) -> tuple[str, ...]:
        return self.row(name).causes

    def work(self) -> list[str]:
        """Relative paths of what is to be encoded."""
        return [row.file.relative_path for row in self.plan().of(PlanAction.ENCODE)]

    def ledger_rows(self) -> tuple[TargetRow, ...]:
        ledger = Ledger.read(self.state_dir)
        try:
            return tuple(ledger.rows())
        finally:
            ledger.close()

    def kept(self) -> tuple[TrashEntry, ...]:
        """What lies aside."""
        ledger = Ledger.read(self.state_dir)
        try:
            return tuple(kept for kept in ledger.kept.entries() if kept.gone_at is None)
        finally:
            ledger.close()

    def output(self) -> str:
        """The events of the last run as text."""
        return "\n".join(event_text(event) for event in self.events)

    def leftovers(self) -> list[str]:
        """Temporary names of ours anywhere below the folder, state aside."""
        return [
            os.path.join(base, name)
            for base, folders, files in os.walk(self.folder)
            for name in (*folders, *files)
            if name.startswith(".av1rules-") and name != TRASH_FOLDER
        ]


def _expected(paths: tuple[Path, ...], *, force: bool, accept_missing: bool) -> PlanRequest:
    names = tuple(str(path) for path in paths)
    return PlanRequest(paths=names or None, force=force, accept_missing=accept_missing)


Disk = dict[str, tuple[int, int, bytes]]
"""What a folder holds, by path: mtime, size and bytes."""
