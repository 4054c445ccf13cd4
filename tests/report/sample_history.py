"""A made-up library's ledger, as two months of runs would leave it: written by the ledger's own
calls, so that reports can be tried, looked at and timed on it."""

from __future__ import annotations

import math
import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import structs
from msgspec.structs import replace

from av1rules.approvals.file import approvals_path, record
from av1rules.approvals.model import Answer, new_decision
from av1rules.base.events import Outcome
from av1rules.base.findings import FilmFinding, FindingKind
from av1rules.ledger.checks import CheckMethod, LastCheck, SourceCheckRecord
from av1rules.ledger.clips import ClipFacts, ClipRecord
from av1rules.ledger.database import LedgerDb
from av1rules.ledger.forecasts import ForecastTable, PastForecast
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.receipt import Receipt, SourcePicture, receipt_json, receipt_scores
from av1rules.ledger.records import (
    Attempt,
    AttemptResult,
    Basis,
    Interval,
    TargetRow,
    ToolsUsed,
    put_row,
)
from av1rules.ledger.runs import RunRecord
from av1rules.ledger.trash_table import TrashEntry, TrashKind
from av1rules.policy.fingerprint import fingerprint
from av1rules.policy.quality_spec import Metric
from av1rules.policy.settings import EncodeSettings
from av1rules.quality.excerpts import Excerpt
from av1rules.quality.excerpts import ExcerptKind as Hard
from av1rules.quality.result import Score
from tests.plan.test_freshness import ROW

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
    vmaf: float  # of a usual film


KINDS = (
    Kind("uhd remux", "remux", 3840, 2160, EncodeSettings(crf=20, preset=3, film_grain=8),
         (45, 85), (0.22, 0.55), 7.5, 96),
    Kind("remux", "remux", 1920, 1080, EncodeSettings(crf=18, preset=3, film_grain=8),
         (18, 38), (0.2, 0.6), 24, 95.5),
    Kind("web tv", "web-dl", 1920, 1080, EncodeSettings(crf=26, preset=5), (1.5, 6), (0.3, 0.85),
         61, 93),
    Kind("web tv", "web-dl", 1280, 720, EncodeSettings(crf=26, preset=5), (0.6, 2), (0.35, 0.9),
         118, 92),
    Kind("old & small <dvd>", "low-quality", 720, 576, EncodeSettings(crf=30, preset=6),
         (0.5, 1.5), (0.3, 0.8), 190, 88),
)  # fmt: skip

WEIGHTS = (2, 3, 9, 4, 3)


def fill(state_dir: Path, *, count: int = 300, days: int = 60, seed: int = 7) -> None:
    """The ledger of `count` targets, and of what else happens in such a time."""
    dice, others = random.Random(seed), random.Random(seed + 1)
    db = LedgerDb.open(state_dir)
    with closing(Ledger(db)) as ledger:
        with db.transaction() as write:
            for number in range(count):
                row, receipt, kind = _made(number, count, days, dice)
                put_row(write, row, receipt)
                if receipt is not None and number % 3 == 0:
                    put_forecast(write, row, kind, others)
        _fill_clips(ledger, state_dir, others)
        _fill_runs(ledger, days, dice)
        _fill_faults(ledger, dice)
        for number in range(min(25, count)):
            row, _, _ = _made(number, count, days, dice)
            entry = TrashEntry(
                id=0, run=1, kind=TrashKind.ORIGINAL, path=f"/films/.av1rules-kept/1/{number}.mkv",
                row=row, at=time_of(number),
                gone_at=time_of(number + 1) if number < 5 else None,
            )  # fmt: skip
            ledger.kept.add(entry)


def time_of(day: float) -> str:
    return (END - timedelta(days=day)).isoformat(timespec="seconds")


def _made(
    number: int, count: int, days: int, dice: random.Random
) -> tuple[TargetRow, bytes | None, Kind]:
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
    receipt = receipt_of(row, kind, frames, number) if is_known else None
    return row, receipt, kind


def receipt_of(row: TargetRow, kind: Kind, frames: int, number: int) -> bytes:
    dice = random.Random(number)
    is_scored, is_new = number % 5 != 0, number % 2 == 0
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
        run=row.run,
        picture=SourcePicture(
            width=kind.width,
            height=kind.height,
            frame_rate="24000/1001",
            is_variable_rate=False,
            duration_s=frames / 24,
        )
        if is_new
        else None,
        scores=receipt_scores((score(dice.gauss(kind.vmaf, 1.5)),)) if is_scored else (),
        score_scope=("whole" if number % 4 == 0 else "samples") if is_scored else None,
        log=("some warning of FFmpeg about timestamps in this stream",) * 8,
    )
    return receipt_json(receipt).encode()


def score(mean: float) -> Score:
    """A VMAF of a minute of film around this mean, at most 100."""
    top = min(mean, 99.5)
    return Score(
        metric=Metric.VMAF, model="vmaf_v0.6.1 (libvmaf 3.0.0)", mean=top, harmonic_mean=top - 0.2,
        p1=top - 7, p5=top - 4, worst_second=(top - 9, 1234.5), frames=1440,
        per_second=tuple(top + math.sin(second) for second in range(60)),
    )  # fmt: skip


