"""Films with known passages are measured and their clip chosen, by the real FFmpeg."""

from __future__ import annotations

import subprocess
import time
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from av1rules.base.errors import ProbeError, RunInterruptedError
from av1rules.base.process import Children
from av1rules.ffmpeg.tools import Tools
from av1rules.media.probe.ffprobe import probe_file
from av1rules.media.source import Source
from av1rules.quality.excerpts import Excerpt, ExcerptKind, Survey
from av1rules.quality.select_excerpts import select_excerpts
from av1rules.quality.survey import survey
from tests.conftest import MakeClip, library_file
from tests.quality import conftest as film

pytestmark = pytest.mark.real


def _source(path: Path, tools: Tools) -> Source:
    return probe_file(library_file(path), tools)


def _survey(path: Path, tools: Tools) -> Survey:
    return survey(str(path), _source(path, tools), tools=tools, children=Children())


@pytest.fixture(scope="module")
def surveyed(known_film: Path, tools: Tools) -> Survey:
    started = time.monotonic()
    made = _survey(known_film, tools)
    ratio = made.duration_s / (time.monotonic() - started)
    print(f"\nsurvey of {made.duration_s:.0f} s: {ratio:.0f} times as fast as the film plays")
    return made


def _lies_in(excerpt: Excerpt, passage: tuple[int, int]) -> bool:
    return passage[0] <= excerpt.start_s and excerpt.end_s <= passage[1]


def test_known_passages_are_found(surveyed: Survey) -> None:
    plan = select_excerpts(surveyed, clip_s=15.0)
    by_kind = {excerpt.kind: excerpt for excerpt in plan.excerpts}
    assert set(by_kind) == {ExcerptKind.DARK, ExcerptKind.GRAIN, ExcerptKind.FAST}
    assert _lies_in(by_kind[ExcerptKind.DARK], film.DARK), plan.reasons
    assert _lies_in(by_kind[ExcerptKind.GRAIN], film.GRAINY), plan.reasons
    assert _lies_in(by_kind[ExcerptKind.FAST], film.FAST), plan.reasons


def test_more_pieces_still_keep_out_of_leader_and_credits(surveyed: Survey) -> None:
    plan = select_excerpts(surveyed, clip_s=40.0, max_excerpts=8)
    assert len(plan.excerpts) >= 6
    assert plan.excerpts[0].start_s >= film.BLACK[1] - 0.1
    assert plan.excerpts[-1].end_s <= film.CREDITS[0] + 0.1


def test_survey_is_the_same_every_time_and_survives_json(
    surveyed: Survey, known_film: Path, tools: Tools
) -> None:
    assert _survey(known_film, tools) == surveyed
    assert msgspec.json.decode(msgspec.json.encode(surveyed), type=Survey) == surveyed


def test_levels_do_not_depend_on_depth_or_range(make_clip: MakeClip, tools: Tools) -> None:
    picture = ("-f", "lavfi", "-i", "color=gray:s=64x64:r=12:d=2")
    lumas = []
    for pixels, scale in (("yuv420p", "tv"), ("yuvj420p", "pc"), ("yuv420p10le", "tv")):
        clip = make_clip(
            f"{pixels}.mkv", *picture, "-vf", f"scale=out_range={scale},format={pixels}",
            "-color_range", scale, "-c:v", "ffv1",
        )  # fmt: skip
        lumas.append(_survey(clip, tools).samples[0].luma)
    assert lumas == pytest.approx([0.502, 0.502, 0.502], abs=0.006)


def test_cuts_enclose_exactly_the_frames_they_promise(
    surveyed: Survey, known_film: Path, tools: Tools
) -> None:
    excerpt = select_excerpts(surveyed, clip_s=15.0).excerpts[1]
    shown = subprocess.run(
        [
            tools.ffmpeg, "-v", "error", "-copyts", "-i", str(known_film),
            "-vf", f"trim=start={excerpt.start_s}:end={excerpt.end_s}", "-fps_mode", "passthrough",
            "-f", "framehash", "-",
        ],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert len([line for line in shown.splitlines() if line[0] != "#"]) == excerpt.frames


def test_a_film_whose_clock_starts_late_and_that_has_few_key_frames_is_seen_throughout(
    make_clip: MakeClip, tools: Tools
) -> None:
    picture = ("-f", "lavfi", "-i", "testsrc2=s=96x64:r=24:d=40", "-c:v", "mpeg4", "-g", "600")
    path = make_clip("late.mp4", *picture, "-q:v", "8", "-output_ts_offset", "100")
    made = _survey(path, tools)
    times = [sample.time_s for sample in made.samples]
    assert made.start_s == 100
    assert len(times) >= made.wanted * 0.8, times
    assert max(later - time for time, later in pairwise(times)) <= 40 / made.wanted * 3


def test_stopping_ends_the_survey(known_film: Path, tools: Tools) -> None:
    source, children = _source(known_film, tools), Children()
    children.stop()
    with pytest.raises(RunInterruptedError):
        survey(str(known_film), source, tools=tools, children=children)


def test_a_playlist_in_the_place_of_the_film_is_not_followed(
    known_film: Path, tools: Tools, tmp_path: Path
) -> None:
    source, path = _source(known_film, tools), tmp_path / "film.mkv"
    path.write_text(f"ffconcat version 1.0\nfile '{known_film}'\n")
    with pytest.raises(ProbeError, match="no frame could be decoded"):
        survey(str(path), source, tools=tools, children=Children())


@pytest.mark.media
@pytest.mark.parametrize(
    "name",
    [
        "mpeg2-480i-bff-ac3.ts",
        "xvid-packed-bframes.avi",
        "h264-vfr-webcam.mov",
        "theora-vorbis.ogv",
    ],
)
def test_real_clips_of_all_kinds_are_seen_throughout(
    media_dir: Path, tools: Tools, name: str
) -> None:
    made = _survey(media_dir / name, tools)
    assert len(made.samples) == made.wanted
    times = [sample.time_s for sample in made.samples]
    assert times == sorted(times)
    assert made.start_s <= times[0]
    assert times[-1] <= made.end_s


@pytest.mark.media
def test_an_unknown_length_is_told(media_dir: Path, tools: Tools) -> None:
    with pytest.raises(ProbeError, match="its length is unknown"):
        _survey(media_dir / "h264-1080p-street-fullrange.264", tools)
