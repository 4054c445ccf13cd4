"""A library of one film (or many), planned and run through the command line as a user would."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.media_truth.look import Json

LIMIT_S = 600
ROUNDS = 5
"""Accepting one loss may show the next; more rounds than that is a plan that never ends."""

RULES = """\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: {mode}{root}}}
run: {{reserve: 0}}
rules:
  - name: all
    encode: {{{settings}}}
    review: never
"""
FAST = "crf: 50, preset: 12, film_grain: 0, max_size_ratio: 50, force: true"

ACCEPT = re.compile(r"`accept: \[([a-z0-9, -]+)\]`")
REMEDY = re.compile(r"`[^`]+`|\b(move|rename|remove|get|install|update|skip|free|use|map)\b")
"""How a person knows what to do: a setting or command to type, or a thing to do."""

PARKED = "parked until"
"""An encode that fails each time is not tried for ever: no outcome for a healthy film."""


@dataclass
class Shelf:
    """`films/` and `rules.yaml` in a folder. `accepted` grows as the plan offers it."""

    folder: Path
    mode: str = "mirror"
    settings: str = ""
    accepted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.films.mkdir(parents=True, exist_ok=True)

    @property
    def films(self) -> Path:
        return self.folder / "films"

    def films_apart(self) -> Path:
        """A folder of the same disk that is no part of the library."""
        made = self.folder / "making"
        made.mkdir(exist_ok=True)
        return made

    def write_rules(self) -> None:
        settings = ", ".join(filter(None, (FAST, self.settings)))
        if self.accepted:
            settings += f", accept: [{', '.join(sorted(self.accepted))}]"
        root = ", root: out" if self.mode == "mirror" else ""
        text = RULES.format(mode=self.mode, root=root, settings=settings)
        (self.folder / "rules.yaml").write_text(text)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "av1rules", *arguments],
            cwd=self.folder, capture_output=True, text=True, stdin=subprocess.DEVNULL,
            timeout=LIMIT_S, check=False,
        )  # fmt: skip

    def plan(self) -> list[Json]:
        made = self.command("plan", "--json")
        assert made.returncode in (0, 1), made.stderr
        rows: list[Json] = json.loads(made.stdout)["rows"]
        return rows

    def run(self) -> list[Json]:
        """The events of a run."""
        made = self.command("run", "--json")
        assert made.returncode in (0, 1), made.stderr
        return [json.loads(line) for line in made.stdout.splitlines()]


@dataclass(frozen=True)
class Outcome:
    """What became of a film: its target, or why there is none; and all that was said of it."""

    target: Path | None
    accepted: frozenset[str]
    said: str
    refusal: str = ""


def take_through(shelf: Shelf, name: str) -> Outcome:
    """Plan and run a film until it is published or refused for good, accepting what is offered."""
    said: list[str] = []
    for _ in range(ROUNDS):
        shelf.write_rules()
        row = _row_of(shelf, name)
        said += [*row["causes"], *row["notes"]]
        accepted = frozenset(shelf.accepted)
        if row["action"] != "encode":
            offered = offers(row["causes"])
            if not offered - accepted:
                return Outcome(None, accepted, "\n".join(said), "; ".join(row["causes"]))
            shelf.accepted |= offered
            continue
        failure = _failure(shelf.run())
        if not failure and Path(row["target"]).is_file():
            return Outcome(Path(row["target"]), accepted, "\n".join(said))
        said.append(failure)
    return Outcome(None, frozenset(shelf.accepted), "\n".join(said), PARKED)


def offers(causes: list[str]) -> frozenset[str]:
    """The `accept:` values that the plan names."""
    found = (match for cause in causes for match in ACCEPT.findall(cause))
    return frozenset(word.strip() for words in found for word in words.split(","))


def has_way_out(refusal: str) -> bool:
    """Whether it says what to do. Trying again what failed before is no way out."""
    if PARKED in refusal:
        return False
    return REMEDY.search(refusal) is not None


def _row_of(shelf: Shelf, name: str) -> Json:
    rows = [row for row in shelf.plan() if Path(row["path"]).name == name]
    assert len(rows) == 1, f"{name} is planned {len(rows)} times"
    return rows[0]


def _failure(events: list[Json]) -> str:
    failed = [one for one in events if one["type"] in ("job_failed", "job_discarded")]
    return "; ".join(f"{one.get('message', one)} {one.get('hint') or ''}".strip() for one in failed)
