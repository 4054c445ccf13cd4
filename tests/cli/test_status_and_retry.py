"""`status` and `retry` as typed, on a ledger as runs would leave it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from av1rules.base.events import Outcome
from av1rules.execute.resources.run_lock import run_lock
from av1rules.ledger.checks import CheckMethod, LastCheck, SourceCheckRecord
from av1rules.ledger.records import Attempt, AttemptResult
from av1rules.ledger.runs import RunRecord
from av1rules.ledger.trash_table import TrashKind
from tests.cli.test_commands import av1rules
from tests.execute.trash_library import LONG_AGO, TrashLibrary
from tests.operations.test_clip_status import clip


@pytest.fixture
def aside(tmp_path: Path) -> TrashLibrary:
    library = TrashLibrary(tmp_path)
    library.ruleset()
    return library


def fail(
    library: TrashLibrary,
    source: str,
    *,
    times: int = 1,
    kind: AttemptResult = AttemptResult.FAILED,
) -> None:
    attempt = Attempt(
        kind=kind, content_key=source, fingerprint="print", source=source, detail="it broke",
        source_bytes=100, target_bytes=None, count=1, at=LONG_AGO,
    )  # fmt: skip
    with library.ledger() as ledger:
        for _ in range(times):
            ledger.record_attempt(attempt)


def typed(
    *arguments: str, library: TrashLibrary, code: int = 0
) -> subprocess.CompletedProcess[str]:
    return av1rules(*arguments, cwd=library.folder, code=code, TZ="UTC")


class TestStatus:
    def test_of_nothing_makes_nothing(self, aside: TrashLibrary) -> None:
        text = typed("status", library=aside).stdout
        assert "(none yet)" in text
        assert "no run is active" in text
        assert "targets     none" in text
        assert (
            json.loads(typed("status", "--json", library=aside).stdout)["ledger"]["version"] is None
        )
        assert not (aside.folder / ".av1rules").exists()

    def test_of_a_busy_library_changes_nothing(self, aside: TrashLibrary) -> None:
        self._fill(aside)
        before = sorted(aside.folder.rglob("*"))
        text = typed("status", library=aside).stdout
        assert "left over   1 job of a killed run" in text
        assert "targets     1, 510 B -> 60 B, saved 450 B (88%)" in text
        assert "films/d\\x1b.mp4" in text
        assert len(text.splitlines()) < 40
        assert sorted(aside.folder.rglob("*")) == before

    def _fill(self, library: TrashLibrary) -> None:
        kept = library.move_to_trash("a.mp4", run=1)
        library.move_to_trash("b.mp4", run=2, kind=TrashKind.RESULT)
        fail(library, "films/c.mp4", times=3)
        fail(library, "films/d\x1b.mp4")
        fail(library, "films/e.mp4", kind=AttemptResult.TOO_LARGE)
        fail(library, "films/f.mp4", kind=AttemptResult.UNDONE)
        with library.ledger() as ledger:
            first = ledger.runs.begin(LONG_AGO)
            ledger.runs.put(
                RunRecord(id=first, started=LONG_AGO, ended=LONG_AGO, counts={Outcome.DONE: 1})
            )
            ledger.runs.begin(LONG_AGO)
            ledger.begin("/out/.av1rules-1", "films/c.mp4")
            fault = LastCheck(at=LONG_AGO, ways=frozenset({CheckMethod.DIGEST}), fault="rotten")
            assert ledger.checks.put(kept.row, fault)
            ledger.health.put(
                "key", SourceCheckRecord(source="films/g.mp4", at=LONG_AGO, fault="ends too early")
            )

    def test_json_has_all_of_it(self, aside: TrashLibrary) -> None:
        self._fill(aside)
        output = json.loads(typed("status", "--json", library=aside).stdout)
        assert output["targets"] == {
            "count": 1, "source_bytes": 510, "target_bytes": 60, "saved_bytes": 450,
        }  # fmt: skip
        assert output["trash"]["original"] == {
            "count": 1, "size_bytes": 510, "frees_bytes": 510, "away": 0,
        }  # fmt: skip
        assert [item["source"] for item in output["parked"]] == ["films/c.mp4"]
        assert [item["source"] for item in output["failing"]] == ["films/d\x1b.mp4"]
        assert (output["too_large"], output["undone"], output["left_over"]) == (1, 1, 1)
        assert output["damaged_targets"][0]["fault"] == "rotten"
        assert output["damaged_sources"][0]["name"] == "films/g.mp4"
        assert [run["summary"] for run in output["runs"]] == ["killed", "1 done"]

    def test_clips_that_wait_are_counted_with_where_to_look(self, aside: TrashLibrary) -> None:
        with aside.ledger() as ledger:
            for number in (1, 2):
                ledger.clips.put(clip(number))
        fail(aside, "films/e.mp4", kind=AttemptResult.TOO_POOR)
        text = typed("status", library=aside).stdout
        assert "test clips  2 waiting (`av1rules clips list`)\n" in text
        assert "not done    1 came out below the quality floor\n" in text
        output = json.loads(typed("status", "--json", library=aside).stdout)
        assert (output["clips"], output["too_poor"]) == ({"waiting": 2}, 1)

    def test_names_who_is_at_work(self, aside: TrashLibrary) -> None:
        with aside.ledger() as ledger, run_lock(aside.folder / ".av1rules"):
            ledger.runs.begin(LONG_AGO)
            ledger.begin("/out/.av1rules-1", "films/c.mp4")
            text = typed("status", library=aside).stdout
            output = json.loads(typed("status", "--json", library=aside).stdout)
        assert f"a run is active: process {os.getpid()}" in text
        assert "12:00  is running" in text
        assert "left over" not in text
        assert output["left_over"] is None

    def test_long_lists_are_cut_with_a_count(self, aside: TrashLibrary) -> None:
        for number in range(12):
            fail(aside, f"films/{number:02}.mp4", times=3)
        text = typed("status", library=aside).stdout
        assert "(12)" in text
        assert "films/09.mp4" in text
        assert "films/10.mp4" not in text
        assert "... and 2 more" in text


class TestRetry:
    def failures(self, library: TrashLibrary) -> list[str]:
        with library.ledger() as ledger:
            return [attempt.source for attempt in ledger.attempts(AttemptResult.FAILED)]

    def test_frees_all_and_keeps_what_was_decided(self, aside: TrashLibrary) -> None:
        fail(aside, "films/a.mp4", times=3)
        fail(aside, "films/b.mp4", kind=AttemptResult.TOO_LARGE)
        fail(aside, "films/c.mp4", kind=AttemptResult.UNDONE)
        text = typed("retry", library=aside).stdout
        assert text == (
            "freed films/a.mp4, failed 3 times: it broke\n1 freed: the next run tries again\n"
        )
        assert self.failures(aside) == []
        with aside.ledger() as ledger:
            assert len(ledger.attempts(AttemptResult.TOO_LARGE)) == 1
            assert len(ledger.attempts(AttemptResult.UNDONE)) == 1
        assert "no failures to forget" in typed("retry", library=aside).stdout

    @pytest.mark.parametrize(
        ("path", "left"),
        [
            ("films/x/a.mp4", ["films/x/b.mp4", "films/y.mp4"]),  # none of them is there
            ("films/x", ["films/y.mp4"]),
            ("films/x/", ["films/y.mp4"]),
            ("./films/../films/y.mp4", ["films/x/a.mp4", "films/x/b.mp4"]),
            ("link/y.mp4", ["films/x/a.mp4", "films/x/b.mp4"]),
            ("films", []),
            (".", []),
            ("films/x/a", ["films/x/b.mp4", "films/y.mp4"]),  # a part of its name
            ("b.mp4", ["films/x/a.mp4", "films/y.mp4"]),
            ("*.mp4", []),
        ],
    )
    def test_paths_are_mapped_to_the_library(
        self, path: str, left: list[str], aside: TrashLibrary
    ) -> None:
        (aside.folder / "link").symlink_to("films")
        for source in ("films/x/a.mp4", "films/x/b.mp4", "films/y.mp4"):
            fail(aside, source)
        typed("retry", path, library=aside)
        assert self.failures(aside) == left

    def test_path_outside_of_the_library_is_refused(self, aside: TrashLibrary) -> None:
        fail(aside, "films/a.mp4")
        output = typed("retry", "films/a.mp4", "/elsewhere/a.mp4", library=aside, code=2).stderr
        assert "no film has this name" in output
        assert self.failures(aside) == ["films/a.mp4"]

    def test_dry_run_frees_nothing(self, aside: TrashLibrary) -> None:
        fail(aside, "films/a.mp4")
        assert "would free films/a.mp4" in typed("retry", "-n", "a.mp4", library=aside).stdout
        assert self.failures(aside) == ["films/a.mp4"]

    def test_not_while_a_run_is_at_work(self, aside: TrashLibrary) -> None:
        fail(aside, "films/a.mp4")
        with run_lock(aside.folder / ".av1rules"):
            assert "another run" in typed("retry", library=aside, code=5).stderr
        assert self.failures(aside) == ["films/a.mp4"]

    def test_without_a_ledger_makes_none(self, aside: TrashLibrary) -> None:
        assert "no failures to forget" in typed("retry", library=aside).stdout
        assert not (aside.folder / ".av1rules").exists()
