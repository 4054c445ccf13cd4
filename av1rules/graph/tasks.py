"""Planned rows as doit tasks. The source is the dependency, the AV1 file or the clip the target."""

from __future__ import annotations

import contextlib
import inspect
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
"""Builds the target of a row, or runs one of its prerequisites, and returns the outcome. Raises no
ordinary error."""

_NOT_DONE = (Outcome.FAILED, Outcome.NOT_ATTEMPTED, Outcome.OVER_BUDGET)
"""Failures for doit, which then skips the dependent tasks."""


class JobNotDone(TaskFailed):  # type: ignore[misc]
    """The failure of a job that an event has reported already."""

    def __init__(self, row: RunItem, outcome: Outcome) -> None:
        super().__init__(f"{outcome.value}: {printable(row.file.library_path)}")


class EncodeAction(BaseAction):  # type: ignore[misc]
    """One encode or prerequisite as a doit action. It is no PythonAction, since that replaces
    `sys.stdout`, which is not safe while other threads draw progress."""

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
        """Called by doit. Returns a `TaskFailed` for a failure, otherwise None."""
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
    """doit's `uptodate`: whether the plan found the row up to date. `doit info` shows its text as
    the reason."""

    # doit asks for the parameters of each before it calls it; to find them out costs more than all
    # else that it does for a film that is up to date.
    __signature__ = inspect.Signature()

    def __init__(self, row: PlanItem) -> None:
        self._row = row

    def __call__(self) -> bool:
        return not isinstance(self._row, ActiveItem)

    def __repr__(self) -> str:
        return "; ".join(printable(cause) for cause in self._row.causes)


def encode_tasks(
    plan: Plan, build: Builder, *, clean: Callable[..., object]
) -> Iterator[dict[str, Any]]:
    """The doit tasks of all rows that have a target, including fresh ones. Held rows have none."""
    yield {"basename": GROUP, "name": None, "doc": "AV1 targets of the library, by rules.yaml"}
    if any(clip_of(row) is not None for row in plan.rows.in_full):
        yield {"basename": CLIP_GROUP, "name": None, "doc": "test clips that approval waits for"}
    known = {row.file.path: tuple(_known_search(row)) for row in plan.rows.in_full}
    for step in Prerequisite:
        is_known = step is Prerequisite.SEARCH and any(known.values())
        if is_known or any(step in steps_of(row) for row in plan.work):
            yield {"basename": step.value, "name": None, "doc": _STEP_DOCS[step]}
    for row in plan.rows:
        if isinstance(row, RunItem):
            yield from step_tasks(row, build)
        yield from known.get(row.file.path, ())
        if isinstance(row, ActiveItem | Fresh) or clip_of(row) is not None:
            yield row_task(row, build, clean=clean)
        elif isinstance(row, Blocked | Held | LeftAlone) and row.is_settled_by_attempt:
            yield _verdict_task(row)


_STEP_DOCS = {
    Prerequisite.MEASURE: "noise of sources, for film_grain: auto and grain conditions",
    Prerequisite.SEARCH: "CRFs for quality targets",
    Prerequisite.SAMPLE: "sample encodes: an encode that would be too large is not started",
}


def steps_of(row: PlanItem) -> tuple[Prerequisite, ...]:
    """The pending prerequisites of a row."""
    if isinstance(row, MeasureGrain):
        return (Prerequisite.MEASURE,)
    return row.work.pending if isinstance(row, Encode | MakeClip) else ()


def step_tasks(row: RunItem, build: Builder) -> Iterator[dict[str, Any]]:
    """A task for each pending prerequisite of a row, each after the one before."""
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
    """A task for a finished search. It runs nothing; `doit forget` on it repeats the search."""
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


def row_task(row: PlanItem, build: Builder, *, clean: Callable[..., object]) -> dict[str, Any]:
    """The task of the row's clip if the row waits for one, otherwise of its encode."""
    if (clip := clip_of(row)) is None:
        return encode_task(row, build, clean=clean)
    return clip_task(row, clip, build)


def _verdict_task(row: PlanItem) -> dict[str, Any]:
    """A task for a source that is not tried again. It runs nothing; `doit forget` on it allows
    another try."""
    return {
        "basename": GROUP,
        "name": task_name(row.file.library_path),
        "doc": _doc(row),
        "uptodate": [True],
        "actions": None,
    }


def _doc(row: PlanItem) -> str:
    return f"{row.action.value}: {'; '.join(printable(cause) for cause in row.causes)}"


def encode_task(row: PlanItem, build: Builder, *, clean: Callable[..., object]) -> dict[str, Any]:
    return {
        "basename": GROUP,
        "name": task_name(row.file.library_path),
        "doc": _doc(row),
        # In mode replace both may be one file, which doit would report as a cycle.
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
    """The tasks that must run before a row's own: that of a shared target, and the last
    prerequisite."""
    reuse = row.work.reuse if isinstance(row, ActiveItem) else None
    shared = [f"{GROUP}:{task_name(reuse.task)}"] if reuse is not None and reuse.task else []
    return [*shared, *(_step_name(row, step) for step in steps_of(row)[-1:])]


class NotCleaned(TaskFailed):  # type: ignore[misc]
    """A target that `doit clean` keeps; doit writes this text to stderr as it is."""

    def __init__(self, row: PlanItem, problem: Exception) -> None:
        super().__init__(f"{printable(row.file.library_path)}: {problem}")

    def __str__(self) -> str:
        return f"{self.message}\n"


def clean_task(row: PlanItem, dryrun: bool = False) -> NotCleaned | None:  # noqa: FBT001, FBT002 - doit's way
    """`doit clean` for one row. A refusal is the reason alone: of an exception doit would show the
    traceback. Either way doit goes on to the next task, and ends with 0."""
    try:
        clean_target(row, dryrun=dryrun)
    except (Av1rulesError, OSError) as problem:
        return NotCleaned(row, problem)
    return None


def clean_target(row: PlanItem, *, dryrun: bool = False) -> None:
    """Remove a target that av1rules wrote and its receipts. Raises Av1rulesError where it is the
    last copy, OSError.

    A row whose target is another file is blocked and so has no task.
    """
    target = row.target
    if target is None or not os.path.lexists(target) or not _is_known(row):
        return
    if target == row.file.path:
        raise Av1rulesError(
            "kept: it has replaced its source; `av1rules undo` restores that",
            where=printable(target),
        )
    if _is_of_other_content(row):
        raise Av1rulesError(
            "kept: it was made from another content than its source has now",
            where=printable(target),
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
    """Whether the target was made from a source that has been renamed or replaced since."""
    if not isinstance(row, ActiveItem):
        return False
    reuse, known = row.work.reuse, row.work.known
    is_moving = reuse is not None and reuse.is_move
    return is_moving or (known is not None and known.content_key != row.work.content_key)


def _is_known(row: PlanItem) -> bool:
    """Whether the plan found a target there that av1rules wrote, fresh or stale."""
    if isinstance(row, ActiveItem):
        return row.work.found is not None
    return isinstance(row, Fresh)
