"""The document of `plan`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from av1rules.plan.items import (
    ActiveItem,
    MeasureGrain,
    Plan,
    PlanAction,
    PlanItem,
    clip_of,
)
from av1rules.plan.rows import ItemTotal
from av1rules.plan.saved.origin import PlanOrigin
from av1rules.plan.saved.rows import OutdatedRow, TargetFile, target_file_of
from av1rules.report.documents.common import FilesAndBytes, ShownSettings, shown_settings
from av1rules.report.documents.forecast import ForecastRecord, ForecastTotals
from av1rules.report.documents.rest import RestRecord, rest_record
from av1rules.report.json import JsonDocument, json_stream
from av1rules.report.plan import NO_FORECASTS, ForecastColumns


class PlannedClip(Struct, frozen=True, kw_only=True):
    """The test clip that an encode waits for. `review` is as in the rules."""

    path: str
    state: str
    text: str
    review: str
    is_made: bool


class DroppedTrack(Struct, frozen=True, kw_only=True):
    """A track of the source that a rule leaves out. `kind` is `audio` or `subtitle`."""

    index: int
    kind: str
    codec: str | None
    reason: str | None


class UndecidedRule(Struct, frozen=True, kw_only=True):
    """A rule before the one that decides, of which nobody knows whether it matches: the names of
    the unknown `facts` that it asks for."""

    rule: str
    facts: tuple[str, ...]


class PlanRow(Struct, frozen=True, kw_only=True):
    """One file of the library. `causes` say why the action, `notes` what else to know;
    `passed_over` names earlier rules that an unknown fact decided. `path_base64` and
    `target_base64` are the bytes of these names, where they are not UTF-8.

    Only a row with an encode, or whose target is moved or copied, has `encoder` to `target_file`:
    `origins` is where each setting comes from, `dropped_tracks` what rules leave out, `pending`
    what is found before the encode (`measure`, `search`, `sample`), `target_file` what stands at
    the path of the target. Only a row that a run acts on has `content_key` and `mtime_ns`, the
    time of its source. Only a row that may be encoded has `forecast` and `beyond_budget`, only one
    with a test clip has `clip`. Only what stays as it was made, though the policy asks for other
    settings, has `as_made`: the choice of `on_change` or `--redo`.
    """

    action: PlanAction
    library_path: str
    path: str
    path_base64: bytes | UnsetType = UNSET
    target: str | None
    target_base64: bytes | UnsetType = UNSET
    size_bytes: int
    source_tier: str | None
    rule: str | None
    causes: tuple[str, ...]
    notes: tuple[str, ...]
    passed_over: tuple[UndecidedRule, ...]
    content_key: str | UnsetType = UNSET
    mtime_ns: int | UnsetType = UNSET
    encoder: str | UnsetType = UNSET
    settings: ShownSettings | UnsetType = UNSET
    origins: dict[str, str] | UnsetType = UNSET
    fingerprint: str | UnsetType = UNSET
    dropped_tracks: tuple[DroppedTrack, ...] | UnsetType = UNSET
    pending: tuple[str, ...] | UnsetType = UNSET
    target_file: TargetFile | UnsetType | None = UNSET
    clip: PlannedClip | UnsetType = UNSET
    as_made: str | UnsetType = UNSET
    forecast: ForecastRecord | UnsetType | None = UNSET
    beyond_budget: bool | UnsetType = UNSET


class OrphanRecord(Struct, frozen=True, kw_only=True):
    """A target whose source is gone. `to_trash`: a run moves it to the trash."""

    target: str
    source: str
    size_bytes: int
    cause: str
    to_trash: bool


class PlanDocument(JsonDocument, frozen=True, kw_only=True):
    """What a run would do. `origin` says where the plan comes from. `totals` is by action.
    `has_work`: a run would do something. `safety_stops` say why a run would refuse to start,
    `problems` which part of the library could not be read. `rest` is of a complete mirror. `trash`
    is what could be purged. `made_with_other_tools` counts fresh targets of other tool versions,
    `left_as_made` what stays so though the policy asks for other settings.
    `forecast` is null if nothing is to be encoded. `outdated` is what a dry run of a saved plan
    leaves out. `rows` has every file of the library, in the order of the walk."""

    document: Literal["plan"] = "plan"
    origin: PlanOrigin | UnsetType = UNSET
    totals: dict[str, FilesAndBytes]
    has_work: bool
    problems: tuple[str, ...]
    safety_stops: tuple[str, ...]
    orphans: tuple[OrphanRecord, ...]
    rest: RestRecord
    notes: tuple[str, ...]
    trash: FilesAndBytes
    made_with_other_tools: int
    left_as_made: int
    forecast: ForecastTotals | None
    outdated: tuple[OutdatedRow, ...] | UnsetType = UNSET
    rows: tuple[PlanRow, ...] = ()


def plan_json(
    plan: Plan,
    forecasts: ForecastColumns = NO_FORECASTS,
    *,
    origin: PlanOrigin | UnsetType = UNSET,
    outdated: tuple[OutdatedRow, ...] | UnsetType = UNSET,
) -> Iterator[str]:
    """The plan as one JSON document, in pieces."""
    document = plan_document(plan, forecasts, origin=origin, outdated=outdated)
    return json_stream(document, "rows", (plan_row(row, forecasts) for row in plan.rows))


def plan_document(
    plan: Plan,
    forecasts: ForecastColumns = NO_FORECASTS,
    *,
    origin: PlanOrigin | UnsetType = UNSET,
    outdated: tuple[OutdatedRow, ...] | UnsetType = UNSET,
) -> PlanDocument:
    """The document without its rows."""
    totals = plan.rows.totals()
    return PlanDocument(
        origin=origin,
        totals={action.value: _total(totals.get(action)) for action in PlanAction},
        has_work=plan.has_work,
        problems=plan.problems,
        safety_stops=tuple(safety_stop.text for safety_stop in plan.safety_stops),
        orphans=tuple(
            OrphanRecord(
                target=orphan.row.target,
                source=orphan.row.source,
                size_bytes=orphan.row.target_bytes,
                cause=orphan.cause,
                to_trash=orphan.to_trash,
            )
            for orphan in plan.orphans
        ),
        rest=rest_record(plan.rest),
        notes=plan.notes,
        trash=FilesAndBytes(files=plan.kept.files, size_bytes=plan.kept.size_bytes),
        made_with_other_tools=plan.other_tools,
        left_as_made=plan.rows.as_made(),
        forecast=forecasts.total,
        outdated=outdated,
    )


def _total(found: ItemTotal | None) -> FilesAndBytes:
    total = found or ItemTotal()
    return FilesAndBytes(files=total.files, size_bytes=total.size_bytes)


def plan_row(row: PlanItem, forecasts: ForecastColumns = NO_FORECASTS) -> PlanRow:
    """One row; settings only for rows with an encode."""
    more: dict[str, Any] = {**forecasts.record(row)}
    if isinstance(row, ActiveItem):
        work = row.work
        more |= {
            "encoder": work.encoder.name,
            "settings": shown_settings(work.recipe.settings),
            "origins": {name: str(one) for name, one in work.recipe.origins},
            "content_key": work.content_key,
            "mtime_ns": row.file.stat.mtime_ns,
            "fingerprint": work.fingerprint,
            "dropped_tracks": tuple(
                DroppedTrack(index=step.index, kind=step.kind, codec=step.codec, reason=step.reason)
                for step in work.recipe.streams.dropped_by_rule
            ),
            "pending": tuple(step.value for step in work.pending),
            "target_file": target_file_of(work),
        }
    elif isinstance(row, MeasureGrain):
        more |= {
            "content_key": row.unmeasured.content_key,
            "mtime_ns": row.file.stat.mtime_ns,
        }
    if row.as_made is not None:
        more["as_made"] = row.as_made.choice
    if (clip := clip_of(row)) is not None:
        more["clip"] = PlannedClip(
            path=clip.path,
            state=clip.review_state.kind.value,
            text=clip.review_state.text,
            review=clip.review.text,
            is_made=clip.is_made,
        )
    return PlanRow(
        action=row.action,
        library_path=row.file.library_path,
        path=row.file.path,
        path_base64=_not_utf8(row.file.path),
        target=row.target,
        target_base64=_not_utf8(row.target),
        size_bytes=row.size_bytes,
        source_tier=row.source_tier,
        rule=row.rule,
        causes=row.causes,
        notes=row.notes,
        passed_over=tuple(UndecidedRule(rule=one.rule, facts=one.facts) for one in row.passed_over),
        **more,
    )


def _not_utf8(name: str | None) -> bytes | UnsetType:
    """The bytes of a file name that JSON can't hold."""
    return UNSET if name is None or name.isascii() or _is_text(name) else os.fsencode(name)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
