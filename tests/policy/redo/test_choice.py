"""The words of `on_change` and `--redo`."""

from __future__ import annotations

import pytest

from av1rules.base.units import UnitError
from av1rules.policy.redo.choice import Redo, RedoKind, parse_redo


@pytest.mark.parametrize(
    ("text", "redo"),
    [
        ("all", Redo()),
        ("new", Redo(kind=RedoKind.NEW)),
        (" NONE ", Redo(kind=RedoKind.NONE)),
        ("gain > 20%", Redo(kind=RedoKind.GAIN, least_gain=0.2)),
        ("gain>12.5 %", Redo(kind=RedoKind.GAIN, least_gain=0.125)),
        ("gain > 0%", Redo(kind=RedoKind.GAIN, least_gain=0.0)),
    ],
)
def test_words_and_gains(text: str, redo: Redo) -> None:
    assert parse_redo(text) == redo
    assert parse_redo(redo.text) == redo


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("gain > 100%", None),
        ("gain > 20", "write gain > 20%"),
        ("20%", "write gain > 20%"),
        ("gain >= 20%", "write gain > 20%"),
        ("gain > -5%", "write gain > 5%"),
        ("redo", "all makes each of them anew"),
        ("keep", "new keeps finished targets as they are"),
        ("", None),
    ],
)
def test_what_is_none_of_them_says_what_was_meant(text: str, hint: str | None) -> None:
    with pytest.raises(UnitError, match="expected all, new, none, or a gain") as caught:
        parse_redo(text)
    assert caught.value.hint == hint
