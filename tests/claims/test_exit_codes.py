"""The exit codes that README promises, each brought about for real."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.claims.library import RULES, Library, call, make_library


@pytest.fixture(scope="module")
def library(make_clip: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Library:
    return make_library(tmp_path_factory.mktemp("codes"), make_clip)


def nothing(_folder: Path) -> None:
    """As the first run left it: one film waits for a user, one is done."""


def changed_settings(folder: Path) -> None:
    _rules(folder, "crf: 50", "crf: 51")


def foreign_target(folder: Path) -> None:
    _rules(folder, "{mode: replace}", "{mode: mirror, root: out}")
    (folder / "out" / "movies").mkdir(parents=True)
    (folder / "out" / "movies" / "Film.mkv").write_bytes(b"somebody's")


def damaged_source(folder: Path) -> None:
    """What is no film fails its probe, and a run goes on with the others."""
    whole = (folder / "movies" / "Film.mkv").read_bytes()
    (folder / "movies" / "Torn.mkv").write_bytes(whole[: len(whole) // 2] + bytes(len(whole) // 2))


def missing_root(folder: Path) -> None:
    (folder / "movies").rename(folder / "elsewhere")


def missing_target(folder: Path) -> None:
    (folder / "movies" / "Short.mkv").unlink()


def rotten_target(folder: Path) -> None:
    _rot(folder / "movies" / "Short.mkv")


def rotten_original(folder: Path) -> None:
    (kept,) = (folder / "movies").rglob(".av1rules-kept/*/Short.mkv")
    _rot(kept)


def unknown_key(folder: Path) -> None:
    _rules(folder, "crf: 50", "crff: 50")


def without_effect(folder: Path) -> None:
    """A rule behind one that takes everything."""
    text = (folder / "rules.yaml").read_text()
    (folder / "rules.yaml").write_text(f"{text}  - name: never\n    skip: true\n")


def no_ffmpeg(folder: Path) -> None:
    _rules(folder, "run: {", "tools: {ffmpeg: /nowhere/ffmpeg}\nrun: {")


def _rules(folder: Path, old: str, new: str) -> None:
    assert old in RULES
    (folder / "rules.yaml").write_text(RULES.replace(old, new))


def _rot(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("change", "line", "code"),
    [
        (nothing, "run", 0),
        (nothing, "plan --detailed-exitcode", 0),
        (changed_settings, "plan", 0),
        (changed_settings, "plan --detailed-exitcode", 2),
        (foreign_target, "plan", 0),
        (foreign_target, "run", 1),
        (foreign_target, "run --fail-on none", 0),
        (missing_root, "plan", 1),
        (missing_root, "plan --detailed-exitcode", 1),
        (missing_root, "run", 2),
        (damaged_source, "health", 1),
        (nothing, "verify --decode", 0),
        (missing_target, "verify", 1),
        (rotten_target, "verify --digest", 1),
        (nothing, "undo last --yes", 0),
        (rotten_original, "undo last --yes", 1),
        (nothing, "undo last", 2),
        (nothing, "undo last --dry-run", 0),
        (nothing, "originals purge --all --yes", 0),
        (rotten_target, "originals purge --all --yes", 1),
        (nothing, "originals purge", 2),
        (nothing, "doctor", 0),
        (no_ffmpeg, "doctor", 1),
        (no_ffmpeg, "run", 2),
        (without_effect, "validate", 0),
        (without_effect, "validate --strict", 2),
        (unknown_key, "validate", 2),
        (unknown_key, "plan", 2),
        (unknown_key, "plan --detailed-exitcode", 1),
        (nothing, "plan --no-such-option", 2),
        (nothing, "receipt movies/Film.mkv", 2),
        (nothing, "encode movies/Film.mkv --set preset=12,crf=50", 0),
        (nothing, "encode movies/Short.mkv", 1),
        (nothing, "encode movies/Film.mkv --set crf=99", 2),
    ],
)
def test_exit_code(change: Callable[[Path], None], line: str, code: int, library: Library) -> None:
    library.restore()
    change(library.folder)
    done = call(("av1rules", *line.split()), library.folder)
    assert done.returncode == code, done.stdout + done.stderr
