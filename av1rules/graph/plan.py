"""What a run would do and why: discover, probe, classify, match, resolve, judge. A pure read.

Writes nothing but caches: no target, no ledger row, nothing that changes what is stale.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from av1rules.base.digest import content_key
from av1rules.base.errors import ToolError
from av1rules.encode.encoders import choose_encoder, encoder_limits
from av1rules.encode.protect import find_losses
from av1rules.encode.streams import plan_streams
from av1rules.graph.fingerprint import effective, fingerprint
from av1rules.graph.glance import Glance, Remembered
from av1rules.graph.ledger import VerdictKind
from av1rules.graph.ledger_rows import tools_json
from av1rules.graph.planned import Plan, PlanAction, PlanRow, Work
from av1rules.graph.stale import TargetState, ToolsUsed, judge
from av1rules.graph.targets import block_collisions, target_path
from av1rules.graph.workspace import Workspace
from av1rules.library.cache import ProbeFailure
from av1rules.library.discover import VIDEO_EXTENSIONS, Found, SetAside, WalkProblem, walk
from av1rules.library.identity import content_key_of
from av1rules.library.probe import probe_many
from av1rules.library.source import LibraryFile, Source
from av1rules.library.toolset import EncoderInfo, Tools
from av1rules.rules.match import facts_of
from av1rules.rules.model import OnToolsChange, OutputMode
from av1rules.rules.resolve import Decision, DecisionKind, decide
from av1rules.rules.tier import Classification, classify

SET_ASIDE_TEXTS = {
    SetAside.EXCLUDED: "excluded by library.include or library.exclude",
    SetAside.TOO_SMALL: "smaller than library.min_size",
    SetAside.SETTLING: "written to within library.settle: left for next time",
    SetAside.MARKED: "marked with .av1skip",
}


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


def build_plan(space: Workspace, wish: Wish = Wish()) -> Plan:
    """The plan for the library of `space`. Raises ToolError if no tools can probe it."""
    glance = Glance.load(space.state_dir, space.policy_digest)
    found, problems = _discover(space)
    chosen = _with_rivals(found, wish)
    rows, unknown, other_tools = _glance_over(space, chosen, glance, wish)
    rows.update((row.file.path, row) for row in _look_at(space, unknown, wish))
    ordered = block_collisions(rows[item.file.path] for item in chosen)
    glance.keep(ordered, whole=not wish.paths)
    return Plan(
        rows=tuple(row for row in ordered if wish.covers(row.file)),
        problems=tuple(problems),
        other_tools=other_tools,
    )


def _discover(space: Workspace) -> tuple[list[Found], list[str]]:
    library, output = space.ruleset.library, space.ruleset.output
    ours = space.ledger.target_paths() if output.mode is OutputMode.BESIDE else frozenset()
    pruned = [str(space.state_dir), *(str(path) for path in (output.root, output.temp_dir) if path)]
    steps = walk(
        [(root.name, str(root.path)) for root in library.roots],
        include=library.include,
        exclude=library.exclude,
        extensions=frozenset(library.extensions) or VIDEO_EXTENSIONS,
        min_size=library.min_size,
        settle_s=library.settle_s,
        now_s=time.time(),
        excluded_folders=pruned,
        excluded_files=ours,
    )
    found: list[Found] = []
    problems: list[str] = []
    for step in steps:
        if isinstance(step, WalkProblem):
            problems.append(f"{step.path}: {step.message}")
        else:
            found.append(step)
    return found, problems


def _with_rivals(found: list[Found], wish: Wish) -> list[Found]:
    """The files wished for, and those of the same stem: they might claim the same target."""
    if not wish.paths:
        return found
    wanted = {_stem(item.file) for item in found if wish.covers(item.file)}
    return [item for item in found if _stem(item.file) in wanted]


def _stem(file: LibraryFile) -> str:
    return os.path.splitext(file.path)[0]


def _glance_over(
    space: Workspace, found: Iterable[Found], glance: Glance, wish: Wish
) -> tuple[dict[str, PlanRow], list[LibraryFile], int]:
    """Rows that need no look inside the file, the files that do, and how many targets were made
    with other tools."""
    rows: dict[str, PlanRow] = {}
    unknown: list[LibraryFile] = []
    known = space.ledger.glance()
    current = _tools_texts(space.tools)
    redo = space.ruleset.tools.on_change is OnToolsChange.REDO
    other_tools = 0
    for item in found:
        file = item.file
        if item.set_aside is not None:
            rows[file.path] = _left_alone(file, SET_ASIDE_TEXTS[item.set_aside])
            continue
        seen = None if wish.force else glance.find(file)
        if seen is None:
            unknown.append(file)
            continue
        if seen.action is PlanAction.FRESH:
            made_with = _still_fresh(seen, known)
            is_other = made_with is not None and made_with not in current
            if made_with is None or (is_other and redo):
                unknown.append(file)
                continue
            other_tools += is_other
        rows[file.path] = _recall(file, seen)
    return rows, unknown, other_tools


def _still_fresh(seen: Remembered, known: dict[bytes, tuple[str, int, int, str]]) -> str | None:
    """The tools a target was made with, if ledger and disk still agree that it is fresh."""
    row = known.get(seen.target) if seen.target is not None else None
    if row is None or row[0] != seen.fingerprint:
        return None
    try:
        stat = os.stat(seen.target)  # type: ignore[arg-type]  # the row exists, so it is no None
    except OSError:
        return None
    return row[3] if (stat.st_size, stat.st_mtime_ns) == row[1:3] else None


def _recall(file: LibraryFile, seen: Remembered) -> PlanRow:
    return PlanRow(
        file=file,
        action=seen.action,
        causes=seen.causes,
        rule=seen.rule,
        source_tier=seen.source_tier,
        target=None if seen.target is None else os.fsdecode(seen.target),
        fingerprint=seen.fingerprint,
        notes=seen.notes,
    )


def _look_at(space: Workspace, files: Sequence[LibraryFile], wish: Wish) -> Iterator[PlanRow]:
    probed = probe_many(
        files,
        space.tools,
        space.cache,
        jobs=os.cpu_count() or 1,
        timeout_s=space.ruleset.run.probe_timeout_s,
        children=space.children,
    )
    for file, source in probed:
        if isinstance(source, ProbeFailure):
            cause = f"can't be read as video: {source.message}"
            yield PlanRow(file=file, action=PlanAction.BLOCKED, causes=(cause,))
        else:
            yield plan_file(space, file, source, wish)


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
        return replace(row, causes=refused)
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
        return replace(row, action=PlanAction.FRESH, causes=("up to date",))
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
    return PlanRow(file=file, action=PlanAction.LEFT_ALONE, causes=(cause,))


def _tier_name(classification: Classification) -> str | None:
    tier = classification.source_tier
    return tier.value if tier else None


def tools_used(encoder: EncoderInfo, tools: Tools) -> ToolsUsed:
    return ToolsUsed(
        ffmpeg=tools.ffmpeg_version, encoder=encoder.name, encoder_version=encoder.version
    )


def _tools_texts(tools: Tools) -> frozenset[str]:
    return frozenset(tools_json(tools_used(encoder, tools)) for encoder in tools.encoders)


def count_causes(rows: Iterable[PlanRow]) -> list[tuple[str, int]]:
    """How often each cause occurs, most frequent first: for summaries of many rows."""
    return Counter(cause for row in rows for cause in row.causes).most_common()
