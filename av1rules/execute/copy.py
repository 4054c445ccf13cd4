"""A second source of the same content gets the target of the first: as a link, or as a copy."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec.structs import replace

from av1rules.base.errors import PlanOutdatedError
from av1rules.base.events import JobCopied
from av1rules.base.units import now_text
from av1rules.execute.deliver import deliver, receipt_like
from av1rules.execute.target_job import TargetJob, digest_of_planned
from av1rules.ledger.records import TargetRow
from av1rules.plan.target_state import inspect_target, is_as_written
from av1rules.policy.model import Copies
from av1rules.storage.replace import copy_compared


def copy_target(job: TargetJob, folder: str) -> bool:
    """Link or copy the donor's target into place. False if the whole source turns out to be another
    than the donor's, against its samples: then it is encoded by itself.

    Raises PlanOutdatedError if the donor is no longer there.
    """
    donor = _donor(job)
    digest = digest_of_planned(job)
    if digest != donor.source_digest:
        return False
    part = f"{folder}/part{Path(job.target).suffix}"
    is_link = _link_or_copy(job, donor, part)
    source, source_path = job.recorded_source
    entry = replace(
        donor,
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
    stored = job.session.workspace.ledger.receipt(donor.target)
    receipt = receipt_like(stored, source=job.source_path, target=job.target)
    deliver(job, part, entry, receipt, folder=folder)
    job.session.sink(
        JobCopied(source=job.name, target=job.target, like=donor.target, is_link=is_link)
    )
    return True


def _donor(job: TargetJob) -> TargetRow:
    """The row of the donor as it is now: planned, made by another job of this run, or one that
    followed its source since."""
    planned, ledger = job.work.reuse, job.session.workspace.ledger
    assert planned is not None
    faults = ledger.checks.faults()
    wanted = planned.task or (planned.row and planned.row.source)
    rows = ledger.of_content(job.work.content_key)
    for row in sorted(rows, key=lambda row: row.source != wanted):
        if row.target == job.target or row.target in faults:
            continue
        found = inspect_target(row.target, row, job.session.workspace.tools)
        is_alike = row.fingerprint == job.work.fingerprint and not row.forgotten
        if is_alike and found is not None and is_as_written(row, found):
            return row
    raise PlanOutdatedError("the target of the same content is not there (any more)")


def _link_or_copy(job: TargetJob, donor: TargetRow, part: str) -> bool:
    if job.session.workspace.ruleset.output.copies is Copies.LINK:
        try:
            os.link(donor.target, part, follow_symlinks=False)
            return True
        except OSError:
            pass  # another file system, or one without links
    copy_compared(donor.target, part, digest=donor.target_digest)
    return False
