"""Planned rows as doit tasks: the source is the dependency, the AV1 file or the clip the target."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any

from doit.action import BaseAction
from doit.exceptions import TaskFailed

from av1rules.base.errors import Av1rulesError
from av1rules.base.text import printable
from av1rules.execute.session import Outcome
from av1rules.ledger.receipt import JSON_SUFFIX, TEXT_SUFFIX
from av1rules.plan.items import ACTIVE, ClipState, Plan, PlanAction, PlanRow, Prerequisite
from av1rules.plan.task_names import CLIP_GROUP, GROUP, task_name

Builder = Callable[[PlanRow, Prerequisite | None], Outcome]
"""Builds the target of a row, or does one step that comes before it, and says what came of it;
never raises an ordinary error."""

_DONE = (Outcome.PREPARED, Outcome.DONE, Outcome.CLIP_MADE, Outcome.MOVED, Outcome.COPIED)
_SETTLED = (Outcome.DISCARDED, Outcome.NO_ACCEPTABLE_CRF)
"""Nothing failed, and nothing more is to be done for the row."""


def until_settled(build: Builder) -> Builder:
    """`build`, but for rows that one of their steps settled: nothing is left to do for those."""
    settled: dict[str, Outcome] = {}

    def build_next(row: PlanRow, step: Prerequisite | None) -> Outcome:
        if row.file.path in settled:
            return settled[row.file.path]
        outcome = build(row, step)
        if step is not None and outcome in _SETTLED:
            settled[row.file.path] = outcome
        return outcome

    return build_next


class EncodeAction(BaseAction):  # type: ignore[misc]
    """One encode, or a step before it, as a doit action. No PythonAction: that one swaps
    `sys.stdout`, which is not safe while other jobs' progress is being drawn from other threads."""

    def __init__(self, row: PlanRow, build: Builder, step: Prerequisite | None = None) -> None:
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
        if outcome in _DONE or outcome in _SETTLED:
            return None
        return TaskFailed(f"{outcome.value}: {printable(self._row.file.library_path)}")

    def __str__(self) -> str:
        return f"av1rules: {printable(self._row.target or '')}"

    __repr__ = __str__


class LedgerState:
    """doit's `uptodate`: what the plan found by asking the ledger. Its text is what `doit info`
    shows as the reason."""

    def __init__(self, row: PlanRow) -> None:
        self._row = row

    def __call__(self) -> bool:
        clip = self._row.clip
        return self._row.action is PlanAction.FRESH if clip is None else clip.is_made

    def __repr__(self) -> str:
        return "; ".join(printable(cause) for cause in self._row.causes)


def encode_tasks(
    plan: Plan, build: Builder, *, clean: Callable[..., None]
) -> Iterator[dict[str, Any]]:
    """A doit task for each row that has a target, fresh ones included; held ones have none."""
    build = until_settled(build)
    yield {"basename": GROUP, "name": None, "doc": "AV1 targets of the library, by rules.yaml"}
    if any(row.clip is not None for row in plan.rows):
        yield {"basename": CLIP_GROUP, "name": None, "doc": "test clips that approval waits for"}
    known = {row.file.path: tuple(_known_search(row)) for row in plan.rows}
    for step in Prerequisite:
        is_known = step is Prerequisite.SEARCH and any(known.values())
        if is_known or any(step in steps_of(row) for row in plan.work):
            yield {"basename": step.value, "name": None, "doc": _STEP_DOCS[step]}
    for row in plan.rows:
        yield from step_tasks(row, build)
        yield from known[row.file.path]
        if row.clip is not None or row.action in (*ACTIVE, PlanAction.FRESH):
            yield row_task(row, build, clean=clean)
        elif row.is_settled_by_attempt:
            yield _verdict_task(row)


_STEP_DOCS = {
    Prerequisite.MEASURE: "noise of films, for film_grain: auto and rules that ask for grain",
    Prerequisite.SEARCH: "CRFs for quality targets",
    Prerequisite.SAMPLE: "sample encodes: what would come out too large is not begun",
}


