"""ffprobe's JSON to facts: unknown stays unknown, and what can't be true is not believed."""

from __future__ import annotations

import contextlib
import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av1rules.base.errors import ProbeError
from av1rules.media.probe.ffprobe_json import clock_s, number, ratio, rational
from av1rules.media.probe.parse import parse_probe
from av1rules.media.probe.parse_rates import is_lossless_audio
from av1rules.media.probe.parse_video import bit_depth, chroma
from av1rules.media.source import HdrKind, Source, VideoStream

SIZE = 10_000_000
DURATION_S = 10.0
WHOLE_BPS = 8_000_000


def _stream(index: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "index": index, "codec_type": "video", "codec_name": "h264", "width": 1920, "height": 1080,
        "pix_fmt": "yuv420p", "r_frame_rate": "25/1", "avg_frame_rate": "25/1",
        "time_base": "1/1000", "disposition": {"default": 1}, **more,
    }  # fmt: skip


def _audio(index: int = 1, **more: Any) -> dict[str, Any]:
    return {"index": index, "codec_type": "audio", "codec_name": "aac", "channels": 2, **more}


def _probe(*streams: dict[str, Any], container: str = "matroska,webm", **more: Any) -> Source:
    output = {
        "streams": list(streams),
        "format": {"format_name": container, "duration": str(DURATION_S)},
        **more,
    }
    return parse_probe(json.dumps(output).encode(), size_bytes=SIZE)


def _main(*streams: dict[str, Any], **more: Any) -> VideoStream:
    main = _probe(*streams, **more).main
    assert main is not None
    return main


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"{}", b'{"streams": [], "format": {"format_name": "mov"}}', b"\xff\xfe{}",
     b'{"streams": [{"index": "x"}], "format": {}}', b"[" * 100_000],
)  # fmt: skip
def test_nonsense_is_a_probe_error(data: bytes) -> None:
    with pytest.raises(ProbeError):
        parse_probe(data, size_bytes=1)


_KEYS = st.sampled_from(
    ["streams", "format", "frames", "packets", "tags", "index", "width", "duration", "format_name",
     "r_frame_rate", "side_data_list", "bit_rate", "codec_type"]
)  # fmt: skip
_JSON = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(_KEYS, inner),
)


@given(_JSON)
def test_any_json_is_a_source_or_a_probe_error(output: object) -> None:
    with contextlib.suppress(ProbeError):
        assert isinstance(parse_probe(json.dumps(output).encode(), size_bytes=1), Source)


@given(st.text(max_size=20))
def test_numbers_are_finite_or_unknown(text: str) -> None:
    for value in (number(text), ratio(text), rational(text), clock_s(text)):
        assert value is None or abs(float(value)) <= 1e30


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "N/A", "", "1e400", "9" * 400, None])
def test_absurd_numbers_are_unknown(text: str | None) -> None:
    output = {"format_name": "mov", "duration": text, "bit_rate": text, "start_time": text}
    stream = _stream(bit_rate=text, duration=text, nb_frames=text, bits_per_raw_sample=text)
    source = parse_probe(json.dumps({"streams": [stream], "format": output}).encode(), size_bytes=9)
    assert (source.duration_s, source.bitrate_bps, source.start_s) == (None, None, None)
    assert source.main is not None
    assert (source.main.bitrate_bps, source.main.duration_s, source.main.frames) == (None,) * 3


def test_negative_and_zero_numbers_are_unknown() -> None:
    main = _main(_stream(width=-1, height=0, bit_rate="-5", avg_frame_rate="-25/1",
                         r_frame_rate="0/0", sample_aspect_ratio="0:1"))  # fmt: skip
    assert (main.width, main.height, main.frame_rate, main.sample_aspect) == (None,) * 4


