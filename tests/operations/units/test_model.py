"""What can be asked of a service, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from av1rules.base.errors import UsageError
from av1rules.operations.units.model import ManagerKind, ServiceScope, require_sound
from tests.operations.units.requests import request


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "../x"}, "expected a name"),
        ({"name": "a b"}, "expected a name"),
        ({"name": "@x"}, "expected a name"),
        ({"name": ""}, "expected a name"),
        ({"name": "x" * 41}, "expected a name"),
        ({"at": "25:00", "manager": ManagerKind.CRON}, "expected a time"),
        ({"at": "1:00", "manager": ManagerKind.CRON}, "expected a time"),
        ({"at": "01:00", "every_s": 60, "manager": ManagerKind.CRON}, "two ways"),
        ({"at": "01:00"}, "runs all the time"),
        ({"every_s": 3600}, "runs all the time"),
        ({"every_s": 59, "manager": ManagerKind.TIMER}, "once a minute"),
        ({"account": "me", "scope": ServiceScope.USER}, "as that user"),
        ({"account": "me:"}, "USER:GROUP"),
        ({"account": "me\nExecStart=/bin/sh"}, "USER:GROUP"),
        ({"rules_file": "/a\nb/rules.yaml"}, "can't be told"),
        ({"rules_file": "/a\udcff/rules.yaml"}, "can't be told"),
        ({"path": "/bin:/a\x1b"}, "can't be told"),
    ],
)
def test_what_no_manager_can_be_told_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        require_sound(request(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"name": "films-4k_2"}, {"account": "me"}, {"account": "me:media"},
        {"at": "23:59", "manager": ManagerKind.TIMER},
        {"every_s": 3600, "manager": ManagerKind.LAUNCHD},
        {"rules_file": "/a b/ümläut $x %d \"q\".yaml"},
    ],
)  # fmt: skip
def test_the_rest_is_taken(changes: dict[str, Any]) -> None:
    require_sound(request(**changes))


def test_instances_have_files_of_their_own() -> None:
    assert request().stem == "av1rules"
    assert request(name="films").stem == "av1rules-films"


def test_a_watcher_or_runs() -> None:
    assert request().command[-3:] == ("watch", "-f", "/srv/av1/rules.yaml")
    assert request(manager=ManagerKind.LAUNCHD).is_watch
    for changes in (
        {"manager": ManagerKind.TIMER},
        {"manager": ManagerKind.CRON},
        {"manager": ManagerKind.LAUNCHD, "at": "01:00"},
    ):
        assert request(**changes).command[1:] == (
            "run", "--quiet", "--fail-on", "new", "-f", "/srv/av1/rules.yaml",
        )  # fmt: skip
