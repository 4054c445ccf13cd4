"""A ledger of real encodes for the figures on forecasts: clips of a folder, two presets."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from av1rules.base.events import ignore
from av1rules.execute.startup import start_session
from av1rules.plan.context import PlanRequest
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from tests.runs import run_plan

MOST_BYTES = 6 * 1000**2
"""Larger clips take minutes; what the figures are about is how clips differ."""

PRESETS = (10, 12)

_LOSSES = "hdr10plus, dolby-vision, chroma, bit-depth, alpha, captions, interlaced, streams, damage"

RULES = f"""\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: mirror, root: out, copies: encode}}
run: {{reserve: 0}}
defaults: {{max_size_ratio: 9, film_grain: 0, force: true, accept: [{_LOSSES}]}}
rules:
  - {{name: quick, when: {{path: "p12/**"}}, encode: {{crf: 40, preset: 12}}}}
  - {{name: slow, when: {{path: "p10/**"}}, encode: {{crf: 30, preset: 10}}}}
"""


def make_library(folder: Path, media: Path) -> None:
    """Encode every small clip of `media` once, the presets in turn, one at a time."""
    clips = sorted(
        path
        for path in media.iterdir()
        if path.stat().st_size < MOST_BYTES and not path.name.startswith(("broken", "MANIFEST"))
    )
    for number, clip in enumerate(clips):
        place = folder / "films" / f"p{PRESETS[number % len(PRESETS)]}"
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(clip, place / clip.name)
    (folder / "rules.yaml").write_text(RULES)
    with (
        open_workspace(folder / "rules.yaml", write=False) as workspace,
        start_session(workspace, ignore) as session,
    ):
        run_plan(build_plan(session.workspace, PlanRequest()), session, jobs=1)


if __name__ == "__main__":
    make_library(Path(sys.argv[1]), Path(sys.argv[2]))