@pytest.mark.parametrize(
    ("average", "nominal", "rate", "is_variable"),
    [
        ("30000/1001", "30000/1001", Fraction(30000, 1001), False),
        ("2997/100", "30000/1001", Fraction(2997, 100), False),
        ("25/1", "50/1", Fraction(25), False),  # fields counted as frames
        ("30000/1001", "60000/1001", Fraction(30000, 1001), False),
        ("24600/1469", "600/1", Fraction(24600, 1469), True),
        ("24000/1001", "30000/1001", Fraction(24000, 1001), True),  # pulldown
        ("0/0", "30/1", Fraction(30), None),
        ("1000/1", "60/1", Fraction(60), None),
        ("0/0", "90000/1", None, None),
        ("25/1", "0/0", Fraction(25), None),
    ],
)
def test_frame_rates(
    average: str, nominal: str, rate: Fraction | None, is_variable: bool | None
) -> None:
    main = _main(_stream(avg_frame_rate=average, r_frame_rate=nominal))
    assert (main.frame_rate, main.is_variable_rate) == (rate, is_variable)


def _packets(*stamps: int) -> list[dict[str, int]]:
    return [{"stream_index": 0, "pts": stamp, "dts": stamp} for stamp in stamps]


def test_rate_comes_from_packets_where_the_average_is_a_time_base() -> None:
    packets = _packets(0, 42, 83, 125, 167, 209)
    main = _main(_stream(avg_frame_rate="1000/1", r_frame_rate="1000/1"), packets=packets)
    assert main.frame_rate == Fraction(24000, 1001)


def test_uneven_packets_are_a_variable_rate() -> None:
    assert _main(_stream(), packets=_packets(0, 40, 80, 200, 240)).is_variable_rate is True
    assert _main(_stream(), packets=_packets(0, 41, 79, 120, 161)).is_variable_rate is False


def test_pictures_not_yet_in_order_are_no_gap() -> None:
    """B-frames after the last packet seen would fill what looks like a hole."""
    packets = [
        {"stream_index": 0, "pts": pts, "dts": dts}
        for pts, dts in ((0, -80), (160, -40), (80, 0), (40, 40), (120, 80), (320, 120))
    ]
    assert _main(_stream(), packets=packets).is_variable_rate is False


def test_bitrate_of_mp4_is_the_streams_own() -> None:
    stream = _stream(bit_rate="5000000")
    assert _main(stream, container="mov,mp4,m4a,3gp,3g2,mj2").bitrate_bps == 5_000_000


def test_bitrate_that_a_header_promises_is_not_believed() -> None:
    """MPEG-2 headers state a maximum; so the file's rate less its sound is taken."""
    stream, sound = _stream(bit_rate="7900000"), _audio(bit_rate="192000")
    assert _main(stream, sound, container="mpegts").bitrate_bps == WHOLE_BPS - 192_000


def test_statistics_tags_are_believed_if_they_can_be_true() -> None:
    assert _main(_stream(tags={"BPS": "6000000"})).bitrate_bps == 6_000_000
    assert _main(_stream(tags={"BPS-eng": "6000000"})).bitrate_bps == 6_000_000
    stale = _main(_stream(tags={"BPS": "9000000"}), _audio(bit_rate="100000"))
    assert stale.bitrate_bps == WHOLE_BPS - 100_000


def test_sound_of_unknown_rate_is_guessed_while_it_is_a_small_part() -> None:
    assert _main(_stream(), _audio()).bitrate_bps == WHOLE_BPS - 128_000
    raw = _audio(codec_name="pcm_s24le", sample_rate="48000", bits_per_sample=24)
    assert _main(_stream(), raw).bitrate_bps == WHOLE_BPS - 2 * 48_000 * 24
    many = [_audio(index, codec_name="truehd", channels=8) for index in (1, 2)]
    assert _main(_stream(), *many).bitrate_bps is None


def test_main_stream_is_large_decodable_and_no_cover() -> None:
    cover = _stream(0, codec_name="mjpeg", width=4000, height=4000,
                    disposition={"attached_pic": 1})  # fmt: skip
    loose = _stream(1, codec_name="png", width=4000, height=4000, nb_frames="1")
    locked = _stream(2, width=3840, height=2160, pix_fmt=None)
    small, large = _stream(3, width=720, height=576), _stream(4)
    source = _probe(cover, loose, locked, small, large)
    assert source.main_index == 4
    assert [one.index for one in source.covers] == [0, 1]
    assert [one.index for one in source.video] == [2, 3, 4]


def test_default_flag_decides_between_equals() -> None:
    assert _probe(_stream(0, disposition={}), _stream(1)).main_index == 1
    assert _probe(_stream(0), _stream(1)).main_index == 0


