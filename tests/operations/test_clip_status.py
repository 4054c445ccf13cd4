"""How clips stand by ledger and approvals alone: as `clips list` says it after a plan."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import structs
from msgspec.structs import replace

from av1rules.approvals.file import record
from av1rules.approvals.model import Answer, new_decision
from av1rules.ledger.clips import ClipFacts, ClipRecord, ClipStatus
from av1rules.ledger.ledger import Ledger
from av1rules.operations.clips.ledger_status import clip_statuses
from av1rules.policy.settings import EncodeSettings
from tests.plan.test_freshness import ROW, TOOLS

SETTINGS = EncodeSettings(crf=20, preset=5)


def key(number: int) -> str:
    return f"{number}-{number:032x}"


def clip(number: int, *, review: str = "each", is_variant: bool = False) -> ClipRecord:
    facts = ClipFacts(
        content_key=key(number), settings=SETTINGS, rule="all", review=review, pieces=(), frames=24,
        duration_s=1.0, source_bytes=100, projected_bytes=50, scores=(), score_problem=None,
        command="ffmpeg", tools=TOOLS, encode_s=2.0, is_variant=is_variant,
    )  # fmt: skip
    return ClipRecord(
        fingerprint=f"print{number}", source=f"films/{number}.mkv", origin="/films", path="/clip",
        size_bytes=5, made_at=f"2026-01-0{number}T00:00:00+00:00", facts=facts,
    )  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger.open(tmp_path / "state")) as ledger:
        yield ledger


@pytest.fixture
def approvals(tmp_path: Path) -> Path:
    return tmp_path / "approvals.yaml"


def say(approvals: Path, number: int, answer: Answer) -> None:
    decision = new_decision(
        answer, source=f"films/{number}.mkv", content_key=key(number), settings=SETTINGS,
        rule="all", by="Ann", at=datetime(2026, 1, 1, number, tzinfo=UTC), reason="so",
        changes={"crf": 18.0} if answer is Answer.ADJUSTED else None,
    )  # fmt: skip
    record(approvals, decision)


def statuses(ledger: Ledger, approvals: Path) -> list[ClipStatus]:
    return [one.status for one in clip_statuses(ledger, approvals)]


def test_what_people_said_and_what_was_encoded(ledger: Ledger, approvals: Path) -> None:
    for number in range(1, 7):
        ledger.clips.put(clip(number, is_variant=number == 6))
    for number, answer in ((2, Answer.APPROVED), (3, Answer.REJECTED), (4, Answer.ADJUSTED)):
        say(approvals, number, answer)
    ledger.commit(replace(ROW, fingerprint="print5"), None)
    assert statuses(ledger, approvals) == [
        ClipStatus.WAITING,
        ClipStatus.APPROVED,
        ClipStatus.REJECTED,
        ClipStatus.OLD,
        ClipStatus.ENCODED,
        ClipStatus.VARIANT,
    ]


def test_canaries_release_the_rest(ledger: Ledger, approvals: Path) -> None:
    for number in (1, 2, 3):
        ledger.clips.put(clip(number, review="canary(2)"))
    say(approvals, 1, Answer.APPROVED)
    assert statuses(ledger, approvals)[1:] == [ClipStatus.WAITING, ClipStatus.WAITING]
    say(approvals, 2, Answer.APPROVED)
    assert statuses(ledger, approvals) == [ClipStatus.APPROVED] * 3


def test_an_approval_of_other_settings_is_void(ledger: Ledger, approvals: Path) -> None:
    say(approvals, 1, Answer.APPROVED)
    other = clip(1)
    facts = replace(other.facts, settings=structs.replace(SETTINGS, crf=30))
    ledger.clips.put(replace(other, facts=facts))
    assert statuses(ledger, approvals) == [ClipStatus.VOID]


def test_since(ledger: Ledger, approvals: Path) -> None:
    for number in (1, 2, 3):
        ledger.clips.put(clip(number))
    found = clip_statuses(ledger, approvals, since="2026-01-02T00:00:00+00:00")
    assert [one.record.source for one in found] == ["films/2.mkv", "films/3.mkv"]


def test_without_clips_the_approvals_are_not_read(ledger: Ledger, approvals: Path) -> None:
    approvals.write_text("no approvals at all")
    assert list(clip_statuses(ledger, approvals)) == []
