"""Small faults in a module's code: each mutant differs from it in one place."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable
from dataclasses import dataclass

SWAPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip

UNSEEN_CALLS = ("_log.", "failpoint", "session.failpoint", "context.failpoint")
"""A log is for whoever looks for a fault in the program; fail points do something only in tests."""
FORMS = {"frozen", "kw_only", "slots", "gc"}
"""Flags of a class that mypy keeps, or that change memory only."""

Change = Callable[[ast.AST], str | None]
"""Changes a node in place and says how; None: there is nothing to change in this way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    line: int
    what: str
    text: str


def _compared(node: ast.AST) -> str | None:
    if not isinstance(node, ast.Compare):
        return None
    was = type(node.ops[0])
    node.ops[0] = SWAPPED[was]()
    return f"{was.__name__} -> {SWAPPED[was].__name__}"


def _joined(node: ast.AST) -> str | None:
    if not isinstance(node, ast.BoolOp):
        return None
    is_and = isinstance(node.op, ast.And)
    node.op = ast.Or() if is_and else ast.And()
    return "and -> or" if is_and else "or -> and"


def _not(node: ast.AST) -> str | None:
    if not isinstance(node, ast.If | ast.IfExp | ast.While):
        return None
    node.test = ast.UnaryOp(op=ast.Not(), operand=node.test)
    return "condition negated"


def _number(node: ast.AST) -> str | None:
    if not isinstance(node, ast.Constant) or isinstance(node.value, bool):
        return None
    if not isinstance(node.value, int | float):
        return None
    was = node.value
    node.value = was + 1
    return f"{was} -> {was + 1}"


def _truth(node: ast.AST) -> str | None:
    if not isinstance(node, ast.Constant) or type(node.value) is not bool:
        return None
    node.value = not node.value
    return f"-> {node.value}"


def _nothing(node: ast.AST) -> str | None:
    if not isinstance(node, ast.Return) or node.value is None:
        return None
    if isinstance(node.value, ast.Constant) and node.value.value in (None, False):
        return None  # None counts as False; `-> True` is tried
    node.value = ast.Constant(value=None)
    return "returns None"


def _uncalled(node: ast.AST) -> str | None:
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return None
    if ast.unparse(node.value.func).startswith(UNSEEN_CALLS):
        return None
    was = ast.unparse(node)
    node.value = ast.copy_location(ast.Constant(value=...), node.value)
    return f"removed: {was[:60]}"


def _removed(node: ast.AST) -> str | None:
    """The first raise or assignment to a part of something in a body."""
    body = getattr(node, "body", None)
    if not isinstance(body, list):
        return None
    for at, one in enumerate(body):
        if isinstance(one, ast.Raise | ast.AugAssign):
            body[at] = ast.copy_location(ast.Pass(), one)
            return f"removed: {ast.unparse(one)[:60]}"
    return None


CHANGES: tuple[Change, ...] = (
    _compared,
    _joined,
    _not,
    _number,
    _truth,
    _nothing,
    _uncalled,
    _removed,
)


@dataclass(frozen=True, slots=True)
class Place:
    """A change that is possible at a node, by its number in `ast.walk`."""

    change: Change
    number: int


def _without_effect(tree: ast.AST) -> set[ast.AST]:
    """What no test can notice: flags of a class's form, and what is there for types only."""
    forms = {
        below
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg in FORMS
        for below in ast.walk(node)
    }
    types = {
        below
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for below in ast.walk(node)
    }
    return forms | types


def places(text: str) -> list[Place]:
    tree = ast.parse(text)
    left_out = _without_effect(tree)
    nodes = [(number, node) for number, node in enumerate(ast.walk(tree)) if node not in left_out]
    return [
        Place(change, number)
        for change in CHANGES
        for number, node in nodes
        if change(copy.deepcopy(node)) is not None
    ]


def mutant_at(text: str, place: Place) -> Mutant:
    """The module with one change; comments are lost, lines are those of the original."""
    tree = ast.parse(text)
    node = list(ast.walk(tree))[place.number]
    what = place.change(node) or ""
    line = getattr(node, "lineno", 1)
    ast.fix_missing_locations(tree)
    return Mutant(line=line, what=what, text=ast.unparse(tree))
