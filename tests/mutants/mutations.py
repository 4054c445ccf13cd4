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
    if isinstance(node.value, ast.Constant) and node.value.value is None:
        return None
    node.value = ast.Constant(value=None)
    return "returns None"


def _removed(node: ast.AST) -> str | None:
    """The first call, raise or assignment to a part of something in a body."""
    body = getattr(node, "body", None)
    if not isinstance(body, list):
        return None
    for at, one in enumerate(body):
        is_call = isinstance(one, ast.Expr) and isinstance(one.value, ast.Call)
        if is_call or isinstance(one, ast.Raise | ast.AugAssign):
            body[at] = ast.copy_location(ast.Pass(), one)
            return f"removed: {ast.unparse(one)[:60]}"
    return None


CHANGES: tuple[Change, ...] = (_compared, _joined, _not, _number, _truth, _nothing, _removed)


@dataclass(frozen=True, slots=True)
class Place:
    """A change that is possible at a node, by its number in `ast.walk`."""

    change: Change
    number: int


def places(text: str) -> list[Place]:
    nodes = list(ast.walk(ast.parse(text)))
    return [
        Place(change, number)
        for change in CHANGES
        for number, node in enumerate(nodes)
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
