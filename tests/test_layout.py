"""The layout that docs/architecture.md describes: sizes, names, and where each module is tested."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "av1rules"
TESTED_ELSEWHERE = ROOT / "tests" / "tested_elsewhere.txt"

MOST_FILES = 26
MOST_SHARE = 0.15
MOST_LINES = 400
MOST_FUNCTION_LINES = 60
REPLACED_WORDS = {
    "wish", "turnstile", "steward", "donor", "donors", "foretold", "glance", "brake", "brakes",
    "census", "outlook", "told", "lively", "patience", "heap", "dress",
}  # fmt: skip
"""Words the code once used for what the field calls otherwise (docs/architecture.md, glossary)."""


def modules() -> Iterator[Path]:
    return (path for path in sorted(PACKAGE.rglob("*.py")) if "__pycache__" not in path.parts)


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


def lines_of(path: Path) -> int:
    return path.read_text(encoding="utf-8").count("\n")


TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in modules()}


def test_no_package_is_a_drawer() -> None:
    files, lines = Counter[Path](), Counter[Path]()
    for path in modules():
        files[path.parent] += 1
        lines[path.parent] += lines_of(path)
    total = sum(lines.values())
    assert {str(folder): count for folder, count in files.items() if count > MOST_FILES} == {}
    assert {str(f): n for f, n in lines.items() if n > MOST_SHARE * total} == {}


def test_files_and_functions_are_short() -> None:
    assert {name_of(path): n for path in modules() if (n := lines_of(path)) > MOST_LINES} == {}
    long = {
        f"{name_of(path)}:{node.name}": length
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > MOST_FUNCTION_LINES
    }
    assert long == {}


def test_no_public_class_name_is_used_twice() -> None:
    names = Counter(
        node.name
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_names_are_the_fields_own() -> None:
    found = Counter[str]()
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            for name in _names(node):
                words = set(re.findall("[a-z]+", re.sub("([A-Z])", r"_\1", name).lower()))
                found.update(f"{name_of(path)}: {name}" for _ in words & REPLACED_WORDS)
    assert dict(found) == {}


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.arg):
        yield node.arg


def _defined(tree: ast.Module) -> set[str]:
    nodes = list(ast.walk(tree))
    named = (ast.ClassDef, ast.FunctionDef)
    assigned = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return assigned | {node.name for node in nodes if isinstance(node, named)}


def elsewhere() -> dict[str, str]:
    lines = TESTED_ELSEWHERE.read_text(encoding="utf-8").splitlines()
    kept = (line for line in lines if line and not line.startswith("#"))
    pairs = ((module, where) for module, _, where in (line.partition(": ") for line in kept))
    return dict(pairs)


def own_test(path: Path) -> Path:
    return ROOT / "tests" / path.relative_to(PACKAGE).parent / f"test_{path.stem}.py"


@pytest.mark.parametrize("path", [p for p in modules() if p.stem != "__init__"], ids=name_of)
def test_each_module_says_where_it_is_tested(path: Path) -> None:
    where = elsewhere().get(name_of(path))
    if own_test(path).exists():
        assert where is None, "it has a test file of its own: remove its line"
        return
    assert where is not None, f"tests/tested_elsewhere.txt has no line for {name_of(path)}"
    for one in where.split(", "):
        assert (ROOT / "tests" / one).exists(), one


def test_no_line_is_left_of_a_module_that_went() -> None:
    assert [name for name in elsewhere() if not (PACKAGE / f"{name}.py").exists()] == []


def test_the_architecture_document_names_what_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    text = text.partition("## Places for planned features")[0]
    for name in set(re.findall(r"`(?:av1rules/)?([a-z_/]+\.py)(?::(\w+))?`", text)):
        path = PACKAGE / name[0]
        assert path.exists() or (ROOT / name[0]).exists(), name[0]
        if name[1]:
            assert name[1] in _defined(TREES[path]), f"{name[0]}:{name[1]}"
