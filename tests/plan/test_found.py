"""Whatever became of library and rules, the plan with the last plan's decisions says the same as
the plan without them.
"""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from av1rules.plan.items import Plan
from av1rules.plan.packed.cache import CACHE_NAME
from tests.conftest import MakeClip
from tests.fakes.worker import FakeClips
from tests.sample_library import SampleLibrary

RULES = """\
version: 1
library: {{roots: [films, more], settle: 0, max_lost: 1, exclude: ["**/extras/**"]}}
output: {{mode: {mode}, orphans: leave}}
run: {{reserve: 0}}
defaults: {{max_size_ratio: 9}}
rules:
  - {{name: hold, when: {{path: "**/h*"}}, hold: {reason}}}
  - {{name: skip, when: {{path: "**/s*"}}, skip: fine as they are}}
  - {{name: some, when: {{path: "**/a*"}}, encode: {{crf: {crf}}}, review: never}}
  - {{name: rest, encode: {{crf: 40}}, review: never}}
"""
FOLDERS = ("films", "films/one", "films/one/extras", "films/two", "more", "more/odd \udcff")
NAMES = tuple(f"{first}{number}.{end}" for first in "hsab" for number in range(3)
              for end in ("mkv", "mp4"))  # fmt: skip


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


def saying(plan: Plan) -> object:
    """All that a plan says, items as values; without inventories, which a run has to write."""
    rows = [
        (type(item).__name__, item.file, item.target, item.causes, item.notes, item.rule,
         item.source_tier, item.fingerprint, item.passed_over)
        for item in plan.rows
    ]  # fmt: skip
    orphans = sorted((one.row.target, one.cause) for one in plan.orphans)
    return rows, orphans, plan.problems, plan.safety_stops, plan.other_tools, plan.rows.totals()


def change(library: SampleLibrary, chance: random.Random, clips: list[Path], mode: str) -> None:
    """One thing that happens to a library between two plans."""
    files = sorted(
        path for root in ("films", "more") for path in (library.folder / root).rglob("*.m*")
    )
    step = chance.choice(("add", "add", "remove", "rename", "touch", "rewrite", "edit", "target"))
    if step == "add" or not files:
        folder = library.folder / chance.choice(FOLDERS)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(chance.choice(clips), folder / chance.choice(NAMES))
    elif step == "remove":
        chance.choice(files).unlink()
    elif step == "rename":
        path = chance.choice(files)
        path.rename(library.folder / chance.choice(("films", "more")) / chance.choice(NAMES))
    elif step == "touch":
        os.utime(chance.choice(files))
    elif step == "rewrite":
        shutil.copy(chance.choice(clips), chance.choice(files))
    elif step == "edit":
        reason, crf = chance.choice(("later", "look first")), chance.choice((30, 31))
        library.rules(RULES.format(mode=mode, reason=reason, crf=crf))
    elif step == "target":
        targets = sorted((library.folder / "out").rglob("*.mkv"))
        if targets:
            chance.choice(targets).write_bytes(b"damaged")


@pytest.mark.parametrize("mode", ["mirror, root: out", "beside", "replace"])
@pytest.mark.parametrize("seed", range(4))
def test_plans_with_and_without_the_last_one_say_the_same(
    library: SampleLibrary, clip: Path, other_clip: Path, mode: str, seed: int
) -> None:
    chance = random.Random(seed)
    (library.folder / "more").mkdir()
    library.rules(RULES.format(mode=mode, reason="later", crf=30))
    for _ in range(12):
        change(library, chance, [clip, other_clip], mode)
    for _ in range(10):
        for _ in range(chance.randint(1, 3)):
            change(library, chance, [clip, other_clip], mode)
        doing = chance.random()
        if doing < 0.3:
            library.run(accept_missing=True)
        elif doing < 0.6:
            library.plan(library.folder / chance.choice(("films", "more", "films/one")))
        with_last = saying(library.plan())
        assert saying(library.plan()) == with_last
        (library.state_dir / CACHE_NAME).unlink(missing_ok=True)
        assert saying(library.plan()) == with_last
