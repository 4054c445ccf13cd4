"""doit's choice of the next task, made by the gate of the run: order, holds, the end of a round."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, overload

from doit.cmd_run import Run
from doit.control import TaskDispatcher
from doit.doit_cmd import DoitMain

from av1rules.execute.control.gate import ControlGate
from av1rules.plan.items import RunItem


class GatedDispatcher(TaskDispatcher):  # type: ignore[misc]
    """Asks the gate each time a slot is free. doit gives out one task after another as slots get
    free, so what a user moves to the front comes next. While all tasks are held it waits, in doit's
    main thread, which has nothing else to do then: no slot could be filled."""

    def __init__(self, plain: Any, gate: ControlGate, rows: Mapping[str, RunItem]) -> None:
        super().__init__(plain.tasks, plain.targets, plain.selected_tasks)
        self._gate = gate
        self._rows = rows

    def _get_next_node(self, ready: deque[Any], tasks_to_run: list[str]) -> Any:
        """`tasks_to_run` has the names of tasks that doit did not look at yet, the next one
        last."""
        while ready or tasks_to_run:
            chosen = self._gate.choose(_Waiting(ready, tasks_to_run, self._rows))
            if chosen is None:
                self.waiting.clear()  # for tasks that are not begun either
                return None
            if chosen < len(ready):
                node = ready[chosen]
                del ready[chosen]
                return node
            name = tasks_to_run.pop(len(ready) - 1 - chosen)
            if (node := self._gen_node(None, name)) is not None:
                return node
        return None


class _Waiting(Sequence[RunItem]):
    """The rows of all tasks that may come next, in doit's order; made one by one, since there may
    be a hundred thousand and the first one is nearly always it."""

    def __init__(
        self, ready: deque[Any], tasks_to_run: list[str], rows: Mapping[str, RunItem]
    ) -> None:
        self._ready = ready
        self._names = tasks_to_run
        self._rows = rows

    def __len__(self) -> int:
        return len(self._ready) + len(self._names)

    @overload
    def __getitem__(self, at: int) -> RunItem: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[RunItem]: ...
    def __getitem__(self, at: int | slice) -> RunItem | Sequence[RunItem]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        count = len(self._ready)
        name = self._ready[at].task.name if at < count else self._names[count - 1 - at]
        return self._rows[name]


class GatedRun(Run):  # type: ignore[misc]
    """`doit run` with that dispatcher."""

    gate: ControlGate
    rows: Mapping[str, RunItem]
    _control: Any = None

    @property
    def control(self) -> Any:
        return self._control

    @control.setter
    def control(self, control: Any) -> None:
        """doit sets it when it has the tasks, and asks it for the dispatcher."""
        plain = control.task_dispatcher
        control.task_dispatcher = lambda: GatedDispatcher(plain(), self.gate, self.rows)
        self._control = control


def gated_doit(gate: ControlGate, rows: Mapping[str, RunItem]) -> type[DoitMain]:
    """doit whose `run` asks this gate. `rows` are those of the tasks, by their names."""
    command = type("GatedRunHere", (GatedRun,), {"gate": gate, "rows": rows, "name": "run"})
    return type("GatedDoit", (DoitMain,), {"DOIT_CMDS": (command,)})
