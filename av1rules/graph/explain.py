"""Everything that led to one row of a plan, gathered for `explain`. A pure read, like the plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from av1rules.base.errors import UsageError
from av1rules.base.text import printable
from av1rules.encode.argv import build_argv, cover_files, shown_command
from av1rules.encode.job import EncodeJob
from av1rules.graph.fingerprint import fingerprint
from av1rules.graph.look import Look, Making, look_at
from av1rules.graph.plan import build_plan, probe_files
from av1rules.graph.plan_replaced import look_at_original
from av1rules.graph.planned import PlanRow
from av1rules.graph.preparation import grain_of, known_settings
from av1rules.graph.provenance import provenance_json
from av1rules.graph.scope import Wish
from av1rules.graph.stale import tools_used
from av1rules.graph.workspace import Workspace
from av1rules.library.cache import ProbeFailure
from av1rules.library.identity import content_key_of
from av1rules.review.approvals import adjustments_for
from av1rules.rules.match import RuleVerdict, explain_rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The row and all that was seen on the way to it; None or empty where the way ended before."""

    row: PlanRow
    look: Look | None = None
    rules: tuple[RuleVerdict, ...] = ()
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
    original = look_at_original(space, row.file) if row.target == path else None
    if original is not None:  # our own result, in the place of the source it is explained by
        known = original.known
        origin = _Origin(original.kept.path, known.content_key, known.source_bytes)
        look = original.look
    else:
        ((_, source),) = probe_files(space, [row.file])
        if isinstance(source, ProbeFailure):
            return Explanation(row=row)
        origin = _Origin(path, content_key_of(row.file, space.cache), row.size_bytes)
        look = look_at(
            row.file,
            source,
            ruleset=space.ruleset,
            tools=space.tools,
            adjusted=adjustments_for(space.book, origin.content_key),
            grain=grain_of(space, origin.content_key),
        )
    if look.making is not None:
        look = replace(look, making=_known(space, origin.content_key, look.making))
    return Explanation(
        row=row,
        look=look,
        rules=explain_rules(space.ruleset.rules, look.facts),
        command=None if look.making is None else _command(space, row, look, look.making, origin),
    )


def _known(space: Workspace, content_key: str, making: Making) -> Making:
    whole = fingerprint(content_key, making.settings)
    return replace(making, settings=known_settings(space, content_key, making, whole))


class _Origin(NamedTuple):
    """The file that the command would read."""

    path: str
    content_key: str
    size_bytes: int


def _command(
    space: Workspace, row: PlanRow, look: Look, making: Making, origin: _Origin
) -> str | None:
    """The command as it would be run. Only what a run makes up stands as a word: the names of
    temporary files, and the digest of a source that was never read whole."""
    if row.target is None or look.source.main is None or making.encoder is None:
        return None
    known = space.ledger.find(row.target)
    is_known = known is not None and known.content_key == origin.content_key
    digest = known.source_digest if known and is_known else "DIGEST-OF-THE-SOURCE"
    job = EncodeJob(
        source_path=origin.path,
        source=look.source,
        settings=making.settings,
        encoder=making.encoder,
        target=row.target,
        provenance=provenance_json(
            digest=digest,
            content_key=origin.content_key,
            size_bytes=origin.size_bytes,
            settings=making.settings,
            tools=tools_used(making.encoder, space.tools),
        ),
        library_path=row.file.library_path,
        threads=space.ruleset.run.threads_per_job,
    )
    covers = cover_files(job, "TEMPORARY-FOLDER")
    output = f"TEMPORARY-FOLDER/part.{making.settings.container}"
    return shown_command(build_argv(job, ffmpeg=space.tools.ffmpeg, output=output, covers=covers))
