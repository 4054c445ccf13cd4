"""Which command each act equals; and the commands are real ones."""

from __future__ import annotations

import pytest

from av1rules.cli.main import COMMANDS
from av1rules.ui.monitor.actions import Act, adjustments, command_of

CONTROLS = {"pause", "resume", "stop"}


@pytest.mark.parametrize("act", list(Act))
def test_every_act_is_a_command(act: Act) -> None:
    found = command_of(act, "films/a b.mkv")
    assert found.words[0] in COMMANDS.keys() | CONTROLS
    assert found.text.startswith("av1rules ")
    assert (found.words[-1] == "films/a b.mkv") is (act is not Act.STOP)


def test_names_are_quoted_and_are_no_options() -> None:
    assert command_of(Act.RETRY, "films/a b.mkv").text == "av1rules retry 'films/a b.mkv'"
    assert command_of(Act.RETRY, "-v/a.mkv").words == ("retry", "--", "-v/a.mkv")
    assert "\x1b" not in command_of(Act.RETRY, "films/\x1b[2J.mkv").text


def test_adjustments() -> None:
    assert adjustments("") == ()
    assert adjustments("crf=24, film_grain=4") == ("--set", "crf=24", "--set", "film_grain=4")
    words = command_of(Act.ADJUST, "films/a.mkv", more=adjustments("crf=24")).words
    assert words == ("clips", "adjust", "--set", "crf=24", "films/a.mkv")
