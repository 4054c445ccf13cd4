"""The extra options that a preset gives to SVT-AV1: `film-grain=8:enable-qm=1`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from av1rules.operations.migrate.others.handbrake_keys import is_svt
from av1rules.operations.migrate.others.imported import UNKNOWN, KeyFinding, carried, refused
from av1rules.operations.migrate.outcome import KeyFate
from av1rules.policy.schema import load_schema

_TUNES = {"0": "vq", "1": "psnr", "2": "ssim"}
_MOST_OPTIONS = 100


def option_findings(text: str, preset: Mapping[str, Any]) -> Iterator[tuple[str, str, KeyFinding]]:
    """Name and value of each option, and what becomes of it."""
    if not is_svt(preset):
        return
    for part in text.split(":")[:_MOST_OPTIONS]:
        name, _, value = part.strip().partition("=")
        if name:
            yield name, value.strip(), _finding(name, value.strip())


def _finding(name: str, value: str) -> KeyFinding:
    if name == "film-grain":
        if (grain := _whole(value, 0, 50)) is not None:
            return carried("film_grain", "the same strength", film_grain=str(grain))
        return refused("expected 0 to 50")
    if name == "film-grain-denoise":
        if value in ("0", "1"):
            flag = "true" if value == "1" else "false"
            return carried("film_grain_denoise", "the same", film_grain_denoise=flag)
        return refused("expected 0 or 1")
    if name == "tune":
        if value in _TUNES:
            return carried("tune", "the same, by its name", tune=_TUNES[value])
        return refused("no such tune here")
    if name == "keyint":
        if (frames := _whole(value, 1, 10**6)) is not None:
            return carried("keyint", "in frames", keyint=str(frames))
        return refused("the encoder's own choice")
    return _param(name, value)


def _param(name: str, value: str) -> KeyFinding:
    """A parameter by the bounds of the schema, or why it can't be one."""
    settings = load_schema()["$defs"]["settings"]["properties"]
    known = settings["params"]["properties"].get(name)
    if known is None:
        return UNKNOWN if re.fullmatch(r"[a-z0-9-]{1,40}", name) else refused("no option")
    if not re.fullmatch(r"-?\d{1,9}(?:\.\d{1,9})?", value):
        return refused("expected a number")
    number = float(value)
    is_whole = number.is_integer()
    allowed = known.get("enum")
    lowest, highest = known.get("minimum", number), known.get("maximum", number)
    is_good = number in allowed if allowed else lowest <= number <= highest
    if not is_good or (known.get("type") == "integer" and not is_whole):
        return refused("out of the range that is known to work")
    shown = f"{number:g}"
    return KeyFinding(
        fate=KeyFate.CARRIED,
        ours=f"params.{name}",
        why="the same parameter",
        settings=((f"params.{name}", shown),),
    )


def _whole(text: str, lowest: int, highest: int) -> int | None:
    if not re.fullmatch(r"\d{1,7}", text):
        return None
    return int(text) if lowest <= int(text) <= highest else None
