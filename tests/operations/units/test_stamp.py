"""Files of ours are known by their mark, and an edit by the digest in it."""

from __future__ import annotations

import pytest

from av1rules.operations.units.stamp import UnitState, read_stamp, stamped, state_of
from tests.operations.units.requests import request

ASKED = request(name="films", at=None)
TEXT = stamped("[Unit]\nDescription=a\n", ASKED)


def test_the_mark_keeps_what_was_asked_for() -> None:
    read = read_stamp(TEXT)
    assert read is not None
    assert (read[0].request, read[1]) == (ASKED, True)
    assert len(TEXT.splitlines()) == 3


@pytest.mark.parametrize(
    ("there", "state"),
    [
        (None, UnitState.ABSENT),
        (TEXT, UnitState.CURRENT),
        (stamped("[Unit]\nDescription=b\n", ASKED), UnitState.OUTDATED),
        (stamped("[Unit]\nDescription=a\n", request()), UnitState.OUTDATED),
        (TEXT.replace("=a", "=c"), UnitState.EDITED),
        (TEXT + "Nice=1\n", UnitState.EDITED),
        ("[Unit]\nDescription=a\n", UnitState.FOREIGN),
        ("# av1rules service: {}\n", UnitState.FOREIGN),
        ("# av1rules service: {\n", UnitState.FOREIGN),
        ("", UnitState.FOREIGN),
    ],
)
def test_states(there: str | None, state: UnitState) -> None:
    assert state_of(there, TEXT) is state
