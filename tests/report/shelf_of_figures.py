"""A made-up library's ledger, as two months of runs would leave it: written by the ledger's own
calls, so that reports can be tried, looked at and timed on it."""

from __future__ import annotations

import random
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from av1rules.encode.receipt import Receipt, receipt_json
from av1rules.graph.check_table import Checked, Health, Way
from av1rules.graph.fingerprint import fingerprint
from av1rules.graph.kept import Kept, KeptKind
from av1rules.graph.ledger import Ledger
from av1rules.graph.ledger_rows import put_row
from av1rules.graph.stale import TargetRow, ToolsUsed
from av1rules.graph.verdict import Verdict, VerdictKind
from av1rules.rules.settings import EncodeSettings
from tests.graph.test_stale import ROW

END = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
GIB = 1024**3

TOOLS = (
    ToolsUsed(ffmpeg="8.1", encoder="libsvtav1", encoder_version="SVT-AV1 v3.1.2"),
    ToolsUsed(ffmpeg="9.0.2", encoder="libsvtav1", encoder_version="SVT-AV1 v4.0.1"),
)


@dataclass(frozen=True)
class Kind:
    """A sort of film: how it is treated and what comes out."""

    rule: str
    tier: str
    width: int
    height: int
    settings: EncodeSettings
    source_gib: tuple[float, float]
    ratio: tuple[float, float]
    frames_per_s: float


KINDS = (
    Kind("uhd remux", "remux", 3840, 2160, EncodeSettings(crf=20, preset=3, film_grain=8),
         (45, 85), (0.22, 0.55), 7.5),
    Kind("remux", "remux", 1920, 1080, EncodeSettings(crf=18, preset=3, film_grain=8),
         (18, 38), (0.2, 0.6), 24),
    Kind("web tv", "web-dl", 1920, 1080, EncodeSettings(crf=26, preset=5), (1.5, 6), (0.3, 0.85),
         61),
    Kind("web tv", "web-dl", 1280, 720, EncodeSettings(crf=26, preset=5), (0.6, 2), (0.35, 0.9),
         118),
    Kind("old & small <dvd>", "low-quality", 720, 576, EncodeSettings(crf=30, preset=6),
         (0.5, 1.5), (0.3, 0.8), 190),
)  # fmt: skip

WEIGHTS = (2, 3, 9, 4, 3)


def fill(state_dir: Path, *, count: int = 300, days: int = 60, seed: int = 7) -> None:
    """The ledger of `count` targets, and of what else happens in such a time."""
    dice = random.Random(seed)
    with closing(Ledger.open(state_dir)) as ledger:
        with ledger.db.transaction() as write:
            for number in range(count):
                row, receipt = _made(number, count, days, dice)
                put_row(write, row, receipt)
        _fill_runs(ledger, days, dice)
        _fill_faults(ledger, dice)
        for number in range(min(25, count)):
            row, _ = _made(number, count, days, dice)
            entry = Kept(
                id=0, run=1, kind=KeptKind.ORIGINAL, path=f"/films/.av1rules-kept/1/{number}.mkv",
                row=row, at=time_of(number),
                gone_at=time_of(number + 1) if number < 5 else None,
            )  # fmt: skip
            ledger.kept.add(entry)


def time_of(day: float) -> str:
    return (END - timedelta(days=day)).isoformat(timespec="seconds")


def _made(
    number: int, count: int, days: int, dice: random.Random
) -> tuple[TargetRow, bytes | None]:
    (kind,) = dice.choices(KINDS, WEIGHTS)
    name = f"{kind.rule.split()[0]}/Film {number:05} ({dice.randint(1950, 2025)})/Film {number:05}"
    day = days * (1 - number / count)
    age = max(0.0, day + dice.gauss(0, 1))
    source_bytes = int(dice.uniform(*kind.source_gib) * GIB)
    target_bytes = int(source_bytes * min(0.9, max(0.08, dice.gauss(sum(kind.ratio) / 2, 0.13))))
    frames = int(dice.uniform(22, 130) * 60 * 24)
    is_known = number % 40 != 0  # else: copied, or adopted without a receipt
    encode_s = frames / (kind.frames_per_s * dice.uniform(0.6, 1.3)) if is_known else 0.0
    row = replace(
        ROW,
        target=f"/av1/{name}.mkv",
        source=f"films/{name}.mkv",
        source_path=f"/films/{name}.mkv",
        content_key=f"{number:x}",
        fingerprint=fingerprint(f"{number:x}", kind.settings),
        source_bytes=source_bytes,
        target_bytes=target_bytes,
        settings=kind.settings,
        tools=TOOLS[age < days / 3],
        rule=kind.rule if is_known else None,
        built_at=time_of(age),
        encode_s=encode_s,
        verify_s=encode_s / 20,
        run=number // 20,
    )
    return row, _receipt(row, kind, frames) if is_known else None


