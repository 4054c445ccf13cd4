"""Healthy films that used to fail after the encode, from plan to ledger: each is published whole,
or held before the encode with a way out that works. ffprobe itself reads back what was kept.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from av1rules.ffmpeg.tools import Tools
from av1rules.plan.items import PlanAction
from tests.conftest import MakeClip
from tests.encode.healthy import (
    AAC,
    CUT,
    FAST,
    GROUPS,
    H264,
    HEVC,
    VP9,
    Arguments,
    ffprobe,
    picture,
    shown,
    tone,
)
from tests.sample_library import SampleLibrary

pytestmark = pytest.mark.real

LASTS: Arguments = ("-bsf:v", "setts=duration=if(eq(N\\,49)\\,6/TB\\,DURATION)")
PQ = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:hdr10=1:log-level=none"
DISPLAY = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"


def hdr(levels: str, display: str = f":{DISPLAY}") -> Arguments:
    params = f"{PQ}{display}:max-cll={levels}"
    return (*picture(0.4), "-pix_fmt", "yuv420p10le", *HEVC, "-x265-params", params)


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A film made by FFmpeg, `frames` of which can be decoded. `into`: the target's container."""

    name: str
    made: Arguments
    frames: int
    into: str = "mkv"
    span_s: float | None = None  # from the first picture to the last


WHOLE = (
    Film(name="cll00.mkv", made=hdr("0,0"), frames=10),
    Film(name="cll00.mp4", made=hdr("0,0"), frames=10),
    Film(name="cll00.ts", made=hdr("0,0"), frames=10),
    Film(name="cll-half.mkv", made=hdr("1000,0"), frames=10),
    Film(name="cll-other-half.mkv", made=hdr("0,400"), frames=10),
    Film(name="cll00-alone.mkv", made=hdr("0,0", ""), frames=10),
    Film(name="lasts.mkv", made=(*picture(2), *H264, *LASTS), frames=50),
    Film(name="lasts.mp4", made=(*picture(2), *H264, *LASTS), frames=50),
    Film(name="sound-longer.mkv", made=(*picture(2), *tone(20), *H264, *AAC), frames=50),
    Film(name="sound-longer.mp4", made=(*picture(2), *tone(20), *H264, *AAC), frames=50),
    Film(name="sound-longer.ts", made=(*picture(2), *tone(20), *H264, *AAC), frames=50),
    Film(name="sound-longer.avi", made=(*picture(2), *tone(20), "-c:v", "mpeg4"), frames=50),
    *(
        Film(
            name=f"picture-late.{ending}",
            made=(
                *tone(13), "-itsoffset", "10", *picture(3), "-map", "1:v", "-map", "0:a", *H264,
                *AAC,
            ),
            frames=75,
        )
        for ending in ("mkv", "mp4", "ts")
    ),
    *(
        Film(name=f"cut-h264.{ending}", made=(*picture(4), *H264, *CUT), frames=50)
        for ending in ("mkv", "mp4", "ts")
    ),
    *(
        Film(
            name=f"cut-hevc.{ending}",
            made=(*picture(4), *HEVC, "-x265-params", GROUPS, *CUT),
            frames=50,
        )
        for ending in ("mkv", "ts")
    ),
    *(
        Film(
            name=f"cut-mpeg2.{ending}",
            made=(*picture(4), "-c:v", "mpeg2video", "-g", "50", "-b:v", "2M", *CUT),
            frames=50,
        )
        for ending in ("mkv", "ts")
    ),
    Film(
        name="cut-mpeg4.mkv",
        made=(*picture(4), "-c:v", "mpeg4", "-g", "50", *CUT),
        frames=50,
    ),
    Film(name="cut-vp9.mkv", made=(*picture(4), *VP9, *CUT), frames=50),
    Film(
        name="cut-av1.mkv",
        made=(*picture(4), "-c:v", "libsvtav1", "-preset", "12", "-g", "50", *CUT),
        frames=50,
    ),
    Film(
        name="cut-open-groups.ts",
        made=(
            *picture(6), *H264, "-x264-params", "open-gop=1:keyint=50:bframes=3:scenecut=0", *CUT,
        ),
        frames=100,
    ),
    Film(
        name="clock-late.webm",
        made=(
            *picture(0.4), *VP9, "-output_ts_offset", "2.3", "-avoid_negative_ts", "disabled",
        ),
        frames=10,
    ),
    Film(
        name="clock-negative.mkv",
        made=(
            *picture(2), *tone(2), *H264, "-bf", "3", *AAC, "-output_ts_offset", "-1",
            "-avoid_negative_ts", "disabled",
        ),
        frames=50,
    ),
    Film(
        name="clock-wraps.ts",
        made=(*picture(6), *tone(6), *H264, *AAC, "-output_ts_offset", "95440"),
        frames=150,
        span_s=5.96,
    ),
    Film(name="slides.mkv", made=(*picture(60, rate="1/10"), *tone(60), *H264, *AAC), frames=6),
    Film(name="slides.mp4", made=(*picture(60, rate="1/10"), *H264), frames=6, span_s=50),
    Film(name="one.mkv", made=(*picture(2), "-frames:v", "1", *H264), frames=1),
    Film(name="one.mp4", made=(*picture(2), "-frames:v", "1", *H264), frames=1),
    Film(
        name="gap.mkv",
        made=(
            *picture(10), "-vf", "select='lt(t,3)+gt(t,8)'", "-fps_mode", "passthrough", *H264,
        ),
        frames=124,
        span_s=9.96,
    ),
    Film(
        name="times-of-decoding.mp4",  # of each packet, taken for those of showing
        made=(*picture(2), *H264, "-preset", "medium", "-bf", "3", "-bsf:v", "setts=pts=DTS"),
        frames=48,  # its edit list hides two
    ),
    Film(
        name="stereo-twice.mkv",
        made=(
            *picture(2), *H264, "-x264-params", "frame-packing=3", "-metadata:s:v:0",
            "stereo_mode=left_right",
        ),
        frames=50,
    ),
    Film(
        name="wma.asf",
        made=(*picture(2), *tone(2), "-c:v", "wmv2", "-c:a", "wmav2"),
        frames=50,
        into="mp4",
    ),
    Film(
        name="empty-track.mkv",
        made=(
            *picture(2), *tone(2), *picture(1, size="64x64"), "-map", "0:v", "-map", "1:a", "-map",
            "2:v", *H264, *AAC, "-bsf:v:1", "noise=drop=1",
        ),
        frames=50,
        into="mp4",
    ),
)  # fmt: skip


