"""What is told of a job that failed: the same words for the same cause, run after run."""

from __future__ import annotations

import errno

import pytest

from av1rules.base.findings import FindingKind
from av1rules.execute.job_guard import _failure
from tests.plan_items import encode


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("/out/films/a.mkv", "/out/films/a.mkv"),
        ("/out/films/.av1rules-x1/a.mkv", "/out/films"),
        ("/out/films/.av1rules-x1/logs/.av1rules-y2", "/out/films"),
        ("/films/.av1rules-kept/7/a.mkv", "/films/.av1rules-kept/7/a.mkv"),
        (None, "/out/a"),
    ],
)
def test_random_names_of_ours_are_not_told(place: str | None, told: str) -> None:
    problem = OSError(errno.EACCES, "Permission denied", place)
    found = _failure(encode("a"), problem)
    assert (found.kind, found.detail) == (FindingKind.NO_ACCESS, f"Permission denied: {told}")


@pytest.mark.parametrize("code", [errno.EIO, errno.EDQUOT, errno.ENOSPC])
def test_a_disk_in_trouble_is_the_systems_failure(code: int) -> None:
    assert _failure(encode("a"), OSError(code, "no")).kind is FindingKind.SYSTEM