def steps_of(row: PlanRow) -> tuple[Prerequisite, ...]:
    """What comes before a row's own task."""
    if row.action is PlanAction.MEASURE:
        return (Prerequisite.MEASURE,)
    if row.work is None or row.action not in (PlanAction.ENCODE, PlanAction.CLIP):
        return ()
    return row.work.due


def step_tasks(row: PlanRow, build: Builder) -> Iterator[dict[str, Any]]:
    """A task for each step that is due before a row's own, each after the one before."""
    before: list[str] = []
    for step in steps_of(row):
        path = row.file.path if row.work is None else row.work.origin.path
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


def _known_search(row: PlanRow) -> Iterator[dict[str, Any]]:
    """A task for a search that is done: nothing to run, but `doit forget` has it done again."""
    work = row.work or row.later
    if work is None or work.recipe.settings.target is None or Prerequisite.SEARCH in work.due:
        return
    yield {
        "basename": Prerequisite.SEARCH.value,
        "name": task_name(row.file.library_path),
        "doc": f"found: CRF {work.recipe.settings.crf:g}",
        "uptodate": [True],
        "actions": None,
    }


def _step_name(row: PlanRow, step: Prerequisite) -> str:
    return f"{step.value}:{task_name(row.file.library_path)}"


def row_task(row: PlanRow, build: Builder, *, clean: Callable[..., None]) -> dict[str, Any]:
    """The clip of a row that is not released, else its encode."""
    if row.clip is None:
        return encode_task(row, build, clean=clean)
    return clip_task(row, row.clip, build)


def _verdict_task(row: PlanRow) -> dict[str, Any]:
    """A task for a file that is not tried again: nothing to run, but `doit forget` frees it."""
    return {
        "basename": GROUP,
        "name": task_name(row.file.library_path),
        "doc": _doc(row),
        "uptodate": [True],
        "actions": None,
    }


def _doc(row: PlanRow) -> str:
    return f"{row.action.value}: {'; '.join(printable(cause) for cause in row.causes)}"


def encode_task(row: PlanRow, build: Builder, *, clean: Callable[..., None]) -> dict[str, Any]:
    return {
        "basename": GROUP,
        "name": task_name(row.file.library_path),
        "doc": _doc(row),
        # In mode replace both may be one file, which doit would take for a circle.
        "file_dep": [row.file.path] if row.file.path != row.target else [],
        "task_dep": _made_before(row),
        "targets": [row.target],
        "uptodate": [LedgerState(row)],
        "actions": [EncodeAction(row, build)],
        "clean": [(clean, [row])],
    }


def clip_task(row: PlanRow, clip: ClipState, build: Builder) -> dict[str, Any]:
    """A test clip: it depends on the content of the source and on the settings."""
    origin = row.file if row.work is None else row.work.origin
    return {
        "basename": CLIP_GROUP,
        "name": task_name(row.file.library_path),
        "doc": _doc(row),
        "file_dep": [origin.path],
        "task_dep": _made_before(row),
        "targets": [clip.path],
        "uptodate": [LedgerState(row)],
        "actions": [EncodeAction(row, build)],
    }


def _made_before(row: PlanRow) -> list[str]:
    """The task of this plan whose target is shared, and the last step before the row's own."""
    donor = row.work.donor if row.work is not None else None
    shared = [f"{GROUP}:{task_name(donor.task)}"] if donor is not None and donor.task else []
    return [*shared, *(_step_name(row, step) for step in steps_of(row)[-1:])]


def clean_target(row: PlanRow, dryrun: bool = False) -> None:  # noqa: FBT001, FBT002 - doit's way
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


def _is_of_other_content(row: PlanRow) -> bool:
    """Whether what stands there now is the result of a source that was renamed or replaced."""
    work = row.work
    if work is None:
        return False
    is_moving = work.donor is not None and work.donor.is_move
    return is_moving or (work.known is not None and work.known.content_key != work.content_key)


def _is_known(row: PlanRow) -> bool:
    """Whether the plan found our own file there: fresh, or stale but ours."""
    return row.action is PlanAction.FRESH or (row.work is not None and row.work.found is not None)
