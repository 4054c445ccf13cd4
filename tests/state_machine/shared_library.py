"""A library on disk that a user and av1rules share: seen from outside, by its bytes alone."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from av1rules.base.events import Event, JobCopied, JobMoved, JobStarted
from av1rules.base.files import TRASH_FOLDER, Failpoint, no_failpoint
from av1rules.base.hashing import file_digest
from av1rules.execute.startup import start_session
from av1rules.ffmpeg.tools import Tools
from av1rules.ledger.provenance import parse_provenance
from av1rules.plan.context import PlanRequest
from av1rules.plan.items import Fresh
from av1rules.plan.packed.cache import CACHE_NAME
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from tests.runs import RunCounts, run_plan
from tests.sample_library import SampleLibrary

ROOTS = ("films", "more")
OUT = "out"
TOP = "s2"
"""The folder that a rule of its own may be about."""

RULES = """\
version: 1
library: {{roots: [films, more], settle: 0}}
output: {{{output}}}
run: {{reserve: 0}}
rules:
{top}  - name: all
    encode: {{crf: {crf}, preset: 12, film_grain: 0, max_size_ratio: 9}}
    review: never
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bytes:
    """What a file is. `kind`: a "source", a "result" of `content` with `crf`, or what a user made
    of a result: "edited" or "cut"."""

    kind: str
    content: int
    crf: int | None = None


