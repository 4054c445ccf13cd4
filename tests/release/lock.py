"""Writes the locked packages from pyproject.toml by uv, or checks that they fit: `doit lock`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.release.packages import ReleaseError, unlocked

ROOT = Path(__file__).parents[2]

EXTRAS = {"dev": ("ffmpeg", "dev"), "release": ("release",)}
"""The extras in each file of .ci/requirements/."""


def lock(name: str, *, upgrade: bool) -> None:
    """One file for all systems and all supported Pythons, with the SHA-256 of each package. Keeps
    the versions that it has, where they still fit, unless `upgrade`."""
    extras = [word for extra in EXTRAS[name] for word in ("--extra", extra)]
    argv = [
        str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--no-config",
        "--universal", "--python-version", "3.11", "--generate-hashes",
        "--custom-compile-command", "doit lock", *extras, *(["--upgrade"] if upgrade else []),
        "-o", f".ci/requirements/{name}.txt", "pyproject.toml", ".ci/requirements/build.in",
    ]  # fmt: skip
    subprocess.run(argv, cwd=ROOT, check=True)


def require_lock() -> None:
    """Raises ReleaseError if a requirement of pyproject.toml is not in its lock."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for name, extras in EXTRAS.items():
        text = (ROOT / ".ci" / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        if missing := unlocked(project, text, extras):
            raise ReleaseError(f".ci/requirements/{name}.txt lacks {missing}: run `doit lock`")


def main(words: list[str]) -> None:
    if "--check" in words:
        try:
            require_lock()
        except ReleaseError as problem:
            sys.exit(str(problem))
        return
    for name in EXTRAS:
        lock(name, upgrade="--upgrade" in words)


if __name__ == "__main__":
    main(sys.argv[1:])
