"""Writes the source's structure into a finished Matroska file, in place, with mkvpropedit.

FFmpeg's packets stay as they are: only the headers, chapters, tags and texts of attached files
change, and the same input gives the same bytes.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

from msgspec.structs import replace

from av1rules.base.errors import EncodeError
from av1rules.base.process import Children, Completed, Limits, run
from av1rules.base.system.opening import CLOEXEC
from av1rules.base.text import printable
from av1rules.encode.encode import EncodeOutcome
from av1rules.encode.job import EncodeJob
from av1rules.encode.matroska.edit import (
    StructureEdit,
    StructureMismatchError,
    chapter_shift_ns,
    structure_edit,
)
from av1rules.encode.matroska.structure import (
    NEVER_KEPT,
    StructureOutcome,
    is_structure_kept,
    lost_facts,
)
from av1rules.encode.matroska.xml import chapters_xml, tags_xml
from av1rules.ffmpeg.tools import SideProgram, Tools
from av1rules.media.matroska.facts import PLAYBACK
from av1rules.media.matroska.links import linking_file
from av1rules.media.matroska.read import MatroskaFile, read_matroska
from av1rules.policy.settings import Loss

LIMITS = Limits(timeout_s=600.0, memory_bytes=4 * 1024**3, output_bytes=1024 * 1024)
"""It reads headers and attached files only: tens of milliseconds, with large attachments on a slow
disk a minute."""

_ENVIRONMENT = {"LC_ALL": "C.UTF-8"}
"""File names and texts are UTF-8 to it whatever the system's language is."""

OPTIONS = (
    *("--ui-language", "en_US", "--command-line-charset", "UTF-8"),
    *("--normalize-language-ietf", "off"),
)

_FAILED = 2  # 1: warnings, the file is written


def keep_structure(
    job: EncodeJob, encoded: EncodeOutcome, *, tools: Tools, children: Children
) -> EncodeOutcome:
    """The encode with the structure of its source, where there is something to keep.

    A failure is part of the outcome if playback does not depend on what is lost by it. Raises
    EncodeError if it does, OSError, RunInterruptedError.
    """
    program, has_program = tools.mkvpropedit, tools.mkvpropedit is not None
    container = job.settings.container
    if program is None or not is_structure_kept(job.source, container, has_mkvpropedit=has_program):
        return encoded
    if not _is_needed(job):
        return encoded
    outcome = _edited(job, encoded, program, children)
    if outcome.problem is not None:
        _require_accepted(job, outcome.problem)
    size = os.stat(encoded.path).st_size
    return replace(encoded, structure=outcome, size_bytes=size)


def _is_needed(job: EncodeJob) -> bool:
    """Nearly every Matroska file has a segment UID; it matters where another file links to it."""
    structure = job.source.matroska
    assert structure is not None
    if structure.features - NEVER_KEPT:
        return True
    uid = structure.segment_uid
    return uid is not None and linking_file(job.source_path, uid) is not None


def _require_accepted(job: EncodeJob, problem: str) -> None:
    lost = lost_facts(job.source, job.settings.container, has_mkvpropedit=False)
    needed = [fact.feature.value for fact in lost if fact.feature in PLAYBACK]
    if needed and Loss.MATROSKA_STRUCTURE not in job.settings.accept:
        raise EncodeError(
            f"keeping {', '.join(needed)} of the source failed: {problem}",
            hint="update MKVToolNix; or give it up with `accept: [matroska-structure]`",
            where=printable(job.source_path),
        )


