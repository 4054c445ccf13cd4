"""Adopts originals that av1d left beside its results: into the trash, from which `undo` puts them
back. Nothing is moved unless a user asks for it, and every move is journaled.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

import msgspec

from av1rules.base.errors import Av1rulesError, RunInterruptedError
from av1rules.base.events import Outcome, Sink
from av1rules.base.hashing import content_key, file_digest, head_key
from av1rules.base.text import printable
from av1rules.base.units import now_text
from av1rules.encode.decode_check import target_problem
from av1rules.execute.replace_original import put_original_aside
from av1rules.execute.session import Session
from av1rules.ledger.records import TargetRow, ToolsUsed
from av1rules.ledger.trash_table import PairOrigin, TrashEntry, TrashKind
from av1rules.media.cache import lone_file, pack_facts
from av1rules.media.source import FileStat, LibraryFile, Source
from av1rules.operations.migrate.av1d.beside import ORIGINAL, KeptOriginal
from av1rules.plan.evaluate import evaluate
from av1rules.plan.moved.places import in_library
from av1rules.plan.workspace import Workspace, probe_files
from av1rules.policy.fingerprint import fingerprint
from av1rules.policy.settings import TIER_DEFAULTS, EncodeSettings

_TOLERANCE, _TOLERANCE_S = 0.01, 2.0
"""By how much a result may be shorter or longer than its original: containers count differently."""


class PairState(StrEnum):
    READY = "can be adopted"
    ADOPTED = "adopted"
    ALONE = "the only copy"
    REFUSED = "not adopted"


class OriginalOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One original: its place when it was found (`path`), its AV1 file, and what became of it.
    `is_decoded`: the AV1 file decodes to its end, which a purge of the original asks for."""

    path: str
    result: str | None
    state: PairState
    why: str
    is_decoded: bool = False
    is_new: bool = False
    frees_bytes: int = 0


_ADOPTED = "in the trash"


class _Pair(msgspec.Struct, frozen=True, kw_only=True):
    """An original and its AV1 file, both probed."""

    original: LibraryFile
    facts: Source
    result: LibraryFile


class _RefusedPairError(Av1rulesError):
    """An original that can't be adopted."""


def adopted_before(workspace: Workspace) -> Iterator[OriginalOutcome]:
    """The originals that earlier migrations adopted and that are still in the trash."""
    for kept in workspace.ledger.kept.foreign():
        if kept.kind is TrashKind.ORIGINAL and os.path.lexists(kept.path):
            yield OriginalOutcome(
                path=kept.path,
                result=kept.row.target,
                state=PairState.ADOPTED,
                why=_ADOPTED,
                is_decoded=kept.origin is PairOrigin.DECODED,
                frees_bytes=kept.size_bytes,
            )


def judge_originals(
    workspace: Workspace, found: Sequence[KeptOriginal], sink: Sink
) -> tuple[OriginalOutcome, ...]:
    """What can become of each original. Changes nothing."""
    outcomes = []
    for one in found:
        workspace.children.check()
        try:
            pair = _pair(workspace, one, sink)
        except _RefusedPairError as problem:
            outcomes.append(_refused(one, problem))
        else:
            why = "its AV1 file is in its place; --adopt-originals moves it to the trash"
            ready = OriginalOutcome(
                path=one.path,
                result=pair.result.path,
                state=PairState.READY,
                why=why,
                frees_bytes=pair.original.stat.size_bytes,
            )
            outcomes.append(ready)
    return tuple(outcomes)


