"""Pictures of a source and of its encode at the same place, drawn with half blocks: two pixels a
character, for every terminal with colours, also over ssh."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from av1rules.base.errors import Av1rulesError
from av1rules.base.process import Children, Limits, run
from av1rules.ffmpeg.locate import candidates
from av1rules.ffmpeg.run import INPUT_GUARD, file_url
from av1rules.ledger.films.film_list import FilmQuery, FilmState
from av1rules.ledger.ledger import Ledger
from av1rules.policy.model import RuleSet
from av1rules.report.live.model import LiveJob
from av1rules.ui.monitor.lines import ScreenLine, ScreenSpan, heading, line, quiet

TIMEOUT_S = 30.0
"""A slow disk, or a seek in a file that has no index yet."""

_HALF = "▀"
_USUAL_PLACE_S = 60.0
_BEHIND = 0.8
"""Which part of what is encoded is shown: the last pictures may not be written yet."""

_VIDEO_SUFFIXES = (".mkv", ".mp4", ".webm")


class PicturePair(msgspec.Struct, frozen=True, kw_only=True):
    """The files to show, and the place in seconds."""

    source: str
    encode: str | None
    at_s: float


def are_stills_wanted() -> bool:
    """Unless the user said otherwise by a key: where the terminal has colours, and is near. Over
    ssh a picture is some thousand colour changes, so it waits to be asked for."""
    return not (os.environ.get("NO_COLOR") or os.environ.get("SSH_CONNECTION"))


def stills_of(
    ruleset: RuleSet, film: str, job: LiveJob | None, size: tuple[int, int], children: Children
) -> list[ScreenLine]:
    """Both pictures as lines, or why there is none."""
    try:
        pair = _pair(ruleset, film, job)
        ffmpeg = next(candidates("ffmpeg", ruleset.tools.ffmpeg), None)
    except Av1rulesError as problem:
        return [line(str(problem))]
    if pair is None or ffmpeg is None:
        return [line(quiet("its files are not here"))]
    width = max(min((size[0] - 2) // 2, 80), 8)
    height = max(min(size[1] - 6, width * 9 // 32), 3)
    blocks = []
    for title, path in (("source", pair.source), ("encode", pair.encode)):
        drawn = _still(ffmpeg.path, path, pair.at_s, (width, height), children) if path else None
        at_s, picture = drawn or (pair.at_s, [line(quiet("no picture there"))])
        blocks.append([line(heading(title), quiet(f" at {at_s:.0f} s")), *picture])
    return list(_beside(blocks[0], blocks[1], width))


def _beside(left: list[ScreenLine], right: list[ScreenLine], width: int) -> Iterator[ScreenLine]:
    for number in range(max(len(left), len(right))):
        one = left[number] if number < len(left) else ScreenLine()
        other = right[number] if number < len(right) else ScreenLine()
        yield ScreenLine((*one.spans, ScreenSpan(" " * (width + 2 - one.width)), *other.spans))


def _pair(ruleset: RuleSet, film: str, job: LiveJob | None) -> PicturePair | None:
    source = path_of(ruleset, film)
    with closing(Ledger.read(ruleset.run.state_dir)) as ledger:
        if job is not None:
            folders = (one.folder for one in ledger.jobs_in_progress() if one.source == film)
            encode = next(filter(None, map(_video_in, folders)), None)
            done_s = (job.share or 0.0) * (job.duration_s or 0.0) * _BEHIND
            return (
                None if source is None else PicturePair(source=source, encode=encode, at_s=done_s)
            )
        query = FilmQuery(films=(film,), states=frozenset({FilmState.DONE}))
        done = next(iter(ledger.films.page(query, offset=0, count=1)), None)
    target = None if done is None else done.target
    if source is None or not os.path.exists(source):
        return None
    return PicturePair(source=source, encode=target, at_s=_USUAL_PLACE_S)


def path_of(ruleset: RuleSet, film: str) -> str | None:
    """The file of a film by its library path."""
    for root in ruleset.library.roots:
        if film.startswith(f"{root.name}/"):
            return f"{root.path}/{film.removeprefix(f'{root.name}/')}"
    return None


def _video_in(folder: str) -> str | None:
    """The file that an encode writes in its private folder."""
    try:
        found = [one for one in Path(folder).iterdir() if one.suffix in _VIDEO_SUFFIXES]
    except OSError:
        return None
    return str(max(found, key=lambda one: one.stat().st_mtime)) if found else None


def still_argv(ffmpeg: str, path: str, at_s: float, size: tuple[int, int]) -> tuple[str, ...]:
    """One picture as RGB, 2 pixels a line of text. No stream but the picture is read."""
    width, height = size[0], size[1] * 2
    scale = (
        f"scale={width}:{height}:force_original_aspect_ratio=decrease,"
        f"pad={width}:{height}:(ow-iw)/2:(oh-ih)/2,format=rgb24"
    )
    return (
        ffmpeg, "-nostdin", "-hide_banner", "-loglevel", "error", "-threads", "1",
        "-ss", f"{at_s:.3f}", *INPUT_GUARD, "-i", file_url(path), "-map", "0:v:0",
        "-frames:v", "1", "-vf", scale, "-f", "rawvideo", "-",
    )  # fmt: skip


def _still(
    ffmpeg: str, path: str, at_s: float, size: tuple[int, int], children: Children
) -> tuple[float, list[ScreenLine]] | None:
    """The picture and the place where it was taken."""
    for place in (at_s, 0.0):  # a short film has nothing at the usual place
        try:
            limits = Limits(timeout_s=TIMEOUT_S, output_bytes=8 * 1024 * 1024)
            made = run(
                still_argv(ffmpeg, path, place, size), children=children, limits=limits, tether=True
            )
        except (OSError, Av1rulesError):
            return None
        if len(made.stdout) == size[0] * size[1] * 2 * 3:
            return place, list(half_blocks(made.stdout, size[0]))
    return None


def half_blocks(rgb: bytes, width: int) -> Iterator[ScreenLine]:
    """Rows of RGB pixels as lines, the upper pixel of each character in front of the lower."""
    stride = width * 3
    for row in range(0, len(rgb) - stride, stride * 2):
        upper, lower = rgb[row : row + stride], rgb[row + stride : row + 2 * stride]
        spans: list[ScreenSpan] = []
        for at in range(0, stride, 3):
            colours = (_colour(upper, at), _colour(lower, at))
            if spans and spans[-1].colours == colours:
                spans[-1] = ScreenSpan(spans[-1].text + _HALF, None, colours)
            else:
                spans.append(ScreenSpan(_HALF, None, colours))
        yield ScreenLine(tuple(spans))


def _colour(pixels: bytes, at: int) -> str:
    return f"#{pixels[at]:02x}{pixels[at + 1]:02x}{pixels[at + 2]:02x}"
