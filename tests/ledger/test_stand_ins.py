"""Stand-ins in the ledger, and what still counts as one of them on disk."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from av1rules.ledger.ledger import Ledger
from av1rules.ledger.stand_ins import (
    OwnTouch,
    StandIn,
    is_as_placed,
    signed_inode,
    untouched_ns,
)
from av1rules.policy.model import Rest
from tests.ledger.sample_records import AT, STAND_IN


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with contextlib.closing(Ledger.open(tmp_path / "state")) as opened:
        yield opened


PENDING = STAND_IN
PLACED = replace(STAND_IN, is_pending=False)
OTHER = replace(PLACED, name="b.srt", kind=Rest.COPY, is_film=False, link="")


def test_a_pending_row_stands_beside_the_old_one(ledger: Ledger) -> None:
    table = ledger.stand_ins
    assert not table.has_any()
    old = replace(PLACED, kind=Rest.COPY)
    table.settle([old, OTHER], begun=())
    table.begin([PENDING])
    assert table.pending() == (PENDING,)
    assert table.find(PENDING.path) == old
    assert (table.count(), table.folders()) == (2, (PENDING.folder,))
    table.settle([PLACED], begun=[PENDING], gone=[OTHER.path])
    assert table.pending() == ()
    assert list(table.all()) == [PLACED]
    assert table.counts() == {(Rest.SYMLINK, True): 1}
    table.drop([PLACED.path])
    assert not table.has_any()


def test_briefs_are_the_rows_of_one_folder(ledger: Ledger) -> None:
    table = ledger.stand_ins
    table.settle([PLACED, OTHER, replace(OTHER, folder="/elsewhere")], begun=())
    found = table.briefs(PLACED.folder)
    assert set(found) == {PLACED.name, OTHER.name}
    brief = found[PLACED.name]
    assert (brief.kind, os.fsdecode(brief.link), brief.inode) == ("symlink", PLACED.link, -7)
    assert brief.source_mtime_ns == PLACED.source_mtime_ns


def row_of(path: Path, source: Path, kind: Rest) -> StandIn:
    found, origin = path.lstat(), source.lstat()
    return StandIn(
        folder=str(path.parent),
        name=path.name,
        is_pending=False,
        kind=kind,
        source_path=str(source),
        link=os.readlink(path) if path.is_symlink() else "",
        is_film=True,
        inode=signed_inode(found.st_ino),
        size_bytes=found.st_size,
        mtime_ns=found.st_mtime_ns,
        source_inode=signed_inode(origin.st_ino),
        source_bytes=origin.st_size,
        source_mtime_ns=origin.st_mtime_ns,
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.mkv"
    path.write_text("film")
    return path


def test_a_symbolic_link_is_ours_by_its_text(source: Path, tmp_path: Path) -> None:
    there = tmp_path / "there.mkv"
    there.symlink_to("source.mkv")
    row = row_of(there, source, Rest.SYMLINK)
    assert is_as_placed(row)
    source.unlink()
    assert is_as_placed(row), "it leads nowhere, but it is ours"
    there.unlink()
    there.symlink_to("other.mkv")
    assert not is_as_placed(row)
    there.unlink()
    assert not is_as_placed(row)
    there.write_text("../films")
    assert not is_as_placed(row)


def test_a_hard_link_is_ours_by_its_inode_even_after_an_edit(source: Path, tmp_path: Path) -> None:
    there = tmp_path / "there.mkv"
    os.link(source, there)
    row = row_of(there, source, Rest.HARDLINK)
    assert is_as_placed(row)
    source.write_text("edited in place")
    assert is_as_placed(row)
    source.unlink()
    assert not is_as_placed(row), "whose edit it was nobody knows any more"
    there.unlink()
    there.write_text("film")
    assert not is_as_placed(row)


def test_a_copy_is_ours_until_it_is_edited(source: Path, tmp_path: Path) -> None:
    there = tmp_path / "there.mkv"
    there.write_text("film")
    row = row_of(there, source, Rest.COPY)
    source.write_text("another film")
    assert is_as_placed(row)
    there.write_text("mine")
    assert not is_as_placed(row)


def test_on_a_restored_disk_the_content_decides(source: Path, tmp_path: Path) -> None:
    there = tmp_path / "there.mkv"
    os.link(source, there)
    linked = replace(row_of(there, source, Rest.HARDLINK), inode=1)
    assert is_as_placed(linked)
    there.unlink()
    shutil.copy2(source, there)
    copied = replace(row_of(there, source, Rest.COPY), inode=1)
    assert is_as_placed(copied)
    assert not is_as_placed(linked)
    source.write_text("news")
    assert not is_as_placed(copied)


@given(st.integers(min_value=0, max_value=(1 << 64) - 1))
def test_every_inode_fits_into_a_column(number: int) -> None:
    assert -(1 << 63) <= signed_inode(number) < 1 << 63
    assert signed_inode(number) % (1 << 64) == number


def test_touches_are_followed_back(ledger: Ledger) -> None:
    touches = [
        OwnTouch(inode=7, before_ns=10, after_ns=20, at=AT),
        OwnTouch(inode=7, before_ns=20, after_ns=30, at=AT),
        OwnTouch(inode=8, before_ns=20, after_ns=30, at="2020-01-01T00:00:00+00:00"),
    ]
    ledger.own_touches.add(touches, keep_since="")
    known = ledger.own_touches.known()
    assert untouched_ns(known, 7, 30) == 10
    assert untouched_ns(known, 7, 31) == 31, "somebody else changed it"
    assert untouched_ns(known, 9, 30) == 30
    assert untouched_ns({(7, 5): 5}, 7, 5) == 5
    ledger.own_touches.add(touches[:1], keep_since="2021-01-01T00:00:00+00:00")
    assert set(ledger.own_touches.known()) == {(7, 20), (7, 30)}
