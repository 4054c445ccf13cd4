"""Conditions against facts in three values, globs, and the forms facts come in."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av1rules.media.source import DolbyVision, HdrKind
from av1rules.policy.facts import FACTS, Facts, facts_of
from av1rules.policy.globs import compile_globs, glob_problem, path_matcher
from av1rules.policy.load import load_rules
from av1rules.policy.match import (
    PassedOver,
    asks_for_grain,
    evaluate,
    explain_rules,
    first_match,
    outcome_of,
    unmeasured_rule,
)
from av1rules.policy.model import AllOf, AnyOf, Condition, Not, Range, Test
from av1rules.policy.settings import SourceTier
from av1rules.policy.source_tier import Classification
from tests.policy.make import HERE, audio, facts, library_file, source, video

WEB = Classification(source_tier=SourceTier.WEB_DL, confidence=0.8)

WriteRules = Callable[[str], Path]


def condition(write_rules: WriteRules, text: str) -> Condition:
    rules = load_rules(
        write_rules(f"rules:\n  - name: x\n    skip: true\n    when: {text}\n")
    ).rules
    assert rules[0].when is not None
    return rules[0].when


@pytest.mark.parametrize(
    ("when", "values", "expected"),
    [
        ("{source_tier: remux}", {"source_tier": "remux"}, True),
        ("{source_tier: [remux, web-dl]}", {"source_tier": "web-dl"}, True),
        ("{source_tier: remux}", {"source_tier": "low-quality"}, False),
        ("{source_tier: remux}", {}, None),
        ("{confidence: {min: 0.5}}", {"confidence": 0.5}, True),
        ("{confidence: {min: 0.5}}", {"confidence": 0.49}, False),
        ("{video_codec: hevc}", {"video_codec": "hevc"}, True),
        ("{video_codec: H.265}", {"video_codec": "hevc"}, True),
        ("{video_codec: [x264, mpeg2]}", {"video_codec": "mpeg2video"}, True),
        ("{video_codec: hevc}", {"video_codec": "h264"}, False),
        ("{width: 1920}", {"width": 1920}, True),
        ("{height: {min: 1440}}", {"height": 1440}, True),
        ("{height: {min: 721, max: 1080}}", {"height": 720}, False),
        ("{resolution: [2160p, 4320p]}", {"resolution": "2160p"}, True),
        ("{bitrate: {min: 15Mb/s}}", {"bitrate": 15_000_000}, True),
        ("{bitrate: {max: 800kb/s}}", {"bitrate": 800_001}, False),
        ("{bits_per_pixel: {max: 0.1}}", {"bits_per_pixel": 0.05}, True),
        ("{frame_rate: 23.976}", {"frame_rate": 24000 / 1001}, True),
        ("{frame_rate: 24}", {"frame_rate": 24000 / 1001}, False),
        ("{frame_rate: 24}", {"frame_rate": 24.0}, True),
        ("{frame_rate: {min: 50}}", {"frame_rate": 60000 / 1001}, True),
        ("{duration: {max: 45min}}", {"duration": 2700.0}, True),
        ("{duration: {min: 2h}}", {"duration": 7199.0}, False),
        ("{size: {min: 2GiB}}", {"size": 2 * 1024**3}, True),
        ("{bit_depth: 10}", {"bit_depth": 10}, True),
        ("{bit_depth: [10, 12]}", {"bit_depth": 8}, False),
        ("{hdr: hdr10}", {"hdr": frozenset({"hdr10", "dolby-vision"})}, True),
        ("{hdr: [hlg, hdr10plus]}", {"hdr": frozenset({"hdr10"})}, False),
        ("{hdr: sdr}", {}, None),
        ("{dolby_vision_profile: 5}", {"dolby_vision_profile": frozenset({5})}, True),
        ("{dolby_vision_profile: {max: 7}}", {"dolby_vision_profile": frozenset({8})}, False),
        ("{dolby_vision_profile: 5}", {"dolby_vision_profile": frozenset()}, False),
        ("{interlaced: true}", {"interlaced": True}, True),
        ("{interlaced: false}", {"interlaced": True}, False),
        ("{interlaced: false}", {"interlaced": None}, None),
        ("{variable_frame_rate: true}", {"variable_frame_rate": True}, True),
        ("{audio_codec: dts}", {"audio_codec": frozenset({"dts", "dts-hd-ma"})}, True),
        ("{audio_codec: flac}", {"audio_codec": frozenset()}, False),
        ("{audio_language: ja}", {"audio_language": frozenset({"jpn"})}, True),
        ("{audio_language: GER}", {"audio_language": frozenset({"deu"})}, True),
        ("{audio_language: eng}", {"audio_language": frozenset({"jpn", None})}, None),
        ("{audio_language: eng}", {"audio_language": frozenset({"eng", None})}, True),
        ("{subtitle_language: en}", {"subtitle_language": frozenset()}, False),
        ("{lossless_audio: true}", {"lossless_audio": False}, False),
        ("{container: matroska}", {"container": "mkv"}, True),
        ("{chroma: 422}", {"chroma": "422"}, True),
        ("{chroma: ['4:2:2', '4:4:4']}", {"chroma": "444"}, True),
        ("{captions: true}", {}, None),
        ("{grain: {min: 3}}", {}, None),
        ("{path: 'movies/**'}", {}, True),
        ("{path: '*.mkv'}", {}, True),
        ("{path: 'tv/**'}", {}, False),
        ("{path: ['tv/**', '**/film.*']}", {}, True),
    ],
)  # fmt: skip
def test_condition(
    write_rules: WriteRules, when: str, values: dict[str, object], expected: bool | None
) -> None:
    assert outcome_of(condition(write_rules, when), facts(**values)) is expected


def yes(value: bool | None) -> Condition:
    """A condition of the wanted outcome on `facts(width=1)`."""
    fact, wanted = ("height", 1) if value is None else ("width", 1 if value else 2)
    return Test(fact=fact, wanted=(wanted,), text="", place=HERE)


OUTCOMES = st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=4)


@given(OUTCOMES)
def test_all_is_false_by_one_false_and_true_only_by_all(values: list[bool | None]) -> None:
    found = outcome_of(AllOf(parts=tuple(map(yes, values)), place=HERE), facts(width=1))
    assert found is (False if False in values else None if None in values else True)


@given(OUTCOMES)
def test_any_is_true_by_one_true_and_false_only_by_all(values: list[bool | None]) -> None:
    found = outcome_of(AnyOf(parts=tuple(map(yes, values)), place=HERE), facts(width=1))
    assert found is (True if True in values else None if None in values else False)


@given(OUTCOMES)
def test_not_any_is_all_not(values: list[bool | None]) -> None:
    parts = tuple(map(yes, values))
    not_any = Not(part=AnyOf(parts=parts, place=HERE), place=HERE)
    all_not = AllOf(parts=tuple(Not(part=part, place=HERE) for part in parts), place=HERE)
    assert outcome_of(not_any, facts(width=1)) is outcome_of(all_not, facts(width=1))


@given(OUTCOMES)
def test_explained_outcome_is_the_fast_one(values: list[bool | None]) -> None:
    tree = AnyOf(parts=(AllOf(parts=tuple(map(yes, values)), place=HERE), yes(None)), place=HERE)
    assert evaluate(tree, facts(width=1)).outcome is outcome_of(tree, facts(width=1))


def test_not_of_unknown_is_unknown(write_rules: WriteRules) -> None:
    found = condition(write_rules, "{not: {interlaced: true}}")
    assert outcome_of(found, facts()) is None
    assert outcome_of(found, facts(interlaced=False)) is True


def test_unknown_never_fires_a_rule(write_rules: WriteRules) -> None:
    path = write_rules(
        "rules:\n  - {name: a, when: {interlaced: true}, hold: true}\n"
        "  - {name: b, when: {not: {interlaced: true}}, skip: true}\n"
    )
    found, passed_over = first_match(load_rules(path).rules, facts())
    assert found is None
    assert passed_over == (PassedOver("a", ("interlaced",)), PassedOver("b", ("interlaced",)))


@pytest.mark.parametrize(
    ("when", "unknown"),
    [
        ("{audio_language: ja, height: {max: 1080}}", ("audio_language",)),
        ("{audio_language: ja, hdr: hlg}", ("audio_language", "hdr")),
        ("{any: [{hdr: hlg}, {hdr: hdr10}, {height: 3}]}", ("hdr",)),
        ("{not: {any: [{hdr: hlg}, {height: 3}]}}", ("hdr",)),
        ("{all: [{any: [{hdr: hlg}, {height: 720}]}, {interlaced: true}]}", ("interlaced",)),
    ],
)
def test_rule_passed_over_names_what_is_unknown(
    write_rules: WriteRules, when: str, unknown: tuple[str, ...]
) -> None:
    rules = load_rules(
        write_rules(
            f"rules:\n  - {{name: a, when: {when}, skip: true}}\n  - {{name: b, skip: true}}\n"
        )
    ).rules
    values = facts(height=720, audio_language=frozenset({None}))
    assert first_match(rules, values) == (rules[1], (PassedOver("a", unknown),))


@pytest.mark.parametrize(
    "when",
    ["{height: 1080, audio_language: ja}", "{any: [{height: 720}, {hdr: hlg}]}", "{height: 3}"],
)
def test_rule_that_is_decided_in_spite_of_unknown_facts_is_not_passed_over(
    write_rules: WriteRules, when: str
) -> None:
    rules = load_rules(write_rules(f"rules: [{{name: a, when: {when}, skip: true}}]")).rules
    assert first_match(rules, facts(height=720))[1] == ()


def test_first_matching_rule_decides(write_rules: WriteRules) -> None:
    path = write_rules(
        "rules:\n  - {name: a, when: {width: 1}, skip: true}\n"
        "  - {name: b, when: {height: 2}, skip: true}\n  - {name: c, encode: {}}\n"
    )
    rules = load_rules(path).rules
    values = facts(width=3, height=2)
    found, passed_over = first_match(rules, values)
    assert found is not None
    assert passed_over == ()
    assert found.name == "b"
    output = explain_rules(rules, values)
    assert [(v.rule.name, v.outcome, v.is_decisive) for v in output] == [
        ("a", False, False),
        ("b", True, True),
        ("c", True, False),
    ]


def test_explanation_holds_text_and_seen_values(write_rules: WriteRules) -> None:
    when = "{bitrate: {min: 15Mb/s}, any: [{hdr: [hdr10, hlg]}, not: {size: {max: 2GiB}}]}"
    values = facts(bitrate=25_500_000, size=3 * 1024**3)
    found = evaluate(condition(write_rules, when), values)
    assert (found.outcome, found.text, found.seen) == (True, "all of", "")
    rate, either = found.parts
    assert (rate.outcome, rate.text, rate.seen) == (True, "bitrate: {min: 15Mb/s}", "25.5 Mb/s")
    assert (either.outcome, either.text) == (True, "any of")
    hdr, negated = either.parts
    assert (hdr.outcome, hdr.text, hdr.seen) == (None, "hdr: [hdr10, hlg]", "unknown")
    assert (negated.text, negated.parts[0].seen) == ("not", "3 GiB")


@pytest.mark.parametrize(
    ("fact", "value", "seen"),
    [
        ("width", 1920, "1920"),
        ("frame_rate", 24000 / 1001, "23.976"),
        ("duration", 5400.0, "1:30:00"),
        ("size", 1024**3, "1 GiB"),
        ("interlaced", False, "false"),
        ("audio_language", frozenset({"jpn", "eng"}), "eng, jpn"),
        ("audio_language", frozenset({None}), "unknown"),
        ("audio_codec", frozenset(), "none"),
        ("video_codec", "h264\x1b[31m", "h264\\x1b[31m"),
        ("path", ("a\n.mkv", "movies/a\n.mkv"), "movies/a\\n.mkv"),
    ],
)
def test_seen_value(fact: str, value: object, seen: str) -> None:
    one = Test(fact=fact, wanted=(), text="", place=HERE)
    assert evaluate(one, facts(**{fact: value})).seen == seen


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("**", "a.mkv", True),
        ("**", "a/b/c.mkv", True),
        ("*.mkv", "a.mkv", True),
        ("*.mkv", "a/b.mkv", False),
        ("**/*.mkv", "b.mkv", True),
        ("**/*.mkv", "a/.hidden/b.mkv", True),
        ("a/**", "a/b/c.mkv", True),
        ("a/**", "ab/c.mkv", False),
        ("a/*/c.mkv", "a/b/c.mkv", True),
        ("a/*/c.mkv", "a/b/b/c.mkv", False),
        ("**/{Extras,Samples}/**", "a/Extras/x.mkv", True),
        ("**/{Extras,Samples}/**", "a/Extra/x.mkv", False),
        ("**/*.{mkv,mp4}", "a/b.mp4", True),
        ("?.mkv", "a.mkv", True),
        ("?.mkv", "/.mkv", False),
        ("[ab].mkv", "b.mkv", True),
        ("[!ab].mkv", "b.mkv", False),
        (r"\[Group\]*", "[Group] film.mkv", True),
        ("**/Film*", "x/film.mkv", False),
        ("**/*", "line\nbreak.mkv", True),
        ("*.mkv", "a.mkv\n", False),
        ("**/*.mkv", "\udcff\udcfe/\udce4.mkv", True),
        ("**/-*", "a/-film.mkv", True),
        ("100%*", "100% true: a film.mkv", True),
        ("**/..*", "a/..b", True),
        ("...", "...", True),
    ],
)
def test_glob(pattern: str, path: str, expected: bool) -> None:
    assert glob_problem(pattern) is None
    assert bool(compile_globs((pattern,))(path)) is expected


NAMES = st.text(
    alphabet=st.characters(exclude_characters="/\0", codec=None), min_size=1, max_size=8
)
PATHS = st.lists(NAMES.filter(lambda n: n not in (".", "..")), min_size=1, max_size=4).map("/".join)


@given(PATHS)
def test_two_stars_match_every_path(path: str) -> None:
    assert compile_globs(("**",))(path)
    assert compile_globs(("**/*",))(path)


@given(PATHS)
def test_escaped_path_matches_itself_only(path: str) -> None:
    pattern = "".join(f"\\{char}" if char in "*?[]{}\\!,-" else char for char in path)
    matches = compile_globs((pattern,))
    assert matches(path)
    assert not matches(path + "x")


@given(st.text(alphabet="ab*?[]{},!\\/.^-0123456789", max_size=12))
def test_any_glob_compiles_or_is_told(pattern: str) -> None:
    """A pattern without a problem answers for any path; one with a problem says what it is."""
    problem = glob_problem(pattern)
    if problem is None:
        assert bool(compile_globs((pattern,))("a/b.mkv")) in (True, False)
    else:
        assert all(problem)


@given(st.lists(st.text(alphabet="ab*/?", min_size=1, max_size=8), min_size=1, max_size=3), PATHS)
def test_a_path_matches_by_either_of_its_forms(patterns: list[str], below: str) -> None:
    globs = tuple(pattern for pattern in patterns if glob_problem(pattern) is None) or ("**/*a*",)
    matches = compile_globs(globs)
    path = (below, f"movies/{below}")
    assert bool(path_matcher(globs)(path)) == bool(matches(path[0]) or matches(path[1]))


def test_every_fact_has_a_kind_and_a_field() -> None:
    assert list(FACTS) == list(Facts.__struct_fields__)


def test_facts_of_a_full_source() -> None:
    main = video(
        codec="hevc", width=3840, height=1600, bit_depth=10, chroma="420", bitrate_bps=24_000_000,
        is_interlaced=False, is_variable_rate=False, has_captions=False,
        hdr_kinds=frozenset({HdrKind.HDR10, HdrKind.DOLBY_VISION}),
        dolby_vision=DolbyVision(profile=8),
    )  # fmt: skip
    sound = audio(codec="dts", profile="DTS-HD MA + DTS:X", is_lossless=True, language="ger")
    found = facts_of(
        library_file("a/film.mkv"),
        source(main, sound, audio(codec="pcm_s24le", language="und"), duration_s=60.0),
        WEB,
    )
    assert found == Facts(
        path=("a/film.mkv", "movies/a/film.mkv"),
        source_tier="web-dl",
        confidence=0.8,
        video_codec="hevc",
        width=3840,
        height=1600,
        resolution="2160p",
        bitrate=24_000_000,
        bits_per_pixel=24_000_000 / (3840 * 1600 * float(Fraction(24000, 1001))),
        frame_rate=24000 / 1001,
        duration=60.0,
        size=8 * 1024**3,
        bit_depth=10,
        hdr=frozenset({"hdr10", "dolby-vision"}),
        dolby_vision_profile=frozenset({8}),
        interlaced=False,
        variable_frame_rate=False,
        audio_codec=frozenset({"dts", "dts-hd-ma", "pcm_s24le", "pcm"}),
        audio_language=frozenset({"deu", None}),
        lossless_audio=True,
        subtitle_language=frozenset(),
        container="mkv",
        chroma="420",
        captions=False,
    )


def test_facts_of_a_source_without_pictures_are_unknown() -> None:
    none = Classification(source_tier=None, confidence=0.0)
    found = facts_of(library_file("song.mp4"), source(container="mov,mp4,m4a"), none)
    known = {name for name in FACTS if getattr(found, name) is not None}
    assert known == {
        "path", "size", "container", "audio_codec", "audio_language", "subtitle_language",
        "lossless_audio",
    }  # fmt: skip
    assert found.container == "mp4"


@pytest.mark.parametrize(
    ("demuxers", "name", "expected"),
    [
        ("matroska,webm", "a.mkv", "mkv"),
        ("matroska,webm", "a.WEBM", "webm"),
        ("mov,mp4,m4a,3gp,3g2,mj2", "a.mp4", "mp4"),
        ("mov,mp4,m4a,3gp,3g2,mj2", "a.mov", "mov"),
        ("mpegts", "a.m2ts", "ts"),
        ("mpeg", "a.mpg", "mpg"),
        ("asf", "a.wmv", "wmv"),
        ("avi", "a.avi", "avi"),
        ("ogg", "a.ogv", "ogg"),
        ("nut", "a.nut", "nut"),
    ],
)
def test_container_fact(demuxers: str, name: str, expected: str) -> None:
    assert facts_of(library_file(name), source(container=demuxers), WEB).container == expected


@pytest.mark.parametrize(
    ("lossless", "expected"),
    [([], False), ([False], False), ([None, False], None), ([None, True], True)],
)
def test_lossless_audio_is_unknown_only_if_it_could_be(
    lossless: list[bool | None], expected: bool | None
) -> None:
    tracks = [audio(is_lossless=value) for value in lossless]
    found = facts_of(library_file(), source(video(), *tracks), WEB)
    assert found.lossless_audio is expected


@pytest.mark.parametrize(
    ("when", "grain", "is_asked"),
    [
        ("{grain: {min: 8}}", None, True),
        ("{not: {grain: {min: 8}}}", None, True),
        ("{not: {grain: {min: 8}}}", 4.0, False),
        ("{not: {any: [{grain: {min: 8}}, {width: 1920}]}}", None, False),  # false at any grain
        ("{all: [{grain: {min: 8}}, {width: 1280}]}", None, False),
        ("{not: {all: [{grain: {min: 8}}, {width: 1920}]}}", None, True),
        ("{width: 1280}", None, False),
        ("{all: [{grain: {min: 8}}, {grain: {max: 4}}]}", None, False),  # true at no grain
    ],
)
def test_grain_is_measured_where_a_rule_may_depend_on_it(
    write_rules: WriteRules, when: str, grain: float | None, *, is_asked: bool
) -> None:
    path = write_rules(
        f"rules:\n  - {{name: a, when: {when}, skip: true}}\n  - {{name: b, encode: true}}\n"
    )
    rule = unmeasured_rule(load_rules(path).rules, facts(grain=grain, width=1920))
    assert (rule is not None) is is_asked
    assert asks_for_grain(load_rules(path).rules) is ("grain" in when)


def test_grain_is_not_measured_for_a_rule_behind_the_one_that_matches(
    write_rules: WriteRules,
) -> None:
    path = write_rules(
        "rules:\n  - {name: a, when: {width: 1920}, skip: true}\n"
        "  - {name: b, when: {grain: {min: 8}}, encode: true}\n"
    )
    assert unmeasured_rule(load_rules(path).rules, facts(width=1920)) is None


@pytest.mark.parametrize(
    ("members", "expected"),
    [({8}, True), ({5}, False), ({5, 8}, True), ({None, 8}, True), ({None, 5}, None)],
)
def test_one_member_within_a_range_is_enough(
    members: set[int | None], expected: bool | None
) -> None:
    test = Test(fact="dolby_vision_profile", wanted=(Range(min=7.0),), text="", place=HERE)
    assert outcome_of(test, facts(dolby_vision_profile=frozenset(members))) is expected
