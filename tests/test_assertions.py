"""No test that can't fail: each asserts something, by itself or by a helper that does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
RAISING = frozenset({"pytest.raises", "pytest.warns", "pytest.fail", "golden"})
ASSERTING = ("check", "expect", "assert", "require", "run_block", "follow")
"""How names of helpers begin that assert."""
BY_HARNESS = frozenset(
    {
        "faults/test_kill.py", "state_machine/test_state_machine.py",
        "hostile/test_fuzzed_bytes.py",
    }
)  # fmt: skip
"""Their harness judges the library after each step (`check`, `invariants.py`), or any exception is
the failure (fuzzing)."""

Function = ast.FunctionDef


def functions(tree: ast.AST) -> dict[str, Function]:
    return {one.name: one for one in ast.walk(tree) if isinstance(one, Function)}


def asserts(function: Function, known: dict[str, Function], seen: frozenset[str]) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if name in RAISING or name.startswith(
            ("check", "expect", "assert", "require", "run_block", "follow")
        ):
            return True
        if name in known and name not in seen and asserts(known[name], known, seen | {name}):
            return True
    return False


def without_assertion(text: str) -> Iterator[str]:
    known = functions(ast.parse(text))
    for name, function in known.items():
        if name.startswith("test_") and not asserts(function, known, frozenset({name})):
            yield name


@pytest.mark.parametrize("path", sorted(TESTS.rglob("test_*.py")), ids=lambda path: path.name)
def test_every_test_asserts_something(path: Path) -> None:
    if path.relative_to(TESTS).as_posix() in BY_HARNESS:
        return
    assert list(without_assertion(path.read_text(encoding="utf-8"))) == []


def test_a_test_without_assertion_is_found() -> None:
    text = "def help(): assert 1\ndef test_a(): help()\ndef test_b(): print()\n"
    assert list(without_assertion(text)) == ["test_b"]
