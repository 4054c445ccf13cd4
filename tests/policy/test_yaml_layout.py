"""One layout for rules files: what changes, and that no value, comment or order does."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from av1rules.approvals.model import Answer, ClipDecision
from av1rules.approvals.write import render_all
from av1rules.policy.yaml.document import parse_document
from av1rules.policy.yaml.layout import laid_out

ROOT = Path(__file__).parents[2]
BAD = Path(__file__).parent / "bad"

UNTIDY = """\
# the library
version: 1
library:   {roots: [ "movies" ,  'tv'],min_size:   100MiB}    # of films


output:
    mode: mirror    # here
    root:   'out'
rules:
- name:  a
  when:   {path: "**/*#1.mkv",   height: {min: 720}}
  # in between
  encode: {crf: 20,
     preset: 3}


- name: b   # "quoted" # twice
  skip: "yes it is: # here"   # really
- {name: c, when: {hdr: [hdr10, hlg]}, skip: true}
# the end
"""

TIDY = """\
# the library
version: 1
library: {roots: ["movies", 'tv'], min_size: 100MiB}  # of films

output:
  mode: mirror  # here
  root: 'out'
rules:
  - name: a
    when: {path: "**/*#1.mkv", height: {min: 720}}
    # in between
    encode: {crf: 20, preset: 3}

  - name: b  # "quoted" # twice
    skip: "yes it is: # here"  # really
  - {name: c, when: {hdr: [hdr10, hlg]}, skip: true}
# the end
"""


def test_indents_spaces_and_blank_lines() -> None:
    assert laid_out(UNTIDY) == TIDY
    assert laid_out(TIDY) == TIDY


@pytest.mark.parametrize(
    "text",
    [
        "a: 1        # one\nbcd: 2      # two\n",
        "a: |\n  two  spaces  \n\n\n  and # no comment\nb: >-\n  folded\n  text\n",
        "base: &base {a: 1}\nother: *base\n",
        "a: \"x # y\"\nb: 'it''s # z'\n",
        "a: 0x10\nb: 1e3\nc: ~\nd: yes\ne: 010\n",
        "# only a comment above\na: 1\n",
    ],
)
def test_what_stays(text: str) -> None:
    assert laid_out(text) == text


def test_the_example_is_in_this_layout() -> None:
    text = (ROOT / "rules.example.yaml").read_text(encoding="utf-8")
    assert laid_out(text) == text


@pytest.mark.parametrize("text", ["a: [1\n", "a: 1\na: 2\n", "a: 1\n---\nb: 2\n", "a: !x 1\n"])
def test_a_file_with_mistakes_has_no_layout(text: str) -> None:
    assert laid_out(text) is None


@pytest.mark.parametrize("path", sorted(BAD.glob("*.yaml")), ids=lambda path: path.name)
def test_no_value_changes(path: Path) -> None:
    """Whatever is wrong with its rules: as YAML it says the same as before."""
    document = parse_document(path.read_bytes(), file="")
    text = laid_out(document.text)
    if text is not None and document.root is not None:
        assert parse_document(text.encode(), file="").plain() == document.plain()
        assert laid_out(text) == text


WORDS = st.text(st.sampled_from("ab 1.#:'\"-{}[],&*!|>%@`\\é\n\t~"), max_size=8)
VALUES = st.recursive(
    st.one_of(st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False), WORDS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from("xyz"), VALUES, min_size=1), st.booleans())
def test_values_of_any_kind_stay(values: dict[str, object], flow: bool) -> None:
    yaml, out = YAML(typ="safe", pure=True), io.StringIO()
    yaml.default_flow_style = flow
    yaml.dump(values, out)
    before = parse_document(out.getvalue().encode(), file="")
    if before.problems:
        return
    text = laid_out(out.getvalue())
    assert text is not None
    after = parse_document(text.encode(), file="")
    assert after.plain() == before.plain()
    assert laid_out(text) == text


@pytest.mark.parametrize(
    "written", [r'"a\u202eb"', r'"a\x1bb"', r'"tab\x09here"', r'"\U000e0001 \"q\""', '"\\\n    a"']
)
def test_a_text_keeps_its_escapes(written: str) -> None:
    """Else a name in approvals.yaml could mislead a reviewer: the escapes are there for that."""
    text = f"decisions:\n  - source: {written}\n    shown: {{crf: {written}}}\n"
    assert laid_out(text) == text
    assert laid_out(text.replace("source: ", "source:   ")) == text


def test_what_approvals_are_written_as_is_the_layout() -> None:
    """So `fmt` and a decision never undo each other."""
    decision = ClipDecision(
        source="movies/\x1b\u202e: #1 'A' \"b\".mkv",
        answer=Answer.ADJUSTED,
        changes=(("crf", 18.0), ("film_grain_denoise", True)),
        reason="- yes: it's 1e3",
        by="me",
        at=datetime(2026, 1, 1, tzinfo=UTC),
        rule="0x1",
        shown=(("crf", "18"), ("params", "{a: 1}"), ("tune", "off")),
        settings="0" * 32,
        content=f"12-{'a' * 32}",
    )
    text = render_all([decision, decision])
    assert laid_out(text) == text
