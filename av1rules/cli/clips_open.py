"""Opens a film in the player of whoever sits here."""

from __future__ import annotations

import os
import shlex
import shutil

from av1rules.base.errors import UsageError
from av1rules.base.process import run
from av1rules.base.text import printable

PLAYER_VARIABLE = "AV1RULES_PLAYER"
_PLAYERS = ("mpv", "vlc", "xdg-open", "open")


def play(path: str) -> None:
    """Play it and wait until the player ends. Raises UsageError where there is none."""
    argv = [*_player(), path]
    try:
        done = run(argv)
    except OSError as problem:
        raise UsageError(
            f"the player can't be started: {problem.strerror}", where=printable(argv[0]), hint=_HINT
        ) from problem
    if not done.ok:
        said = f": {printable(done.stderr[-1])}" if done.stderr else ""
        raise UsageError(
            f"{printable(argv[0])} could not play the clip ({done.describe_exit()}){said}",
            where=printable(path),
            hint=_HINT,
        )


_HINT = f"set {PLAYER_VARIABLE}, such as {PLAYER_VARIABLE}='mpv --fs'"


def _player() -> list[str]:
    try:
        wanted = shlex.split(os.environ.get(PLAYER_VARIABLE, ""))
    except ValueError as problem:
        raise UsageError(f"{PLAYER_VARIABLE} can't be read: {problem}", hint=_HINT) from problem
    if wanted:
        return wanted
    found = next((player for player in _PLAYERS if shutil.which(player)), None)
    if found is None:
        raise UsageError(f"no player found (tried {', '.join(_PLAYERS)})", hint=_HINT)
    return [found]
