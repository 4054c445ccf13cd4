"""No value in any place makes the loader fall over: it is taken, or told as a Problem."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from av1rules.policy.load import _digest, check_rules, load_rules
from av1rules.policy.model import Severity
from av1rules.policy.problems import RulesError, render_all

GOOD: dict[str, Any] = {
    "version": 1,
    "library": {"roots": ["/a", {"path": "/b", "name": "c"}], "exclude": ["**/x"], "min_size": 1},
    "output": {"mode": "beside", "suffix": ".x"},
    "tools": {"min_version": "8.0"},
    "run": {"jobs": 1, "reserve": "1GB"},
    "tiers": {"remux": {"bitrate_1080p": "9Mb/s", "markers": ["x"]}},
    "defaults": {"crf": 20, "keyint": "10s"},
    "profiles": {"film": {"accept": ["chroma"], "params": {"scm": 1}}},
    "rules": [
        {
            "name": "x",
            "when": {"any": [{"width": {"min": 3}}, {"not": {"path": "**"}}], "chroma": [420]},
            "encode": {"use": "film"},
        },
        {"name": "y", "skip": True},
    ],
}
JUNK: list[object] = [None, True, -1, 1.5, "", "a[", "9" * 400, [None], {}, {"": 1}]


def places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    below = value.items() if isinstance(value, dict) else enumerate(value)  # type: ignore[arg-type]
    for key, inner in below:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))


def with_junk(path: tuple[str | int, ...], junk: object) -> str:
    changed: Any = copy.deepcopy(GOOD)
    parent = changed
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = junk
    return json.dumps(changed)


@pytest.mark.parametrize("place", list(places(GOOD)), ids=str)
def test_any_value_is_taken_or_told(place: tuple[str | int, ...], tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    for junk in JUNK:
        path.write_text(with_junk(place, junk))
        ruleset, problems = check_rules(path)
        errors = [problem for problem in problems if problem.severity is Severity.ERROR]
        assert (ruleset is None) == bool(errors), (junk, render_all(problems))


def test_the_file_without_junk_is_good(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(json.dumps(GOOD))
    assert check_rules(path)[0] is not None


@pytest.mark.parametrize("junk", [None, 1.5, "x", [None], {}], ids=repr)
def test_even_a_wrongly_trusted_file_does_not_crash(junk: object, tmp_path: Path) -> None:
    """The digest that is trusted may stem from another version with another schema."""
    path = tmp_path / "rules.yaml"
    path.write_text(json.dumps(GOOD))
    for place in places(GOOD):
        path.write_text(with_junk(place, junk))
        with contextlib.suppress(RulesError):
            digest = _digest(path.read_bytes(), path)
            ruleset = load_rules(path, trusted_digest=digest)
            assert ruleset.digest == digest
