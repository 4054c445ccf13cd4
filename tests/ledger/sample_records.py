"""One record of every kind that the ledger stores, no field at its default, and odd paths."""

from __future__ import annotations

import os

from msgspec import structs
from msgspec.structs import replace

from av1rules.base.events import Outcome
from av1rules.base.findings import FindingKind
from av1rules.encode.segments.records import FinishedSegment
from av1rules.ffmpeg.film_log import PictureSum, ShownPicture
from av1rules.ledger.as_made import AsMade
from av1rules.ledger.checks import CheckMethod, LastCheck, SourceCheckRecord
from av1rules.ledger.clips import ClipFacts, ClipRecord
from av1rules.ledger.controls import Control, ControlKind
from av1rules.ledger.films.queue import QueuedFilm
from av1rules.ledger.findings import FindingRecord
from av1rules.ledger.forecasts import PastForecast
from av1rules.ledger.ledger import JobInProgress, Ledger
from av1rules.ledger.outbox.table import OutboxEntry, OutboxState
from av1rules.ledger.records import Attempt, AttemptResult, Basis, Interval, TargetRow, ToolsUsed
from av1rules.ledger.runs import RunKind, RunRecord, TargetMove
from av1rules.ledger.samples import SampleEncode, SearchResult, Tried
from av1rules.ledger.segments.tables import RecordedSegment, SegmentedFilm
from av1rules.ledger.stand_ins import OwnTouch, StandIn
from av1rules.ledger.trash_table import PendingReplacement, TrashEntry, TrashKind
from av1rules.policy.model import Rest
from av1rules.policy.neighbours.spec import AnnouncedEvent
from av1rules.policy.quality_spec import (
    Floor,
    GateScope,
    Metric,
    Otherwise,
    QualityGate,
    QualityTarget,
    Statistic,
)
from av1rules.policy.settings import EncodeSettings, Loss
from av1rules.quality.excerpts import Excerpt, ExcerptKind
from av1rules.quality.result import Score
from av1rules.storage.replace import Replacement

AT = "2026-11-22T20:00:00+00:00"
ODD = os.fsdecode(b"/out/\xff\n\xe2\x80\xae.mkv")

FLOOR = Floor(metric=Metric.VMAF, statistic=Statistic.P5, value=92.5)
PLAIN = EncodeSettings(crf=26.25, preset=5)
SETTINGS = EncodeSettings(
    encoder="libsvtav1", crf=27.25, preset=4, film_grain=8, film_grain_denoise=False, tune="vq",
    keyint="240", bit_depth=10, deinterlace="bwdif", params=(("enable-tf", "0"),), container="mp4",
    accept=frozenset({Loss.CHROMA}), max_size_ratio=0.75, force=True,
    quality_target=QualityTarget(floor=FLOOR, crf_min=20, crf_max=40, otherwise=Otherwise.SKIP),
    film_grain_auto=True, quality_gate=QualityGate(floors=(FLOOR,), scope=GateScope.WHOLE),
)  # fmt: skip
TOOLS = ToolsUsed(ffmpeg="9.0", encoder="libsvtav1", encoder_version="v4.2")
SCORE = Score(
    metric=Metric.VMAF, model="vmaf_v0.6.1", mean=95.5, harmonic_mean=95.25, p1=90.5, p5=92.5,
    worst_second=(89.5, 12.0), frames=144, per_second=(95.0, 96.0), caveats=("few pictures",),
)  # fmt: skip

