"""Lines of crontabs: cron and the shell take them as they are meant."""

from __future__ import annotations

import shlex
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from av1rules.base.errors import UsageError
from av1rules.operations.units.cron import block_of, cron_lines, stems_of, with_block
from av1rules.operations.units.model import ManagerKind, ServiceLimits, ServiceScope
from tests.operations.units.requests import spec

LINES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"))


def line(**changes: Any) -> str:
    values = {"manager": ManagerKind.CRON, "scope": ServiceScope.USER} | changes
    (found,) = cron_lines(spec("/m", **values))
    return found


@pytest.mark.parametrize(
    ("changes", "when"),
    [
        ({}, "0 1 * * *"), ({"at": "02:05"}, "5 2 * * *"), ({"at": "00:00"}, "0 0 * * *"),
        ({"every_s": 900}, "*/15 * * * *"), ({"every_s": 3600}, "0 */1 * * *"),
        ({"every_s": 21600}, "0 */6 * * *"), ({"every_s": 86400}, "0 1 * * *"),
    ],
)  # fmt: skip
def test_when(changes: dict[str, Any], when: str) -> None:
    assert line(**changes).startswith(f"{when} env PATH=")


@pytest.mark.parametrize("seconds", [7 * 60, 90 * 60, 5 * 3600, 61, 2 * 86400])
def test_what_cron_can_not_do_is_refused(seconds: int) -> None:
    with pytest.raises(UsageError, match="cron can't"):
        line(every_s=seconds)


def test_a_file_of_the_machine_names_the_user() -> None:
    system = ServiceScope.SYSTEM
    assert line(scope=system).startswith("0 1 * * * root env ")
    assert line(scope=system, account="me:media").startswith("0 1 * * * me env ")


def test_limits() -> None:
    made = line(limits=ServiceLimits(nice=15, cpu_affinity=(0, 2)))
    assert " nice -n 15 taskset -c 0,2 /usr/bin/env run " in made


@settings(max_examples=20)
@given(st.text(st.characters(exclude_categories=["Cs"]).filter(str.isprintable), min_size=1))
def test_the_shell_hands_over_each_word_as_it_is(name: str) -> None:
    made = line(rules_file=f"/{name}", program=("/usr/bin/printf", "%s\n"))
    command = made.split(" ", 5)[5]
    assert command.replace("\\%", "").count("%") == 0
    done = subprocess.run(
        ["/bin/sh", "-c", command.replace("\\%", "%")], capture_output=True, check=True
    )
    wanted = ["run", "--quiet", "--fail-on", "new", "-f", f"/{name}"]
    assert done.stdout.decode() == "".join(f"{word}\n" for word in wanted)
    assert shlex.split(command.replace("\\%", "%"))[-1] == f"/{name}"


@given(LINES, LINES.filter(lambda text: "av1rules" not in text))
def test_other_lines_stay(before: str, after: str) -> None:
    whole = before + ("\n" if before and not before.endswith("\n") else "")
    if "av1rules" in whole:
        return
    made = with_block(before, "av1rules", "1 2 3\n")
    assert made.startswith(whole)
    assert block_of(made, "av1rules") == "1 2 3\n"
    assert list(stems_of(made)) == ["av1rules"]
    made += after
    changed = with_block(made, "av1rules", "4\n")
    assert block_of(changed, "av1rules") == "4\n"
    end = "" if not after or after.endswith("\n") else "\n"
    assert with_block(changed, "av1rules", None) == whole + after + end


def test_instances_stand_beside_each_other() -> None:
    both = with_block(with_block("", "av1rules", "a\n"), "av1rules-b", "b\n")
    assert list(stems_of(both)) == ["av1rules", "av1rules-b"]
    assert block_of(both, "av1rules") == "a\n"
    assert block_of(both, "av1rules-b") == "b\n"
    assert block_of(both, "av1rules-c") is None
    assert block_of(with_block(both, "av1rules", None), "av1rules-b") == "b\n"


def test_a_block_without_an_end_is_left_alone() -> None:
    with pytest.raises(UsageError, match="none that ends it"):
        with_block("# av1rules begin: av1rules\n0 1 * * * mine\n", "av1rules", "x\n")
