"""All real clips: replaced, judged against their originals, and put back to the last byte."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from av1rules.ffmpeg.tools import Tools
from tests.media_truth.judge import Case, judge
from tests.media_truth.look import Json, Look, Programs
from tests.media_truth.shelf import Shelf, has_way_out

pytestmark = [pytest.mark.real, pytest.mark.media]

UNREADABLE = {"broken-empty.mkv", "broken-no-moov.mp4", "broken-text.mkv"}
"""No film at all: the plan says what they are."""

NO_VIDEO = {"audio-only.mp4"}
DAMAGED = {"broken-truncated.mkv", "broken-truncated.mp4"}
"""Their damage shows only when they are decoded."""

OWN_FOLDER = ".av1rules-kept"


@pytest.fixture(scope="module")
def shelf(media_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    made = Shelf(tmp_path_factory.mktemp("real"), mode="replace")
    for clip in sorted(media_dir.iterdir()):
        # Two clips of one stem would have the same target: each stands in a folder of its own.
        folder = made.films / clip.suffix.removeprefix(".")
        folder.mkdir(exist_ok=True)
        shutil.copy2(clip, folder / clip.name)
        (folder / clip.name).chmod(0o644)
    made.write_rules()
    return made


def _state(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Digest, mtime and mode of each file of the library."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
            path.stat().st_mode,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file() and OWN_FOLDER not in path.parts
    }


def test_all_clips_are_replaced_judged_and_put_back(shelf: Shelf, tools: Tools) -> None:
    before = _state(shelf.films)
    plan = {row["library_path"]: row for row in shelf.plan()}
    events = shelf.run()
    done = [one for one in events if one["type"] == "job_done"]
    assert len(done) > 40
    broken = _unexplained(plan, events)
    broken |= _judged(shelf, plan, done, Programs(tools.ffmpeg, tools.ffprobe))
    undone = shelf.command("undo", "last", "--yes", "--json")
    assert undone.returncode == 0, undone.stderr
    assert [one["undone"] for one in json.loads(undone.stdout)["files"]] == [True] * len(done)
    assert _state(shelf.films) == before
    assert broken == {}, "\n".join(f"{name}: {what}" for name, what in broken.items())


def _unexplained(plan: dict[str, Json], events: list[Json]) -> dict[str, str]:
    """Clips that were not published and have no reason with a way out."""
    found = {}
    for name, row in plan.items():
        known = name.rpartition("/")[2] in UNREADABLE | NO_VIDEO
        reason = "; ".join(row["causes"])
        if row["action"] != "encode" and not known and not has_way_out(reason):
            found[name] = reason
    for one in events:
        if one["type"] in ("job_failed", "job_discarded"):
            name = one["source"]
            reason = f"{one.get('message')} {one.get('hint')}"
            if name.rpartition("/")[2] not in DAMAGED or not has_way_out(reason):
                found[name] = reason
    return found


def _judged(
    shelf: Shelf, plan: dict[str, Json], done: list[Json], programs: Programs
) -> dict[str, str]:
    originals = {path.name: path for path in shelf.films.rglob(f"{OWN_FOLDER}/**/*.*")}
    found = {}
    for one in done:
        row = plan[one["source"]]
        case = Case(
            Look.at(originals[Path(row["path"]).name], programs),
            Look.at(Path(one["target"]), programs),
            declared="\n".join(row["notes"]),
        )
        if differences := judge(case):
            found[one["source"]] = "; ".join(differences)
    return found
