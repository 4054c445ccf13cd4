"""The ledger as lines, and what stands at the paths that it names."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from av1rules.base.errors import ProbeError
from av1rules.base.files import TRASH_FOLDER, is_at_or_below
from av1rules.ledger.database import LedgerDb
from av1rules.ledger.stand_ins import StandIn, signed_inode
from av1rules.ledger.trash_table import TrashKind
from av1rules.media.cache import content_key_of, lone_file
from av1rules.media.discover import VIDEO_EXTENSIONS
from av1rules.plan.facts.collect_disk import CollectedDisk, recorded_file
from av1rules.plan.facts.lines import FileLine, NodeKind, RowLine, path_of_text
from av1rules.plan.facts.tables import ledger_rows
from av1rules.plan.workspace import Workspace
from av1rules.policy.model import Rest


def row_lines(workspace: Workspace, *, history: int) -> Iterator[RowLine]:
    """All that the ledger has of targets, attempts and the rest; of `history` encodes what
    forecasts learn from them. Raises LedgerError."""
    db = LedgerDb.read(workspace.state_dir)
    try:
        for table, values in ledger_rows(db.stream, history=history):
            workspace.children.check()
            yield RowLine(table=table, values=values)
    finally:
        db.close()


def place_lines(
    workspace: Workspace, found: CollectedDisk, *, is_complete: bool
) -> Iterator[FileLine]:
    """What stands at the paths that the ledger names and no folder was walked for, and what is in
    the files where targets are or may be, as far as a plan would look into them."""
    looked: set[str] = set()
    for path, is_read in itertools.chain(
        _targets(workspace, found), _trash(workspace, found), _others(workspace)
    ):
        workspace.children.check()
        if path in looked:
            continue
        looked.add(path)
        line = recorded_file(path)
        if line is None:
            continue
        yield _read(workspace, line, path) if is_read and is_complete else line


def _targets(workspace: Workspace, found: CollectedDisk) -> Iterator[tuple[str, bool]]:
    """The places of targets, with whether a plan reads what is there."""
    ours: dict[str, tuple[int, int]] = {
        os.fsdecode(target): (size, mtime_ns)
        for target, (_, size, mtime_ns, _) in workspace.ledger.known_targets().items()
    }
    for film in found.films:
        file = film.file
        row = ours.get(file.path)
        if row is not None and row != (file.stat.size_bytes, file.stat.mtime_ns):
            yield file.path, True
    for folder in found.folders:
        for entry in folder.entries:
            path = f"{path_of_text(folder.path)}/{path_of_text(entry.name)}"
            mark = (entry.stat.size_bytes, entry.stat.mtime_ns)
            if entry.kind is NodeKind.FILE and _is_video(path) and ours.get(path) != mark:
                yield path, True
    for brief in workspace.ledger.briefs():
        if not _is_walked(found, brief.target):
            yield brief.target, True
        if not _is_walked(found, brief.source_path):
            yield brief.source_path, True


def _is_video(path: str) -> bool:
    return path.rpartition(".")[2].lower() in VIDEO_EXTENSIONS


def _is_walked(found: CollectedDisk, path: str) -> bool:
    return any(is_at_or_below(path, top) for top in found.tops)


def _trash(workspace: Workspace, found: CollectedDisk) -> Iterator[tuple[str, bool]]:
    """The originals that a target may be redone from; their folder may have moved with its root."""
    for entry in workspace.ledger.kept.listed():
        yield entry.path, entry.kind is TrashKind.ORIGINAL
        _, mark, below = entry.path.partition(f"/{TRASH_FOLDER}/")
        if mark and not os.path.lexists(entry.path):
            for top in found.tops:
                yield f"{top}{mark}{below}", True


def _others(workspace: Workspace) -> Iterator[tuple[str, bool]]:
    for clip in workspace.ledger.clips.all():
        yield clip.path, False
    yield workspace.tools.ffmpeg, False  # by its size and time the results of trials are known
    for row in itertools.chain(
        workspace.ledger.stand_ins.all(), workspace.ledger.stand_ins.pending()
    ):
        for path in _unsure(row):
            yield path, True


def _unsure(row: StandIn) -> Iterable[str]:
    """The files whose content decides whether a stand-in is as it was placed."""
    if row.kind in (Rest.SYMLINK, Rest.HARDLINK):
        return ()
    with contextlib.suppress(OSError):
        found = os.lstat(row.path)
        if signed_inode(found.st_ino) != row.inode:
            return (row.path, row.source_path)
    return ()


def _read(workspace: Workspace, line: FileLine, path: str) -> FileLine:
    if line.kind is not NodeKind.FILE or line.stat is None:
        return line
    disk, known = workspace.disk, workspace.ledger.find(path)
    with contextlib.suppress(OSError):
        file = lone_file(path)
        key = content_key_of(file, workspace.cache)
        line = replace(line, content_key=key)
        if known is not None:
            line = replace(line, head_key=disk.head_key(path))
        if key != (known.target_key if known is not None else None):
            line = replace(line, is_probed=True)
            with contextlib.suppress(ProbeError):  # no video: a file of others
                tag = disk.provenance_of(path, workspace.tools)
                line = replace(line, provenance=tag)
    return line
