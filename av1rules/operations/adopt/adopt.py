"""Takes targets found on disk into the ledger by what their tags say: after the ledger was lost, or
restored from an older copy, or the library moved to another machine, or a target was edited.

What can be checked is checked first; a file that fails is told and left alone. Reads files and
writes the ledger, nothing else.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from enum import Enum

import msgspec
from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError, RunInterruptedError
from av1rules.base.events import CheckStarted, FileChecked, JobProgress, Probing, Sink
from av1rules.base.hashing import file_digest, head_key
from av1rules.encode.decode_check import target_problem
from av1rules.ledger.provenance import Provenance
from av1rules.ledger.records import TargetRow
from av1rules.media.cache import content_key_of, lone_file
from av1rules.media.source import LibraryFile, Source
from av1rules.media.truncation import missing_part
from av1rules.operations.adopt.check import (
    NO_PICTURES,
    SourceComparison,
    compare_with_source,
    picture_of,
    read_provenance_tag,
)
from av1rules.operations.adopt.find import (
    Origin,
    SourceIndex,
    TrashIndex,
    former_place,
    in_library,
    renamed_from,
    target_files,
)
from av1rules.operations.adopt.record import TrashedOriginal, row_of, write_row
from av1rules.operations.verify_targets import decode_progress
from av1rules.plan.evaluate import evaluate
from av1rules.plan.workspace import Workspace, probe_files
from av1rules.policy.model import OutputMode
from av1rules.policy.settings import Loss


class AdoptKind(Enum):
    ADOPTED = "adopted"  # the ledger did not know it
    RENEWED = "renewed"  # the ledger knew it, before somebody edited it
    RENAMED = "renamed"  # the ledger knew it by another name
    REFUSED = "refused"


class AdoptOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`paths` are files or folders (absolute; none: all places of targets). `digest` compares whole
    sources, `decode` plays the targets; `is_dry` writes nothing."""

    paths: tuple[str, ...] = ()
    digest: bool = False
    decode: bool = False
    is_dry: bool = False


