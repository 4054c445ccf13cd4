"""A fake FFmpeg that runs as a real process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes import fake_ffmpeg

Fake = Callable[[str], str]


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
