"""The queue in the ledger: what a run is to do, less what is done."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from av1rules.ledger.films.queue import QueuedFilm, QueueTotals
from av1rules.ledger.ledger import Ledger

ODD = "films/\udcff.mkv"


def queued(film: str, place: int, seconds: float | None = None) -> QueuedFilm:
    return QueuedFilm(film=film, place=place, kind="encode", size_bytes=100, seconds=seconds)


def test_a_run_of_some_films_leaves_the_others_waiting(tmp_path: Path) -> None:
    with closing(Ledger.open(tmp_path)) as ledger:
        ledger.queue.put([queued("films/a.mkv", 0), queued(ODD, 1, 60.0)], is_whole=True)
        ledger.queue.put([queued("films/c.mkv", 0)], is_whole=False)
        ledger.queue.remove("films/a.mkv")
        assert {one.film for one in ledger.queue.select()} == {ODD, "films/c.mkv"}
        assert ledger.queue.find(ODD) == queued(ODD, 1, 60.0)
        assert ledger.queue.totals() == QueueTotals(
            films=2, size_bytes=200, seconds=60.0, saving_bytes=None
        )
        ledger.queue.put([], is_whole=True)
        assert ledger.queue.totals().films == 0
        assert ledger.queue.find(ODD) is None
