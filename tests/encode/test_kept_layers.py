"""Which layers and marks each container keeps, and what is said of the others."""

from __future__ import annotations

import pytest

from av1rules.encode.containers import MKV, MP4
from av1rules.encode.kept_layers import (
    MONO,
    enhancement_tracks,
    false_marks,
    keeps_spherical,
    kept_stereo,
    layer_losses,
    other_container,
    stereo_tag,
)
from av1rules.encode.losses import find_losses
from av1rules.encode.streams import plan_streams
from av1rules.media.second_layers import FRAME_ALTERNATE, UNSPECIFIED, Layer, Spherical
from av1rules.media.source import DolbyVision, VideoStream
from av1rules.policy.settings import Loss
from tests.encode.make import settings, source, video

VIEWS = frozenset({Layer.VIEW})


@pytest.mark.parametrize(
    ("stereo", "is_kept"),
    [
        ("left_right", True), ("right_left", True), ("top_bottom", True), ("bottom_top", True),
        ("checkerboard_rl", True), ("row_interleaved_lr", True), ("col_interleaved_lr", True),
        ("anaglyph_cyan_red", True), ("block_lr", False), (FRAME_ALTERNATE, False),
        (UNSPECIFIED, False), ("left_2", False),
    ],
)  # fmt: skip
def test_matroska_keeps_stereo_and_mp4_does_not(stereo: str, is_kept: bool) -> None:
    main = video(stereo=stereo)
    assert kept_stereo(main, MKV) == (stereo if is_kept else None)
    assert stereo_tag(main, MKV) == (stereo if is_kept else MONO)
    assert kept_stereo(main, MP4) is stereo_tag(main, MP4) is None
    assert other_container(main, MP4, Loss.STEREO_3D) == (MKV if is_kept else None)
    losses = [loss for loss, _ in layer_losses(source(main=main), main, MKV)]
    assert losses == ([] if is_kept else [Loss.STEREO_3D])
    assert list(false_marks(main, MP4)) == ["STEREO3D"]


def test_a_film_with_one_view_is_left_alone() -> None:
    assert stereo_tag(video(), MKV) is None
    assert list(layer_losses(source(), video(), MP4)) == []
    assert list(false_marks(video(), MP4)) == []


def test_a_second_view_is_one_loss_and_leaves_one_view() -> None:
    main = video(layers=VIEWS, stereo="block_lr")
    ((loss, message),) = layer_losses(source(main=main), main, MKV)
    assert loss is Loss.SECOND_LAYER
    assert "second view" in message
    assert stereo_tag(main, MKV) == MONO


@pytest.mark.parametrize(
    ("projection", "yaw", "kept"),
    [
        ("equirectangular", 0.0, {MKV, MP4}),
        ("equirectangular", 30.0, {MKV}),
        ("cubemap", 0.0, {MKV}),
        ("half equirectangular", 0.0, {MP4}),
        ("fisheye", 0.0, {MP4}),
        ("parametric immersive", 0.0, set()),
    ],
)
def test_spherical_pictures_are_kept_or_held(projection: str, yaw: float, kept: set[str]) -> None:
    main = video(spherical=Spherical(projection=projection, yaw=yaw))
    for container, other in ((MKV, MP4), (MP4, MKV)):
        assert keeps_spherical(main, container) == (container in kept)
        wanted = settings(container=container)
        film = source(main=main)
        found = find_losses(film, wanted, plan_streams(film, wanted))
        assert [one.loss for one in found] == ([] if container in kept else [Loss.SPHERICAL])
        if found:
            assert (f"`container: {other}`" in found[0].message) == (other in kept)


@pytest.mark.parametrize(
    ("vision", "loss"),
    [
        (DolbyVision(profile=7, compatibility_id=6, has_base_layer=False), Loss.DOLBY_VISION),
        (None, Loss.SECOND_LAYER),
    ],
)
def test_a_layer_in_its_own_track_is_dropped_and_held(
    vision: DolbyVision | None, loss: Loss
) -> None:
    layer = video(index=1, is_layer_of_another=True, dolby_vision=vision)
    film = source(video=(video(), layer))
    wanted = settings()
    streams = plan_streams(film, wanted)
    assert [step.index for step in streams.mapped] == [0]
    found = find_losses(film, wanted, streams)
    assert [one.loss for one in found] == [loss]
    assert f"`accept: [{loss.value}]`" in found[0].message
    tracks: tuple[VideoStream, ...] = enhancement_tracks(film)
    assert tracks == ((layer,) if vision else ())
