"""Whether output has colours: the option, then the conventions of the environment. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class ColorChoice(StrEnum):
    """The values of --color."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def wants_color(choice: ColorChoice, environ: Mapping[str, str]) -> bool | None:
    """Whether output has colours; None: if it goes to a terminal.

    NO_COLOR (no-color.org) goes before FORCE_COLOR and CLICOLOR_FORCE, these before CLICOLOR=0 and
    TERM=dumb. An empty variable, and 0 for one that forces, is as good as none.
    """
    if choice is not ColorChoice.AUTO:
        return choice is ColorChoice.ALWAYS
    if environ.get("NO_COLOR"):
        return False
    if any(environ.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    if environ.get("CLICOLOR") == "0" or environ.get("TERM") == "dumb":
        return False
    return None
