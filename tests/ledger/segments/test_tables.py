"""Films in segments in the ledger."""

from __future__ import annotations

from pathlib import Path

from av1rules.ledger.ledger import Ledger
from tests.ledger import sample_records as sample


def test_a_film_its_segments_and_the_end_of_them(tmp_path: Path) -> None:
    film, segment = sample.SEGMENTED_FILM, sample.SEGMENT.segment
    ledger = Ledger.open(tmp_path)
    ledger.segmented.begin(film)
    ledger.segments.add(film.folder, segment)
    ledger.close()
    ledger = Ledger.open(tmp_path)
    assert ledger.segmented.all() == (film,)
    assert ledger.segmented.find(film.folder) == film
    assert ledger.segments.of(film.folder) == (segment,)
    assert ledger.segments.totals(film.folder) == (1, segment.size_bytes)
    ledger.segmented.forget(film.folder)
    assert ledger.segmented.all() == ()
    assert ledger.segments.of(film.folder) == ()
    assert ledger.segments.totals(film.folder) == (0, 0)
    assert ledger.segmented.find(film.folder) is None
    ledger.close()
