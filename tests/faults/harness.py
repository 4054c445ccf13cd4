"""Runs a scenario many times from the same state, each time killed at another point. Checks what is
left right after the kill, and after the next start has repaired it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from av1rules.base.events import Note
from av1rules.base.files import TEMP_PREFIX, TRASH_FOLDER
from av1rules.base.hashing import file_digest
from av1rules.ledger.ledger import Ledger
from tests.faults.scenarios import Scenario, Stage

CHECKOUT = Path(__file__).parents[2]

TIMEOUT_S = 60.0
GRACE_S = 10.0  # for children to end after the run was killed

_CLIPS = (".mkv", ".mp4")

KILLS: Counter[str] = Counter()
"""How many runs were killed, for the summary of the tests."""


@dataclass(frozen=True)
class Snapshot:
    """The files on disk: films by path and digest, other files by path, and digests in the
    trash."""

    films: dict[str, str]
    others: frozenset[str]
    in_trash: Counter[str]

    @property
    def digests(self) -> set[str]:
        return {*self.films.values(), *self.in_trash}


class WorkerProcess:
    """The process that starts the runs."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.driver", "serve"], cwd=CHECKOUT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def run(
        self, arguments: tuple[str | None, ...], output: Path, kill_after_s: float | None
    ) -> int:
        """Run once; returns the exit code."""
        assert self._server.stdin is not None
        print(json.dumps([arguments, str(output)]), file=self._server.stdin, flush=True)
        process_id = int(self._line())
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            with contextlib.suppress(ProcessLookupError):  # it has ended
                os.kill(process_id, signal.SIGKILL)
        return int(self._line())

    def _line(self) -> str:
        assert self._server.stdout is not None
        return self._server.stdout.readline()

    def close(self) -> None:
        self._server.communicate(timeout=TIMEOUT_S)


