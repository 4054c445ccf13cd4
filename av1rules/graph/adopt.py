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
from dataclasses import dataclass, replace
from enum import Enum

from av1rules.base.digest import file_digest, head_key
from av1rules.base.errors import Av1rulesError, RunInterruptedError
from av1rules.base.events import CheckStarted, FileChecked, JobProgress, Probing, Sink
from av1rules.encode.decode_check import target_fault
from av1rules.graph.adopt_check import (
    NO_PICTURES,
    Comparison,
    compare_with_source,
    picture_of,
    read_claim,
)
from av1rules.graph.adopt_find import (
    Origin,
    Sources,
    Trash,
    former_place,
    in_library,
    renamed_from,
    target_files,
)
from av1rules.graph.adopt_write import Aside, row_of, write_row
from av1rules.graph.check_targets import decode_progress
from av1rules.graph.look import look_at
from av1rules.graph.plan import probe_files
from av1rules.graph.provenance import Provenance
from av1rules.graph.stale import TargetRow
from av1rules.graph.workspace import Workspace
from av1rules.library.identity import content_key_of, lone_file
from av1rules.library.source import LibraryFile, Source
from av1rules.library.whole import missing_part
from av1rules.rules.model import OutputMode
from av1rules.rules.settings import Loss


class AdoptKind(Enum):
    ADOPTED = "adopted"  # the ledger did not know it
    RENEWED = "renewed"  # the ledger knew it, before somebody edited it
    RENAMED = "renamed"  # the ledger knew it by another name
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptWish:
    """`paths` are files or folders (absolute; none: all places of targets). `digest` compares whole
    sources, `decode` plays the targets; `is_dry` writes nothing."""

    paths: tuple[str, ...] = ()
    digest: bool = False
    decode: bool = False
    is_dry: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """What became of one file. `source` is its library path, `original` what lies aside for it,
    `reason` why it was refused, `notes` what else to know."""

    target: str
    kind: AdoptKind
    source: str | None = None
    original: str | None = None
    reason: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptReport:
    """Everything of ours that was found, in the order of the walk; `known` more are in the ledger
    as they are."""

    adoptions: tuple[Adoption, ...]
    known: int
    problems: tuple[str, ...] = ()

    def of(self, kind: AdoptKind) -> tuple[Adoption, ...]:
        return tuple(item for item in self.adoptions if item.kind is kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What every file of one adoption needs."""

    space: Workspace
    wish: AdoptWish
    sink: Sink
    sources: Sources
    trash: Trash


def adopt(space: Workspace, wish: AdoptWish, *, sink: Sink) -> AdoptReport:
    """Adopt what is found. `space.ledger` is open to write, under the run lock, unless it is a dry
    run. Raises RunInterruptedError; what was adopted until then is in the ledger."""
    work = _Work(space=space, wish=wish, sink=sink, sources=Sources(space), trash=Trash(space))
    files, problems = target_files(space, wish.paths)
    unknown = _unknown(work, files)
    found: dict[str, Adoption] = {}
    sizes = frozenset(row.target_bytes for row in space.ledger.rows())
    for file in unknown:
        with contextlib.suppress(OSError):  # then it can't be probed either, and is not ours
            if (row := renamed_from(space, file, sizes)) is not None:
                found[file.path] = _rename(work, file, row)
    tagged = _tagged(work, [file for file in unknown if file.path not in found])
    size_bytes = sum(file.stat.size_bytes for file, _ in tagged)
    known = len(files) - len(unknown)
    sink(CheckStarted(files=len(tagged), known=known, size_bytes=size_bytes))
    for file, target in tagged:
        found[file.path] = _decided(work, file, target)
    ordered = tuple(found[file.path] for file in files if file.path in found)
    return AdoptReport(adoptions=ordered, known=known, problems=tuple(problems))


def _unknown(work: _Work, files: Sequence[LibraryFile]) -> list[LibraryFile]:
    """The files that are no target as the ledger has it; a target that was only touched is one, and
    its new time is kept."""
    ledger = work.space.ledger
    unknown: list[LibraryFile] = []
    touched: dict[str, int] = {}
    for file in files:
        row, stat = ledger.find(file.path), file.stat
        if row is None or row.target_bytes != stat.size_bytes:
            unknown.append(file)
        elif row.target_mtime_ns != stat.mtime_ns:
            if content_key_of(file, work.space.cache) == row.target_key:
                touched[file.path] = stat.mtime_ns
            else:
                unknown.append(file)
    if touched and not work.wish.is_dry:
        ledger.set_mtimes(touched)
    return unknown


def _tagged(work: _Work, files: Sequence[LibraryFile]) -> list[tuple[LibraryFile, Source]]:
    """The files that say that av1rules made them."""
    tagged = []
    for done, (file, source) in enumerate(probe_files(work.space, files), start=1):
        work.sink(Probing(done=done, total=len(files)))
        work.space.children.check()
        if isinstance(source, Source) and source.provenance is not None:
            tagged.append((file, source))
    return tagged


def _rename(work: _Work, file: LibraryFile, row: TargetRow) -> Adoption:
    """The row of a target follows its file. Where it took the place of its source, the name of that
    follows too: what `undo` puts back gets the new name. Elsewhere a plan puts the target back."""
    ruleset, ledger = work.space.ruleset, work.space.ledger
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
    if not work.wish.is_dry:
        ledger.kept.relink(row.target, replace(new, target_mtime_ns=file.stat.mtime_ns))
    return Adoption(
        target=file.path,
        kind=AdoptKind.RENAMED,
        source=source if has_replaced else row.source,
        notes=(f"was {row.target}",),
    )


def _decided(work: _Work, file: LibraryFile, target: Source) -> Adoption:
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
    work.sink(FileChecked(source=file.path, fault=done.reason, elapsed_s=elapsed_s))
    return done


def _adopted(work: _Work, file: LibraryFile, target: Source) -> Adoption:
    """Check one file and take it into the ledger. Raises Av1rulesError with the reason if it must
    not be, OSError."""
    claim = read_claim(target.provenance or "")
    if claim.said is None:
        raise Av1rulesError(claim.fault or "its tag says nothing")
    said, known = claim.said, work.space.ledger.find(file.path)
    _require_sound(work, file, target, said, known)
    origin, place = _origin(work, file, said)
    compared = _compared(work, said, origin, target)
    _require(compared.fault)
    _require(_deep_fault(work, file, said, origin))
    if not work.wish.is_dry:
        work.sink(JobProgress(source=file.path, phase="digest"))
        row = row_of(file, said, known, place, check=work.space.children.check)
        aside = None
        if origin is not None and origin.is_aside:
            aside = Aside(path=origin.path, facts=_probed(work, origin))
        write_row(work.space.ledger, row, aside)
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
    work: _Work, file: LibraryFile, target: Source, said: Provenance, known: TargetRow | None
) -> None:
    """Raise for what is cut or rotten, as far as that shows without decoding."""
    if picture_of(target) is None:
        raise Av1rulesError(NO_PICTURES)
    _require(missing_part(file.path))
    is_same_source = known is not None and known.source_digest == said.source_digest
    if known is not None and is_same_source and head_key(file.path) == known.target_head:
        raise Av1rulesError("it is damaged: its head is as it was written, the rest is not")


def _origin(work: _Work, file: LibraryFile, said: Provenance) -> tuple[Origin | None, LibraryFile]:
    """Where the source's bytes are, and its name in the library when the target was made. Raises
    Av1rulesError where there must be a source and is none."""
    if work.space.ruleset.output.mode is not OutputMode.REPLACE:
        origin = work.sources.find(said, file.path)
        if origin is None:
            raise Av1rulesError("its source is not in the library")
        container = said.settings.container
        return origin, former_place(work.space.ruleset, origin.file, file.path, container)
    aside = _kept_origin(work, file.path) or work.trash.find(said, file.path)
    if aside is not None:
        return aside, aside.file
    home = in_library(work.space.ruleset, file.path)
    if home is None:
        raise Av1rulesError("it is in none of the library's roots")
    name, root, below = home
    return None, LibraryFile(root_name=name, root=root, relative_path=below, stat=file.stat)


def _kept_origin(work: _Work, target: str) -> Origin | None:
    """The original that the ledger knows of, as long as it lies aside."""
    kept = work.space.ledger.kept.of_target(target)
    if kept is None or kept.gone_at is not None or not os.path.isfile(kept.path):
        return None
    home = in_library(work.space.ruleset, kept.row.source_path)
    if home is None:
        return None
    name, root, below = home
    stat = lone_file(kept.path).stat
    file = LibraryFile(root_name=name, root=root, relative_path=below, stat=stat)
    return Origin(file=file, path=kept.path)


def _compared(work: _Work, said: Provenance, origin: Origin | None, target: Source) -> Comparison:
    """The target against its source, where that can be read."""
    if origin is None:
        return Comparison(notes=("its original is gone: not compared",))
    space = work.space
    source = _probed(work, origin)
    if source is None:
        return Comparison(notes=("its source can't be read as video: not compared",))
    look = look_at(origin.file, source, ruleset=space.ruleset, tools=space.tools)
    accept = look.making.settings.accept if look.making is not None else frozenset()
    return compare_with_source(
        said, source, target, space.tools, accepts_damage=Loss.DAMAGE in accept
    )


def _probed(work: _Work, origin: Origin) -> Source | None:
    file = lone_file(origin.path) if origin.is_aside else origin.file
    ((_, source),) = probe_files(work.space, (file,))
    return source if isinstance(source, Source) else None


def _deep_fault(
    work: _Work, file: LibraryFile, said: Provenance, origin: Origin | None
) -> str | None:
    """What only reading all of source or target tells."""
    space, wish = work.space, work.wish
    if wish.digest and origin is not None:
        work.sink(JobProgress(source=file.path, phase="digest"))
        if file_digest(origin.path, check=space.children.check) != said.source_digest:
            return f"its source is not what it was made of, by digest: {origin.path}"
    if not wish.decode:
        return None
    return target_fault(
        file.path,
        tools=space.tools,
        children=space.children,
        on_sample=lambda sample: work.sink(decode_progress(file.path, sample, None)),
    )
