"""A plan of recorded facts beside the plan of the library itself: they must be the same."""

from __future__ import annotations

import difflib
import itertools
import tempfile
from pathlib import Path

from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError
from av1rules.plan.context import PlanRequest
from av1rules.plan.facts.export import export_facts
from av1rules.plan.facts.read import read_facts
from av1rules.plan.facts.workspace import facts_workspace
from av1rules.plan.facts.write import write_facts
from av1rules.plan.items import Plan
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import Workspace, open_workspace
from av1rules.policy.model import RuleSet
from av1rules.report.documents.plan import plan_json
from av1rules.report.plan import ForecastColumns


def document(plan: Plan) -> str:
    return "".join(plan_json(plan, ForecastColumns()))


def assert_alike(of_facts: str, plan: str) -> None:
    """In ASCII, since names may be no text."""
    lines = difflib.unified_diff(plan.splitlines(), of_facts.splitlines(), lineterm="", n=2)
    assert of_facts == plan, ascii("\n".join(itertools.islice(lines, 40))).replace("\\n", "\n")


def followed(plan: Plan) -> object:
    """What a user moved; facts leave receipts out."""
    entries = [replace(one, receipt=None) for one in plan.follows.entries]
    return plan.follows.targets, entries


def assert_plans_alike(of_facts: Plan, plan: Plan) -> None:
    assert_alike(document(of_facts), document(plan))
    assert followed(of_facts) == followed(plan)
    for name in ("safety_stops", "rest", "inventories", "notes", "orphans"):
        found, wanted = getattr(of_facts, name), getattr(plan, name)
        assert found == wanted, f"{name}: {found!a} in place of {wanted!a}"


def planned(workspace: Workspace, request: PlanRequest) -> Plan | str:
    """The plan, or the error in its place."""
    try:
        return build_plan(workspace, request)
    except Av1rulesError as problem:
        return str(problem)


def assert_facts_plan_alike(workspace: Workspace, request: PlanRequest = PlanRequest()) -> None:
    """Export the facts of a workspace, and plan from both."""
    with tempfile.TemporaryDirectory(prefix="facts-") as folder:
        file = Path(folder) / "facts.jsonl.gz"
        write_facts(export_facts(workspace), file)
        with read_facts(file) as facts:
            recorded = facts_workspace(facts, workspace.ruleset, workspace.approvals)
            plan, of_facts = planned(workspace, request), planned(recorded, request)
        if isinstance(plan, str) or isinstance(of_facts, str):
            assert of_facts == plan
        else:
            assert_plans_alike(of_facts, plan)


def plan_of_facts(file: Path, ruleset: RuleSet, request: PlanRequest = PlanRequest()) -> Plan:
    with read_facts(file) as facts:
        return build_plan(facts_workspace(facts, ruleset), request)


def export(rules_file: Path, goal: Path) -> Path:
    with open_workspace(rules_file, write=False) as workspace:
        write_facts(export_facts(workspace), goal)
    return goal
