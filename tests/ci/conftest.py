"""What tests of scripts for CI share: facts of a library, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui import library


@pytest.fixture(scope="session")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a library with films of every fate: three were encoded, under `library.RULES`."""
    shelf = tmp_path_factory.mktemp("shelf")
    library.make(shelf)
    library.call("facts", "export", "-o", "facts.jsonl.gz", folder=shelf)
    return shelf / "facts.jsonl.gz"