@pytest.fixture
def plain(tmp_path: Path, clip: Path) -> SampleLibrary:
    made = SampleLibrary(folder=tmp_path / "shelf", clip=clip)
    (made.folder / "films").mkdir(parents=True)
    made.rules(settings=FAST)
    return made


@pytest.mark.parametrize("film", WHOLE, ids=lambda film: film.name)
def test_a_healthy_film_is_published_whole(
    film: Film, plain: SampleLibrary, make_clip: MakeClip, tools: Tools
) -> None:
    plain.rules(settings=f"{FAST}, container: {film.into}")
    plain.add(film.name, make_clip(film.name, *film.made))
    assert plain.row(film.name).action is PlanAction.ENCODE, plain.row(film.name).causes
    finished = plain.run()
    assert (finished.done, finished.failed) == (1, 0), plain.events
    (row,) = plain.ledger_rows()
    times = shown(Path(row.target), tools)
    assert len(times) == film.frames
    if film.span_s is not None:
        assert times[-1] - times[0] == pytest.approx(film.span_s, abs=0.002)


def test_a_crop_of_the_container_is_kept(
    plain: SampleLibrary, make_clip: MakeClip, tmp_path: Path, tools: Tools
) -> None:
    mkvmerge = shutil.which("mkvmerge")
    if mkvmerge is None:
        pytest.skip("mkvmerge is not installed")
    whole = make_clip("whole.mkv", *picture(1, size="160x120"), *H264)
    cropped = tmp_path / "cropped.mkv"
    argv = [mkvmerge, "-q", "-o", str(cropped), "--cropping", "0:6,10,8,12", str(whole)]
    subprocess.run(argv, check=True, timeout=60)
    for into in ("mkv", "mp4"):
        plain.rules(settings=f"{FAST}, container: {into}")
        plain.add("cropped.mkv", cropped)
        finished = plain.run()
        assert (finished.done, finished.failed) == (1, 0), plain.events
        target = plain.target(f"cropped.{into}")
        (video,) = ffprobe(target, tools, "-show_streams", "-select_streams", "V")["streams"]
        assert (video["width"], video["height"]) == (160 - 14, 120 - 22)
        assert "side_data_list" not in video


