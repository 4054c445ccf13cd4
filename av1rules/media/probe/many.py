"""Probes many files at once: what the cache knows is not asked again, each answer is kept."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from av1rules.base.errors import ProbeError, UnansweredProbeError
from av1rules.base.events import Probing, Sink, ignore
from av1rules.base.process import Children
from av1rules.ffmpeg.tools import Tools
from av1rules.media.cache import LibraryCache, ProbeFailure, stat_key
from av1rules.media.film_cache import FIRST_REACH, known_reach
from av1rules.media.probe.ffprobe import DEFAULT_TIMEOUT_S, probe_file
from av1rules.media.source import LibraryFile, Reach, Source

RATE_OVER_S = 10.0
"""The rate that is shown is that of the last seconds: folders differ in what a probe costs."""

RATE_FROM_S = 1.0
"""No rate is told from less."""

FILES_AHEAD = 500
"""Facts that are in memory at once, beside those of films in the plan."""

PROBES_AHEAD = 8
"""Probes for each job that are begun before their turn, so that a slow file delays no other."""


def probe_many(
    files: Iterable[LibraryFile],
    tools: Tools,
    cache: LibraryCache,
    *,
    jobs: int,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    children: Children | None = None,
    sink: Sink = ignore,
) -> Generator[tuple[LibraryFile, Source | ProbeFailure], None, None]:
    """Every file with its facts or its failure, in the order given; `jobs` probes at a time.
    `files` may be iterated over twice, the second time to count those to probe.

    Answers come from the cache where the file and ffprobe are unchanged, and go into it. `sink`
    gets the progress, of what is really probed only. Raises `RunInterruptedError` once `children`
    is stopped.
    """
    version = tools.ffprobe_version

    def probe(file: LibraryFile) -> Source | ProbeFailure:
        outcome = _outcome_of(file, tools, timeout_s, children)
        if isinstance(outcome, Source) and outcome.reach is not None:
            with contextlib.suppress(OSError):
                further = known_reach(file, cache, start_s=outcome.start_s or 0.0)
                if further.size_bytes > outcome.reach.size_bytes:
                    outcome = _outcome_of(file, tools, timeout_s, children, further)
        if isinstance(outcome, Source) or not outcome.is_passing:
            cache.put_probe(file.stat, outcome, ffprobe_version=version)
        return outcome

    with ThreadPoolExecutor(max_workers=max(jobs, 1)) as pool:
        # A window of answers and of probes at work keeps memory flat over 100,000 files.
        window: deque[tuple[LibraryFile, Source | ProbeFailure | Future[Source | ProbeFailure]]]
        window, probing = deque(), 0
        progress = _Progress(sink, lambda: _unknown_count(files, cache, version))
        coming = _with_known(files, cache, version)
        try:
            while True:
                while len(window) < FILES_AHEAD and probing < PROBES_AHEAD * jobs:
                    following = next(coming, None)
                    if following is None:
                        break
                    file, known = following
                    if known is None:
                        probing += 1
                        progress.begin()
                    window.append((file, pool.submit(probe, file) if known is None else known))
                if not window:
                    break
                file, outcome = window.popleft()
                if isinstance(outcome, Future):
                    outcome, probing = outcome.result(), probing - 1
                    progress.step()
                yield file, outcome
            progress.end()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            cache.flush()


def known_probes(
    files: Iterable[LibraryFile], tools: Tools, cache: LibraryCache
) -> Generator[tuple[LibraryFile, Source | ProbeFailure], None, None]:
    """Every file with what the cache knows of it, in the order given; nothing is probed."""
    for file, known in _with_known(files, cache, tools.ffprobe_version):
        yield file, NOT_PROBED if known is None else known


NOT_PROBED = ProbeFailure(message="its facts were not recorded", is_passing=True)


class _Progress:
    """Counts probes and tells how fast they are and when the last is done."""

    def __init__(self, sink: Sink, count: Callable[[], int]) -> None:
        """`count` tells how many files there are to probe; asked only if there is one."""
        self._sink, self._count = sink, count
        self._done, self._total = 0, 0
        self._recent: deque[tuple[float, int]] = deque()

    def begin(self) -> None:
        if not self._recent:
            self._recent.append((time.monotonic(), 0))
            self._total = self._count()

    def step(self) -> None:
        self._done += 1
        self._total = max(self._total, self._done)
        now = time.monotonic()
        # A few points a second are enough.
        if now - self._recent[-1][0] > RATE_OVER_S / 50:
            self._recent.append((now, self._done))
        while len(self._recent) > 2 and now - self._recent[1][0] > RATE_OVER_S:
            self._recent.popleft()
        since, before = self._recent[0]
        rate = (self._done - before) / (now - since) if now - since >= RATE_FROM_S else None
        left_s = (self._total - self._done) / rate if rate else None
        self._sink(Probing(done=self._done, total=self._total, per_s=rate, eta_s=left_s))

    def end(self) -> None:
        """Fewer were probed than seemed new where one file has two names."""
        if self._done < self._total:
            self._total = self._done
            self._sink(Probing(done=self._done, total=self._total))


def _unknown_count(files: Iterable[LibraryFile], cache: LibraryCache, version: str) -> int:
    count = 0
    for part in _parts(files):
        known = cache.known((file.stat for file in part), ffprobe_version=version).values()
        count += len(part) - sum(not (one.packed is None and one.failure is None) for one in known)
    return count


def _with_known(
    files: Iterable[LibraryFile], cache: LibraryCache, version: str
) -> Iterator[tuple[LibraryFile, Source | ProbeFailure | None]]:
    """Each file with what the cache knows of it; None: it must be probed."""
    for part in _parts(files):
        known = cache.load_many((file.stat for file in part), ffprobe_version=version)
        for file in part:
            yield file, known.get(stat_key(file.stat))


def _parts(files: Iterable[LibraryFile]) -> Iterator[list[LibraryFile]]:
    rest = iter(files)
    while part := list(itertools.islice(rest, FILES_AHEAD)):
        yield part


def _outcome_of(
    file: LibraryFile,
    tools: Tools,
    timeout_s: float,
    children: Children | None,
    reach: Reach = FIRST_REACH,
) -> Source | ProbeFailure:
    try:
        return probe_file(file, tools, timeout_s=timeout_s, children=children, reach=reach)
    except ProbeError as problem:
        is_passing = isinstance(problem, UnansweredProbeError)
        return ProbeFailure(message=problem.message, is_passing=is_passing)
