from __future__ import annotations

import os
import shutil
import subprocess
from fractions import Fraction
from typing import Any

import pytest
from msgspec.structs import replace

from av1rules.encode.argv import CoverFile, build_argv, cover_names, shown_command
from av1rules.encode.job import EncodeJob
from av1rules.media.provenance_tag import find_provenance
from av1rules.media.source import (
    Attachment,
    Chapter,
    Colour,
    DataStream,
    DolbyVision,
    HdrKind,
    SubtitleStream,
)
from av1rules.policy.settings import Loss
from av1rules.policy.tracks.rules import TrackChoice
from tests.conftest import Golden
from tests.encode.make import AOM, OLD_SVT, RAV1E, SVT, audio, cover, job, settings, source, video

COVERS = (CoverFile(path="/tmp/x/cover-6", mimetype="image/jpeg", filename="cover.jpg"),)


def full_film(**changes: Any) -> EncodeJob:
    """A film with everything Matroska holds."""
    return job(
        source=source(
            main=video(dispositions=frozenset({"default", "original"})),
            audio=(
                audio(1, "truehd", language="eng", dispositions=frozenset({"default"})),
                audio(2, "ac3", title="Kommentar", dispositions=frozenset({"comment"})),
                audio(3, "pcm_bluray", channels=6),
            ),
            subtitles=(
                SubtitleStream(index=4, codec="hdmv_pgs_subtitle", language="eng"),
                SubtitleStream(index=5, codec="mov_text", dispositions=frozenset({"forced"})),
            ),
            attachments=(
                cover(6, filename="cover.jpg", mimetype="image/jpeg"),
                Attachment(index=7, filename="a.ttf", mimetype="font/ttf"),
                Attachment(index=8, codec="otf"),
            ),
            data=(DataStream(index=9, tag="tmcd"),),
            chapters=(Chapter(start_s=0.0, end_s=50.0, title="One"),),
            tags=(("encoder", "libebml"), ("title", "A Film")),
        ),
        **changes,
    )


def hdr_film(**changes: Any) -> EncodeJob:
    return job(
        source=source(
            container="mov,mp4,m4a,3gp,3g2,mj2",
            main=video(
                codec="hevc",
                pix_fmt="yuv420p10le",
                bit_depth=10,
                frame_rate=Fraction(30000, 1001),
                colour=Colour(
                    primaries="bt2020",
                    transfer="arib-std-b67",
                    matrix="bt2020nc",
                    chroma_location="topleft",
                ),
                hdr_kinds=frozenset({HdrKind.HLG, HdrKind.DOLBY_VISION}),
                dolby_vision=DolbyVision(profile=8, compatibility_id=4),
            ),
            audio=(audio(1, "truehd", title="Main"),),
            tags=(("comment", "mine"), ("compatible_brands", "isom"), ("major_brand", "qt  ")),
        ),
        source_path="/films/a.mov",
        **changes,
    )


def text(made: EncodeJob, *, covers: tuple[CoverFile, ...] = ()) -> str:
    """One option and its value to a line."""
    argv = build_argv(made, ffmpeg="ffmpeg", output="/tmp/x/part", covers=covers)
    return "\n".join(shown_command([word]) for word in argv).replace("\n-", "\n  -") + "\n"


@pytest.mark.parametrize(
    ("name", "made", "covers"),
    [
        ("plain", job(), ()),
        ("full", full_film(), COVERS),
        (
            "tracks",
            full_film(
                settings=settings(
                    tracks=TrackChoice(dropped=(1, 4), flags=((2, ("comment", "default")), (5, ())))
                )
            ),
            COVERS,
        ),
        ("grain", job(settings=settings(crf=18.25, preset=3, film_grain=8, keyint="10s")), ()),
        ("old-svt", job(encoder=OLD_SVT), ()),
        ("aom", job(encoder=AOM, threads=4, settings=settings(film_grain=8)), ()),
        ("rav1e", job(encoder=RAV1E, threads=4), ()),
        ("vision", hdr_film(), ()),
        ("vision-mp4", hdr_film(settings=settings(container="mp4")), ()),
        (
            "bwdif",
            job(
                source=source(
                    main=video(is_interlaced=True, colour=Colour(chroma_location="left"))
                ),
                settings=settings(deinterlace="bwdif", bit_depth=10),
                threads=2,
            ),
            (),
        ),
    ],
)
def test_whole_commands(
    name: str, made: EncodeJob, covers: tuple[CoverFile, ...], golden: Golden
) -> None:
    golden(f"argv-{name}.txt", text(made, covers=covers))


@pytest.mark.parametrize(
    ("depth", "wanted", "pix_fmt"),
    [
        (8, 0, "yuv420p"),
        (10, 0, "yuv420p10le"),
        (9, 0, "yuv420p10le"),
        (12, 0, "yuv420p10le"),
        (None, 0, "yuv420p10le"),
        (8, 10, "yuv420p10le"),
        (10, 8, "yuv420p"),
    ],
)
def test_bit_depth(depth: int | None, wanted: int, pix_fmt: str) -> None:
    made = job(source=source(main=video(bit_depth=depth)), settings=settings(bit_depth=wanted))
    assert f"  -pix_fmt:v:0\n{pix_fmt}\n" in text(made)


