"""Neighbours of a rules file: what they come to, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.policy.load import check_rules
from av1rules.policy.model import Problem, RuleSet
from av1rules.policy.neighbours.spec import FILE_EVENTS, AnnouncedEvent, NeighbourKind, Secret

HEAD = "version: 1\nlibrary: {roots: [/media/movies]}\nrules: [{name: all, encode: {}}]\n"
SONARR = "{type: sonarr, url: 'http://a:8989', token: {env: K}"


def check(tmp_path: Path, text: str) -> tuple[RuleSet | None, tuple[Problem, ...]]:
    path = tmp_path / "rules.yaml"
    path.write_text(f"{HEAD}neighbours:\n{text}")
    return check_rules(path)


def test_a_neighbour_with_all_of_its_keys(tmp_path: Path) -> None:
    text = (
        f"  tv: {SONARR}, paths: {{/m/tv: /tv}}, on: [published], rename: true, timeout: 1min}}\n"
    )
    ruleset, problems = check(tmp_path, text)
    assert ruleset is not None, problems
    (tv,) = ruleset.neighbours
    assert (tv.name, tv.kind, tv.url) == ("tv", NeighbourKind.SONARR, "http://a:8989")
    assert tv.token == Secret(env="K")
    assert tv.events == {AnnouncedEvent.PUBLISHED}
    assert (tv.may_rename, tv.timeout_s) == (True, 60)
    assert tv.their_path("/m/tv/x") == "/tv/x"


def test_files_of_secrets_are_beside_the_rules(tmp_path: Path) -> None:
    text = "  x: {type: plex, url: {env: U}, token: {file: plex.key}}\n"
    ruleset, _ = check(tmp_path, text)
    assert ruleset is not None
    assert ruleset.neighbours[0].token == Secret(file=tmp_path / "plex.key")
    assert ruleset.neighbours[0].url == Secret(env="U")
    assert ruleset.neighbours[0].events == frozenset(FILE_EVENTS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"  a: {SONARR}, command: [x]}}", "sonarr has no use for command"),
        ("  a: {type: sonarr, url: 'http://a'}", "sonarr needs the key token"),
        ("  a: {type: program}", "program needs the key command"),
        ("  a: {type: prometheus}", "prometheus needs the key file"),
        ("  a: {type: apprise, url: 'http://a'}", "the addresses of apprise are secrets"),
        (f"  a: {SONARR}, paths: {{movies: /m}}}}", "expected absolute paths"),
        (f"  a: {SONARR}, on: [publish]}}", "expected one of published"),
        ("  a: {url: 'http://a'}", "the key type is missing"),
        ("  a: {type: sonar, url: 'http://a'}", "expected one of jellyfin"),
        ("  a: {type: webhook, url: 'a'}", "expected an address such as"),
        ("  a: {type: webhook, url: 'http://a', secret: {env: A, file: b}}", ""),
        ("  a: {type: webhook, url: 'http://a', secret: {}}", ""),
        ("  a: 3", "expected a mapping"),
    ],
)
def test_problems_have_their_places(tmp_path: Path, text: str, message: str) -> None:
    ruleset, problems = check(tmp_path, f"{text}\n")
    assert ruleset is None
    assert len(problems) == 1, problems
    assert message in problems[0].message
    assert problems[0].place.line == 5


@pytest.mark.parametrize(
    "text",
    [
        "  a: {type: sonarr, url: 'http://a', token: hunter2}",
        "  a: {type: sonarr, url: 'http://a', token: 4711234}",
        "  a: {type: sonarr, url: 'http://a', token: {env: hunter2-4711234}}",
        "  a: {type: sonarr, url: 'http://a', token: [hunter2]}",
        "  a: {type: webhook, url: 'http://me:hunter2@a'}",
        "  a: {type: webhook, url: 'http://a/?apikey=hunter2'}",
        "  a: {type: webhook, url: 'http://a', api_key: hunter2}",
    ],
)
def test_a_secret_in_the_clear_is_an_error_that_does_not_repeat_it(
    tmp_path: Path, text: str
) -> None:
    ruleset, problems = check(tmp_path, f"{text}\n")
    assert ruleset is None
    assert problems
    told = " ".join(f"{one.message} {one.hint} {one.snippet}" for one in problems)
    assert "hunter2" not in told
    assert "4711234" not in told
