"""What av1d left beside films: markers, reasons, reports, unfinished results, originals. Only
reads.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence

import msgspec

from av1rules.base.files import open_regular
from av1rules.base.text import printable
from av1rules.media.discover import (
    VIDEO_EXTENSIONS,
    Candidate,
    FolderSideFiles,
    SkipReason,
    WalkProblem,
    walk,
)
from av1rules.media.folders import MARKER
from av1rules.operations.migrate.av1d.jobs import SIZE_GATE, Av1dJob
from av1rules.operations.migrate.av1d.rules import EXTENSIONS

ORIGINAL = ".orig.mkv"
WHY = ".why.txt"
REPORT = ".av1-conversion-report.txt"
_UNFINISHED = (".tmp.av1.mkv", ".av1-tmp.")
_MOST_WHY_BYTES = 4096


class MarkedFilm(msgspec.Struct, frozen=True, kw_only=True):
    """A film with a marker. `by_size_gate`: av1d set it, since the result was too large; otherwise
    a user did, as far as is known. `why` is what av1d noted of the film."""

    library_path: str
    path: str
    marker: str
    by_size_gate: bool
    why: str | None = None


class KeptOriginal(msgspec.Struct, frozen=True, kw_only=True):
    """An original that av1d did not delete, and the files that may be its result: those of the same
    name with an extension of a film. `former` is its own name, if a job has it."""

    path: str
    results: tuple[str, ...]
    former: str | None = None


class LibraryFinds(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the roots of one policy. Paths are absolute; lists are sorted."""

    films: int = 0
    marked: tuple[MarkedFilm, ...] = ()
    originals: tuple[KeptOriginal, ...] = ()
    unfinished: tuple[str, ...] = ()
    notes: int = 0  # .why.txt
    reports: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def look_beside_films(roots: Sequence[tuple[str, str]], jobs: Iterable[Av1dJob]) -> LibraryFinds:
    """Look through the roots (name, path)."""
    side_files: list[FolderSideFiles] = []
    steps = list(
        walk(
            [(name, os.path.expanduser(path)) for name, path in roots],
            include=(),
            exclude=(),
            extensions=VIDEO_EXTENSIONS,
            min_size=0,
            settle_s=0,
            now_s=time.time(),
            on_side_files=side_files.append,
        )
    )
    files = [step for step in steps if isinstance(step, Candidate)]
    by_path = {job.source_path: job for job in jobs}
    beside = [path for found in side_files for path in _paths(found)]
    return LibraryFinds(
        films=sum(not _is_left_over(one.file.path) for one in files),
        marked=tuple(_marked(files, by_path)),
        originals=tuple(_originals([one.file.path for one in files], by_path)),
        unfinished=tuple(sorted(p for p in _all(files) if _is_unfinished(p))),
        notes=sum(path.endswith(WHY) for path in beside),
        reports=tuple(sorted(path for path in beside if path.endswith(REPORT))),
        problems=tuple(
            f"{printable(step.path)}: {step.message}"
            for step in steps
            if isinstance(step, WalkProblem)
        ),
    )


def _all(files: Iterable[Candidate]) -> Iterable[str]:
    return (one.file.path for one in files)


def _paths(found: FolderSideFiles) -> Iterable[str]:
    below = f"{found.below}/" if found.below else ""
    return (f"{found.root}/{below}{name}" for name, _ in found.files())


def _is_left_over(path: str) -> bool:
    return path.endswith(ORIGINAL) or _is_unfinished(path)


def _is_unfinished(path: str) -> bool:
    name = os.path.basename(path)
    return name.endswith(_UNFINISHED[0]) or _UNFINISHED[1] in name


def _marked(files: Iterable[Candidate], jobs: dict[str, Av1dJob]) -> Iterable[MarkedFilm]:
    for one in files:
        if one.skip_reason is not SkipReason.MARKED or _is_left_over(one.file.path):
            continue
        path = one.file.path
        stem = os.path.splitext(path)[0]
        markers = (f"{stem}{MARKER}", f"{path}{MARKER}")
        marker = next((name for name in markers if os.path.lexists(name)), None)
        if marker is None:  # that of a folder, which av1d does not know
            continue
        why = _why(f"{stem}{WHY}")
        job = jobs.get(path)
        yield MarkedFilm(
            library_path=one.file.library_path,
            path=path,
            marker=marker,
            by_size_gate=bool(job and job.is_size_gate) or SIZE_GATE in (why or "").lower(),
            why=why,
        )


def _why(path: str) -> str | None:
    """The first line of a note of av1d."""
    try:
        with open_regular(path) as file:
            raw = file.read(_MOST_WHY_BYTES)
    except OSError:
        return None
    lines = raw.decode(errors="replace").strip().splitlines()
    return printable(lines[0], limit=200) if lines else None


def _originals(paths: Iterable[str], jobs: Iterable[str]) -> Iterable[KeptOriginal]:
    former = {os.path.splitext(path)[0]: path for path in jobs}
    by_stem: dict[str, list[str]] = {}
    kept: list[str] = []
    for path in paths:
        if path.endswith(ORIGINAL):
            kept.append(path)
        elif not _is_unfinished(path):
            stem, extension = os.path.splitext(path)
            if extension[1:].lower() in EXTENSIONS:
                by_stem.setdefault(stem, []).append(path)
    for path in sorted(kept):
        stem = path.removesuffix(ORIGINAL)
        results = sorted(by_stem.get(stem, ()))
        yield KeptOriginal(path=path, results=tuple(results), former=former.get(stem))
