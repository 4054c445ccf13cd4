"""What may be on the disks after power was lost: three models of file systems.

- *journal*: all changes of names are in one order, and any sync of the file system makes those
  before it durable (ext4, XFS with its log, NTFS).
- *ancestors*: each folder by itself, but the sync of a new file or folder makes the names on the
  way to it durable too (Btrfs, F2FS).
- *strict*: each folder's names are durable by a sync of that folder only, and a move from one
  folder to another is two changes. This is all that POSIX promises.

In all of them a file's bytes are durable by a sync of that file only. What was not synced may be
there or not: a *choice* says how much.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from tests.powerloss.disk import (
    Bytes,
    Content,
    Names,
    Recording,
    State,
    Step,
    content_after,
    steps_by_object,
)


class Model(Enum):
    JOURNAL = "journal"
    ANCESTORS = "ancestors"
    STRICT = "strict"


class Choice(Enum):
    """What of the unsynced is there after all."""

    LEAST = "nothing"
    MOST = "everything"
    NAMES = "names without bytes"
    ZEROS = "names and sizes, bytes as zeros"
    DATA = "bytes without names"
    SOME = "some, at random"


@dataclass(frozen=True)
class Loss:
    """How one file system loses power."""

    model: Model
    choice: Choice
    seed: int = 0


CHOICES = (
    (Choice.LEAST, 0), (Choice.MOST, 0), (Choice.NAMES, 0), (Choice.ZEROS, 0), (Choice.DATA, 0),
    (Choice.SOME, 1), (Choice.SOME, 2), (Choice.SOME, 3),
)  # fmt: skip


@dataclass
class Durable:
    """What must be there: of each object so many of its changes; of each disk the changes of names
    before this step."""

    counts: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    names_before: dict[str, int] = field(default_factory=lambda: defaultdict(int))


@lru_cache(maxsize=8)
def durable_at(recording: Recording, end: int, model: Model, without: frozenset[str]) -> Durable:
    """What the syncs among the first `end` steps made durable under this model. Syncs that one of
    the lines `without` asked for are left out."""
    durable, totals = Durable(), defaultdict[int, int](int)
    where: dict[int, tuple[int, int]] = {}  # the folder of each new object, and its change there
    known: set[int] = {n for n, thing in enumerate(recording.things) if thing.is_old}
    pending: dict[int, list[tuple[int, int]]] = defaultdict(list)

    def settle(folder: int, count: int) -> None:
        durable.counts[folder] = max(durable.counts[folder], count)
        known.update(number for at, number in pending[folder] if at <= count)
        pending[folder] = [one for one in pending[folder] if one[0] > count]

    for at, step in enumerate(recording.steps[:end]):
        if isinstance(step, Bytes):
            totals[step.number] += 1
        elif isinstance(step, Names):
            for folder in dict.fromkeys(folder for folder, _, _ in step.changes):
                totals[folder] += 1
            for folder, _, number in step.changes:
                if number is not None:
                    where[number] = (folder, totals[folder])
                    pending[folder].append((totals[folder], number))
        elif not without.intersection(step.lines):
            durable.names_before[recording.things[step.number].disk] = at
            settle(step.number, totals[step.number])
            number = step.number
            while model is Model.ANCESTORS and number not in known and number in where:
                folder, count = where[number]
                settle(folder, count)
                number = folder
    return durable


def state_at(
    recording: Recording,
    end: int,
    losses: Mapping[str, Loss],
    *,
    without: frozenset[str] = frozenset(),
) -> State:
    """The state if power goes after the first `end` steps. `losses` by file system."""
    durables = {
        model: durable_at(recording, end, model, without)
        for model in {loss.model for loss in losses.values()}
    }
    changes = steps_by_object(recording, end)
    cuts = {
        disk: _names_before(durables[loss.model].names_before[disk], end, loss)
        for disk, loss in losses.items()
    }
    names: dict[int, dict[bytes, int]] = {}
    data: dict[int, Content] = {}
    for number, thing in enumerate(recording.things):
        loss, mine = losses[thing.disk], changes.get(number, [])
        least = durables[loss.model].counts[number]
        if thing.is_folder and loss.model is Model.JOURNAL:
            count = sum(at < cuts[thing.disk] for at, _ in mine)
        else:
            count = _count(number, thing.is_folder, least, len(mine), loss)
        if thing.is_folder:
            names[number] = _names_after(thing.names, number, mine[:count])
        else:
            zeros_from = least if loss.choice is Choice.ZEROS else count
            data[number] = _content(recording, number, mine[:count], zeros_from)
    return State(names, data)


def _names_before(durable: int, end: int, loss: Loss) -> int:
    if loss.choice in (Choice.LEAST, Choice.DATA):
        return durable
    if loss.choice is Choice.SOME:
        return random.Random(f"{loss.seed} {end}").randint(durable, end)
    return end


def _count(number: int, is_folder: bool, least: int, most: int, loss: Loss) -> int:
    """How many of the changes of an object are there."""
    if loss.choice is Choice.SOME:
        return random.Random(f"{loss.seed} {number} {most}").randint(least, most)
    whole = {Choice.MOST, Choice.ZEROS, Choice.NAMES if is_folder else Choice.DATA}
    return most if loss.choice in whole else least


def _names_after(
    start: dict[bytes, int], folder: int, steps: list[tuple[int, Step]]
) -> dict[bytes, int]:
    names = dict(start)
    for _, step in steps:
        assert isinstance(step, Names)
        for place, name, number in step.changes:
            if place == folder and number is None:
                names.pop(name, None)
            elif place == folder and number is not None:
                names[name] = number
    return names


def _content(
    recording: Recording, number: int, steps: list[tuple[int, Step]], zeros_from: int
) -> Content:
    """The bytes after these writes, of which those from `zeros_from` on left zeros."""
    key = (number, len(steps), zeros_from)
    if key not in recording.contents:
        writes = [step for _, step in steps if isinstance(step, Bytes)]
        kept, lost = writes[:zeros_from], writes[zeros_from:]
        kept += [
            Bytes(one.number, one.offset, None if one.data is None else bytes(len(one.data)))
            for one in lost
        ]
        recording.contents[key] = content_after(recording.things[number].data, kept)
    return recording.contents[key]


@dataclass(frozen=True)
class Crash:
    """A state, and how it came to be."""

    state: State
    name: str
    end: int


def crashes(
    recording: Recording,
    losses: Mapping[str, Mapping[str, Loss]],
    seen: set[str],
    *,
    without: frozenset[str] = frozenset(),
) -> Iterator[Crash]:
    """Every state that is not among `seen` yet; adds them. `losses` of each disk, by a name."""
    for end in recording.boundaries():
        for name, one in losses.items():
            state = state_at(recording, end, one, without=without)
            digest = state.digest(recording)
            if digest not in seen:
                seen.add(digest)
                yield Crash(state, f"{name}, before {_step_text(recording, end)}", end)


def some_crashes(
    recording: Recording, losses: Mapping[str, Mapping[str, Loss]], count: int, seed: str
) -> Iterator[Crash]:
    """So many states, at random."""
    turn, ends = random.Random(seed), list(recording.boundaries())
    for _ in range(count):
        end, name = turn.choice(ends), turn.choice(list(losses))
        state = state_at(recording, end, losses[name])
        yield Crash(state, f"{name}, before {_step_text(recording, end)}", end)


def _step_text(recording: Recording, end: int) -> str:
    if end == len(recording.steps):
        return "the end"
    step = recording.steps[end]
    return f"step {end}" if isinstance(step, Bytes) else f"step {end}, {step.text}"


def one_model(model: Model, disks: set[str]) -> dict[str, dict[str, Loss]]:
    """All file systems lose alike."""
    return {
        f"{model.value}, {choice.value} {seed or ''}".strip(): dict.fromkeys(
            disks, Loss(model, choice, seed)
        )
        for choice, seed in CHOICES
    }


def uneven(disks: set[str], loser: str) -> dict[str, dict[str, Loss]]:
    """One file system is strict and keeps nothing that was not synced, the others keep all or have
    a journal; and the other way round."""
    most, least = Loss(Model.STRICT, Choice.MOST), Loss(Model.STRICT, Choice.LEAST)
    zeros, journal = Loss(Model.STRICT, Choice.ZEROS), Loss(Model.JOURNAL, Choice.LEAST)
    pairs = {
        "most": (least, most), "zeros": (zeros, most), "journal": (least, journal),
    }  # fmt: skip
    return {
        f"{loser} loses more than the others ({name})": {
            disk: worse if disk == loser else better for disk in disks
        }
        for name, (worse, better) in pairs.items()
    }
