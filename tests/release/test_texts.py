"""Version, day and change log of a release."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.release.prepare import prepare
from tests.release.texts import changes_of, released, stated_version, with_version

LOG = (
    "# Changes\n\nWords.\n\n## Unreleased\n\n- New.\n- Newer.\n\n"
    "## 0.1.0 (2026-11-01)\n\n- First.\n"
)


def test_a_release_takes_over_what_was_unreleased() -> None:
    log = released(LOG, "0.2.0", "2026-12-01")
    assert log == LOG.replace("## Unreleased\n", "## Unreleased\n\n## 0.2.0 (2026-12-01)\n")
    assert changes_of(log, "0.2.0") == "- New.\n- Newer.\n"
    assert changes_of(log, "0.1.0") == "- First.\n"


@pytest.mark.parametrize(
    ("log", "version", "why"),
    [
        (LOG, "0.1.0", "has 0.1.0 already"),
        ("# Changes\n\n## Unreleased\n\n## 0.1.0 (2026-11-01)\n", "0.2.0", "nothing under"),
        ("# Changes\n", "0.2.0", "nothing under"),
    ],
)
def test_no_release_without_changes_or_twice(log: str, version: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        released(log, version, "2026-12-01")


def test_an_unprepared_version_has_no_notes() -> None:
    with pytest.raises(ValueError, match="prepare the release first"):
        changes_of(LOG, "0.2.0")


@pytest.mark.parametrize("version", ["0.2", "v0.2.0", "", "0.2.0.dev1", "0.2.0-rc1"])
def test_only_versions_are_taken(version: str) -> None:
    with pytest.raises(ValueError, match="no version"):
        with_version('__version__ = "0.1.0"\n', version)


def test_this_checkout_can_be_prepared(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    names = ("av1rules/__init__.py", "tests/man/pages.py", "CHANGELOG.md")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((root / name).read_bytes())
    prepare(tmp_path, "99.1.0rc1", "2099-12-01")
    package, pages, log = ((tmp_path / name).read_text(encoding="utf-8") for name in names)
    assert stated_version(package) == "99.1.0rc1"
    assert '\nDATE = "2099-12-01"\n' in pages
    assert changes_of(log, "99.1.0rc1").startswith("- ")
