"""A user and av1rules share a library for a while: whatever both do, in whatever order, nothing
is lost, nothing fresh is redone, nothing stale is kept.

`AV1RULES_MACHINE=250` sets the number of examples; unset, a small set that is always the same.
`AV1RULES_SHRINK=1` looks for the shortest way to a failure in the large set too (minutes).
"""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkdtemp

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from av1rules.execute.startup import start_session
from av1rules.execute.trash import purge
from av1rules.ffmpeg.tools import Tools
from av1rules.media.cache import FILE_NAME
from av1rules.operations.adopt.adopt import AdoptOptions, adopt
from av1rules.plan.workspace import open_workspace
from tests.conftest import MakeClip
from tests.state_machine.invariants import Invariants
from tests.state_machine.model import contents_of
from tests.state_machine.shared_library import (
    TOP,
    Knowledge,
    Policy,
    is_kept,
    is_plain,
    new_library,
)

pytestmark = pytest.mark.real

EXAMPLES = int(os.environ.get("AV1RULES_MACHINE", "0"))
SHRINKS = "AV1RULES_SHRINK" in os.environ
CI_EXAMPLES = 20
STEPS = 25
PHASES = (Phase.explicit, Phase.generate, *((Phase.shrink,) if SHRINKS else ()))

FOLDERS = ("films", "films/s1", f"films/{TOP}", "more", "more/s1", f"more/{TOP}")
NAMES = ("a.mkv", "b.mkv", "c.mkv", "a.mk3d")
PLACES = tuple(f"{folder}/{name}" for folder in FOLDERS for name in NAMES)

places = st.sampled_from(PLACES)
folders = st.sampled_from(FOLDERS)
contents = st.integers(0, 3)
picks = st.integers(0, 30)
crfs = st.sampled_from((20, 12))


