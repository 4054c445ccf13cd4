"""What reports read of the ledger: page by page, and nothing invented where a receipt is silent."""

from __future__ import annotations

import json
import os
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.ledger import ledger as ledger_module
from av1rules.ledger.history import EncodeRecord, ScoreSummary, encodes_since, read_outcomes
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.receipt import Receipt, SourcePicture, receipt_json
from av1rules.ledger.records import AttemptResult
from av1rules.ledger.trash_table import TrashEntry, TrashKind, TrashSum
from av1rules.policy.quality_spec import GateScope, Metric
from tests.ledger.test_ledger import attempt
from tests.ledger.test_receipt import SSIM, VMAF
from tests.plan.test_freshness import ROW

FACTS = ("container matroska,webm", "video 0 (main): h264, 1920x800, 8 bit yuv420p, 24 fps")
RECEIPT = Receipt(
    source="/films/\udcff.mkv", target=ROW.target, source_bytes=1, target_bytes=1,
    source_digest="d", source_facts=FACTS, source_tier="remux", frames=2400, encode_s=99.0,
)  # fmt: skip


def read(folder: Path, *, since: datetime | None = None) -> tuple[EncodeRecord, ...]:
    with closing(Ledger.read(folder)) as ledger:
        return tuple(encodes_since(ledger, since))


def test_a_target_with_its_receipt(tmp_path: Path) -> None:
    with closing(Ledger.open(tmp_path)) as ledger:
        ledger.commit(replace(ROW, source="films/\udcff.mkv"), receipt_json(RECEIPT).encode())
    (made,) = read(tmp_path)
    assert made.source == "films/\udcff.mkv"
    assert (made.source_tier, made.resolution, made.frame_rate) == ("remux", "1080p", 24.0)
    assert made.frames_per_s == 2400 / ROW.encode_s, "the row's time, not that of the receipt"
    assert (made.saved_bytes, made.size_ratio) == (50, 0.5)


@pytest.mark.parametrize(
    "receipt",
    [
        None,
        b"",
        b"no JSON",
        b"[]",
        b"{}",
        json.dumps({"source_tier": "<b>"}).encode(),
        json.dumps({"source_tier": "\ud800"}).encode(),
        json.dumps({"frames": -5}).encode(),
        json.dumps({"scores": [{"metric": "vmaf", "mean": "<b>", "p5": 1}]}).encode(),
        json.dumps({"scores": [{"metric": "vmaf", "mean": float("nan"), "p5": 1}]}).encode(),
        json.dumps({"scores": [{"metric": "vmaf", "mean": 1e300, "p5": 1}]}).encode(),
        json.dumps({"scores": [{"metric": "of tomorrow", "mean": 1, "p5": 1}]}).encode(),
        json.dumps({"picture": {"frame_rate": "1/0"}}).encode(),
        json.dumps({"picture": {"frame_rate": "0"}}).encode(),
        json.dumps({"picture": {"width": -5, "height": 10**30}}).encode(),
        b'{"frames": 1' + b"0" * 400 + b"}",
        json.dumps({"source_facts": [f"video 0 (main): x, {'9' * 5000}x1, , 0 fps"]}).encode(),
    ],
)
def test_a_receipt_that_says_nothing_of_use(tmp_path: Path, receipt: bytes | None) -> None:
    with closing(Ledger.open(tmp_path)) as ledger:
        ledger.commit(replace(ROW, encode_s=0.0, verify_s=0.0), receipt)
    (made,) = read(tmp_path)
    output = (made.source_tier, made.resolution, made.frame_rate, made.frames)
    assert output == (None, None, None, None)
    assert (made.encode_s, made.verify_s, made.frames_per_s) == (None, None, None)
    assert (made.pixels, made.scores) == (None, ())
    assert made.rule == "all"


