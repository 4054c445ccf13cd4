"""Adds targets found on disk to the ledger, by their tags: after the ledger was lost or restored
from an older copy, the library moved to another machine, or a target was edited.

Each file is checked first; one that fails is reported and left alone. Only the ledger is
written, and the receipts of renamed targets.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Sequence
from enum import Enum

import msgspec

from av1rules.base.errors import Av1rulesError, RunInterruptedError
from av1rules.base.events import CheckStarted, FileChecked, JobProgress, Outcome, Sink
from av1rules.base.findings import FilmFinding, FindingKind
from av1rules.base.hashing import file_digest, head_key
from av1rules.encode.decode_check import target_problem
from av1rules.execute.move import follow_moved
from av1rules.execute.session import Session
from av1rules.ledger.moved import NOTHING_MOVED
from av1rules.ledger.provenance import Provenance
from av1rules.ledger.records import TargetRow
from av1rules.media.cache import content_key_of, lone_file
from av1rules.media.discover import WalkProblem
from av1rules.media.source import LibraryFile, Source
from av1rules.media.truncation import missing_part
from av1rules.operations.adopt.check import (
    NO_VIDEO,
    SourceComparison,
    compare_with_source,
    read_provenance_tag,
    video_of,
)
from av1rules.operations.adopt.find import AdoptedOrigin, SourceIndex, TrashIndex
from av1rules.operations.adopt.record import TrashedOriginal, row_of, write_row
from av1rules.operations.adopt.rest import unknown_stand_ins
from av1rules.operations.verify_targets import decode_progress
from av1rules.plan.evaluate import evaluate
from av1rules.plan.moved.find import find_moved, listed
from av1rules.plan.moved.places import former_place, in_library, target_files
from av1rules.plan.workspace import Workspace, probe_files
from av1rules.policy.model import OutputMode
from av1rules.policy.settings import Loss


class AdoptKind(Enum):
    ADOPTED = "adopted"  # the ledger did not know it
    RENEWED = "renewed"  # the ledger knew it, before somebody edited it
    RENAMED = "renamed"  # the ledger knew it by another name
    REFUSED = "refused"


class AdoptOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`paths` are files or folders (absolute; none: all folders of targets). `digest` compares
    whole sources, `decode` decodes the targets, `is_dry` writes nothing."""

    paths: tuple[str, ...] = ()
    digest: bool = False
    decode: bool = False
    is_dry: bool = False


