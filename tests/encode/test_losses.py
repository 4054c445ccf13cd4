from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from msgspec.structs import replace

from av1rules.encode.losses import LossFinding, find_losses, new_losses
from av1rules.encode.streams import plan_streams
from av1rules.ffmpeg.tools import EncoderInfo
from av1rules.media.source import (
    Change,
    ChangeKind,
    Colour,
    ContentLight,
    DataStream,
    DolbyVision,
    HdrKind,
    MasteringDisplay,
    Source,
)
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


@pytest.mark.parametrize(
    ("encoder", "size", "condition"),
    [
        (SVT, (2, 2), "height: {max: 2}"),
        (SVT, (1, 7), "width: {max: 1}"),
        (SVT, (7, 1), "height: {max: 1}"),
        (SVT, (4, 2), None),
        (RAV1E, (15, 64), "width: {max: 15}"),
        (RAV1E, (64, 15), "height: {max: 15}"),
        (RAV1E, (16, 16), None),
        (AOM, (1, 1), None),
        (SVT, (None, 1), None),
    ],
)
def test_pictures_too_small_for_an_encoder(
    encoder: EncoderInfo, size: tuple[int | None, int | None], condition: str | None
) -> None:
    film = source(main=video(width=size[0], height=size[1]))
    found = losses(film, encoder=encoder)
    assert [loss.acceptable for loss in found] == ([] if condition is None else [False])
    for loss in found:
        assert f"can't code pictures as small as {size[0]}x{size[1]}: " in loss.message
        assert "`encoder: libaom-av1` can" in loss.message
        assert f"`when: {{{condition}}}`, `skip: tiny`" in loss.message


def test_accepted_losses_advise_nothing() -> None:
    film = source(main=video(has_alpha=True))
    (taken,) = losses(film, settings(accept=frozenset({Loss.ALPHA})))
    assert taken.message == "the transparency of the pictures would be lost"


@pytest.mark.parametrize(
    ("film", "encoder", "said"),
    [
        (
            vision(8, 1, has_metadata=False),
            SVT,
            "the container promises Dolby Vision profile 8, but the pictures begin without",
        ),
        (vision(8, 1), AOM, "Dolby Vision profile 8 would be lost: libaom-av1 does not write it;"),
        (vision(8, 1), RAV1E, "or `encoder: libsvtav1`"),
        (
            vision(7, 6, has_enhancement_layer=True),
            SVT,
            "Dolby Vision profile 7.6 can't be kept; the ordinary picture below it (HDR10) stays",
        ),
        (
            vision(8, 1, has_enhancement_layer=True),
            SVT,
            "Dolby Vision profile 8.1 can't be kept; the ordinary picture below it (HDR10) stays",
        ),
        (vision(8, 2, colour=Colour(transfer="linear")), SVT, "below it (SDR) stays"),
        (vision(8, 0), SVT, "Dolby Vision profile 8 can't be kept"),
        (vision(8, None), SVT, "Dolby Vision profile 8 can't be kept"),
        (vision(None, None), SVT, "Dolby Vision without a known profile can't be kept"),
        (
            source(main=video(colour=PQ, hdr_kinds=frozenset({HdrKind.DOLBY_VISION}))),
            SVT,
            "Dolby Vision without a known profile can't be kept",
        ),
    ],
)
def test_what_dolby_vision_can_not_be_kept(film: Source, encoder: EncoderInfo, said: str) -> None:
    (held,) = losses(film, encoder=encoder)
    assert (held.loss, held.accepted, held.acceptable) == (Loss.DOLBY_VISION, False, True)
    assert said in held.message


def test_an_unknown_profile_names_no_condition() -> None:
    (lost,) = losses(vision(None, None, colour=Colour()))
    assert "by a rule with `skip`, or get" in lost.message


NTSC, PAL = Fraction(30000, 1001), Fraction(25)