@pytest.mark.parametrize(
    ("encoder", "size", "helps"),
    [("libsvtav1", "2x2", "encoder: libaom-av1"), ("librav1e", "14x64", "encoder: libaom-av1")],
)
def test_too_small_pictures_are_refused_before_the_encode(
    encoder: str, size: str, helps: str, plain: SampleLibrary, make_clip: MakeClip, tools: Tools
) -> None:
    made = (*picture(0.4, size=size), "-c:v", "ffvhuff", "-pix_fmt", "yuv420p")
    plain.add("tiny.mkv", make_clip("tiny.mkv", *made))
    plain.rules(settings=FAST.replace("libsvtav1", encoder))
    assert plain.row("tiny.mkv").action is PlanAction.HELD
    assert helps in plain.causes("tiny.mkv")[0]
    plain.rules(settings=FAST.replace("encoder: libsvtav1", helps))
    finished = plain.run()
    assert (finished.done, finished.failed) == (1, 0), plain.events
    (video,) = ffprobe(plain.target("tiny.mkv"), tools, "-show_streams")["streams"]
    assert f"{video['width']}x{video['height']}" == size


def test_a_vision_without_metadata_is_held_until_its_loss_is_accepted(
    plain: SampleLibrary, make_clip: MakeClip, media_dir: Path, tools: Tools
) -> None:
    vision = str(media_dir / "hevc10-dovi81-144p.mkv")
    bare = ("-i", vision, "-map", "0:v", "-c", "copy", "-bsf:v", "filter_units=remove_types=62")
    plain.add("bare.mkv", make_clip("bare.mkv", *bare))
    assert plain.row("bare.mkv").action is PlanAction.HELD
    assert "accept: [dolby-vision]" in plain.causes("bare.mkv")[0]
    plain.rules(settings=f"{FAST}, accept: [dolby-vision]")
    finished = plain.run()
    assert (finished.done, finished.failed) == (1, 0), plain.events
    (video,) = ffprobe(plain.target("bare.mkv"), tools, "-show_streams")["streams"]
    kinds = {side["side_data_type"] for side in video.get("side_data_list", ())}
    assert "DOVI configuration record" not in kinds


