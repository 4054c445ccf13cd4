"""The receipt of a finished target: gathered from plan, encode and verification, and written."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from av1rules.base.atomic import steady_temp_name, write_text
from av1rules.encode.engine import EncodeOutcome
from av1rules.encode.receipt import (
    Receipt,
    SettingLine,
    SourcePicture,
    kept_scores,
    parse_receipt,
    receipt_json,
    receipt_text,
)
from av1rules.encode.score_parse import Score
from av1rules.encode.streams import StreamAction
from av1rules.encode.verify import Verification
from av1rules.graph.planned import PlanRow, Work
from av1rules.graph.stale import TargetRow
from av1rules.library.source import Source
from av1rules.library.source_text import source_lines
from av1rules.rules.model import ReceiptForm
from av1rules.rules.quality import GateScope
from av1rules.rules.shaping import NAMES, shown

JSON_SUFFIX, TEXT_SUFFIX = ".av1rules.json", ".av1rules.txt"
"""Behind the whole name of the target: `film.mkv` and `film.mp4` have receipts of their own."""

_SUFFIXES = {
    ReceiptForm.NONE: (),
    ReceiptForm.JSON: (JSON_SUFFIX,),
    ReceiptForm.TEXT: (TEXT_SUFFIX,),
    ReceiptForm.BOTH: (JSON_SUFFIX, TEXT_SUFFIX),
}


def receipt_of(
    row: PlanRow,
    work: Work,
    entry: TargetRow,
    encoded: EncodeOutcome,
    verified: Verification,
    *,
    started_at: str,
    scores: tuple[Score, ...] = (),
    score_scope: GateScope | None = None,
    score_problem: str | None = None,
) -> Receipt:
    """All that a person may ask of a target later. `entry` is its ledger row.

    `score_scope` is None where no scores were asked for; `score_problem` says why there are none.
    """
    return Receipt(
        source=row.file.path,
        target=entry.target,
        source_bytes=entry.source_bytes,
        target_bytes=entry.target_bytes,
        source_digest=entry.source_digest,
        target_digest=entry.target_digest,
        run=entry.run,
        source_facts=tuple(source_lines(work.look.source)),
        picture=_picture(work.look.source),
        source_tier=row.source_tier,
        tier_confidence=work.look.classification.confidence,
        tier_reasons=work.look.classification.reasons,
        rule=row.rule,
        causes=row.causes,
        settings=_setting_lines(work),
        encoder=work.encoder.name,
        tools=(("FFmpeg", entry.tools.ffmpeg), ("encoder", entry.tools.encoder_version or "")),
        command=encoded.command,
        changed_streams=tuple(
            step.describe()
            for step in work.making.streams.steps
            if step.action not in (StreamAction.COPY, StreamAction.ENCODE)
        ),
        accepted_losses=tuple(loss.message for loss in work.making.losses),
        checks=verified.checks,
        frames=verified.frames,
        started_at=started_at,
        finished_at=entry.built_at,
        encode_s=entry.encode_s,
        verify_s=entry.verify_s,
        scores=kept_scores(scores),
        score_scope=None if score_scope is None else score_scope.value,
        score_problem=score_problem,
        log=encoded.log,
        last_lines=encoded.tail,
    )


def _picture(source: Source) -> SourcePicture | None:
    main = source.main
    if main is None:
        return None
    return SourcePicture(
        width=main.width,
        height=main.height,
        frame_rate=None if main.frame_rate is None else str(main.frame_rate),
        is_variable_rate=main.is_variable_rate,
        duration_s=source.duration_s,
    )


def _setting_lines(work: Work) -> tuple[SettingLine, ...]:
    origins = dict(work.making.origins)
    return tuple(
        SettingLine(
            name=name, value=shown(work.making.settings, name), origin=origins.get(name, "")
        )
        for name in NAMES
    )


def write_receipt(receipt: Receipt, form: ReceiptForm) -> None:
    """Write `NAME.av1rules.json` and `.txt` beside the target, as the policy says."""
    for suffix in _SUFFIXES[form]:
        text = receipt_json(receipt) if suffix == JSON_SUFFIX else receipt_text(receipt)
        goal = Path(f"{receipt.target}{suffix}")
        write_text(goal, text, temp=steady_temp_name(goal))


def renew_receipts(
    target: str, row: TargetRow | None, stored: bytes | None, form: ReceiptForm
) -> None:
    """The receipt files at a place that a target came to or left: new ones that say where source
    and target are now; none where no target is any more. Raises OSError, ValueError."""
    for suffix in (JSON_SUFFIX, TEXT_SUFFIX):
        Path(f"{target}{suffix}").unlink(missing_ok=True)
    if row is not None and stored is not None and form is not ReceiptForm.NONE:
        receipt = parse_receipt(stored)
        receipt = dataclasses.replace(receipt, source=row.source_path, target=row.target)
        write_receipt(receipt, form)
