"""pytest in forks of a process that has imported what a mutant cannot reach: fast."""

from __future__ import annotations

import ast
import ctypes
import gc
import importlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import core

FAST = ("-q", "-x", "-p", "no:cacheprovider", "-m", "not real and not faults")
STARTS_SOMETHING = {"av1rules.__main__", "av1rules.graph.dodo"}
"""Modules that do their work when they are imported."""


def _imported_by(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{one.name}" for one in node.names)


def dotted(module: str) -> str:
    return f"av1rules.{module.replace('/', '.')}"


def _parents(name: str) -> Iterator[str]:
    """The packages that are imported on the way to a module."""
    parts = name.split(".")
    return (".".join(parts[:end]) for end in range(1, len(parts)))


def independent_of(tree: Path, module: str) -> list[str]:
    """The modules of the product that do not import this one, not even through others."""
    imports: dict[str, set[str]] = {}
    for path in sorted((tree / "av1rules").rglob("*.py")):
        name = dotted(str(path.relative_to(tree / "av1rules").with_suffix("")))
        used = set(_imported_by(path))
        imports[name.removesuffix(".__init__")] = used.union(
            _parents(name), *(_parents(one) for one in used)
        )
    reached = {dotted(module)}
    while more := {name for name, used in imports.items() if used & reached} - reached:
        reached |= more
    return sorted(imports.keys() - reached - STARTS_SOMETHING)


def import_before_forks(tree: Path, module: str) -> None:
    for name in independent_of(tree, module):
        with suppress(ImportError):
            importlib.import_module(name)
    assert dotted(module) not in sys.modules, "or its mutants would never be loaded"
    gc.freeze()


_PR_SET_PDEATHSIG = 1
"""Linux: a mutant may be an endless loop, and whoever would end it may be ended first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    is_killed: bool
    seconds: float


def _run_pytest(tree: Path, tests: list[str]) -> int:
    os.setsid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    core.global_force_seed = 0  # type: ignore[assignment]
    return int(pytest.main([*FAST, f"--basetemp={tree.parent / 'pytest'}", *tests]))


def run_tests(tree: Path, tests: list[str], *, timeout_s: float) -> Outcome:
    """The tests in a fork, which is killed with its children when its time is up."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = _run_pytest(tree, tests)
        finally:
            os._exit(code)
    status: int | None = None
    while status is None and time.monotonic() - began < timeout_s:
        ended, how = os.waitpid(child, os.WNOHANG)
        if ended:
            status = how
        else:
            time.sleep(0.02)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if status is None:
        os.waitpid(child, 0)
    return Outcome(is_killed=status != 0, seconds=time.monotonic() - began)
