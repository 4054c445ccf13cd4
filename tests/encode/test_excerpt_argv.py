"""A clip has the pictures of its passages, all and no other, encoded as the film would be."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec import structs
from msgspec.structs import replace

from av1rules.base.errors import EncodeError
from av1rules.base.process import Children
from av1rules.encode.argv import build_argv
from av1rules.encode.encode import encode
from av1rules.encode.encoders.registry import choose_encoder
from av1rules.encode.excerpt_argv import clip_argv
from av1rules.encode.job import EncodeJob
from av1rules.ffmpeg.tools import Tools
from av1rules.media.cache import lone_file
from av1rules.media.probe.ffprobe import probe_file
from av1rules.policy.quality_spec import Metric
from av1rules.policy.settings import EncodeSettings, Loss
from av1rules.quality.filtergraph import ScoreInput
from av1rules.quality.score import measure
from tests.conftest import Golden, MakeClip
from tests.encode.make import job as make_job

PASSAGES = ((61.27, 15.0), (3.5, 10.0))


def test_whole_command(golden: Golden) -> None:
    job = replace(make_job(), passages=PASSAGES)
    golden("argv-clip.txt", "\n".join(clip_argv(job, ffmpeg="ffmpeg", output="/t/clip.mp4")) + "\n")


def options_of_encoder(argv: tuple[str, ...]) -> list[tuple[str, str]]:
    """The options of the pictures, but for the time base and the filters that cut."""
    pairs = pairwise(argv)
    names = ("-preset", "-svtav1-params", "-crf", "-err_detect", "-pix_fmt", "-fps_mode", "-c:0")
    return [(name, value) for name, value in pairs if name.startswith(names)]


def test_the_encoder_is_told_the_same_as_for_the_film() -> None:
    film = make_job()
    whole = build_argv(film, ffmpeg="ffmpeg", output="o")
    clip = clip_argv(replace(film, passages=PASSAGES), ffmpeg="ffmpeg", output="o")
    assert options_of_encoder(whole) == options_of_encoder(clip)
    assert len(options_of_encoder(clip)) >= 5


def test_deinterlaces_before_it_cuts() -> None:
    job = make_job()
    job = replace(
        job, passages=PASSAGES[:1], settings=structs.replace(job.settings, deinterlace="bwdif")
    )
    graph = clip_argv(job, ffmpeg="ffmpeg", output="o")
    (text,) = [word for word in graph if "trim=" in word]
    assert text.index("bwdif") < text.index("trim=")


LATE = ("-output_ts_offset", "100")
"""Recordings and parts of films start somewhere, not at 0."""


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("film.mkv", ()),
        ("film.mp4", ()),
        ("film.ts", ()),
        ("late.ts", LATE),
        ("late.mkv", LATE),
    ],
)
def test_the_pictures_are_those_of_the_passages(
    name: str, more: tuple[str, ...], make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    path = make_clip(
        name, "-f", "lavfi", "-i", "testsrc2=s=160x90:r=24000/1001:d=24", "-c:v", "mpeg2video",
        "-b:v", "1500k", "-g", "40", "-bf", "2", "-pix_fmt", "yuv420p", *more,
    )  # fmt: skip
    require_the_pictures_of_passages(path, tools, tmp_path)


@pytest.mark.real
def test_colours_that_change_on_the_way(make_clip: MakeClip, tools: Tools, tmp_path: Path) -> None:
    """FFmpeg builds its filters anew there, and would wait for ever for passages read before."""
    parts = b"".join(
        make_clip(
            f"{colour}.ts", "-f", "lavfi", "-i", f"testsrc2=s=160x90:r=24000/1001:d=12{effect}",
            "-c:v", "libx264", "-preset", "veryfast", "-crf", "10", "-pix_fmt", "yuv420p",
            "-colorspace", colour, "-output_ts_offset", offset,
        ).read_bytes()
        for colour, offset, effect in (("bt709", "0", ""), ("smpte170m", "12.012", ",hue=h=90"))
    )  # fmt: skip
    joined = tmp_path / "joined.ts"
    joined.write_bytes(parts)
    path = make_clip("colours.mkv", "-i", str(joined), "-c", "copy")
    require_the_pictures_of_passages(path, tools, tmp_path, has_one_colour=False)


def require_the_pictures_of_passages(
    path: Path, tools: Tools, tmp_path: Path, *, has_one_colour: bool = True
) -> None:
    children = Children()
    source = probe_file(lone_file(str(path)), tools)
    assert source.main is not None
    start_s = source.main.start_s or source.start_s or 0.0
    step_s = float(Fraction(1001, 24000))
    passages = tuple(
        (start_s + (first - 0.5) * step_s, count * step_s) for first, count in ((31, 24), (413, 36))
    )
    settings = EncodeSettings(
        crf=8, preset=12, bit_depth=8, container="mp4", accept=frozenset({Loss.DAMAGE})
    )
    job = EncodeJob(
        source_path=str(path),
        source=source,
        settings=settings,
        encoder=choose_encoder(settings, tools, None),
        target=str(tmp_path / "clip.mp4"),
        provenance="{}",
        temp_dir=str(tmp_path),
        passages=passages,
    )
    made = encode(job, tools=tools, children=children, on_progress=lambda _: None)
    assert made.frames == 60
    main = probe_file(lone_file(made.path), tools).main
    assert main is not None
    clip = ScoreInput(path=made.path, stream=main)
    (score,) = measure(
        ScoreInput(path=str(path), stream=source.main, passages=passages),
        clip,
        metrics=(Metric.PSNR,),
        tools=tools,
        children=children,
    )
    assert score.frames == 60
    if has_one_colour:  # else one side may be converted
        assert score.p1 > 30
    beside = tuple((start + step_s, length) for start, length in passages)
    with pytest.raises(EncodeError, match="not aligned"):
        measure(
            ScoreInput(path=str(path), stream=source.main, passages=beside),
            clip,
            metrics=(Metric.PSNR,),
            tools=tools,
            children=children,
        )
