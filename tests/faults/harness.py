"""Plays a scene again and again from the same state, killed each time at another point, and looks
at what is left: right after the kill, and after the next start has repaired it.
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
from av1rules.base.files import TEMP_PREFIX
from av1rules.base.hashing import file_digest
from av1rules.ledger.ledger import Ledger
from av1rules.storage.trash import TRASH_FOLDER
from tests.faults.scenarios import Scenario, Stage

CHECKOUT = Path(__file__).parents[2]

PATIENCE_S = 60.0
GRACE_S = 10.0  # for children to end after the death of the run

_CLIPS = (".mkv", ".mp4")

KILLS: Counter[str] = Counter()
"""How often a run died, for the summary of the tests."""


@dataclass(frozen=True)
class Snapshot:
    """What a person sees: films by path and digest, other files by path; and what lies aside."""

    films: dict[str, str]
    others: frozenset[str]
    aside: Counter[str]

    @property
    def digests(self) -> set[str]:
        return {*self.films.values(), *self.aside}


class WorkerProcess:
    """The process that starts the runs."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.driver", "serve"], cwd=CHECKOUT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def play(
        self, arguments: tuple[str | None, ...], output: Path, kill_after_s: float | None
    ) -> int:
        """Play once; returns how the run ended."""
        assert self._server.stdin is not None
        print(json.dumps([arguments, str(output)]), file=self._server.stdin, flush=True)
        player = int(self._line())
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            with contextlib.suppress(ProcessLookupError):  # it came to its end
                os.kill(player, signal.SIGKILL)
        return int(self._line())

    def _line(self) -> str:
        assert self._server.stdout is not None
        return self._server.stdout.readline()

    def close(self) -> None:
        self._server.communicate(timeout=PATIENCE_S)


@dataclass
class CrashHarness:
    """One scene: how it begins, what comes of it undisturbed, and the points where it can die."""

    stage: Stage
    scenario: Scenario
    players: WorkerProcess
    store: Path
    far_store: Path
    before: Snapshot = field(init=False)
    after: Snapshot = field(init=False)
    points: tuple[str, ...] = field(init=False)
    precious: frozenset[str] = field(init=False)
    seconds: float = field(init=False)

    def __post_init__(self) -> None:
        self.scenario.prepare(self.stage)
        self.stage.library.plan()  # tools and trials are looked at here, not at each play
        _copy(self.stage.library.folder, self.store)
        _copy(self.stage.far, self.far_store)
        self.before = self.look()
        started = time.monotonic()
        self.points = self.play()
        self.seconds = time.monotonic() - started
        self.after = self.look()
        sources = {file_digest(clip) for clip in self.stage.clips.values()}
        results = self.before.digests - sources if self._keeps_results else set()
        self.precious = frozenset((self.before.digests & sources) | results)
        self.require_settled()
        assert self.after != self.before, "the scene does nothing"

    @property
    def _keeps_results(self) -> bool:
        """Whether the results that are there may not be lost on the way: all that is not redone."""
        return self.before.digests <= self.after.digests

    # --- playing

    def reset(self) -> None:
        _copy(self.store, self.stage.library.folder)
        _copy(self.far_store, self.stage.far)

    def play(self, at: int = 0, *, command: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """Run the command, killed at point `at` (0: not at all); returns the points that it came
        past."""
        log, out = self.store.with_suffix(".points"), self.store.with_suffix(".out")
        code = self._play(str(at), str(log), command or self.scenario.command)
        points = tuple(log.read_text().splitlines())
        wanted = -signal.SIGKILL if at and len(points) >= at else 0
        assert code == wanted, out.read_text(errors="replace")
        KILLS["at a point"] += code != 0
        self._require_alone()
        return points

    def play_for(self, seconds: float) -> None:
        """Run the command and kill it from outside after this time."""
        code = self._play("0", None, self.scenario.command, kill_after_s=seconds)
        out = self.store.with_suffix(".out")
        assert code in (0, -signal.SIGKILL), out.read_text(errors="replace")
        KILLS["at any time"] += code != 0
        self._require_alone()

    def _play(
        self, at: str, log: str | None, command: tuple[str, ...], kill_after_s: float | None = None
    ) -> int:
        arguments = (str(self.stage.library.rules_file), at, log, *command)
        return self.players.play(arguments, self.store.with_suffix(".out"), kill_after_s)

    def _require_alone(self) -> None:
        """No process of the dead run is left."""
        needle = os.fsencode(self.stage.library.folder)
        deadline = time.monotonic() + GRACE_S
        while left := _processes(needle):
            assert time.monotonic() < deadline, f"still alive: {left}"
            time.sleep(0.01)

    # --- looking

    def look(self) -> Snapshot:
        films: dict[str, str] = {}
        others: set[str] = set()
        aside: Counter[str] = Counter()
        for path in self._files():
            if TRASH_FOLDER in path.parts:
                if path.suffix in _CLIPS:
                    aside[file_digest(path)] += 1
            elif path.suffix in _CLIPS:
                films[str(path)] = file_digest(path)
            else:
                others.add(str(path))
        return Snapshot(films=films, others=frozenset(others), aside=aside)

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
        """At any instant: every source, and every result that is not to be redone, has a name; but
        an original that may go once its target is whole."""
        there = self.look().digests
        lost = self.precious - there
        if self.scenario.may_go:
            kept = self.after.digests <= there
            assert not lost or kept, "an original went before its target was there"
        else:
            assert not lost, f"lost: {lost}"

    def require_settled(self) -> None:
        """After a start that repaired what was left: all is as if nothing had happened."""
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
        """Start again without any disturbance, and once more: nothing is left to tell."""
        library = self.stage.library
        finished = library.run()
        told = library.told()
        assert finished.failed == finished.dropped == 0, told
        if self.scenario.is_toggle:
            seen = self.look()
            if (seen.films, seen.aside) == (self.before.films, self.before.aside):
                self.stage.undo()  # the kill came before it, or it was taken back
        library.run()
        notes = [event.message for event in library.events if isinstance(event, Note)]
        assert notes == [], "the second start still had something to repair"

    def require_as_undisturbed(self) -> None:
        seen = self.look()
        assert seen.films == self.after.films
        assert seen.others == self.after.others
        if not self.scenario.may_go:
            assert seen.aside == self.after.aside

    def check(self) -> None:
        """All that must hold after a kill, before and after the next start."""
        self.require_nothing_lost()
        self.repair()
        self.require_nothing_lost()
        self.require_settled()
        self.require_as_undisturbed()


def _copy(origin: Path, goal: Path) -> None:
    """With times, links and all."""
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
