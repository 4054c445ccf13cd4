"""Does another ffprobe tell as much? Lists each fact of each film that it tells otherwise.

python -m tests.media.probe.compare OTHER_FFPROBE FOLDER...
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from av1rules.base.errors import Av1rulesError
from av1rules.encode.encoders.registry import SELF_TESTS
from av1rules.ffmpeg.locate import find_tools
from av1rules.ffmpeg.tools import Tools
from av1rules.media.probe.ffprobe import probe_file
from tests.conftest import library_file

TIMEOUT_S = 120.0


def facts(film: Path, tools: Tools) -> Any:
    try:
        probed = probe_file(library_file(film), tools, timeout_s=TIMEOUT_S)
    except Av1rulesError as problem:
        return {"refused": problem.message}
    return json.loads(msgspec.json.encode(probed, enc_hook=repr))


def differences(ours: Any, others: Any, at: str = "") -> Iterator[str]:
    """Each place where two trees of facts differ."""
    if isinstance(ours, dict) and isinstance(others, dict):
        for key in sorted({*ours, *others}):
            yield from differences(ours.get(key), others.get(key), f"{at}.{key}")
    elif isinstance(ours, list) and isinstance(others, list) and len(ours) == len(others):
        for number, pair in enumerate(zip(ours, others, strict=True)):
            yield from differences(*pair, f"{at}[{number}]")
    elif ours != others:
        yield f"{at.removeprefix('.')}: {ours} becomes {others}"


def main(words: list[str]) -> None:
    if len(words) < 2:
        sys.exit(str(__doc__))
    ours = find_tools(ffmpeg=None, ffprobe=None, min_version=(8, 0), self_tests=SELF_TESTS)
    others = msgspec.structs.replace(ours, ffprobe=words[0])
    films = sorted(film for folder in words[1:] for film in Path(folder).iterdir())
    count = 0
    for film in films:
        found = list(differences(facts(film, ours), facts(film, others)))
        count += bool(found)
        print("".join(f"{film.name}: {one}\n" for one in found), end="")
    print(f"{count} of {len(films)} differ")


if __name__ == "__main__":
    main(sys.argv[1:])
