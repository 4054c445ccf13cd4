"""Planned rows as doit tasks: the source is the dependency, the AV1 file or the clip the target."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any

from doit.action import BaseAction
from doit.exceptions import TaskFailed

from av1rules.base.errors import Av1rulesError
from av1rules.base.events import Outcome
from av1rules.base.text import printable
from av1rules.ledger.receipt import JSON_SUFFIX, TEXT_SUFFIX
from av1rules.plan.items import (
    ActiveItem,
    Blocked,
    ClipState,
    Encode,
    Fresh,
    Held,
    LeftAlone,
    MakeClip,
    MeasureGrain,
    Plan,
    PlanItem,
    Prerequisite,
    RunItem,
    clip_of,
    work_of,
)
from av1rules.plan.task_names import CLIP_GROUP, GROUP, task_name

Builder = Callable[[RunItem, Prerequisite | None], Outcome]
"""Builds the target of a row, or does one step that comes before it, and says what came of it;
never raises an ordinary error."""

_NOT_DONE = (Outcome.FAILED, Outcome.NOT_ATTEMPTED, Outcome.OVER_BUDGET)
"""What doit is to take for a failure, so that it leaves out what depends on it."""


class JobNotDone(TaskFailed):  # type: ignore[misc]
    """The failure of a job that an event has reported already."""

    def __init__(self, row: RunItem, outcome: Outcome) -> None:
        super().__init__(f"{outcome.value}: {printable(row.file.library_path)}")


class EncodeAction(BaseAction):  # type: ignore[misc]
    """One encode, or a step before it, as a doit action. No PythonAction: that one swaps
    `sys.stdout`, which is not safe while other jobs' progress is being drawn from other threads."""

    def __init__(self, row: RunItem, build: Builder, step: Prerequisite | None = None) -> None:
        self._row = row
        self._build = build
        self._step = step
        self._process = os.getpid()
        self.task = None
        self.out = self.err = ""
        self.result: Any = None
        self.values: dict[str, Any] = {}

    def execute(self, out: Any = None, err: Any = None) -> TaskFailed | None:
        """doit's call: a `TaskFailed` for what failed, None for what is done or not worth doing."""
        if os.getpid() != self._process:
            return TaskFailed(
                "encodes run in threads, not in forked processes: use `doit -P thread`"
            )
        outcome = self._build(self._row, self._step)
        return JobNotDone(self._row, outcome) if outcome in _NOT_DONE else None

    def __str__(self) -> str:
        return f"av1rules: {printable(self._row.target or '')}"

    __repr__ = __str__


class LedgerState:
    """doit's `uptodate`: what the plan found by asking the ledger. Its text is what `doit info`
    shows as the reason."""

    def __init__(self, row: PlanItem) -> None:
        self._row = row

    def __call__(self) -> bool:
        return not isinstance(self._row, ActiveItem)

    def __repr__(self) -> str:
        return "; ".join(printable(cause) for cause in self._row.causes)


def encode_tasks(
    plan: Plan, build: Builder, *, clean: Callable[..., None]
) -> Iterator[dict[str, Any]]:
    """A doit task for each row that has a target, fresh ones included; held ones have none."""
    yield {"basename": GROUP, "name": None, "doc": "AV1 targets of the library, by rules.yaml"}
    if any(clip_of(row) is not None for row in plan.rows):
        yield {"basename": CLIP_GROUP, "name": None, "doc": "test clips that approval waits for"}
    known = {row.file.path: tuple(_known_search(row)) for row in plan.rows}
    for step in Prerequisite:
        is_known = step is Prerequisite.SEARCH and any(known.values())
        if is_known or any(step in steps_of(row) for row in plan.work):
            yield {"basename": step.value, "name": None, "doc": _STEP_DOCS[step]}
    for row in plan.rows:
        if isinstance(row, RunItem):
            yield from step_tasks(row, build)
        yield from known[row.file.path]
        if isinstance(row, ActiveItem | Fresh) or clip_of(row) is not None:
            yield row_task(row, build, clean=clean)
        elif isinstance(row, Blocked | Held | LeftAlone) and row.is_settled_by_attempt:
            yield _verdict_task(row)


_STEP_DOCS = {
    Prerequisite.MEASURE: "noise of films, for film_grain: auto and rules that ask for grain",
    Prerequisite.SEARCH: "CRFs for quality targets",
    Prerequisite.SAMPLE: "sample encodes: what would come out too large is not begun",
}


def steps_of(row: PlanItem) -> tuple[Prerequisite, ...]:
    """What comes before a row's own task."""
    if isinstance(row, MeasureGrain):
        return (Prerequisite.MEASURE,)
    return row.work.pending if isinstance(row, Encode | MakeClip) else ()


