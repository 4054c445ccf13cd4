"""What is no YAML is told in plain words, at the place to mend, once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from av1rules.policy.load import check_rules
from av1rules.policy.problems import render_all, with_snippets
from av1rules.policy.yaml.document import parse_document

RULE = "rules:\n  - name: x\n"

CASES = {
    "indented more": f"{RULE}    encode:\n      crf: 20\n        preset: 3\n",
    "action indented more": f"{RULE}      encode: {{}}\n",
    "action indented less": f"{RULE}   encode: {{}}\n",
    "setting indented less": f"{RULE}    encode:\n      crf: 20\n     preset: 3\n",
    "key in the column of the dash": f"{RULE}  encode: {{}}\n",
    "list among keys": "version: 1\n- rules\n",
    "dash without a space": "rules:\n  -name: a\n",
    "dash without a space, more below": "rules:\n  -name: a\n   encode: {}\n",
    "second dash without a space": f"{RULE}    encode: {{}}\n  -name: b\n    encode: {{}}\n",
    "brace not closed": f"{RULE}    encode: {{crf: 20\n  - name: y\n    skip: true\n",
    "brace not closed, another one is": f"{RULE}    encode: {{crf: 20\n    when: {{height: 3}}\n",
    "bracket closed by a brace": "tiers: {remux: {markers: [a, b}}\nrules: []\n",
    "bracket not closed at the end": "rules: [\n",
    "comma missing": f"{RULE}    encode: {{crf: 20 preset: 3}}\n",
    "quote not closed": f'{RULE}    skip: "old\n  - name: y\n',
    "single quote not closed": f"{RULE}    skip: 'old\n  - name: y\n",
    "text after a quote": f'{RULE}    skip: "a" b\n',
    "backslash in double quotes": f'{RULE}    when: {{path: "C:\\movies\\**"}}\n',
    "colon without a space": f"{RULE}    encode:\n      crf:20\n      preset: 3\n",
    "last colon without a space": f"{RULE}    encode:\n      preset: 3\n      crf:20\n",
    "no colon": f"{RULE}    encode\n",
    "two colons": f"{RULE}    skip: because: it is old\n",
    "greater than": f"{RULE}    when:\n      height: >1080\n    skip: true\n",
    "at least": f"{RULE}    when:\n      height: >=1080\n    skip: true\n",
    "comma in a number": f"{RULE}    encode: {{crf: 20,5, preset: 3}}\n",
    "at sign": f"{RULE}    skip: @me\n",
    "tab": "rules:\n\t- name: x\n",
    "glob without quotes": f"{RULE}    when: {{path: **/*.mkv}}\n",
    "lone star": f"{RULE}    when: {{path: *}}\n",
}


def test_text_of_each_fault(golden: Callable[[str, str], None]) -> None:
    shown = []
    for name, text in CASES.items():
        document = parse_document(text.encode(), file="rules.yaml")
        problems = with_snippets(document.problems, document.lines)
        shown.append(f"# {name}\n{render_all(problems)}\n")
    golden("syntax.txt", "\n".join(shown))


@pytest.mark.parametrize("name", CASES)
def test_each_fault_is_told_once(name: str) -> None:
    document = parse_document(CASES[name].encode(), file="rules.yaml")
    assert len(document.problems) == 1
    assert document.problems[0].hint


def test_a_key_that_stands_twice_hides_no_other_fault(
    write_rules: Callable[[str], Path],
) -> None:
    text = (
        "output: {mode: mirror}\nrules:\n  - name: x\n    name: y\n"
        "    encode: {crf: 20, crf: 21, keyint: 10m}\n    when: {bitrate: 3Mbit}\nrules: []\n"
    )
    _, problems = check_rules(write_rules(text))
    assert [problem.path for problem in problems] == [
        "output.mode",
        "rules[0].name",
        "rules[0].encode.crf",
        "rules[0].encode.keyint",
        "rules[0].when.bitrate",
        "rules",
    ]