def test_hidden_pictures_may_be_packets_of_their_own(
    plain: SampleLibrary, make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    slow = ("-deadline", "good", "-cpu-used", "4", "-lag-in-frames", "25", "-auto-alt-ref", "1")
    passes = ("-b:v", "200k", "-passlogfile", str(tmp_path / "passes"))
    for number in ("1", "2"):
        film = (*picture(4, size="320x180"), "-c:v", "libvpx-vp9", *slow, *passes, "-pass", number)
        joined = make_clip("joined.ivf", *film)
    split, packets = _split_superframes(joined.read_bytes())
    assert packets > 100, "or this proves nothing"
    (tmp_path / "split.ivf").write_bytes(split)
    plain.add("split.ivf", tmp_path / "split.ivf")
    finished = plain.run()
    assert (finished.done, finished.failed) == (1, 0), plain.events
    assert len(shown(plain.target("split.mkv"), tools)) == 100


def _split_superframes(ivf: bytes) -> tuple[bytes, int]:
    """The same IVF with hidden pictures in packets of their own, and how many there are then."""
    at, found = 32, []
    while at < len(ivf):
        size, time = struct.unpack_from("<IQ", ivf, at)
        packet = ivf[at + 12 : at + 12 + size]
        found += [struct.pack("<IQ", len(one), time) + one for one in _frames_of(packet)]
        at += 12 + size
    return ivf[:32] + b"".join(found), len(found)


def _frames_of(packet: bytes) -> list[bytes]:
    """By the index at the end of a VP9 superframe (its Annex B)."""
    mark = packet[-1]
    if mark & 0xE0 != 0xC0:
        return [packet]
    count, width = (mark & 7) + 1, ((mark >> 3) & 3) + 1
    index = packet[-1 - width * count : -1]
    frames, at = [], 0
    for number in range(count):
        size = int.from_bytes(index[number * width : (number + 1) * width], "little")
        frames.append(packet[at : at + size])
        at += size
    return frames


def test_subtitles_that_end_later_than_the_picture_are_no_damage(
    plain: SampleLibrary, make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    words = tmp_path / "words.srt"
    words.write_text("1\n00:00:00,500 --> 00:00:30,000\nStay\n")
    made = (*picture(2), "-i", str(words), *H264, "-c:s", "srt")
    plain.add("film.mkv", make_clip("subtitled.mkv", *made))
    finished = plain.run()
    assert (finished.done, finished.failed) == (1, 0), plain.events
    assert len(shown(plain.target("film.mkv"), tools)) == 50


@pytest.mark.parametrize("into", ["mkv", "mp4"])
def test_a_cover_may_stand_before_the_film(
    into: str, plain: SampleLibrary, make_clip: MakeClip, tools: Tools
) -> None:
    cover = make_clip("cover.png", "-f", "lavfi", "-i", "testsrc=s=64x64", "-frames:v", "1")
    film = make_clip("film.mp4", *picture(2), *tone(2), *H264, *AAC)
    first = (
        "-i", str(cover), "-i", str(film), "-map", "0", "-map", "1", "-c", "copy",
        "-disposition:v:0", "attached_pic",
    )  # fmt: skip
    plain.rules(settings=f"{FAST}, container: {into}")
    plain.add("first.mp4", _covers_first(make_clip("first.mp4", *first)))
    streams = ffprobe(plain.folder / "films" / "first.mp4", tools, "-show_streams")["streams"]
    assert len(streams) == 3
    finished = plain.run()
    assert (finished.done, finished.failed) == (1, 0), plain.events
    kept = ffprobe(plain.target(f"first.{into}"), tools, "-show_streams")["streams"]
    assert sorted(stream["codec_name"] for stream in kept) == ["aac", "av1", "png"]


def _covers_first(path: Path) -> Path:
    """The same MP4 with its tags, and so the cover, in front of the tracks."""
    data = path.read_bytes()
    boxes = dict(_boxes(data, 0, len(data)))
    start, end = boxes[b"moov"]
    inner = list(_boxes(data, start + 8, end))
    tags = [data[a:b] for kind, (a, b) in inner if kind == b"udta"]
    rest = [data[a:b] for kind, (a, b) in inner if kind != b"udta"]
    moov = data[start : start + 8] + rest[0] + b"".join(tags) + b"".join(rest[1:])
    assert len(moov) == end - start
    made = path.with_name("covers-first.mp4")
    made.write_bytes(data[:start] + moov + data[end:])
    return made


def _boxes(data: bytes, at: int, end: int) -> list[tuple[bytes, tuple[int, int]]]:
    found = []
    while at + 8 <= end:
        size = int.from_bytes(data[at : at + 4], "big")
        found.append((data[at + 4 : at + 8], (at, at + size)))
        at += size
    return found


@pytest.mark.parametrize("ending", ["mkv", "mp4", "ts"])
def test_a_cut_recording_is_declared_in_the_plan(
    ending: str, plain: SampleLibrary, make_clip: MakeClip
) -> None:
    plain.add(f"cut.{ending}", make_clip(f"cut.{ending}", *picture(4), *H264, *CUT))
    plain.add(f"whole.{ending}", make_clip(f"whole.{ending}", *picture(1), *H264))
    said = "begins between two key frames"
    assert any(said in note for note in plain.row(f"cut.{ending}").notes)
    assert not any(said in note for note in plain.row(f"whole.{ending}").notes)