def _edited(
    job: EncodeJob, encoded: EncodeOutcome, program: SideProgram, children: Children
) -> StructureOutcome:
    source, target = read_matroska(job.source_path), read_matroska(encoded.path)
    if source is None or target is None:
        which = "source" if source is None else "finished file"
        return StructureOutcome(problem=f"the structure of the {which} can't be read")
    shift_ns = chapter_shift_ns(job.source, target)
    try:
        edit = structure_edit(source, target, job.streams, shift_ns=shift_ns)
    except StructureMismatchError as mismatch:
        return StructureOutcome(problem=str(mismatch))
    path = os.path.abspath(encoded.path)
    commands = tuple(
        (program.path, path, *OPTIONS, *actions) for actions in all_actions(edit, target, path)
    )
    problem = None
    try:
        _write(chapters_path(path), chapters_xml(edit.editions))
        _write(tags_path(path), tags_xml(edit.tags))
        for argv in commands:
            done = run(
                argv,
                children=children,
                limits=LIMITS,
                env=_ENVIRONMENT,
                priority=job.priority,
                tether=True,
            )
            if done.stopped is not None or not 0 <= done.returncode < _FAILED:
                problem = _why(done)
                break
    except OSError as error:
        if error.errno != errno.E2BIG:
            raise
        problem = "the texts of its attached files are longer than a command may be"
    finally:
        for name in (chapters_path(path), tags_path(path)):
            with contextlib.suppress(OSError):
                os.unlink(name)
    children.check()
    return StructureOutcome(
        commands=commands, version=program.version, problem=problem, shift_ns=shift_ns
    )


def chapters_path(path: str) -> str:
    """Beside the file, so that the command of a job is always the same."""
    return f"{path}.chapters.xml"


def tags_path(path: str) -> str:
    return f"{path}.tags.xml"


def _write(path: str, text: str) -> None:
    """As a new file: what a killed run or another user left under the name is not written through,
    and nobody else can open it to write."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | CLOEXEC
    with open(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _why(done: Completed) -> str:
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    last = next((line for line in reversed(lines) if line.startswith("Error")), "no message")
    return f"mkvpropedit ended with {done.describe_exit()}: {printable(last, limit=300)}"


def all_actions(edit: StructureEdit, target: MatroskaFile, path: str) -> Iterator[tuple[str, ...]]:
    """What mkvpropedit does, one call each. UIDs come first and alone: it carries a change of them
    into the chapters and tags of the same call, where the source's own already stand."""
    uids = []
    for number, track in enumerate(edit.tracks, start=1):
        if track.uid is not None:
            uids += ["--edit", f"track:{number}", "--set", f"track-uid={track.uid}"]
    if uids:
        yield tuple(uids)
    yield (
        *_segment(edit),
        *_tracks(edit),
        *(("--chapters", chapters_path(path)) if edit.editions else ()),
        *("--tags", f"all:{tags_path(path)}"),
        *_attachments(edit, target),
    )


def _segment(edit: StructureEdit) -> Iterator[str]:
    yield from ("--edit", "info")
    for name, value in edit.segment:
        yield from ("--delete", name) if value is None else ("--set", f"{name}={value}")


def _tracks(edit: StructureEdit) -> Iterator[str]:
    for number, track in enumerate(edit.tracks, start=1):
        changes = [
            *([f"language-ietf={track.language}"] if track.language is not None else ()),
            *(["flag-enabled=0"] if track.is_disabled else ()),
        ]
        if changes:
            yield from ("--edit", f"track:{number}")
            yield from (word for change in changes for word in ("--set", change))


def _attachments(edit: StructureEdit, target: MatroskaFile) -> Iterator[str]:
    free = list(enumerate(target.attachments, start=1))
    for wanted in edit.attachments:
        key = (wanted.name, wanted.mimetype, wanted.size_bytes)
        same = (one for one in free if (one[1].name, one[1].mimetype, one[1].size_bytes) == key)
        found = next(same, None)
        if found is None:
            continue
        free.remove(found)
        number, item = found
        changes = []
        if wanted.uid is not None and wanted.uid != item.uid:
            changes += ["--attachment-uid", str(wanted.uid)]
        if wanted.description != item.description:
            changes += ["--attachment-description", wanted.description]
        if changes:
            yield from (*changes, "--update-attachment", str(number))
