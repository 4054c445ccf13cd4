"""Every run that did something or failed is in the ledger, with what it found: a fake encoder."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from av1rules.base.errors import (
    Av1rulesError,
    DiskFullError,
    EncodeError,
    LedgerError,
    NoSpaceError,
    RunInterruptedError,
    SafetyStopError,
    UsageError,
)
from av1rules.base.events import Outcome
from av1rules.base.findings import FilmFinding, FindingKind
from av1rules.execute.quality_gate import Rejection
from av1rules.execute.startup import start_session
from av1rules.ledger.findings import FindingTable
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import AttemptResult
from av1rules.ledger.run_history import RunDetails, RunEnding, list_runs, show_run
from av1rules.ledger.runs import RunKind, RunRecord
from av1rules.plan.workspace import open_workspace
from tests.conftest import MakeClip
from tests.fakes.worker import FakeClips, FakeWorker
from tests.sample_library import FAST, SampleLibrary

HOLDING = f"""\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: mirror, root: out, copies: encode}}
run: {{reserve: 0}}
rules:
  - {{name: hold, when: {{path: "h*"}}, hold: look at it}}
  - {{name: all, encode: {{{FAST}}}, review: never}}
"""


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


@pytest.fixture
def films(library: SampleLibrary, make_clip: MakeClip) -> SampleLibrary:
    for name in "ab":
        library.add(f"{name}.mkv", make_clip(f"{name}.mkv"))
    return library


def records(library: SampleLibrary) -> tuple[RunRecord, ...]:
    with closing(Ledger.read(library.state_dir)) as ledger:
        return ledger.runs.latest()


def last(library: SampleLibrary) -> RunDetails:
    with closing(Ledger.read(library.state_dir)) as ledger:
        details = show_run(ledger, None, is_active=False)
    assert details is not None
    return details


def test_a_run_has_its_counts_and_sizes(films: SampleLibrary) -> None:
    films.run()
    run = last(films)
    (record,) = records(films)
    assert record.counts == {Outcome.DONE: 2}
    assert (record.source_bytes, record.target_bytes) == (2 * 65_536, 2 * 16_384)
    assert (record.kind, record.problem, record.trashed) == (RunKind.RUN, None, 0)
    assert [target.source for target in run.made] == ["films/a.mkv", "films/b.mkv"]


def test_a_run_that_has_nothing_to_do_leaves_no_record(films: SampleLibrary) -> None:
    films.run()
    finished = films.run()
    assert (finished.run, len(records(films))) == (None, 1)


def test_a_run_that_only_follows_a_rename_is_recorded(films: SampleLibrary) -> None:
    films.run()
    (films.folder / "films" / "a.mkv").rename(films.folder / "films" / "c.mkv")
    films.run()
    assert records(films)[0].counts == {Outcome.MOVED: 1}


@pytest.mark.parametrize(
    ("problem", "kind", "detail", "hint"),
    [
        (EncodeError("it crashed", hint="report it"), FindingKind.FAILED, "it crashed", "report"),
        (Av1rulesError("no", where="/out"), FindingKind.ERROR, "/out: no", None),
        (DiskFullError("full", place="/out"), FindingKind.SYSTEM, "full", None),
        (OSError(errno.EIO, "I/O", "/out/x"), FindingKind.SYSTEM, "I/O: /out/x", "health"),
        (OSError(errno.EACCES, "No", "/out"), FindingKind.NO_ACCESS, "No: /out", "this user"),
        (OSError(errno.EROFS, "No", "/o/.av1rules-1"), FindingKind.NO_ACCESS, "No: /o", "read-"),
        (RuntimeError("oops"), FindingKind.BUG, "a bug in av1rules itself", "please report"),
    ],
)
def test_each_failure_is_recorded_with_its_kind(
    films: SampleLibrary,
    fake_worker: FakeWorker,
    problem: Exception,
    kind: FindingKind,
    detail: str,
    hint: str | None,
) -> None:
    fake_worker.results["films/a.mkv"] = problem
    films.run()
    run = last(films)
    (finding,) = (one for one in run.findings if one.kind.is_failure)
    assert (finding.film, finding.kind, finding.is_new) == ("films/a.mkv", kind, True)
    assert detail in finding.detail
    assert hint is None or hint in (finding.hint or "")
    assert run.summary.record.counts[Outcome.FAILED] == 1
    assert run.summary.state is RunEnding.FAILED


def test_the_same_failure_is_known_the_next_night(
    films: SampleLibrary, fake_worker: FakeWorker
) -> None:
    fake_worker.results["films/a.mkv"] = EncodeError("it crashed")
    states = []
    for _ in range(5):  # the third parks it, then it is blocked by its failures
        finished = films.run()
        is_new = [one.is_new for one in finished.finished.findings]
        states.append((last(films).summary.state, is_new))
    assert states == [(RunEnding.FAILED, [True])] + [(RunEnding.KNOWN, [False])] * 4
    films.rules(settings=FAST.replace("crf: 50", "crf: 51"))
    films.run()
    assert last(films).summary.state is RunEnding.FAILED, "other settings: news"


def test_a_blocked_film_is_news_again_once_it_was_mended(films: SampleLibrary) -> None:
    torn = films.folder / "films" / "torn.mkv"
    torn.write_bytes(b"no film")
    whole = (films.folder / "films" / "a.mkv").read_bytes()
    films.run()
    films.run()
    assert last(films).summary.state is RunEnding.KNOWN
    torn.write_bytes(whole)
    films.run()
    torn.write_bytes(b"no film")
    films.run()
    assert last(films).summary.state is RunEnding.FAILED


def test_films_that_wait_are_recorded_beside_work_only(
    films: SampleLibrary, make_clip: MakeClip
) -> None:
    films.rules(HOLDING)
    films.add("h.mkv", make_clip("h.mkv"))
    finished = films.run()
    held = FilmFinding(film="films/h.mkv", kind=FindingKind.HELD, detail="look at it")
    assert finished.finished.findings == (held,)
    assert last(films).findings == (held,)
    assert last(films).summary.state is RunEnding.DONE
    assert films.run().finished.findings == (held,), "told, and not recorded again"
    assert len(records(films)) == 1


@pytest.mark.parametrize(
    ("result", "kind", "outcome"),
    [
        (
            Rejection(kind=AttemptResult.TOO_LARGE, detail="too large", size_bytes=80_000),
            FindingKind.DISCARDED,
            Outcome.DISCARDED,
        ),
        (NoSpaceError("too large"), FindingKind.LEFT, Outcome.NOT_ATTEMPTED),
    ],
)
def test_what_gave_no_target_has_its_reason(
    films: SampleLibrary,
    fake_worker: FakeWorker,
    result: Rejection | Exception,
    kind: FindingKind,
    outcome: Outcome,
) -> None:
    fake_worker.results["films/a.mkv"] = result
    films.run()
    run = last(films)
    assert [(one.film, one.kind, one.detail) for one in run.findings] == [
        ("films/a.mkv", kind, "too large")
    ]
    assert run.summary.record.counts == {Outcome.DONE: 1, outcome: 1}
    assert run.summary.state is RunEnding.DONE


def session_that(
    library: SampleLibrary,
    problem: BaseException,
    *,
    after_work: bool = False,
    finding: FilmFinding | None = None,
) -> None:
    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, library.events.append) as session,
    ):
        if after_work:
            session.recorder.number()
        if finding is not None:
            session.recorder.tell(finding)
        raise problem


@pytest.mark.parametrize(
    ("problem", "after_work", "recorded"),
    [
        (SafetyStopError("a disk is gone"), False, "a disk is gone"),
        (LedgerError("full"), False, "full"),
        (RuntimeError("oops"), False, "oops"),
        (UsageError("not below any root"), False, None),
        (RunInterruptedError("stopped"), False, None),
        (RunInterruptedError("stopped"), True, ""),
    ],
)
def test_a_run_that_an_error_ended_is_recorded(
    films: SampleLibrary, problem: Exception, after_work: bool, recorded: str | None
) -> None:
    with pytest.raises(type(problem)):
        session_that(films, problem, after_work=after_work)
    if recorded is None:
        assert records(films) == ()
    else:
        (record,) = records(films)
        assert (record.problem or "", record.ended is None) == (recorded, False)


def test_a_killed_run_keeps_what_it_found(films: SampleLibrary) -> None:
    crashed = FilmFinding(film="films/a.mkv", kind=FindingKind.FAILED, detail="it crashed")
    with pytest.raises(KeyboardInterrupt):
        session_that(films, KeyboardInterrupt(), finding=crashed)
    assert records(films)[0].ended is None
    assert [one.detail for one in last(films).findings] == ["it crashed"]
    films.run()
    with closing(Ledger.read(films.state_dir)) as ledger:
        runs = list_runs(ledger, is_active=False)
    assert [run.state for run in runs] == [RunEnding.DONE, RunEnding.KILLED]
    assert (runs[1].failures, runs[1].new_failures) == (1, 1), "also once another run came"


def test_a_ledger_that_takes_nothing_hides_no_failure(
    films: SampleLibrary, fake_worker: FakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_worker.results["films/a.mkv"] = Av1rulesError("no")

    def refuse(*_: object) -> None:
        raise LedgerError("full")

    monkeypatch.setattr(FindingTable, "add", refuse)
    finished = films.run()
    assert (finished.done, finished.failed) == (1, 1)
    assert [one.detail for one in finished.finished.findings] == ["no"]


def test_a_run_says_what_it_moved_to_the_trash(films: SampleLibrary) -> None:
    films.rules(HOLDING.replace("mode: mirror, root: out, copies: encode", "mode: replace"))
    films.run()
    assert records(films)[0].trashed == 2


def test_command_and_kind_are_as_given(films: SampleLibrary) -> None:
    command = ("av1rules", "undo", "\udcff")
    with (
        open_workspace(films.rules_file, write=False) as workspace,
        start_session(
            workspace, films.events.append, kind=RunKind.UNDO, command=command
        ) as session,
    ):
        session.counters.add(Outcome.UNDONE)
        session.recorder.exit_code = 0
    (record,) = records(films)
    assert (record.command, record.kind, record.exit_code) == (command, RunKind.UNDO, 0)


def test_expired_originals_that_a_run_deletes_are_counted(films: SampleLibrary) -> None:
    replacing = HOLDING.replace(
        "mode: mirror, root: out, copies: encode", "mode: replace, originals: keep for 1d"
    )
    films.rules(replacing)
    films.run()
    ledger_file = Path(films.state_dir) / "ledger.sqlite3"
    _age_the_trash(ledger_file)
    films.run()
    assert records(films)[0].counts == {Outcome.PURGED: 2}


def _age_the_trash(ledger_file: Path) -> None:
    with closing(sqlite3.connect(ledger_file)) as db:
        db.execute("UPDATE kept SET at='2020-01-01T00:00:00+00:00'")
        db.commit()


# --- no empty folders in the mirror


def folders(library: SampleLibrary) -> list[str]:
    out = library.folder / "out"
    return sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_dir())


def test_a_failed_encode_leaves_no_empty_folder(
    films: SampleLibrary, make_clip: MakeClip, fake_worker: FakeWorker
) -> None:
    films.add("x/y/c.mkv", make_clip("c.mkv"))
    films.add("x/z/d.mkv", make_clip("d.mkv"))
    fake_worker.results["films/x/y/c.mkv"] = EncodeError("it crashed")
    films.run()
    assert folders(films) == ["films", "films/x", "films/x/z"]


def test_an_empty_folder_of_a_user_stays(
    films: SampleLibrary, make_clip: MakeClip, fake_worker: FakeWorker
) -> None:
    films.add("x/c.mkv", make_clip("c.mkv"))
    (films.folder / "out" / "films" / "x").mkdir(parents=True)
    fake_worker.results["films/x/c.mkv"] = EncodeError("it crashed")
    films.run()
    assert folders(films) == ["films", "films/x"]


def test_an_orphan_that_goes_leaves_no_empty_folder(
    films: SampleLibrary, make_clip: MakeClip
) -> None:
    films.rules(HOLDING.replace("root: out,", "root: out, orphans: trash,"))
    source = films.add("x/y/c.mkv", make_clip("c.mkv"))
    films.run()
    source.unlink()
    films.run()
    kept = [one for one in folders(films) if not one.startswith(".av1rules-kept")]
    assert kept == ["films"]
