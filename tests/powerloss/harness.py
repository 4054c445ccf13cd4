"""Loses power in a recorded run of a scenario, starts again, and judges by bytes what is there."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from av1rules.base.files import TRASH_FOLDER
from av1rules.base.hashing import file_digest
from av1rules.ledger.ledger import Ledger
from av1rules.storage.trash_folder import MEDIA_SERVER_MARKERS
from tests.faults.harness import CrashHarness
from tests.powerloss.disk import SHARED_INDEX, Recording, Sync
from tests.powerloss.models import Crash, Loss, Model, crashes, one_model, uneven
from tests.powerloss.record import read_calls, record

STATE, CACHE, LIBRARY, FAR = "state", "cache", "library", "far"
DISKS = {STATE, CACHE, LIBRARY, FAR}
CACHES = {b"cache.": CACHE, b"glance.": CACHE, b"doit.": CACHE, b"rules.checked": CACHE}

MODELS: dict[str, dict[str, dict[str, Loss]]] = {
    **{model.value: one_model(model, DISKS) for model in Model},
    "ledger loses more": uneven(DISKS, STATE),
    "library loses more": uneven(DISKS, LIBRARY),
    "cache loses more": uneven(DISKS, CACHE),
    "other disk loses more": uneven(DISKS, FAR),
}
"""All crash states of a boundary, by model."""

FIGURES: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
"""How many states came out how, by scenario and model."""


@dataclass
class PowerLossHarness:
    """A scenario of the fault tests, recorded. `kills`: at these points (`s12`: before the twelfth
    sync) runs are killed, one after the other, before the one that comes to its end."""

    name: str
    base: CrashHarness
    kills: tuple[str, ...] = ()
    recording: Recording = field(init=False)
    _untrue_before: set[str] = field(init=False)
    _folders_after: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.base.reset()
        self._untrue_before = self._untrue()
        stage = self.base.stage
        disks = {
            stage.library.folder: LIBRARY, stage.library.state_dir: STATE, stage.far: FAR,
        }  # fmt: skip
        self.recording = Recording(disks, CACHES)
        log = self.base.store.with_suffix(".strace")
        for number, at in enumerate((*self.kills, "0")):
            words = ("run",) if number else self.base.scenario.command
            code = record((str(stage.library.rules_file), at, *words), log)
            assert (code == 0) == (at == "0"), log.with_suffix(".out").read_text()
            self.recording.add(read_calls(log))
            log.unlink()
        self.recording.take_times()
        self._folders_after = _folders(self.base)

    def require_same_end(self) -> None:
        """Require that the replay of all steps leads to what the recorded runs left."""
        replayed = {p: c for p, c in self.recording.live_tree().items() if not _is_shared(p)}
        assert replayed == self._tree()

    def _tree(self) -> dict[str, bytes | None]:
        tops = (self.base.stage.library.folder, self.base.stage.far)
        return {
            str(path): None if path.is_dir() else path.read_bytes()
            for top in tops
            for path in (top, *top.rglob("*"))
            if not _is_shared(str(path))
        }

    def crashes(
        self, model: str, seen: set[str], *, without: frozenset[str] = frozenset()
    ) -> list[Crash]:
        return list(crashes(self.recording, MODELS[model], seen, without=without))

    def clean_digests(self) -> set[str]:
        """The digests of all states that the syncs as they are lead to."""
        seen = set[str]()
        for model in MODELS:
            self.crashes(model, seen)
        return seen

    def lines(self) -> set[str]:
        """The lines of the code (`storage/replace.py:71`) that asked for a sync."""
        return {line for step in self._syncs() for line in step.lines}

    def own_syncs(self) -> int:
        """How many syncs our code asked for."""
        return sum(not step.is_of_sqlite for step in self._syncs())

    def _syncs(self) -> list[Sync]:
        return [step for step in self.recording.steps if isinstance(step, Sync)]

    def restore(self, crash: Crash) -> None:
        for top in (self.base.stage.library.folder, self.base.stage.far):
            empty_folder(top)
        crash.state.restore(self.recording)

    def outcome(self, crash: Crash) -> str:
        """`clean`, or what is wrong: `lost`; `untrue` (what the ledger says, or a command that had
        ended, is not so on disk); `short` (the ledger calls fresh what is not whole); `stuck` (the
        next runs do not repair it); `blemish` (something else differs)."""
        self.restore(crash)
        base, is_at_end = self.base, crash.end == len(self.recording.steps)
        for name, check in (
            ("lost", base.require_nothing_lost),
            ("untrue", self._require_true_ledger),
            ("untrue", self._require_as_undisturbed if is_at_end else _nothing),
            ("stuck", base.repair),
            ("lost", base.require_nothing_lost),
            ("short", self._require_whole_targets),
            ("stuck", base.require_settled),
            ("blemish", self._require_as_undisturbed),
            ("blemish", self._require_tidy),
        ):
            try:
                check()
            except Exception as problem:  # noqa: BLE001 - whatever it is, it is the outcome
                return f"{name}: {type(problem).__name__}: {problem}"[:600]
        return "clean"

    def _require_true_ledger(self) -> None:
        untrue = self._untrue() - self._untrue_before
        assert untrue == set(), f"not as the ledger says: {sorted(untrue)}"

    def _untrue(self) -> set[str]:
        """What is not as the ledger says: each target and each file in the trash, unless the ledger
        also says that a run is at work there."""
        copy = self.base.store.with_suffix(".ledger")
        shutil.rmtree(copy, ignore_errors=True)
        state = self.base.stage.library.state_dir
        if not state.is_dir():
            return set()
        shutil.copytree(state, copy)  # reading makes files
        ledger = Ledger.read(copy)
        try:
            busy = {work.row.target for work in ledger.jobs_in_progress() if work.row is not None}
            for move in ledger.moves.in_flight():
                busy |= {move.old, move.new}
            for entry, intent in ledger.kept.in_flight():
                exchange = intent.exchange
                places = (entry.path, exchange.place_in, exchange.place_out, exchange.aside)
                busy |= {place for place in places if place is not None}
            told = {row.target: row.target_digest for row in ledger.rows()}
            told |= {k.path: k.digest for k in ledger.kept.entries() if k.gone_at is None}
        finally:
            ledger.close()
        going = self.base.scenario.may_go  # an original goes first, then its entry
        return {
            path
            for path, digest in told.items()
            if path not in busy
            and not (going and TRASH_FOLDER in path)
            and not (os.path.exists(path) and file_digest(path) == digest)
        }

    def _require_whole_targets(self) -> None:
        for row in self.base.stage.library.ledger_rows():
            assert os.path.exists(row.target), f"not there: {row.target}"
            assert file_digest(row.target) == row.target_digest, f"not whole: {row.target}"

    def _require_as_undisturbed(self) -> None:
        """The same films, side files and receipts, and files in the trash, as without a loss."""
        seen, wanted = self.base.take_snapshot(), self.base.after
        for one, other in ((seen.films, wanted.films), (seen.others, wanted.others)):
            differing = sorted(set(one).symmetric_difference(other))
            differing += (
                []
                if isinstance(one, frozenset)
                else [
                    path
                    for path in one
                    if one[path] != other.get(path, one[path])  # type: ignore[union-attr]
                ]
            )
            assert not differing, f"differs: {differing}"
        if not self.base.scenario.may_go:
            assert seen.in_trash == wanted.in_trash, "the trash differs"
        for path in map(Path, seen.others):
            content = path.read_bytes()
            is_whole = bool(content) and b"\0" not in content
            assert is_whole or path.name in MEDIA_SERVER_MARKERS, f"not whole: {path}"

    def _require_tidy(self) -> None:
        """No folder is there that would not be without a loss."""
        more = _folders(self.base) - self._folders_after
        assert more == set(), f"folders too many: {sorted(more)}"


def empty_folder(folder: Path) -> None:
    subprocess.run(["chmod", "-R", "u+rwx", str(folder)], check=False)
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _folders(base: CrashHarness) -> set[str]:
    """The folders of library and output, and whether one in a trash is empty: its name has the
    number of the run."""
    state, found = base.stage.library.state_dir, set[str]()
    for top in (base.stage.library.folder, base.stage.far):
        for path in top.rglob("*"):
            if not path.is_dir() or path == state or state in path.parents:
                continue
            if TRASH_FOLDER not in path.parts:
                found.add(str(path))
            elif path.name != TRASH_FOLDER and not any(one.is_file() for one in path.rglob("*")):
                found.add("an empty folder in a trash")
    return found


def _nothing() -> None:
    """No check."""


def _is_shared(path: str) -> bool:
    return os.fsencode(path).endswith(SHARED_INDEX)