class Library(Invariants):
    """The user's moves are rules that change files; av1rules' own are those named `run_...`,
    `undo_...`, `purge_...`. What must hold is asked right after each of the latter."""

    template: Path

    @initialize(
        mode=st.sampled_from(("mirror", "beside", "replace")),
        copies=st.sampled_from(("link", "copy", "encode")),
        orphans=st.sampled_from(("leave", "trash")),
        films=st.lists(st.tuples(contents, places), min_size=2, max_size=5),
        is_done=st.booleans(),
    )
    def begin(
        self, mode: str, copies: str, orphans: str, films: list[tuple[int, str]], is_done: bool
    ) -> None:
        self.stack = ExitStack()
        self.policy = Policy(mode=mode, copies=copies, orphans=orphans)
        folder = Path(mkdtemp(dir=self.template.parent))
        self.world = self.stack.enter_context(new_library(folder, self.template, self.policy))
        self.undone: dict[tuple[int, int], str] = {}  # the source that was undone last
        self.is_cut_off = self.has_lost_ledger = False
        for content, place in films:
            self.add(content, place)
        if is_done:
            self.checked_run()

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.done["examples"] += 1
            self.stack.close()

    # --- what a user does

    @rule(content=contents, place=places)
    def add(self, content: int, place: str) -> None:
        path = self.path(place)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.known.clips[content], path)

    @rule(pick=picks, place=places)
    def add_copy(self, pick: int, place: str) -> None:
        if (old := self.picked(pick, self.is_source)) and not self.path(place).exists():
            self.path(place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.path(old), self.path(place))

    @rule(pick=picks, place=places)
    def add_hard_link(self, pick: int, place: str) -> None:
        if (old := self.picked(pick, self.is_source)) and not self.path(place).exists():
            self.path(place).parent.mkdir(parents=True, exist_ok=True)
            os.link(self.path(old), self.path(place))

    @rule(pick=picks, place=places)
    def rename(self, pick: int, place: str) -> None:
        """Also onto another film, which is gone then."""
        if old := self.picked(pick, self.is_film):
            self.path(place).parent.mkdir(parents=True, exist_ok=True)
            os.replace(self.path(old), self.path(place))

    @rule(one=picks, other=picks)
    def swap_names(self, one: int, other: int) -> None:
        a, b = self.picked(one, self.is_film), self.picked(other, self.is_film)
        if a and b and a != b:
            aside = self.world.folder / "on its way"
            os.rename(self.path(a), aside)
            os.rename(self.path(b), self.path(a))
            os.rename(aside, self.path(b))

    @rule(pick=picks, place=places)
    def rename_result(self, pick: int, place: str) -> None:
        """In the mirror, beside its source, or as the film itself."""
        old = self.picked(pick, self.is_result)
        new = self.policy.target_of(place)
        if old and not self.path(new).exists():
            self.path(new).parent.mkdir(parents=True, exist_ok=True)
            os.rename(self.path(old), self.path(new))
            self.done["results renamed"] += 1

    @rule(one=picks, other=picks)
    def swap_results(self, one: int, other: int) -> None:
        a, b = self.picked(one, self.is_result), self.picked(other, self.is_result)
        if a and b and a != b:
            aside = self.world.folder / "on its way"
            os.rename(self.path(a), aside)
            os.rename(self.path(b), self.path(a))
            os.rename(aside, self.path(b))

    @rule(folder=folders)
    def move_names_on(self, folder: str) -> None:
        """An episode was put in between: b becomes c, a becomes b."""
        a, b, c = (self.path(f"{folder}/{name}.mkv") for name in "abc")
        if a.exists() and b.exists() and not c.exists():
            b.rename(c)
            a.rename(b)

    @rule(old=folders, new=folders)
    def rename_folder(self, old: str, new: str) -> None:
        """With all that is in it; not a root itself."""
        if "/" in old and "/" in new and self.path(old).is_dir() and not self.path(new).exists():
            self.path(old).rename(self.path(new))

    @rule(pick=picks)
    def touch(self, pick: int) -> None:
        if old := self.picked(pick, lambda path, seen: is_plain(path)):
            os.utime(self.path(old))

    @rule(pick=picks, content=contents)
    def change_content(self, pick: int, content: int) -> None:
        if old := self.picked(pick, self.is_film):
            os.unlink(self.path(old))
            shutil.copy(self.known.clips[content], self.path(old))

    @rule(pick=picks, content=contents)
    def write_over(self, pick: int, content: int) -> None:
        """In place: the same inode, all its names."""
        if old := self.picked(pick, self.is_film):
            shutil.copyfile(self.known.clips[content], self.path(old))

    @rule(pick=picks)
    def delete_source(self, pick: int) -> None:
        if old := self.picked(pick, self.is_film):
            self.path(old).unlink()

    @rule(pick=picks)
    def delete_target(self, pick: int) -> None:
        if old := self.picked(pick, self.is_result):
            self.path(old).unlink()

    @rule(pick=picks)
    def cut_target(self, pick: int) -> None:
        if old := self.picked(pick, self.is_result):
            with open(self.path(old), "r+b") as file:
                file.truncate(4500)
            self.learn(old, "cut")

    @rule(pick=picks)
    def edit_target(self, pick: int) -> None:
        """As a tag editor does: another head, some more bytes."""
        if old := self.picked(pick, self.is_result):
            whole = self.path(old).read_bytes()
            self.path(old).write_bytes(whole.replace(b"Lavf", b"Lave", 1) + b"\xec\x80")
            self.learn(old, "edited")

    @rule(crf=crfs)
    def set_crf(self, crf: int) -> None:
        self.policy.crf = crf
        self.world.rules(self.policy.text())

    @rule(top=st.sampled_from((None, 16, "skip")))
    def set_rule_of_folder(self, top: int | str | None) -> None:
        self.policy.top = top
        self.world.rules(self.policy.text())

    @rule(orphans=st.sampled_from(("leave", "trash")))
    def set_orphans(self, orphans: str) -> None:
        self.policy.orphans = orphans
        self.world.rules(self.policy.text())

    @rule(copies=st.sampled_from(("link", "copy", "encode")))
    def set_copies(self, copies: str) -> None:
        self.policy.copies = copies
        self.world.rules(self.policy.text())

    @rule(folder=folders)
    def mark_or_free(self, folder: str) -> None:
        marker = self.path(folder) / ".av1skip"
        if marker.exists():
            marker.unlink()
        elif marker.parent.is_dir() and "/" in folder:
            marker.touch()

    # --- what av1rules does

    @rule()
    def run(self) -> None:
        self.checked_run()

    @rule()
    def run_now_too(self) -> None:
        """As likely again as each other move."""
        self.checked_run()

    @rule()
    def run_as_often(self) -> None:
        """Things go wrong between two runs."""
        self.checked_run()

    @rule(at=st.integers(1, 45))
    def run_killed(self, at: int) -> None:
        with self.nothing_lost():
            is_missing = bool(self.world.plan().safety_stops)
            name = self.world.run_killed(at, accept_missing=is_missing)
        note(f"killed after: {name}")
        self.is_cut_off = name is not None
        self.done["killed" if name else "not killed"] += 1

    @rule()
    def plan_reads_only(self) -> None:
        before = self.snapshot()
        rows = self.world.plan_rows()
        again = self.world.plan_rows()
        self.world.forget_cache()
        assert again == rows
        assert self.world.plan_rows() == rows, "what is remembered is what would be found"
        assert self.snapshot() == before

    @rule(pick=picks)
    def undo_file(self, pick: int) -> None:
        if old := self.picked(pick, self.is_film):
            self.undo(str(self.path(old)))

    @rule()
    def undo_last(self) -> None:
        self.undo("last")

    @rule(pick=picks)
    def undo_and_back(self, pick: int) -> None:
        self.recovered()
        if not (old := self.picked(pick, self.is_result)) or self.policy.mode != "replace":
            return
        before = self.content_of_library()
        done = self.undo(str(self.path(old)))
        if len(done) != 1 or done[0].refusal is not None:
            return
        assert self.snapshot()[self.below(done[0].kept.place)].what.kind == "source"
        (back,) = self.undo(done[0].kept.place)
        assert back.refusal is None, back.refusal
        assert self.content_of_library() == before

    @rule(with_orphans=st.booleans())
    def purge_all(self, with_orphans: bool) -> None:
        self.recovered()
        before = self.snapshot()
        with (
            open_workspace(self.world.rules_file, write=False) as workspace,
            start_session(workspace, self.world.events.append) as session,
        ):
            ledger = session.workspace.ledger
            entries = [kept for kept in ledger.kept.entries() if kept.gone_at is None]
            list(purge(ledger, workspace.ruleset, entries, with_orphans=with_orphans))
        after = self.snapshot()
        for path, seen in before.items():
            assert is_kept(path) or after.get(path) == seen, f"{path} was not in the trash"
        results = {s.what.content for p, s in after.items() if s.what.kind == "result"}
        for content in contents_of(before) - contents_of(after):
            assert content in results, "an original went, and its target is not there"
        if not with_orphans:
            self.require_results(before, after)

    @rule()
    def lose_ledger_and_adopt(self) -> None:
        """Not with edited results about: those are adopted as they are, and good for all later."""
        self.recovered()
        if any(seen.what.kind == "edited" for seen in self.snapshot().values()):
            return
        for path in self.world.state_dir.glob("ledger*"):
            path.unlink()
        self.world.forget_cache()
        self.undone.clear()
        self.has_lost_ledger = True
        with (
            self.nothing_lost() as after,
            open_workspace(self.world.rules_file, write=False) as workspace,
            start_session(workspace, self.world.events.append) as session,
        ):
            report = adopt(session.workspace, AdoptOptions(), sink=self.world.events.append)
        note(
            f"adopted: {[(self.below(o.target), o.kind.value, o.reason) for o in report.adoptions]}"
        )
        rows = {self.below(row.target): row for row in self.rows()}
        if self.policy.mode != "replace":
            for content, _, target in self.wanted(after, []).values():
                there = after.get(target)
                if there is not None and there.what.kind == "result":
                    is_own = there.what.content == content
                    assert not is_own or self.recorded_by(rows[target]) == there.what


def test_a_person_and_av1rules_share_a_library(
    tools: Tools, make_clip: MakeClip, tmp_path: Path
) -> None:
    clips = [
        make_clip(
            f"machine{n}.mkv", "-f", "lavfi", "-i", f"testsrc2=s=96x64:r=10:d=0.6,hue=h={n * 40}",
            "-c:v", "mpeg2video", "-b:v", "2M",
        )
        for n in range(4)
    ]  # fmt: skip
    known = Knowledge(clips=clips, tools=tools)
    with new_library(tmp_path / "first", None, Policy(mode="beside")) as world:
        world.plan()
        template = Path(shutil.copy(world.state_dir / FILE_NAME, tmp_path / FILE_NAME))

    class Machine(Library):
        pass

    Machine.known, Machine.template, Machine.done = known, template, Counter()
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=EXAMPLES or CI_EXAMPLES,
            report_multiple_bugs=False,
            phases=PHASES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not EXAMPLES,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    figures = ", ".join(f"{count} {what}" for what, count in sorted(Machine.done.items()))
    sys.stdout.write(f"{figures}\n")  # shown by `pytest -rP`
