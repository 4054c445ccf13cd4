"""Reads the recipe of the container: instructions, stages, and what is wrong with them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "docs" / "container" / "Containerfile"
ENTRYPOINT = ROOT / "docs" / "container" / "entrypoint.sh"

KNOWN = {
    "FROM", "RUN", "COPY", "ENV", "WORKDIR", "LABEL", "VOLUME", "STOPSIGNAL", "HEALTHCHECK",
    "ENTRYPOINT", "CMD",
}  # fmt: skip


class Instruction(msgspec.Struct, frozen=True):
    name: str
    value: str

    @property
    def words(self) -> list[str]:
        """Those of a list in JSON, or of a shell."""
        if self.value.startswith("["):
            found: list[str] = json.loads(self.value)
            return found
        return shlex.split(self.value)


class Stage(msgspec.Struct, frozen=True):
    base: str
    name: str | None
    instructions: tuple[Instruction, ...]

    def each(self, name: str) -> list[Instruction]:
        return [one for one in self.instructions if one.name == name]


def instructions(text: str) -> Iterator[Instruction]:
    """Comments left out, continued lines joined."""
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    whole = "\n".join(lines).replace("\\\n", " ")
    for line in whole.split("\n"):
        name, _, value = line.partition(" ")
        yield Instruction(name, re.sub(r"\s+", " ", value).strip())


def stages(text: str) -> list[Stage]:
    found: list[Stage] = []
    for one in instructions(text):
        if one.name == "FROM":
            words = one.words
            found.append(Stage(words[0], words[2] if len(words) > 2 else None, ()))
        else:
            last = found.pop()
            found.append(msgspec.structs.replace(last, instructions=(*last.instructions, one)))
    return found


def faults(text: str) -> list[str]:
    """What a careful reader would object to."""
    found = [f"unknown: {one.name}" for one in instructions(text) if one.name not in KNOWN]
    every = stages(text)
    for stage in every:
        if ":" not in stage.base or stage.base.endswith(":latest"):
            found.append(f"the base {stage.base} can be another one tomorrow")
        for run in stage.each("RUN"):
            found += _faults_of_run(run.value)
        for copy in stage.each("COPY"):
            found += _faults_of_copy(copy)
    last = every[-1]
    for name in ("ENTRYPOINT", "CMD", "HEALTHCHECK", "STOPSIGNAL"):
        if len(last.each(name)) != 1:
            found.append(f"expected one {name}")
    for name in ("ENTRYPOINT", "CMD"):
        found += [f"{name} starts a shell" for one in last.each(name) if one.value[:1] != "["]
    return found


def _faults_of_run(command: str) -> Iterator[str]:
    if "apt-get install" in command:
        for needed in ("apt-get update", "--no-install-recommends", "rm -rf /var/lib/apt/lists/*"):
            if needed not in command:
                yield f"no {needed} in: {command}"
    if "pip install" in command and "--no-cache-dir" not in command:
        yield f"pip keeps a cache: {command}"
    if re.search(r"\b(sudo|curl|wget|chmod 777)\b|;", command):
        yield f"not here: {command}"


def _faults_of_copy(copy: Instruction) -> Iterator[str]:
    words = [word for word in copy.words if not word.startswith("--")]
    if "--from=" in copy.value:
        return
    for source in words[:-1]:
        if not (ROOT / source).exists():
            yield f"there is no {source}"
        if source == ".":
            yield "it copies all there is, secrets too"
