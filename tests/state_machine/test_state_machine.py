"""A person and av1rules share a library for a while: whatever both do, in whatever order, nothing
is lost, nothing fresh is redone, nothing stale is kept.

`AV1RULES_MACHINE=250` sets the number of examples; unset, a small set that is always the same.
`AV1RULES_SHRINK=1` looks for the shortest way to a failure in the large set too (minutes).
"""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import mkdtemp

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from av1rules.base.errors import UsageError
from av1rules.base.hashing import file_digest
from av1rules.execute.startup import start_session
from av1rules.execute.trash import purge
from av1rules.ffmpeg.tools import Tools
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import TargetRow
from av1rules.ledger.trash_table import TrashEntry, TrashKind
from av1rules.media.cache import FILE_NAME
from av1rules.operations.adopt.adopt import AdoptOptions, adopt
from av1rules.operations.undo import Undone, find_entries, undo
from av1rules.plan.items import Plan, PlanAction
from av1rules.plan.workspace import open_workspace
from tests.conftest import MakeClip
from tests.state_machine.shared_library import (
    OUT,
    TOP,
    Bytes,
    Knowledge,
    Policy,
    Seen,
    Snapshot,
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

Wanted = dict[str, tuple[int, int, str]]
"""Sources that the rules want encoded: content, crf and target, by path."""


class Library(RuleBasedStateMachine):
    """The person's moves are rules that change files; av1rules' own are those named `run_...`,
    `undo_...`, `purge_...`. What must hold is asked right after each of the latter."""

    known: Knowledge
    template: Path
    done: Counter[str]

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

    # --- what a person does

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
        before = self.look()
        rows = self.world.plan_rows()
        again = self.world.plan_rows()
        self.world.forget_cache()
        assert again == rows
        assert self.world.plan_rows() == rows, "what is remembered is what would be found"
        assert self.look() == before

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
        assert self.look()[self.below(done[0].kept.place)].what.kind == "source"
        (back,) = self.undo(done[0].kept.place)
        assert back.refusal is None, back.refusal
        assert self.content_of_library() == before

    @rule(with_orphans=st.booleans())
    def purge_all(self, with_orphans: bool) -> None:
        self.recovered()
        before = self.look()
        with (
            open_workspace(self.world.rules_file, write=False) as workspace,
            start_session(workspace, self.world.events.append) as session,
        ):
            ledger = session.workspace.ledger
            entries = [kept for kept in ledger.kept.entries() if kept.gone_at is None]
            list(purge(ledger, workspace.ruleset, entries, with_orphans=with_orphans))
        after = self.look()
        for path, seen in before.items():
            assert is_kept(path) or after.get(path) == seen, f"{path} was not aside"
        results = {s.what.content for p, s in after.items() if s.what.kind == "result"}
        for content in contents_of(before) - contents_of(after):
            assert content in results, "an original went, and its target is not there"
        if not with_orphans:
            self.require_results(before, after)

    @rule()
    def lose_ledger_and_adopt(self) -> None:
        """Not with edited results about: those are adopted as they are, and good for all later."""
        self.recovered()
        if any(seen.what.kind == "edited" for seen in self.look().values()):
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
                    assert not is_own or self.told_by(rows[target]) == there.what

    # --- what must hold

    def checked_run(self) -> None:
        """A run on what is there now: as planned, complete, and not one encode too many."""
        self.recovered()
        before = self.look()
        rows = self.valid_rows(before)
        kept = self.kept()
        plan = self.world.plan()
        if plan.safety_stops:
            self.require_justified(plan)
            with pytest.raises(UsageError):
                self.world.run_and_record()
            assert self.look() == before, "a run that refuses changes nothing"
            plan = self.world.plan(accept_missing=True)
        note(f"plan: {[(r.file.library_path, r.action.value, *r.causes) for r in plan.rows]}")
        with self.nothing_lost() as after:
            told = self.world.run_and_record(accept_missing=bool(self.world.plan().safety_stops))
        note(f"told: {told.encoded} {told.copied} {told.moved}\n{self.world.told()}")
        finished = told.finished
        self.done["runs"] += 1
        for what, names in (("encoded", told.encoded), ("moved", told.moved)):
            self.done[what] += len(names)
        self.done["copied"] += len(told.copied)
        assert (finished.failed, finished.dropped, finished.discarded) == (0, 0, 0)
        planned = Counter(row.action for row in plan.rows)
        sources = [r.file.library_path for r in plan.of(PlanAction.ENCODE)]
        assert told.encoded == sorted(sources), "what is planned is what is encoded"
        assert len(told.copied) == planned[PlanAction.COPY]
        assert set(told.moved) >= {r.file.library_path for r in plan.of(PlanAction.MOVE)}
        self.require_no_waste(before, rows, told.encoded)
        self.require_all_fresh(before, after, rows, kept)
        self.require_tidy(after)
        again = self.world.plan()
        assert not again.has_work, [(r.file.path, r.action, r.causes) for r in again.work]
        second = self.world.run_and_record()
        assert second.encoded == []
        assert self.look() == after

    @contextmanager
    def nothing_lost(self) -> Iterator[Snapshot]:
        """What must be true of all that av1rules does; gives what is there afterwards."""
        before = self.look()
        after: Snapshot = {}
        yield after
        after.update(self.look())
        assert contents_of(before) <= contents_of(after), "a source is lost"
        self.require_results(before, after)
        for path, seen in before.items():
            if not is_plain(path) or (now := after.get(path)) == seen:
                continue
            if seen.what.kind == "edited":
                raise AssertionError(f"{path}, which a person edited, was touched")
            if seen.what.kind == "source":
                self.require_replaced(path, seen, now, after)

    def require_results(self, before: Snapshot, after: Snapshot) -> None:
        """No target is destroyed unless its source is there to make another, or a person put other
        content in the source's place."""
        there = {seen.what for seen in after.values()}
        overwritten = {
            self.below(row.target)
            for row in self.rows()
            if (source := before.get(self.below(row.source_path))) is not None
            and source.what.kind == "source"
        }
        for path, seen in before.items():
            if path in overwritten:
                continue
            if seen.what.kind == "result" and seen.what not in there:
                assert seen.what.content in contents_of(after), f"{path} was the last copy"

    def require_replaced(self, path: str, seen: Seen, now: Seen | None, after: Snapshot) -> None:
        assert self.policy.mode == "replace", f"the source {path} was touched"
        if now is not None and now.what == seen.what:
            return  # replaced and put back
        content = seen.what.content
        assert any(is_kept(p) and s.what == seen.what for p, s in after.items()), path
        target = after.get(self.policy.target_of(path))
        if not self.is_cut_off:
            assert target is not None
            assert target.what.kind == "result", path
            assert target.what.content == content

    def require_justified(self, plan: Plan) -> None:
        """No brake without a reason that a person sees too."""
        snapshot = self.look()
        for safety_stop in plan.safety_stops:
            root = os.path.basename(safety_stop.where)
            here = [path for path in snapshot if path.startswith(f"{root}/") and is_plain(path)]
            assert not here or "known files are gone" in safety_stop.message, safety_stop.text

    def require_no_waste(self, before: Snapshot, rows: list[TargetRow], encoded: list[str]) -> None:
        """Not more encodes of a content with a crf than are needed, by what was there before."""
        wanted = self.wanted(before, rows)
        stale: dict[tuple[int, int], list[str]] = defaultdict(list)
        for path, (content, crf, target) in wanted.items():
            if not self.is_whole(target, content, crf, before, rows):
                stale[content, crf].append(path)
        redone = {wanted[path][2] for paths in stale.values() for path in paths}
        done: dict[tuple[int, int], list[str]] = defaultdict(list)
        for path in encoded:
            if path in wanted:
                content, crf, _ = wanted[path]
                done[content, crf].append(path)
            else:
                is_let_in = path in self.all_wanted(before)  # what stood in its place moved away
                assert is_let_in or self.policy.mode == "replace", path
        for (content, crf), paths in done.items():
            places = [wanted[path][2] for path in stale[content, crf]]
            open_places = sum(self.may_come_to(place, before) for place in places)
            at_hand = [
                row
                for row in self.at_hand(content, crf, before, rows)
                if self.below(row.target) not in redone
                or (open_places and self.is_orphan(row, before))
            ]
            if self.policy.copies == "encode":
                free = [row for row in at_hand if self.is_orphan(row, before)]
                most = len(stale[content, crf]) - min(len(free), open_places)
            else:
                most = 0 if at_hand else min(1, len(stale[content, crf]))
            assert len(paths) <= most, f"{paths} of content {content} with crf {crf} again"

    def may_come_to(self, place: str, snapshot: Snapshot) -> bool:
        """Whether another target may be moved there."""
        return place not in snapshot or snapshot[place].what.kind == "result"

    def at_hand(
        self, content: int, crf: int, snapshot: Snapshot, rows: list[TargetRow]
    ) -> list[TargetRow]:
        """Targets in the ledger that are of just this content and crf, and whole."""
        return [
            row
            for row in rows
            if self.is_whole(self.below(row.target), content, crf, snapshot, rows)
        ]

    def is_whole(
        self, target: str, content: int, crf: int, snapshot: Snapshot, rows: list[TargetRow]
    ) -> bool:
        seen = snapshot.get(target)
        is_known = any(self.below(row.target) == target for row in rows)
        return is_known and seen is not None and seen.what == result(content, crf)

    def is_orphan(self, row: TargetRow, snapshot: Snapshot) -> bool:
        """Whether a target is free to follow its renamed source."""
        if self.policy.mode == "replace":
            return False
        seen = snapshot.get(self.below(row.source_path))
        return seen is None or seen.what != self.known.bytes[row.source_digest]

    def require_all_fresh(
        self, before: Snapshot, after: Snapshot, rows: list[TargetRow], kept: list[TrashEntry]
    ) -> None:
        by_target = {self.below(row.target): row for row in rows}
        for path, (content, crf, target) in self.wanted(before, rows).items():
            now, there = after.get(target), before.get(target)
            if there is not None and self.is_somebodys(path, target, there, by_target):
                is_mended = there.what.kind == "cut" and now is not None
                is_done = is_mended or (now is not None and now.what == result(content, crf))
                assert now == there or is_done, f"{target} is in the way of {path}"
                continue
            if self.policy.mode == "replace" and (content, crf) in self.undone:
                assert after.get(path) == before[path], f"{path} was undone"
                continue
            assert now is not None, f"{target} is missing"
            assert now.what == result(content, crf), f"{target} is not what it should be"
        if self.policy.mode == "replace":
            self.require_results_fresh(before, after, by_target, kept)

    def is_somebodys(
        self, path: str, target: str, there: Seen, by_target: dict[str, TargetRow]
    ) -> bool:
        """Whether what stands in a target's place is not for av1rules to touch."""
        if self.policy.mode == "replace" and target == path:
            return False
        is_unknown = target not in by_target
        return there.what.kind == "edited" or is_unknown or self.policy.mode == "replace"

    def require_results_fresh(
        self,
        before: Snapshot,
        after: Snapshot,
        by_target: dict[str, TargetRow],
        kept: list[TrashEntry],
    ) -> None:
        """Results in the place of their sources follow the rules as long as there are originals."""
        originals = {self.below(k.row.target): k for k in kept if k.kind is TrashKind.ORIGINAL}
        for path, seen in before.items():
            row, entry = by_target.get(path), originals.get(path)
            if not is_plain(path) or seen.what.kind != "result" or self.is_marked(path):
                continue
            now = after.get(path)
            assert now is not None, f"{path} is gone"
            if row is None or entry is None or not os.path.exists(entry.path):
                assert now.what == seen.what
                continue
            crf = self.policy.crf_of(self.below(row.source_path).partition("/")[2])
            claims = [p for p, (_, _, t) in self.all_wanted(before).items() if t == path]
            is_left = crf is None or claims or (seen.what.content, crf) in self.undone
            if is_left or seen.what.crf == crf:
                assert now.what == seen.what, f"{path} was made anew for no reason"
            else:
                assert now.what == result(seen.what.content, crf or 0), f"{path} is stale"

    def require_tidy(self, snapshot: Snapshot) -> None:
        """No leftovers; what the ledger says of targets and of what lies aside is true."""
        assert self.world.leftovers() == []
        with self.ledger() as ledger:
            assert ledger.jobs_in_progress() == ()
            assert ledger.moves.in_flight() == ()
            assert ledger.kept.in_flight() == ()
            entries = [kept for kept in ledger.kept.entries() if kept.gone_at is None]
        aside = [kept.path for kept in entries]
        assert len(set(aside)) == len(aside), "two entries for one file"
        for kept in entries:
            is_shared = os.stat(kept.path).st_nlink > 1  # a person may write to its other name
            is_changed = self.known.of(Path(kept.path)).kind in ("cut", "edited")
            is_whole = file_digest(kept.path) == kept.digest
            assert is_whole or is_shared or is_changed, f"{kept.path} is not what was put there"
        lying = {str(self.path(path)) for path in snapshot if is_kept(path)}
        assert lying <= set(aside) or self.has_lost_ledger, "unknown to the ledger, but aside"
        for row in self.rows():
            seen = snapshot.get(self.below(row.target))
            if seen is not None and seen.what.kind == "result" and self.policy.mode == "mirror":
                assert seen.what == self.told_by(row), f"the ledger is wrong about {row.target}"
                assert file_digest(row.target) == row.target_digest

    # --- the model

    def all_wanted(self, snapshot: Snapshot) -> Wanted:
        """By the rules, without a look at what is in the way."""
        wanted: Wanted = {}
        for path, seen in snapshot.items():
            crf = self.policy.crf_of(path.partition("/")[2])
            is_source = self.is_source(path, seen) and not self.is_marked(path)
            is_linked = self.policy.mode == "replace" and seen.links > 1
            if is_source and crf is not None and not is_linked:
                wanted[path] = (seen.what.content, crf, self.policy.target_of(path))
        return wanted

    def wanted(self, snapshot: Snapshot, rows: list[TargetRow]) -> Wanted:
        """Those without a rival for their target. A target that is there already is that of its own
        source, and of sources of the same content."""
        owners = {self.below(row.target): row for row in rows if self.below(row.target) in snapshot}
        wanted: Wanted = {}
        claims: Counter[str] = Counter()
        for path, (content, crf, target) in self.all_wanted(snapshot).items():
            row = owners.get(target)
            is_alike = row is not None and self.told_by(row).content == content
            if row is None or is_alike or self.below(row.source_path) == path:
                wanted[path] = (content, crf, target)
                claims[target] += 1
        return {path: want for path, want in wanted.items() if claims[want[2]] == 1}

    def is_marked(self, path: str) -> bool:
        folder = self.path(path).parent
        while folder != self.world.folder:
            if (folder / ".av1skip").exists():
                return True
            folder = folder.parent
        return False

    def is_film(self, path: str, seen: Seen) -> bool:
        """What a person sees as a film of the library: not the targets beside it."""
        return is_in_library(path) and not path.endswith(".av1.mkv")

    def is_source(self, path: str, seen: Seen) -> bool:
        return is_in_library(path) and seen.what.kind == "source"

    def is_result(self, path: str, seen: Seen) -> bool:
        return is_plain(path) and seen.what.kind == "result"

    def picked(self, pick: int, is_meant: Callable[[str, Seen], bool]) -> str | None:
        names = sorted(path for path, seen in self.look().items() if is_meant(path, seen))
        return names[pick % len(names)] if names else None

    def learn(self, path: str, kind: str) -> None:
        """A person changed bytes: what they are now."""
        what = self.known.bytes.get(file_digest(self.path(path)))
        if what is None:
            was = Bytes(kind=kind, content=-1)
            self.known.bytes[file_digest(self.path(path))] = was

    def path(self, below: str) -> Path:
        return self.world.folder / below

    def below(self, path: str) -> str:
        return os.path.relpath(path, self.world.folder)

    def look(self) -> Snapshot:
        return self.world.look(self.known)

    def content_of_library(self) -> dict[str, Bytes]:
        return {path: seen.what for path, seen in self.look().items() if is_plain(path)}

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        ledger = Ledger.read(self.world.state_dir)
        try:
            yield ledger
        finally:
            ledger.close()

    def rows(self) -> list[TargetRow]:
        with self.ledger() as ledger:
            return list(ledger.rows())

    def valid_rows(self, snapshot: Snapshot) -> list[TargetRow]:
        """Without those of targets that a person moved away, with another result there now."""
        valid = []
        for row in self.rows():
            seen = snapshot.get(self.below(row.target))
            if seen is None or seen.what.kind != "result" or seen.what == self.told_by(row):
                valid.append(row)
        return valid

    def told_by(self, row: TargetRow) -> Bytes:
        return result(self.known.bytes[row.source_digest].content, int(row.settings.crf))

    def kept(self) -> list[TrashEntry]:
        with self.ledger() as ledger:
            return [kept for kept in ledger.kept.entries() if kept.gone_at is None]

    def recovered(self) -> None:
        """After a kill: what the next run does first, looked at by itself."""
        if not self.is_cut_off:
            return
        with self.nothing_lost() as after:
            self.world.recover()
        self.is_cut_off = False
        note(f"recovered: {self.world.told()}")
        self.require_tidy(after)

    def undo(self, word: str) -> list[Undone]:
        self.recovered()
        done: list[Undone] = []
        with (
            self.nothing_lost_in_undo(),
            open_workspace(self.world.rules_file, write=False) as workspace,
            start_session(workspace, self.world.events.append) as session,
        ):
            try:
                entries = find_entries(session.workspace.ledger, [word])
            except UsageError:
                return []
            done = list(undo(session, entries))
        note(f"undo: {[one.text for one in done]}")
        for one in done:
            row, told = one.kept.row, self.told_by(one.kept.row)
            made = (told.content, told.crf or 0)
            if one.refusal is None and one.kept.kind is TrashKind.ORIGINAL:
                self.undone[made] = row.source
            elif one.refusal is None and self.undone.get(made) == row.source:
                del self.undone[made]
        return done

    @contextmanager
    def nothing_lost_in_undo(self) -> Iterator[None]:
        before = self.look()
        yield
        after = self.look()
        assert contents_of(before) <= contents_of(after), "a source is lost"
        there = Counter(seen.what for seen in after.values())
        for what, count in Counter(seen.what for seen in before.values()).items():
            assert there[what] >= count, f"{what} is lost"
        self.require_tidy(after)


def is_in_library(path: str) -> bool:
    return is_plain(path) and not path.startswith(f"{OUT}/")


def contents_of(snapshot: Snapshot) -> set[int]:
    return {seen.what.content for seen in snapshot.values() if seen.what.kind == "source"}


def result(content: int, crf: int) -> Bytes:
    return Bytes(kind="result", content=content, crf=crf)


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
