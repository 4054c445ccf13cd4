"""Made clips through a real FFmpeg: what must survive, and what must be noticed."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest
from msgspec import structs
from msgspec.structs import replace

from av1rules.base.errors import EncodeError
from av1rules.encode.encode import EncodeOutcome
from av1rules.ffmpeg.tools import Tools
from av1rules.media.source import HdrKind
from av1rules.policy.settings import EncodeSettings, Loss
from tests.conftest import MakeClip
from tests.encode.real import FAST, Way, check, go

pytestmark = pytest.mark.real

PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=1")
TONE = ("-f", "lavfi", "-i", "sine=f=440:d=1")
X264 = ("-c:v", "libx264", "-preset", "ultrafast")

SRT = "1\n00:00:00,100 --> 00:00:00,800\nHello\n"
CHAPTERS = (
    ";FFMETADATA1\ntitle=A Film\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=One\n"
    "[CHAPTER]\nTIMEBASE=1/1000\nSTART=500\nEND=1000\ntitle=Two\n"
)


@pytest.fixture(scope="session")
def everything(make_clip: MakeClip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sound with names, flags and languages, subtitles, a font, a cover, chapters."""
    folder = tmp_path_factory.mktemp("parts")
    (folder / "a.srt").write_text(SRT)
    (folder / "meta.txt").write_text(CHAPTERS)
    (folder / "a.ttf").write_bytes(os.urandom(2000))
    cover = make_clip("cover.jpg", "-f", "lavfi", "-i", "testsrc=s=64x64:d=0.04", "-frames:v", "1")
    return make_clip(
        "everything.mkv", *PICTURE, *TONE,
        "-i", str(folder / "a.srt"), "-i", str(folder / "meta.txt"),
        "-map", "0:v", "-map", "1:a", "-map", "1:a", "-map", "2:s", "-map_metadata", "3",
        *X264, "-pix_fmt", "yuv420p", "-c:a:0", "ac3", "-c:a:1", "flac", "-c:s", "srt",
        "-metadata:s:a:0", "language=ger", "-metadata:s:a:1", "title=Kommentar",
        "-disposition:a:0", "default", "-disposition:a:1", "comment",
        "-metadata:s:v:0", "BPS=1234", "-metadata:s:v:0", "NUMBER_OF_FRAMES-eng=999",
        "-metadata:s:s:0", "language=fre", "-disposition:s:0", "forced",
        "-attach", str(folder / "a.ttf"), "-metadata:s:t:0", "mimetype=font/ttf",
        "-attach", str(cover), "-metadata:s:t:1", "mimetype=image/jpeg",
        "-metadata:s:t:1", "filename=cover.jpg",
    )  # fmt: skip


