"""Whatever happened, at rest the library is what one calm run would have made, and neighbours were
told all of it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.fakes.neighbours import serving
from tests.service.program import HASTE
from tests.service.watched import WatchedLibrary
from tests.soak.life import Life
from tests.soak.told import ENVIRON, Told

WHOLE_S = 300.0
SAMPLE_S = 10.0


def live_through(seconds: float, seed: int, folder: Path) -> None:
    told = Told()
    with (
        serving(*told.servers),
        WatchedLibrary(folder, environment={HASTE: "1", **ENVIRON}) as library,
    ):
        life = Life(library, random.Random(seed), told)
        for _ in range(14):
            life.arrives()
        life.live(seconds)
        life.comes_to_rest()
        assert life.faults() == [], life.deeds
        assert library.stop() == 0
        assert life.leftovers() == [], life.deeds
        assert life.unfinished() == 0
        targets = {str(library.target(name)) for name in library.targets()}
        assert told.faults(library.state_dir, targets) == [], life.deeds
        assert library.call("plan", "--detailed-exitcode").returncode == 0
        assert "Traceback" not in library.log, library.log


def test_a_sample_of_life(tmp_path: Path) -> None:
    live_through(SAMPLE_S, 1, tmp_path / "library")


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 6))
def test_hours_of_life(seed: int, tmp_path: Path) -> None:
    live_through(WHOLE_S, seed, tmp_path / "library")
