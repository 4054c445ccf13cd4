"""MIGRATION.md, whole: every key, unit, job and file of a small library of av1d."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from av1rules.operations.migrate.av1d.carry import JobFate, JobOutcome
from av1rules.operations.migrate.av1d.jobs import JobStatus
from av1rules.operations.migrate.av1d.originals import OriginalOutcome, PairState
from av1rules.operations.migrate.av1d.prepare import Av1dPlan, Av1dRequest, prepare_av1d
from av1rules.operations.migrate.av1d.state import StateOutcome
from av1rules.report.migration.av1d_markdown import migration_markdown
from av1rules.report.migration.av1d_screen import migration_lines
from av1rules.report.migration.tables import MigratedPolicy
from av1rules.report.view import View
from tests.conftest import Golden

UNIT = (
    "[Service]\nExecStart=av1d --config config.json\nNice=10\nCPUQuota=800%  # 8 cores\nUser=av1d\n"
)


@pytest.fixture
def plan(tmp_path: Path) -> Av1dPlan:
    movies = tmp_path / "movies"
    movies.mkdir()
    for name in ("A.mkv", "A.av1skip", "B.tmp.av1.mkv", "C.av1-conversion-report.txt", "C.why.txt"):
        (movies / name).touch()
    (tmp_path / "jobs").mkdir()
    job = {"source_path": "/elsewhere/X.mkv", "status": "failed"}
    (tmp_path / "jobs" / "1.json").write_text(json.dumps(job))
    (tmp_path / "jobs" / "2.json").write_text("{}")
    (tmp_path / "commands").mkdir()
    (tmp_path / "commands" / "requeue-1").touch()
    config = tmp_path / "config.json"
    values = {"library_roots": [str(movies)], "job_state_dir": str(tmp_path / "jobs")}
    config.write_text(json.dumps({**values, "docker_bin": "docker", "colour": True}, indent=2))
    unit = tmp_path / "av1d.service"
    unit.write_text(UNIT)
    request = Av1dRequest(
        configs=(str(config),),
        folder=f"{tmp_path}/av1",
        program=("/usr/bin/av1rules",),
        units=(str(unit),),
    )
    return prepare_av1d(request)


@pytest.fixture
def policies(plan: Av1dPlan) -> list[MigratedPolicy]:
    state = StateOutcome(
        jobs=(
            JobOutcome(
                source="/m/Bad|`x`.mkv",
                status=JobStatus.FAILED,
                reason="ffmpeg exit code 1",
                fate=JobFate.PARKED,
                why="left alone until `av1rules retry`",
                is_new=True,
            ),
            JobOutcome(
                source="/m/Done.mp4",
                status=JobStatus.SUCCESS,
                reason=None,
                fate=JobFate.LEFT_ALONE,
                why="it is AV1",
            ),
        ),
        originals=(
            OriginalOutcome(
                path="/m/Done.orig.mkv",
                result="/m/Done.mp4",
                state=PairState.READY,
                why="its AV1 file is in its place",
                frees_bytes=1 << 30,
            ),
            OriginalOutcome(
                path="/m/Lost.orig.mkv", result=None, state=PairState.ALONE, why="no AV1 file"
            ),
        ),
    )
    return [MigratedPolicy(plan=one, state=state, files=()) for one in plan.policies]


def test_the_whole_file(
    plan: Av1dPlan, policies: list[MigratedPolicy], golden: Golden, tmp_path: Path
) -> None:
    text = migration_markdown(plan, policies)
    shorter = text.replace(str(tmp_path), "").replace(str(tmp_path).replace("_", "\\_"), "")
    lines = (" ".join(line.split()) for line in shorter.splitlines())
    tidy = "\n".join(line if set(line) - set("|-") or not line else "|---|" for line in lines)
    golden("MIGRATION.md", tidy + "\n")


@pytest.mark.parametrize("is_dry", [False, True])
@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_screen_is_never_wider_than_it_is(
    plan: Av1dPlan, policies: list[MigratedPolicy], width: int, is_dry: bool
) -> None:
    view = View(width=width)
    lines = "\n".join(migration_lines(plan, policies, is_dry=is_dry, view=view)).splitlines()
    assert [line for line in lines if len(line) > width and "/" not in line] == []
    assert any("1 parked" in line for line in lines)
    # Without a file that has them, the screen has the keys.
    assert any("min_bytes" in line for line in lines) is is_dry
