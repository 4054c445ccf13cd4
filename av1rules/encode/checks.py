"""One thing that was looked at in a finished file, and what was found. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`detail` says what was found, also when it passed."""

    name: str
    passed: bool
    detail: str
