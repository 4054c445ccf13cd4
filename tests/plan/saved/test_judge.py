"""Whether one saved row still holds, by values alone."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from av1rules.approvals.model import ReviewState, ReviewStatus
from av1rules.plan.items import (
    AwaitsMeasurement,
    Blocked,
    ClipState,
    Encode,
    Fresh,
    Held,
    LeftAlone,
    MakeClip,
    MeasureGrain,
    PlanAction,
    PlanItem,
)
from av1rules.plan.saved.judge import DoneAlready, RowNow, StillHolds, judge, needs_content
from av1rules.plan.saved.rows import OutdatedCause, OutdatedRow, SavedRow, TargetFile
from av1rules.policy.model import Review, ReviewKind
from tests.encode.make import settings, source
from tests.plan_items import encode, library_file, planned_encode

FILE = library_file("a.mkv")
ENCODE = replace(encode("a.mkv"), fingerprint="print")
ROW = SavedRow(
    path=FILE.path,
    library_path=FILE.library_path,
    action=PlanAction.ENCODE,
    size_bytes=FILE.stat.size_bytes,
    mtime_ns=FILE.stat.mtime_ns,
    content_key="key",
    target="/out/a.mkv",
    fingerprint="print",
    encoder="libsvtav1",
    settings=settings(),
)
CLIP = ClipState(
    path="/clip",
    review_state=ReviewState(kind=ReviewStatus.WAITING, reason="clip waiting for approval"),
    review=Review(kind=ReviewKind.EACH),
    content_key="key",
    digest="digest",
    is_made=True,
)


def as_idle(kind: Any, *causes: str, **more: Any) -> PlanItem:
    item: PlanItem = kind.of(ENCODE, *causes, **more)
    return item


def cause(row: SavedRow, now: RowNow) -> tuple[OutdatedCause, str | None]:
    state = judge(row, now)
    assert isinstance(state, OutdatedRow)
    return state.cause, state.detail


def test_a_row_as_it_was_holds() -> None:
    assert judge(ROW, RowNow(item=ENCODE)) == StillHolds(item=ENCODE)


def test_a_film_that_is_not_there() -> None:
    assert cause(ROW, RowNow(item=None, is_gone=True)) == (OutdatedCause.SOURCE_GONE, None)
    assert cause(ROW, RowNow(item=None))[0] is OutdatedCause.DECIDED_OTHERWISE
    unread = RowNow(item=None, unread="not found: /films/x: no permission")
    assert cause(ROW, unread)[1] == "not found: /films/x: no permission"
    assert isinstance(judge(ROW, RowNow(item=None, has_target=True)), DoneAlready)


def test_other_content_comes_before_other_settings() -> None:
    item = replace(ENCODE, fingerprint="x", work=replace(ENCODE.work, content_key="x"))
    assert cause(ROW, RowNow(item=item)) == (OutdatedCause.SOURCE_CHANGED, None)


def test_other_settings_are_named() -> None:
    recipe = replace(ENCODE.work.recipe, settings=replace(settings(), crf=settings().crf + 2))
    item = replace(ENCODE, fingerprint="x", work=replace(ENCODE.work, recipe=recipe))
    before, after = f"{settings().crf:g}", f"{settings().crf + 2:g}"
    expected = (OutdatedCause.SETTINGS_CHANGED, f"crf {before} -> {after}")
    assert cause(ROW, RowNow(item=item)) == expected


def test_content_is_asked_for_only_where_it_decides() -> None:
    touched = replace(FILE, stat=replace(FILE.stat, mtime_ns=9))
    assert not needs_content(ROW, None)
    assert not needs_content(ROW, replace(ENCODE, file=touched))
    unknown = LeftAlone(file=touched, causes=("no",))
    assert needs_content(ROW, unknown)
    assert not needs_content(ROW, LeftAlone(file=FILE, causes=("no",)))
    assert cause(ROW, RowNow(item=unknown, content_key="x"))[0] is OutdatedCause.SOURCE_CHANGED
    now = RowNow(item=unknown, content_key="key")
    assert cause(ROW, now) == (OutdatedCause.DECIDED_OTHERWISE, "left alone: no")
    unread = RowNow(item=unknown, content_key=None)
    assert cause(ROW, unread)[0] is OutdatedCause.SOURCE_CHANGED


def test_another_encoder_is_another_encode() -> None:
    row = replace(ROW, encoder="libaom-av1")
    assert cause(row, RowNow(item=ENCODE)) == (
        OutdatedCause.ENCODER_CHANGED, "libaom-av1 -> libsvtav1",
    )  # fmt: skip


def test_a_fresh_target_elsewhere_is_not_that_of_the_row() -> None:
    fresh = Fresh(file=FILE, causes=("up to date",), target="/out/b.mkv", fingerprint="print")
    assert cause(ROW, RowNow(item=fresh)) == (OutdatedCause.TARGET_ELSEWHERE, "/out/b.mkv")
    here = replace(fresh, target="/out/a.mkv")
    assert judge(ROW, RowNow(item=here)) == DoneAlready(library_path="films/a.mkv")


@pytest.mark.parametrize("kind", [LeftAlone, Held])
def test_a_result_that_is_no_target_is_one(kind: Any) -> None:
    item = as_idle(kind, "too large", is_settled_by_attempt=True)
    expected = DoneAlready(library_path="films/a.mkv", result="too large")
    assert judge(ROW, RowNow(item=item)) == expected


def test_a_film_that_failed_too_often_is_left_out() -> None:
    item = as_idle(Blocked, "failed 3 times before", is_settled_by_attempt=True)
    assert cause(ROW, RowNow(item=item)) == (
        OutdatedCause.DECIDED_OTHERWISE, "blocked: failed 3 times before",
    )  # fmt: skip


def test_an_encode_that_must_wait_for_a_clip_by_now() -> None:
    clip = MakeClip.of(ENCODE, "review: each", work=ENCODE.work, clip=replace(CLIP, is_made=False))
    clip = replace(clip, target="/out/a.mkv")
    assert cause(ROW, RowNow(item=clip)) == (
        OutdatedCause.DECIDED_OTHERWISE, "make clip, not encode: review: each",
    )  # fmt: skip


def test_a_clip_is_done_once_it_is_made() -> None:
    row = replace(ROW, action=PlanAction.CLIP)
    for item in (as_idle(Held, "waits", clip=CLIP), ENCODE):
        assert isinstance(judge(row, RowNow(item=item)), DoneAlready)
    waits = as_idle(Held, "waits for the canaries of its rule")
    assert cause(row, RowNow(item=waits))[0] is OutdatedCause.DECIDED_OTHERWISE


def test_a_measurement_is_done_once_a_rule_is_chosen() -> None:
    row = SavedRow(
        path=FILE.path, library_path=FILE.library_path, action=PlanAction.MEASURE,
        size_bytes=FILE.stat.size_bytes, mtime_ns=FILE.stat.mtime_ns, content_key="key",
    )  # fmt: skip
    unmeasured = AwaitsMeasurement(path=FILE.path, source=source(), content_key="key")
    item = MeasureGrain(file=FILE, causes=("grain",), unmeasured=unmeasured)
    assert judge(row, RowNow(item=item)) == StillHolds(item=item)
    other = replace(item, unmeasured=replace(unmeasured, content_key="x"))
    assert cause(row, RowNow(item=other))[0] is OutdatedCause.SOURCE_CHANGED
    assert isinstance(judge(row, RowNow(item=ENCODE)), DoneAlready)
    assert cause(ROW, RowNow(item=item)) == (
        OutdatedCause.DECIDED_OTHERWISE, "measure, not encode: grain",
    )  # fmt: skip


def test_a_target_is_the_same_by_who_made_it_and_what_is_in_it() -> None:
    one = TargetFile(size_bytes=5, mtime_ns=1, content_key="k", run=3)
    assert one.is_same(replace(one, mtime_ns=2))
    assert not one.is_same(replace(one, content_key="x"))
    assert not one.is_same(replace(one, run=4))
    assert not one.is_same(replace(one, size_bytes=6))
    unread = replace(one, content_key=None)
    assert unread.is_same(one)
    assert not unread.is_same(replace(one, mtime_ns=2))


def test_a_target_that_was_not_there_before() -> None:
    planned = planned_encode(FILE)
    item = Encode(
        file=FILE, causes=("new",), target="/out/a.mkv", fingerprint="print", work=planned
    )
    row = replace(ROW, target_file=TargetFile(size_bytes=1, mtime_ns=1, content_key=None, run=None))
    assert cause(row, RowNow(item=item))[0] is OutdatedCause.TARGET_CHANGED
