"""Finds mkvpropedit of MKVToolNix, which writes into a finished Matroska file what FFmpeg can't."""

from __future__ import annotations

import os
import re
import shutil

from av1rules.base.errors import ToolError
from av1rules.base.process import Limits, run
from av1rules.ffmpeg.failures import NOT_STARTED_EXITS
from av1rules.ffmpeg.tools import SideProgram, ToolMemo

MKVPROPEDIT = "mkvpropedit"
AUTO, OFF = "auto", "off"

MIN_VERSION = 69
"""The first that can be told to leave BCP 47 language tags as they are."""

INSTALL_HINT = (
    "install MKVToolNix (Debian and Ubuntu: mkvtoolnix) to keep editions, links between files, "
    "language tags and nested tags of Matroska"
)

_SETTING_HINT = "correct tools.mkvpropedit in the rules file: a program, `auto` or `off`"
_VERSION = re.compile(r"mkvpropedit v(\d+)\.(\d+)")
_LIMITS = Limits(timeout_s=30.0, output_bytes=64 * 1024)


def find_mkvpropedit(setting: str, memo: ToolMemo | None = None) -> SideProgram | None:
    """The program to use: None where the setting is `off`, or `auto` finds no good one.

    Raises ToolError for a configured program that is missing, fails or is too old.
    """
    if setting == OFF:
        return None
    found = candidate(setting)
    if found is None:
        if setting == AUTO:
            return None
        raise ToolError(f"mkvpropedit not found: {setting}", hint=_SETTING_HINT)
    try:
        return checked(found, memo)
    except ToolError:
        if setting == AUTO:
            return None
        raise


def candidate(setting: str) -> str | None:
    """The absolute path of the binary that the setting leads to."""
    name = MKVPROPEDIT if setting == AUTO else os.path.expanduser(setting)
    found = shutil.which(name)
    return None if found is None else os.path.abspath(found)


def checked(path: str, memo: ToolMemo | None = None) -> SideProgram:
    """The program with its version. Raises ToolError if it does not run or is too old."""
    known = os.stat(path)
    key = f"mkvpropedit:{known.st_size}:{known.st_mtime_ns}:{path}"
    text = memo.get(key) if memo is not None else None
    if text is None:
        text = _version_text(path)
        if memo is not None:
            memo.put(key, text)
    version = _VERSION.match(text)
    if version is None:
        raise ToolError(f"{path} is no mkvpropedit: it says {text[:80]!r}", hint=_SETTING_HINT)
    if int(version[1]) < MIN_VERSION:
        message = f"mkvpropedit {MIN_VERSION} or later required, found: {text} ({path})"
        raise ToolError(message, hint="install a newer MKVToolNix, or set tools.mkvpropedit: off")
    return SideProgram(path=path, version=text.removeprefix("mkvpropedit "))


def _version_text(path: str) -> str:
    try:
        done = run([path, "--ui-language", "en_US", "--version"], limits=_LIMITS, tether=True)
    except OSError as problem:
        message = f"mkvpropedit can't be started: {problem.strerror} ({path})"
        raise ToolError(message, hint=_SETTING_HINT) from problem
    if done.returncode in NOT_STARTED_EXITS:
        raise ToolError(f"mkvpropedit can't be started ({path})", hint=_SETTING_HINT)
    return done.stdout.decode("utf-8", "replace").partition("\n")[0].strip()
