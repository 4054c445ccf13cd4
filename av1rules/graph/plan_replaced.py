"""The row of a target that took its source's place: judged by what is known of the original."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass, replace

import msgspec

from av1rules.base.digest import content_key
from av1rules.graph.clip_plan import reviewed
from av1rules.graph.fingerprint import fingerprint
from av1rules.graph.in_place import look_in_place
from av1rules.graph.kept import Kept, KeptKind
from av1rules.graph.ledger import Ledger
from av1rules.graph.look import Look, look_at
from av1rules.graph.plan_file import awaits_grain, judged_row, left_alone, measured_first
from av1rules.graph.planned import KeptSpace, PlanAction, PlanRow, Work
from av1rules.graph.preparation import grain_of, prepared
from av1rules.graph.scope import PlanScope
from av1rules.graph.stale import InPlace, TargetRow, TargetState, is_as_written
from av1rules.graph.targets import target_path
from av1rules.graph.workspace import Workspace
from av1rules.library.cache import source_from_json, source_to_json
from av1rules.library.identity import lone_file
from av1rules.library.source import LibraryFile, Source
from av1rules.review.approvals import adjustments_for


def pack_facts(source: Source) -> bytes:
    """The facts of an original, to judge its target by when it is gone."""
    return zlib.compress(source_to_json(source), 9)


def _facts(kept: Kept) -> Source | None:
    try:
        return source_from_json(zlib.decompress(kept.facts or b""))
    except (zlib.error, msgspec.MsgspecError, ValueError, TypeError):
        return None


def kept_space(ledger: Ledger) -> KeptSpace:
    """How much lies aside."""
    sizes = [kept.size_bytes for kept in ledger.kept.entries() if kept.gone_at is None]
    return KeptSpace(files=len(sizes), size_bytes=sum(sizes))


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalLook:
    """What is known of the original behind a target: its row and its entry, the file as it was in
    the library, and what the policy of today says of it."""

    known: TargetRow
    kept: Kept
    was: LibraryFile
    look: Look


def look_at_original(space: Workspace, file: LibraryFile) -> OriginalLook | None:
    """`file` is a target as the walk found it; None if it replaced nothing that is known."""
    known, kept = space.ledger.find(file.path), space.ledger.kept.of_target(file.path)
    source = None if kept is None else _facts(kept)
    if known is None or kept is None or source is None:
        return None
    was = _original(file, known.source_path, known.source_bytes)
    adjusted = adjustments_for(space.book, known.content_key)
    look = look_at(
        was,
        source,
        ruleset=space.ruleset,
        tools=space.tools,
        adjusted=adjusted,
        grain=grain_of(space, known.content_key),
    )
    return OriginalLook(known=known, kept=kept, was=was, look=look)


def plan_replaced(scope: PlanScope, file: LibraryFile) -> PlanRow | None:
    """Fresh, to be redone from the original that lies aside, or left alone since that is gone.
    `file` is the target as the walk found it; None if another film, or an edit of it, stands there
    now."""
    there = scope.space.ledger.find(file.path)
    found = None if there is None else look_in_place(file.path, there, scope.space.tools)
    if there is None or found is None or not _is_ours(there, found):
        return None
    original = look_at_original(scope.space, file)
    if original is None:
        return left_alone(file, "made by av1rules: its original is not known here")
    known, kept, look = original.known, original.kept, original.look
    if (rule := awaits_grain(scope.space, look, known.content_key)) is not None:
        if kept.gone_at is None and _is_there(kept):
            key = known.content_key
            row = measured_first(file, look, rule, path=kept.path, content_key=key)
            return replace(row, target=file.path)
        cause = f"rule {rule.name} asks for the grain of its original, which is gone"
        row = left_alone(file, f"replaced its source before; {cause}")
        return replace(row, target=file.path)
    row = PlanRow(
        file=file,
        action=PlanAction.FRESH,
        causes=("up to date",),
        rule=look.rule_name,
        source_tier=look.tier_name,
        target=file.path,
        fingerprint=known.fingerprint,
    )
    making = look.making
    if making is None or making.encoder is None:
        reason = (making.problem if making else look.decision.reason) or "no rule matches"
        cause = f"replaced its source before; by today's rules: {reason}"
        return replace(row, action=PlanAction.LEFT_ALONE, causes=(cause,))
    work = Work(
        look=look,
        making=making,
        encoder=making.encoder,
        content_key=known.content_key,
        fingerprint=fingerprint(known.content_key, making.settings),
        known=known,
        found=found,
        origin=file,
    )
    row = judged_row(scope, replace(row, fingerprint=work.fingerprint), work)
    if row.action is not PlanAction.ENCODE:
        return row
    row = _rebuilt(scope, row, work, kept, original.was)
    return reviewed(scope, prepared(scope.space, row, forced=scope.wish.forces(file)))


def _is_ours(there: TargetRow, found: TargetState) -> bool:
    return is_as_written(there, found) or found.place is InPlace.OURS


def _rebuilt(scope: PlanScope, row: PlanRow, work: Work, kept: Kept, was: LibraryFile) -> PlanRow:
    """The row of a target that should be redone: from its original, or not at all."""
    causes = "; ".join(row.causes)
    wanted = target_path(was, scope.space.ruleset.output, work.making.settings.container)
    if wanted != row.target:
        cause = f"{causes}: another container can't be made in place; `av1rules undo` it first"
        return replace(row, action=PlanAction.LEFT_ALONE, causes=(cause,), work=None)
    if kept.gone_at is not None or not _is_there(kept):
        cause = f"cannot rebuild: original gone ({causes})"
        return replace(row, action=PlanAction.LEFT_ALONE, causes=(cause,), work=None)
    notes = (*row.notes, "made from the original that lies aside")
    return replace(row, work=replace(work, origin=lone_file(kept.path)), notes=notes)


def _is_there(kept: Kept) -> bool:
    try:
        return kept.kind is KeptKind.ORIGINAL and content_key(kept.path) == kept.content_key
    except OSError:
        return False


def _original(file: LibraryFile, path: str, size_bytes: int) -> LibraryFile:
    """The source as it was in the library: rules match its path and its size."""
    below = os.path.relpath(path, file.root)
    return replace(file, relative_path=below, stat=replace(file.stat, size_bytes=size_bytes))
