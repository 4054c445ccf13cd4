"""Everything that led to one row of a plan, gathered for `explain`. A pure read, like the plan."""

from __future__ import annotations

from dataclasses import dataclass

from av1rules.base.errors import UsageError
from av1rules.base.text import printable
from av1rules.encode.argv import build_argv, cover_files, shown_command
from av1rules.encode.encoders import choose_encoder
from av1rules.encode.job import EncodeJob
from av1rules.encode.streams import StreamPlan, plan_streams
from av1rules.graph.fingerprint import effective
from av1rules.graph.plan import build_plan
from av1rules.graph.plan_file import Wish, tools_used
from av1rules.graph.planned import PlanRow
from av1rules.graph.provenance import provenance_json
from av1rules.graph.workspace import Workspace
from av1rules.library.cache import ProbeFailure
from av1rules.library.identity import content_key_of
from av1rules.library.probe import probe_many
from av1rules.library.source import Source
from av1rules.rules.match import RuleVerdict, explain_rules, facts_of
from av1rules.rules.resolve import DecisionKind, decide
from av1rules.rules.settings import EncodeSettings
from av1rules.rules.tier import Classification, classify


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The row and all that was seen on the way to it; None or empty where the way ended before."""

    row: PlanRow
    source: Source | None = None
    classification: Classification | None = None
    rules: tuple[RuleVerdict, ...] = ()
    settings: EncodeSettings | None = None
    origins: tuple[tuple[str, str], ...] = ()
    streams: StreamPlan | None = None
    command: str | None = None


def explain_file(space: Workspace, path: str) -> Explanation:
    """Explain one source by its absolute path. Raises UsageError if it is none of the library."""
    plan = build_plan(space, Wish(paths=(path,)))
    row = next((row for row in plan.rows if row.file.path == path), None)
    if row is None:
        raise UsageError(
            "not a video file of the library",
            where=printable(path),
            hint="is it below library.roots, has it a video extension, is it one of our targets?",
        )
    source = _probed(space, row)
    if source is None:
        return Explanation(row=row)
    classification = classify(source, row.file.library_path, space.ruleset.tiers)
    facts = facts_of(row.file, source, classification)
    decision = decide(space.ruleset, facts)
    rules = explain_rules(space.ruleset.rules, facts)
    if decision.kind is not DecisionKind.ENCODE or decision.settings is None:
        return Explanation(row=row, source=source, classification=classification, rules=rules)
    settings = effective(decision.settings, source)
    return Explanation(
        row=row,
        source=source,
        classification=classification,
        rules=rules,
        settings=settings,
        origins=decision.origins,
        streams=plan_streams(source, settings),
        command=_command(space, row, source, settings),
    )


def _probed(space: Workspace, row: PlanRow) -> Source | None:
    probed = probe_many(
        [row.file],
        space.tools,
        space.cache,
        jobs=1,
        timeout_s=space.ruleset.run.probe_timeout_s,
        children=space.children,
    )
    for _file, source in probed:
        return None if isinstance(source, ProbeFailure) else source
    return None


def _command(
    space: Workspace, row: PlanRow, source: Source, settings: EncodeSettings
) -> str | None:
    """The command as it would be run. Only what a run makes up stands as a word: the names of
    temporary files, and the digest of a source that was never read whole."""
    if row.target is None or source.main is None:
        return None
    encoder = choose_encoder(settings, space.tools, space.ruleset.tools.preferred_encoder)
    key = content_key_of(row.file, space.cache)
    known = space.ledger.find(row.target)
    digest = known.source_digest if known and known.content_key == key else "DIGEST-OF-THE-SOURCE"
    job = EncodeJob(
        source_path=row.file.path,
        source=source,
        settings=settings,
        encoder=encoder,
        target=row.target,
        provenance=provenance_json(
            digest=digest,
            content_key=key,
            size_bytes=row.size_bytes,
            settings=settings,
            tools=tools_used(encoder, space.tools),
        ),
        library_path=row.file.library_path,
        threads=space.ruleset.run.threads_per_job,
    )
    covers = cover_files(job, "TEMPORARY-FOLDER")
    output = f"TEMPORARY-FOLDER/part.{settings.container}"
    return shown_command(build_argv(job, ffmpeg=space.tools.ffmpeg, output=output, covers=covers))
