"""What must hold after each command of av1rules on a shared library."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import note

from av1rules.base.errors import UsageError
from av1rules.base.hashing import file_digest
from av1rules.execute.startup import start_session
from av1rules.ledger.records import TargetRow
from av1rules.ledger.trash_table import TrashEntry, TrashKind
from av1rules.operations.undo import Undone, find_entries, undo
from av1rules.plan.items import Plan, PlanAction
from av1rules.plan.workspace import open_workspace
from av1rules.report.trash import undone_line
from tests.state_machine.model import Model, contents_of, result
from tests.state_machine.shared_library import (
    Seen,
    Snapshot,
    is_kept,
    is_plain,
)


class Invariants(Model):
    """Runs commands of av1rules and checks the library before and after."""

    done: Counter[str]
    undone: dict[tuple[int, int], str]
    is_cut_off: bool
    has_lost_ledger: bool

    def checked_run(self) -> None:
        """A run on what is there now: as planned, complete, and not one encode too many."""
        self.recovered()
        before = self.snapshot()
        rows = self.valid_rows(before)
        kept = self.kept()
        plan = self.world.plan()
        if plan.safety_stops:
            self.require_justified(plan)
            with pytest.raises(UsageError):
                self.world.run_and_record()
            assert self.snapshot() == before, "a run that refuses changes nothing"
            plan = self.world.plan(accept_missing=True)
        note(f"plan: {[(r.file.library_path, r.action.value, *r.causes) for r in plan.rows]}")
        with self.nothing_lost() as after:
            output = self.world.run_and_record(accept_missing=bool(self.world.plan().safety_stops))
        note(f"told: {output.encoded} {output.copied} {output.moved}\n{self.world.output()}")
        finished = output.finished
        self.done["runs"] += 1
        for what, names in (("encoded", output.encoded), ("moved", output.moved)):
            self.done[what] += len(names)
        self.done["copied"] += len(output.copied)
        assert (finished.failed, finished.dropped, finished.discarded) == (0, 0, 0)
        planned = Counter(row.action for row in plan.rows)
        sources = [r.file.library_path for r in plan.of(PlanAction.ENCODE)]
        assert output.encoded == sorted(sources), "what is planned is what is encoded"
        assert len(output.copied) == planned[PlanAction.COPY]
        assert set(output.moved) >= {r.file.library_path for r in plan.of(PlanAction.MOVE)}
        self.require_no_waste(before, rows, output.encoded)
        self.require_all_fresh(before, after, rows, kept)
        self.require_tidy(after)
        again = self.world.plan()
        assert not again.has_work, [(r.file.path, r.action, r.causes) for r in again.work]
        second = self.world.run_and_record()
        assert second.encoded == []
        assert self.snapshot() == after

    @contextmanager
    def nothing_lost(self) -> Iterator[Snapshot]:
        """What must be true of all that av1rules does; gives what is there afterwards."""
        before = self.snapshot()
        after: Snapshot = {}
        yield after
        after.update(self.snapshot())
        assert contents_of(before) <= contents_of(after), "a source is lost"
        self.require_results(before, after)
        for path, seen in before.items():
            if not is_plain(path) or (now := after.get(path)) == seen:
                continue
            if seen.what.kind == "edited":
                raise AssertionError(f"{path}, which a user edited, was touched")
            if seen.what.kind == "source":
                self.require_replaced(path, seen, now, after)

    def require_results(self, before: Snapshot, after: Snapshot) -> None:
        """No target is destroyed unless its source is there to make another, or a user put other
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
        """No safety stop without a reason that a user sees too."""
        snapshot = self.snapshot()
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
        """No leftovers; what the ledger says of targets and of the trash is true."""
        assert self.world.leftovers() == []
        with self.ledger() as ledger:
            assert ledger.jobs_in_progress() == ()
            assert ledger.moves.in_flight() == ()
            assert ledger.kept.in_flight() == ()
            entries = [kept for kept in ledger.kept.entries() if kept.gone_at is None]
        aside = [kept.path for kept in entries]
        assert len(set(aside)) == len(aside), "two entries for one file"
        for kept in entries:
            is_shared = os.stat(kept.path).st_nlink > 1  # a user may write to its other name
            is_changed = self.known.of(Path(kept.path)).kind in ("cut", "edited")
            is_whole = file_digest(kept.path) == kept.digest
            assert is_whole or is_shared or is_changed, f"{kept.path} is not what was put there"
        lying = {str(self.path(path)) for path in snapshot if is_kept(path)}
        assert lying <= set(aside) or self.has_lost_ledger, (
            "in the trash, but unknown to the ledger"
        )
        for row in self.rows():
            seen = snapshot.get(self.below(row.target))
            if seen is not None and seen.what.kind == "result" and self.policy.mode == "mirror":
                assert seen.what == self.recorded_by(row), f"the ledger is wrong about {row.target}"
                assert file_digest(row.target) == row.target_digest

    def recovered(self) -> None:
        """After a kill: what the next run does first, looked at by itself."""
        if not self.is_cut_off:
            return
        with self.nothing_lost() as after:
            self.world.recover()
        self.is_cut_off = False
        note(f"recovered: {self.world.output()}")
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
        note(f"undo: {[undone_line(one) for one in done]}")
        for one in done:
            row, output = one.kept.row, self.recorded_by(one.kept.row)
            made = (output.content, output.crf or 0)
            if one.refusal is None and one.kept.kind is TrashKind.ORIGINAL:
                self.undone[made] = row.source
            elif one.refusal is None and self.undone.get(made) == row.source:
                del self.undone[made]
        return done

    @contextmanager
    def nothing_lost_in_undo(self) -> Iterator[None]:
        before = self.snapshot()
        yield
        after = self.snapshot()
        assert contents_of(before) <= contents_of(after), "a source is lost"
        there = Counter(seen.what for seen in after.values())
        for what, count in Counter(seen.what for seen in before.values()).items():
            assert there[what] >= count, f"{what} is lost"
        self.require_tidy(after)
