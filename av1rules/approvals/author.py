"""Who decides: the name that stands beside a decision on a clip."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from av1rules.base.process import Limits, run
from av1rules.base.system.users import user_id

_GIT_LIMITS = Limits(timeout_s=5.0, output_bytes=4096)


def author(folder: Path) -> str:
    """The name of who sits here, for decisions kept in `folder`."""
    return os.environ.get("GIT_AUTHOR_NAME", "").strip() or _git_name(folder) or _login_name()


def _git_name(folder: Path) -> str | None:
    try:
        done = run(["git", "-C", str(folder), "config", "--get", "user.name"], limits=_GIT_LIMITS)
    except OSError:  # no git
        return None
    name = done.stdout.decode("utf-8", "replace").strip()
    return name if done.ok and name else None


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without an entry, as in containers
        return f"user {user_id()}"
