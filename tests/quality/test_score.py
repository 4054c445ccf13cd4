"""Scores: logs as FFmpeg 9 wrote them, timelines by hand, and real comparisons of small clips."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError, EncodeError, ToolError
from av1rules.base.process import Children
from av1rules.ffmpeg.tools import Tools
from av1rules.ffmpeg.watchdog import RunLimits
from av1rules.media.probe.ffprobe import probe_file
from av1rules.media.source import Colour, VideoStream
from av1rules.policy.quality_spec import Metric
from av1rules.quality.alignment import (
    WINDOW_FRAMES,
    SquaredErrors,
    count_problem,
    shift_problem,
    time_problem,
)
from av1rules.quality.capabilities import find_abilities
from av1rules.quality.filtergraph import (
    ScoreInput,
    ScoreInputs,
    comparison_argv,
    filter_value,
    pixel_format,
)
from av1rules.quality.result import (
    LOSSLESS_DB,
    FrameTime,
    Score,
    build_score,
    frame_times,
    parse_squares,
    parse_times,
    parse_values,
)
from av1rules.quality.score import GRAIN_LEFT_IN, GRAIN_LEFT_OUT, SDR_MODEL, measure
from tests.conftest import Fake, Golden, MakeClip, library_file

PSNR_LOG = """\
n:1 mse_avg:0.00 mse_y:0.00 mse_u:0.00 mse_v:0.00 psnr_avg:inf psnr_y:inf psnr_u:inf psnr_v:inf 
n:2 mse_avg:463.07 mse_y:286.05 mse_u:519.21 mse_v:1115.01 psnr_avg:33.54 psnr_y:35.63 psnr_u:33.04 psnr_v:29.72 
"""  # noqa: E501, W291
SSIM_LOG = """\
n:1 Y:1.000000 U:1.000000 V:1.000000 All:1.000000 (inf)
n:2 Y:0.924025 U:0.922632 V:0.926731 All:0.924244 (11.205841)
"""
XPSNR_LOG = """\
n:    1  XPSNR y: inf  XPSNR u: inf  XPSNR v: inf
n:    2  XPSNR y: 27.1354  XPSNR u: 23.9934  XPSNR v: 21.9494