@dataclass(slots=True, kw_only=True)
class Knowledge:
    """What is known of bytes, by digest: shared by all examples, since the same source and settings
    give the same bytes."""

    clips: list[Path]
    tools: Tools
    bytes: dict[str, Bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, clip in enumerate(self.clips):
            self.bytes[file_digest(clip)] = Bytes(kind="source", content=number)

    def of(self, path: Path) -> Bytes:
        digest = file_digest(path)
        if digest not in self.bytes:
            self.bytes[digest] = self._asked(path)
        return self.bytes[digest]

    def _asked(self, path: Path) -> Bytes:
        """What the file's own tag says, read without any code of ours."""
        argv = [self.tools.ffprobe, "-v", "error", "-of", "json", "-show_entries", "format_tags"]
        output = subprocess.run([*argv, str(path)], capture_output=True, check=True, timeout=60)
        tags = msgspec.json.decode(output.stdout)["format"]["tags"]
        said = parse_provenance(tags["AV1RULES"])
        source = self.bytes[said.source_digest]
        return Bytes(kind="result", content=source.content, crf=int(said.settings.crf))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One file: what it is, and by what a change would show."""

    what: Bytes
    mark: tuple[int, int, int]  # inode, size, mtime
    links: int = field(compare=False)


Snapshot = dict[str, Seen]
"""All video files of the library, by path from its top; state, receipts and markers left out."""


def is_kept(path: str) -> bool:
    return TRASH_FOLDER in path.split("/")


def is_private(path: str) -> bool:
    """In the private folder of an encode: half-made, not counted on by anybody."""
    folders = path.split("/")[:-1]
    return any(name.startswith(".av1rules-") and name != TRASH_FOLDER for name in folders)


def is_staged(path: str) -> bool:
    """Under a temporary name, on its way from one place to another."""
    return path.rpartition("/")[2].startswith(".av1rules-")


def is_plain(path: str) -> bool:
    return not (is_kept(path) or is_private(path) or is_staged(path))


@dataclass(slots=True, kw_only=True)
class Policy:
    """The rules of the moment. `top`: what a rule says of folder `s2`: a crf, "skip" or None."""

    mode: str
    crf: int = 20
    top: int | str | None = None
    copies: str = "link"
    orphans: str = "leave"

    def text(self) -> str:
        output = f"mode: {self.mode}, copies: {self.copies}, orphans: {self.orphans}"
        if self.mode == "mirror":
            output += f", root: {OUT}"
        top = ""
        if self.top is not None:
            does = (
                "skip: not now"
                if self.top == "skip"
                else f"encode: {{crf: {self.top}, preset: 12, film_grain: 0, max_size_ratio: 9}}, "
                "review: never"
            )
            top = f'  - {{name: top, when: {{path: "{TOP}/**"}}, {does}}}\n'
        return RULES.format(output=output, crf=self.crf, top=top)

    def crf_of(self, below: str) -> int | None:
        """For a path below its root; None: no encode."""
        if self.top is not None and below.startswith(f"{TOP}/"):
            return None if self.top == "skip" else int(self.top)
        return self.crf

    def target_of(self, path: str) -> str:
        stem = os.path.splitext(path)[0]
        forms = {"mirror": f"{OUT}/{stem}.mkv", "beside": f"{stem}.av1.mkv"}
        return forms.get(self.mode, f"{stem}.mkv")


@dataclass(slots=True, kw_only=True)
class RunReport:
    """What a run said of itself: library paths."""

    finished: RunCounts
    encoded: list[str]
    copied: list[str]
    moved: list[str]


class SharedLibrary(SampleLibrary):
    """A library with two roots, where plan and run are those of `av1rules`."""

    def plan_rows(self) -> list[tuple[object, ...]]:
        return [
            (r.file.path, r.action, r.causes, r.rule, r.source_tier, r.target, r.fingerprint,
             r.notes, isinstance(r, Fresh) and r.has_other_tools)
            for r in self.plan().rows
        ]  # fmt: skip

    def forget_cache(self) -> None:
        (self.state_dir / CACHE_NAME).unlink(missing_ok=True)

    def run_and_record(
        self, *, accept_missing: bool = False, failpoint: Failpoint = no_failpoint
    ) -> RunReport:
        self.events.clear()
        request = PlanRequest(accept_missing=accept_missing)
        with (
            open_workspace(self.rules_file, write=False) as workspace,
            start_session(workspace, self.events.append, failpoint=failpoint) as session,
        ):
            finished = run_plan(build_plan(session.workspace, request), session, jobs=1)
        return RunReport(
            finished=finished,
            encoded=self._sources(JobStarted),
            copied=self._sources(JobCopied),
            moved=self._sources(JobMoved),
        )

    def _sources(self, kind: type[Event]) -> list[str]:
        return sorted(event.source or "" for event in self.events if isinstance(event, kind))

    def recover(self) -> None:
        """What the next run does before all else."""
        with (
            open_workspace(self.rules_file, write=False) as workspace,
            start_session(workspace, self.events.append),
        ):
            pass

    def run_killed(self, at: int, *, accept_missing: bool) -> str | None:
        """A run in a process of its own that is killed when its step number `at` is done; the
        name of that step, None if there were not so many."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                self._run_until(at, writer, accept_missing=accept_missing)
            finally:
                os._exit(1)
        os.close(writer)
        with os.fdopen(reader, "rb") as output:
            name = output.read().decode()
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            return name
        assert os.WEXITSTATUS(status) == 0, f"the run failed: {name}"
        return None

    def _run_until(self, at: int, writer: int, *, accept_missing: bool) -> None:
        count = 0

        def step(name: str) -> None:
            nonlocal count
            count += 1
            if count == at:
                os.write(writer, name.encode())
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            self.run_and_record(accept_missing=accept_missing, failpoint=step)
        except BaseException as problem:
            os.write(writer, repr(problem).encode())
            raise
        os._exit(0)

    def snapshot(self, known: Knowledge) -> Snapshot:
        seen: Snapshot = {}
        for top in (*ROOTS, OUT):
            for base, _, names in os.walk(self.folder / top):
                for name in names:
                    path = Path(base, name)
                    below = str(path.relative_to(self.folder))
                    if path.suffix in (".mkv", ".mk3d") and not is_private(below):
                        stat = path.stat()
                        seen[below] = Seen(
                            what=known.of(path),
                            mark=(stat.st_ino, stat.st_size, stat.st_mtime_ns),
                            links=stat.st_nlink,
                        )
        return seen


@contextlib.contextmanager
def new_library(folder: Path, template: Path | None, policy: Policy) -> Iterator[SharedLibrary]:
    """Roots, rules, and what is known of the tools already; removed at the end."""
    world = SharedLibrary(folder=folder, clip=folder / "none")
    for root in ROOTS:
        (folder / root).mkdir(parents=True)
    world.state_dir.mkdir()
    if template is not None:
        shutil.copy(template, world.state_dir / template.name)
    world.rules(policy.text())
    try:
        yield world
    finally:
        shutil.rmtree(folder)