def adopt_originals(
    session: Session, found: Sequence[KeptOriginal], *, decode: bool
) -> Iterator[tuple[str, OriginalOutcome]]:
    """Move each original whose AV1 file is in its place to the trash, with a journal: `undo` puts
    it back, a purge refuses it unless `decode` found its AV1 file sound. Others stay, with the
    reason. Yields where each was found, and what became of it. Raises LedgerError,
    RunInterruptedError."""
    workspace = session.workspace
    recovered = {one.result: one for one in adopted_before(workspace)}
    for one in found:
        workspace.children.check()
        done = next((recovered[path] for path in one.results if path in recovered), None)
        if done is not None and not os.path.lexists(one.path):
            yield one.path, done  # a killed migration had begun it, and this start ended it
            continue
        try:
            pair = _pair(workspace, one, session.sink)
            is_decoded = decode and _require_decoded(workspace, pair.result.path)
            entry = _entry(session, pair, is_decoded=is_decoded)
            entry = put_original_aside(session, entry, pair.original.path)
        except RunInterruptedError:
            raise
        except (Av1rulesError, OSError) as problem:
            session.counters.add(Outcome.REFUSED)
            yield one.path, _refused(one, problem)
        else:
            session.counters.add(Outcome.ADOPTED)
            done = OriginalOutcome(
                path=entry.path,
                result=pair.result.path,
                state=PairState.ADOPTED,
                why=_ADOPTED,
                is_decoded=is_decoded,
                is_new=True,
                frees_bytes=pair.original.stat.size_bytes,
            )
            yield one.path, done


def decode_adopted(session: Session) -> Iterator[OriginalOutcome]:
    """Decode the AV1 files of originals that were adopted without. One that is sound makes its
    original an ordinary one, which may be purged. Raises LedgerError, RunInterruptedError."""
    workspace = session.workspace
    for kept in workspace.ledger.kept.foreign():
        if kept.kind is not TrashKind.ORIGINAL or kept.origin is not PairOrigin.UNVERIFIED:
            continue
        target = kept.row.target
        why, is_sound = _ADOPTED, False
        try:
            if content_key(target) != kept.row.target_key:
                raise _RefusedPairError("another file has the place of its AV1 file")
            is_sound = _require_decoded(workspace, target)
            session.recorder.number()
            workspace.ledger.kept.mark_decoded(kept.id)
            session.counters.add(Outcome.ADOPTED)
        except RunInterruptedError:
            raise
        except (Av1rulesError, OSError) as problem:
            why = _text(problem)
            session.counters.add(Outcome.REFUSED)
        yield OriginalOutcome(
            path=kept.path,
            result=target,
            state=PairState.ADOPTED,
            why=why,
            is_decoded=is_sound,
            is_new=is_sound,
            frees_bytes=kept.size_bytes,
        )


def _refused(one: KeptOriginal, problem: Exception) -> OriginalOutcome:
    is_alone = not one.results
    return OriginalOutcome(
        path=one.path,
        result=one.results[0] if one.results else None,
        state=PairState.ALONE if is_alone else PairState.REFUSED,
        why=_text(problem),
    )


def _text(problem: Exception) -> str:
    if isinstance(problem, Av1rulesError):
        return problem.message
    strerror = problem.strerror if isinstance(problem, OSError) else None
    return strerror or str(problem)


def _pair(workspace: Workspace, one: KeptOriginal, sink: Sink) -> _Pair:
    """The original and its AV1 file. Raises _RefusedPairError if they are no pair."""
    if not one.results:
        former = one.former or f"{one.path.removesuffix(ORIGINAL)}.mkv"
        way = f"`mv -n {shlex.quote(printable(one.path))} {shlex.quote(printable(former))}`"
        raise _RefusedPairError(f"no AV1 file has its place: {way} puts it back into the library")
    try:
        files = [lone_file(path) for path in (one.path, *one.results) if _is_regular(path)]
    except OSError as problem:
        raise _RefusedPairError(f"can't be read: {problem.strerror}") from problem
    facts = {
        file.path: source
        for file, source in probe_files(workspace, files, sink)
        if isinstance(source, Source) and source.main is not None
    }
    original = facts.get(one.path)
    if original is None or original.main is None:
        raise _RefusedPairError("it can't be read as video")
    if original.main.codec == "av1":
        raise _RefusedPairError("it is AV1 itself")
    made = [
        file for file in files
        if (source := facts.get(file.path)) is not None
        and source.main is not None and source.main.codec == "av1" and source.provenance is None
    ]  # fmt: skip
    if len(made) != 1:
        what = "none of the files" if not made else "more than one of the files"
        raise _RefusedPairError(f"{what} with its name is an AV1 file of av1d")
    _require_same_film(original, facts[made[0].path])
    if in_library(workspace.ruleset, made[0].path) is None:
        raise _RefusedPairError("it is in none of the roots of the rules")
    (own,) = (file for file in files if file.path == one.path)
    return _Pair(original=own, facts=original, result=made[0])


