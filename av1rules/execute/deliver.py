"""Delivers a verified result: publishes it or replaces the source, and records it with its
receipt."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError, RunInterruptedError
from av1rules.base.events import JobDone, Note
from av1rules.base.units import now_text
from av1rules.execute.control.played import wait_while_played
from av1rules.execute.film_folders import FilmFolders
from av1rules.execute.replace_original import replace_original
from av1rules.execute.rest.give_way import forget_stand_ins, giving_way
from av1rules.execute.target_job import TargetJob, private_folder, require_as_planned
from av1rules.execute.trash import purge, purged_line
from av1rules.ledger.receipt import Receipt, parse_receipt, receipt_json, write_receipt
from av1rules.ledger.records import TargetRow
from av1rules.ledger.trash_table import TrashEntry, TrashKind
from av1rules.media.cache import pack_facts
from av1rules.policy.model import OriginalsKind, OutputSpec, SideFiles
from av1rules.storage.publish import FileAttributes, copy_attributes, publish_target
from av1rules.storage.replace import copy_compared
from av1rules.storage.sidecars import carry, renamed_for_extension
from av1rules.storage.trash_folder import trash_folder


def deliver(
    job: TargetJob,
    temp: str,
    entry: TargetRow,
    receipt: Receipt | None,
    *,
    folders: FilmFolders,
) -> TargetRow:
    """Put the verified file `temp` in the target's place and return its row. `folders` are those of
    the job as it began, with the private one of `temp`. Raises Av1rulesError or OSError; then
    nothing was put in place."""
    job.session.require_disks()
    folders.require_same()
    stored = None if receipt is None else receipt_json(receipt).encode()
    if job.work.replaces:
        entry = _exchange(job, temp, entry, stored, folders=folders)
    else:
        entry = _publish(job, temp, entry, stored, folders=folders)
    job.session.failpoint("committed")
    if receipt is not None:
        _write_receipt(job, receipt)
    if not job.work.replaces and _output(job).side_files is SideFiles.CARRY:
        with contextlib.suppress(OSError, Av1rulesError):
            carry(job.row.file.path, job.target)
    return entry


def require_replaceable(job: TargetJob) -> None:
    """Before hours of work: raise OSError if the original could not be moved to the trash."""
    if not job.work.replaces:
        return
    source = job.row.file.path
    trash = trash_folder(job.session.workspace.ruleset, source)
    for folder in (trash, os.path.dirname(source)):
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)


def done_event(job: TargetJob, entry: TargetRow) -> JobDone:
    return JobDone(
        source=job.name,
        target=job.target,
        source_bytes=job.source_bytes,
        target_bytes=entry.target_bytes,
        encode_s=entry.encode_s,
        verify_s=entry.verify_s,
    )


def _output(job: TargetJob) -> OutputSpec:
    return job.session.workspace.ruleset.output


def _file_attributes(job: TargetJob, temp: str) -> FileAttributes:
    """As the policy says. A hard link to another target has its attributes already."""
    if os.stat(temp).st_nlink > 1:
        return FileAttributes(
            keep_mtime=False, keep_mode=False, keep_owner=False, keep_xattrs=False
        )
    return FileAttributes.of(_output(job))


def _final_check(job: TargetJob, entry: TargetRow, folders: FilmFolders) -> Callable[[], None]:
    def check() -> None:
        job.session.require_disks()
        folders.require_same()
        require_as_planned(job, entry.source_digest)
        job.session.failpoint("final check")

    return check


def _publish(
    job: TargetJob, temp: str, entry: TargetRow, stored: bytes | None, *, folders: FilmFolders
) -> TargetRow:
    """Record the verified result as prepared, rename it into place, then commit its row."""
    ledger = job.session.workspace.ledger
    folder = folders.private
    ledger.prepare(folder, entry, stored)
    job.session.failpoint("prepared")
    # From a temporary folder on another disk the file is copied, into a private folder too.
    is_near = os.path.dirname(folder) == os.path.dirname(job.target)
    final_check = _final_check(job, entry, folders)
    with (
        nullcontext() if is_near else private_folder(job, Path(job.target).parent) as near,
        giving_way(job.session, job.row.file, job.target) as way,
    ):

        def check() -> None:
            final_check()
            way.clear()

        publish_target(
            temp,
            job.target,
            source=job.source_path,
            attributes=_file_attributes(job, temp),
            copy_folder=near,
            replace=job.work.found is not None or way.replaces,
            over_link=way.replaces,
            check=check,
        )
        job.session.failpoint("published")
    entry = replace(entry, target_mtime_ns=os.stat(job.target).st_mtime_ns)
    ledger.commit(entry, stored)
    if way.replaces:
        forget_stand_ins(job.session, job.row.file, job.target)
    return entry


def _exchange(
    job: TargetJob, temp: str, entry: TargetRow, stored: bytes | None, *, folders: FilmFolders
) -> TargetRow:
    """Replace the source by the result. The original goes to the trash, or is deleted by policy."""
    session, source = job.session, job.row.file.path
    session.workspace.ledger.prepare(folders.private, entry, stored)
    session.failpoint("prepared")
    with private_folder(job, Path(job.target).parent) as near:
        incoming = f"{near}/part{Path(job.target).suffix}"
        try:
            os.rename(temp, incoming)
        except OSError as problem:  # also where one disk is mounted twice
            if problem.errno != errno.EXDEV:
                raise
            copy_compared(temp, incoming, digest=entry.target_digest)
        copy_attributes(incoming, source, _file_attributes(job, incoming))
        entry = replace(entry, target_mtime_ns=os.stat(incoming).st_mtime_ns)
        kept = TrashEntry(
            id=0,
            run=session.run,
            kind=TrashKind.ORIGINAL,
            path="",
            row=entry,
            receipt=stored,
            facts=pack_facts(job.work.evaluation.source),
            at=now_text(),
        )
        wait_while_played(
            source,
            name=job.name,
            neighbours=session.workspace.ruleset.neighbours,
            children=session.workspace.children,
            sink=session.sink,
        )
        renamed = source != job.target and _output(job).side_files is SideFiles.CARRY
        kept = replace_original(
            session,
            kept,
            incoming,
            side_files=renamed_for_extension(source, job.target) if renamed else (),
            check=_final_check(job, entry, folders),
        )
    if _output(job).originals.kind is OriginalsKind.DELETE:
        _delete_original(job, kept)
    return entry


def _delete_original(job: TargetJob, kept: TrashEntry) -> None:
    """The policy keeps no originals: delete this one, after the result in its place was read once
    more."""
    workspace = job.session.workspace
    try:
        for purged in purge(
            workspace.ledger, workspace.ruleset, (kept,), check=workspace.children.check
        ):
            if purged.refusal is not None:
                job.session.sink(Note(source=job.name, message=purged_line(purged)))
    except RunInterruptedError:
        message = "replaced; its original is in the trash (`av1rules originals purge`)"
        job.session.sink(Note(source=job.name, message=message))
    job.session.failpoint("original deleted")


def _write_receipt(job: TargetJob, receipt: Receipt) -> None:
    """A receipt file that can't be written fails no job, since the ledger has the receipt too."""
    try:
        write_receipt(receipt, _output(job).receipts)
    except OSError as problem:
        message = f"its receipt could not be written: {problem.strerror} (the ledger has it)"
        job.session.sink(Note(source=job.name, message=message))


def copied_receipt(stored: bytes | None, *, source: str, target: str) -> Receipt | None:
    """The receipt of a reused target, for the link or copy that was made from it."""
    try:
        return replace(parse_receipt(stored or b""), source=source, target=target)
    except ValueError:
        return None
