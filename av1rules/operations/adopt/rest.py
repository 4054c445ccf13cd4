"""Finds the stand-ins of a complete mirror that the ledger does not know: after it was lost."""

from __future__ import annotations

import os
from collections.abc import Iterator
from stat import S_ISLNK, S_ISREG

from av1rules.base.files import is_at_or_below
from av1rules.base.hashing import content_key
from av1rules.ledger.stand_ins import StandIn, signed_inode
from av1rules.media.discover import VIDEO_EXTENSIONS, FolderSideFiles, WalkProblem
from av1rules.plan.rest.wanted import link_text
from av1rules.plan.rest.whole import rest_of
from av1rules.plan.workspace import Workspace, walk_roots
from av1rules.policy.model import Rest


def unknown_stand_ins(workspace: Workspace, paths: tuple[str, ...]) -> Iterator[StandIn]:
    """Links and copies in the mirror, each at the place of its source there, as the rules would put
    them; of those at or below `paths`, if any are given. Raises RunInterruptedError, LedgerError.

    A symbolic link counts by its text, a hard link by its inode, a copy by size, time and samples
    of its content.
    """
    ruleset = workspace.ruleset
    root = ruleset.output.root
    if rest_of(ruleset) is Rest.LEAVE or root is None:
        return
    for source, library_path in _files_of(workspace):
        workspace.children.check()
        path = f"{root}/{library_path}"
        places = (path, source)
        if paths and not any(is_at_or_below(place, one) for one in paths for place in places):
            continue
        row = _stand_in(workspace, path, source, library_path)
        if row is not None and _is_unknown(workspace, row):
            yield row


def _files_of(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Path and library path of every film and side file."""
    side_files: list[FolderSideFiles] = []
    ruleset = workspace.ruleset
    for step in walk_roots(ruleset, ruleset.library.roots, side_files.append):
        if not isinstance(step, WalkProblem):
            yield step.file.path, step.file.library_path
    for found in side_files:
        below = f"{found.below}/" if found.below else ""
        for name, _ in found.files():
            yield f"{found.root}/{below}{name}", f"{found.root_name}/{below}{name}"


def _is_unknown(workspace: Workspace, row: StandIn) -> bool:
    ledger = workspace.ledger
    return ledger.stand_ins.find(row.path) != row and ledger.find(row.path) is None


def _stand_in(workspace: Workspace, path: str, source: str, library_path: str) -> StandIn | None:
    try:
        found, origin = os.lstat(path), os.lstat(source)
        kind, link = _kind_of(workspace, path, source, library_path, found, origin)
    except OSError:
        return None
    if kind is None:
        return None
    folder, name = os.path.split(path)
    return StandIn(
        folder=folder,
        name=name,
        is_pending=False,
        kind=kind,
        source_path=source,
        link=link,
        is_film=_is_film(workspace, name),
        inode=signed_inode(found.st_ino),
        size_bytes=found.st_size,
        mtime_ns=found.st_mtime_ns,
        source_inode=signed_inode(origin.st_ino),
        source_bytes=origin.st_size,
        source_mtime_ns=origin.st_mtime_ns,
    )


def _kind_of(
    workspace: Workspace,
    path: str,
    source: str,
    library_path: str,
    found: os.stat_result,
    origin: os.stat_result,
) -> tuple[Rest | None, str]:
    """What kind of stand-in a file is, and the text of a link. Raises OSError."""
    root = workspace.ruleset.output.root
    if S_ISLNK(found.st_mode):
        mirror = os.path.realpath(str(root))
        folder = os.path.dirname(f"{mirror}/{library_path}")
        top = source.removesuffix(library_path.partition("/")[2]).rstrip("/")
        text = os.readlink(path)
        is_ours = text == link_text(source, folder, mirror=mirror, root=top)
        return (Rest.SYMLINK, text) if is_ours else (None, "")
    if not S_ISREG(found.st_mode):
        return None, ""
    if os.path.samestat(found, origin):
        return Rest.HARDLINK, ""
    kind = rest_of(workspace.ruleset)
    is_like = (found.st_size, found.st_mtime_ns) == (origin.st_size, origin.st_mtime_ns)
    if kind not in (Rest.COPY, Rest.REFLINK) or not is_like:
        return None, ""
    return (kind, "") if content_key(path) == content_key(source) else (None, "")


def _is_film(workspace: Workspace, name: str) -> bool:
    extensions = workspace.ruleset.library.extensions or VIDEO_EXTENSIONS
    return name.rpartition(".")[2].lower() in extensions
