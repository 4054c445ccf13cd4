"""The lines of the code that ask for a sync, and what happens without each of them."""

from __future__ import annotations

import ast
import linecache
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

from tests.faults.harness import CHECKOUT
from tests.powerloss.disk import SQLITE
from tests.powerloss.harness import PowerLossHarness
from tests.powerloss.models import Choice

MOST_STATES = 60
"""States that are tried of one scenario before a line counts as not missed there."""

MISSED: dict[str, str] = {}
"""What happened without each line, as a row of the table in docs/reliability.md."""

_SYNC = re.compile(r"(?:os\.)?fsync(?:_file|_folder)?")


@cache
def sync_lines() -> dict[str, str]:
    """Every line of the code that calls `os.fsync`, `fsync_file` or `fsync_folder`, and how it is
    shown."""
    lines = {
        f"{path.relative_to(CHECKOUT / 'av1rules').as_posix()}:{node.lineno}"
        for path in (CHECKOUT / "av1rules").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _SYNC.fullmatch(ast.unparse(node.func))
    }
    texts, seen = dict[str, str](), Counter[str]()
    for line in sorted(lines, key=lambda line: (line.split(":")[0], int(line.split(":")[1]))):
        text = shown(line)
        seen[text] += 1
        texts[line] = text if seen[text] == 1 else f"{text} ({seen[text]})"
    return texts


def shown(line: str) -> str:
    """A line as a reader finds it: file, function, statement."""
    if line.startswith(SQLITE):
        return line
    file, _, number = line.rpartition(":")
    path = str(CHECKOUT / "av1rules" / file)
    text = linecache.getline(path, int(number)).partition("  #")[0].strip()
    return f"{file}, {_function_at(path, int(number))}: `{text}`"


@cache
def _functions(path: str) -> tuple[tuple[int, int, str], ...]:
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    return tuple(
        (node.lineno, node.end_lineno or 0, node.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    )


def _function_at(path: str, number: int) -> str:
    around = [one for one in _functions(path) if one[0] <= number <= one[1]]
    return max(around)[2] if around else "module"


def failures_without(harness: PowerLossHarness, line: str) -> Iterator[str]:
    """The states that are not clean any more once the syncs of `line` are left out."""
    seen = harness.clean_digests()
    found = harness.crashes("strict", seen, without=frozenset({line}))
    for crash in sorted(found, key=lambda crash: (_rank(crash.name), -crash.end))[:MOST_STATES]:
        outcome = harness.outcome(crash)
        if outcome != "clean":
            yield f"{outcome.partition(':')[0]} ({crash.name})"


def _rank(name: str) -> int:
    """States that keep little come first: they miss a sync soonest."""
    order = (Choice.LEAST, Choice.ZEROS, Choice.NAMES, Choice.DATA, Choice.SOME, Choice.MOST)
    return next((at for at, one in enumerate(order) if one.value in name), len(order))