@pytest.fixture(scope="session")
def full_way(everything: Path, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Way:
    return go(everything, tmp_path_factory.mktemp("full"), tools)


def test_everything_survives(full_way: Way) -> None:
    assert full_way.failed == []
    target = full_way.target
    assert [stream.codec for stream in target.streams()] == ["av1", "ac3", "flac", "subrip"]
    assert [stream.language for stream in target.audio] == ["ger", None]
    assert target.audio[1].title == "Kommentar"
    assert target.audio[1].dispositions == {"comment"}
    assert target.subtitles[0].dispositions == {"forced"}
    assert [item.filename for item in target.attachments] == ["a.ttf", "cover.jpg"]
    assert [chapter.title for chapter in target.chapters] == ["One", "Two"]
    assert ("title", "A Film") in target.tags
    assert target.provenance == '{"av1rules":1}'


def test_stale_statistics_are_gone_and_the_encoder_is_named(full_way: Way) -> None:
    data = full_way.path.read_bytes()
    assert b"NUMBER_OF_FRAMES" not in data
    assert b"\x42PS" not in data
    assert b"SVT-AV1 v" in data or b"SVT-AV1" in data
    assert b"preset=12:crf=45" in data


def test_the_same_work_gives_the_same_bytes(
    full_way: Way, everything: Path, tools: Tools, tmp_path: Path
) -> None:
    again = go(everything, tmp_path, tools)
    assert again.path.read_bytes() == full_way.path.read_bytes()


def test_nothing_else_is_left_in_the_folder(full_way: Way) -> None:
    assert [path.name for path in full_way.path.parent.iterdir()] == [full_way.path.name]


def test_mp4_says_what_it_loses_and_keeps_the_rest(
    everything: Path, tools: Tools, tmp_path: Path
) -> None:
    wanted = structs.replace(FAST, container="mp4")
    held = go(everything, tmp_path, tools, wanted).held
    assert [(finding.loss, finding.message.partition(" (")[0]) for finding in held] == [
        (Loss.STREAMS, "subtitle 3"),
        (Loss.STREAMS, "attachment 4"),
    ]
    way = go(everything, tmp_path, tools, structs.replace(wanted, accept=frozenset({Loss.STREAMS})))
    assert way.failed == []
    assert [stream.codec for stream in way.target.streams()] == ["av1", "ac3", "flac", "mov_text"]
    assert [item.codec for item in way.target.covers] == ["mjpeg"]
    assert way.target.provenance == '{"av1rules":1}'


def test_no_mp4_of_ours_is_a_source_even_where_every_text_tag_is_taken(
    make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    clip = make_clip(
        "said.mp4", *PICTURE, *X264, "-metadata", "comment=mine", "-metadata", "synopsis=s",
        "-metadata", "description=d",
    )  # fmt: skip
    way = go(clip, tmp_path, tools, structs.replace(FAST, container="mp4"))
    assert way.failed == []
    assert way.target.provenance == '{"av1rules":1}'
    assert ("comment", 'mine\nAV1RULES={"av1rules":1}') in way.target.tags


PQ = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
DISPLAY = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
HDR10 = (
    "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params",
    f"log-level=error:{PQ}:max-cll=1000,400:master-display={DISPLAY}",
)  # fmt: skip


def test_hdr10_survives(make_clip: MakeClip, tools: Tools, tmp_path: Path) -> None:
    way = go(make_clip("hdr10.mkv", *PICTURE, *HDR10), tmp_path, tools)
    assert way.failed == []
    picture = way.target.video[0]
    assert picture.bit_depth == 10
    assert picture.hdr_kinds == frozenset({HdrKind.HDR10})
    assert picture.mastering_display is not None
    assert picture.content_light is not None


def test_hlg_survives_in_mp4(make_clip: MakeClip, tools: Tools, tmp_path: Path) -> None:
    clip = make_clip(
        "hlg.mp4", *PICTURE, "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le",
        "-x265-params",
        "log-level=error:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc",
    )  # fmt: skip
    way = go(clip, tmp_path, tools, structs.replace(FAST, container="mp4"))
    assert way.failed == []
    assert way.target.video[0].hdr_kinds == frozenset({HdrKind.HLG})


def test_a_varying_frame_rate_is_kept(make_clip: MakeClip, tools: Tools, tmp_path: Path) -> None:
    clip = make_clip(
        "vfr.mp4", *PICTURE, "-vf", "select='not(eq(mod(n,7),3))+gt(n,20)'", *X264,
        "-pix_fmt", "yuv420p", "-fps_mode", "passthrough",
    )  # fmt: skip
    assert go(clip, tmp_path, tools).failed == []


def test_rotation_and_sample_aspect_are_kept(
    make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    flat = make_clip("flat.mp4", *PICTURE, "-vf", "setsar=64/45", *X264, "-pix_fmt", "yuv420p")
    clip = make_clip("turned.mp4", "-display_rotation", "90", "-i", str(flat), "-c", "copy")
    for container in ("mkv", "mp4"):
        way = go(clip, tmp_path, tools, structs.replace(FAST, container=container))
        assert way.failed == []
        picture = way.target.video[0]
        assert (picture.rotation, picture.sample_aspect) == (90, Fraction(64, 45))
        assert (picture.width, picture.height) == (128, 96)


def test_interlaced_pictures_are_made_whole(
    make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    clip = make_clip(
        "tff.mkv", "-f", "lavfi", "-i", "testsrc2=s=128x96:r=50:d=1", "-vf", "interlace=scan=tff",
        "-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-q:v", "3", "-pix_fmt", "yuv420p",
    )  # fmt: skip
    assert [finding.loss for finding in go(clip, tmp_path, tools).held] == [Loss.INTERLACED]
    way = go(clip, tmp_path, tools, structs.replace(FAST, deinterlace="bwdif"))
    assert way.failed == []
    assert not way.target.video[0].is_interlaced
    assert way.verified is not None
    assert way.verified.frames == 25


@pytest.mark.parametrize("pix_fmt", ["gbrp", "yuv444p", "gray"])
def test_other_pixel_formats(
    pix_fmt: str, make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    clip = make_clip("odd.mkv", *PICTURE, "-c:v", "ffv1", "-pix_fmt", pix_fmt)
    held = go(clip, tmp_path, tools).held
    assert [finding.loss for finding in held] == ([] if pix_fmt == "gray" else [Loss.CHROMA])
    way = go(clip, tmp_path, tools, structs.replace(FAST, accept=frozenset({Loss.CHROMA})))
    assert way.failed == []
    colour = way.target.video[0].colour
    assert (colour.range, colour.matrix) == {
        "gbrp": ("tv", "bt709"),  # RGB by the matrix that players expect, and said so
        "yuv444p": ("tv", None),
        "gray": ("pc", None),
    }[pix_fmt]
    assert colour.chroma_location == (None if pix_fmt == "gray" else "left")


def test_the_chroma_location_survives_a_change_of_depth(
    make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    clip = make_clip(
        "topleft.mkv", *PICTURE, "-vf", "format=yuv420p,setparams=chroma_location=topleft", *X264,
    )  # fmt: skip
    way = go(clip, tmp_path, tools, structs.replace(FAST, bit_depth=10))
    assert way.failed == []
    assert way.target.video[0].colour.chroma_location == "topleft"


@pytest.mark.parametrize("container", ["mkv", "mp4"])
def test_the_chroma_location_survives_the_way_from_422(
    container: str, make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    clip = make_clip(
        "422.mkv", *PICTURE, "-vf", "format=yuv422p10le,setparams=chroma_location=topleft",
        "-c:v", "ffv1",
    )  # fmt: skip
    wanted = structs.replace(FAST, container=container, accept=frozenset({Loss.CHROMA}))
    way = go(clip, tmp_path, tools, wanted)
    assert way.failed == []
    assert way.target.video[0].colour.chroma_location == "topleft"


def test_pictures_that_start_late_are_whole_in_mp4(
    make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    clip = make_clip(
        "late.mkv", "-itsoffset", "3", *PICTURE, "-f", "lavfi", "-i", "sine=f=440:d=4", *X264,
        "-pix_fmt", "yuv420p", "-c:a", "aac",
    )  # fmt: skip
    for container in ("mkv", "mp4"):
        assert go(clip, tmp_path, tools, structs.replace(FAST, container=container)).failed == []


def test_a_second_film_in_the_file_is_kept_as_it_is(
    make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    clip = make_clip(
        "two.mkv", *PICTURE, *PICTURE, "-map", "0", "-map", "1", *X264, "-pix_fmt", "yuv420p",
    )  # fmt: skip
    way = go(clip, tmp_path, tools)
    assert way.failed == []
    assert [stream.codec for stream in way.target.video] == ["av1", "h264"]
    assert way.job.streams.notes == ("video 1 (h264): copy: only the main video is encoded",)


def test_tags_that_mp4_drops_are_the_ones_that_were_told(
    make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    output = ("imdb", "writer")  # beside tags of a camera all would be kept
    kept = ("title", "artist", "genre", "show", "description", "date", "copyright")
    words = [word for key in (*output, *kept) for word in ("-metadata", f"{key}=7")]
    words += ["-metadata", "creation_time=2020-01-01T00:00:00Z"]
    clip = make_clip("tags.mkv", *PICTURE, *X264, "-pix_fmt", "yuv420p", *words)
    way = go(clip, tmp_path, tools, structs.replace(FAST, container="mp4"))
    assert way.failed == []
    there = {key for key, _ in way.target.tags}
    assert there & {*output, *kept} == set(kept)
    assert "creation_time" in there
    (note,) = way.job.streams.notes
    assert sorted(note.rpartition(": ")[2].split(", ")) == sorted(output)


def test_the_full_range_is_kept(make_clip: MakeClip, tools: Tools, tmp_path: Path) -> None:
    clip = make_clip("full.mkv", *PICTURE, *X264, "-pix_fmt", "yuvj420p", "-color_range", "pc")
    way = go(clip, tmp_path, tools)
    assert way.failed == []
    assert way.target.video[0].colour.range == "pc"


NAMES = [b"-x.mkv", b"a\nb 'c\" %d.mkv", b"c:d*?.mkv", "ü \U0001f3ac.mkv".encode(), b"\xff\xfe.mkv"]


@pytest.mark.parametrize("name", NAMES)
def test_odd_names(name: bytes, everything: Path, tools: Tools, tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/f %d"))
    folder.mkdir()
    film = folder / os.fsdecode(name)
    film.symlink_to(everything)
    way = go(film, folder, tools, structs.replace(FAST, preset=13))
    assert way.failed == []


@pytest.mark.parametrize("encoder", ["libaom-av1", "librav1e"])
def test_the_other_encoders_work(
    encoder: str, make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    if encoder not in {item.name for item in tools.encoders}:
        pytest.skip(f"this FFmpeg has no {encoder}")
    clip = make_clip("tiny.mkv", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=0.4", *X264,
                     "-pix_fmt", "yuv420p")  # fmt: skip
    wanted = EncodeSettings(
        encoder=encoder, crf=50, preset=13, max_size_ratio=9.0, film_grain=8, keyint="1s",
        tune="psnr",
    )  # fmt: skip
    assert go(clip, tmp_path, tools, wanted).failed == []


def test_every_setting_is_taken_by_svt(everything: Path, tools: Tools, tmp_path: Path) -> None:
    wanted = structs.replace(
        FAST, crf=45.5, film_grain=8, tune="ssim", keyint="1s", bit_depth=10,
        params=(("sharpness", "1"),),
    )  # fmt: skip
    assert go(everything, tmp_path, tools, wanted).failed == []


def test_an_unrequire_encoder_parameter_is_an_error(
    everything: Path, tools: Tools, tmp_path: Path
) -> None:
    with pytest.raises(EncodeError, match="libsvtav1 refused: Error parsing option bogus"):
        go(everything, tmp_path, tools, structs.replace(FAST, params=(("bogus", "1"),)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_a_source_cut_short_is_noticed(
    suffix: str, make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    clip = make_clip(
        f"long.{suffix}", *PICTURE, *TONE, *X264, "-pix_fmt", "yuv420p", "-g", "10", "-c:a", "aac",
        *(("-movflags", "+faststart") if suffix == "mp4" else ()),
    )  # fmt: skip
    film = tmp_path / f"cut.{suffix}"
    film.write_bytes(clip.read_bytes()[: int(clip.stat().st_size * 0.6) // 188 * 188 - 50])
    with pytest.raises(EncodeError, match="the source is damaged"):
        go(film, tmp_path, tools)
    way = go(film, tmp_path, tools, structs.replace(FAST, accept=frozenset({Loss.DAMAGE})))
    assert way.failed == []
    assert way.outcome is not None
    assert way.outcome.damage


def test_flipped_bits_in_a_source_are_noticed(
    make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    clip = make_clip("flip.mkv", *PICTURE, *X264, "-pix_fmt", "yuv420p")
    data = bytearray(clip.read_bytes())
    for place in range(len(data) // 3, len(data) * 2 // 3, 301):
        data[place] ^= 0x10
    film = tmp_path / "flip.mkv"
    film.write_bytes(data)
    with pytest.raises(EncodeError, match="the source is damaged"):
        go(film, tmp_path, tools)


def spoiled(way: Way, tools: Tools, data: bytes, tmp_path: Path) -> list[str]:
    """Names of the checks that a target with these bytes does not pass."""
    path = tmp_path / "spoiled.mkv"
    path.write_bytes(data)
    assert way.outcome is not None
    outcome: EncodeOutcome = replace(way.outcome, path=str(path))
    return [item.name for item in check(way.job, outcome, tools).checks if not item.passed]


def test_a_cut_target_fails(full_way: Way, tools: Tools, tmp_path: Path) -> None:
    data = full_way.path.read_bytes()
    found = spoiled(full_way, tools, data[: len(data) // 2], tmp_path)
    assert "frames" in found
    assert "packets" in found


def test_flipped_bits_in_a_target_fail(make_clip: MakeClip, tools: Tools, tmp_path: Path) -> None:
    clip = make_clip("silent.mkv", *PICTURE, *X264, "-pix_fmt", "yuv420p")
    way = go(clip, tmp_path, tools)
    data = bytearray(way.path.read_bytes())
    for share in (0.3, 0.5, 0.7):
        data[int(len(data) * share)] ^= 0x04
    assert "decode" in spoiled(way, tools, bytes(data), tmp_path)


def test_no_target_at_all_fails(full_way: Way, tools: Tools, tmp_path: Path) -> None:
    assert spoiled(full_way, tools, b"not a film", tmp_path) == ["probe"]


def test_a_target_of_another_source_fails(
    full_way: Way, make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    other = make_clip("other.mkv", *PICTURE, *X264, "-pix_fmt", "yuv420p", "-t", "0.5")
    made = go(other, tmp_path, tools)
    found = spoiled(full_way, tools, made.path.read_bytes(), tmp_path)
    assert {"frames", "packets", "contract"} <= set(found)


def test_a_cover_that_is_no_picture_of_the_film_does_not_matter_in_mp4(
    make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    """A cover before the film in an MP4, and mov_text: both common, both fatal to `-map 0`."""
    cover = make_clip("c.png", "-f", "lavfi", "-i", "testsrc=s=64x64:d=0.04", "-frames:v", "1")
    (tmp_path / "a.srt").write_text(SRT)
    clip = make_clip(
        "cover.mp4", "-i", str(cover), *PICTURE, "-i", str(tmp_path / "a.srt"),
        "-map", "0", "-map", "1", "-map", "2", "-c:v:0", "copy", "-c:v:1", "libx264",
        "-pix_fmt:v:1", "yuv420p", "-c:s", "mov_text", "-disposition:v:0", "attached_pic",
    )  # fmt: skip
    way = go(clip, tmp_path, tools)
    assert way.failed == []
    assert [stream.codec for stream in way.target.streams()] == ["av1", "subrip"]
    assert [item.filename for item in way.target.covers] == ["cover.png"]
