"""Short ways to rules files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def write_rules(tmp_path: Path) -> Callable[[str], Path]:
    """Write a rules file; texts without `version` get the smallest valid head."""

    def write(text: str) -> Path:
        head = "" if "version:" in text else "version: 1\nlibrary: {roots: [/media/movies]}\n"
        path = tmp_path / "rules.yaml"
        path.write_text(head + text, encoding="utf-8")
        return path

    return write
