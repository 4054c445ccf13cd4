from __future__ import annotations

import json
from dataclasses import replace

from av1rules.encode.checks import Check
from av1rules.encode.receipt import (
    Receipt,
    SettingLine,
    parse_receipt,
    receipt_json,
    receipt_text,
)
from tests.conftest import Golden

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
    checks=(
        Check(name="decode", passed=True, detail="144 frames without an error"),
        Check(name="sync", passed=False, detail="sound moved by at most +80 ms (stream 1)"),
    ),
    frames=144,
    started_at="2026-11-22T10:00:00Z",
    finished_at="2026-11-22T11:00:00Z",
    encode_s=3500.0,
    verify_s=61.5,
    log=("[h264] [warning] something",),
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
    text = receipt_text(small)
    assert "Losses accepted" not in text
    assert "none: all copied" in text
