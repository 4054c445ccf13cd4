"""Asks git for what a repository holds, without running what the repository says.

A repository may come from anywhere, and its configuration may name programs. So callers run only
commands that read objects: they use no pager, no filter, no text conversion and no index, and may
fetch nothing.
"""

from __future__ import annotations

from pathlib import Path

from av1rules.base.process import Completed, Limits, run

_LIMITS = Limits(timeout_s=60.0, output_bytes=32 * 1024 * 1024)

_OPTIONS = ("--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")

_ENVIRONMENT: dict[str, str | None] = {
    "LC_ALL": "C",
    "GIT_ALLOW_PROTOCOL": "",  # a partial clone would fetch what it lacks, by any program
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    # A git hook has these set for its own repository, which may be another one.
    **dict.fromkeys(
        (
            "GIT_DIR",
            "GIT_WORK_TREE",
            "GIT_INDEX_FILE",
            "GIT_OBJECT_DIRECTORY",
            "GIT_ALTERNATE_OBJECT_DIRECTORIES",
            "GIT_COMMON_DIR",
            "GIT_NAMESPACE",
            "GIT_PREFIX",
        )
    ),
}


def ask_git(folder: Path, *arguments: str) -> Completed:
    """How a git command in `folder` ended. Raises OSError if git can't be started."""
    return run(["git", "-C", str(folder), *_OPTIONS, *arguments], env=_ENVIRONMENT, limits=_LIMITS)
