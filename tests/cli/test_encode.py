"""`encode FILE` as a user calls it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.test_commands import av1rules
from tests.conftest import MakeClip

FAST = ("--set", "crf=50,preset=12,film_grain=0", "--set", "max_size_ratio=9")


@pytest.fixture
def film(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "films" / "it's a film.mkv"
    path.parent.mkdir()
    shutil.copy(clip, path)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_one_command_makes_a_target_and_prints_its_receipt(film: Path) -> None:
    done = av1rules("encode", film.name, *FAST, cwd=film.parent)
    assert done.stdout.startswith("av1rules conversion report")
    assert "passed  contract" in done.stdout
    assert names(film.parent) == ["it's a film.av1.mkv", film.name]
    again = av1rules("encode", film.name, *FAST, cwd=film.parent, code=2)
    assert "the target exists" in again.stderr
    assert "--force" in again.stderr
    av1rules("encode", film.name, *FAST, "--force", "--receipt", "none", cwd=film.parent)


def test_a_dry_run_shows_the_command_and_makes_nothing(film: Path) -> None:
    shown = av1rules("encode", film.name, "-n", "--set", "crf=24", cwd=film.parent).stdout
    assert "crf=24" in shown
    assert "--set:1 (asked for)" in shown
    assert "target: " in shown
    av1rules("encode", film.name, "-n", "--json", cwd=film.parent)
    assert names(film.parent) == [film.name]


def test_events_in_json(film: Path) -> None:
    printed = av1rules("encode", film.name, *FAST, "--json", cwd=film.parent).stdout
    assert '"type":"job_done"' in printed
    assert "conversion report" not in printed


def test_a_held_film_tells_the_words_that_free_it(
    film: Path, make_clip: MakeClip, tmp_path: Path
) -> None:
    clip = make_clip(
        "chroma.mkv", "-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=1", "-c:v", "libx264",
        "-pix_fmt", "yuv444p",
    )  # fmt: skip
    shutil.copy(clip, film)
    held = av1rules("encode", film.name, *FAST, cwd=film.parent, code=1)
    assert "av1rules encode --accept chroma 'it'\"'\"'s a film.mkv'" in held.stderr
    av1rules("encode", "--accept", "chroma", film.name, *FAST, cwd=film.parent)


def test_a_target_that_is_too_large_is_no_target(film: Path) -> None:
    failed = av1rules(
        "encode", film.name, "--set", "crf=50,preset=12,max_size_ratio=0.001",
        cwd=film.parent, code=1,
    )  # fmt: skip
    assert "--set max_size_ratio=2" in failed.stderr
    assert names(film.parent) == [film.name]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--set", "crf=99"), "crf: 99 is above the maximum 70"),
        (("--set", "qrf=9"), "did you mean crf?"),
        (("--set", "force=true"), "unknown key force"),
        (("--set", "crf"), "expected key=value"),
        (("--accept", "all"), "Invalid value"),
        (("-o", "film.avi"), "end it with .mkv or .mp4"),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "film.mkv").write_bytes(b"film")
    refused = av1rules("encode", "film.mkv", *arguments, cwd=tmp_path, code=2)
    assert said in refused.stderr
