"""A small library on disk with its rules file: planned, run and looked at as a user would."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from av1rules.base.events import Event, RunFinished
from av1rules.graph.ledger import Ledger
from av1rules.graph.plan import Wish, build_plan
from av1rules.graph.planned import Plan, PlanAction, PlanRow
from av1rules.graph.run import run_plan
from av1rules.graph.session import open_session
from av1rules.graph.stale import TargetRow
from av1rules.graph.workspace import open_workspace
from tests.conftest import MakeClip

FAST = "crf: 50, preset: 12, film_grain: 0, max_size_ratio: 9"
"""Settings for tests: quick, and never thrown away for their size."""

RULES = """\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: mirror, root: out}}
run: {{reserve: 0}}
rules:
  - name: all
    encode: {{{settings}}}
"""


@dataclass
class Shelf:
    """`films/` with sources, `out/` with targets, `rules.yaml` between them."""

    folder: Path
    clip: Path
    events: list[Event] = field(default_factory=list)

    @property
    def rules_file(self) -> Path:
        return self.folder / "rules.yaml"

    @property
    def state_dir(self) -> Path:
        return self.folder / ".av1rules"

    def rules(self, text: str | None = None, *, settings: str = FAST) -> None:
        self.rules_file.write_text(text or RULES.format(settings=settings))

    def add(self, name: str | bytes, clip: Path | None = None) -> Path:
        path = os.path.join(os.fsencode(str(self.folder / "films")), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copy(os.fsencode(clip or self.clip), path)
        return Path(os.fsdecode(path))

    def target(self, name: str) -> Path:
        return self.folder / "out" / "films" / name

    def plan(self, *paths: Path, force: bool = False) -> Plan:
        wish = Wish(paths=tuple(str(path) for path in paths), force=force)
        with open_workspace(self.rules_file, write=False) as space:
            return build_plan(space, wish)

    def run(self, *paths: Path, force: bool = False, jobs: int = 1) -> RunFinished:
        self.events.clear()
        wish = Wish(paths=tuple(str(path) for path in paths), force=force)
        with (
            open_workspace(self.rules_file, write=False) as space,
            open_session(space, self.events.append) as session,
        ):
            return run_plan(build_plan(session.space, wish), session, jobs=jobs)

    def row(self, name: str, *, force: bool = False) -> PlanRow:
        rows = [r for r in self.plan(force=force).rows if r.file.relative_path == name]
        assert len(rows) == 1, f"{name} is planned {len(rows)} times"
        return rows[0]

    def causes(self, name: str) -> tuple[str, ...]:
        return self.row(name).causes

    def work(self) -> list[str]:
        """Relative paths of what is to be encoded."""
        return [row.file.relative_path for row in self.plan().of(PlanAction.ENCODE)]

    def ledger_rows(self) -> tuple[TargetRow, ...]:
        ledger = Ledger.read(self.state_dir)
        try:
            return tuple(ledger.rows())
        finally:
            ledger.close()

    def leftovers(self) -> list[str]:
        """Temporary names of ours anywhere below the folder, state aside."""
        return [
            os.path.join(base, name)
            for base, folders, files in os.walk(self.folder)
            for name in (*folders, *files)
            if name.startswith(".av1rules-")
        ]


@pytest.fixture
def clip(make_clip: MakeClip) -> Path:
    """One second, 128x72, H.264 or what the build has, with a sine tone."""
    return make_clip(
        "clip.mkv", "-f", "lavfi", "-i", "testsrc2=s=128x72:r=24:d=1", "-f", "lavfi", "-i",
        "sine=d=1", "-c:v", "mpeg2video", "-b:v", "900k", "-pix_fmt", "yuv420p", "-c:a", "ac3",
    )  # fmt: skip


@pytest.fixture
def other_clip(make_clip: MakeClip) -> Path:
    return make_clip(
        "other.mkv", "-f", "lavfi", "-i", "mandelbrot=s=128x72:r=24", "-t", "1", "-c:v",
        "mpeg2video", "-b:v", "900k", "-pix_fmt", "yuv420p",
    )  # fmt: skip


@pytest.fixture
def shelf(tmp_path: Path, clip: Path) -> Shelf:
    made = Shelf(folder=tmp_path / "shelf", clip=clip)
    (made.folder / "films").mkdir(parents=True)
    made.rules()
    return made


Disk = dict[str, tuple[int, int, bytes]]


@pytest.fixture
def snapshot() -> Callable[[Path], Disk]:
    """Every file below a folder: mtime, size and bytes."""

    def take(folder: Path) -> Disk:
        return {
            str(path.relative_to(folder)): (
                path.stat().st_mtime_ns,
                path.stat().st_size,
                path.read_bytes(),
            )
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    return take