def test_what_a_receipt_has_as_figures_is_not_read_from_its_words(tmp_path: Path) -> None:
    picture = SourcePicture(
        width=3840, height=1600, frame_rate="24000/1001", is_variable_rate=False, duration_s=9.0
    )
    receipt = replace(
        RECEIPT, source="/films/a.mkv", picture=picture, scores=(VMAF, SSIM), score_scope="whole"
    )
    unsteady = replace(picture, is_variable_rate=True)
    with closing(Ledger.open(tmp_path)) as ledger:
        ledger.commit(replace(ROW, target="/out/a"), receipt_json(receipt).encode())
        odd = replace(receipt, source="/films/\udcff.mkv", picture=unsteady, score_scope="odd")
        ledger.commit(replace(ROW, target="/out/b"), receipt_json(odd).encode())
    steady, other = read(tmp_path)
    assert (steady.resolution, steady.pixels) == ("2160p", 3840 * 1600)
    assert steady.frame_rate == pytest.approx(24000 / 1001)
    assert steady.scores == (
        ScoreSummary(metric=Metric.VMAF, mean=VMAF.mean, p5=VMAF.p5, scope=GateScope.WHOLE),
        ScoreSummary(metric=Metric.SSIM, mean=SSIM.mean, p5=SSIM.p5, scope=GateScope.WHOLE),
    )
    assert other.frame_rate is None
    assert [score.scope for score in other.scores] == [None, None]


def test_verdicts_of_every_kind_are_read(tmp_path: Path) -> None:
    with closing(Ledger.open(tmp_path)) as ledger:
        for kind in AttemptResult:
            ledger.record_attempt(replace(attempt(kind), content_key=kind.value))
        found = read_outcomes(ledger)
    assert [one.kind for one in found.attempts] == list(AttemptResult)
    assert all(len(found.of(kind)) == 1 for kind in AttemptResult)


def test_every_row_comes_once_in_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "PAGE_ROWS", 3)
    names = sorted([b"/out/%d" % number for number in range(10)] + [b"/out/\xff", b"/out/\x01"])
    with closing(Ledger.open(tmp_path)) as ledger:
        for name in names:
            ledger.commit(replace(ROW, target=os.fsdecode(name)), None)
    assert [os.fsencode(made.target) for made in read(tmp_path)] == names


def test_since(tmp_path: Path) -> None:
    with closing(Ledger.open(tmp_path)) as ledger:
        for day in (1, 2, 3):
            at = f"2026-01-0{day}T12:00:00+00:00"
            ledger.commit(replace(ROW, target=f"/out/{day}", built_at=at), None)
            ledger.record_attempt(replace(attempt(), content_key=str(day), at=at))
            ledger.runs.begin(at)
    noon = datetime(2026, 1, 2, 12, tzinfo=UTC)
    assert [made.target for made in read(tmp_path, since=noon)] == ["/out/2", "/out/3"]
    with closing(Ledger.read(tmp_path)) as ledger:
        found = read_outcomes(ledger, noon)
    assert [one.at[8:10] for one in found.of(AttemptResult.FAILED)] == ["02", "03"]
    assert [run.record.id for run in found.runs] == [3, 2]


def test_what_lies_aside_is_summed_by_kind(tmp_path: Path) -> None:
    with closing(Ledger.open(tmp_path)) as ledger:
        for kind, gone in (
            (TrashKind.ORIGINAL, None),
            (TrashKind.ORIGINAL, None),
            (TrashKind.ORIGINAL, "2026-02-01T00:00:00+00:00"),
            (TrashKind.RESULT, None),
        ):
            entry = TrashEntry(
                id=0, run=1, kind=kind, path="/aside", row=ROW, at=ROW.built_at, gone_at=gone
            )
            ledger.kept.add(entry)
        sums = read_outcomes(ledger).aside
    assert sums == (
        TrashSum(kind=TrashKind.ORIGINAL, count=2, size_bytes=200, purged=1, purged_bytes=100),
        TrashSum(kind=TrashKind.RESULT, count=1, size_bytes=50, purged=0, purged_bytes=0),
    )


def test_an_absent_ledger_reads_as_empty(tmp_path: Path) -> None:
    assert read(tmp_path / "absent") == ()
    assert not (tmp_path / "absent").exists()