def test_camera_film_of_jpegs_is_a_film() -> None:
    assert _probe(_stream(codec_name="mjpeg")).main_index == 0


def test_flags_of_pictures_go_before_the_field_order() -> None:
    frames = [{"stream_index": 0, "interlaced_frame": 1}]
    assert _main(_stream(field_order="progressive"), frames=frames).is_interlaced is True
    flat = [{"stream_index": 0, "interlaced_frame": 0}]
    assert _main(_stream(field_order="tt"), frames=flat).is_interlaced is False
    assert _main(_stream(field_order="tb")).is_interlaced is True
    assert _main(_stream(field_order="unknown")).is_interlaced is None
    assert _main(_stream(codec_name="vp9")).is_interlaced is False


def test_metadata_of_pictures_makes_hdr10_and_hdr10plus() -> None:
    sides = [
        {"side_data_type": "Mastering display metadata", "red_x": "34000/50000",
         "red_y": "16000/50000", "max_luminance": "10000000/10000"},
        {"side_data_type": "Content light level metadata", "max_content": 1000, "max_average": 200},
        {"side_data_type": "HDR Dynamic Metadata SMPTE2094-40 (HDR10+)"},
    ]  # fmt: skip
    frames = [{"stream_index": 0, "side_data_list": sides}]
    main = _main(_stream(color_transfer="smpte2084"), frames=frames)
    assert main.hdr_kinds == frozenset({HdrKind.HDR10, HdrKind.HDR10_PLUS})
    assert main.mastering_display is not None
    assert main.mastering_display.red == (0.68, 0.32)
    assert main.mastering_display.blue is None
    assert main.mastering_display.max_luminance == 1000
    assert main.content_light is not None
    assert (main.content_light.max_cll, main.content_light.max_fall) == (1000, 200)


def test_repeated_keys_are_no_trouble() -> None:
    text = (
        b'{"format": {"format_name": "mov"}, "streams": [{"index": 0, "codec_type": "video"}],'
        b'"frames": [{"stream_index": 0, "side_data_list": [{"side_data_type":'
        b'"HDR Dynamic Metadata SMPTE2094-40 (HDR10+)", "p": 1, "p": 2, "p": 3}]}]}'
    )
    main = parse_probe(text, size_bytes=1).main
    assert main is not None
    assert main.hdr_kinds == frozenset({HdrKind.HDR10_PLUS})


@pytest.mark.parametrize(
    ("transfer", "pix_fmt", "kinds"),
    [
        ("smpte2084", "yuv420p10le", {HdrKind.PQ}),
        ("arib-std-b67", "yuv420p10le", {HdrKind.HLG}),
        ("bt709", "yuv420p10le", {HdrKind.SDR}),
        ("unknown", "yuv420p", {HdrKind.SDR}),
        ("unknown", "yuv420p10le", None),
    ],
)
def test_hdr_kind_by_transfer(transfer: str, pix_fmt: str, kinds: set[HdrKind] | None) -> None:
    found = _main(_stream(color_transfer=transfer, pix_fmt=pix_fmt)).hdr_kinds
    assert found == (None if kinds is None else frozenset(kinds))


def test_dolby_vision_by_record_and_by_pictures() -> None:
    record = {"side_data_type": "DOVI configuration record", "dv_profile": 7,
              "dv_bl_signal_compatibility_id": 6, "el_present_flag": 1}  # fmt: skip
    vision = _main(_stream(side_data_list=[record])).dolby_vision
    assert vision is not None
    assert (vision.profile, vision.compatibility_id, vision.has_enhancement_layer) == (7, 6, True)
    frames = [{"stream_index": 0, "side_data_list": [{"side_data_type": "Dolby Vision RPU Data"}]}]
    bare = _main(_stream(), frames=frames)
    assert bare.dolby_vision is not None
    assert bare.dolby_vision.profile is None
    assert bare.hdr_kinds == frozenset({HdrKind.DOLBY_VISION})


