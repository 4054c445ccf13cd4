from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from av1rules.encode.losses import LossFinding, find_losses
from av1rules.encode.streams import plan_streams
from av1rules.ffmpeg.tools import EncoderInfo
from av1rules.media.source import Colour, DataStream, DolbyVision, HdrKind, MasteringDisplay, Source
from av1rules.policy.settings import EncodeSettings, Loss
from tests.encode.make import AOM, RAV1E, SVT, settings, source, video

PQ = Colour(primaries="bt2020", transfer="smpte2084", matrix="bt2020nc", range="tv")


def losses(
    found: Source, wanted: EncodeSettings | None = None, encoder: EncoderInfo = SVT
) -> tuple[LossFinding, ...]:
    wanted = wanted or settings()
    return find_losses(found, wanted, plan_streams(found, wanted), encoder)


def vision(profile: int | None, compatibility: int | None, **changes: Any) -> Source:
    return source(
        main=video(
            codec="hevc",
            bit_depth=10,
            colour=changes.pop("colour", PQ),
            hdr_kinds=frozenset({HdrKind.DOLBY_VISION}),
            dolby_vision=DolbyVision(profile=profile, compatibility_id=compatibility, **changes),
        )
    )


def test_an_ordinary_film_loses_nothing() -> None:
    assert losses(source()) == ()


@pytest.mark.parametrize(
    ("picture", "loss"),
    [
        ({"chroma": "422", "pix_fmt": "yuv422p"}, Loss.CHROMA),
        ({"chroma": "rgb", "pix_fmt": "gbrp"}, Loss.CHROMA),
        ({"chroma": None, "pix_fmt": "yuv411p"}, Loss.CHROMA),
        ({"bit_depth": 12}, Loss.BIT_DEPTH),
        ({"has_alpha": True}, Loss.ALPHA),
        ({"has_captions": True}, Loss.CAPTIONS),
        ({"is_interlaced": True}, Loss.INTERLACED),
        ({"hdr_kinds": frozenset({HdrKind.HDR10_PLUS})}, Loss.HDR10_PLUS),
    ],
)
def test_a_loss_holds_until_it_is_accepted(picture: dict[str, Any], loss: Loss) -> None:
    film = source(main=video(**picture))
    (held,) = losses(film)
    assert (held.loss, held.accepted, held.acceptable) == (loss, False, True)
    assert f"`accept: [{loss.value}]`" in held.message
    (taken,) = losses(film, settings(accept=frozenset({loss})))
    assert taken.accepted
    assert "accept" not in taken.message


@pytest.mark.parametrize(
    ("encoder", "fate"),
    [
        (SVT, "would be lost (libsvtav1 drops it)"),
        (RAV1E, "would be lost (librav1e drops it)"),
        (AOM, "may be lost (libaom-av1 keeps it from FFmpeg 9 on, 8.0 drops it)"),
    ],
)
def test_hdr10_plus_is_held_and_said_as_measured(encoder: EncoderInfo, fate: str) -> None:
    film = source(main=video(hdr_kinds=frozenset({HdrKind.HDR10_PLUS, HdrKind.HDR10})))
    (held,) = losses(film, encoder=encoder)
    assert not held.accepted
    assert held.message.startswith(f"HDR10+ {fate}; the HDR10 base stays; ")


def test_gray_pictures_lose_nothing() -> None:
    assert losses(source(main=video(chroma="400", pix_fmt="gray"))) == ()


def test_deinterlacing_handles_interlaced_pictures() -> None:
    assert losses(source(main=video(is_interlaced=True)), settings(deinterlace="bwdif")) == ()


@pytest.mark.parametrize(("profile", "compatibility"), [(8, 1), (8, 4), (10, 1)])
def test_dolby_vision_with_a_base_is_kept_by_svt_only(profile: int, compatibility: int) -> None:
    assert losses(vision(profile, compatibility)) == ()
    (lost,) = losses(vision(profile, compatibility), encoder=AOM)
    assert (lost.loss, lost.acceptable) == (Loss.DOLBY_VISION, True)


def test_dolby_vision_5_can_not_be_accepted() -> None:
    everything = settings(accept=frozenset(Loss))
    (lost,) = losses(vision(5, 0, colour=Colour(range="pc")), everything)
    assert (lost.accepted, lost.acceptable) == (False, False)
    assert lost.message == (
        "Dolby Vision profile 5 has no ordinary picture below it: "
        "encoded, its colours would be wrong everywhere; leave it as it is by a rule with `skip` "
        "(`when: {dolby_vision_profile: 5}`), or get a version in HDR10"
    )


def test_dolby_vision_7_is_a_loss_to_accept() -> None:
    (lost,) = losses(vision(7, 6, has_enhancement_layer=True))
    assert (lost.loss, lost.accepted, lost.acceptable) == (Loss.DOLBY_VISION, False, True)


def test_dolby_vision_of_unknown_profile_without_a_known_base_is_hopeless() -> None:
    (lost,) = losses(vision(None, None, colour=Colour()))
    assert not lost.acceptable
    (lost,) = losses(vision(None, None))
    assert lost.acceptable


def test_eight_bit_is_a_choice_in_sdr_and_a_loss_in_hdr() -> None:
    sdr = source(main=video(bit_depth=10))
    (chosen,) = losses(sdr, settings(bit_depth=8))
    assert chosen.accepted
    hdr = source(main=video(bit_depth=10, hdr_kinds=frozenset({HdrKind.HLG})))
    (held,) = losses(hdr, settings(bit_depth=8))
    assert not held.accepted


def test_dropped_streams_and_their_remedy() -> None:
    film = source(data=(DataStream(index=1, tag="mebx"),))
    (held,) = losses(film)
    assert held.message == (
        "data 1 (mebx): drop: mkv can't hold data streams; "
        "to encode all the same: `accept: [streams]`"
    )


def test_mp4_can_not_hold_a_mastering_display_without_luminance() -> None:
    display = MasteringDisplay(red=(0.68, 0.32))
    film = source(main=video(mastering_display=display))
    assert losses(film) == ()
    (held,) = losses(film, settings(container="mp4"))
    assert held.loss is Loss.STREAMS
    assert "`container: mkv`" in held.message


def test_ambient_viewing_environment_is_told_of_but_holds_nothing() -> None:
    film = source(main=video(has_ambient_viewing=True))
    (output,) = losses(film)
    assert output.accepted
    assert output.message == (
        "mkv can't hold the ambient viewing environment, a hint for screens; mp4 can"
    )
    assert losses(film, settings(container="mp4")) == ()


@pytest.mark.parametrize(
    "film", [replace(source(), main_index=None), source(main=video(is_decodable=False))]
)
def test_nothing_to_encode_can_not_be_accepted(film: Source) -> None:
    (lost,) = losses(film, settings(accept=frozenset(Loss)))
    assert (lost.loss, lost.accepted, lost.acceptable) == (Loss.DAMAGE, False, False)