@dataclass
class CrashHarness:
    """One scenario: its start, its result without a kill, and the points where it can be killed."""

    stage: Stage
    scenario: Scenario
    worker: WorkerProcess
    store: Path
    far_store: Path
    before: Snapshot = field(init=False)
    after: Snapshot = field(init=False)
    points: tuple[str, ...] = field(init=False)
    precious: frozenset[str] = field(init=False)
    seconds: float = field(init=False)

    def __post_init__(self) -> None:
        self.scenario.prepare(self.stage)
        self.stage.library.plan()  # caches the tools and trials once
        _copy(self.stage.library.folder, self.store)
        _copy(self.stage.far, self.far_store)
        self.before = self.take_snapshot()
        started = time.monotonic()
        self.points = self.run()
        self.seconds = time.monotonic() - started
        self.after = self.take_snapshot()
        sources = {file_digest(clip) for clip in self.stage.clips.values()}
        results = self.before.digests - sources if self._keeps_results else set()
        self.precious = frozenset((self.before.digests & sources) | results)
        self.require_settled()
        assert self.after != self.before, "the scenario changes nothing"

    @property
    def _keeps_results(self) -> bool:
        """Whether existing results must never be lost: not if they are made again."""
        return self.before.digests <= self.after.digests

    # --- running

    def reset(self) -> None:
        _copy(self.store, self.stage.library.folder)
        _copy(self.far_store, self.stage.far)

    def run(self, at: int = 0, *, command: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """Run the command, killed at point `at` (0: never); returns the points that it reached."""
        log, out = self.store.with_suffix(".points"), self.store.with_suffix(".out")
        code = self._run(str(at), str(log), command or self.scenario.command)
        points = tuple(log.read_text().splitlines())
        wanted = -signal.SIGKILL if at and len(points) >= at else 0
        assert code == wanted, out.read_text(errors="replace")
        KILLS["at a point"] += code != 0
        self._require_alone()
        return points

    def run_for(self, seconds: float) -> None:
        """Run the command and kill it from outside after this time."""
        code = self._run("0", None, self.scenario.command, kill_after_s=seconds)
        out = self.store.with_suffix(".out")
        assert code in (0, -signal.SIGKILL), out.read_text(errors="replace")
        KILLS["at any time"] += code != 0
        self._require_alone()

    def _run(
        self, at: str, log: str | None, command: tuple[str, ...], kill_after_s: float | None = None
    ) -> int:
        arguments = (str(self.stage.library.rules_file), at, log, *command)
        return self.worker.run(arguments, self.store.with_suffix(".out"), kill_after_s)

    def _require_alone(self) -> None:
        """Require that no process of the killed run is left."""
        needle = os.fsencode(self.stage.library.folder)
        deadline = time.monotonic() + GRACE_S
        while left := _processes(needle):
            assert time.monotonic() < deadline, f"still alive: {left}"
            time.sleep(0.01)

    # --- snapshots

    def take_snapshot(self) -> Snapshot:
        films: dict[str, str] = {}
        others: set[str] = set()
        in_trash: Counter[str] = Counter()
        for path in self._files():
            if TRASH_FOLDER in path.parts:
                if path.suffix in _CLIPS:
                    in_trash[file_digest(path)] += 1
            elif path.suffix in _CLIPS:
                films[str(path)] = file_digest(path)
            else:
                others.add(str(path))
        return Snapshot(films=films, others=frozenset(others), in_trash=in_trash)

    def _files(self) -> list[Path]:
        state = self.stage.library.state_dir
        tops = (self.stage.library.folder, self.stage.far)
        return [
            path
            for top in tops
            for path in top.rglob("*")
            if path.is_file() and state not in path.parents
        ]

    def require_nothing_lost(self) -> None:
        """At any time every source, and every result that is not made again, has a name. Exception:
        an original that may be deleted once its target is whole."""
        there = self.take_snapshot().digests
        lost = self.precious - there
        if self.scenario.may_go:
            kept = self.after.digests <= there
            assert not lost or kept, "an original went before its target was there"
        else:
            assert not lost, f"lost: {lost}"

    def require_settled(self) -> None:
        """Require a consistent library after a start that has repaired it."""
        self._require_no_leftovers()
        library = self.stage.library
        plan = library.plan()
        assert plan.work == (), [(row.file.path, row.causes) for row in plan.work]
        assert not plan.has_work
        assert plan.safety_stops == ()
        for row in library.ledger_rows():
            assert file_digest(row.target) == row.target_digest, row.target
        for kept in library.kept():
            assert file_digest(kept.path) == kept.digest, kept.path
        ledger = Ledger.read(library.state_dir)
        try:
            assert ledger.jobs_in_progress() == ()
            assert ledger.moves.in_flight() == ()
            assert ledger.kept.in_flight() == ()
        finally:
            ledger.close()

    def _require_no_leftovers(self) -> None:
        tops = (self.stage.library.folder, self.stage.far)
        left = [
            str(path)
            for top in tops
            for path in top.rglob(f"{TEMP_PREFIX}*")
            if path.name != TRASH_FOLDER
        ]
        assert left == []

    # --- after a kill

    def repair(self) -> None:
        """Start again without a kill, and once more: then nothing is left to report."""
        library = self.stage.library
        finished = library.run()
        output = library.output()
        assert finished.failed == finished.dropped == 0, output
        if self.scenario.is_toggle:
            seen = self.take_snapshot()
            if (seen.films, seen.in_trash) == (self.before.films, self.before.in_trash):
                self.stage.undo()  # the undo was killed before it began, or was rolled back
        library.run()
        notes = [event.message for event in library.events if isinstance(event, Note)]
        assert notes == [], "the second start still had something to repair"

    def require_as_undisturbed(self) -> None:
        seen = self.take_snapshot()
        assert seen.films == self.after.films
        assert seen.others == self.after.others
        if not self.scenario.may_go:
            assert seen.in_trash == self.after.in_trash

    def check(self) -> None:
        """Check everything that must hold after a kill, before and after the next start."""
        self.require_nothing_lost()
        self.repair()
        self.require_nothing_lost()
        self.require_settled()
        self.require_as_undisturbed()


def _copy(origin: Path, goal: Path) -> None:
    """Copy a folder with its times and links."""
    shutil.rmtree(goal, ignore_errors=True)
    subprocess.run(["cp", "-a", str(origin), str(goal)], check=True)


def _processes(needle: bytes) -> list[str]:
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                command = Path("/proc", entry, "cmdline").read_bytes()
            except OSError:
                continue
            if needle in command:
                found.append(f"{entry}: {command.decode(errors='replace')}")
    return found