ROW = TargetRow(
    target=ODD, source="films/\udcff.mkv", source_path="/films/\udcff.mkv", content_key="9-key",
    source_digest="xxh3-128:00", source_bytes=900, settings=SETTINGS, fingerprint="print",
    tools=TOOLS, target_bytes=300, target_mtime_ns=1_700_000_000_123_456_789, target_key="3-key",
    target_head="11", target_digest="xxh3-128:22", rule="all", built_at=AT, encode_s=12.5,
    verify_s=2.25, forgotten=True, run=1,
)  # fmt: skip
BARE_ROW = replace(
    ROW, target="/out/b.mkv", source="films/b.mkv", settings=PLAIN, rule=None, run=None,
    forgotten=False, tools=replace(TOOLS, encoder_version=None),
)  # fmt: skip
VERDICT = Attempt(
    kind=AttemptResult.TOO_POOR, content_key="9-key", fingerprint="other", source="films/\udcff.mkv",  # noqa: E501
    detail="too poor", source_bytes=900, target_bytes=400, count=3, at=AT,
    measured=(("vmaf_p5", 87.25), ("ssim_mean", 0.5)),
)  # fmt: skip
BARE_VERDICT = replace(
    VERDICT, kind=AttemptResult.FAILED, fingerprint="third", target_bytes=None, measured=()
)
PAIRS = (("/films/\udcff.srt", "/out/\udcff.srt"),)
KEPT = TrashEntry(
    id=1, run=1, kind=TrashKind.ORIGINAL, path="/films/.av1rules-kept/\udcff.mkv", row=ROW,
    receipt=b"{}", facts=b"\x00facts", side_files=PAIRS, at=AT, gone_at=AT,
)  # fmt: skip
BARE_KEPT = TrashEntry(
    id=2, run=None, kind=TrashKind.ORPHAN, path="/out/.av1rules-kept/b.mkv", row=BARE_ROW, at=AT
)
IN_FLIGHT = replace(KEPT, id=3, gone_at=None)
INTENT = PendingReplacement(
    exchange=Replacement(
        incoming="/out/.av1rules-1/\udcff.mkv", place_in=ODD, key_in="3-key", place_out=ODD,
        aside="/films/.av1rules-kept/\udcff.mkv", key_out="9-key", side_files=PAIRS,
    ),
    after=IN_FLIGHT,
    is_new=True,
)  # fmt: skip
REMOVAL = PendingReplacement(
    exchange=Replacement(aside="/films/.av1rules-kept/\udcff.mkv"), after=None
)
MOVE = TargetMove(
    old=ODD, new="/out/new.mkv", stage="/out/.av1rules-2", source="films/new.mkv",
    source_path="/films/new.mkv",
)  # fmt: skip
CHECKED = LastCheck(
    at=AT, ways=frozenset({CheckMethod.DIGEST, CheckMethod.DECODE}), fault="its bytes changed"
)
HEALTH = SourceCheckRecord(source="films/\udcff.mkv", at=AT, fault="ends after 12:05")
CLIP = ClipRecord(
    fingerprint="print", source="films/\udcff.mkv", origin="/films/\udcff.mkv", path=ODD,
    size_bytes=77, made_at=AT,
    facts=ClipFacts(
        content_key="9-key", settings=SETTINGS, rule="all", review="canary(3)",
        pieces=(Excerpt(kind=ExcerptKind.DARK, start_s=1.5, end_s=4.5, frames=72, reason="dark"),),
        frames=72, duration_s=3.0, source_bytes=900, projected_bytes=300, scores=(SCORE,),
        score_problem="one is missing", command="ffmpeg", tools=TOOLS, encode_s=2.5,
        notes=("a note",), is_variant=True, source_tier="remux",
    ),
)  # fmt: skip
PAST = PastForecast(
    target=ODD, run=1, at=AT, encoder="libsvtav1", preset=4, resolution="1080p",
    source_tier="remux", basis=Basis(level=2, encodes=7), jobs=3,
    seconds=Interval(low=1.5, mid=2.5, high=3.5), actual_s=2.75,
    size_bytes=Interval(low=10.5, mid=20.5, high=30.5), actual_bytes=21, source_bytes=900,
)  # fmt: skip
SAMPLE = SampleEncode(
    content_key="9-key", settings=structs.replace(SETTINGS, quality_target=None), tools=TOOLS,
    passages=((1.5, 3.0),), frames=72, duration_s=3.0, size_bytes=1234, encode_s=2.5, made_at=AT,
    scores=(SCORE,), score_problem="one is missing",
)  # fmt: skip
SEARCH = SearchResult(
    fingerprint="print", tools=TOOLS, crf=27.25, text="CRF 27.25",
    tried=(Tried(crf=27.25, value=93.1),), elapsed_s=12.0, made_at=AT,
)  # fmt: skip
RUN = RunRecord(id=1, started=AT, ended=AT, summary="1 encoded")
WHOLE_RUN = RunRecord(
    id=1, started=AT, ended=AT, summary="1 encoded", kind=RunKind.UNDO,
    command=("av1rules", "undo", "\udcff"), exit_code=1, problem="the disk is gone",
    counts={Outcome.DONE: 2, Outcome.FAILED: 1}, source_bytes=900, target_bytes=300, trashed=2,
    findings=(3, 9, 4), new_findings=(9,),
)  # fmt: skip
FINDING = FindingRecord(
    id=3, kind=FindingKind.NO_ACCESS, source="films/\udcff.mkv", detail="no", hint="look",
    fingerprint="print", first_run=1, last_run=2, is_over=True,
)  # fmt: skip
IN_HAND = JobInProgress(
    folder="/out/.av1rules-1", source="films/\udcff.mkv", row=ROW, receipt=b"packed"
)

