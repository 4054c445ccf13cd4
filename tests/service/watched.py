"""A library that a watcher, as a process of its own, looks after."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from av1rules.base.files import is_temp_name
from av1rules.execute.resources.watcher import WatcherState, seen_watcher
from tests.fakes.worker import FakeClips
from tests.service.program import ENCODE_S

CHECKOUT = Path(__file__).parents[2]

PATIENCE_S = 60.0

RULES = """\
version: 1
library: {{roots: [films], settle: {settle}s, max_lost: 0.25}}
output: {{mode: mirror, root: out, copies: encode, orphans: trash}}
run: {{reserve: 0, jobs: {jobs}}}
watch: {{interval: {interval}s}}
rules:
  - name: all
    encode: {{crf: {crf}, preset: 12, film_grain: 0, max_size_ratio: 9}}
    review: never
"""


def until(is_so: Callable[[], bool], what: str, within_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, f"waited for {within_s:.0f} s: {what}"
        time.sleep(0.05)


@dataclass
class WatchedLibrary:
    """`films/`, `out/`, `rules.yaml` and the log of all watchers that were started here."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    encode_s: float = 0.0
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "films").mkdir(parents=True)
        self.clips = FakeClips(self.folder / "clips")
        self.rules()

    def rules(
        self,
        *,
        interval: float = 600,
        settle: float = 0,
        crf: int = 50,
        jobs: int = 1,
        more: str = "",
    ) -> None:
        text = RULES.format(interval=interval, settle=settle, crf=crf, jobs=jobs) + more
        temp = self.folder / "rules.new"
        temp.write_text(text)
        temp.rename(self.folder / "rules.yaml")

    @property
    def state_dir(self) -> Path:
        return self.folder / ".av1rules"

    def add(self, name: str, content: str | None = None) -> Path:
        path = self.folder / "films" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temp = self.folder / "adding"
        temp.write_bytes(self.clips("clip.mkv", content or name).read_bytes())
        temp.rename(path)
        return path

    def target(self, name: str) -> Path:
        return self.folder / "out" / "films" / name

    def targets(self) -> set[str]:
        top = self.target("")
        found = (path.relative_to(top) for path in top.rglob("*.mkv"))
        return {path.as_posix() for path in found if not any(map(is_temp_name, path.parts))}

    def call(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._argv(*words), cwd=self.folder, env=self._env(more), capture_output=True,
            text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip

    def start(self, *words: str, **more: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self._argv("watch", *words), cwd=self.folder, env=self._env(more),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        return self.process

    def _argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "tests.service.program", *words]

    def _env(self, more: dict[str, str]) -> dict[str, str]:
        own = {"PYTHONPATH": str(CHECKOUT), ENCODE_S: str(self.encode_s)}
        return {**os.environ, **own, **self.environment, **more}

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def state(self) -> WatcherState | None:
        return seen_watcher(self.state_dir)

    def until_idle(self, rounds: int = 1) -> None:
        """Until the watcher has done so many rounds and waits."""

        def is_idle() -> bool:
            state = self.state()
            return state is not None and state.state == "idle" and state.rounds >= rounds

        self.until(is_idle, f"idle after {rounds} rounds")

    def until_logged(self, text: str) -> None:
        self.until(lambda: text in self.log, f"{text!r} in the log")

    def until(self, is_so: Callable[[], bool], what: str) -> None:
        try:
            until(is_so, what)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.state()}\n{self.log[-4000:]}") from None

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self) -> int:
        """End the watcher as a service manager would; returns its exit code."""
        assert self.process is not None
        self.signal(signal.SIGTERM)
        code = self.process.wait(timeout=PATIENCE_S)
        self.process = None
        return code

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(timeout=PATIENCE_S)
        self.process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _problem: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self.process is not None:
            self.kill()
