"""Writes the page on which a clip is compared with its source and its variants."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from av1rules.approvals.adjust import differing
from av1rules.base.errors import Av1rulesError, UnansweredProbeError
from av1rules.base.files import temp_name
from av1rules.base.hashing import content_key
from av1rules.base.text import printable
from av1rules.encode.filters import deinterlacers
from av1rules.ledger.clips import ClipRecord
from av1rules.media.cache import lone_file
from av1rules.media.probe.ffprobe import probe_file
from av1rules.media.source import Source
from av1rules.operations.clips.review import ClipView
from av1rules.plan.review_gate import page_of
from av1rules.plan.workspace import Workspace
from av1rules.policy.fingerprint import NAMES, shown
from av1rules.policy.quality_spec import Metric
from av1rules.quality.stills import MAX_STILLS, choose_stills, stills_note, take_stills
from av1rules.report.clip_page.page import LARGEST_INSIDE, ComparedEncode, Still, compare_page

MOST_PIXELS = 100_000_000
"""Of the stills of all encodes on one page: 12 of 4K, of which each noisy one takes 5 MB."""

LEAST_STILLS = 2


def write_comparison(workspace: Workspace, view: ClipView, *, output: Path | None) -> Path:
    """Write the page (None: beside the clip) and return its path; clips too large to embed are
    copied beside it. Raises Av1rulesError, OSError."""
    page = output or page_of(view.made.path)
    views = _compared(view)
    stills, notes = _stills(workspace, views)
    try:
        text = compare_page(_encodes(views, page), stills, notes=notes)
        temp = temp_name(page)
        temp.write_text(text, encoding="utf-8")
        temp.replace(page)
    except OSError as problem:
        raise Av1rulesError(
            f"the page can't be written: {problem.strerror or problem}", where=printable(str(page))
        ) from problem
    return page


class ClipComparison(msgspec.Struct, frozen=True, kw_only=True):
    """What a page compares: the clip first, then its variants."""

    encodes: tuple[ComparedEncode, ...]
    stills: tuple[Still, ...]
    notes: tuple[str, ...]


def gather_comparison(
    workspace: Workspace, view: ClipView, *, address: Callable[[ClipRecord], str]
) -> ClipComparison:
    """The same for a page that loads each clip from an address. Raises Av1rulesError, OSError."""
    views = _compared(view)
    stills, notes = _stills(workspace, views)
    encodes = (
        ComparedEncode(
            view=one,
            name=name,
            command=one.adjust_command if number else _approval(one),
            clip=None,
            clip_name=address(one.made),
        )
        for number, (one, name) in enumerate(zip(views, _names(views), strict=True))
    )
    return ClipComparison(encodes=tuple(encodes), stills=stills, notes=notes)


def _compared(view: ClipView) -> list[ClipView]:
    record = view.made
    return [view, *(one for one in view.variants if _is_comparable(one.made, record))]


def _is_comparable(one: ClipRecord, other: ClipRecord) -> bool:
    """Whether both show the same frames."""
    return (one.facts.passages, one.facts.frames) == (other.facts.passages, other.facts.frames)


def _encodes(views: Sequence[ClipView], page: Path) -> list[ComparedEncode]:
    """The clips of the page; those too large to embed are copied beside it."""
    names, space, found = _names(views), LARGEST_INSIDE, []
    for number, (view, name) in enumerate(zip(views, names, strict=True)):
        record = view.made
        clip, clip_name = None, None
        if record.size_bytes <= space:
            space -= record.size_bytes
            clip = Path(record.path).read_bytes()
        else:
            beside = page.with_suffix(f".{number}.mp4" if number else ".mp4")
            if page == page_of(views[0].made.path):
                beside = Path(record.path)  # the clips are there
            elif beside.absolute() != Path(record.path).absolute():
                shutil.copyfile(record.path, beside)
            clip_name = beside.name
        command = view.adjust_command if number else _approval(view)
        found.append(
            ComparedEncode(view=view, name=name, command=command, clip=clip, clip_name=clip_name)
        )
    return found


def _approval(view: ClipView) -> str:
    return shlex.join(["av1rules", "clips", "approve", printable(view.source)])


def _names(views: Sequence[ClipView]) -> list[str]:
    """Names from the settings in which the clips differ."""
    base = views[0].made.facts.settings
    by_view = [differing(base, view.made.facts.settings) for view in views]
    keys = sorted({name for names in by_view for name in names}, key=NAMES.index)
    if not keys:
        return ["encode"]
    own = ", ".join(f"{name} {shown(base, name)}" for name in keys)
    others = (
        ", ".join(f"{name} {shown(view.made.facts.settings, name)}" for name in names)
        for view, names in zip(views[1:], by_view[1:], strict=True)
    )
    return [f"{own} (as planned)", *others]


def _stills(
    workspace: Workspace, views: Sequence[ClipView]
) -> tuple[tuple[Still, ...], tuple[str, ...]]:
    """The stills and notes on them; no stills, with the reason, if the source is gone."""
    record = views[0].made
    path = _source_path(views[0], record)
    if path is None:
        return (), ("no stills: the source is gone, or its content has changed",)
    facts = record.facts
    source = _probed(workspace, path)
    most = _most_stills(source, len(views))
    wanted = choose_stills(facts.pieces, facts.frames, _worst_second(record), most=most)
    frames = [spot.frame for spot in wanted]
    theirs = take_stills(
        path,
        source,
        facts.passages,
        frames,
        tools=workspace.tools,
        children=workspace.children,
        deinterlacers=deinterlacers(facts.settings),
    )
    ours = [_stills_of(workspace, view.made, frames) for view in views]
    notes = []
    if any(view.made.facts.settings.film_grain for view in views):
        notes.append("the encode is shown with the film grain that players add")
    if (note := stills_note(source, workspace.tools)) is not None:
        notes.append(note)
    stills = (
        Still(label=spot.label, frame=spot.frame, source=frame, encodes=tuple(encodes))
        for spot, frame, *encodes in zip(wanted, theirs, *ours, strict=True)
    )
    return tuple(stills), tuple(notes)


def _most_stills(source: Source, encodes: int) -> int:
    main = source.main
    pixels = (main.width or 1) * (main.height or 1) if main is not None else 1
    return min(max(MOST_PIXELS // (pixels * encodes), LEAST_STILLS), MAX_STILLS)


def _stills_of(
    workspace: Workspace, record: ClipRecord, frames: Sequence[int]
) -> tuple[bytes, ...]:
    clip = _probed(workspace, record.path)
    return take_stills(
        record.path, clip, (), frames, tools=workspace.tools, children=workspace.children
    )


def _probed(workspace: Workspace, path: str) -> Source:
    timeout_s = workspace.ruleset.run.probe_timeout_s
    try:
        return probe_file(
            lone_file(path), workspace.tools, timeout_s=timeout_s, children=workspace.children
        )
    except UnansweredProbeError as problem:
        hint = problem.hint or "on slow storage, give it more time: run.probe_timeout"
        raise Av1rulesError(problem.message, where=printable(path), hint=hint) from problem


def _source_path(view: ClipView, record: ClipRecord) -> str | None:
    """The current path of the clip's source, which may have been renamed."""
    paths = [record.origin]
    if view.row is not None:
        paths.append(view.row.file.path)
    for path in paths:
        try:
            if content_key(path) == record.facts.content_key:
                return path
        except OSError:
            continue
    return None


def _worst_second(record: ClipRecord) -> tuple[int, int] | None:
    """The number of the worst second and the number of seconds, by the first metric available."""
    by_metric = {score.metric: score for score in record.facts.scores}
    score = next((by_metric[metric] for metric in Metric if metric in by_metric), None)
    if score is None:
        return None
    return score.per_second.index(min(score.per_second)), len(score.per_second)
