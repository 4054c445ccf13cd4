"""The tables of jobs, originals and markers of av1d."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from av1rules.base.text import counted, plural
from av1rules.base.units import format_size
from av1rules.operations.migrate.av1d.beside import MarkedFilm
from av1rules.operations.migrate.av1d.carry import JobOutcome
from av1rules.operations.migrate.av1d.originals import OriginalOutcome, PairState, freed_by
from av1rules.operations.migrate.av1d.prepare import PolicyPlan
from av1rules.operations.migrate.av1d.state import StateOutcome
from av1rules.operations.migrate.files import MigrationFile
from av1rules.report.table import Column


class MigratedPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """One policy of a migration: its plan, what became of jobs and originals, and its files."""

    plan: PolicyPlan
    state: StateOutcome
    files: tuple[MigrationFile, ...]


def _job_text(one: JobOutcome) -> str:
    return f"{one.status.value}: {one.reason}" if one.reason else one.status.value


def _state_text(one: OriginalOutcome) -> str:
    decoded = ", its AV1 file decodes" if one.is_decoded else ""
    return f"{one.state.value}{decoded}"


JOB_COLUMNS: tuple[Column[JobOutcome], ...] = (
    Column(header="film", value=lambda one: one.source, is_name=True),
    Column(header="av1d", value=_job_text),
    Column(header="here", value=lambda one: one.fate),
    Column(header="why", value=lambda one: one.why, is_detail=True),
)

ORIGINAL_COLUMNS: tuple[Column[OriginalOutcome], ...] = (
    Column(header="original", value=lambda one: one.path, is_name=True),
    Column(header="its AV1 file", value=lambda one: one.result, is_name=True),
    Column(header="state", value=_state_text),
    Column(header="why", value=lambda one: one.why, is_detail=True),
)

MARKED_COLUMNS: tuple[Column[MarkedFilm], ...] = (
    Column(header="film", value=lambda one: one.library_path, is_name=True),
    Column(header="marked by", value=lambda one: "the size gate" if one.by_size_gate else "hand"),
    Column(header="note of av1d", value=lambda one: one.why, is_detail=True),
)


def originals_note(originals: Sequence[OriginalOutcome]) -> str:
    ready = [one for one in originals if one.state is PairState.READY]
    adopted = [one for one in originals if one.state is PairState.ADOPTED]
    alone = [one for one in originals if one.state is PairState.ALONE]
    said = []
    if ready:
        size, them = format_size(freed_by(ready)), plural(len(ready), "it", "them")
        said.append(
            f"{counted(len(ready), 'original')} ({size}) beside an AV1 file of av1d: "
            f"`--adopt-originals` moves {them} to the trash of av1rules, and `av1rules undo FILM` "
            "back again. Nothing was moved now."
        )
    if adopted:
        them = plural(len(adopted), "it", "them")
        said.append(
            f"{counted(len(adopted), 'original')} in the trash: `av1rules undo FILM` puts {them} "
            "back. `originals purge` refuses an original whose AV1 file was never verified: "
            "`--decode` decodes that to its end, `--last-copy` gives the original up."
        )
    if alone:
        said.append(
            f"{counted(len(alone), 'original')} without an AV1 file: the only copy of the film. "
            "The rules leave such names alone, so give it back its own name."
        )
    return " ".join(said) or "None can be adopted."