def step_tasks(row: RunItem, build: Builder) -> Iterator[dict[str, Any]]:
    """A task for each step that is due before a row's own, each after the one before."""
    before: list[str] = []
    for step in steps_of(row):
        path = row.work.origin.path if isinstance(row, ActiveItem) else row.file.path
        yield {
            "basename": step.value,
            "name": task_name(row.file.library_path),
            "doc": f"{_STEP_DOCS[step]}: {printable(row.file.library_path)}",
            "file_dep": [path],
            "task_dep": before,
            "uptodate": [False],
            "actions": [EncodeAction(row, build, step)],
        }
        before = [_step_name(row, step)]


def _known_search(row: PlanItem) -> Iterator[dict[str, Any]]:
    """A task for a search that is done: nothing to run, but `doit forget` has it done again."""
    work = work_of(row)
    if (
        work is None
        or work.recipe.settings.quality_target is None
        or Prerequisite.SEARCH in work.pending
    ):
        return
    yield {
        "basename": Prerequisite.SEARCH.value,
        "name": task_name(row.file.library_path),
        "doc": f"found: CRF {work.recipe.settings.crf:g}",
        "uptodate": [True],
        "actions": None,
    }


def _step_name(row: PlanItem, step: Prerequisite) -> str:
    return f"{step.value}:{task_name(row.file.library_path)}"


def row_task(row: PlanItem, build: Builder, *, clean: Callable[..., None]) -> dict[str, Any]:
    """The clip of a row that is not released, else its encode."""
    if (clip := clip_of(row)) is None:
        return encode_task(row, build, clean=clean)
    return clip_task(row, clip, build)


def _verdict_task(row: PlanItem) -> dict[str, Any]:
    """A task for a file that is not tried again: nothing to run, but `doit forget` frees it."""
    return {
        "basename": GROUP,
        "name": task_name(row.file.library_path),
        "doc": _doc(row),
        "uptodate": [True],
        "actions": None,
    }


def _doc(row: PlanItem) -> str:
    return f"{row.action.value}: {'; '.join(printable(cause) for cause in row.causes)}"


def encode_task(row: PlanItem, build: Builder, *, clean: Callable[..., None]) -> dict[str, Any]:
    return {
        "basename": GROUP,
        "name": task_name(row.file.library_path),
        "doc": _doc(row),
        # In mode replace both may be one file, which doit would take for a circle.
        "file_dep": [row.file.path] if row.file.path != row.target else [],
        "task_dep": _made_before(row),
        "targets": [row.target],
        "uptodate": [LedgerState(row)],
        "actions": _actions(row, build),
        "clean": [(clean, [row])],
    }


def clip_task(row: PlanItem, clip: ClipState, build: Builder) -> dict[str, Any]:
    """A test clip: it depends on the content of the source and on the settings."""
    origin = row.work.origin if isinstance(row, ActiveItem) else row.file
    return {
        "basename": CLIP_GROUP,
        "name": task_name(row.file.library_path),
        "doc": _doc(row),
        "file_dep": [origin.path],
        "task_dep": _made_before(row),
        "targets": [clip.path],
        "uptodate": [LedgerState(row)],
        "actions": _actions(row, build),
    }


def _actions(row: PlanItem, build: Builder) -> list[EncodeAction] | None:
    return [EncodeAction(row, build)] if isinstance(row, ActiveItem) else None


def _made_before(row: PlanItem) -> list[str]:
    """The task of this plan whose target is shared, and the last step before the row's own."""
    reuse = row.work.reuse if isinstance(row, ActiveItem) else None
    shared = [f"{GROUP}:{task_name(reuse.task)}"] if reuse is not None and reuse.task else []
    return [*shared, *(_step_name(row, step) for step in steps_of(row)[-1:])]


def clean_target(row: PlanItem, dryrun: bool = False) -> None:  # noqa: FBT001, FBT002 - doit's way
    """`doit clean`: remove a target that we wrote and its receipts, never the last copy of a film.

    Rows whose target is somebody else's file are blocked, and so are no tasks at all.
    """
    target = row.target
    if target is None or not os.path.lexists(target) or not _is_known(row):
        return
    if target == row.file.path:
        raise Av1rulesError(
            "kept: it stands in the place of its source; `av1rules undo` puts that back",
            where=printable(target),
        )
    if _is_of_other_content(row):
        raise Av1rulesError(
            "kept: it was made of another content than its source has now", where=printable(target)
        )
    if not os.path.exists(row.file.path):
        raise Av1rulesError(
            "kept: its source is gone, so this is the last copy", where=printable(target)
        )
    if not dryrun:
        for path in (target, f"{target}{JSON_SUFFIX}", f"{target}{TEXT_SUFFIX}"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def _is_of_other_content(row: PlanItem) -> bool:
    """Whether what stands there now is the result of a source that was renamed or replaced."""
    if not isinstance(row, ActiveItem):
        return False
    reuse, known = row.work.reuse, row.work.known
    is_moving = reuse is not None and reuse.is_move
    return is_moving or (known is not None and known.content_key != row.work.content_key)


def _is_known(row: PlanItem) -> bool:
    """Whether the plan found our own file there: fresh, or stale but ours."""
    if isinstance(row, ActiveItem):
        return row.work.found is not None
    return isinstance(row, Fresh)