def _is_regular(path: str) -> bool:
    return stat.S_ISREG(os.lstat(path).st_mode)


def _require_same_film(original: Source, result: Source) -> None:
    wanted, found = original.film_s, result.film_s
    if wanted is None or found is None:
        raise _RefusedPairError("how long it and its AV1 file are is not known")
    if abs(wanted - found) > max(_TOLERANCE_S, wanted * _TOLERANCE):
        raise _RefusedPairError(f"it lasts {wanted:.0f} s, its AV1 file {found:.0f} s")


def _require_decoded(workspace: Workspace, path: str) -> bool:
    """True, or _RefusedPairError with what is wrong with the AV1 file."""
    problem = target_problem(path, tools=workspace.tools, children=workspace.children)
    if problem is not None:
        raise _RefusedPairError(f"its AV1 file is no good: {problem}")
    return True


def _entry(session: Session, pair: _Pair, *, is_decoded: bool) -> TrashEntry:
    """The entry of the pair, still without a path in the trash. Reads both files whole."""
    return TrashEntry(
        id=0,  # given by the table
        run=session.run,
        kind=TrashKind.ORIGINAL,
        path="",
        row=_row(session.workspace, pair),
        facts=pack_facts(pair.facts),
        at=now_text(),
        origin=PairOrigin.DECODED if is_decoded else PairOrigin.UNVERIFIED,
    )


def _row(workspace: Workspace, pair: _Pair) -> TargetRow:
    """The pair in the form of a ledger row, which no table of targets gets. The settings are those
    that the rules have for the original: an undone film is left alone while they stay."""
    check, result = workspace.children.check, pair.result
    home = in_library(workspace.ruleset, result.path)
    assert home is not None
    name, root, below = home
    place = LibraryFile(root_name=name, root=root, relative_path=below, stat=pair.original.stat)
    key = content_key(pair.original.path)
    settings = _settings(workspace, place, pair.facts, key)
    row = TargetRow(
        target=result.path,
        source=place.library_path,
        source_path=result.path,
        content_key=key,
        source_digest=file_digest(pair.original.path, check=check),
        source_bytes=pair.original.stat.size_bytes,
        settings=settings,
        fingerprint=fingerprint(key, settings),
        tools=ToolsUsed(ffmpeg="unknown", encoder="av1d"),
        target_bytes=result.stat.size_bytes,
        target_mtime_ns=result.stat.mtime_ns,
        target_key=content_key(result.path),
        target_head=head_key(result.path),
        target_digest=file_digest(result.path, check=check),
        rule=None,
        built_at=now_text(),
        encode_s=0.0,
        verify_s=0.0,
    )
    for file in (pair.original, result):
        if FileStat.of(os.stat(file.path)) != file.stat:
            raise _RefusedPairError(f"it changed while it was read: {printable(file.path)}")
    return row


def _settings(workspace: Workspace, place: LibraryFile, facts: Source, key: str) -> EncodeSettings:
    evaluation = evaluate(workspace, place, facts, content_key=key)
    if evaluation.recipe is not None:
        return evaluation.recipe.settings
    tier = evaluation.source_tier
    defaults = next(iter(TIER_DEFAULTS.values())) if tier is None else TIER_DEFAULTS[tier]
    return EncodeSettings(crf=defaults.crf, preset=defaults.preset)


def freed_by(outcomes: Iterable[OriginalOutcome]) -> int:
    """Bytes that a purge of these originals would free."""
    return sum(one.frees_bytes for one in outcomes)
