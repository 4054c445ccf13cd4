"""A shelf whose films need something found out before they are encoded: rules for it, what the
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

from av1rules.base.events import RunFinished, StepDone
from av1rules.graph.ledger import LEDGER_NAME
from av1rules.graph.open_session import open_session
from av1rules.graph.plan import build_plan
from av1rules.graph.run import measure_first, run_plan
from av1rules.graph.scope import Wish
from av1rules.graph.workspace import open_workspace
from tests.shelf import Shelf

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
    return f"target: {{{floor}, crf: {{min: {low:g}, max: {high:g}}}{more}}}"


def wish_for(
    shelf: Shelf, wanted: str, *, quick: str = QUICK, review: str = "never", tools: str = ""
) -> None:
    """A rule for all films that wants `wanted`."""
    shelf.rules(RULES.format(settings=f"{wanted}, {quick}", review=review, tools=tools))


def facts_of(shelf: Shelf, table: str) -> list[dict[str, Any]]:
    """What the rows of `samples` or `searches` say."""
    with sqlite3.connect(shelf.state_dir / LEDGER_NAME) as ledger:
        return [json.loads(facts) for (facts,) in ledger.execute(f"SELECT facts FROM {table}")]


def tried_crfs(shelf: Shelf) -> list[float]:
    """The CRFs that samples were made with."""
    return sorted(sample["settings"]["crf"] for sample in facts_of(shelf, "samples"))


def run_counting(
    shelf: Shelf, *, force: bool = False, jobs: int = 1
) -> tuple[RunFinished, Counter[str]]:
    """A run as `av1rules run` does it, and how often it did each of its steps."""
    shelf.events.clear()
    steps: Counter[str] = Counter()
    wish = Wish(force=force)

    def step(name: str) -> None:
        steps[name] += 1

    with (
        open_workspace(shelf.rules_file, write=False) as space,
        open_session(space, shelf.events.append, step=step) as session,
    ):
        plan = measure_first(build_plan(session.space, wish), session, wish, jobs=jobs)
        return run_plan(plan, session, jobs=jobs), steps


def found_by(shelf: Shelf, step: str) -> list[str]:
    """What the steps of this name found in the last run."""
    return [e.found for e in shelf.events if isinstance(e, StepDone) and e.step == step]


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
