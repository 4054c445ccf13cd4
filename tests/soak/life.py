"""Hours of the life of a library in minutes: files arrive slowly, are renamed, replaced and
deleted, users pause and edit, disks go, and the watcher is killed at random.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from av1rules.base.files import is_temp_name
from av1rules.base.hashing import file_digest
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.provenance import parse_provenance
from tests.service.watched import WatchedLibrary
from tests.soak.told import FAULTS, Told

Deed = Callable[[], None]

SETTLE_S = 1.0


@dataclass
class Life:
    """What happens to a library; every deed is one that users, disks or kernels do."""

    library: WatchedLibrary
    chance: random.Random
    told: Told
    contents: dict[str, str] = field(default_factory=dict)
    """What each film is now, by its name: the text of its clip."""
    deeds: list[str] = field(default_factory=list)
    growing: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    made: int = 0
    crf: int = 50

    def live(self, seconds: float) -> None:
        """So many seconds of it."""
        self.library.encode_s = 0.2
        self._rules()
        self.library.start()
        until = time.monotonic() + seconds
        deeds: list[tuple[Deed, int]] = [
            (self.arrives, 6), (self.arrives_slowly, 4), (self.grows, 8), (self.is_renamed, 4),
            (self.is_replaced, 3), (self.is_deleted, 3), (self.is_killed, 3), (self.is_ended, 1),
            (self.is_hung_up, 1), (self.is_paused, 1), (self.is_edited, 1), (self.is_broken, 1),
            (self.disk_goes, 1), (self.is_spoken_of, 2), (self.runs_beside, 1),
            (self.hours_end, 1), (self.neighbour_fails, 4), (self.neighbour_is_well, 2),
        ]  # fmt: skip
        choices, weights = [one for one, _ in deeds], [weight for _, weight in deeds]
        while time.monotonic() < until:
            (deed,) = self.chance.choices(choices, weights)
            self.deeds.append(deed.__name__)
            deed()
            time.sleep(self.chance.uniform(0.0, 0.6))

    def comes_to_rest(self) -> None:
        """Nothing more happens, and the watcher has time for all."""
        while self.growing:
            self.grows()
        if self.library.process is None:
            self.library.start()
        self.library.call("resume")
        self.neighbour_is_well()
        self.library.until(self._is_at_rest, "the library as a run would make it")

    # --- films

    @property
    def _films(self) -> Path:
        return self.library.folder / "films"

    def _name(self) -> str:
        self.made += 1
        folder = self.chance.choice(("", "s1/", "s2/"))
        return f"{folder}film{self.made}.mkv"

    def _any(self) -> str | None:
        names = sorted(self.contents.keys() - self.growing.keys())
        return self.chance.choice(names) if names else None

    def arrives(self) -> None:
        name = self._name()
        self.contents[name] = name
        self.library.add(name)

    def arrives_slowly(self) -> None:
        """A download into the library itself: half of it first."""
        name = self._name()
        data = self.library.clips("clip.mkv", name).read_bytes()
        path = self._films / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data[: len(data) // 4])
        self.contents[name] = name
        self.growing[name] = (data, len(data) // 4)

    def grows(self) -> None:
        for name, (data, size) in tuple(self.growing.items()):
            now = size + len(data) // 4
            with (self._films / name).open("ab") as file:
                file.write(data[size:now])
            self.growing[name] = (data, now)
            if now >= len(data):
                del self.growing[name]

    def is_renamed(self) -> None:
        if (old := self._any()) is not None:
            new = self._name()
            (self._films / new).parent.mkdir(parents=True, exist_ok=True)
            (self._films / old).rename(self._films / new)
            self.contents[new] = self.contents.pop(old)

    def is_replaced(self) -> None:
        if (name := self._any()) is not None:
            self.made += 1
            self.contents[name] = f"better {self.made}"
            self.library.add(name, self.contents[name])

    def is_deleted(self) -> None:
        name = self._any()
        if name is not None and len(self.contents) > 12:  # fewer would look like a lost disk
            (self._films / name).unlink()
            del self.contents[name]

    # --- the watcher

    def is_killed(self) -> None:
        if self.library.process is not None:
            self.library.kill()
            self.told.interruptions += 1
        self.library.start()

    def is_ended(self) -> None:
        assert self.library.process is not None
        self.library.until(lambda: self.library.state() is not None, "a watcher at work")
        assert self.library.stop() == 0
        self.told.interruptions += 1  # a call that was not answered in time is made again
        self.library.start()

    def is_hung_up(self) -> None:
        self.library.until(lambda: self.library.state() is not None, "a watcher at work")
        self.library.signal(signal.SIGHUP)

    def is_paused(self) -> None:
        self.library.call("pause")
        time.sleep(self.chance.uniform(0, 2))
        self.library.call("resume")

    def is_edited(self) -> None:
        self.crf = self.chance.choice((40, 45, 50))
        self._rules()

    def _rules(self, more: str = "") -> None:
        more += self.told.rules()
        self.library.rules(interval=3, settle=SETTLE_S, crf=self.crf, jobs=2, more=more)

    def hours_end(self) -> None:
        """It is the wrong time of day for a while."""
        now = datetime.now().astimezone()
        begin, end = now + timedelta(hours=3), now + timedelta(hours=4)
        hours = f"schedule: {{hours: '{begin:%H:%M}-{end:%H:%M}'}}\n"
        self._rules(hours)
        time.sleep(self.chance.uniform(0, 14))
        self._rules()

    def is_broken(self) -> None:
        rules = self.library.folder / "rules.yaml"
        good = rules.read_text()
        rules.write_text(f"{good}oops: [\n")
        time.sleep(self.chance.uniform(0, 3))
        if self.library.process is not None and self.library.process.poll() is not None:
            self.library.process = None  # it was just being started: broken rules are an error then
        rules.write_text(good)
        if self.library.process is None:
            self.library.start()

    def disk_goes(self) -> None:
        away = self.library.folder / "away"
        self._films.rename(away)
        time.sleep(self.chance.uniform(0, 4))
        if self._films.exists():
            raise AssertionError("somebody made a folder where no disk is mounted")
        away.rename(self._films)

    def is_spoken_of(self) -> None:
        if (name := self._any()) is not None:
            self.library.call("notify", "changed", str(self._films / name))

    def neighbour_fails(self) -> None:
        """It answers nothing from now on, or wrongly for some calls."""
        server = self.chance.choice(self.told.servers)
        if self.chance.random() < 0.5:
            server.is_down = True
        else:
            server.faults += self.chance.choices(FAULTS, k=self.chance.randint(1, 3))

    def neighbour_is_well(self) -> None:
        for server in self.told.servers:
            server.is_down = False

    def runs_beside(self) -> None:
        assert self.library.call("run").returncode in (0, 1, 2, 4, 5)

    # --- what must be so

    def _is_at_rest(self) -> bool:
        state = self.library.state()
        if state is None or state.state != "idle":
            return False
        is_whole = self.library.targets() == set(self.contents) and not self.faults()
        return is_whole and self.told.is_all_told(self.library.state_dir)

    def faults(self) -> list[str]:
        """What differs from what one calm run would have made."""
        found = []
        for name, content in self.contents.items():
            source = self.library.clips("clip.mkv", content)
            if (self._films / name).read_bytes() != source.read_bytes():
                found.append(f"{name}: its source was touched")
            target = self.library.target(name)
            if not target.exists():
                found.append(f"{name}: no target")
                continue
            tag = target.read_bytes().partition(b": ")[2].partition(b"\n")[0].decode()
            said = parse_provenance(tag)
            if said.settings.crf != self.crf:
                found.append(f"{name}: made with crf {said.settings.crf}, not {self.crf}")
            if said.source_digest != file_digest(source):
                found.append(f"{name}: made of another source")
        return found

    def leftovers(self) -> list[str]:
        """Half-made files, and words that nobody read."""
        places = (self.library.folder / "out", self._films)
        temp = [
            str(path) for place in places for path in place.rglob("*") if is_temp_name(path.name)
        ]
        return temp + [str(path) for path in (self.library.state_dir / "spool").glob("*")]

    def unfinished(self) -> int:
        """Jobs that the ledger takes for running."""
        ledger = Ledger.read(self.library.state_dir)
        try:
            return len(ledger.jobs_in_progress())
        finally:
            ledger.close()
