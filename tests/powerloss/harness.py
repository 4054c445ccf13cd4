"""Loses power in a recorded run of a scenario, starts again, and judges by bytes what is there."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from av1rules.ledger.ledger import Ledger
from tests.faults.harness import CrashHarness
from tests.powerloss.disk import Recording
from tests.powerloss.models import Crash, Loss, Model, crashes, one_model, uneven
from tests.powerloss.record import read_calls, record

STATE, LIBRARY, FAR = "state", "library", "far"
DISKS = {STATE, LIBRARY, FAR}

MODELS: dict[str, dict[str, dict[str, Loss]]] = {
    **{model.value: one_model(model, DISKS) for model in Model},
    "ledger loses more": uneven(DISKS, STATE),
    "library loses more": uneven(DISKS, LIBRARY),
    "other disk loses more": uneven(DISKS, FAR),
}
"""All crash states of a boundary, by model."""

FIGURES: Counter[tuple[str, str, str]] = Counter()
"""States by scenario, model and outcome."""


@dataclass
class PowerLossHarness:
    """A scenario of the fault tests, recorded. `kills`: the recording begins with runs that are
    killed at these points, each followed by the next."""

    base: CrashHarness
    kills: tuple[int, ...] = ()
    recording: Recording = field(init=False)

    def __post_init__(self) -> None:
        self.base.reset()
        stage = self.base.stage
        disks = {
            stage.library.folder: LIBRARY, stage.library.state_dir: STATE, stage.far: FAR,
        }  # fmt: skip
        self.recording = Recording(disks)
        log = self.base.store.with_suffix(".strace")
        for number, at in enumerate((*self.kills, 0)):
            words = ("run",) if number else self.base.scenario.command
            code = record((str(stage.library.rules_file), str(at), *words), log)
            assert (code == 0) == (at == 0), log.with_suffix(".out").read_text()
            self.recording.add(read_calls(log))
            log.unlink()
        self.recording.take_times()

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

    def restore(self, crash: Crash) -> None:
        for top in (self.base.stage.library.folder, self.base.stage.far):
            subprocess.run(["chmod", "-R", "u+rwx", str(top)], check=False)
            shutil.rmtree(top)
        crash.state.restore(self.recording)

    def outcome(self, crash: Crash) -> str:
        """`clean`, or what is wrong: `lost`, `short` (the ledger calls fresh what is not whole),
        `stuck` (the next runs do not repair it), `blemish` (something else differs)."""
        self.restore(crash)
        base = self.base
        for name, check in (
            ("lost", base.require_nothing_lost),
            ("stuck", base.repair),
            ("lost", base.require_nothing_lost),
            ("short", self._require_whole_targets),
            ("stuck", base.require_settled),
            ("blemish", base.require_as_undisturbed),
        ):
            try:
                check()
            except Exception as problem:  # noqa: BLE001 - whatever it is, it is the outcome
                return f"{name}: {type(problem).__name__}: {problem}"[:600]
        return "clean"

    def _require_whole_targets(self) -> None:
        from av1rules.base.hashing import file_digest

        for row in self.base.stage.library.ledger_rows():
            assert os.path.exists(row.target), f"not there: {row.target}"
            assert file_digest(row.target) == row.target_digest, f"not whole: {row.target}"


def _is_shared(path: str) -> bool:
    """The index that SQLite shares in memory: never read after a crash."""
    return path.endswith("-shm")


__all__ = ["FIGURES", "MODELS", "Ledger", "PowerLossHarness", "Path"]
