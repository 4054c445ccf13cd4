"""Gathers and writes the page on which a clip is compared with its source."""

from __future__ import annotations

import shutil
from pathlib import Path

from av1rules.base.atomic import temp_name
from av1rules.base.digest import content_key
from av1rules.base.errors import Av1rulesError
from av1rules.base.text import printable
from av1rules.graph.clip_sweep import page_of
from av1rules.graph.clip_table import ClipRecord
from av1rules.graph.clips import ClipView
from av1rules.graph.workspace import Workspace
from av1rules.library.identity import lone_file
from av1rules.library.probe import probe_file
from av1rules.report.compare_page import LARGEST_INSIDE, StillPair, compare_page
from av1rules.review.stills import Spot, spots, stills_note, take_stills
from av1rules.rules.quality import Metric


def write_comparison(space: Workspace, view: ClipView, *, output: Path | None) -> Path:
    """Write the page (None: beside the clip) and return its place; a clip too large to be put
    inside is copied beside it. Raises Av1rulesError, OSError."""
    record = view.made
    page = output or page_of(record.path)
    pairs, notes = _pairs(space, view, record)
    clip, clip_name = None, None
    try:
        if record.size_bytes <= LARGEST_INSIDE:
            clip = Path(record.path).read_bytes()
        else:
            beside = page.with_suffix(".mp4")
            clip_name = beside.name
            if beside.absolute() != Path(record.path).absolute():
                shutil.copyfile(record.path, beside)
        text = compare_page(view, pairs, clip=clip, clip_name=clip_name, notes=notes)
        temp = temp_name(page)
        temp.write_text(text, encoding="utf-8")
        temp.replace(page)
    except OSError as problem:
        raise Av1rulesError(
            f"the page can't be written: {problem.strerror or problem}", where=printable(str(page))
        ) from problem
    return page


def _pairs(
    space: Workspace, view: ClipView, record: ClipRecord
) -> tuple[tuple[StillPair, ...], tuple[str, ...]]:
    """The stills and what to say of them; none, with the reason, where the source is gone."""
    path = _source_path(view, record)
    if path is None:
        return (), ("no stills: the source is not there any more, or has other content",)
    facts = record.facts
    wanted = spots(facts.pieces, facts.frames, _worst_second(record))
    source = probe_file(lone_file(path), space.tools, children=space.children)
    clip = probe_file(lone_file(record.path), space.tools, children=space.children)
    frames = [spot.frame for spot in wanted]
    theirs = take_stills(
        path,
        source,
        facts.passages,
        frames,
        tools=space.tools,
        children=space.children,
        is_deinterlaced=facts.settings.deinterlace == "bwdif",
    )
    ours = take_stills(record.path, clip, (), frames, tools=space.tools, children=space.children)
    note = stills_note(source, space.tools)
    notes = ("the encode is shown with the film grain that players add", *((note,) if note else ()))
    if not facts.settings.film_grain:
        notes = notes[1:]
    return tuple(map(_pair, wanted, theirs, ours)), notes


def _pair(spot: Spot, source: bytes, encode: bytes) -> StillPair:
    return StillPair(label=spot.label, frame=spot.frame, source=source, encode=encode)


def _source_path(view: ClipView, record: ClipRecord) -> str | None:
    """Where the content of the clip lies now: its source may have been renamed."""
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
    """Its number and how many there are, by the first metric that there is."""
    by_metric = {score.metric: score for score in record.facts.scores}
    score = next((by_metric[metric] for metric in Metric if metric in by_metric), None)
    if score is None:
        return None
    return score.per_second.index(min(score.per_second)), len(score.per_second)