STAND_IN = StandIn(
    folder="/out/\udcff", name="\udcff.mkv", is_pending=True, kind=Rest.SYMLINK,
    source_path="/films/\udcff.mkv", link="../films/\udcff.mkv", is_film=True, inode=-7,
    size_bytes=900, mtime_ns=1, source_inode=8, source_bytes=900, source_mtime_ns=2,
)  # fmt: skip
AS_MADE = AsMade(made="0" * 32, wanted="1" * 32, choice="new", at=AT)
CONTROL = Control(
    film="films/\udcff.mkv", kind=ControlKind.STOP, since=AT, until=AT, reason="why", place=-2
)
QUEUED = QueuedFilm(
    film="films/\udcff.mkv", place=3, kind="encode", size_bytes=900, rule="all",
    source_tier="remux", cause="no target", seconds=12.5, likely_bytes=300.5, saving_bytes=599.5,
    width=1920, height=1080, codec="h264", bitrate_bps=9_000_000, hdr="hdr10", bit_depth=10,
)  # fmt: skip
OUTGOING = OutboxEntry(
    id=1, neighbour="sonarr", key="k", event=AnnouncedEvent.RENAMED, at=AT,
    film="films/\udcff.mkv", old_path="/out/\udcff.mkv", new_path="/out/b.mkv",
    source_bytes=900, target_bytes=300, rule="all", run=1, detail="why", exit_code=1,
    state=OutboxState.GIVEN_UP, attempts=3, next_try=AT, problem="401", ended=AT,
)  # fmt: skip
SEGMENTED_FILM = SegmentedFilm(
    folder="out/\udcff.segments", film="films/\udcff.mkv", target="out/\udcff.mkv",
    fingerprint="0" * 32, recipe="1" * 32, at=AT,
)  # fmt: skip
SEGMENT = RecordedSegment(
    folder="out/\udcff.segments", number=3, size_bytes=900,
    segment=FinishedSegment(
        number=3, pictures=161, size_bytes=900, digest="xxh3-128:1", header="2", encode_s=1.5,
        start_s=0.5,
        before=(PictureSum(tick=5, checksum="0000ABCD"),),
        last=(PictureSum(tick=9, checksum="0000ABCE"),),
        shown=(ShownPicture(pix_fmt="yuv420p", width=16, height=8),), log=("a line",),
    ),
)  # fmt: skip
OWN_TOUCH = OwnTouch(inode=8, before_ns=1, after_ns=2, at=AT)


def fill(ledger: Ledger) -> None:
    """Write each of them."""
    ledger.runs.begin(AT)
    ledger.runs.put(RUN)
    ledger.runs.begin(AT)
    for row in (ROW, BARE_ROW):
        ledger.commit(row, b"the receipt of a target")
    ledger.begin("/out/.av1rules-1", "films/\udcff.mkv")
    ledger.begin("/out/.av1rules-2", "films/c.mkv")
    ledger.prepare("/out/.av1rules-1", ROW, b"packed")
    for attempt in (VERDICT, BARE_VERDICT):
        ledger.record_attempt(attempt)
    for entry in (KEPT, BARE_KEPT):
        ledger.kept.add(entry)
    ledger.kept.begin(IN_FLIGHT, INTENT)
    ledger.kept.begin(ledger.kept.add(replace(KEPT, id=4)), REMOVAL)
    ledger.moves.begin((MOVE,))
    ledger.inventories.put("/films", b"packed")
    ledger.checks.put(ROW, CHECKED, mtime_ns=ROW.target_mtime_ns)
    ledger.health.put("9-key", HEALTH)
    ledger.clips.put(CLIP)
    ledger.forecasts.add(PAST)
    ledger.samples.put(SAMPLE, source="films/\udcff.mkv")
    ledger.searches.put(SEARCH, source="films/\udcff.mkv")
