"""The published descriptions of APIs, where they are beside the checkout."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def shared_apis() -> dict[str, Any]:
    beside = Path(__file__).parents[2].parent / "shared" / "apis"
    folder = Path(os.environ.get("AV1RULES_APIS", beside))
    if not folder.is_dir():
        pytest.skip("no descriptions of APIs beside the checkout")
    return {
        app: json.loads((folder / f"{app}-v3-openapi.json").read_text())
        for app in ("sonarr", "radarr")
    }
