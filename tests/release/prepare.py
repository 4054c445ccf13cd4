"""Gives the checkout its version: `python -m tests.release.prepare 0.2.0`. Commits nothing."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.release.texts import released, with_day, with_version

ROOT = Path(__file__).parents[2]


def prepare(root: Path, version: str, day: str) -> None:
    """Version, day of the man pages and change log. Raises ValueError, and writes nothing then."""
    texts = {
        name: (root / name).read_text(encoding="utf-8")
        for name in ("av1rules/__init__.py", "tests/man/pages.py", "CHANGELOG.md")
    }
    package, pages, changelog = texts.values()
    new = (with_version(package, version), with_day(pages, day), released(changelog, version, day))
    for name, text in zip(texts, new, strict=True):
        (root / name).write_text(text, encoding="utf-8")


def main(words: list[str]) -> None:
    if len(words) != 1:
        sys.exit("usage: python -m tests.release.prepare VERSION")
    try:
        prepare(ROOT, words[0], datetime.now(UTC).date().isoformat())
    except ValueError as problem:
        sys.exit(str(problem))
    print(
        f"Next: `doit docs`, read the diff, `git commit -am 'Release {words[0]}'`, "
        f"`git tag -a v{words[0]}`, `doit release`"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
