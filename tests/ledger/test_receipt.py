from __future__ import annotations

import json

from msgspec.structs import replace

from av1rules.ledger.receipt import (
    MAX_SECONDS,
    Receipt,
    ReceiptCheck,
    SettingLine,
    SourcePicture,
    parse_receipt,
    receipt_json,
    receipt_scores,
    receipt_text,
)
from av1rules.policy.quality_spec import Metric
from av1rules.quality.result import Score
from tests.conftest import Golden

VMAF = Score(
    metric=Metric.VMAF, model="vmaf_v0.6.1 (libvmaf 3.0.0)", mean=95.123456789, harmonic_mean=94.9,
    p1=88.04, p5=91.25, worst_second=(84.3, 2470.5), frames=1440,
    per_second=(95.0, 84.3, 96.123456),
    caveats=("film grain is left out of the encode", "whether \x1b[31m"),
)  # fmt: skip
SSIM = replace(VMAF, metric=Metric.SSIM, model="all planes", mean=0.98765, p5=0.97, p1=0.9612)

RECEIPT = Receipt(
    source="/films/odd \udcff\x1b[31m.mkv",
    target="/av1/odd.mkv",
    source_bytes=4_000_000_000,
    target_bytes=1_000_000_000,
    source_digest="xxh3-128:00ff",
    target_digest="xxh3-128:ff00",
    source_facts=("video 0: hevc 3840x2160 10 bit, 24 frames/s, hdr10",),
    source_tier="remux",
    tier_confidence=0.9,
    tier_reasons=("video 25.5 Mb/s at 1080p, above 15",),
    run=17,
    picture=SourcePicture(
        width=3840, height=2160, frame_rate="24000/1001", is_variable_rate=False, duration_s=6.0
    ),
    rule="uhd remux",
    causes=("new source",),
    settings=(
        SettingLine(name="crf", value="20", origin="rules.yaml:41"),
        SettingLine(name="preset", value="3", origin="tier default"),
    ),
    encoder="libsvtav1 v4.2.0",
    tools=(("ffmpeg", "n9.0.2"), ("ffprobe", "n8.0")),
    command="ffmpeg -i file:x",
    changed_streams=("subtitle 3 (mov_text): convert to subrip: the text stays",),
    accepted_losses=("HDR10+ would be lost",),
    not_carried_on=("mp4 can't hold these tags of the file: mood",),
    checks=(
        ReceiptCheck(name="decode", passed=True, detail="144 frames without an error"),
        ReceiptCheck(name="sync", passed=False, detail="sound moved by at most +80 ms (stream 1)"),
    ),
    frames=144,
    started_at="2026-11-22T10:00:00Z",
    finished_at="2026-11-22T11:00:00Z",
    encode_s=3500.0,
    verify_s=61.5,
    scores=receipt_scores((VMAF, SSIM)),
    score_scope="samples",
    log=("[h264] [warning] something",),
    last_lines=("[out#0/matroska] [info] video:954KiB audio:0KiB",),
)


def test_the_report_for_reading(golden: Golden) -> None:
    golden("receipt.txt", receipt_text(RECEIPT))


def test_json_and_back() -> None:
    text = receipt_json(RECEIPT)
    assert text.isascii()
    assert json.loads(text)["saved_bytes"] == 3_000_000_000
    assert parse_receipt(text) == RECEIPT
    assert parse_receipt(text.encode()) == RECEIPT


def test_a_small_receipt_has_no_empty_parts() -> None:
    small = replace(RECEIPT, accepted_losses=(), log=(), checks=(), changed_streams=())
    small = replace(small, not_carried_on=())
    text = receipt_text(replace(small, scores=(), score_scope=None, last_lines=(), run=None))
    assert not {"Losses accepted", "Not carried on", "Quality", "FFmpeg's last lines"} & set(
        text.splitlines()
    )
    assert "none: all copied" in text
    assert "run " not in text


def test_why_there_are_no_scores() -> None:
    without = replace(RECEIPT, scores=(), score_problem="this FFmpeg has no libvmaf")
    assert "Quality\n  no scores: this FFmpeg has no libvmaf\n" in receipt_text(without)


def test_a_receipt_of_an_earlier_version() -> None:
    output = json.loads(receipt_json(RECEIPT))
    for key in ("run", "picture", "scores", "score_scope", "score_problem", "last_lines"):
        del output[key]
    old = parse_receipt(json.dumps(output))
    assert (old.picture, old.scores, old.run, old.last_lines) == (None, (), None, ())
    assert old.log == RECEIPT.log
    assert "run " not in receipt_text(old)


def test_scores_are_kept_rounded_and_not_of_every_second_of_a_film() -> None:
    (kept,) = receipt_scores((VMAF,))
    assert kept.mean == 95.1235
    assert kept.per_second == (95.0, 84.3, 96.1235)
    long = replace(VMAF, per_second=(90.0,) * (MAX_SECONDS + 1))
    assert receipt_scores((long,))[0].per_second == ()
    assert receipt_scores((long,))[0].worst_second == VMAF.worst_second
