"""Commands that take more than a minute run only where they are asked for: `doit claims`."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "claims" in config.option.markexpr:
        return
    slow = [item for item in items if item.get_closest_marker("claims")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]
