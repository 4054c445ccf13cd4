"""A second source of the same content gets the target of the first, as the plan saw it or not at
all."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from av1rules.base.events import JobCopied, JobStarted
from av1rules.ledger.checks import CheckMethod, LastCheck
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import TargetRow
from av1rules.plan.items import Copy, PlanAction
from tests.conftest import MakeClip
from tests.fakes.worker import FakeClips
from tests.sample_library import FAST, SampleLibrary

RULES = """\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: mirror, root: out, copies: {copies}, receipts: json}}
run: {{reserve: 0}}
rules:
  - {{name: early, when: {{path: "a*"}}, encode: {{{settings}}}, review: never}}
  - {{name: all, encode: {{{settings}}}, review: never}}
"""


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


@pytest.fixture
def twins(library: SampleLibrary) -> SampleLibrary:
    """`a` is encoded; `b` of the same content came later."""
    rules(library)
    library.add("a.mkv")
    assert library.run().done == 1
    library.add("b.mkv")
    return library


def rules(library: SampleLibrary, copies: str = "link") -> None:
    library.rules(RULES.format(copies=copies, settings=FAST))


def row_of(library: SampleLibrary, name: str) -> TargetRow:
    (row,) = (row for row in library.ledger_rows() if row.source == f"films/{name}")
    return row


def copied(library: SampleLibrary) -> list[tuple[str, str, bool]]:
    """Source, the target that it is like, and whether it is a link."""
    events = [event for event in library.events if isinstance(event, JobCopied)]
    return [(event.source or "", Path(event.like).name, event.is_link) for event in events]


def was_not_copied(library: SampleLibrary, change: Callable[[], object]) -> str:
    """What is told where the target to copy changes after the plan."""
    done = library.run_after(change)
    assert (done.copied, done.done, done.dropped) == (0, 0, 1)
    assert not library.target("b.mkv").exists()
    assert [row.source for row in library.ledger_rows() if row.source == "films/b.mkv"] == []
    assert library.leftovers() == []
    return library.output()


GONE = "films/b.mkv: left for the next run: the target of the same content is not there any more"


# --- what it gets


@pytest.mark.parametrize(("copies", "is_link"), [("link", True), ("copy", False)])
def test_it_is_told_and_recorded_as_its_own(
    twins: SampleLibrary, copies: str, *, is_link: bool
) -> None:
    rules(twins, copies)
    assert twins.run().copied == 1
    assert copied(twins) == [("films/b.mkv", "a.mkv", is_link)]
    first, second = row_of(twins, "a.mkv"), row_of(twins, "b.mkv")
    assert (second.target, second.source_path) == (
        str(twins.target("b.mkv")), str(twins.folder / "films" / "b.mkv"),
    )  # fmt: skip
    assert (first.rule, second.rule) == ("early", "all")
    assert (second.encode_s, second.verify_s) == (0, 0), "it took no time to encode"
    assert first.encode_s > 0
    assert second.target_digest == first.target_digest
    assert second.target_mtime_ns == twins.target("b.mkv").stat().st_mtime_ns
    receipt = json.loads(twins.target("b.mkv.av1rules.json").read_text())
    assert (receipt["source"], receipt["target"]) == (second.source_path, second.target)
    assert twins.target("a.mkv").samefile(twins.target("b.mkv")) is is_link


def test_where_links_are_impossible_it_is_a_copy(
    twins: SampleLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_link)
    assert twins.run().copied == 1
    assert copied(twins) == [("films/b.mkv", "a.mkv", False)]
    assert twins.target("a.mkv").read_bytes() == twins.target("b.mkv").read_bytes()
    assert not twins.target("a.mkv").samefile(twins.target("b.mkv"))


# --- changed since the plan


def test_it_is_left_where_the_target_went(twins: SampleLibrary) -> None:
    assert GONE in was_not_copied(twins, twins.target("a.mkv").unlink)


def test_it_is_left_where_the_target_was_edited(twins: SampleLibrary) -> None:
    target = twins.target("a.mkv")
    assert GONE in was_not_copied(twins, lambda: target.write_bytes(b"edited"))


def test_it_is_left_where_the_target_was_forgotten(twins: SampleLibrary) -> None:
    def forget() -> None:
        ledger = Ledger.open(twins.state_dir)
        ledger.forget("films/a.mkv")
        ledger.close()

    assert GONE in was_not_copied(twins, forget)


def test_it_is_left_where_the_target_was_found_damaged(twins: SampleLibrary) -> None:
    def damage() -> None:
        checked = LastCheck(
            at="2026-01-02T03:04:05Z", ways=frozenset({CheckMethod.DIGEST}), fault="bad checksum"
        )
        ledger = Ledger.open(twins.state_dir)
        assert ledger.checks.put(row_of(twins, "a.mkv"), checked)
        ledger.close()

    assert GONE in was_not_copied(twins, damage)


def test_a_copy_of_a_target_that_rotted_is_refused(twins: SampleLibrary) -> None:
    """Same size and time, other bytes: only the digest tells."""
    rules(twins, "copy")
    target = twins.target("a.mkv")
    times = target.stat().st_atime_ns, target.stat().st_mtime_ns
    content = target.read_bytes()
    target.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(target, ns=times)
    done = twins.run()
    assert (done.copied, done.failed) == (0, 1)
    assert "a copy to another file system differs from what was read" in twins.output()
    assert not twins.target("b.mkv").exists()


# --- which target


def test_the_planned_target_is_taken_even_if_another_one_came_back(
    library: SampleLibrary,
) -> None:
    rules(library, "encode")
    for name in ("a.mkv", "b.mkv"):
        library.add(name)
    assert library.run().done == 2
    rules(library, "link")
    first = library.target("a.mkv")
    away = first.rename(library.folder / "away.mkv")
    library.add("c.mkv")
    row = library.row("c.mkv")
    assert isinstance(row, Copy)
    assert row.work.copies_from is not None
    assert row.work.copies_from.source == "films/b.mkv"
    assert library.run_after(lambda: away.rename(first)).copied >= 1
    assert ("films/c.mkv", "b.mkv", True) in copied(library)


def test_samples_that_agree_by_chance_do_not_share_a_target(
    library: SampleLibrary, tmp_path: Path
) -> None:
    """Same size, same samples, other bytes between: the whole digest decides before sharing."""
    rules(library)
    film = tmp_path / "big.mkv"
    film.write_bytes(library.clip.read_bytes() + bytes(1 << 20))
    library.add("a.mkv", film)
    assert library.run().done == 1
    twin = library.add("b.mkv", film)
    with open(twin, "r+b") as file:
        file.seek(film.stat().st_size - (1 << 17) - 1000)
        file.write(b"x")
    assert library.row("b.mkv").action is PlanAction.COPY, "the samples were meant to agree"
    done = library.run()
    assert (done.done, done.copied) == (1, 0)
    assert sum(isinstance(event, JobStarted) for event in library.events) == 1
