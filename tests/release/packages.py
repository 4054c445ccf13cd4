"""Checks of a built wheel and sdist, and of the locked packages. Raises ReleaseError."""

from __future__ import annotations

import hashlib
import re
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


class ReleaseError(Exception):
    """What is wrong with a release, and what to do."""


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def require_same(first: Path, second: Path) -> None:
    """Both folders hold the same files, byte by byte."""
    made = [{path.name: sha256(path) for path in folder.iterdir()} for folder in (first, second)]
    if made[0] != made[1]:
        raise ReleaseError(f"two builds of one commit differ: {made[0]} and {made[1]}")


def check_wheel(wheel: Path, tracked: list[str], version: str) -> None:
    """The wheel holds the tracked files that a program needs, and nothing else."""
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
        info = f"av1rules-{version}.dist-info"
        _check_metadata(message_from_bytes(packed.read(f"{info}/METADATA")), version)
        oldest = min(entry.date_time[0] for entry in packed.infolist())
    manuals = f"av1rules-{version}.data/data/share/man/man1/"
    wanted = {path for path in tracked if path.startswith("av1rules/")}
    wanted |= {manuals + path[9:] for path in tracked if path.startswith("docs/man/")}
    wanted |= {f"av1rules/{path}" for path in tracked if re.match(r"schema/.*\.json", path)}
    wanted |= {f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")}
    wanted.add(f"{info}/licenses/LICENSE")
    _require_names(wheel, names, wanted)
    if oldest < 2020:
        raise ReleaseError(f"{wheel.name} has files of the year {oldest}: set SOURCE_DATE_EPOCH")


def check_sdist(sdist: Path, tracked: list[str], version: str) -> None:
    """The sdist holds the whole repository, so that whoever packages it can run its tests."""
    with tarfile.open(sdist) as packed:
        names = {member.name for member in packed if member.isfile()}
        file = packed.extractfile(f"av1rules-{version}/PKG-INFO")
        assert file
        _check_metadata(message_from_bytes(file.read()), version)
    wanted = {f"av1rules-{version}/{path}" for path in (*tracked, "PKG-INFO")}
    _require_names(sdist, names, wanted)


def _require_names(package: Path, names: set[str], wanted: set[str]) -> None:
    if names != wanted:
        lacks, extra = sorted(wanted - names)[:5], sorted(names - wanted)[:5]
        raise ReleaseError(f"{package.name} lacks {lacks} and should not have {extra}")


def _check_metadata(metadata: Message, version: str) -> None:
    expected = {"Name": "av1rules", "Version": version, "License-Expression": "MIT"}
    found = {key: metadata[key] for key in expected}
    if found != expected:
        raise ReleaseError(f"the metadata say {found}, expected {expected}")


def unlocked(project: str, lock: str, extras: tuple[str, ...]) -> list[str]:
    """Requirements of `pyproject.toml` that the lock lacks or has in a version they refuse."""
    table = tomllib.loads(project)["project"]
    of_extras = (table["optional-dependencies"][extra] for extra in extras)
    lines = [*table["dependencies"], *(line for extra in of_extras for line in extra)]
    pins: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", lock, re.MULTILINE):
        pins.setdefault(canonicalize_name(name), []).append(version)
    return [
        str(one)
        for one in map(Requirement, lines)
        if one.name != "av1rules"
        and not any(map(one.specifier.contains, pins.get(canonicalize_name(one.name), ())))
    ]
