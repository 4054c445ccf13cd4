"""What a release says of itself: version, day, changes. Pure."""

from __future__ import annotations

import re

UNRELEASED = "## Unreleased\n"
VERSION = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?")
_STATED = re.compile(r'(?<=^__version__ = ")[^"]+(?="$)', re.MULTILINE)
_DAY = re.compile(r'(?<=^DATE = ")[^"]+(?="$)', re.MULTILINE)


def with_version(text: str, version: str) -> str:
    """`av1rules/__init__.py` of that version. Raises ValueError for what is no version."""
    if not VERSION.fullmatch(version):
        raise ValueError(f"{version!r} is no version such as 0.2.0 or 1.0.0rc1")
    return _STATED.sub(version, text)


def stated_version(text: str) -> str:
    """The version in `av1rules/__init__.py`."""
    found = _STATED.search(text)
    assert found
    return found[0]


def with_day(text: str, day: str) -> str:
    """The module of the man pages, with the day of the release."""
    return _DAY.sub(day, text)


def released(changelog: str, version: str, day: str) -> str:
    """The change log with what was unreleased under that version. Raises ValueError if nothing was,
    or if it has that version already."""
    if f"\n## {version} " in changelog:
        raise ValueError(f"CHANGELOG.md has {version} already")
    head, found, rest = changelog.partition(UNRELEASED)
    if not found or not rest.partition("\n## ")[0].strip():
        raise ValueError("CHANGELOG.md has nothing under Unreleased")
    return f"{head}{UNRELEASED}\n## {version} ({day})\n{rest}"


def changes_of(changelog: str, version: str) -> str:
    """The section of a version, for the page of its release. Raises ValueError without one."""
    found = re.search(
        rf"^## {re.escape(version)} \([^)\n]+\)\n(.*?)(?=^## |\Z)", changelog, re.M | re.S
    )
    if found is None:
        raise ValueError(f"CHANGELOG.md has no section for {version}: prepare the release first")
    return found[1].strip() + "\n"