def test_other_pictures_say_what_they_become() -> None:
    gray = job(source=source(main=video(chroma="400", colour=Colour(range="pc"))))
    assert "  -color_range:v:0\npc\n" in text(gray)
    rgb = job(source=source(main=video(chroma="rgb", colour=Colour(range="pc"))))
    assert "  -colorspace:v:0\nbt709\n  -color_range:v:0\ntv\n" in text(rgb)


def test_the_encoded_stream_is_named_by_its_place() -> None:
    made = job(source=source(video=(video(index=1), video(index=2)), main_index=2))
    argv = build_argv(made, ffmpeg="ffmpeg", output="/x")
    assert argv[argv.index("-c:1") + 1] == "libsvtav1"
    assert argv[argv.index("-c:0") + 1] == "copy"
    assert "-pix_fmt:v:1" in argv


@pytest.mark.parametrize(
    "name", ["-x.mkv", "a\nb.mkv", "a'b.mkv", "100%d.mkv", "c:d.mkv", "\udcff"]
)
def test_odd_names_are_urls_of_files(name: str) -> None:
    argv = build_argv(job(source_path=name), ffmpeg="ffmpeg", output=name)
    assert argv[argv.index("-i") + 1] == f"file:{name}"
    assert argv[-1] == f"file:{name}"
    shown_command(argv).encode("utf-8")


def test_the_shown_command_is_one_for_bash_and_harmless_on_a_terminal() -> None:
    words = [
        "a b", "x\ny'z\\", "\x1b[31mred\x07", "\udcff\udcfe1", "\u202eabc", "\U0001f3ac é", "",
        "\x9bx", "\U000e0001t", "\x7f9", "$(x)",
    ]  # fmt: skip
    shown = shown_command(words)
    assert shown == (
        r"'a b' $'x\ny\'z\\' $'\x1b[31mred\x07' $'\xff\xfe1' $'\u202eabc' '🎬 é' '' "
        r"$'\u009bx' $'\U000e0001t' $'\x7f9' '$(x)'"
    )
    bash = shutil.which("bash")
    if bash is not None:
        done = subprocess.run(
            [bash, "-c", rf"printf '%s\0' {shown}"],
            capture_output=True, check=True, env={**os.environ, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        assert done.stdout == b"".join(os.fsencode(word) + b"\0" for word in words)


def test_what_only_decides_whether_to_encode_changes_no_byte() -> None:
    for name in ("plain", "hdr10plus"):
        kinds = frozenset({HdrKind.HDR10_PLUS}) if name == "hdr10plus" else frozenset[HdrKind]()
        for encoder in (SVT, AOM, RAV1E):
            made = job(source=source(main=video(hdr_kinds=kinds)), encoder=encoder)
            other = replace(
                made,
                settings=settings(accept=frozenset(Loss), max_size_ratio=0.5, force=True),
            )
            assert text(made) == text(other)


@pytest.mark.parametrize(
    ("chroma", "pix_fmt", "given", "kept"),
    [
        ("422", "yuv422p", None, "left"),
        ("422", "yuv422p", "topleft", "topleft"),
        ("rgb", "gbrp", None, "left"),
        (None, "yuv411p", None, "left"),
        ("420", "yuv420p10le", "center", "center"),
        ("420", "yuv420p10le", None, None),
        ("400", "gray", None, None),
    ],
)
def test_chroma_location_is_said_wherever_the_pixel_format_changes(
    chroma: str | None, pix_fmt: str, given: str | None, kept: str | None
) -> None:
    picture = video(chroma=chroma, pix_fmt=pix_fmt, colour=Colour(chroma_location=given))
    filters = f"[film]format=yuv420p,setparams=chroma_location={kept}'\n"
    assert (filters in text(job(source=source(main=picture)))) == (kept is not None)


def test_threads_change_nothing_but_the_number_of_threads() -> None:
    alone = build_argv(job(), ffmpeg="f", output="o")
    threaded = build_argv(job(threads=4), ffmpeg="f", output="o")
    assert [word.replace(":lp=4", "") for word in threaded] == list(alone)


@pytest.mark.parametrize(
    ("there", "written"),
    [
        ((), "comment=AV1RULES={}"),
        (("comment",), "synopsis=AV1RULES={}"),
        (("comment", "synopsis"), "description=AV1RULES={}"),
        (("comment", "synopsis", "description"), "comment=my comment\nAV1RULES={}"),
    ],
)
def test_every_mp4_says_that_it_is_ours(there: tuple[str, ...], written: str) -> None:
    tags = tuple((key, f"my {key}") for key in there)
    made = job(source=source(tags=tags), settings=settings(container="mp4"), provenance="{}")
    assert written in build_argv(made, ffmpeg="f", output="o")
    key, _, text = written.partition("=")
    assert find_provenance({**dict(tags), key: text}.items()) == "{}"


def test_covers_without_names_get_some() -> None:
    made = job(source=source(attachments=(cover(1), cover(2, "png"))))
    names = cover_names(made.source, made.streams.attached)
    assert names == (("image/jpeg", "cover.jpg"), ("image/png", "cover-2.png"))
