from __future__ import annotations

from typing import Any

import pytest

from av1rules.policy.tracks.checks import TrackProblem, track_problems


def found(**values: Any) -> list[TrackProblem]:
    return list(track_problems(values))


def test_ordinary_rules_have_no_problem() -> None:
    assert found(keep=["en", "original", "und", "qad"], default="none", commentary=False) == []
    assert found(keep="all", default=["ja", "en"]) == []
    assert found(keep=["no", "sv"]) == []


@pytest.mark.parametrize(
    ("values", "key", "place", "said"),
    [
        ({"keep": ["en", "egn"]}, "keep", 1, "unknown language code egn"),
        ({"default": "egn"}, "default", None, "unknown language code egn"),
        ({"keep": "pt-BR"}, "keep", None, "pt-BR counts as por"),
        ({"keep": "no"}, "keep", None, "no is the code of Norwegian"),
    ],
)
def test_words_that_can_hardly_be_meant(
    values: dict[str, Any], key: str, place: int | None, said: str
) -> None:
    (problem,) = found(**values)
    assert (problem.key, problem.place, problem.is_error) == (key, place, False)
    assert said in problem.message
    assert problem.hint


def test_wanted_and_dropped_at_once_is_an_error() -> None:
    (problem,) = found(keep=["en", "unknown"], unknown=False)
    assert (problem.key, problem.is_error) == ("unknown", True)
