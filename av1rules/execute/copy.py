"""Gives a second source of the same content the target of the first, as a hard link or a copy."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec.structs import replace

from av1rules.base.errors import PlanOutdatedError
from av1rules.base.events import JobCopied
from av1rules.base.units import now_text
from av1rules.execute.deliver import copied_receipt, deliver
from av1rules.execute.film_folders import FilmFolders
from av1rules.execute.target_job import TargetJob, digest_of_planned
from av1rules.ledger.records import TargetRow
from av1rules.plan.target_state import inspect_target, is_as_written
from av1rules.policy.model import Copies
from av1rules.storage.replace import copy_compared


def copy_target(job: TargetJob, folder: str) -> bool:
    """Link or copy the reusable target into place. False if the digest of the whole source differs
    although its content key is the same: then the source must be encoded.

    Raises PlanOutdatedError if no reusable target is left.
    """
    reusable = _reusable_row(job)
    digest = digest_of_planned(job)
    if digest != reusable.source_digest:
        return False
    part = f"{folder}/part{Path(job.target).suffix}"
    is_link = _link_or_copy(job, reusable, part)
    source, source_path = job.recorded_source
    entry = replace(
        reusable,
        target=job.target,
        source=source,
        source_path=source_path,
        target_mtime_ns=os.stat(part).st_mtime_ns,
        rule=job.row.rule,
        built_at=now_text(),
        encode_s=0.0,
        verify_s=0.0,
        run=job.session.run,
    )
    stored = job.session.workspace.ledger.receipt(reusable.target)
    receipt = copied_receipt(stored, source=job.source_path, target=job.target)
    folders = FilmFolders.of(folder, job.source_path, job.target)
    deliver(job, part, entry, receipt, folders=folders)
    job.session.sink(
        JobCopied(source=job.name, target=job.target, like=reusable.target, is_link=is_link)
    )
    return True


def _reusable_row(job: TargetJob) -> TargetRow:
    """The row of a reusable target as it is now: the planned one, one that another job of this run
    made, or one that has followed its renamed source since."""
    planned, ledger = job.work.reuse, job.session.workspace.ledger
    assert planned is not None
    damaged = ledger.checks.faults()
    wanted = planned.task or (planned.row and planned.row.source)
    rows = ledger.of_content(job.work.content_key)
    for row in sorted(rows, key=lambda row: row.source != wanted):
        if row.target == job.target or row.target in damaged:
            continue
        found = inspect_target(row.target, row, job.session.workspace.tools)
        has_same_settings = row.fingerprint == job.work.fingerprint and not row.forgotten
        if has_same_settings and found is not None and is_as_written(row, found):
            return row
    raise PlanOutdatedError("the target of the same content is not there any more")


def _link_or_copy(job: TargetJob, reusable: TargetRow, part: str) -> bool:
    if job.session.workspace.ruleset.output.copies is Copies.LINK:
        try:
            os.link(reusable.target, part, follow_symlinks=False)
            return True
        except OSError:
            pass  # another file system, or one without links
    copy_compared(reusable.target, part, digest=reusable.target_digest)
    return False
