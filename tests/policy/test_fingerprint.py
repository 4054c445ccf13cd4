"""The fingerprint moves with what shapes the result, and with nothing else."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from av1rules.media.source import AudioStream, Source, VideoStream
from av1rules.policy.fingerprint import (
    changed_settings,
    effective,
    fingerprint,
    in_words,
    of_pictures,
    only_output_affecting,
    parse_settings,
    settings_digest,
    settings_json,
    shown,
    with_changes,
)
from av1rules.policy.quality_spec import (
    Floor,
    GateScope,
    Metric,
    Otherwise,
    QualityGate,
    QualityTarget,
    Statistic,
)
from av1rules.policy.settings import NOT_IN_FINGERPRINT, EncodeSettings, Loss
from av1rules.policy.tracks.rules import AudioRules, SubtitleRules, TrackChoice

BASE = EncodeSettings(crf=26.0, preset=5)
VMAF_P5 = Floor(metric=Metric.VMAF, statistic=Statistic.P5, value=93)

CHANGES: dict[str, object] = {
    "encoder": "libaom-av1",
    "crf": 26.25,
    "preset": 6,
    "film_grain": 8,
    "film_grain_denoise": False,
    "tune": "ssim",
    "keyint": "10s",
    "bit_depth": 10,
    "deinterlace": "bwdif",
    "deinterlace_rate": "fields",
    "params": (("enable-qm", "1"),),
    "container": "mp4",
    "accept": frozenset({Loss.CHROMA}),
    "max_size_ratio": 0.5,
    "force": True,
    "quality_target": QualityTarget(floor=VMAF_P5),
    "film_grain_auto": True,
    "quality_gate": QualityGate(floors=(VMAF_P5,)),
    "audio": AudioRules(keep=("eng",)),
    "subtitles": SubtitleRules(keep=()),
    "tracks": TrackChoice(dropped=(2,)),
    "on_change": "new",
}


def source(**facts: object) -> Source:
    video = VideoStream(index=0, codec="h264", **facts)  # type: ignore[arg-type]
    return Source(container="matroska", size_bytes=1, video=(video,), main_index=0)


def test_every_setting_has_a_change_to_try() -> None:
    assert set(CHANGES) == {item.name for item in fields(EncodeSettings)}


@pytest.mark.parametrize("name", sorted(set(CHANGES) - NOT_IN_FINGERPRINT))
def test_moves_with_every_shaping_setting(name: str) -> None:
    changed = replace(BASE, **{name: CHANGES[name]})
    assert fingerprint("key", changed) != fingerprint("key", BASE)
    output = [field for field, _, _ in changed_settings(BASE, changed)]
    assert output == {
        "film_grain_auto": ["film_grain"],
        "quality_target": ["crf", "quality_target"],
    }.get(name, [name])


@pytest.mark.parametrize("name", sorted(NOT_IN_FINGERPRINT))
def test_stays_with_settings_that_only_decide_whether(name: str) -> None:
    changed = replace(BASE, **{name: CHANGES[name]})
    assert fingerprint("key", changed) == fingerprint("key", BASE)
    assert changed_settings(BASE, changed) == ()


def test_rules_for_tracks_count_by_what_they_come_to() -> None:
    """A language more in a rule makes only those films stale that have it."""
    sound = (AudioStream(index=1, codec="aac", language="eng"),
             AudioStream(index=2, codec="aac", language="fre"))  # fmt: skip
    film = replace(source(), audio=sound)

    def made(**rules: object) -> str:
        wanted = replace(BASE, audio=AudioRules(**rules))  # type: ignore[arg-type]
        return fingerprint("key", effective(wanted, film))

    plain = fingerprint("key", effective(BASE, film))
    assert made(keep=("eng", "fra")) == made(commentary=False) == plain
    assert made(keep=("eng",)) == made(keep=("eng", "jpn")) != plain
    assert made(keep=("fra",)) not in (plain, made(keep=("eng",)))


def test_tracks_say_nothing_of_pictures() -> None:
    """An approval of a clip, a sample and a search hold whatever becomes of the sound."""
    other = replace(BASE, audio=AudioRules(keep=("eng",)), tracks=TrackChoice(dropped=(2,)))
    assert settings_digest(other) == settings_digest(BASE)
    assert in_words(other) == in_words(BASE)
    assert of_pictures(other) == BASE


def test_settings_without_a_word_of_tracks_are_stored_as_ever() -> None:
    assert "audio" not in settings_json(BASE)
    assert "tracks" not in settings_json(BASE)
    chosen = TrackChoice(dropped=(2,), flags=((1, ("default",)),))
    stored = replace(BASE, audio=AudioRules(keep=("eng",)), tracks=chosen)
    assert parse_settings(settings_json(stored)) == stored


def test_settings_of_tracks_in_words() -> None:
    chosen = replace(BASE, subtitles=SubtitleRules(keep=()), tracks=TrackChoice(dropped=(3, 4)))
    assert shown(chosen, "audio") == "all"
    assert shown(chosen, "subtitles") == "keep none"
    assert changed_settings(BASE, chosen) == (("tracks", "all", "without streams 3, 4"),)


TARGETED = replace(BASE, quality_target=QualityTarget(floor=VMAF_P5))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (TARGETED, replace(TARGETED, crf=33.25)),
        (
            TARGETED,
            replace(
                TARGETED, quality_target=QualityTarget(floor=VMAF_P5, otherwise=Otherwise.SKIP)
            ),
        ),
        (replace(BASE, film_grain_auto=True), replace(BASE, film_grain_auto=True, film_grain=12)),
    ],
    ids=["searched", "what else to do", "measured"],
)
def test_stays_with_what_was_found_for_a_wish(
    before: EncodeSettings, after: EncodeSettings
) -> None:
    assert fingerprint("key", before) == fingerprint("key", after)
    assert changed_settings(before, after) == ()


def test_a_number_that_was_found_is_told_when_the_policy_sets_another() -> None:
    found = replace(TARGETED, crf=33.25)
    assert changed_settings(found, replace(BASE, crf=30.0)) == (
        ("crf", "33.25 by target", "30"),
        ("quality_target", "VMAF p5 at least 93, CRF 10 to 50", "none"),
    )
    measured = replace(BASE, film_grain_auto=True, film_grain=12)
    assert changed_settings(measured, replace(BASE, film_grain=8)) == (
        ("film_grain", "auto (12)", "8"),
    )


def test_moves_with_the_content() -> None:
    assert fingerprint("one", BASE) != fingerprint("two", BASE)


def test_is_the_same_in_every_process_and_version() -> None:
    assert fingerprint("12-ab", BASE) == "3ef03a9cbf3e3af97bca8c77358b88e2"


@given(
    crf=st.integers(0, 280).map(lambda quarter: quarter / 4),
    preset=st.integers(0, 13),
    accept=st.frozensets(st.sampled_from(Loss)),
    tune=st.none() | st.sampled_from(["vq", "psnr"]),
    params=st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=3).map(tuple),
)
def test_settings_survive_json(
    crf: float,
    preset: int,
    accept: frozenset[Loss],
    tune: str | None,
    params: tuple[tuple[str, str], ...],
) -> None:
    settings = EncodeSettings(crf=crf, preset=preset, accept=accept, tune=tune, params=params)
    assert parse_settings(settings_json(settings)) == settings


@pytest.mark.parametrize(
    ("wanted", "found", "result"),
    [(0, 8, 8), (0, 10, 10), (0, 12, 10), (0, None, 10), (10, 8, 10), (8, 10, 8)],
)
def test_bit_depth_becomes_a_number(wanted: int, found: int | None, result: int) -> None:
    settings = effective(replace(BASE, bit_depth=wanted), source(bit_depth=found))
    assert settings.bit_depth == result


@pytest.mark.parametrize(
    ("interlaced", "result"), [(True, "bwdif"), (False, "off"), (None, "bwdif")]
)
def test_deinterlacer_counts_only_where_it_can_work(interlaced: bool | None, result: str) -> None:
    settings = effective(replace(BASE, deinterlace="bwdif"), source(is_interlaced=interlaced))
    assert settings.deinterlace == result


def test_keyint_in_seconds_becomes_frames() -> None:
    seconds = replace(BASE, keyint="10s")
    assert effective(seconds, source(frame_rate=Fraction(24000, 1001))).keyint == "240"
    assert effective(seconds, source(frame_rate=None)).keyint == "10s"


FLOOR = Floor(metric=Metric.VMAF, statistic=Statistic.P5, value=93.0)
TARGET = QualityTarget(floor=FLOOR)
RANGE = QualityTarget(
    floor=Floor(metric=Metric.SSIM, statistic=Statistic.WORST_SECOND, value=0.97),
    crf_min=16.0,
    crf_max=40.25,
    otherwise=Otherwise.BEST,
)
GATE = QualityGate(
    floors=(Floor(metric=Metric.VMAF, statistic=Statistic.P5, value=90.0),), scope=GateScope.WHOLE
)
EVERYTHING = EncodeSettings(
    encoder="libaom-av1", crf=20.5, preset=3, film_grain=12, film_grain_denoise=False, tune="ssim",
    keyint="10s", bit_depth=10, deinterlace="bwdif", params=(("enable-qm", "1"), ("scm", "0")),
    container="mp4", accept=frozenset({Loss.CHROMA, Loss.ALPHA}), max_size_ratio=0.5, force=True,
)  # fmt: skip
STORED_PLAIN = (
    '"bit_depth":0,"container":"mkv","crf":26.0,"deinterlace":"off","encoder":"auto",'
    '"film_grain":0,"film_grain_denoise":true,"force":false,"keyint":null,"max_size_ratio":0.9,'
    '"params":[],"preset":5'
)
STORED_TARGET = (
    '"target":{"crf_max":40.25,"crf_min":16.0,"floor":{"metric":"ssim",'
    '"statistic":"worst_second","value":0.97},"otherwise":"best"}'
)
STORED_GATE = (
    '"verify":{"floors":[{"metric":"vmaf","statistic":"p5","value":90.0}],"scope":"whole"}'
)


@pytest.mark.parametrize(
    ("settings", "print_", "digest"),
    [
        (BASE, "3ef03a9cbf3e3af97bca8c77358b88e2", "5831b2dcfc844173d2fdcc9ccd42e20e"),
        (
            replace(BASE, quality_target=TARGET),
            "cf155a716b10515071d5db4641fc734d",
            "67a3d34b79ae0a33b0816b1a16805415",
        ),
        (
            replace(BASE, quality_target=RANGE),
            "9579f69428147a26c0ee1d2c7703dbe7",
            "0584d93b8c34dbf5ce265d62978123c4",
        ),
        (
            replace(BASE, quality_gate=GATE),
            "3ef03a9cbf3e3af97bca8c77358b88e2",
            "5831b2dcfc844173d2fdcc9ccd42e20e",
        ),
        (
            replace(
                BASE, quality_target=TARGET, quality_gate=GATE, film_grain_auto=True, crf=33.25
            ),
            "0d3d4acdbd9191dc756472c94b9e67c5",
            "1533148b75008b703955cce66bac406c",
        ),
        (EVERYTHING, "05b270f7cbf3edd699a16e0d4ed294b8", "eb9f045fe1a04ee0793d89390fdc5f81"),
    ],
    ids=["plain", "target", "range", "gate", "target and gate", "everything"],
)
def test_prints_and_digests_are_those_of_existing_libraries(
    settings: EncodeSettings, print_: str, digest: str
) -> None:
    assert (fingerprint("12-ab", settings), settings_digest(settings)) == (print_, digest)


@pytest.mark.parametrize(
    ("settings", "stored"),
    [
        (BASE, f'{{"accept":[],{STORED_PLAIN},"tune":null}}'),
        (
            replace(BASE, quality_target=RANGE, quality_gate=GATE),
            f'{{"accept":[],{STORED_PLAIN},{STORED_TARGET},"tune":null,{STORED_GATE}}}',
        ),
    ],
    ids=["plain", "target and gate"],
)
def test_stored_settings_keep_their_first_names(settings: EncodeSettings, stored: str) -> None:
    assert settings_json(settings) == stored
    assert parse_settings(stored) == settings


def test_without_video_the_settings_stay_as_they_are() -> None:
    keyed = replace(BASE, keyint="10s")
    assert effective(keyed, Source(container="ogg", size_bytes=1)) == keyed


@pytest.mark.parametrize(("depth", "kept"), [(8, 8), (9, 10), (10, 10), (12, 10), (None, 10)])
def test_more_than_8_bit_stays_more_than_8_bit(depth: int | None, kept: int) -> None:
    assert effective(BASE, source(bit_depth=depth)).bit_depth == kept


def test_key_frames_are_never_closer_than_pictures() -> None:
    keyed = replace(BASE, keyint="0.01s")
    assert effective(keyed, source(frame_rate=Fraction(24))).keyint == "1"


def test_the_tag_in_a_target_holds_no_setting_that_only_decides_whether() -> None:
    deciding = {name: CHANGES[name] for name in NOT_IN_FINGERPRINT}
    assert only_output_affecting(replace(BASE, **deciding)) == BASE


def test_a_target_in_place_of_a_crf_is_told_and_other_settings_as_they_are() -> None:
    rows = changed_settings(BASE, replace(TARGETED, preset=6))
    changed = {name: (before, after) for name, before, after in rows}
    assert changed.keys() == {"crf", "preset", "quality_target"}
    assert changed["crf"] == ("26", "by target")
    assert changed["preset"] == ("5", "6")
    assert changed["quality_target"][0] == "none"


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        (TARGETED, {"crf": 20.0}, replace(BASE, crf=20.0)),
        (TARGETED, {"preset": 6}, replace(TARGETED, preset=6)),
        (BASE, {"film_grain": "auto"}, replace(BASE, film_grain_auto=True)),
        (replace(BASE, film_grain_auto=True), {"film_grain": 8}, replace(BASE, film_grain=8)),
    ],
)
def test_a_number_ends_a_request_and_the_other_way_round(
    before: EncodeSettings, changes: dict[str, object], after: EncodeSettings
) -> None:
    assert with_changes(before, changes) == after
