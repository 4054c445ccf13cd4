"""What is known of each film, as lines; what is not known yet is probed and read first."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from av1rules.base.events import Sink
from av1rules.encode.containers import MKV
from av1rules.media.cache import KnownFile, StatKey, content_key_of, stat_key
from av1rules.media.discover import Candidate
from av1rules.media.packed_source import unpack_json
from av1rules.media.source import LibraryFile
from av1rules.plan.facts.collect_disk import recorded_stat
from av1rules.plan.facts.lines import FilmLine, MemoLine, memo_line, text_of_path
from av1rules.plan.workspace import Workspace, probe_files
from av1rules.policy.model import RuleSet

MEMOS = ("film:", "noise:", "telecine:", "trial:")
"""What was measured of contents, and which settings the encoder took."""

BATCH = 500
"""Films that are looked up together."""


def film_lines(
    workspace: Workspace, films: Sequence[Candidate], *, is_complete: bool, sink: Sink
) -> Iterator[FilmLine]:
    """A line for each film. `is_complete`: films that a plan would probe are probed, and the
    content of all that were is read. Raises RunInterruptedError."""
    if is_complete:
        _probe_unknown(workspace, films, sink)
    looks_for_links = is_complete and _may_lose_links(workspace)
    sizes = _moved_sizes(workspace) if is_complete else frozenset()
    for part, known in _with_known(workspace, films):
        for film in part:
            workspace.children.check()
            one = known.get(stat_key(film.file.stat)) or KnownFile(None, None, None)
            key = one.content_key
            is_asked = one.packed is not None or film.file.stat.size_bytes in sizes
            if key is None and is_complete and is_asked:
                with contextlib.suppress(OSError):  # as a plan, which says so
                    key = content_key_of(film.file, workspace.cache)
            linked_by = _linked_by(workspace, film.file, one) if looks_for_links else None
            yield _line(film.file, one, key, linked_by)


def _moved_sizes(workspace: Workspace) -> frozenset[int]:
    """The sizes of what a user may have moved, which a plan finds by content."""
    ledger = workspace.ledger
    return ledger.target_sizes() | {entry.row.source_bytes for entry in ledger.kept.undone()}


def memo_lines(workspace: Workspace) -> Iterator[MemoLine]:
    for key, text in workspace.cache.memos(MEMOS):
        yield memo_line(key, text)


def _line(file: LibraryFile, known: KnownFile, key: str | None, linked_by: str | None) -> FilmLine:
    source = b"null"
    if known.packed is not None:
        with contextlib.suppress(ValueError):  # damaged: as if it was never probed
            source = unpack_json(known.packed)
    return FilmLine(
        root=text_of_path(file.root_name),
        path=text_of_path(file.relative_path),
        stat=recorded_stat(file.stat),
        content_key=key,
        linked_by=linked_by,
        failure=known.failure,
        source=msgspec.Raw(source),
    )


def _probe_unknown(workspace: Workspace, films: Sequence[Candidate], sink: Sink) -> None:
    unknown: list[LibraryFile] = []
    for part, known in _with_known(workspace, films):
        asked = [film.file for film in part if film.skip_reason is None]
        ours = workspace.ledger.valid.of([os.fsencode(file.path) for file in asked])
        for file in asked:
            one = known.get(stat_key(file.stat))
            row = ours.get(os.fsencode(file.path))
            stat = file.stat
            is_ours = row is not None and row[1:3] == (stat.size_bytes, stat.mtime_ns)
            is_known = one is not None and (one.packed or one.failure) is not None
            if not (is_known or is_ours):
                unknown.append(file)
    for _ in probe_files(workspace, unknown, sink):
        pass  # the cache has it now


def _with_known(
    workspace: Workspace, films: Iterable[Candidate]
) -> Iterator[tuple[list[Candidate], dict[StatKey, KnownFile]]]:
    rest, version = iter(films), workspace.tools.ffprobe_version
    while part := list(itertools.islice(rest, BATCH)):
        stats = (film.file.stat for film in part)
        yield part, workspace.cache.known(stats, ffprobe_version=version)


class _Structure(msgspec.Struct):
    segment_uid: str | None = None


class _Links(msgspec.Struct):
    matroska: _Structure | None = None


_LINKS = msgspec.json.Decoder(_Links)


def _linked_by(workspace: Workspace, file: LibraryFile, known: KnownFile) -> str | None:
    """A file that plays this one as a part of its own."""
    if known.packed is None:
        return None
    with contextlib.suppress(ValueError):
        structure = _LINKS.decode(unpack_json(known.packed)).matroska
        if structure is not None and structure.segment_uid is not None:
            uid = structure.segment_uid
            return workspace.disk.linking_file(file.path, uid, workspace.cache)
    return None


def _may_lose_links(workspace: Workspace) -> bool:
    """Whether a plan asks which files play which: where a target may lose the name by which another
    file finds it."""
    return workspace.tools.mkvpropedit is None or _names_a_container(workspace.ruleset)


def _names_a_container(ruleset: RuleSet) -> bool:
    layers = (
        ruleset.defaults,
        *ruleset.profiles,
        *(rule.action.layer for rule in ruleset.rules if rule.action.layer is not None),
    )
    return any(
        one.field == "container" and one.value != MKV for layer in layers for one in layer.settings
    )
