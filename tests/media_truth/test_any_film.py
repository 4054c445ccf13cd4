"""Any film put together out of parts is published as it is, or refused with a way out.

AV1RULES_EXAMPLES=300 tries that many; without it a few, always the same.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from av1rules.ffmpeg.tools import Tools
from tests.media_truth.judge import Case, judge
from tests.media_truth.known_films import KNOWN
from tests.media_truth.look import Look, Programs
from tests.media_truth.make import Kitchen, has_mkvmerge, make
from tests.media_truth.parts import Film, films
from tests.media_truth.shelf import Shelf, has_way_out, take_through

EXAMPLES = int(os.environ.get("AV1RULES_EXAMPLES", "0"))
FEW = 15
PHASES = tuple(Phase) if EXAMPLES else (Phase.explicit, Phase.generate)
"""Making a failing film smaller costs a hundred encodes: for those who search, not for each run."""


def check(film: Film, tools: Tools, folder: Path) -> None:
    """Makes the film, has it encoded, and fails with every difference nobody agreed to."""
    wanted = f"container: {film.target}, deinterlace: {film.deinterlace}", film.wish.settings
    shelf = Shelf(folder, settings=", ".join(filter(None, wanted)))
    source = make(film, Kitchen(tools.ffmpeg, shelf.films_apart()))
    source = source.rename(shelf.films / source.name)
    outcome = take_through(shelf, source.name)
    if outcome.target is None:
        assert has_way_out(outcome.refusal), f"refused without a way out: {outcome.said}"
        return
    programs = Programs(tools.ffmpeg, tools.ffprobe)
    case = Case(
        Look.at(source, programs),
        Look.at(outcome.target, programs),
        outcome.accepted,
        outcome.said,
        is_deinterlaced=film.deinterlace != "off",
        wish=film.wish,
    )
    assert judge(case) == [], outcome.said


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_a_known_film_is_kept_or_refused(name: str, tools: Tools, tmp_path: Path) -> None:
    film = KNOWN[name]
    if not film.structure.is_plain and not has_mkvmerge():
        pytest.skip("mkvmerge is not installed: only it writes this")
    check(film, tools, tmp_path)


@settings(
    max_examples=EXAMPLES or FEW,
    derandomize=not EXAMPLES,
    deadline=None,
    phases=PHASES,
    suppress_health_check=list(HealthCheck),
)
@given(film=films())
def test_any_film_is_kept_or_refused(film: Film, tools: Tools) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(film, tools, Path(folder))
