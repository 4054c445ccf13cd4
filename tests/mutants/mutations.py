"""Small faults in a module's code: each mutant differs from it in one place."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
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
    if not isinstance(node, ast.Constant) or type(node.value) not in (int, float):
        return None
    was = node.value
    node.value = was + 1  # type: ignore[operator]
    return f"{was} -> {node.value}"


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


def mutants(text: str) -> Iterator[Mutant]:
    """All mutants of a module, in the order of its lines within each kind of change."""
    tree = ast.parse(text)
    count = sum(1 for _ in ast.walk(tree))
    for change in CHANGES:
        for number in range(count):
            changed = copy.deepcopy(tree)
            node = next(one for at, one in enumerate(ast.walk(changed)) if at == number)
            if _is_silent(tree, number):
                continue
            if (what := change(node)) is not None:
                line = getattr(node, "lineno", 1)
                ast.fix_missing_locations(changed)
                yield Mutant(line=line, what=what, text=ast.unparse(changed))


def _is_silent(tree: ast.Module, number: int) -> bool:
    """Whether a node is cheap to leave out: it can't be changed in any way."""
    node = next(one for at, one in enumerate(ast.walk(tree)) if at == number)
    kinds = (ast.Compare, ast.BoolOp, ast.If, ast.IfExp, ast.While, ast.Constant, ast.Return)
    return not isinstance(node, kinds) and not hasattr(node, "body")
