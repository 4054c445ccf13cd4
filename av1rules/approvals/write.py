"""Renders approvals.yaml: one decision as a few lines, and a changed file with a small diff. Pure.

Decisions that stay keep their lines and the comments above them. The order of the keys matters to
git: the first and the last line differ for any two sources, and at most three lines in a row
between them may be equal. Otherwise git would merge the halves of two decisions from two branches
into one, where it should keep both.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime

import msgspec

from av1rules.approvals.model import (
    MAX_NAME_CHARS,
    MAX_REASON_CHARS,
    MAX_SOURCE_CHARS,
    Answer,
    ClipDecision,
    SettingTexts,
)
from av1rules.base.text import printable
from av1rules.policy.model import Place

HEADER = """\
# Decisions on test clips. Keep this file in git, beside the rules: av1rules clips approve, adjust
# and reject write it; you can add comments.
version: 1
decisions:
"""

INDENT = "  "

_PLAIN = re.compile(r"[^\W_](?:[\w ,.()/&+'!=@~^%\[\]{}-]*[\w.()!'\]}])?")
_PLAIN_IN_FLOW = re.compile(r"[^\W_][\w./+-]*")
_NOT_TEXT = re.compile(
    r"true|false|null|yes|no|on|off|y|n|[-+.]?(?:inf|nan)|\d{4}-\d\d?-\d\d?.*", re.IGNORECASE
)
"""Plain words, besides numbers, that some YAML parser does not read as text."""

_ESCAPE = re.compile(r'\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(["\\]))')

_TEXT = r'"(?:[^"\\]|\\.)*"|[^\s"](?:.*\S)?'
_CANONICAL = re.compile(
    rf"""- source: (?P<source>{_TEXT})
  decision: (?P<answer>approved|rejected)
