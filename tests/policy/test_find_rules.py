"""The rules file is found as git finds its folder: here, or in the nearest folder above."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from av1rules.base.errors import Av1rulesError, UsageError
from av1rules.policy.find_rules import find_rules
from av1rules.policy.load import load_rules


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("name", ["rules.yaml", "rules.yml"])
@pytest.mark.parametrize("ups", [0, 1, 3])
def test_the_nearest_file_is_found(name: str, ups: int, deep: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.yml").touch()
    above = [deep, *deep.parents][ups]
    (above / "rules.yml").unlink(missing_ok=True)
    (above / name).touch()
    assert find_rules(deep) == Path(*[".."] * ups, name)


def test_both_names_in_one_folder_are_an_error_only_where_they_count(
    deep: Path, tmp_path: Path
) -> None:
    for name in ("rules.yaml", "rules.yml"):
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match=r"rules\.yaml and rules\.yml are both") as caught:
        find_rules(deep)
    assert str(tmp_path) in str(caught.value)
    (deep.parent / "rules.yml").touch()
    assert find_rules(deep) == Path("../rules.yml")


def test_a_broken_link_is_found_so_that_reading_it_tells(deep: Path) -> None:
    (deep / "rules.yaml").symlink_to("nowhere")
    assert find_rules(deep) == Path("rules.yaml")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_above_is_named_not_taken(deep: Path, tmp_path: Path) -> None:
    os.chown(_touched(tmp_path / "rules.yaml"), 12345, 12345)
    with pytest.raises(UsageError, match="belongs to another user"):
        find_rules(deep)
    assert find_rules(tmp_path) == Path("rules.yaml")  # `validate` warns of that


def _touched(path: Path) -> Path:
    path.touch()
    return path


def test_the_error_where_there_is_none_says_where_it_looked(
    deep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(deep)
    with pytest.raises(Av1rulesError) as caught:
        load_rules(Path("rules.yaml"))
    message = str(caught.value)
    assert f"no rules.yaml or rules.yml in {deep}, nor in a folder above it (up to /)" in message
    assert "av1rules init ROOT" in message
    assert "AV1RULES_FILE" in message


def test_a_named_file_that_is_missing_is_named(deep: Path) -> None:
    with pytest.raises(
        Av1rulesError, match=r"other\.yaml: can't read the rules file: No such file"
    ):
        load_rules(deep / "other.yaml")
