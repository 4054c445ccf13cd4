"""`service print`, `install`, `status` and `uninstall` as typed; systemctl is a stub."""

from __future__ import annotations

import json
import os
import plistlib
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import on_a_terminal
from tests.cli.test_commands import av1rules
from tests.fakes.stub import Answer, Stub

RULES = """\
version: 1
library: {roots: [films]}
output: {mode: mirror, root: out}
rules: [{name: all, encode: {}}]
"""

UNIT = ".config/systemd/user/av1rules.service"


class Machine:
    """A home with a policy, and a systemctl that says yes."""

    def __init__(self, folder: Path) -> None:
        self.home = folder
        self.stub = Stub(folder / "bin")
        self.systemctl = self.stub.make("systemctl", Answer())
        (folder / "rules.yaml").write_text(RULES)
        self.env = {
            "HOME": str(folder),
            "XDG_CONFIG_HOME": "",
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        }

    def typed(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        return av1rules("service", *words, cwd=self.home, code=code, **self.env)

    def document(self, *words: str, code: int = 0) -> Any:
        return json.loads(self.typed(*words, "--json", code=code).stdout)

    @property
    def unit(self) -> Path:
        return self.home / UNIT

    @property
    def calls(self) -> list[str]:
        return [" ".join(words) for words in self.stub.calls(self.systemctl)]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_print_shows_what_install_writes(machine: Machine) -> None:
    shown = machine.typed("print", "--user").stdout
    assert not machine.unit.exists()
    (file,) = machine.document("print", "--user")["files"]
    assert (file["path"], file["state"]) == (str(machine.unit), "absent")
    machine.typed("install", "--user", "--yes")
    assert machine.unit.read_text() == file["text"]
    assert shown == f"# {machine.unit}\n{file['text']}"


def test_a_property_list_can_be_written_as_it_is_printed(machine: Machine) -> None:
    shown = machine.typed("print", "--launchd", "--user").stdout
    assert plistlib.loads(shown.encode())["Label"] == "org.av1rules"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--timer", "--at", "9"], "expected a time"),
        (["--cron", "--every", "7min"], "cron can't"),
        (["--cpu-affinity", "x"], "expected CPU numbers"),
        (["--memory", "12G"], "write 12GB"),
        (["--every", "1h"], "runs all the time"),
        (["--name", "A B"], "expected a name"),
    ],
)
def test_mistakes(machine: Machine, words: list[str], said: str) -> None:
    assert said in machine.typed("print", *words, code=2).stderr


def test_broken_rules_give_no_unit(machine: Machine) -> None:
    (machine.home / "rules.yaml").write_text("version: 1\nrulez: []\n")
    assert "rulez" in machine.typed("install", "--user", "--yes", code=2).stderr
    assert not machine.unit.exists()


def test_install_shows_and_asks(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = machine.typed("install", "--user", code=2)
    assert "ExecStart=" in refused.stdout
    assert "give --yes" in refused.stderr
    assert not machine.unit.exists()
    assert machine.document("install", "--user", "-n")["done"] is False
    for name, value in machine.env.items():
        monkeypatch.setenv(name, value)
    code, said = on_a_terminal(["service", "install", "--user"], cwd=machine.home, answer="n\n")
    assert code == 1
    assert "nothing was written" in said
    assert not machine.unit.exists()
    assert machine.calls == []


def test_from_install_to_uninstall(machine: Machine) -> None:
    done = machine.document("install", "--user", "--yes", "--cpus", "6", "--memory", "12GiB")
    assert done["done"]
    assert machine.calls == ["--user daemon-reload", "--user enable --now av1rules.service"]
    assert "CPUQuota=600%" in machine.unit.read_text()
    (one,) = machine.document("status")["services"]
    assert (one["active"], one["files"][0]["state"]) == (True, "current")
    assert "active (systemd, user, watcher)" in machine.typed("status").stdout
    assert "is in place" in machine.typed("install", "--user", "-n", "--cpus", "6",
                                          "--memory", "12GiB").stdout  # fmt: skip
    machine.typed("uninstall", "--yes")
    assert not machine.unit.exists()
    assert "no service is installed" in machine.typed("status").stdout
    assert "no services" in machine.typed("uninstall", "--yes", code=2).stderr


def test_an_edit_is_seen_shown_and_kept(machine: Machine) -> None:
    machine.typed("install", "--user", "--yes")
    edited = machine.unit.read_text().replace("Nice=10", "Nice=19")
    machine.unit.write_text(edited)
    assert "was edited" in machine.typed("status", code=1).stdout
    refused = machine.typed("install", "--user", "--yes", code=2)
    assert "-Nice=19" in refused.stdout
    assert "+Nice=10" in refused.stdout
    assert "--force" in refused.stderr
    machine.typed("uninstall", "--yes", code=2)
    assert machine.unit.read_text() == edited
    machine.typed("install", "--user", "--yes", "--force")
    assert "Nice=10" in machine.unit.read_text()


def test_a_policy_that_changed_makes_a_unit_outdated(machine: Machine) -> None:
    machine.typed("install", "--user", "--yes", "--nice", "5")
    machine.unit.write_text(machine.unit.read_text())
    assert "current" in {f["state"] for f in machine.document("status")["services"][0]["files"]}
    machine.typed("install", "--user", "--yes", "--name", "b")
    assert [one["name"] for one in machine.document("status")["services"]] == ["av1rules", "b"]
    (machine.home / "rules.yaml").write_text("broken")
    found = machine.document("status", code=1)
    assert not found["ok"]
    assert "rules.yaml" in found["services"][0]["problem"]
    machine.typed("uninstall", "--yes", "--name", "b")


def test_a_service_of_the_machine_that_may_not_be_written(machine: Machine) -> None:
    machine.env["PATH"] = str(machine.home / "none")
    assert "no systemctl" in machine.typed("install", "--system", "--yes", code=2).stderr


def test_check_of_a_policy_without_a_watcher(machine: Machine) -> None:
    found = machine.document("check", code=1)
    assert (found["ok"], found["health"]) == (False, "gone")
    assert "no watcher" in machine.typed("check", code=1).stdout
