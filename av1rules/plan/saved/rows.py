"""What a saved plan keeps of a row for its recheck, and what becomes of the row. Pure."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from av1rules.plan.items import PlanAction, PlannedEncode
from av1rules.plan.target_state import is_as_written
from av1rules.policy.settings import EncodeSettings

WORK = frozenset(
    {PlanAction.MEASURE, PlanAction.ENCODE, PlanAction.CLIP, PlanAction.MOVE, PlanAction.COPY}
)
"""What a run does something for."""


class TargetFile(Struct, frozen=True, kw_only=True, gc=False):
    """The file that stands at the path of a target. `content_key` is null where nobody had to read
    it, `run` (the one that made it) for a file that the ledger does not know so."""

    size_bytes: int
    mtime_ns: int
    content_key: str | None
    run: int | None

    def is_same(self, other: TargetFile) -> bool:
        """Whether nobody made it anew or changed it. Its time says little: a target may have that
        of its source, and a file that was only touched is the same."""
        if (self.size_bytes, self.run) != (other.size_bytes, other.run):
            return False
        if self.content_key is None or other.content_key is None:
            return self.mtime_ns == other.mtime_ns
        return self.content_key == other.content_key


def target_file_of(work: PlannedEncode) -> TargetFile | None:
    """What the plan saw at the path of a target."""
    found, known = work.found, work.known
    if found is None:
        return None
    ours = known if known is not None and is_as_written(known, found) else None
    return TargetFile(
        size_bytes=found.size_bytes,
        mtime_ns=found.mtime_ns,
        content_key=found.key if ours is None else ours.target_key,
        run=None if ours is None else ours.run,
    )


class SavedRow(Struct, frozen=True, kw_only=True, gc=False):
    """A row that a run acts on, as it was planned. A row to measure has no target yet, and so
    neither fingerprint, encoder nor settings. `mtime_ns` is that of the source."""

    path: str
    library_path: str
    action: PlanAction
    size_bytes: int
    mtime_ns: int
    content_key: str
    target: str | None = None
    fingerprint: str | None = None
    encoder: str | None = None
    settings: EncodeSettings | None = None
    target_file: TargetFile | None = None


class OutdatedCause(Enum):
    """Why a row does not hold any more, in the order of a summary."""

    SOURCE_GONE = "source gone"
    SOURCE_CHANGED = "source changed"
    SETTINGS_CHANGED = "settings changed"
    ENCODER_CHANGED = "encoder changed"
    TARGET_ELSEWHERE = "target elsewhere"
    TARGET_CHANGED = "target changed"
    DECIDED_OTHERWISE = "decided otherwise"


class OutdatedRow(Struct, frozen=True, kw_only=True):
    """A row that is left out, and why; `detail` says more where there is more to say."""

    library_path: str
    path: str
    cause: OutdatedCause
    detail: str | None = None
