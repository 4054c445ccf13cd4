"""The property list says what launchd is to do, whatever is in the paths."""

from __future__ import annotations

import plistlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from av1rules.operations.units.launchd import plist_text
from av1rules.operations.units.model import ManagerKind
from av1rules.operations.units.stamp import read_stamp, stamped
from tests.operations.units.requests import request, spec

LAUNCHD = ManagerKind.LAUNCHD
PATHS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn"]).filter(str.isprintable), min_size=1
)


def keys(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = plistlib.loads(
        plist_text(spec(manager=LAUNCHD, **changes), "/logs").encode()
    )
    return found


def test_a_watcher_is_kept_alive() -> None:
    found = keys()
    assert found["Label"] == "org.av1rules"
    assert found["ProgramArguments"][1:] == ["watch", "-f", "/srv/av1/rules.yaml"]
    assert found["KeepAlive"] == {"SuccessfulExit": False}
    assert found["RunAtLoad"] is True
    assert found["StandardErrorPath"] == "/logs/av1rules.log"


def test_runs_have_their_times() -> None:
    assert keys(every_s=3600)["StartInterval"] == 3600
    found = keys(at="02:30")
    assert found["StartCalendarInterval"] == {"Hour": 2, "Minute": 30}
    assert "KeepAlive" not in found


def test_whose_service_it_is() -> None:
    found = keys(account="me:staff")
    assert (found["UserName"], found["GroupName"]) == ("me", "staff")
    assert "UserName" not in keys()


@given(PATHS)
def test_every_path_comes_back_below_its_mark(path: str) -> None:
    asked = request(manager=LAUNCHD, rules_file=f"/--{path}")
    text = stamped(plist_text(spec(manager=LAUNCHD, rules_file=f"/--{path}"), "/l"), asked)
    assert plistlib.loads(text.encode())["ProgramArguments"][-1] == f"/--{path}"
    read = read_stamp(text)
    assert read is not None
    assert (read[0].request, read[1]) == (asked, True)
