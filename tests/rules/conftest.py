"""The option that rewrites expected texts, and short ways to rule sets and facts."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

# A busy machine is no fault of the code: time is measured by the benchmarks.
hypothesis.settings.register_profile("calm", deadline=None)
hypothesis.settings.load_profile("calm")

GOLDEN = Path(__file__).parent / "golden"

Golden = Callable[[str, str], None]


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
def write_rules(tmp_path: Path) -> Callable[[str], Path]:
    """Write a rules file; texts without `version` get the smallest valid head."""

    def write(text: str) -> Path:
        head = "" if "version:" in text else "version: 1\nlibrary: {roots: [/media/movies]}\n"
        path = tmp_path / "rules.yaml"
        path.write_text(head + text, encoding="utf-8")
        return path

    return write