def put_forecast(
    write: sqlite3.Connection, row: TargetRow, kind: Kind, dice: random.Random
) -> None:
    """As runs foretell: time a little too low, size right in the middle."""
    seconds = (row.encode_s + row.verify_s) / dice.lognormvariate(0.06, 0.22)
    size = row.target_bytes / dice.lognormvariate(0.0, 0.3)
    past = PastForecast(
        target=row.target, run=row.run, at=row.built_at, encoder=row.tools.encoder,
        preset=row.settings.preset, resolution="1080p", source_tier=kind.tier,
        basis=Basis(level=1, encodes=30), jobs=1,
        seconds=Interval(low=seconds / 1.35, mid=seconds, high=seconds * 1.35), actual_s=row.encode_s  # noqa: E501
        + row.verify_s, size_bytes=Interval(low=size / 1.5, mid=size, high=size * 1.5),
        actual_bytes=row.target_bytes, source_bytes=row.source_bytes,
    )  # fmt: skip
    ForecastTable.insert(write, past)


def _fill_clips(ledger: Ledger, state_dir: Path, dice: random.Random) -> None:
    """Eleven clips: three wait, two are rejected, the others approved; one is a variant."""
    for number in range(12):
        kind = KINDS[number % 2]
        settings = structs.replace(kind.settings, crf=kind.settings.crf - number % 3)
        scored = score(dice.gauss(kind.vmaf - 4, 1.5))
        facts = ClipFacts(
            content_key=clip_key(number), settings=settings, rule=kind.rule, review="each",
            pieces=(Excerpt(kind=Hard.DARK, start_s=60.0, end_s=105.0, frames=1080, reason="dark"),),  # noqa: E501
            frames=1080, duration_s=45.0, source_bytes=30 * GIB, projected_bytes=8 * GIB,
            scores=(scored,), score_problem=None, command="ffmpeg", tools=TOOLS[1],
            encode_s=dice.uniform(150, 500), is_variant=number == 11, source_tier=kind.tier,
        )  # fmt: skip
        name = f"films/Reviewed {number:02}/Reviewed {number:02}.mkv"
        ledger.clips.put(
            ClipRecord(
                fingerprint=fingerprint(clip_key(number), settings), source=name,
                origin=f"/{name}", path=f"/state/clips/{number}.mp4", size_bytes=40 * 10**6,
                made_at=time_of(number), facts=facts,
            )
        )  # fmt: skip
        if number in (0, 1, 2, 11):
            continue
        answer = Answer.REJECTED if number in (3, 4) else Answer.APPROVED
        decision = new_decision(
            answer, source=name, content_key=clip_key(number), settings=settings, rule=kind.rule,
            by="Ann", at=END, reason="grain smears" if answer is Answer.REJECTED else None,
        )  # fmt: skip
        record(approvals_of(state_dir), decision)


def clip_key(number: int) -> str:
    return f"{number}-{number:032x}"


def approvals_of(state_dir: Path) -> Path:
    """The approvals of a state folder that lies beside the rules, as it does by default."""
    return approvals_path(state_dir.parent / "rules.yaml")


def _fill_runs(ledger: Ledger, days: int, dice: random.Random) -> None:
    for day in range(days, 0, -4):
        number = ledger.runs.begin(time_of(day))
        if day > 4:
            done, failed = dice.randint(8, 30), dice.randint(0, 2)
            found = ledger.findings.add(
                number,
                [
                    (FilmFinding(film=f"films/{one}.mkv", kind=FindingKind.FAILED, detail="no"), "")
                    for one in range(failed)
                ],
            )
            ledger.runs.put(
                RunRecord(
                    id=number,
                    started=time_of(day),
                    ended=time_of(day - 0.5),
                    counts={Outcome.DONE: done},
                    source_bytes=done * 4 * GIB,
                    target_bytes=done * GIB,
                    findings=tuple(one.id for one in found),
                    new_findings=tuple(one.id for one in found if one.finding.is_new),
                )
            )


def _fill_faults(ledger: Ledger, dice: random.Random) -> None:
    gone = "FFmpeg ended with 183: invalid data found\n  hint: is the source damaged?"
    other = (
        "verification failed: the target has 148211 frames, the source promises 151002",
        "<script>alert('why')</script> & \x1b[2J in a reason",
    )
    for number in range(14):
        detail = gone if number < 9 else other[number % 2]
        _verdict(ledger, AttemptResult.FAILED, number, detail, times=1 + number % 3)
    for number in range(9):
        ratio = dice.uniform(0.91, 1.3)
        detail = f"projected {ratio:.0%} of the source after a third, allowed are 90%"
        _verdict(ledger, AttemptResult.TOO_LARGE, 100 + number, detail, ratio=ratio)
    for number in range(3):
        _verdict(ledger, AttemptResult.UNDONE, 200 + number, "undone by undo run-7")
    for number in range(2):
        detail = f"vmaf_p5 is {88.4 + number:.1f}, the policy wants 90 or more"
        _verdict(ledger, AttemptResult.TOO_POOR, 300 + number, detail)
    ledger.health.put(
        "key",
        SourceCheckRecord(
            source="films/torn.mkv", at=time_of(3), fault="ends after 0:31:05 of 1:42:07"
        ),
    )
    row = next(iter(ledger.rows()), None)
    if row is not None:
        ways = frozenset({CheckMethod.DIGEST})
        ledger.checks.put(row, LastCheck(at=time_of(2), ways=ways, fault="its bytes changed"))


def _verdict(
    ledger: Ledger,
    kind: AttemptResult,
    number: int,
    detail: str,
    *,
    times: int = 1,
    ratio: float | None = None,
) -> None:
    name = "<img src=x onerror=alert(1)>" if number == 10 else f"Bad film {number}"
    size = 4 * GIB + number * 10**8
    attempt = Attempt(
        kind=kind, content_key=f"v{number}", fingerprint="print", source=f"films/{name}.mkv",
        detail=detail, source_bytes=size,
        target_bytes=None if ratio is None else int(size * ratio), count=1,
        at=time_of(1 + number % 20),
    )  # fmt: skip
    for _ in range(times):
        ledger.record_attempt(attempt)
