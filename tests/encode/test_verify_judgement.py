"""What verification makes of each number that FFmpeg and ffprobe give it: which check fails, for
which reason, and whom it blames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError, EncodeError, ProbeError, UnansweredProbeError
from av1rules.encode.job import Blame
from av1rules.encode.measure import ShownPackets
from av1rules.encode.verify import FORGETFUL, FRAMELESS_PACKETS, Verification
from av1rules.media.source import SubtitleStream
from av1rules.policy.settings import Loss
from tests.encode.make import audio, cover
from tests.encode.measured import IN, PICTURE, Measured, film, film_job

DAMAGE = frozenset({Loss.DAMAGE})


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    def judge(**numbers: Any) -> Verification:
        return Measured(**numbers).verified(monkeypatch, tmp_path)

    return judge


def reasons(verified: Verification) -> dict[str, str]:
    return {one.name: one.detail for one in verified.failed}


def test_a_good_encode_passes_every_check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    measured = Measured()
    verified = measured.verified(monkeypatch, tmp_path)
    assert {one.name: one.detail for one in verified.checks} == {
        "decode": "100 frames without an error",
        "frames": "source 100 packets, 100 pictures; target 100 frames",
        "packets": "2 copied streams are whole",
        "duration": "source 4.000 s, target 4.000 s",
        "timing": "100 pictures compared, moved by at most 0.0 ms",
        "sync": "sound moved by at most +0 ms (stream 1)",
        "contract": "every stream, tag and colour as promised",
        "provenance": "the file says how it was made",
    }
    assert (verified.passed, verified.frames) == (True, 100)
    assert verified.target == measured.good_target()
    assert 0 <= verified.elapsed_s < 60
    (told,) = measured.progress
    assert (told.phase, told.source, told.frame, told.frames) == (
        "verify", "/films/a.mkv", 50, 100,
    )  # fmt: skip
    assert (told.fps, told.speed) == (25.0, 2.0)
    assert measured.asked == ["decoded 0 beside (0, 1, 2), 300.0"]
    assert [path.name for path in tmp_path.iterdir()] == ["part.mkv"]


def test_a_stall_of_the_user_s_counts_in_verifying_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    measured = Measured(job=replace(film_job(), stall_timeout_s=30.0))
    measured.verified(monkeypatch, tmp_path)
    assert measured.asked == ["decoded 0 beside (0, 1, 2), 30.0"]


# --- a file that can't be read, or does not decode ---


def test_what_is_no_film_fails_by_the_probe(judged: Any) -> None:
    verified = judged(probe=ProbeError("not a film"))
    assert reasons(verified) == {"probe": "not a film"}
    assert verified.target is None
    assert not verified.is_final


def test_a_probe_without_an_answer_says_nothing_of_the_file(judged: Any) -> None:
    with pytest.raises(EncodeError, match="cut short: no answer") as raised:
        judged(probe=UnansweredProbeError("no answer", hint="a slow disk?"))
    assert raised.value.hint == "a slow disk?"


def test_a_target_without_the_pictures(judged: Any) -> None:
    target = replace(Measured().good_target(), video=(), main_index=None)
    assert reasons(judged(target=target)) == {"contract": "the encoded pictures are missing"}


def test_a_decoder_that_ends_with_an_error_fails(judged: Any) -> None:
    said = [f"[vist#0:0/av1 @ 0x1] [error] error {number}" for number in range(5)]
    verified = judged(returncode=69, said=tuple(said))
    assert reasons(verified) == {
        "decode": "decoding failed: exit code 69: [vist#0:0/av1] [error] error 2; "
        "[vist#0:0/av1] [error] error 3; [vist#0:0/av1] [error] error 4"
    }
    assert not verified.is_final


OUT_OF_MEMORY = ("[vist#0:0/av1 @ 0x1] [error] Cannot allocate memory",)


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [
        ({"returncode": -9}, Av1rulesError),
        ({"returncode": 255, "stopped": "stall"}, EncodeError),
        (
            {"returncode": 1, "said": OUT_OF_MEMORY, "job": replace(film_job(), memory_bytes=9)},
            Av1rulesError,
        ),
    ],
)
def test_an_end_from_outside_says_nothing_of_the_file(
    numbers: dict[str, Any], kind: type[Av1rulesError], judged: Any
) -> None:
    with pytest.raises(Av1rulesError, match="verifying the encode was cut short: ") as raised:
        judged(**numbers)
    assert type(raised.value) is kind
    assert raised.value.hint


def test_a_decoder_without_a_cap_that_lacks_memory_may_have_a_bad_file(judged: Any) -> None:
    """A broken header asks for absurd pictures; only under a cap of ours is the cap the reason."""
    assert list(reasons(judged(returncode=1, said=OUT_OF_MEMORY))) == ["decode"]


# --- pictures ---

NO_COUNT = {"frames": "FFmpeg gave no count of the frames"}
SOURCE_FIRST = "source {} packets, {} pictures; target {} frames"


@pytest.mark.parametrize(
    "numbers",
    [
        {"read": {1: 125, 2: 3}}, {"read": {**IN, 0: None}}, {"decoded": None}, {"frames": 0},
    ],
)  # fmt: skip
def test_without_a_count_nothing_is_taken_for_whole(numbers: dict[str, Any], judged: Any) -> None:
    assert reasons(judged(**numbers))["frames"] == NO_COUNT["frames"]


@pytest.mark.parametrize(
    ("numbers", "wanted"),
    [
        ({"frames": 101}, f"{SOURCE_FIRST.format(100, 100, 101)}; the encoder got 100; 0 errors"),
        ({"frames": 99}, f"{SOURCE_FIRST.format(100, 100, 99)}; the encoder got 100; 0 errors"),
        (
            {"decoded": 99, "read": {**IN, 0: 99}},
            f"{SOURCE_FIRST.format(99, 99, 100)}; 0 errors",
        ),
        ({"encoder_got": (0.0,) * 99}, "; the encoder got 99; 0 errors"),
        ({"decode_errors": 2}, "; 2 errors in decoding the source"),
    ],
)
def test_pictures_that_do_not_agree(numbers: dict[str, Any], wanted: str, judged: Any) -> None:
    verified = judged(**numbers)
    assert wanted in reasons(verified)["frames"]
    (frames,) = (one for one in verified.failed if one.name == "frames")
    assert frames.blame is (Blame.SOURCE if "decode_errors" in numbers else Blame.ENCODE)


def test_an_encoder_that_kept_no_times_is_judged_by_the_counts(judged: Any) -> None:
    assert set(reasons(judged(encoder_got=None))) == {"duration", "timing"}


@pytest.mark.parametrize(
    ("numbers", "passes"),
    [
        ({"decode_errors": 2}, True),
        ({"decode_errors": 2, "read": {**IN, 0: 120}}, True),
        ({"frames": 99}, False),
    ],
)
def test_accepted_damage_lets_the_source_lack_pictures_but_not_the_target(
    numbers: dict[str, Any], judged: Any, *, passes: bool
) -> None:
    verified = judged(job=film_job(accept=DAMAGE), **numbers)
    (frames,) = (one for one in verified.checks if one.name == "frames")
    assert frames.passed is passes
    assert frames.detail.endswith("; damage is accepted")


def shown(packets: int, leading: int = 0) -> ShownPackets:
    return ShownPackets(shown=packets, leading=leading)


def of(codec: str, packets: int, **numbers: Any) -> dict[str, Any]:
    """More packets than the 100 pictures that they came to."""
    more = {"read": {**IN, 0: packets}, "shown": shown(packets)}
    return {"job": film_job(main=replace(PICTURE, codec=codec)), **more, **numbers}


def test_what_may_lack_a_picture_is_known_by_codec() -> None:
    assert set(FRAMELESS_PACKETS) == {"vp8", "mpeg4", "hevc"}
    assert {"mpeg1video", "mpeg2video"} == FORGETFUL


@pytest.mark.parametrize(
    ("numbers", "passes"),
    [
        (of("h264", 101), False),
        (of("h264", 103, shown=shown(100)), True),  # hidden by an edit list
        (of("h264", 103, shown=shown(101)), False),
        (of("h264", 97, shown=shown(97)), True),  # two fields in packets of their own
        (of("h264", 103, shown=shown(103, leading=3)), True),
        (of("h264", 104, shown=shown(104, leading=3)), False),
        (of("hevc", 116), True),
        (of("hevc", 117), False),
        (of("hevc", 117, shown=shown(117, leading=17)), True),
        (of("vp8", 150), True),
        (of("mpeg4", 150), True),
        (of("mpeg2video", 103, restarts=3), True),
        (of("mpeg2video", 104, restarts=3), False),
        (of("mpeg2video", 105, shown=shown(105, leading=2), restarts=3), True),
        (of("h264", 103, restarts=3), False),
        (of("vp9", 103, merged=100), True),
        (of("vp9", 103, merged=101), False),
        (of("vp9", 103, merged=101, shown=shown(103, leading=1)), True),
        (of("vp9", 101, merged=None), False),
        (of("vp9", 103, merged=None, shown=shown(103, leading=3)), True),
    ],
)
def test_packets_without_a_picture(numbers: dict[str, Any], judged: Any, *, passes: bool) -> None:
    verified = judged(**numbers)
    (frames,) = (one for one in verified.checks if one.name == "frames")
    assert frames.passed is passes
    assert frames.detail.endswith(f"; {numbers['shown'].shown} packets are to be shown")
    if not passes:
        assert verified.blame is Blame.SOURCE


def test_what_comes_before_the_first_key_frame_is_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    left_out = Measured(read={**IN, 0: 107}, lead_in=7)
    verified = left_out.verified(monkeypatch, tmp_path)
    said = f"{SOURCE_FIRST.format(107, 100, 100)}; 7 packets before the first key frame"
    assert verified.passed
    assert verified.checks[1].detail == f"{said} can't be decoded"
    assert "packets to be shown after 7" not in left_out.asked
    more = Measured(read={**IN, 0: 108}, lead_in=7, shown=shown(101))
    assert list(reasons(more.verified(monkeypatch, tmp_path))) == ["frames"]
    assert "packets to be shown after 7" in more.asked


# --- packets of the other tracks ---


def sounds(read: int, written: int | None, back: int) -> dict[str, Any]:
    return {"read": {**IN, 1: read}, "written": {**IN, 1: written}, "back": {**IN, 1: back}}


CONVERTED = film_job(of=film(audio=(audio(1, "pcm_bluray"),)))
IN_MP4 = film_job(
    of=film(subtitles=(SubtitleStream(index=2, codec="mov_text"),)), container="mp4"
)  # fmt: skip
OF_MP4 = film_job(of=film(container="mov,mp4,m4a,3gp,3g2,mj2"))


@pytest.mark.parametrize(
    ("numbers", "wanted"),
    [
        (sounds(125, 125, 124), "audio 1: 125 packets written, 124 read back"),
        (sounds(125, 125, 126), "audio 1: 125 packets written, 126 read back"),
        (sounds(125, None, 125), "audio 1: None packets written, 125 read back"),
        (sounds(126, 125, 125), "audio 1: 126 in the source, 125 kept"),
        (sounds(124, 125, 125), "audio 1: 124 in the source, 125 kept"),
        ({"back": {0: 100, 1: 125}}, "subtitle 2: 3 packets written, None read back"),
        ({"back": {**IN, 0: 99}}, "video 0: 100 packets written, 99 read back"),
        ({"job": OF_MP4, **sounds(124, 125, 125)}, "audio 1: 124 in the source, 125 kept"),
        ({"job": CONVERTED, **sounds(9, 125, 123)}, "audio 1: 125 packets written, 123 read back"),
        ({"job": CONVERTED, **sounds(9, 125, 126)}, "audio 1: 125 packets written, 126 read back"),
        (
            {"job": film_job(accept=DAMAGE), **sounds(126, 125, 124)},
            "audio 1: 125 packets written, 124 read back",
        ),
        (
            {"job": IN_MP4, "back": {**IN, 2: 2}},
            "subtitle 2: 3 packets written, 2 read back",
        ),
    ],
)
def test_packets_that_are_lost_or_too_many(
    numbers: dict[str, Any], wanted: str, judged: Any
) -> None:
    assert reasons(judged(**numbers))["packets"] == wanted


def test_every_track_that_lacks_something_is_named(judged: Any) -> None:
    numbers = {"read": {**IN, 2: 4}, "back": {**IN, 1: 120}}
    assert reasons(judged(**numbers)) == {
        "packets": "audio 1: 125 packets written, 120 read back; "
        "subtitle 2: 4 in the source, 3 kept"
    }
    damaged = judged(job=film_job(accept=DAMAGE), **numbers)
    assert reasons(damaged)["packets"].endswith("; damage is accepted")


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"job": CONVERTED, **sounds(9, 125, 124)}, "1 copied streams are whole"),  # FLAC's last
        ({"job": CONVERTED, **sounds(9, 125, 125)}, "1 copied streams are whole"),
        ({"job": OF_MP4, **sounds(126, 125, 125)}, "2 copied streams are whole"),  # edit list
        (
            {"job": film_job(accept=DAMAGE), **sounds(126, 125, 125)},
            "audio 1: 126 in the source, 125 kept; damage is accepted",
        ),
        ({"job": IN_MP4, "back": {**IN, 2: 5}}, "2 copied streams are whole"),  # pauses
        ({"job": film_job(of=film(audio=(audio(1, "ac3"),), attachments=(cover(3),)))},
         "2 copied streams are whole"),
    ],
)  # fmt: skip
def test_packets_that_may_differ(numbers: dict[str, Any], said: str, judged: Any) -> None:
    (packets,) = (one for one in judged(**numbers).checks if one.name == "packets")
    assert (packets.passed, packets.detail) == (True, said)


@pytest.mark.parametrize("container", ["mkv", "mp4"])
def test_a_track_that_holds_nothing_has_nothing_to_lose(container: str, judged: Any) -> None:
    """MP4 does not even write it, so all that comes after it has another number there."""
    tracks = film(audio=(audio(1, "ac3"), audio(2, "ac3")), subtitles=(), container="matroska,webm")
    is_mp4 = container == "mp4"
    counts = {0: 100, 1: 0, 2: 125}
    written_tracks = (audio(1, "ac3"),) if is_mp4 else tracks.audio
    wanted = film_job(of=tracks, container=container)
    target = replace(
        Measured(job=wanted).good_target(), audio=written_tracks, container=container
    )  # fmt: skip
    verified = judged(
        job=wanted,
        read=counts,
        written=counts,
        back={0: 100, 1: 125} if is_mp4 else counts,
        target=target,
        source_sound={2: (0.0,)},
        target_sound={1 if is_mp4 else 2: (0.0,)},
    )
    assert reasons(verified) == {}
    (packets,) = (one for one in verified.checks if one.name == "packets")
    assert packets.detail == "1 copied streams are whole"
    (sync,) = (one for one in verified.checks if one.name == "sync")
    assert sync.detail == "sound moved by at most +0 ms (stream 2)"


# --- what it says of itself ---


def test_a_foreign_or_missing_tag(judged: Any) -> None:
    good = Measured().good_target()
    for said in (None, '{"av1rules":2}'):
        assert reasons(judged(target=replace(good, provenance=said))) == {
            "provenance": "the file does not say how it was made"
        }


def test_a_broken_promise_is_said_in_the_contract_s_words(judged: Any) -> None:
    good = Measured().good_target()
    wide = replace(good, video=(replace(good.video[0], width=2, height=2),))
    assert reasons(judged(target=wide)) == {
        "contract": "width should be 1920, found 2; height should be 1080, found 2"
    }