@pytest.mark.parametrize(
    ("rate", "advice"), [(NTSC, True), (PAL, False), (None, False)]
)  # fmt: skip
def test_telecine_is_thought_of_where_it_can_be(rate: Fraction | None, *, advice: bool) -> None:
    film = source(main=video(is_interlaced=True, frame_rate=rate))
    (held,) = losses(film)
    assert "or better `deinterlace: bwdif`" in held.message
    assert ("`deinterlace: inverse-telecine`" in held.message) is advice
    inverse = losses(film, settings(deinterlace="inverse-telecine"))
    assert [(loss.loss, loss.acceptable) for loss in inverse] == (
        [] if advice else [(Loss.INTERLACED, False)]
    )
    shown = "unknown" if rate is None else "25"
    assert all(f"this rate is {shown}: " in loss.message for loss in inverse)


def changing(*changes: Change) -> LossFinding:
    (held,) = losses(source(main=video(changes=changes)))
    assert (held.loss, held.acceptable) == (Loss.CHANGES, True)
    return held


def test_what_changes_on_the_way_and_when_it_is_shown_wrong() -> None:
    size = Change(kind=ChangeKind.SIZE, values=("4x4", "8x8"))
    wrong = "HDR in one part only would be shown wrong"
    assert "(size 4x4, then 8x8): all become as the first" in changing(size).message
    assert wrong not in changing(size).message
    sdr = Change(kind=ChangeKind.TRANSFER, values=("bt709", "smpte170m"))
    assert wrong not in changing(size, sdr).message
    hdr = Change(kind=ChangeKind.TRANSFER, values=("bt709", "smpte2084"))
    assert wrong in changing(size, hdr).message


@pytest.mark.parametrize(
    ("picture", "wanted", "said"),
    [
        ({"bit_depth": 12}, {}, "12 bit become 10 bit"),
        ({"bit_depth": 12}, {"bit_depth": 8}, "12 bit become 8 bit"),
        ({"bit_depth": 10}, {}, None),
        ({"bit_depth": 8}, {"bit_depth": 8}, None),
        ({"bit_depth": 8}, {"bit_depth": 10}, None),
        ({"bit_depth": None}, {"bit_depth": 8}, None),
        ({"bit_depth": 9}, {"bit_depth": 8}, "`bit_depth: 8` makes 8 bit of 9"),
    ],
)
def test_bits_that_go(picture: dict[str, Any], wanted: dict[str, Any], said: str | None) -> None:
    found = losses(source(main=video(**picture)), settings(**wanted))
    assert [loss.loss for loss in found] == ([] if said is None else [Loss.BIT_DEPTH])
    assert all(loss.message.startswith(said or "") for loss in found)


def test_a_film_that_begins_between_key_frames_is_told_and_not_held() -> None:
    (told,) = losses(source(main=video(begins_mid_group=True)))
    assert (told.loss, told.accepted) == (Loss.DAMAGE, True)


@pytest.mark.parametrize(
    ("light", "container", "is_told"),
    [
        (ContentLight(max_cll=0, max_fall=400), "mkv", True),
        (ContentLight(max_cll=0, max_fall=400), "mp4", False),
        (ContentLight(max_cll=1, max_fall=400), "mkv", False),
        (None, "mkv", False),
    ],
)
def test_a_light_level_of_whole_pictures_alone(
    light: ContentLight | None, container: str, *, is_told: bool
) -> None:
    found = losses(source(main=video(content_light=light)), settings(container=container))
    assert [(loss.loss, loss.accepted) for loss in found] == [(Loss.STREAMS, True)] * is_told


def test_streams_that_ffmpeg_finds_too_late() -> None:
    (held,) = losses(source(unresolved=("audio 0x1101",), unmapped=("subtitle 5",)))
    assert (held.loss, held.accepted) == (Loss.STREAMS, False)
    assert "there is audio 0x1101, subtitle 5;" in held.message


def test_losses_come_in_the_order_of_the_docs() -> None:
    film = source(main=video(has_captions=True, has_alpha=True, chroma="444", pix_fmt="yuv444p"))
    found = [loss.loss for loss in losses(film)]
    assert found == [loss for loss in Loss if loss in found]
    assert len(found) == 3


def test_only_what_was_not_known_before_is_new() -> None:
    before = source(main=video(has_alpha=True))
    after = source(main=video(has_alpha=True, has_captions=True))
    plan = plan_streams(before, settings())
    (new,) = new_losses(before, after, settings(), plan, SVT)
    assert new.loss is Loss.CAPTIONS
    assert new_losses(after, before, settings(), plan, SVT) == ()
