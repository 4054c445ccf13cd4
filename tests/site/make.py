"""Builds the documentation as a site (`doit site`): the pages in their places, mkdocs, and mermaid.

python -m tests.site.make
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFIG = "docs/site"
PAGES = "build/pages"
SITE = "build/site"
"""Folders below the one in which the site is built, as `docs/site/mkdocs.yml` has them."""

PARTS = (
    "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "rules.example.yaml", "docs",
    "schema",
)  # fmt: skip
"""What pages are and link to, by its place in the repository: links stay as they are written."""

_UNSHOWN = shutil.ignore_patterns("man", "site")
"""What stands below these is no page, and no page links to it."""

MERMAID = "11.12.0"
MERMAID_SHA256 = "07e37dfa97b337ccc85365d57eddf99b9706f09db3b59b260d0333b23b343c4b"
"""Of its dist/mermaid.min.js. The theme would load it from a server of others (D-494)."""


class SiteError(Exception):
    """The site can't be built."""


def gather(folder: Path) -> None:
    """Copies the pages and what they link to."""
    goal = folder / PAGES
    shutil.rmtree(goal, ignore_errors=True)
    goal.mkdir(parents=True)
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, goal / name, ignore=_UNSHOWN)
        else:
            shutil.copy(ROOT / name, goal / name)


def build(folder: Path) -> None:
    """Makes the site of these pages. Raises SiteError, for a warning too: a link that leads
    nowhere. (`--quiet` would make mkdocs count no warnings.)"""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-f", folder / CONFIG / "mkdocs.yml"],
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SiteError(f"mkdocs found faults\n{done.stdout}")


def mermaid() -> bytes:
    """The script that draws the pictures, from npm once, then from build/. Raises SiteError."""
    kept = ROOT / "build" / f"mermaid-{MERMAID}.min.js"
    script = kept.read_bytes() if kept.exists() else _packed_mermaid()
    if hashlib.sha256(script).hexdigest() != MERMAID_SHA256:
        raise SiteError(f"mermaid {MERMAID} is not what it was: remove {kept}")
    kept.parent.mkdir(exist_ok=True)
    kept.write_bytes(script)
    return script


def _packed_mermaid() -> bytes:
    npm = shutil.which("npm")
    if npm is None:
        raise SiteError("the pictures need npm, once: it gets mermaid")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [npm, "pack", "--silent", f"mermaid@{MERMAID}"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SiteError(f"npm could not get mermaid\n{done.stdout}")
        with tarfile.open(Path(folder) / done.stdout.split()[-1]) as archive:
            member = archive.extractfile("package/dist/mermaid.min.js")
            assert member is not None
            return member.read()


def main() -> None:
    gather(ROOT)
    build(ROOT)
    (ROOT / SITE / "assets" / "mermaid.min.js").write_bytes(mermaid())
    print(f"the site is in {SITE}")


if __name__ == "__main__":
    try:
        main()
    except SiteError as problem:
        raise SystemExit(str(problem)) from None
