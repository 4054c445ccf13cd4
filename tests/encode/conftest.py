"""The good encode of which broken targets are made."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.ffmpeg.tools import Tools
from tests.conftest import MakeClip
from tests.encode.broken import Bench, good_way
from tests.encode.real import Way


@pytest.fixture(scope="session")
def good(make_clip: MakeClip, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Way:
    return good_way(make_clip, tools, tmp_path_factory.mktemp("good"))


@pytest.fixture
def bench(good: Way, tools: Tools, tmp_path: Path) -> Bench:
    return Bench(good, tools, tmp_path)