@pytest.mark.parametrize(
    ("pix_fmt", "depth", "sampling"),
    [
        ("yuv420p", 8, "420"), ("yuvj420p", 8, "420"), ("yuv420p10le", 10, "420"),
        ("yuv422p10le", 10, "422"), ("yuv444p12be", 12, "444"), ("yuva444p16le", 16, "444"),
        ("nv12", 8, "420"), ("p010le", 10, "420"), ("p210le", 10, "422"), ("y210le", 10, "422"),
        ("gray", 8, "400"), ("gray10le", 10, "400"), ("gbrp", 8, "rgb"), ("gbrp12le", 12, "rgb"),
        ("gbrap16be", 16, "rgb"), ("rgb24", 8, "rgb"), ("rgba", 8, "rgb"), ("rgb48le", 16, "rgb"),
        ("x2rgb10le", 10, "rgb"), ("yuv410p", 8, "410"), ("uyvy422", 8, "422"),
        ("no_such_format", None, None), (None, None, None),
    ],
)  # fmt: skip
def test_pixel_formats(pix_fmt: str | None, depth: int | None, sampling: str | None) -> None:
    assert (bit_depth(pix_fmt, None), chroma(pix_fmt)) == (depth, sampling)


@pytest.mark.parametrize(
    ("codec", "profile", "expected"),
    [
        ("truehd", None, True), ("flac", None, True), ("pcm_s16le", None, True),
        ("pcm_mulaw", None, False), ("dts", "DTS", False), ("dts", "DTS-HD HRA", False),
        ("dts", "DTS-HD MA", True), ("dts", "DTS-HD MA + DTS:X", True), ("dts", None, None),
        ("adpcm_swf", None, False), ("eac3", None, False), (None, None, None),
    ],
)  # fmt: skip
def test_lossless_sound(codec: str | None, profile: str | None, expected: bool | None) -> None:
    assert is_lossless_audio(codec, profile) is expected


def test_our_own_tag_is_found_whatever_its_case() -> None:
    output = {"format_name": "matroska,webm", "tags": {"AV1RULES": "v1:abc", "Title": "x"}}
    text = json.dumps({"streams": [_stream()], "format": output}).encode()
    source = parse_probe(text, size_bytes=1)
    assert source.provenance == "v1:abc"
    assert source.tags == (("av1rules", "v1:abc"), ("title", "x"))


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ({"comment": 'AV1RULES={"a":1}'}, '{"a":1}'),
        ({"COMMENT": "hello", "synopsis": 'AV1RULES={"a":1}'}, '{"a":1}'),
        ({"comment": 'hello\nAV1RULES={"a":1}'}, '{"a":1}'),
        ({"description": "AV1RULES={}", "AV1RULES": "own"}, "own"),
        ({"comment": "see AV1RULES=x", "title": "AV1RULES=x"}, None),
    ],
)
def test_our_own_line_is_found_in_the_tags_of_mp4(tags: dict[str, str], found: str | None) -> None:
    output = {"format_name": "mov,mp4", "tags": tags}
    text = json.dumps({"streams": [_stream()], "format": output}).encode()
    assert parse_probe(text, size_bytes=1).provenance == found


def test_languages_titles_and_dispositions() -> None:
    sound = _audio(
        tags={"LANGUAGE": "fre", "title": "Commentary"}, disposition={"comment": 1, "default": 0}
    )
    (one,) = _probe(_stream(), sound).audio
    assert (one.language, one.title) == ("fre", "Commentary")
    assert one.dispositions == frozenset({"comment"})
    (other,) = _probe(_stream(), _audio(tags={"language": "und"})).audio
    assert other.language is None


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("Director's Commentary", "Director's Commentary"),
        ("SoundHandler", None),
        ("Apple Sound Media Handler", None),
        ("Core Media Audio", None),
        ("", None),
    ],
)
def test_names_that_people_gave_to_tracks_of_mp4(name: str, given: str | None) -> None:
    (one,) = _probe(_stream(), _audio(tags={"handler_name": name}), container="mov,mp4").audio
    assert (one.handler or None) == given


@pytest.mark.parametrize(
    ("flags", "expected"),
    [([1, 0], True), ([0, 1], True), ([1, 1], True), ([0, 0], False), ([], None)],
)
def test_one_interlaced_picture_makes_an_interlaced_film(
    flags: list[int], expected: bool | None
) -> None:
    """A film made of both is deinterlaced; a deinterlacer leaves progressive pictures alone."""
    shown = [{"stream_index": 0, "interlaced_frame": flag} for flag in flags]
    assert _main(_stream(field_order=None), frames=shown).is_interlaced is expected