def _receipt(row: TargetRow, kind: Kind, frames: int) -> bytes:
    receipt = Receipt(
        source=row.source_path,
        target=row.target,
        source_bytes=row.source_bytes,
        target_bytes=row.target_bytes,
        source_digest=row.source_digest,
        source_facts=(
            f"container matroska,webm, {row.source_bytes} B, 1:42:07",
            f"video 0 (main): h264 High, {kind.width}x{kind.height}, 8 bit yuv420p, 23.976 fps",
            "  colour: bt709/bt709/bt709/tv/left, hdr: sdr",
            "audio 1: dts DTS-HD MA, 6 channels, lossless [eng default]",
            "audio 2: ac3, 2 channels, 192 kb/s [eng comment]",
            "subtitle 3: hdmv_pgs_subtitle [eng]",
        ),
        source_tier=kind.tier,
        tier_confidence=0.9,
        tier_reasons=("lossless audio", "the name says so"),
        rule=row.rule,
        causes=("new",),
        encoder=row.tools.encoder,
        command="ffmpeg -i file:in " + "-c:v libsvtav1 -crf 20 -preset 3 " * 12,
        frames=frames,
        encode_s=row.encode_s,
        log=("some warning of FFmpeg about timestamps in this stream",) * 8,
    )
    return receipt_json(receipt).encode()


def _fill_runs(ledger: Ledger, days: int, dice: random.Random) -> None:
    for day in range(days, 0, -4):
        number = ledger.runs.begin(time_of(day))
        if day > 4:
            told = f"{dice.randint(8, 30)} done, {dice.randint(0, 2)} failed"
            ledger.runs.end(number, time_of(day - 0.5), told)


def _fill_faults(ledger: Ledger, dice: random.Random) -> None:
    gone = "FFmpeg ended with 183: invalid data found\n  hint: is the source damaged?"
    other = (
        "verification failed: the target has 148211 frames, the source promises 151002",
        "<script>alert('why')</script> & \x1b[2J in a reason",
    )
    for number in range(14):
        detail = gone if number < 9 else other[number % 2]
        _verdict(ledger, VerdictKind.FAILED, number, detail, times=1 + number % 3)
    for number in range(9):
        ratio = dice.uniform(0.91, 1.3)
        detail = f"projected {ratio:.0%} of the source after a third, allowed are 90%"
        _verdict(ledger, VerdictKind.TOO_LARGE, 100 + number, detail, ratio=ratio)
    for number in range(3):
        _verdict(ledger, VerdictKind.UNDONE, 200 + number, "undone by undo run-7")
    ledger.health.put(
        "key", Health(source="films/torn.mkv", at=time_of(3), fault="ends after 0:31:05 of 1:42:07")
    )
    row = next(iter(ledger.rows()), None)
    if row is not None:
        ways = frozenset({Way.DIGEST})
        ledger.checks.put(row, Checked(at=time_of(2), ways=ways, fault="its bytes changed"))


def _verdict(
    ledger: Ledger,
    kind: VerdictKind,
    number: int,
    detail: str,
    *,
    times: int = 1,
    ratio: float | None = None,
) -> None:
    name = "<img src=x onerror=alert(1)>" if number == 10 else f"Bad film {number}"
    size = 4 * GIB + number * 10**8
    verdict = Verdict(
        kind=kind, content_key=f"v{number}", fingerprint="print", source=f"films/{name}.mkv",
        detail=detail, source_bytes=size,
        target_bytes=None if ratio is None else int(size * ratio), count=1,
        at=time_of(1 + number % 20),
    )  # fmt: skip
    for _ in range(times):
        ledger.record_verdict(verdict)