class Adoption(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome for one file. `source` is its library path, `original` the path of its original
    in the trash, `reason` why it was refused."""

    target: str
    kind: AdoptKind
    source: str | None = None
    original: str | None = None
    reason: str | None = None
    notes: tuple[str, ...] = ()


class AdoptReport(msgspec.Struct, frozen=True, kw_only=True):
    """Every target found, in the order of the walk; `known` others are in the ledger unchanged."""

    adoptions: tuple[Adoption, ...]
    known: int
    problems: tuple[str, ...] = ()
    stand_ins: int = 0  # links and copies of a complete mirror

    def of(self, kind: AdoptKind) -> tuple[Adoption, ...]:
        return tuple(item for item in self.adoptions if item.kind is kind)


def record_adoptions(report: AdoptReport, session: Session) -> None:
    """Count what was adopted in the record of the run, and name what was refused."""
    refused: list[tuple[FilmFinding, str]] = []
    for item in report.adoptions:
        if item.kind is not AdoptKind.REFUSED:
            session.counters.add(Outcome.ADOPTED)
            continue
        session.counters.add(Outcome.REFUSED)
        detail = item.reason or ""
        refused.append((FilmFinding(film=item.target, kind=FindingKind.REFUSED, detail=detail), ""))
    session.recorder.tell_all(refused)


_COMPARED_TOGETHER = 500
"""Files that are compared with the ledger by one query."""


class _Context(msgspec.Struct, frozen=True, kw_only=True):
    """The context of one adoption, shared by all its files."""

    workspace: Workspace
    request: AdoptOptions
    sink: Sink
    sources: SourceIndex
    trash: TrashIndex
    stand_ins: frozenset[str]


def adopt(workspace: Workspace, request: AdoptOptions, *, sink: Sink) -> AdoptReport:
    """Adopt all targets that are found. Unless it is a dry run, `workspace.ledger` is open to write
    and the caller holds the run lock. Raises RunInterruptedError; what was adopted until then is in
    the ledger."""
    stand_ins = tuple(unknown_stand_ins(workspace, request.paths))
    if stand_ins and not request.is_dry:
        workspace.ledger.stand_ins.settle(stand_ins, begun=())
    context = _Context(
        workspace=workspace,
        request=request,
        sink=sink,
        sources=SourceIndex(workspace),
        trash=TrashIndex(workspace),
        stand_ins=frozenset(row.path for row in stand_ins),
    )
    unknown, known, problems = _unknown(context)
    found = _renamed(context, unknown)
    tagged = _tagged(context, [file for file in unknown if file.path not in found])
    size_bytes = sum(file.stat.size_bytes for file, _ in tagged)
    sink(CheckStarted(files=len(tagged), known=known, size_bytes=size_bytes))
    for file, target in tagged:
        found[file.path] = _decided(context, file, target)
    ordered = tuple(found[file.path] for file in unknown if file.path in found)
    return AdoptReport(
        adoptions=ordered, known=known, problems=tuple(problems), stand_ins=len(stand_ins)
    )


def _unknown(context: _Context) -> tuple[list[LibraryFile], int, list[str]]:
    """The files to look at, how many others the ledger has as they are, and the folders that can't
    be read."""
    unknown: list[LibraryFile] = []
    problems: list[str] = []
    known = 0
    steps = target_files(context.workspace.ruleset, context.request.paths)
    while some := list(itertools.islice(steps, _COMPARED_TOGETHER)):
        context.workspace.children.check()
        files = [step for step in some if isinstance(step, LibraryFile)]
        problems += (
            f"{step.path}: {step.message}" for step in some if isinstance(step, WalkProblem)
        )
        changed = _changed(context, files)
        known += len(files) - len(changed)
        # Only of these: most files of a mirror are targets as the ledger has them.
        unknown += (file for file in changed if not _is_stand_in(context, file.path))
    return unknown, known, problems


def _changed(context: _Context, files: Sequence[LibraryFile]) -> list[LibraryFile]:
    """The files that are not an unchanged target in the ledger. The new mtime of a target that was
    only touched is recorded."""
    ledger = context.workspace.ledger
    written = ledger.written([file.path for file in files])
    unknown: list[LibraryFile] = []
    touched: dict[str, int] = {}
    for file in files:
        row, stat = written.get(file.path), file.stat
        if row is None or row.target_bytes != stat.size_bytes:
            unknown.append(file)
        elif row.target_mtime_ns != stat.mtime_ns:
            if content_key_of(file, context.workspace.cache) == row.target_key:
                touched[file.path] = stat.mtime_ns
            else:
                unknown.append(file)
    if touched and not context.request.is_dry:
        ledger.set_mtimes(touched)
    return unknown


def _is_stand_in(context: _Context, path: str) -> bool:
    if path in context.stand_ins:
        return True
    return context.workspace.ledger.stand_ins.standing(path) is not None


def _tagged(context: _Context, files: Sequence[LibraryFile]) -> list[tuple[LibraryFile, Source]]:
    """The files whose tag says that av1rules made them."""
    tagged = []
    for file, source in probe_files(context.workspace, files, context.sink):
        context.workspace.children.check()
        if isinstance(source, Source) and source.provenance is not None:
            tagged.append((file, source))
    return tagged


def _renamed(context: _Context, files: Sequence[LibraryFile]) -> dict[str, Adoption]:
    """The files that are known targets under new names, which the ledger has from now on. A plan
    moves those of a mirror back."""
    workspace, ledger = context.workspace, context.workspace.ledger
    sizes = ledger.target_sizes() if files else frozenset()
    alike = [listed(file) for file in files if file.stat.size_bytes in sizes]
    moved = find_moved(workspace, tuple(ledger.targets()), alike) if alike else NOTHING_MOVED
    if not context.request.is_dry:
        moved = follow_moved(moved, ledger, workspace.ruleset.output)
    return {
        one.now.target: Adoption(
            target=one.now.target,
            kind=AdoptKind.RENAMED,
            source=one.now.source,
            notes=(f"was {one.was.target}",),
        )
        for one in moved.targets
    }


def _decided(context: _Context, file: LibraryFile, target: Source) -> Adoption:
    """Adopt or refuse one file, and report it."""
    started = time.monotonic()
    try:
        done = _adopted(context, file, target)
    except RunInterruptedError:
        raise
    except Av1rulesError as problem:
        reason = problem.message.partition("\n")[0]
        done = Adoption(target=file.path, kind=AdoptKind.REFUSED, reason=reason)
    except OSError as problem:
        reason = f"can't be read: {problem.strerror}"
        done = Adoption(target=file.path, kind=AdoptKind.REFUSED, reason=reason)
    elapsed_s = time.monotonic() - started
    context.sink(FileChecked(target=file.path, fault=done.reason, elapsed_s=elapsed_s))
    return done


def _adopted(context: _Context, file: LibraryFile, target: Source) -> Adoption:
    """Check one file and add it to the ledger. Raises Av1rulesError with the reason if it is
    refused, and OSError."""
    tag = read_provenance_tag(target.provenance or "")
    if tag.provenance is None:
        raise Av1rulesError(tag.problem or "its tag is empty")
    provenance, known = tag.provenance, context.workspace.ledger.find(file.path)
    _require_sound(context, file, target, provenance, known)
    origin, place = _origin(context, file, provenance)
    compared = _compared(context, provenance, origin, target)
    _require_none(compared.problem)
    _require_none(_decode_problem(context, file, provenance, origin))
    if not context.request.is_dry:
        context.sink(JobProgress(target=file.path, phase="digest"))
        row = row_of(file, provenance, known, place, check=context.workspace.children.check)
        original = None
        if origin is not None and origin.is_in_trash:
            original = TrashedOriginal(path=origin.path, facts=_probed(context, origin))
        write_row(context.workspace.ledger, row, original)
    return Adoption(
        target=file.path,
        kind=AdoptKind.ADOPTED if known is None else AdoptKind.RENEWED,
        source=(place if origin is None else origin.file).library_path,
        original=origin.path if origin is not None and origin.is_in_trash else None,
        notes=compared.notes,
    )


def _require_none(problem: str | None) -> None:
    if problem is not None:
        raise Av1rulesError(problem)


def _require_sound(
    context: _Context,
    file: LibraryFile,
    target: Source,
    provenance: Provenance,
    known: TargetRow | None,
) -> None:
    """Raise Av1rulesError if the file is truncated or damaged, as far as that shows without
    decoding."""
    if video_of(target) is None:
        raise Av1rulesError(NO_VIDEO)
    _require_none(missing_part(file.path))
    is_same_source = known is not None and known.source_digest == provenance.source_digest
    if known is not None and is_same_source and head_key(file.path) == known.target_head:
        raise Av1rulesError("it is damaged: its head is as it was written, the rest is not")


def _origin(
    context: _Context, file: LibraryFile, provenance: Provenance
) -> tuple[AdoptedOrigin | None, LibraryFile]:
    """The source's file, and its place in the library when the target was made. Raises
    Av1rulesError if there must be a source and there is none."""
    if context.workspace.ruleset.output.mode is not OutputMode.REPLACE:
        origin = context.sources.find(provenance, file.path)
        if origin is None:
            raise Av1rulesError("its source is not in the library")
        container = provenance.settings.container
        return origin, former_place(context.workspace.ruleset, origin.file, file.path, container)
    original = _origin_in_trash(context, file.path, provenance.content_key)
    original = original or context.trash.find(provenance, file.path)
    if original is not None:
        return original, original.file
    home = in_library(context.workspace.ruleset, file.path)
    if home is None:
        raise Av1rulesError("it is in none of the library's roots")
    name, root, below = home
    return None, LibraryFile(root_name=name, root=root, relative_path=below, stat=file.stat)


def _origin_in_trash(context: _Context, target: str, content_key: str) -> AdoptedOrigin | None:
    """The original that the ledger knows, if it is still in the trash."""
    kept = context.workspace.ledger.kept.original_of(target, content_key)
    if kept is None or kept.gone_at is not None or not os.path.isfile(kept.path):
        return None
    home = in_library(context.workspace.ruleset, kept.row.source_path)
    if home is None:
        return None
    name, root, below = home
    stat = lone_file(kept.path).stat
    file = LibraryFile(root_name=name, root=root, relative_path=below, stat=stat)
    return AdoptedOrigin(file=file, path=kept.path)


def _compared(
    context: _Context, provenance: Provenance, origin: AdoptedOrigin | None, target: Source
) -> SourceComparison:
    """Compare the target with its source, if that can be read."""
    if origin is None:
        return SourceComparison(notes=("its original is gone: not compared",))
    workspace = context.workspace
    source = _probed(context, origin)
    if source is None:
        return SourceComparison(notes=("its source can't be read as video: not compared",))
    evaluation = evaluate(workspace, origin.file, source, content_key=provenance.content_key)
    accept = evaluation.recipe.settings.accept if evaluation.recipe is not None else frozenset()
    return compare_with_source(
        provenance, source, target, workspace.tools, accepts_damage=Loss.DAMAGE in accept
    )


def _probed(context: _Context, origin: AdoptedOrigin) -> Source | None:
    file = lone_file(origin.path) if origin.is_in_trash else origin.file
    ((_, source),) = probe_files(context.workspace, (file,))
    return source if isinstance(source, Source) else None


def _decode_problem(
    context: _Context, file: LibraryFile, provenance: Provenance, origin: AdoptedOrigin | None
) -> str | None:
    """The checks that read all of source or target."""
    workspace, request = context.workspace, context.request
    if request.digest and origin is not None:
        context.sink(JobProgress(target=file.path, phase="digest"))
        if file_digest(origin.path, check=workspace.children.check) != provenance.source_digest:
            return f"its source is not what it was made of, by digest: {origin.path}"
    if not request.decode:
        return None
    return target_problem(
        file.path,
        tools=workspace.tools,
        children=workspace.children,
        on_sample=lambda sample: context.sink(decode_progress(sample, target=file.path)),
    )
