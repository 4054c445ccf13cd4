"""Targets that break one promise each: verification refuses them, for this reason and no other.

One good encode serves all; each broken target is made of it by FFmpeg, by MKVToolNix or by a change
in the bytes, so that all else about it is right.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.encode.job import Blame
from av1rules.ffmpeg.log import StreamCount
from av1rules.media.source import HdrKind
from av1rules.policy.settings import Loss
from tests.encode.broken import FRAMES, Bench, Changes, reasons
from tests.encode.real import check

pytestmark = pytest.mark.real


def test_what_is_copied_whole_passes(bench: Bench) -> None:
    """The others can only fail by what they change."""
    assert bench.good.failed == []
    main = bench.good.source.main
    assert main is not None
    assert (main.hdr_kinds, main.stereo) == (frozenset({HdrKind.HDR10}), "left_right")
    assert main.mastering_display is not None
    assert main.content_light is not None
    assert main.colour.chroma_location == "topleft"
    assert reasons(bench.verified(bench.remuxed())) == {}
    assert reasons(bench.verified(bench.pictures())) == {}


# --- pictures, packets, times, provenance ---


def at(track: str, number: int, change: str) -> tuple[str, ...]:
    """The times of one packet of a track changed."""
    return (f"-bsf:{track}", f"setts=ts=if(eq(N\\,{number})\\,{change}\\,TS)")


def lost(track: str, number: int) -> tuple[str, ...]:
    return (f"-bsf:{track}", f"noise=drop=eq(n\\,{number})")


PARTS = {
    "a lost packet of sound": (
        lost("a:0", 20), {"packets": "audio 1: 58 packets written, 57 read back"},
    ),
    "a lost line of subtitles": (
        lost("s:0", 1), {"packets": "subtitle 3: 2 packets written, 1 read back"},
    ),
    "a picture moved": (
        at("v:0", 20, "TS+12"), {"timing": "48 pictures compared, moved by at most 12.0 ms"},
    ),
    "the last picture later": (
        at("v:0", FRAMES - 1, "TS+100"),
        {
            "duration": "source 2.000 s, target 2.100 s",
            "timing": "48 pictures compared, moved by at most 100.0 ms",
        },
    ),
    "sound 80 ms late": (
        ("-bsf:a:1", "setts=ts=TS+80"), {"sync": "sound moved by at most +80 ms (stream 2)"},
    ),
    "sound 80 ms early": (
        ("-bsf:v:0", "setts=ts=TS+80", "-bsf:a:0", "setts=ts=TS+80"),
        {"sync": "sound moved by at most -80 ms (stream 2)"},
    ),
    "a foreign tag": (
        ("-metadata", "AV1RULES={\"av1rules\":2}"),
        {"provenance": "the file does not say how it was made"},
    ),
    "no tag": (
        ("-metadata", "AV1RULES="), {"provenance": "the file does not say how it was made"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_one_fault_in_what_the_file_holds(name: str, bench: Bench) -> None:
    options, wanted = PARTS[name]
    verified = bench.verified(bench.remuxed(*options))
    assert reasons(verified) == wanted
    assert verified.blame is Blame.ENCODE


def test_what_is_within_tolerance_passes(bench: Bench) -> None:
    """The same changes, smaller: they are what is refused, not the way they were made."""
    shifted = ("-bsf:a:0", "setts=ts=TS+45", "-bsf:a:1", "setts=ts=TS+45")
    assert reasons(bench.verified(bench.remuxed(*at("v:0", 20, "TS+3"), *shifted))) == {}


def test_sound_in_another_codec(bench: Bench) -> None:
    """As many packets of it, at the same times."""
    found = reasons(bench.verified(bench.with_sound("eac3")))
    assert found == {"contract": "audio 1: codec should be ac3, found eac3"}


def test_more_sound_than_was_written(bench: Bench) -> None:
    found = reasons(bench.verified(bench.with_sound("ac3", seconds=2.03)))
    assert found == {"packets": "audio 1: 58 packets written, 59 read back"}
    assert reasons(bench.verified(bench.with_sound("ac3"))) == {}


BROKEN_FRAME = bytes([0x32, 0x03, 0xFF, 0xFF, 0xFF])
"""An OBU of type frame, three bytes long, that no decoder can read."""


def test_a_picture_that_does_not_decode(bench: Bench) -> None:
    """Decoding stops there; without the error, only pictures would seem to be missing."""
    path = bench.with_pictures(lambda all_of: [*all_of[:-1], BROKEN_FRAME])
    verified = bench.verified(path)
    found = reasons(verified)
    assert list(found)[:2] == ["decode", "frames"]
    assert found["decode"].startswith("decoding failed: exit code ")
    assert not verified.is_final


def test_a_decode_error_after_the_last_picture(bench: Bench, tmp_path: Path) -> None:
    """All pictures and packets were there, then the decoder says that something was wrong."""
    program = tmp_path / "late"
    last_words = "echo '[vist#0:0/av1] [error] Decoding error' >&2; exit 69"
    program.write_text(f'#!/bin/sh\n"{bench.tools.ffmpeg}" "$@"; {last_words}\n')
    program.chmod(0o755)
    late = Bench(bench.good, replace(bench.tools, ffmpeg=str(program)), bench.folder)
    found = reasons(late.verified(bench.remuxed()))
    assert list(found) == ["decode"]
    assert found["decode"].startswith("decoding failed: exit code 69: ")
    assert found["decode"].endswith("; [vist#0:0/av1] [error] Decoding error")


def test_more_pictures_than_were_written(bench: Bench) -> None:
    """Two pictures in the last packet: the packets are as many as they should be."""
    path = bench.with_pictures(lambda all_of: [*all_of[:-1], all_of[-1] + all_of[0]])
    assert list(reasons(bench.verified(path))) == ["frames"]


def test_pictures_put_back_unchanged_pass(bench: Bench) -> None:
    assert reasons(bench.verified(bench.with_pictures(lambda all_of: all_of))) == {}


def test_fewer_pictures(bench: Bench) -> None:
    """The last one is missing: nothing else moves, and the film is shorter."""
    path = bench.with_pictures(lambda all_of: all_of[:-1])
    assert reasons(bench.verified(path)) == {
        "frames": "source 48 packets, 48 pictures; target 47 frames; the encoder got 48; "
        "0 errors in decoding the source",
        "packets": "video 0: 48 packets written, 47 read back",
        "duration": "source 2.000 s, target 1.959 s",
    }


def test_tracks_in_another_order(bench: Bench) -> None:
    path = bench.folder / "broken.mkv"
    order = ("0:v:0", "0:a:0", "0:s:0", "0:a:1", "0:t:0", "0:v:1")
    maps = [word for one in order for word in ("-map", one)]
    bench.ffmpeg("-i", bench.good.path, *maps, "-c", "copy", path)
    found = reasons(bench.verified(path))
    assert list(found) == ["packets", "contract"]
    assert "audio 2: kind should be audio, found subtitle" in found["contract"]


def test_no_video_file_at_all(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "broken.mkv"
    path.write_bytes(b"no film" * 1000)
    verified = bench.verified(path)
    assert list(reasons(verified)) == ["probe"]
    assert verified.target is None


def test_no_pictures_at_all(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "broken.mkv"
    bench.ffmpeg("-i", bench.good.path, "-map", "0:a", "-map", "0:s", "-c", "copy", path)
    found = reasons(bench.verified(path))
    assert found == {"contract": "the encoded pictures are missing"}


# --- what FFmpeg counted while it encoded ---


def counted(bench: Bench, side: str, index: int, changes: Changes) -> tuple[StreamCount, ...]:
    assert bench.good.outcome is not None
    counts = bench.good.outcome.counts
    (wanted,) = (one for one in counts if (one.side, one.index) == (side, index))
    return tuple(replace(one, **changes) if one is wanted else one for one in counts)


COUNTS: dict[str, tuple[tuple[str, int, Changes], dict[str, str], Blame]] = {
    "a packet of sound was not copied": (
        ("in", 1, {"packets": 59}), {"packets": "audio 1: 59 in the source, 58 kept"}, Blame.ENCODE,
    ),
    "the source had more pictures": (
        ("in", 0, {"frames": 49, "packets": 49}),
        {"frames": "source 49 packets, 49 pictures; target 48 frames; 0 errors in decoding the "
                   "source"}, Blame.ENCODE,
    ),
    "the source had fewer pictures": (
        ("in", 0, {"frames": 47, "packets": 47}),
        {"frames": "source 47 packets, 47 pictures; target 48 frames; 0 errors in decoding the "
                   "source"}, Blame.ENCODE,
    ),
    "errors in decoding the source": (
        ("in", 0, {"decode_errors": 1}),
        {"frames": "source 48 packets, 48 pictures; target 48 frames; 1 errors in decoding the "
                   "source"}, Blame.SOURCE,
    ),
    "nothing was counted": (
        ("in", 0, {"frames": None}), {"frames": "FFmpeg gave no count of the frames"}, Blame.ENCODE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTS)
def test_counts_that_do_not_agree(name: str, bench: Bench) -> None:
    (side, index, changes), wanted, blame = COUNTS[name]
    counts = counted(bench, side, index, changes)
    verified = bench.verified(bench.good.path, counts=counts)
    assert reasons(verified) == wanted
    assert verified.blame is blame


def test_the_encoder_got_another_number_of_pictures(bench: Bench) -> None:
    assert bench.good.outcome is not None
    times = bench.good.outcome.times
    assert times is not None
    fewer = replace(times, ticks=times.ticks[:-8])
    found = reasons(bench.verified(bench.good.path, times=fewer))
    assert list(found) == ["frames", "duration"]
    assert "the encoder got 47" in found["frames"]
    found = reasons(bench.verified(bench.good.path, times=None))
    assert found == {
        "duration": "FFmpeg gave no times of the pictures",
        "timing": "FFmpeg gave no times of the pictures",
    }


@pytest.mark.parametrize(("promised_s", "accept", "is_refused"), [
    (9.0, frozenset(), True), (9.0, frozenset({Loss.DAMAGE}), False), (2.4, frozenset(), False),
])  # fmt: skip
def test_a_source_that_promises_more_than_it_holds(
    promised_s: float, accept: frozenset[Loss], *, is_refused: bool, bench: Bench
) -> None:
    job = bench.good.job
    main = bench.good.source.main
    assert main is not None
    longer = replace(job.source, duration_s=promised_s, video=(replace(main, duration_s=None),))
    changed = replace(job, source=longer, settings=replace(job.settings, accept=accept))
    assert bench.good.outcome is not None
    verified = check(changed, bench.good.outcome, bench.tools)
    says = "the source promises 9.000 s, its data ends at 2.020 s"
    assert reasons(verified) == ({"duration": says} if is_refused else {})
    assert verified.blame is (Blame.SOURCE if is_refused else None)
