"""Golden files, and a fake FFmpeg that runs as a real process."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes import fake_ffmpeg

GOLDEN = Path(__file__).parent / "golden"

Golden = Callable[[str, str], None]
Fake = Callable[[str], str]


def pytest_addoption(parser: pytest.Parser) -> None:
    with contextlib.suppress(ValueError):  # another folder's tests may have added it
        parser.addoption(
            "--update-golden", action="store_true", help="write what came out as what is expected"
        )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare a whole text with the file of that name under `golden/`."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden", default=False):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return check


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """The path of a fake FFmpeg that ends as it is told: "ok", "hang", "crash", "full" ..."""

    def make(how: str) -> str:
        monkeypatch.setenv("AV1RULES_FAKE", how)
        program = tmp_path / "fake-ffmpeg"
        program.write_text(
            f'#!/bin/sh\nexec "{sys.executable}" -ISs "{fake_ffmpeg.__file__}" "$@"\n'
        )
        program.chmod(0o755)
        return str(program)

    return make
