"""A library for screens: its films are those of the fake worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.worker import FakeClips

RULES = """\
version: 1
library: {roots: [films], settle: 0, min_size: 0}
output: {mode: mirror, root: out}
run: {reserve: 0, jobs: 2}
rules:
  - name: all
    encode: {crf: 30}
    review: never
"""

NAMES = [f"A Film With A Rather Long Name ({1960 + n}) REMUX-1080p.mkv" for n in range(12)]


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Twelve films, each another, and one that is none."""
    films = tmp_path / "films"
    films.mkdir()
    clips = FakeClips(tmp_path / "made")
    for number, name in enumerate(NAMES):
        films.joinpath(name).write_bytes(clips(name, str(number)).read_bytes())
    films.joinpath("bad.mkv").write_bytes(b"no film")
    tmp_path.joinpath("rules.yaml").write_text(RULES)
    return tmp_path
