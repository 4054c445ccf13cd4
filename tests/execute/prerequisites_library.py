"""A library whose films have prerequisites: rules for it, what the
ledger holds of it, and runs that count it."""

from __future__ import annotations

import json
import os
import shlex
import sqlite3
import stat
from collections import Counter
from pathlib import Path
from typing import Any

from av1rules.base.events import StepDone
from av1rules.execute.startup import start_session
from av1rules.ledger.database import LEDGER_NAME
from av1rules.plan.context import PlanRequest
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from tests.runs import RunCounts, measure_first, run_plan
from tests.sample_library import SampleLibrary

QUICK = "preset: 12, film_grain: 0, max_size_ratio: 9"

RULES = """\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: mirror, root: out, copies: link}}
run: {{reserve: 0}}
tools: {{{tools}}}
rules:
  - name: all
    encode: {{{settings}}}
    review: {review}
"""


def target_of(floor: str, low: float = 50, high: float = 50, more: str = "") -> str:
    """The setting `target`; from one CRF to the same: a search of a single probe."""
    return f"quality_target: {{{floor}, crf: {{min: {low:g}, max: {high:g}}}{more}}}"


def request_for(
    library: SampleLibrary,
    wanted: str,
    *,
    quick: str = QUICK,
    review: str = "never",
    tools: str = "",
) -> None:
    """A rule for all films that wants `wanted`."""
    library.rules(RULES.format(settings=f"{wanted}, {quick}", review=review, tools=tools))


def facts_of(library: SampleLibrary, table: str) -> list[dict[str, Any]]:
    """What the rows of `samples` or `searches` say."""
    with sqlite3.connect(library.state_dir / LEDGER_NAME) as ledger:
        return [json.loads(facts) for (facts,) in ledger.execute(f"SELECT facts FROM {table}")]


def tried_crfs(library: SampleLibrary) -> list[float]:
    """The CRFs that samples were made with."""
    return sorted(sample["settings"]["crf"] for sample in facts_of(library, "samples"))


def run_counting(
    library: SampleLibrary, *, force: bool = False, jobs: int = 1
) -> tuple[RunCounts, Counter[str]]:
    """A run as `av1rules run` does it, and how often it did each of its steps."""
    library.events.clear()
    steps: Counter[str] = Counter()
    request = PlanRequest(force=force)

    def step(name: str) -> None:
        steps[name] += 1

    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, library.events.append, failpoint=step) as session,
    ):
        plan = measure_first(build_plan(session.workspace, request), session, request, jobs=jobs)
        return run_plan(plan, session, jobs=jobs), steps


def found_by(library: SampleLibrary, step: str) -> list[str]:
    """What the steps of this name found in the last run."""
    return [e.found for e in library.events if isinstance(e, StepDone) and e.step == step]


def other_ffmpeg(
    folder: Path, ffmpeg: str, *, without: str = "", version: str | None = None
) -> Path:
    """The same FFmpeg, without the filters of a name, or called another version."""
    path = folder / "ffmpeg"
    edits = [f"/{without}/d"] if without else []
    if version is not None:
        edits.append(f"s/^ffmpeg version [^ ]*/ffmpeg version {version}/")
    program = shlex.quote(os.fspath(ffmpeg))
    edit = shlex.quote(";".join(edits))
    path.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *-version*|*-filters*) {program} "$@" | sed {edit};;\n'
        f'*) exec {program} "$@";; esac\n'
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path