class Adoption(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one file. `source` is its library path, `original` what lies aside for it,
    `reason` why it was refused, `notes` what else to know."""

    target: str
    kind: AdoptKind
    source: str | None = None
    original: str | None = None
    reason: str | None = None
    notes: tuple[str, ...] = ()


class AdoptReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of ours that was found, in the order of the walk; `known` more are in the ledger
    as they are."""

    adoptions: tuple[Adoption, ...]
    known: int
    problems: tuple[str, ...] = ()

    def of(self, kind: AdoptKind) -> tuple[Adoption, ...]:
        return tuple(item for item in self.adoptions if item.kind is kind)


class _Context(msgspec.Struct, frozen=True, kw_only=True):
    """What every file of one adoption needs."""

    workspace: Workspace
    request: AdoptOptions
    sink: Sink
    sources: SourceIndex
    trash: TrashIndex


def adopt(workspace: Workspace, request: AdoptOptions, *, sink: Sink) -> AdoptReport:
    """Adopt what is found. `space.ledger` is open to write, under the run lock, unless it is a dry
    run. Raises RunInterruptedError; what was adopted until then is in the ledger."""
    work = _Context(
        workspace=workspace,
        request=request,
        sink=sink,
        sources=SourceIndex(workspace),
        trash=TrashIndex(workspace),
    )
    files, problems = target_files(workspace, request.paths)
    unknown = _unknown(work, files)
    found: dict[str, Adoption] = {}
    sizes = frozenset(row.target_bytes for row in workspace.ledger.rows())
    for file in unknown:
        with contextlib.suppress(OSError):  # then it can't be probed either, and is not ours
            if (row := renamed_from(workspace, file, sizes)) is not None:
                found[file.path] = _rename(work, file, row)
    tagged = _tagged(work, [file for file in unknown if file.path not in found])
    size_bytes = sum(file.stat.size_bytes for file, _ in tagged)
    known = len(files) - len(unknown)
    sink(CheckStarted(files=len(tagged), known=known, size_bytes=size_bytes))
    for file, target in tagged:
        found[file.path] = _decided(work, file, target)
    ordered = tuple(found[file.path] for file in files if file.path in found)
    return AdoptReport(adoptions=ordered, known=known, problems=tuple(problems))


def _unknown(work: _Context, files: Sequence[LibraryFile]) -> list[LibraryFile]:
    """The files that are no target as the ledger has it; a target that was only touched is one, and
    its new time is kept."""
    ledger = work.workspace.ledger
    unknown: list[LibraryFile] = []
    touched: dict[str, int] = {}
    for file in files:
        row, stat = ledger.find(file.path), file.stat
        if row is None or row.target_bytes != stat.size_bytes:
            unknown.append(file)
        elif row.target_mtime_ns != stat.mtime_ns:
            if content_key_of(file, work.workspace.cache) == row.target_key:
                touched[file.path] = stat.mtime_ns
            else:
                unknown.append(file)
    if touched and not work.request.is_dry:
        ledger.set_mtimes(touched)
    return unknown


def _tagged(work: _Context, files: Sequence[LibraryFile]) -> list[tuple[LibraryFile, Source]]:
    """The files that say that av1rules made them."""
    tagged = []
    for done, (file, source) in enumerate(probe_files(work.workspace, files), start=1):
        work.sink(Probing(done=done, total=len(files)))
        work.workspace.children.check()
        if isinstance(source, Source) and source.provenance is not None:
            tagged.append((file, source))
    return tagged


def _rename(work: _Context, file: LibraryFile, row: TargetRow) -> Adoption:
    """The row of a target follows its file. Where it took the place of its source, the name of that
    follows too: what `undo` puts back gets the new name. Elsewhere a plan puts the target back."""
    ruleset, ledger = work.workspace.ruleset, work.workspace.ledger
    has_replaced = row.source_path == row.target or ledger.kept.of_target(row.target) is not None
    source, source_path = row.source, row.source_path
    if has_replaced:
        source_path = f"{os.path.splitext(file.path)[0]}{os.path.splitext(row.source_path)[1]}"
        home = in_library(ruleset, source_path)
        source = row.source if home is None else f"{home[0]}/{home[2]}"
    elif (home := in_library(ruleset, row.source_path)) is not None:
        now = LibraryFile(root_name=home[0], root=home[1], relative_path=home[2], stat=file.stat)
        was = former_place(ruleset, now, file.path, row.settings.container)
        source, source_path = was.library_path, was.path
    new = replace(row, target=file.path, source=source, source_path=source_path)
    if not work.request.is_dry:
        ledger.kept.relink(row.target, replace(new, target_mtime_ns=file.stat.mtime_ns))
    return Adoption(
        target=file.path,
        kind=AdoptKind.RENAMED,
        source=source if has_replaced else row.source,
        notes=(f"was {row.target}",),
    )


def _decided(work: _Context, file: LibraryFile, target: Source) -> Adoption:
    """One file, adopted or refused; told to the sink."""
    started = time.monotonic()
    try:
        done = _adopted(work, file, target)
    except RunInterruptedError:
        raise
    except Av1rulesError as problem:
        reason = problem.message.partition("\n")[0]
        done = Adoption(target=file.path, kind=AdoptKind.REFUSED, reason=reason)
    except OSError as problem:
        reason = f"can't be read: {problem.strerror}"
        done = Adoption(target=file.path, kind=AdoptKind.REFUSED, reason=reason)
    elapsed_s = time.monotonic() - started
    work.sink(FileChecked(target=file.path, fault=done.reason, elapsed_s=elapsed_s))
    return done


def _adopted(work: _Context, file: LibraryFile, target: Source) -> Adoption:
    """Check one file and take it into the ledger. Raises Av1rulesError with the reason if it must
    not be, OSError."""
    claim = read_provenance_tag(target.provenance or "")
    if claim.said is None:
        raise Av1rulesError(claim.fault or "its tag says nothing")
    said, known = claim.said, work.workspace.ledger.find(file.path)
    _require_sound(work, file, target, said, known)
    origin, place = _origin(work, file, said)
    compared = _compared(work, said, origin, target)
    _require(compared.fault)
    _require(_decode_problem(work, file, said, origin))
    if not work.request.is_dry:
        work.sink(JobProgress(target=file.path, phase="digest"))
        row = row_of(file, said, known, place, check=work.workspace.children.check)
        aside = None
        if origin is not None and origin.is_aside:
            aside = TrashedOriginal(path=origin.path, facts=_probed(work, origin))
        write_row(work.workspace.ledger, row, aside)
    return Adoption(
        target=file.path,
        kind=AdoptKind.ADOPTED if known is None else AdoptKind.RENEWED,
        source=(place if origin is None else origin.file).library_path,
        original=origin.path if origin is not None and origin.is_aside else None,
        notes=compared.notes,
    )


def _require(fault: str | None) -> None:
    if fault is not None:
        raise Av1rulesError(fault)


def _require_sound(
    work: _Context, file: LibraryFile, target: Source, said: Provenance, known: TargetRow | None
) -> None:
    """Raise for what is cut or rotten, as far as that shows without decoding."""
    if picture_of(target) is None:
        raise Av1rulesError(NO_PICTURES)
    _require(missing_part(file.path))
    is_same_source = known is not None and known.source_digest == said.source_digest
    if known is not None and is_same_source and head_key(file.path) == known.target_head:
        raise Av1rulesError("it is damaged: its head is as it was written, the rest is not")


def _origin(
    work: _Context, file: LibraryFile, said: Provenance
) -> tuple[Origin | None, LibraryFile]:
    """Where the source's bytes are, and its name in the library when the target was made. Raises
    Av1rulesError where there must be a source and is none."""
    if work.workspace.ruleset.output.mode is not OutputMode.REPLACE:
        origin = work.sources.find(said, file.path)
        if origin is None:
            raise Av1rulesError("its source is not in the library")
        container = said.settings.container
        return origin, former_place(work.workspace.ruleset, origin.file, file.path, container)
    aside = _origin_in_trash(work, file.path) or work.trash.find(said, file.path)
    if aside is not None:
        return aside, aside.file
    home = in_library(work.workspace.ruleset, file.path)
    if home is None:
        raise Av1rulesError("it is in none of the library's roots")
    name, root, below = home
    return None, LibraryFile(root_name=name, root=root, relative_path=below, stat=file.stat)


def _origin_in_trash(work: _Context, target: str) -> Origin | None:
    """The original that the ledger knows of, as long as it lies aside."""
    kept = work.workspace.ledger.kept.of_target(target)
    if kept is None or kept.gone_at is not None or not os.path.isfile(kept.path):
        return None
    home = in_library(work.workspace.ruleset, kept.row.source_path)
    if home is None:
        return None
    name, root, below = home
    stat = lone_file(kept.path).stat
    file = LibraryFile(root_name=name, root=root, relative_path=below, stat=stat)
    return Origin(file=file, path=kept.path)


def _compared(
    work: _Context, said: Provenance, origin: Origin | None, target: Source
) -> SourceComparison:
    """The target against its source, where that can be read."""
    if origin is None:
        return SourceComparison(notes=("its original is gone: not compared",))
    workspace = work.workspace
    source = _probed(work, origin)
    if source is None:
        return SourceComparison(notes=("its source can't be read as video: not compared",))
    look = evaluate(workspace, origin.file, source, content_key=said.content_key)
    accept = look.recipe.settings.accept if look.recipe is not None else frozenset()
    return compare_with_source(
        said, source, target, workspace.tools, accepts_damage=Loss.DAMAGE in accept
    )


def _probed(work: _Context, origin: Origin) -> Source | None:
    file = lone_file(origin.path) if origin.is_aside else origin.file
    ((_, source),) = probe_files(work.workspace, (file,))
    return source if isinstance(source, Source) else None


def _decode_problem(
    work: _Context, file: LibraryFile, said: Provenance, origin: Origin | None
) -> str | None:
    """What only reading all of source or target tells."""
    workspace, request = work.workspace, work.request
    if request.digest and origin is not None:
        work.sink(JobProgress(target=file.path, phase="digest"))
        if file_digest(origin.path, check=workspace.children.check) != said.source_digest:
            return f"its source is not what it was made of, by digest: {origin.path}"
    if not request.decode:
        return None
    return target_problem(
        file.path,
        tools=workspace.tools,
        children=workspace.children,
        on_sample=lambda sample: work.sink(decode_progress(sample, target=file.path)),
    )