(?:  reason: (?P<reason>{_TEXT})
)?  by: (?P<by>{_TEXT})
  at: (?P<at>\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ)
  rule: (?P<rule>{_TEXT})
  shown: {{(?P<shown>[^"]*)}}
  settings: (?P<settings>"?[0-9a-f]{{32}}"?)
  content: (?P<content>\d{{1,19}}-[0-9a-f]{{32}})"""
)
"""A decision without changes as `render` writes it, which needs no YAML parser."""

_TIME = "%Y-%m-%dT%H:%M:%SZ"


def render(decision: ClipDecision, indent: str = INDENT) -> str:
    """The lines of one decision, without a line end after the last."""
    rows = [("source", _scalar(decision.source)), ("decision", decision.answer.value)]
    if decision.changes:
        rows.append(("set", _flow([(name, yaml_word(value)) for name, value in decision.changes])))
    if decision.reason:
        rows.append(("reason", _scalar(decision.reason)))
    rows += [
        ("by", _scalar(decision.by)),
        ("at", decision.at.strftime(_TIME)),
        ("rule", _scalar(decision.rule)),
        ("shown", _flow([(name, _in_flow(text)) for name, text in decision.shown])),
        ("settings", _scalar(decision.settings)),
        ("content", _scalar(decision.content)),
    ]
    marks = (f"{indent}- ", *[f"{indent}  "] * (len(rows) - 1))
    return "\n".join(
        f"{mark}{key}: {value}" for mark, (key, value) in zip(marks, rows, strict=True)
    )


def _flow(pairs: Sequence[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in pairs) + "}"


def yaml_word(value: object) -> str:
    """The value of a setting as a rules file spells it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return _flow([(name, str(text)) for name, text in value])
    return str(value) if isinstance(value, int) else _in_flow(str(value))


def _in_flow(text: str) -> str:
    """A value within braces. Numbers stay plain, because the reader takes their spelling."""
    if _PLAIN_IN_FLOW.fullmatch(text) and not _NOT_TEXT.fullmatch(text):
        return text
    return _quoted(text)


def _scalar(text: str) -> str:
    if _PLAIN.fullmatch(text) and not _NOT_TEXT.fullmatch(text) and not _is_number(text):
        return text
    return _quoted(text)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text[:2].lower() in ("0x", "0o")
    return True


def _quoted(text: str) -> str:
    """In double quotes; characters that could harm a terminal or mislead a reviewer are escaped."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if printable(character) == character and unicodedata.category(character)[0] != "C":
        return character
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    return _ESCAPE.sub(
        lambda found: found[4] or chr(int(found[1] or found[2] or found[3], 16)), text[1:-1]
    )


def read_canonical(lines: Sequence[str], indent: str, place: Place) -> ClipDecision | None:
    """The decision that `render` turns into exactly these lines; None if there is none."""
    found = _CANONICAL.fullmatch("\n".join(line.removeprefix(indent) for line in lines))
    if found is None:
        return None
    words = _words(found["shown"])
    try:
        at = datetime.fromisoformat(found["at"])  # in UTC: it ends in Z
    except ValueError:
        return None
    decision = ClipDecision(
        source=_unquoted(found["source"]),
        answer=Answer(found["answer"]),
        reason=None if found["reason"] is None else _unquoted(found["reason"]),
        by=_unquoted(found["by"]),
        at=at,
        rule=_unquoted(found["rule"]),
        shown=words,
        content=found["content"],
        settings=found["settings"].strip('"'),
        place=place,
    )
    if not is_sound(decision) or render(decision, indent) != "\n".join(lines):
        return None
    return decision


def _words(text: str) -> SettingTexts:
    pairs = (item.partition(": ") for item in text.split(", "))
    return tuple((name, value) for name, _, value in pairs)


def is_sound(decision: ClipDecision) -> bool:
    """Whether all of its texts are within their limits, on one line and printable."""
    names = (decision.by, decision.rule, *(text for pair in decision.shown for text in pair))
    return (
        all(is_text(text, MAX_NAME_CHARS) for text in names)
        and len(decision.source) <= MAX_SOURCE_CHARS
        and (decision.answer is not Answer.REJECTED or decision.reason is not None)
        and (decision.reason is None or is_text(decision.reason, MAX_REASON_CHARS))
        and len({name for name, _ in decision.shown}) == len(decision.shown)
    )


def is_text(text: str, limit: int) -> bool:
    return 0 < len(text) <= limit and printable(text) == text


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of one decision, and the comments and empty lines above it. `line` is the number of
    its first line, from 1."""

    lead: tuple[str, ...]
    body: tuple[str, ...]
    line: int


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """A file cut into decisions, so that some of them can be replaced."""

    head: tuple[str, ...]
    blocks: tuple[Block, ...]
    tail: tuple[str, ...]
    indent: str


def cut(text: str) -> Layout | None:
    """The layout of a file in block style; None for other YAML with the same meaning."""
    lines = text.removesuffix("\n").split("\n")
    at = next((index for index, line in enumerate(lines) if _opens(line)), None)
    if at is None:
        return None
    first = next(
        (index for index in range(at + 1, len(lines)) if not _is_filler(lines[index])),
        None,
    )
    found = None if first is None else re.match(r"( *)- ", lines[first])
    if first is None or found is None:
        return None
    indent = found[1]
    starts = [i for i in range(first, len(lines)) if lines[i].startswith(f"{indent}- ")]
    blocks = []
    lead, head_end = _lead_of_first(lines, at, first)
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        body_end = end
        while _is_between(lines[body_end - 1], indent):
            body_end -= 1
        body = tuple(lines[start:body_end])
        if any(not _is_within(line, indent) for line in body[1:]):
            return None
        blocks.append(Block(lead=lead, body=body, line=start + 1))
        lead = tuple(lines[body_end:end])
    return Layout(head=tuple(lines[:head_end]), blocks=tuple(blocks), tail=lead, indent=indent)


def _opens(line: str) -> bool:
    return re.fullmatch(r"decisions:\s*(?:#.*)?", line) is not None


def _lead_of_first(lines: Sequence[str], at: int, first: int) -> tuple[tuple[str, ...], int]:
    """Comments above an empty line belong to the whole file, those below it to the decision."""
    start = first
    while start > at + 1 and lines[start - 1].strip():
        start -= 1
    return tuple(lines[start:first]), start


def _is_filler(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _is_between(line: str, indent: str) -> bool:
    """Whether a line belongs to the decision below it: it is empty, or a comment at list level."""
    depth = len(line) - len(line.lstrip(" "))
    return not line.strip() or (line.lstrip().startswith("#") and depth <= len(indent))


def _is_within(line: str, indent: str) -> bool:
    return line.startswith(f"{indent} ") or _is_filler(line)


def compose(text: str, old: Sequence[ClipDecision], wanted: Sequence[ClipDecision]) -> str | None:
    """The text of the file with the `wanted` decisions in their order; `text` holds the `old` ones.

    Decisions that stay keep their lines. Comments above a removed decision move to the newest one
    of the same content. None if the file is not in block style.
    """
    if not old:
        return "\n".join([*_head_without_decisions(text), *map(render, wanted), ""])
    layout = cut(text)
    if layout is None:
        return None
    by_line = {block.line: block for block in layout.blocks}
    kept: dict[ClipDecision, Block] = {}
    for decision in old:
        block = by_line.get(decision.place.line) if decision.place else None
        if block is None:
            return None
        kept[decision] = block
    leads = {decision: list(kept[decision].lead if decision in kept else ()) for decision in wanted}
    for removed in (decision for decision in old if decision not in leads):
        successors = [one for one in wanted if one.content == removed.content]
        if successors:
            successor = max(successors, key=lambda one: one.at)
            leads[successor] = [*kept[removed].lead, *leads[successor]]
    lines = list(layout.head)
    for decision in wanted:
        lines += leads[decision]
        body = kept[decision].body if decision in kept else (render(decision, layout.indent),)
        lines += body
    return "\n".join([*lines, *layout.tail, ""])


def _head_without_decisions(text: str) -> list[str]:
    """The user's comments in a file without decisions, and the lines that open the list."""
    lines = [line for line in text.split("\n") if line.startswith("#")]
    header = HEADER.removesuffix("\n").split("\n")
    if not lines:
        return header
    return [*lines, *(line for line in header if not line.startswith("#"))]


def render_all(decisions: Sequence[ClipDecision]) -> str:
    """A new file, without any of the user's comments."""
    return HEADER + "".join(f"{render(decision)}\n" for decision in decisions)
