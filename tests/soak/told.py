"""Strict servers that a library's life is told of, and what they must have been told at its end."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from av1rules.ledger.ledger import Ledger
from av1rules.ledger.outbox.table import OutboxState
from tests.fakes.neighbours import KEY, FakeHook, FakeJellyfin, FakeServer, Fault

FAULTS = (
    Fault.UNAUTHORIZED, Fault.NOT_FOUND, Fault.TOO_MANY, Fault.BROKEN, Fault.DROPPED, Fault.SLOW,
    Fault.REDIRECT, Fault.LOST_ANSWER,
)  # fmt: skip

RULES = """\
neighbours:
  hook:
    type: webhook
    url: {hook}
    secret: {{env: NEIGHBOUR_KEY}}
    on: [published, renamed, removed, failed, run_finished]
    timeout: 2s
  den: {{type: jellyfin, url: {den}, token: {{env: NEIGHBOUR_KEY}}, timeout: 2s}}
"""

ENVIRON = {"NEIGHBOUR_KEY": KEY}


@dataclass
class Told:
    """`interruptions` of the watcher: each may have an event told a second time, with its key."""

    hook: FakeHook = field(default_factory=FakeHook)
    den: FakeJellyfin = field(default_factory=FakeJellyfin)
    interruptions: int = 0

    @property
    def servers(self) -> tuple[FakeServer, ...]:
        return (self.hook, self.den)

    def rules(self) -> str:
        return RULES.format(hook=self.hook.url, den=self.den.url)

    def is_all_told(self, state_dir: Path) -> bool:
        with closing(Ledger.read(state_dir)) as ledger:
            return ledger.outbox.count_waiting() == 0

    def faults(self, state_dir: Path, targets: set[str]) -> list[str]:
        """What neighbours were not told, or too often, or of what is not so. `targets` are the
        paths of all targets that are there."""
        with closing(Ledger.read(state_dir)) as ledger:
            entries = tuple(ledger.outbox.select("ORDER BY id"))
        of_hook = {one.key: one for one in entries if one.neighbour == "hook"}
        found = [
            f"{one.neighbour}: {one.event.value} of {one.film}: {one.state.value}: {one.problem}"
            for one in entries
            if one.state is not OutboxState.DONE
        ]
        found += [f"hook was told of nothing by {key}" for key in self.hook.seen - of_hook.keys()]
        found += [
            f"hook was never told: {one.event.value} of {one.film}"
            for key, one in of_hook.items()
            if key not in self.hook.seen
        ]
        repeats = sum(self.hook.seen.values()) - len(self.hook.seen)
        allowed = self.interruptions + self.hook.lost_answers
        if repeats > allowed:
            found.append(f"hook was told {repeats} events again, after {allowed} lost answers")
        for name, known in (("hook", self._known_to_hook()), ("den", self._known_to_den())):
            found += [f"{name} was not told of {path}" for path in targets - known]
            found += [f"{name} believes in {path}, which is gone" for path in known - targets]
        return found

    def _known_to_hook(self) -> set[str]:
        """The targets that are there, for who takes each event once."""
        events = {call.body["id"]: call.body for call in self.hook.calls}
        known: set[str] = set()
        for event in events.values():
            known.discard(event["old_path"])
            if event["new_path"] is not None:
                known.add(event["new_path"])
        return known

    def _known_to_den(self) -> set[str]:
        known: set[str] = set()
        for call in self.den.calls:
            for update in call.body["Updates"]:
                is_gone = update["UpdateType"] == "Deleted"
                (known.discard if is_gone else known.add)(update["Path"])
        return known
