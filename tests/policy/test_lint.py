"""Warnings: only what is certain, and nothing about rules that can decide."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av1rules.policy import lint
from av1rules.policy.globs import glob_doubts
from av1rules.policy.lint import _contradiction, _dead_rules, implies
from av1rules.policy.load import check_rules
from av1rules.policy.match import outcome_of
from av1rules.policy.model import (
    Action,
    ActionKind,
    AllOf,
    AnyOf,
    Condition,
    Not,
    Range,
    Rule,
    Test,
)
from tests.policy.make import HERE, facts

WriteRules = Callable[[str], Path]


def warnings(write_rules: WriteRules, text: str) -> list[str]:
    ruleset, problems = check_rules(write_rules(text))
    assert ruleset is not None, problems
    return [problem.message for problem in problems]


def two_rules(first: str, second: str) -> str:
    return (
        f"rules:\n  - {{name: a, when: {first}, skip: true}}\n"
        f"  - {{name: b, when: {second}, hold: true}}\n"
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{}", "{height: 3}"),
        ("{height: 3}", "{height: 3}"),
        ("{height: 3}", "{width: 4, height: 3}"),
        ("{height: [3, 4]}", "{height: 3}"),
        ("{height: {min: 2}}", "{height: {min: 3}}"),
        ("{height: {min: 2, max: 9}}", "{height: [3, 4]}"),
        ("{video_codec: [hevc, av1]}", "{video_codec: h265, source_tier: remux}"),
        ("{path: ['a/**', 'b/**']}", "{path: 'b/**'}"),
        ("{any: [{height: 3}, {width: 4}]}", "{width: 4}"),
        ("{any: [{height: 3}, {width: 4}]}", "{any: [{width: 4}, {height: 3}]}"),
        ("{not: {height: 3}}", "{width: 1, not: {height: 3}}"),
        ("{size: {min: 1GiB}}", "{size: {min: 1073741824}}"),
    ],
)
def test_shadowed_rule(write_rules: WriteRules, first: str, second: str) -> None:
    found = warnings(write_rules, two_rules(first, second))
    assert len(found) == 1
    assert found[0].startswith("rule b never decides: rule a (line 4) matches ")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{height: 3}", "{}"),
        ("{height: 3}", "{width: 3}"),
        ("{height: 3, width: 4}", "{height: 3}"),
        ("{height: {min: 3}}", "{height: {min: 2}}"),
        ("{height: {max: 3}}", "{height: {min: 2}}"),
        ("{path: 'a/**'}", "{path: 'b/**'}"),
        ("{all: [{height: 3}, {width: 4}]}", "{any: [{height: 3}, {width: 4}]}"),
        ("{not: {height: 3}}", "{height: 4}"),
        ("{not: {height: {min: 3}}}", "{not: {height: {min: 2}}}"),
    ],
)
def test_no_warning_where_the_second_can_decide(
    write_rules: WriteRules, first: str, second: str
) -> None:
    assert warnings(write_rules, two_rules(first, second)) == []


@pytest.mark.parametrize(
    ("when", "fact"),
    [
        ("{all: [{height: {max: 3}}, {height: {min: 4}}]}", "height"),
        ("{source_tier: remux, all: [{source_tier: [web-dl, low-quality]}]}", "source_tier"),
        ("{all: [{interlaced: true}, {interlaced: false}]}", "interlaced"),
        ("{all: [{height: 3}, {height: {min: 4}}]}", "height"),
        ("{all: [{height: 1080}, {height: 720}]}", "height"),
        ("{height: 1080, all: [{all: [{height: 720}]}]}", "height"),
        ("{interlaced: true, not: {interlaced: true}}", "interlaced"),
        ("{all: [{height: 3}, {not: {height: {min: 2}}}]}", "height"),
        ("{hdr: hdr10, not: {hdr: [hdr10, hlg]}}", "hdr"),
        ("{width: 3, height: 3, not: {any: [{width: 3}, {size: 1MB}]}}", "width"),
        ("{any: [{all: [{height: 1}, {height: 2}]}, {width: 1, not: {width: 1}}]}", "height"),
        ("{size: 1MB, any: [{all: [{height: 1}, {height: 2}]}]}", "height"),
    ],
)
def test_contradiction(write_rules: WriteRules, when: str, fact: str) -> None:
    found = warnings(write_rules, f"rules: [{{name: x, when: {when}, skip: true}}]")
    assert found == [f"rule x never matches: its conditions on {fact} exclude each other"]


@pytest.mark.parametrize(
    "when",
    [
        "{all: [{height: {max: 3}}, {height: {min: 3}}]}",
        "{any: [{height: {max: 3}}, {height: {min: 4}}]}",
        "{all: [{hdr: hdr10}, {hdr: dolby-vision}]}",
        "{all: [{audio_language: en}, {audio_language: ja}]}",
        "{all: [{path: 'a/**'}, {path: '**/*.mkv'}]}",
        "{all: [{height: [3, 5]}, {height: {min: 4}}]}",
        "{interlaced: true, not: {captions: true}}",
        "{height: {min: 2}, not: {height: 3}}",
        "{hdr: [hdr10, hlg], not: {hdr: hdr10}}",
        "{height: 3, not: {height: 3, width: 4}}",
        "{any: [{all: [{height: 1}, {height: 2}]}, {width: 1}]}",
    ],
)
def test_no_contradiction(write_rules: WriteRules, when: str) -> None:
    assert warnings(write_rules, f"rules: [{{name: x, when: {when}, skip: true}}]") == []


def test_unused_profile(write_rules: WriteRules) -> None:
    text = "profiles: {film: {crf: 20}, old: {crf: 30}}\nrules: [{name: x, encode: {use: film}}]\n"
    assert warnings(write_rules, text) == ["no rule uses profile old"]


@pytest.mark.parametrize(
    ("encode", "expected"),
    [
        (
            "{encoder: librav1e, film_grain: 5}",
            ["rule x: librav1e doesn't support film grain synthesis (film_grain)"],
        ),
        (
            "{encoder: libaom-av1, params: {scm: 1}}",
            ["rule x: libaom-av1 doesn't support parameters of SVT-AV1 (params)"],
        ),
        (
            "{encoder: libaom-av1, tune: vq}",
            ["rule x: libaom-av1 doesn't support this tune (tune)"],
        ),
        ("{encoder: libaom-av1, tune: ssim, film_grain: 5}", []),
        ("{encoder: librav1e, film_grain: 0}", []),
        ("{film_grain: 5, tune: vq, params: {scm: 1}}", []),
    ],
)
def test_what_the_encoder_can_not_do(
    write_rules: WriteRules, encode: str, expected: list[str]
) -> None:
    assert warnings(write_rules, f"rules: [{{name: x, encode: {encode}}}]") == expected


def test_preferred_encoder_counts_where_none_is_named(write_rules: WriteRules) -> None:
    text = (
        "tools: {preferred_encoder: librav1e}\nrules:\n  - {name: x, encode: {film_grain: 5}}\n"
        "  - {name: y, when: {height: 1}, encode: {encoder: libsvtav1, film_grain: 5}}\n"
    )
    assert warnings(write_rules, text)[0].startswith("rule x: librav1e doesn't support film grain")


@pytest.mark.parametrize(
    ("roots", "mirror", "expected"),
    [
        ("[/a, /b]", "/c", []),
        ("[/a, /a/b]", "/c", ["root b is inside root a: its files count only once"]),
        ("[/a/b, /a]", "/c", ["root b is inside root a: its files count only once"]),
        ("[/a, /ab]", "/abc", []),
        ("[/a]", "/a/av1", ["the mirror is inside root a: every walk goes through it"]),
    ],
)
def test_folders_inside_folders(
    write_rules: WriteRules, roots: str, mirror: str, expected: list[str]
) -> None:
    text = (
        f"version: 1\nlibrary: {{roots: {roots}}}\n"
        f"output: {{mode: mirror, root: {mirror}}}\nrules: []\n"
    )
    assert warnings(write_rules, text) == expected


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("{path: 'Movies/**'}", []),
        ("{path: 'films/**'}", []),
        ("{path: '**/movies/**'}", []),
        ("{path: movies.mkv}", []),
        ("{path: 'movies/a b/**'}", ["the root is called Movies, not movies"]),
        (
            "{any: [{not: {path: ['x/**', 'TV/**']}}, {height: 3}]}",
            ["the root is called tv, not TV"],
        ),
    ],
)
def test_name_of_a_root_in_another_case(
    write_rules: WriteRules, when: str, expected: list[str]
) -> None:
    text = (
        "version: 1\nlibrary: {roots: [/a/Movies, /a/tv], exclude: ['**/x.mkv', 'tv/x/**']}\n"
        f"rules: [{{name: x, when: {when}, skip: true}}]\n"
    )
    found = warnings(write_rules, text)
    assert found == [f"{message}: globs are case-sensitive" for message in expected]


def test_name_of_a_root_in_another_case_among_the_files(write_rules: WriteRules) -> None:
    text = "version: 1\nlibrary: {roots: [/a/Movies], include: 'MOVIES/**'}\nrules: []\n"
    _, problems = check_rules(write_rules(text))
    assert [problem.path for problem in problems] == ["library.include"]
    assert problems[0].hint == 'write "Movies/**"'


@pytest.mark.parametrize(
    ("glob", "message", "hint"),
    [
        (
            "Extras",
            "Extras matches no film, as its last part has no extension",
            'for all in a folder of this name: "**/Extras/**"',
        ),
        (
            "Movies/Extras",
            "Movies/Extras matches no film, as its last part has no extension",
            'for all in a folder of this name: "Movies/Extras/**"',
        ),
        (
            "*.avi",
            "*.avi matches only files directly in a root, none in its folders",
            'for all folders: "**/*.avi"; for these alone: "ROOT/*.avi"',
        ),
        (
            "**/[SubGrp] *.mkv",
            "[SubGrp] matches one of these characters, not the text",
            "for the text, in single quotes: '**/\\[SubGrp\\] *.mkv'",
        ),
        (
            "**/[Erai-raws]*",
            "[Erai-raws] matches one of these characters, not the text",
            "for the text, in single quotes: '**/\\[Erai-raws\\]*'",
        ),
    ],
)
def test_glob_that_can_hardly_be_meant(
    write_rules: WriteRules, glob: str, message: str, hint: str
) -> None:
    text = f"version: 1\nlibrary: {{roots: [/a/Movies], exclude: ['{glob}']}}\nrules: []\n"
    _, problems = check_rules(write_rules(text))
    assert [(one.path, one.message, one.hint) for one in problems] == [
        ("library.exclude[0]", message, hint)
    ]
    ruleset, (problem, *_) = check_rules(
        write_rules(
            "version: 1\nlibrary: {roots: [/a/Movies]}\n"
            f"rules: [{{name: x, when: {{path: '{glob}'}}, skip: true}}]\n"
        )
    )
    assert ruleset is not None
    assert (problem.path, problem.message) == ("rules[0].when", message)


@pytest.mark.parametrize(
    "glob",
    ["[SubGrp]", "Movies/[SubGrp]", "**/[SubGrp]", "[SubGrp] x.mkv", "Extras", "movies/x.mkv"],
)
def test_following_the_hints_ends(glob: str) -> None:
    (_, hint), *_ = glob_doubts(glob, ["Movies"])
    meant = hint[:-1].rpartition(hint[-1])[2]
    assert list(glob_doubts(meant, ["Movies"])) == []


@pytest.mark.parametrize(
    "glob",
    [
        "**",
        "**/Extras/**",
        "movies/*.avi",
        "Film.mkv",
        "**/*",
        "[a-zA-Z0-9]*/**",
        "**/[aeiou]*/**",
        "**/[!SubGrp]*",
        "**/S[01][0-9]/**",
        r"**/\[SubGrp\] *.mkv",
        "**/[._ -]x.mkv",
        "**/{Extras,Samples}",
    ],
)
def test_glob_that_is_meant(write_rules: WriteRules, glob: str) -> None:
    assert (
        warnings(write_rules, f"rules: [{{name: x, when: {{path: '{glob}'}}, skip: true}}]") == []
    )


NUMBERS = st.integers(0, 4)
WANTED = st.one_of(
    NUMBERS,
    st.builds(lambda a, b: Range(min=min(a, b), max=max(a, b)), NUMBERS, NUMBERS),
    st.builds(lambda a: Range(min=a), NUMBERS),
)
TESTS = st.builds(
    lambda fact, wanted: Test(fact=fact, wanted=tuple(wanted), text="", place=HERE),
    st.sampled_from(["width", "height"]),
    st.lists(WANTED, min_size=1, max_size=2),
)


def _compound(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    parts = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(lambda p: AllOf(parts=p, place=HERE), parts),
        st.builds(lambda p: AnyOf(parts=p, place=HERE), parts),
        st.builds(lambda p: Not(part=p, place=HERE), inner),
    )


CONDITIONS: st.SearchStrategy[Condition] = st.recursive(TESTS, _compound, max_leaves=5)
VALUES = st.one_of(st.none(), NUMBERS)


@given(CONDITIONS, CONDITIONS, VALUES, VALUES)
def test_implication_is_sound(
    narrow: Condition, wide: Condition, width: int | None, height: int | None
) -> None:
    values = facts(width=width, height=height)
    if implies(narrow, wide) and outcome_of(narrow, values) is True:
        assert outcome_of(wide, values) is True


@given(CONDITIONS, VALUES, VALUES)
def test_contradiction_is_sound(
    condition: Condition, width: int | None, height: int | None
) -> None:
    if _contradiction(condition) is not None:
        assert outcome_of(condition, facts(width=width, height=height)) is not True


def rules_of(conditions: list[Condition | None]) -> tuple[Rule, ...]:
    skip = Action(kind=ActionKind.SKIP)
    return tuple(
        Rule(name=f"r{index}", when=when, action=skip, place=HERE)
        for index, when in enumerate(conditions)
    )


@given(st.lists(st.none() | CONDITIONS, max_size=6))
def test_every_dead_rule_is_found(conditions: list[Condition | None]) -> None:
    rules = rules_of(conditions)
    found = [problem.path for problem in _dead_rules(rules)]
    assert found == [
        f"rules[{index}]"
        for index, rule in enumerate(rules)
        if any(implies(rule.when, earlier.when) for earlier in rules[:index])
    ]


def test_rules_that_share_no_value_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*pair: Condition | None) -> bool:
        raise AssertionError(pair)

    monkeypatch.setattr(lint, "implies", refuse)
    tests = [Test(fact="height", wanted=(height,), text="", place=HERE) for height in range(300)]
    assert list(_dead_rules(rules_of([*tests]))) == []


def test_too_many_rules_of_one_kind_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lint, "MOST_COMPARISONS", 100)
    ranges = [Range(min=float(-low)) for low in range(0, -40, -1)]
    tests = [Test(fact="height", wanted=(wanted,), text="", place=HERE) for wanted in ranges]
    (problem,) = _dead_rules(rules_of([*reversed(tests)]))
    assert problem.message == ("only the first 15 rules were searched for rules that never decide")
