"""The folders that a service is given are those that its policy writes to."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.operations.units.model import ServiceSpec
from av1rules.operations.units.spec import spec_of
from av1rules.policy.load import load_rules
from tests.operations.units.requests import request

RULES = "version: 1\nlibrary: {{roots: [films, shows/one]}}\noutput: {{{output}}}\nrules: []\n"


def made(folder: Path, output: str, more: str = "") -> ServiceSpec:
    rules = folder / "rules.yaml"
    rules.write_text(RULES.format(output=output) + more)
    return spec_of(request(rules_file=str(rules)), load_rules(rules))


@pytest.mark.parametrize(
    ("output", "written", "read"),
    [
        ("mode: mirror, root: out", ["out"], ["films", "shows/one"]),
        ("mode: mirror, root: out, temp_dir: fast", ["fast", "out"], ["films", "shows/one"]),
        ("mode: mirror, root: out, temp_dir: out/t", ["out"], ["films", "shows/one"]),
        ("mode: mirror, root: out, rest: copy", ["out"], ["films", "shows/one"]),
        ("mode: mirror, root: shows/two, rest: hardlink", ["."], []),
        ("mode: replace", ["films", "shows/one"], []),
        ("mode: replace, temp_dir: fast", ["fast", "films", "shows/one"], []),
        ("mode: beside", ["films", "shows/one"], []),
    ],
)
def test_folders(tmp_path: Path, output: str, written: list[str], read: list[str]) -> None:
    found = made(tmp_path, output)
    assert sorted(found.written) == sorted(str(tmp_path / name) for name in written)
    assert sorted(found.read) == sorted(str(tmp_path / name) for name in read)
    assert found.made == (str(tmp_path / ".av1rules"),)


def test_a_state_folder_elsewhere(tmp_path: Path) -> None:
    found = made(tmp_path, "mode: beside", "run: {state_dir: /var/lib/av1}\n")
    assert found.made == ("/var/lib/av1",)


def test_a_spool_elsewhere(tmp_path: Path) -> None:
    found = made(tmp_path, "mode: beside", "watch: {spool: /var/spool/av1}\n")
    assert found.made == (str(tmp_path / ".av1rules"), "/var/spool/av1")
