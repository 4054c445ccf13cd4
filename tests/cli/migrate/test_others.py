"""`migrate handbrake`, `tdarr` and `unmanic` as typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_commands import av1rules

EXPORTS = {
    "handbrake": {"PresetName": "Mine", "VideoEncoder": "svt_av1", "VideoQualitySlider": 30},
    "tdarr": {"name": "TV", "folder": "/media/tv"},
    "unmanic": {"library_config": {"name": "TV", "path": "/media/tv"}},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, value in EXPORTS.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(value))
    return tmp_path


@pytest.mark.parametrize("name", EXPORTS)
def test_a_file_that_validate_and_fmt_take(folder: Path, name: str) -> None:
    done = av1rules("migrate", name, f"{name}.json", "-o", "r.yaml", cwd=folder)
    assert f"wrote {folder}/r.yaml" in done.stdout
    av1rules("validate", "--strict", "-f", "r.yaml", cwd=folder)
    av1rules("fmt", "--check", "r.yaml", cwd=folder)
    again = av1rules("migrate", name, f"{name}.json", "-o", "r.yaml", cwd=folder)
    assert f"unchanged: {folder}/r.yaml" in again.stdout


@pytest.mark.parametrize("name", EXPORTS)
def test_nothing_is_overwritten(folder: Path, name: str) -> None:
    (folder / "rules.yaml").write_text("version: 1\n")
    done = av1rules("migrate", name, f"{name}.json", cwd=folder, code=2)
    assert "nothing was written" in done.stderr
    assert (folder / "rules.yaml").read_text() == "version: 1\n"


@pytest.mark.parametrize("name", EXPORTS)
def test_a_dry_run_shows_the_keys_only(folder: Path, name: str) -> None:
    done = av1rules("migrate", name, f"{name}.json", "-n", cwd=folder)
    assert "would write" in done.stdout
    assert "carried over" in done.stdout
    document = json.loads(
        av1rules("migrate", name, f"{name}.json", "-n", "--json", cwd=folder).stdout
    )
    assert document["dry_run"]
    assert document["keys"]
    assert not (folder / "rules.yaml").exists()


def test_the_root_of_presets_is_given(folder: Path) -> None:
    av1rules("migrate", "handbrake", "handbrake.json", "--root", "/my films", cwd=folder)
    assert 'roots: ["/my films"]' in (folder / "rules.yaml").read_text()


def test_a_mistake_has_its_place(folder: Path) -> None:
    (folder / "tdarr.json").write_text('[{"folder": "/m"},\n  {"folder" "/n"}]')
    done = av1rules("migrate", "tdarr", "tdarr.json", cwd=folder, code=2)
    assert "tdarr.json:2:13: not JSON" in done.stderr
