"""Gates: what samples show to be hopeless is not begun, what scores too low is not published."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from av1rules.base.events import JobDiscarded
from av1rules.ffmpeg.tools import Tools
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import Attempt
from av1rules.plan.items import LeftAlone, PlanAction, Prerequisite
from tests.cli.test_commands import av1rules
from tests.conftest import MakeClip
from tests.execute.prerequisites_library import (
    facts_of,
    found_by,
    other_ffmpeg,
    request_for,
    run_counting,
    target_of,
)
from tests.graph.test_doit import DODO, doit
from tests.plan_items import work_in
from tests.sample_library import SampleLibrary

pytestmark = pytest.mark.real

QUICK = "preset: 12, film_grain: 0"
LOW, HIGH = "vmaf_mean: 20, psnr_p5: 5", "vmaf_mean: 99.9, psnr_p5: 5"


@pytest.fixture
def long_film(library: SampleLibrary, make_clip: MakeClip) -> SampleLibrary:
    """Ten minutes in 620 frames: long enough to be sampled for its size."""
    path = make_clip(
        "long.mkv", "-f", "lavfi", "-i", "testsrc2=s=96x64:r=1:d=620",
        "-c:v", "ffv1", "-pix_fmt", "yuv420p",
    )  # fmt: skip
    library.add("film.mkv", path)
    sized(library, 0.01)
    return library


def sized(library: SampleLibrary, ratio: float) -> None:
    request_for(library, f"crf: 10, max_size_ratio: {ratio:g}", quick=QUICK)


def due(library: SampleLibrary) -> tuple[Prerequisite, ...]:
    work = work_in(library.row("film.mkv"))
    return work.pending


def attempt_of(library: SampleLibrary) -> Attempt | None:
    row = library.row("film.mkv", force=True)
    ledger = Ledger.read(library.state_dir)
    try:
        return ledger.attempt(work_in(row).content_key, work_in(row).fingerprint)
    finally:
        ledger.close()


def test_what_is_hopeless_is_never_begun_until_the_policy_changes(long_film: SampleLibrary) -> None:
    assert due(long_film) == (Prerequisite.SAMPLE,)
    finished, steps = run_counting(long_film)
    assert (finished.discarded, finished.failed, finished.dropped) == (1, 0, 0), long_film.output()
    assert (steps["sample encoded"], steps["encoded"]) == (1, 0)
    (event,) = [event for event in long_film.events if isinstance(event, JobDiscarded)]
    assert event.reason.startswith("too large: by its samples ")
    assert event.reason.endswith(", the policy keeps at most 1%")
    row = long_film.row("film.mkv")
    assert isinstance(row, LeftAlone)
    assert row.is_settled_by_attempt
    assert row.causes == (f"{event.reason}: not tried again until source or settings change",)
    assert "by its samples" in av1rules("plan", "--all", cwd=long_film.folder).stdout
    assert run_counting(long_film)[1] == {}
    sized(long_film, 9)
    assert (long_film.row("film.mkv").causes, due(long_film)) == (("new",), ())
    finished, steps = run_counting(long_film)
    assert (finished.done, steps["sample encoded"]) == (1, 0)
    assert long_film.row("film.mkv").action is PlanAction.FRESH


def test_what_is_small_enough_is_sampled_and_encoded(long_film: SampleLibrary) -> None:
    sized(long_film, 9)
    finished, steps = run_counting(long_film)
    assert (finished.done, steps["sample encoded"]) == (1, 1)
    (output,) = found_by(long_film, "sample")
    assert output.startswith("the target would take about ")
    (sample,) = facts_of(long_film, "samples")
    assert len(sample["passages"]) > 1
    assert os.listdir(long_film.state_dir / "samples") == []


def test_force_ignores_the_samples(long_film: SampleLibrary) -> None:
    _, steps = run_counting(long_film, force=True)
    assert (steps["sample encoded"], steps["source read"]) == (1, 1)
    _, steps = run_counting(long_film, force=True)
    assert (steps["sample encoded"], steps["source read"]) == (0, 1)


def test_samples_made_under_another_policy_are_judged_by_that_of_today(
    long_film: SampleLibrary,
) -> None:
    sized(long_film, 9)
    av1rules("plan", "--sample", cwd=long_film.folder)
    sized(long_film, 0.01)
    finished, steps = run_counting(long_film)
    assert (finished.discarded, steps["sample encoded"], steps["encoded"]) == (1, 0, 0)
    assert steps["source read"] == 0


def test_by_doit_a_hopeless_film_stops_nothing(long_film: SampleLibrary) -> None:
    long_film.add("zz.mkv")
    (long_film.folder / "dodo.py").write_text(DODO)
    text = doit(long_film)
    assert ".  sample:films/film.mkv" in text
    assert text.count("by its samples") == 1
    assert "too large" in long_film.causes("zz.mkv")[0], "it was tried"
    assert long_film.row("film.mkv").action is PlanAction.LEFT_ALONE
    doit(long_film, "forget", "encode:films/film.mkv")
    assert due(long_film) == (Prerequisite.SAMPLE,)


def test_a_run_does_not_speak_of_tasks(long_film: SampleLibrary) -> None:
    text = av1rules("run", cwd=long_film.folder).stderr
    assert "by its samples" in text
    assert "doit" not in text
    assert "sample:films" not in text


def gated(library: SampleLibrary, floors: str, *, scope: str = "samples", tools: str = "") -> None:
    floors = f"{floors}, " if floors else ""
    request_for(
        library,
        f"crf: 50, quality_gate: {{{floors}scope: {scope}}}",
        quick=f"{QUICK}, max_size_ratio: 9",
        tools=tools,
    )


@pytest.mark.parametrize("scope", ["samples", "whole"])
def test_below_a_floor_nothing_is_published(library: SampleLibrary, scope: str) -> None:
    library.add("film.mkv")
    gated(library, HIGH, scope=scope)
    finished, steps = run_counting(library)
    assert (finished.discarded, finished.done, finished.failed) == (1, 0, 0), library.output()
    assert steps["verified"] == 1
    assert not library.target("film.mkv").exists()
    assert library.ledger_rows() == ()
    assert library.leftovers() == []
    row = library.row("film.mkv")
    assert isinstance(row, LeftAlone)
    assert row.is_settled_by_attempt
    (cause,) = row.causes
    assert cause.startswith("below the quality floor: VMAF mean ")
    assert cause.endswith(
        ", wanted at least 99.9: not tried again until source, settings or floor change"
    )
    assert "PSNR" not in cause, "that floor was kept"
    attempt = attempt_of(library)
    assert attempt is not None
    figures = dict(attempt.measured)
    assert list(figures) == ["vmaf_mean", "psnr_p5"]
    assert run_counting(library)[1] == {}
    gated(library, f"vmaf_mean: {figures['vmaf_mean'] + 0.5:.1f}")
    assert library.row("film.mkv").action is PlanAction.LEFT_ALONE, "still above what it came to"
    gated(library, LOW, scope=scope)
    assert library.work() == ["film.mkv"]
    assert run_counting(library)[0].done == 1
    gated(library, HIGH)
    assert library.row("film.mkv").action is PlanAction.FRESH, "a gate makes nothing stale"


def test_another_floor_of_which_nothing_is_known_frees_it(library: SampleLibrary) -> None:
    library.add("film.mkv")
    gated(library, HIGH)
    run_counting(library)
    gated(library, "ssim_mean: 0.1")
    assert library.work() == ["film.mkv"]


def test_by_doit_a_poor_one_is_no_failure(library: SampleLibrary) -> None:
    library.add("film.mkv")
    gated(library, HIGH)
    (library.folder / "dodo.py").write_text(DODO)
    assert "below the quality floor" in doit(library)
    assert "-- encode:films/film.mkv" in doit(library)
    doit(library, "forget", "encode:films/film.mkv")
    assert library.work() == ["film.mkv"]


def test_without_the_metric_what_has_a_floor_is_not_published(
    library: SampleLibrary, tools: Tools, tmp_path: Path
) -> None:
    library.add("film.mkv")
    ffmpeg = f"ffmpeg: {other_ffmpeg(tmp_path, tools.ffmpeg, without='libvmaf')}"
    gated(library, LOW, tools=ffmpeg)
    finished, steps = run_counting(library)
    assert (finished.failed, finished.done) == (1, 0)
    assert steps["encoded"] == 0, "told before hours are spent"
    assert "its quality can't be measured: this FFmpeg has no vmaf" in library.output()
    assert not library.target("film.mkv").exists()
    gated(library, "vmaf_mean: 20", tools=ffmpeg)
    assert run_counting(library)[0].failed == 1
    assert "its quality can't be measured: " in library.output()
    gated(library, "psnr_mean: 5", tools=ffmpeg)
    assert run_counting(library)[0].done == 1


def test_without_floors_it_is_published_unscored(
    library: SampleLibrary, tools: Tools, tmp_path: Path
) -> None:
    library.add("film.mkv")
    gated(library, "", tools=f"ffmpeg: {other_ffmpeg(tmp_path, tools.ffmpeg, without='libvmaf')}")
    assert run_counting(library)[0].done == 1
    assert library.target("film.mkv").exists()


VIDEO = ("-f", "lavfi", "-i", "testsrc2=s=96x64:r=12:d=58")
AUDIO = ("-f", "lavfi", "-i", "sine=d=58")
MPEG2 = ("-c:v", "mpeg2video", "-r", "24", "-b:v", "300k", "-g", "12", "-bf", "2")
SOME_FRAMES = "select='not(mod(n,3))+gt(mod(n,100),36)'"

FILMS = {
    "starts at 100 s.ts": (*VIDEO, *AUDIO, *MPEG2, "-c:a", "mp2", "-output_ts_offset", "100"),
    "uneven.mkv": (
        *VIDEO, "-vf", SOME_FRAMES, "-fps_mode", "vfr", "-c:v", "mpeg4", "-q:v", "3",
    ),
    "audio later.mkv": (*VIDEO, "-itsoffset", "0.7", *AUDIO, *MPEG2, "-c:a", "ac3"),
    "video later.mkv": ("-itsoffset", "0.5", *VIDEO, *AUDIO, *MPEG2, "-c:a", "ac3"),
}  # fmt: skip


@pytest.mark.parametrize("scope", ["samples", "whole"])
def test_films_with_clocks_of_their_own(
    library: SampleLibrary, make_clip: MakeClip, scope: str
) -> None:
    """Samples and scores use the right frames, whatever their timestamps."""
    for name, arguments in FILMS.items():
        library.add(name, make_clip(name.replace(" ", "-"), *arguments, "-pix_fmt", "yuv420p"))
    wanted = "crf: 40" if scope == "whole" else target_of("mean: 30", 40, 40)
    request_for(
        library,
        f"{wanted}, quality_gate: {{vmaf_mean: 30, psnr_mean: 20, scope: {scope}}}",
        quick=f"{QUICK}, max_size_ratio: 9",
    )
    finished, _ = run_counting(library)
    assert (finished.done, finished.failed, finished.discarded) == (4, 0, 0), library.output()
    for sample in facts_of(library, "samples"):
        assert len(sample["passages"]) > 1
        assert [score["frames"] for score in sample["scores"]] == [sample["frames"]]
