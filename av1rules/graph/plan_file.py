"""The row of one probed file: classify, match, resolve, what would be lost, judge by the ledger."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from av1rules.base.digest import content_key
from av1rules.base.errors import ToolError
from av1rules.encode.encoders import choose_encoder, encoder_limits
from av1rules.encode.protect import find_losses
from av1rules.encode.streams import plan_streams
from av1rules.graph.fingerprint import effective, fingerprint
from av1rules.graph.ledger import VerdictKind
from av1rules.graph.planned import PlanAction, PlanRow, Work
from av1rules.graph.stale import TargetState, ToolsUsed, judge
from av1rules.graph.targets import target_path
from av1rules.graph.workspace import Workspace
from av1rules.library.identity import content_key_of
from av1rules.library.source import LibraryFile, Source
from av1rules.library.toolset import EncoderInfo, Tools
from av1rules.rules.match import facts_of
from av1rules.rules.model import OnToolsChange
from av1rules.rules.resolve import Decision, DecisionKind, decide
from av1rules.rules.tier import Classification, classify


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person asked of a plan: some paths (absolute; empty: all), or to redo them anyway."""

    paths: tuple[str, ...] = ()
    force: bool = False

    def covers(self, file: LibraryFile) -> bool:
        if not self.paths:
            return True
        path = file.path
        return any(path == wish or path.startswith(f"{wish}/") for wish in self.paths)


def plan_file(space: Workspace, file: LibraryFile, source: Source, wish: Wish) -> PlanRow:
    """The row of one probed file, before collisions with others are looked for."""
    if source.provenance is not None:
        return _left_alone(file, "made by av1rules: never a source again")
    if source.main is None:
        return _left_alone(file, "no video stream")
    classification = classify(source, file.library_path, space.ruleset.tiers)
    decision = decide(space.ruleset, facts_of(file, source, classification))
    if decision.kind is not DecisionKind.ENCODE:
        return _undone(file, classification, decision)
    return _judged(space, file, source, classification, decision, wish)


def _undone(file: LibraryFile, classification: Classification, decision: Decision) -> PlanRow:
    held = decision.kind is DecisionKind.HOLD
    return PlanRow(
        file=file,
        action=PlanAction.HELD if held else PlanAction.LEFT_ALONE,
        causes=(decision.reason or "no rule matches",),
        rule=decision.rule.name if decision.rule else None,
        source_tier=_tier_name(classification),
        is_lasting=True,
    )


def _judged(
    space: Workspace,
    file: LibraryFile,
    source: Source,
    classification: Classification,
    decision: Decision,
    wish: Wish,
) -> PlanRow:
    assert decision.settings is not None
    settings = effective(decision.settings, source)
    target = target_path(file, space.ruleset.output, settings.container)
    row = PlanRow(
        file=file,
        action=PlanAction.HELD,
        causes=(),
        rule=decision.rule.name if decision.rule else None,
        source_tier=_tier_name(classification),
        target=target,
    )
    try:
        encoder = choose_encoder(settings, space.tools, space.ruleset.tools.preferred_encoder)
    except ToolError as problem:
        return replace(row, action=PlanAction.BLOCKED, causes=(problem.message,))
    streams = plan_streams(source, settings)
    losses = find_losses(source, settings, streams, encoder)
    refused = tuple(loss.message for loss in losses if not loss.accepted)
    if refused:
        return replace(row, causes=refused, is_lasting=True)
    try:
        key = content_key_of(file, space.cache)
    except OSError as problem:
        cause = f"can't be read: {problem.strerror}"
        return replace(row, action=PlanAction.BLOCKED, causes=(cause,))
    work = Work(
        source=source,
        classification=classification,
        decision=decision,
        settings=settings,
        streams=streams,
        losses=losses,
        encoder=encoder,
        content_key=key,
        fingerprint=fingerprint(key, settings),
    )
    return _staled(
        space, replace(row, fingerprint=work.fingerprint, notes=_notes(work)), work, wish
    )


def _staled(space: Workspace, row: PlanRow, work: Work, wish: Wish) -> PlanRow:
    """The row as fresh, as work, or as not worth doing: the ledger decides."""
    assert row.target is not None
    known = space.ledger.find(row.target)
    found = _target_state(row.target, known.target_mtime_ns if known else None)
    if known is None and found is not None:
        cause = (
            "the target exists, but not in the ledger: something else made it; "
            f"move it away to have it made here ({row.target})"
        )
        return replace(row, action=PlanAction.BLOCKED, causes=(cause,))
    forced = wish.force and wish.covers(row.file)
    causes = judge(
        known,
        content_key=work.content_key,
        settings=work.settings,
        origins={name: _place(origin) for name, origin in work.decision.origins},
        found=found,
        tools=tools_used(work.encoder, space.tools),
        redo_on_tools_change=space.ruleset.tools.on_change is OnToolsChange.REDO,
        forced=forced,
    )
    if not causes:
        return replace(row, action=PlanAction.FRESH, causes=("up to date",), is_lasting=True)
    verdict = space.ledger.verdict(work.content_key, work.fingerprint)
    texts = tuple(cause.text for cause in causes)
    if verdict is None or forced:
        return replace(row, action=PlanAction.ENCODE, causes=texts, work=work)
    if verdict.kind is VerdictKind.FAILED:
        times = "once" if verdict.count == 1 else f"{verdict.count} times"
        texts += (f"failed {times} before: {verdict.detail}",)
        return replace(row, action=PlanAction.ENCODE, causes=texts, work=work)
    ratio = (verdict.target_bytes or 0) / max(verdict.source_bytes, 1)
    if ratio <= work.settings.max_size_ratio:
        return replace(row, action=PlanAction.ENCODE, causes=texts, work=work)
    cause = f"{verdict.detail}: not tried again until source or settings change"
    return replace(row, action=PlanAction.LEFT_ALONE, causes=(cause,))


def _place(origin: str) -> str:
    """The file and line of an origin, without the name of the rule or profile that stands there."""
    return origin.partition(" (")[0]


def _target_state(target: str, written_mtime_ns: int | None) -> TargetState | None:
    try:
        stat = os.stat(target)
        touched = written_mtime_ns is not None and stat.st_mtime_ns != written_mtime_ns
        key = content_key(target) if touched else None
    except OSError:
        return None
    return TargetState(size_bytes=stat.st_size, mtime_ns=stat.st_mtime_ns, key=key)


def _notes(work: Work) -> tuple[str, ...]:
    return (
        *(f"accepted: {loss.message}" for loss in work.losses),
        *(step.describe() for step in work.streams.converted),
        *(step.describe() for step in work.streams.dropped if not step.is_loss),
        *encoder_limits(work.settings, work.encoder),
    )


def _left_alone(file: LibraryFile, cause: str) -> PlanRow:
    return PlanRow(file=file, action=PlanAction.LEFT_ALONE, causes=(cause,), is_lasting=True)


def _tier_name(classification: Classification) -> str | None:
    tier = classification.source_tier
    return tier.value if tier else None


def tools_used(encoder: EncoderInfo, tools: Tools) -> ToolsUsed:
    return ToolsUsed(
        ffmpeg=tools.ffmpeg_version, encoder=encoder.name, encoder_version=encoder.version
    )
