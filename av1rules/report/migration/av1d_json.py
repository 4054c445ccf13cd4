"""A migration from av1d as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from av1rules.operations.migrate.av1d.originals import PairState
from av1rules.operations.migrate.av1d.prepare import Av1dPlan
from av1rules.operations.migrate.outcome import KeyOutcome
from av1rules.report.documents.migration import (
    Av1dMigrationDocument,
    MarkedFile,
    MigratedConfigFile,
    MigratedFile,
    MigratedJob,
    MigratedKey,
    MigratedLibrary,
    MigratedOriginal,
    MigratedUnitFile,
    UnreadJobFile,
)
from av1rules.report.json import json_document
from av1rules.report.migration.tables import MigratedPolicy


def migration_json(plan: Av1dPlan, policies: Sequence[MigratedPolicy], *, is_dry: bool) -> str:
    """The document of `migrate av1d`."""
    document = Av1dMigrationDocument(
        ok=is_well(policies),
        dry_run=is_dry,
        changes=sum(policy.state.changes for policy in policies),
        configs=tuple(
            MigratedConfigFile(
                file=one.config.file, form=one.config.form, keys=typed_keys(one.keys)
            )
            for one in plan.configs
        ),
        units=tuple(
            MigratedUnitFile(
                name=one.unit.name,
                files=one.unit.files,
                config=one.config,
                lines=typed_keys(one.lines),
            )
            for one in plan.units
        ),
        policies=tuple(map(_library, policies)),
        unread_jobs=tuple(
            UnreadJobFile(path=one.path, problem=one.problem) for one in plan.job_files.unread
        ),
        strays=tuple(job.source_path for job in plan.strays),
        commands=plan.commands,
        overlaps=plan.overlaps,
    )
    return json_document(document)


def is_well(policies: Iterable[MigratedPolicy]) -> bool:
    """Whether all could be looked at, and nothing that was asked for was refused."""
    return not any(
        policy.state.problem
        or policy.plan.finds.problems
        or any(one.state is PairState.REFUSED for one in policy.state.originals)
        for policy in policies
    )


def typed_keys(keys: Iterable[KeyOutcome]) -> tuple[MigratedKey, ...]:
    """Keys in the form of a document."""
    return tuple(
        MigratedKey(
            key=one.key,
            value=one.value,
            fate=one.fate,
            here=one.ours,
            why=one.why,
            place=one.place,
            default=one.default,
        )
        for one in keys
    )


def _library(policy: MigratedPolicy) -> MigratedLibrary:
    plan, state, finds = policy.plan, policy.state, policy.plan.finds
    return MigratedLibrary(
        folder=plan.folder,
        roots=tuple(path for _, path in plan.draft.roots),
        configs=tuple(config.file for config in plan.draft.configs),
        files=tuple(MigratedFile(path=one.path, state=one.state) for one in policy.files),
        films=finds.films,
        jobs=tuple(
            MigratedJob(
                source=one.source,
                status=one.status,
                reason=one.reason,
                fate=one.fate,
                why=one.why,
                new=one.is_new,
            )
            for one in state.jobs
        ),
        originals=tuple(
            MigratedOriginal(
                path=one.path,
                result=one.result,
                state=one.state,
                why=one.why,
                decoded=one.is_decoded,
                new=one.is_new,
                size_bytes=one.frees_bytes,
            )
            for one in state.originals
        ),
        marked=tuple(
            MarkedFile(
                library_path=one.library_path,
                marker=one.marker,
                by_size_gate=one.by_size_gate,
                why=one.why,
            )
            for one in finds.marked
        ),
        unfinished=finds.unfinished,
        reports=finds.reports,
        problem=state.problem,
        problems=finds.problems,
    )
