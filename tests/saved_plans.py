"""Plans that are saved, and runs of them, without a command line."""

from __future__ import annotations

from pathlib import Path

from av1rules.execute.startup import start_session
from av1rules.plan.context import PlanRequest
from av1rules.plan.plan import build_plan
from av1rules.plan.saved.origin import origin_of
from av1rules.plan.saved.recheck import Recheck, recheck
from av1rules.plan.workspace import open_workspace
from av1rules.report.documents.plan import plan_json
from av1rules.report.saved.read import PlanReader
from av1rules.report.saved.rows import saved_rows
from tests.runs import RunCounts, run_plan
from tests.sample_library import SampleLibrary


def save(library: SampleLibrary, *paths: Path, force: bool = False) -> Path:
    """The plan of now in a file beside the rules."""
    goal = library.folder / "plan.json"
    request = PlanRequest(paths=tuple(map(str, paths)) or None, force=force)
    with open_workspace(library.rules_file, write=False) as workspace:
        plan = build_plan(workspace, request)
        goal.write_text("".join(plan_json(plan, origin=origin_of(workspace, forced=force))))
    return goal


def check(library: SampleLibrary, *, force: bool = False) -> Recheck:
    """What the saved plan comes to now."""
    rows = saved_rows(PlanReader(library.folder / "plan.json"))
    with open_workspace(library.rules_file, write=False) as workspace:
        return recheck(workspace, rows, force=force)


def run_saved(library: SampleLibrary, *, force: bool = False) -> RunCounts:
    """Do the rows that hold."""
    library.events.clear()
    rows = saved_rows(PlanReader(library.folder / "plan.json"))
    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, library.events.append) as session,
    ):
        checked = recheck(session.workspace, rows, force=force)
        return run_plan(checked.plan, session, jobs=1)


def outdated(checked: Recheck) -> dict[str, str]:
    """The causes, by library path."""
    return {row.library_path: row.cause.value for row in checked.outdated}


def holding(checked: Recheck) -> list[str]:
    return [row.file.library_path for row in checked.plan.rows]
