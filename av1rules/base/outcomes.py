"""What came of the jobs of a run, as counts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from av1rules.base.text import counted


class Outcome(Enum):
    """What came of one job; the value says it in the summary of a run, whose order this is."""

    DONE = "done"
    CLIP_MADE = "clip made"
    PREPARED = "prepared"  # a prerequisite of the encode is done
    MOVED = "moved"  # its target followed the renamed source
    COPIED = "linked or copied"  # from the target of the same content
    TRASHED = "moved to the trash"
    DISCARDED = "discarded"  # the encode worked, but a gate did not let it pass
    NO_ACCEPTABLE_CRF = "not encoded"  # no encode of it would be good enough
    OVER_BUDGET = "beyond the budget"  # never started: nothing is recorded of it
    FAILED = "failed"
    NOT_ATTEMPTED = "left for the next run"  # the source changed, or the run was stopped

    def counted(self, count: int) -> str:
        """The outcome of so many jobs, in words."""
        many = "clips made" if self is Outcome.CLIP_MADE else self.value
        return counted(count, self.value, many)


OutcomeCounts = Mapping[Outcome, int]
"""How many jobs of a run came to each outcome; every outcome has a count."""