XPSNR average, 2 frames  y: 27.6212  u: 25.4580  v: 23.8741  (minimum: 23.8741)
"""
VMAF_LOG = """\
Frame,integer_adm2,integer_motion2,integer_motion3,vmaf,
0,0.990782,0.000000,2.378851,93.930888,
1,0.973361,2.378851,2.378851,89.350385,
"""
TIMES_LOG = """\
frame:0    pts:0       pts_time:0
av1rules=1
frame:1    pts:42      pts_time:0.042
av1rules=1
frame:2    pts:NOPTS   pts_time:NOPTS
av1rules=1
"""


def at_24(frames: int, *, start: float = 0.0) -> tuple[float, ...]:
    return tuple(start + number / 24 for number in range(frames))


def shown(frames: int) -> tuple[FrameTime, ...]:
    return frame_times([at_24(frames)], step_s=1 / 24)


# --- what the filters write


@pytest.mark.parametrize(
    ("metric", "log", "values"),
    [
        (Metric.PSNR, PSNR_LOG, (math.inf, 33.54)),
        (Metric.SSIM, SSIM_LOG, (1.0, 0.924244)),
        (Metric.XPSNR, XPSNR_LOG, (math.inf, 27.1354)),
        (Metric.VMAF, VMAF_LOG, (93.930888, 89.350385)),
        (Metric.VMAF, "", ()),
    ],
)
def test_figures_of_each_picture(metric: Metric, log: str, values: tuple[float, ...]) -> None:
    assert parse_values(metric, log.splitlines(keepends=True)) == values


def test_times_and_differences() -> None:
    assert parse_times(TIMES_LOG.splitlines()) == (0.0, 0.042, None)
    assert parse_squares(PSNR_LOG.splitlines()) == (0.0, 463.07)


# --- one score of many pictures


def test_percentiles_are_values_that_pictures_have() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    score = build_score(Metric.VMAF, "m", values, shown(100))
    assert (score.p1, score.p5, score.mean, score.frames) == (1.0, 5.0, 50.5, 100)
    alone = build_score(Metric.VMAF, "m", [7.0], shown(1))
    assert (alone.p1, alone.p5, alone.worst_second) == (7.0, 7.0, (7.0, 0.0))


def test_harmonic_mean_leans_to_the_low() -> None:
    score = build_score(Metric.VMAF, "m", [99.0, 0.0], shown(2))
    assert score.mean == 49.5
    assert score.harmonic_mean == pytest.approx(2 / (1 / 100 + 1) - 1)


def test_pictures_without_difference_count_as_100_db() -> None:
    some = build_score(Metric.PSNR, "m", [math.inf, 40.0], shown(2))
    assert some.mean == (LOSSLESS_DB + 40) / 2
    assert some.caveats == ("1 of 2 frames are identical and count as 100 dB",)
    all_same = build_score(Metric.XPSNR, "m", [math.inf] * 3, shown(3))
    assert (all_same.mean, all_same.p1) == (LOSSLESS_DB, LOSSLESS_DB)
    assert all_same.harmonic_mean == pytest.approx(LOSSLESS_DB)
    assert all_same.caveats == ("all frames are identical and count as 100 dB",)


def test_pictures_without_a_figure_are_left_out() -> None:
    score = build_score(Metric.SSIM, "m", [math.nan, 0.5, 0.7], shown(3))
    assert score.frames == 2
    assert score.mean == pytest.approx(0.6)
    assert score.caveats == ("1 of 3 frames have no figure and are left out",)
    with pytest.raises(ValueError, match="no frame has a figure for ssim"):
        build_score(Metric.SSIM, "m", [math.nan], shown(1))


def test_worst_second_is_told_in_the_sources_time() -> None:
    parts = [at_24(48, start=100.0), at_24(48, start=900.0)]
    values = [90.0] * 72 + [50.0] * 24
    score = build_score(Metric.VMAF, "m", values, frame_times(parts, step_s=1 / 24))
    assert score.per_second == (90.0, 90.0, 90.0, 50.0)
    assert score.worst_second[0] == 50.0
    assert score.worst_second[1] == pytest.approx(901.0)


def test_a_short_rest_is_no_second_of_its_own() -> None:
    score = build_score(Metric.VMAF, "m", [90.0] * 24 + [10.0] * 4, shown(28))
    assert len(score.per_second) == 1


def test_a_standing_picture_is_seen_in_every_second() -> None:
    """Variable rate: nothing new for three seconds."""
    times = [0.0, 0.5, 1.0, 4.0, 4.5]
    score = build_score(
        Metric.VMAF, "m", [90.0, 90.0, 60.0, 80.0, 80.0], frame_times([times], step_s=0.5)
    )
    assert score.per_second == (90.0, 60.0, 60.0, 60.0, 80.0)


def test_absurd_times_do_not_make_the_film_endless() -> None:
    times = [0.0, None, 1e12, -1e12, 5.0]
    found = frame_times([times], step_s=0.04)
    assert found[-1].film_s < 60


# --- whether both sides are in step


def test_counts_must_be_equal() -> None:
    assert count_problem([at_24(9), at_24(3)], 12) is None
    assert count_problem([at_24(9)], 8) == "the source has 9 frames to compare, the encode 8"
    assert count_problem([()], 0) == "the source has no frame to compare with"


def test_times_may_be_rounded_and_moved_as_a_whole() -> None:
    source = [at_24(48, start=1.5)]
    rounded = [round(time - 1.5, 3) for time in source[0]]
    assert time_problem(source, rounded, step_s=1 / 24) is None


def test_a_picture_lost_here_and_doubled_there_is_found() -> None:
    source = at_24(48)
    without = (*source[:10], *source[11:], source[-1] + 1 / 24)
    assert time_problem([source], without, step_s=1 / 24) == (
        "frame 11 comes 0.417 s after the first one in the source, 0.458 s in the encode"
    )


def test_each_passage_has_a_time_of_its_own() -> None:
    parts = [at_24(24, start=10.0), at_24(24, start=99.0)]
    joined = (*at_24(24), *at_24(24, start=1.2))
    assert time_problem(parts, joined, step_s=1 / 24) is None


def test_unknown_times_are_no_fault() -> None:
    assert time_problem([(None, 1.0, None)], (0.0, 9.0, None), step_s=0.04) is None


def squares(here: float, before: float, after: float, *, frames: int = 100) -> SquaredErrors:
    return SquaredErrors(
        here=(here,) * frames, before=(before,) * (frames - 1), after=(after,) * frames
    )


@pytest.mark.parametrize(
    ("found", "is_fault"),
    [
        (squares(5, 80, 90), False),
        (squares(80, 5, 90), True),
        (squares(80, 90, 5), True),
        (squares(80, 79, 60), False),  # a hopeless encode
        (squares(0, 0, 0), False),  # a still picture
        (squares(80, 5, 90, frames=1), False),  # too few to tell
    ],
)
def test_a_shift_is_seen_by_the_neighbours(found: SquaredErrors, is_fault: bool) -> None:
    assert (shift_problem(found, shown(100)) is not None) is is_fault


def test_a_shift_in_a_part_of_the_film_is_told_with_its_place() -> None:
    half = 5 * WINDOW_FRAMES
    found = SquaredErrors(
        here=(*(5.0,) * (half + 1), *(80.0,) * half),
        before=(*(80.0,) * half, *(5.0,) * half),
        after=(90.0,) * (2 * half + 1),
    )
    assert shift_problem(found, shown(2 * half + 1)) == (
        "the encode is one frame behind the source, first seen at 5.04 s "
        "(in 5 of 10 windows of 24 frames with enough motion)"
    )


# --- the command


def stream(**known: object) -> VideoStream:
    facts = {"index": 0, "codec": "h264", "width": 1920, "height": 1080, "bit_depth": 8}
    return VideoStream(**{**facts, **known})  # type: ignore[arg-type]


def test_the_higher_depth_counts() -> None:
    assert pixel_format(stream(), stream()) == "yuv420p"
    assert pixel_format(stream(), stream(bit_depth=10)) == "yuv420p10le"
    assert pixel_format(stream(bit_depth=16), stream()) == "yuv420p12le"
    assert pixel_format(stream(bit_depth=None), stream()) == "yuv420p10le"


def test_folders_of_any_name_are_one_value() -> None:
    assert filter_value("/t/a,b:c") == "/t/a\\,b\\\\:c"
    assert filter_value("it's [1]") == "it\\\\\\'s \\[1\\]"


def test_command(golden: Golden) -> None:
    """A clip of two passages of an interlaced full-range film, with film grain."""
    comparison = ScoreInputs(
        reference=ScoreInput(
            path="/films/a.ts",
            stream=stream(index=1, colour=Colour(range="pc")),
            passages=((3.0, 2.0), (60.0, 1.5)),
            origin_s=1.4,
            deinterlacers=("bwdif=mode=send_frame:deint=interlaced",),
        ),
        distorted=ScoreInput(path="/clips/a.mkv", stream=stream(codec="av1", bit_depth=10)),
        metrics=(Metric.VMAF, Metric.SSIM),
        folder="/tmp/x",
        vmaf_model="vmaf_v0.6.1",
        threads=2,
        without_grain=True,
    )
    argv = comparison_argv(comparison, ffmpeg="ffmpeg", guards=("-protocol_whitelist", "file"))
    golden("scores.txt", "\n".join(argv).replace(";", ";\n") + "\n")


# --- real comparisons


def part(path: Path, tools: Tools, **more: object) -> ScoreInput:
    main = probe_file(library_file(path), tools).main
    assert main is not None
    return ScoreInput(path=str(path), stream=main, **more)  # type: ignore[arg-type]


def scores(
    reference: ScoreInput, distorted: ScoreInput, tools: Tools, *metrics: Metric
) -> dict[Metric, Score]:
    found = measure(
        reference, distorted, metrics=metrics or tuple(Metric), tools=tools, children=Children()
    )
    return {score.metric: score for score in found}


FILM = ("-f", "lavfi", "-i", "mandelbrot=s=192x128:r=24:start_scale=0.5:end_scale=0.2", "-t", "2")
LOSSLESS = ("-c:v", "ffv1", "-pix_fmt", "yuv420p")


@pytest.fixture
def film(make_clip: MakeClip) -> Path:
    return make_clip("film.mkv", *FILM, *LOSSLESS)


def altered(make_clip: MakeClip, film: Path, filters: str, *codec: str) -> Path:
    return make_clip(
        "altered.mkv", "-i", str(film), "-vf", filters, "-fps_mode", "passthrough",
        *(codec or LOSSLESS),
    )  # fmt: skip


@pytest.mark.real
def test_the_same_file_twice_is_without_fault(film: Path, tools: Tools) -> None:
    found = scores(part(film, tools), part(film, tools), tools)
    assert list(found) == list(Metric)
    assert found[Metric.VMAF].mean > 97  # its model gives no 100 where little moves
    assert found[Metric.VMAF].model.startswith("vmaf_v0.6.1 (libvmaf ")
    assert found[Metric.SSIM].mean == 1.0
    assert found[Metric.PSNR].mean == found[Metric.XPSNR].p1 == LOSSLESS_DB
    assert {score.frames for score in found.values()} == {48}
    assert {len(score.per_second) for score in found.values()} == {2}


@pytest.mark.real
def test_the_softer_the_lower(film: Path, tools: Tools, make_clip: MakeClip) -> None:
    soft, softer = (altered(make_clip, film, f"gblur=sigma={sigma}") for sigma in (0.6, 2))
    high, low = (scores(part(film, tools), part(path, tools), tools) for path in (soft, softer))
    for metric in Metric:
        assert high[metric].mean > low[metric].mean
        assert high[metric].p5 > low[metric].p5


@pytest.mark.real
def test_ten_bit_of_eight_is_without_fault(film: Path, tools: Tools, make_clip: MakeClip) -> None:
    ten = altered(make_clip, film, "format=yuv420p10le", "-c:v", "ffv1")
    for pair in ((film, ten), (ten, film)):
        found = scores(part(pair[0], tools), part(pair[1], tools), tools, Metric.PSNR)
        assert found[Metric.PSNR].mean == LOSSLESS_DB


@pytest.mark.real
def test_ranges_are_made_alike(film: Path, tools: Tools, make_clip: MakeClip) -> None:
    full = altered(
        make_clip, film, "scale=in_range=tv:out_range=pc", *LOSSLESS, "-color_range", "pc"
    )
    assert part(full, tools).stream.colour.range == "pc"
    for pair in ((full, film), (full, full)):
        found = scores(part(pair[0], tools), part(pair[1], tools), tools, Metric.PSNR)
        assert found[Metric.PSNR].mean > 50


@pytest.mark.real
@pytest.mark.parametrize(
    ("filters", "complaint"),
    [
        ("select='gte(n,1)'", "the source has 48 frames to compare, the encode 47"),
        ("tpad=start=1", "the source has 48 frames to compare, the encode 49"),
        ("tpad=start=1:start_mode=clone,trim=end_frame=48", "one frame behind the source"),
        ("trim=start_frame=1,setpts=PTS-STARTPTS,tpad=stop=1", "one frame ahead of the source"),
        ("select='not(eq(n,20))',tpad=stop=1", "frame 21 comes 0.833 s after the first one"),
    ],
    ids=["one lost", "one more", "behind", "ahead", "hole"],
)
def test_pictures_out_of_step_get_no_score(
    film: Path, tools: Tools, make_clip: MakeClip, filters: str, complaint: str
) -> None:
    with pytest.raises(EncodeError) as caught:
        scores(
            part(film, tools), part(altered(make_clip, film, filters), tools), tools, Metric.SSIM
        )
    assert caught.value.message.startswith("source and encode are not aligned: ")
    assert complaint in caught.value.message
    assert caught.value.where is not None


@pytest.mark.real
def test_other_sizes_get_no_score(film: Path, tools: Tools, make_clip: MakeClip) -> None:
    small = altered(make_clip, film, "scale=96:64")
    with pytest.raises(EncodeError, match="source 192x128, encode 96x64"):
        scores(part(film, tools), part(small, tools), tools)


@pytest.mark.real
def test_passages_of_both_sides(film: Path, tools: Tools, make_clip: MakeClip) -> None:
    """The middle is spoilt: passages around it do not see it; in a clip of them joined, either."""
    passages = ((0.25, 0.5), (1.5, 0.25))
    spoilt = altered(make_clip, film, "noise=alls=40:allf=t:enable='between(t,0.8,1.45)'")
    joined = altered(
        make_clip, film,
        "select='between(t,0.249,0.745)+between(t,1.499,1.745)',setpts=N/24/TB",
    )  # fmt: skip
    reference = part(film, tools, passages=passages)
    whole = scores(part(film, tools), part(spoilt, tools), tools, Metric.PSNR)
    assert whole[Metric.PSNR].mean < 90
    for other in (part(spoilt, tools, passages=passages), part(joined, tools)):
        found = scores(reference, other, tools, Metric.PSNR)
        assert (found[Metric.PSNR].frames, found[Metric.PSNR].mean) == (18, LOSSLESS_DB)


@pytest.mark.real
def test_the_worst_second_is_where_the_noise_is(
    film: Path, tools: Tools, make_clip: MakeClip
) -> None:
    noisy = altered(make_clip, film, "noise=alls=40:allf=t:enable='gte(t,0.99)'")
    found = scores(part(film, tools), part(noisy, tools), tools)
    for score in found.values():
        value, at_s = score.worst_second
        assert at_s == pytest.approx(1.0, abs=0.05)
        assert score.per_second[1] == value < score.per_second[0]


@pytest.mark.real
def test_variable_rate_is_compared_picture_by_picture(
    film: Path, tools: Tools, make_clip: MakeClip
) -> None:
    uneven = "select='not(mod(n,5))+lt(n,12)'"
    source = altered(make_clip, film, uneven)
    again = altered(make_clip, source, "null", *LOSSLESS, "-enc_time_base:v", "demux")
    found = scores(part(source, tools), part(again, tools), tools, Metric.PSNR)
    assert found[Metric.PSNR].mean == LOSSLESS_DB
    assert found[Metric.PSNR].frames == 19
    assert len(found[Metric.PSNR].per_second) == 2


SVT = ("-c:v", "libsvtav1", "-preset", "10", "-pix_fmt", "yuv420p10le")


@pytest.mark.real
def test_film_grain_is_left_out_and_that_is_said(
    film: Path, tools: Tools, make_clip: MakeClip
) -> None:
    """Without denoising, grain changes nothing but what players add."""
    if not any(encoder.codec == "libsvtav1" for encoder in tools.encoders):
        pytest.skip("this FFmpeg has no libsvtav1")
    source = altered(make_clip, film, "noise=alls=10:allf=t")
    plain = altered(make_clip, source, "null", *SVT, "-svtav1-params", "crf=40")
    grainy = altered(make_clip, source, "null", *SVT, "-svtav1-params", "crf=40:film-grain=30")
    clean = scores(part(source, tools), part(plain, tools), tools)
    found = scores(part(source, tools), part(grainy, tools), tools)
    assert clean[Metric.VMAF].caveats == ()
    assert all(GRAIN_LEFT_OUT in score.caveats for score in found.values())
    assert found[Metric.PSNR].mean == pytest.approx(clean[Metric.PSNR].mean, abs=0.1)
    assert found[Metric.VMAF].mean == pytest.approx(clean[Metric.VMAF].mean, abs=0.3)

    memo = Memo()
    able = find_abilities(tools, memo)
    memo[next(iter(memo))] = msgspec.json.encode(replace(able, leaves_out_grain=False)).decode()
    (with_grain,) = measure(
        part(source, tools), part(grainy, tools), metrics=[Metric.PSNR], tools=tools,
        children=Children(), memo=memo,
    )  # fmt: skip
    assert GRAIN_LEFT_IN in with_grain.caveats
    assert with_grain.mean < clean[Metric.PSNR].mean - 0.2


@pytest.mark.real
def test_deinterlaced_is_compared_with_deinterlaced(tools: Tools, make_clip: MakeClip) -> None:
    fields = make_clip(
        "fields.mkv", "-f", "lavfi", "-i", "testsrc2=s=192x128:r=50:d=1", "-vf",
        "interlace=scan=tff", "-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-q:v", "2",
        "-pix_fmt", "yuv420p",
    )  # fmt: skip
    bwdif = "bwdif=mode=send_frame:deint=interlaced"
    target = altered(make_clip, fields, bwdif)
    as_seen = part(fields, tools, deinterlacers=(bwdif,))
    found = scores(as_seen, part(target, tools), tools, Metric.PSNR)
    assert found[Metric.PSNR].mean == LOSSLESS_DB
    combed = scores(part(fields, tools), part(target, tools), tools, Metric.PSNR)
    assert combed[Metric.PSNR].mean < 60


@pytest.mark.real
def test_a_playlist_in_a_films_clothes_is_not_opened(
    film: Path, tools: Tools, tmp_path: Path
) -> None:
    good = part(film, tools)
    trap = tmp_path / "trap.mkv"
    trap.write_text(f"ffconcat version 1.0\nfile '{film}'\n")
    with pytest.raises(EncodeError, match="could not be measured"):
        scores(good, ScoreInput(path=str(trap), stream=good.stream), tools, Metric.SSIM)


@pytest.mark.real
def test_logs_may_lie_in_a_folder_of_any_name(film: Path, tools: Tools, tmp_path: Path) -> None:
    folder = tmp_path / "it's, [a]; b:c\\ %d"
    folder.mkdir()
    same = part(film, tools)
    found = measure(
        same, same, metrics=tuple(Metric), tools=tools, children=Children(), temp_dir=str(folder)
    )
    assert len(found) == len(Metric)
    assert list(folder.iterdir()) == []


class Memo(dict[str, str]):
    def put(self, key: str, value: str) -> None:
        self[key] = value


@pytest.mark.real
def test_ffmpeg_is_asked_once(tools: Tools) -> None:
    memo = Memo()
    first = find_abilities(tools, memo)
    assert Metric.PSNR in first.metrics
    assert len(memo) == 1
    stopped = Children()
    stopped.stop()
    assert find_abilities(tools, memo, children=stopped) == first


def fake_tools(ffmpeg: str, *filters: str) -> Tools:
    return Tools(
        ffmpeg=ffmpeg, ffprobe="ffprobe", ffmpeg_version="9", ffprobe_version="8",
        version=(9, 0), encoders=(), filters=frozenset(filters),
    )  # fmt: skip


def test_an_ffmpeg_without_metrics_is_told_of(
    film_stream: ScoreInput, fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the fake writes what it takes for its output
    with pytest.raises(ToolError, match=r"can't measure quality \(asked for vmaf, ssim\)"):
        scores(film_stream, film_stream, fake_tools(fake("ok")), Metric.VMAF, Metric.SSIM)


@pytest.mark.parametrize(
    ("how", "kind", "words"),
    [
        ("motionless", Av1rulesError, "made no progress for 0.50 s"),
        ("killed", Av1rulesError, "was killed"),
        ("full", Av1rulesError, "the disk is full"),
        ("crash", EncodeError, "crashed"),
    ],
)
def test_how_a_measurement_fails(
    film_stream: ScoreInput,
    fake: Fake,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    kind: type[Av1rulesError],
    words: str,
) -> None:
    """Only what would come again counts against the encode."""
    monkeypatch.chdir(tmp_path)
    tools, memo = fake_tools(fake("ok"), "ssim"), Memo()
    find_abilities(tools, memo)
    monkeypatch.setenv("AV1RULES_FAKE", how)
    with pytest.raises(Av1rulesError, match=words) as caught:
        measure(
            film_stream, film_stream, metrics=[Metric.SSIM], tools=tools, children=Children(),
            memo=memo, limits=RunLimits(stall_s=0.5),
        )  # fmt: skip
    assert type(caught.value) is kind


@pytest.fixture
def film_stream() -> ScoreInput:
    return ScoreInput(path="/films/a.mkv", stream=stream())


# --- real clips


def encoded(make_clip: MakeClip, source: Path) -> Path:
    return make_clip(
        "target.mkv", "-noautorotate", "-i", str(source), "-map", "0:V:0", *SVT, "-svtav1-params",
        "crf=30", "-fps_mode", "passthrough", "-enc_time_base:v", "demux",
    )  # fmt: skip


@pytest.mark.real
@pytest.mark.media
@pytest.mark.parametrize(
    "name", ["hevc10-dovi81-144p.mkv", "h264-vfr-webcam.mov", "h264-rotated-portrait.mov"]
)
def test_real_clips(name: str, media_dir: Path, tools: Tools, make_clip: MakeClip) -> None:
    source = media_dir / name
    found = scores(part(source, tools), part(encoded(make_clip, source), tools), tools)
    assert found[Metric.VMAF].mean > 80
    assert found[Metric.SSIM].mean > 0.9
    assert (SDR_MODEL in found[Metric.VMAF].caveats) is name.startswith("hevc10")


@pytest.mark.real
@pytest.mark.media
def test_passages_where_one_side_starts_late(
    media_dir: Path, tools: Tools, make_clip: MakeClip
) -> None:
    """A transport stream may start anywhere, its encode at 0: each side knows its own start."""
    source = make_clip(
        "late.ts", "-i", str(media_dir / "h264-ac3.ts"), "-map", "0:V:0", "-c", "copy",
        "-output_ts_offset", "20",
    )  # fmt: skip
    target = encoded(make_clip, source)
    first, second = part(source, tools), part(target, tools)
    assert (first.stream.start_s or 0) > 20 > (second.stream.start_s or 0)
    passages = ((0.5, 0.5), (1.75, 0.4))
    found = scores(
        replace(first, passages=passages, origin_s=first.stream.start_s or 0),
        replace(second, passages=passages, origin_s=second.stream.start_s or 0),
        tools,
        Metric.SSIM,
    )
    assert found[Metric.SSIM].frames == 27
    assert found[Metric.SSIM].p1 > 0.9
