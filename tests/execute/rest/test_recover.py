"""What the next start makes of a mirror that a killed run was filling."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.base.files import steady_temp_name
from av1rules.execute.rest.recover import recover_stand_ins
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.stand_ins import StandIn
from av1rules.policy.model import Rest
from tests.ledger.test_stand_ins import row_of


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with contextlib.closing(Ledger.open(tmp_path / "state")) as opened:
        yield opened


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "film.mkv"
    path.write_text("film")
    return path


def begun(source: Path, there: Path, kind: Rest = Rest.HARDLINK) -> StandIn:
    """The pending row of a link that is made right before a kill."""
    os.link(source, there)
    row = replace(row_of(there, source, kind), is_pending=True)
    there.unlink()
    return row


def test_what_was_put_in_place_is_taken_up(ledger: Ledger, source: Path, tmp_path: Path) -> None:
    there = tmp_path / "there.mkv"
    row = begun(source, there)
    ledger.stand_ins.begin([row])
    os.link(source, there)
    recover_stand_ins(ledger, lambda _: True)
    assert list(ledger.stand_ins.all()) == [replace(row, is_pending=False)]
    assert ledger.stand_ins.pending() == ()


def test_what_was_not_leaves_nothing_not_even_its_temporary_name(
    ledger: Ledger, source: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there.mkv"
    ledger.stand_ins.begin([begun(source, there)])
    part = steady_temp_name(there)
    os.link(source, part)
    recover_stand_ins(ledger, lambda _: True)
    assert not part.exists()
    assert not ledger.stand_ins.has_any()
    assert source.read_text() == "film"


def test_a_file_of_somebody_else_in_that_place_stays(
    ledger: Ledger, source: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there.mkv"
    ledger.stand_ins.begin([begun(source, there)])
    there.write_text("mine")
    recover_stand_ins(ledger, lambda _: True)
    assert there.read_text() == "mine"
    assert not ledger.stand_ins.has_any()


def test_what_was_replaced_keeps_its_row(ledger: Ledger, source: Path, tmp_path: Path) -> None:
    there = tmp_path / "there.mkv"
    there.write_text("copy")
    old = row_of(there, source, Rest.COPY)
    ledger.stand_ins.settle([old], begun=())
    other = tmp_path / "other.mkv"
    pending = replace(begun(source, other), folder=str(tmp_path), name="there.mkv")
    ledger.stand_ins.begin([pending])
    recover_stand_ins(ledger, lambda _: True)
    assert list(ledger.stand_ins.all()) == [old]


def test_a_disk_that_is_not_there_waits(ledger: Ledger, source: Path, tmp_path: Path) -> None:
    row = begun(source, tmp_path / "there.mkv")
    ledger.stand_ins.begin([row])
    recover_stand_ins(ledger, lambda _: False)
    assert ledger.stand_ins.pending() == (row,)
