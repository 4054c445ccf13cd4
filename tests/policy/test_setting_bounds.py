"""Single settings are held to the same bounds as those of a rules file."""

from __future__ import annotations

import pytest

from av1rules.policy.canonical import ADJUSTABLE
from av1rules.policy.reader import Cursor
from av1rules.policy.schema import schema_problems
from av1rules.policy.setting_bounds import check_settings
from av1rules.policy.yaml.document import parse_document

VALUES = (
    "0", "1", "-1", "0.1", "10", "13", "14", "50", "51", "70", "71", "18.25", "true", "auto", "vq",
    "bwdif", "mkv", "source", "240", "10s", "~", "[]", "{}", "{scm: 1}", "{scm: 9}", "{nil: 1}",
    "text", '""', '"1"',
)  # fmt: skip


@pytest.mark.parametrize("name", ADJUSTABLE)
@pytest.mark.parametrize("value", VALUES)
def test_agrees_with_the_schema(name: str, value: str) -> None:
    rules = f"version: 1\nlibrary: {{roots: [/a]}}\nrules: []\ndefaults: {{{name}: {value}}}\n"
    document = parse_document(rules.encode(), file="rules.yaml")
    assert document.root is not None
    cursor = Cursor(document.root, (), "rules.yaml", [])
    defaults = cursor.get("defaults")
    assert defaults is not None
    check_settings(defaults, ADJUSTABLE)
    by_schema = [one for one in schema_problems(document) if one.path.startswith("defaults")]
    assert bool(cursor.problems) == bool(by_schema), (cursor.problems, by_schema)
