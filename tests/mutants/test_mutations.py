"""Each kind of change is found, once at each place, and nothing else of the code changes."""

from __future__ import annotations

import ast

import pytest

from tests.mutants.mutations import mutant_at, places

CLASS_WITH_ANOTHER_TAG = "class A(B, frozen=True, tag=False):\n    c: int"


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("a < b", {"a <= b"}),
        ("a is None", {"a is not None"}),
        ("a and b", {"a or b"}),
        ("x = 3", {"x = 4"}),
        ("x = True", {"x = False"}),
        ("x = 'text'", set()),
        ("if a:\n    b = c", {"if not a:\n    b = c"}),
        ("def f():\n    return a", {"def f():\n    return None"}),
        ("def f():\n    return None", set()),
        ("def f():\n    return False", {"def f():\n    return True"}),
        (
            "def f():\n    g()\n    raise a",
            {"def f():\n    ...\n    raise a", "def f():\n    g()\n    pass"},
        ),
        ("def f():\n    _log.info('a')\n    failpoint('b')\n    session.failpoint('c')", set()),
        ("class A(B, frozen=True, tag=True):\n    c: int", {CLASS_WITH_ANOTHER_TAG}),
        ("if TYPE_CHECKING:\n    from a import b", set()),
    ],
)
def test_changes(text: str, changed: set[str]) -> None:
    found = [mutant_at(text, place).text for place in places(text)]
    assert sorted(found) == sorted(changed)
    assert all(ast.dump(ast.parse(one)) != ast.dump(ast.parse(text)) for one in found)
