"""Units as systemd reads them: sections, continued lines, drop-ins, and what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.base.errors import UsageError
from av1rules.operations.migrate.systemd.unit import read_units


def put(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return str(path)


UNIT = """\
# a comment
; another
[Service]
ExecStart=-/usr/bin/av1d \\
    --config "/etc/av1d/my config.json"
Nice = 5
[Install]
WantedBy=multi-user.target
"""


def test_values_have_sections_and_places(tmp_path: Path) -> None:
    path = put(tmp_path, "av1d.service", UNIT)
    (unit,) = read_units([path])
    assert [(one.section, one.name, one.value, one.place) for one in unit.directives] == [
        ("Service", "ExecStart", '-/usr/bin/av1d --config "/etc/av1d/my config.json"',
         f"{path}:4"),
        ("Service", "Nice", "5", f"{path}:6"),
        ("Install", "WantedBy", "multi-user.target", f"{path}:8"),
    ]  # fmt: skip
    assert unit.program[0] == "/usr/bin/av1d"
    assert unit.config == "/etc/av1d/my config.json"


@pytest.mark.parametrize(
    ("command", "config"),
    [
        ("av1d --config=/a.json", "/a.json"),
        ("av1d -c /a.json -v", "/a.json"),
        ("av1d", None),
        ("av1d --config", None),
        ('av1d --config "/a', None),
    ],
)
def test_the_configuration_of_a_command(tmp_path: Path, command: str, config: str | None) -> None:
    (unit,) = read_units([put(tmp_path, "a.service", f"[Service]\nExecStart={command}\n")])
    assert unit.config == config


def test_drop_ins_beside_the_unit_are_read(tmp_path: Path) -> None:
    path = put(tmp_path, "av1d.service", "[Service]\nNice=5\n")
    put(tmp_path, "av1d.service.d/20.conf", "[Service]\nNice=7\n")
    put(tmp_path, "av1d.service.d/10.conf", "[Service]\nNice=6\n")
    put(tmp_path, "av1d.service.d/30.conf~", "[Service]\nNice=8\n")
    (unit,) = read_units([path])
    assert [Path(file).name for file in unit.files] == ["av1d.service", "10.conf", "20.conf"]
    last = unit.last("Nice")
    assert last is not None
    assert last.value == "7"


def test_drop_ins_that_are_given_go_to_their_unit(tmp_path: Path) -> None:
    movies = put(tmp_path, "movies.service", "[Service]\nNice=1\n")
    tv = put(tmp_path, "tv.service", "[Service]\nNice=2\n")
    own = put(tmp_path / "etc", "x", "")
    own = put(Path(own).parent, "tv.service.d/a.conf", "[Service]\nNice=9\n")
    found = {unit.name: unit.values("Nice")[-1].value for unit in read_units([movies, tv, own])}
    assert found == {"movies.service": "1", "tv.service": "9"}
    (only,) = read_units([tv, put(tmp_path, "any.conf", "[Service]\nNice=4\n")])
    assert only.values("Nice")[-1].value == "4"


def test_an_empty_value_takes_back_those_before(tmp_path: Path) -> None:
    text = "[Service]\nExecStart=/a\nExecStart=\nExecStart=/b --config /c\n"
    (unit,) = read_units([put(tmp_path, "a.service", text)])
    assert unit.config == "/c"


@pytest.mark.parametrize(
    ("text", "line"), [("Nice=5\n", 1), ("[Service]\n\nnothing\n", 3), ("[Service]\n=5\n", 2)]
)
def test_what_is_no_unit_is_told_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    path = put(tmp_path, "a.service", text)
    with pytest.raises(UsageError, match="not a unit") as caught:
        read_units([path])
    assert caught.value.where == f"{path}:{line}"


def test_drop_ins_alone_are_no_unit(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="drop-ins only"):
        read_units([put(tmp_path, "a.conf", "[Service]\n")])
