"""Puts a YAML text into one layout: indents, spaces and blank lines. Comments, the order of keys,
the quotes of texts and their escapes stay, and so does every value. Pure.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

from ruamel.yaml import YAML
from ruamel.yaml.emitter import RoundTripEmitter
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.tokens import ScalarToken

from av1rules.policy.yaml.document import parse_document
from av1rules.policy.yaml.nodes import Path_

_NEVER_WRAP = 1_000_000  # characters: a line stays one line


def with_values(text: str, values: Mapping[Path_, object]) -> str:
    """The text, a document without mistakes, with other values at these paths, and in our layout.
    Keys that are not there are added to their mapping; None removes one."""
    yaml, out = _round_trip(text), io.StringIO()
    data = yaml.load(text)
    for path, value in values.items():
        parent = data
        for step in path[:-1]:
            parent = parent[step]
        if value is None:
            del parent[path[-1]]
        else:
            parent[path[-1]] = value
    yaml.dump(data, out)
    return _tidy(out.getvalue())


def laid_out(text: str) -> str | None:
    """The text in our layout: two spaces a level, lists indented below their key, no spaces within
    brackets, at most one blank line. None if it is not one YAML document without mistakes, or if
    the layout would change a value, which no layout is worth."""
    before = parse_document(text.encode(), file="")
    if before.problems:
        return None
    if before.root is None:
        return text
    dumped = _dumped(text)
    for goal in (_tidy(dumped), dumped):
        after = parse_document(goal.encode(), file="")
        if not after.problems and after.plain() == before.plain():
            return goal
    return None


class _NothingButText(VersionedResolver):
    """Leaves `1e3`, `yes` and `~` as they are written."""

    @property
    def versioned_resolver(self) -> dict[str, list[object]]:
        return {}


def _dumped(text: str) -> str:
    yaml, out = _round_trip(text), io.StringIO()
    yaml.dump(yaml.load(text), out)
    return out.getvalue()


def _round_trip(text: str) -> YAML:
    """Comments and order are part of what it reads. Texts of the document keep their escapes: who
    wrote `"\\u202e"` did not want the character itself in the file."""
    escaped = _escaped_texts(text)

    class Emitter(RoundTripEmitter):
        def write_double_quoted(self, text: str, split: bool = True) -> None:  # noqa: FBT001, FBT002
            written = escaped.get(text)
            if written is None:
                super().write_double_quoted(text, split)
                return
            self.write_indicator('"', True)  # noqa: FBT003 - ruamel's own signature
            self.stream.write(written)
            self.column += len(written)
            self.write_indicator('"', False)  # noqa: FBT003

    yaml = YAML()
    yaml.Resolver = _NothingButText
    yaml.Emitter = Emitter
    yaml.preserve_quotes = True
    yaml.width = _NEVER_WRAP
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _escaped_texts(text: str) -> dict[str, str]:
    """What stands between the double quotes of texts with escapes, by their value."""
    if "\\" not in text:
        return {}
    found = {}
    for token in YAML().scan(text):
        if isinstance(token, ScalarToken) and token.style == '"':
            written = text[token.start_mark.index : token.end_mark.index]
            if "\\" in written and written[0] == written[-1] == '"':
                found[token.value] = written[1:-1]
    return found


def _tidy(text: str) -> str:
    """Comments on lines of their own start where the line below them does, comments beside values
    two spaces behind, unless they are aligned with a neighbour's; no trailing spaces; one blank
    line at most."""
    lines = [line.rstrip() for line in text.splitlines()]
    beside = [_beside(line) for line in lines]
    indent, tidy = 0, list[str]()
    for number in reversed(range(len(lines))):
        plain = lines[number].lstrip()
        if plain.startswith("#"):
            tidy.append(" " * indent + plain)
        elif plain:
            indent = len(lines[number]) - len(plain)
            tidy.append(_with_comment(lines[number], number, beside))
        elif tidy and tidy[-1]:
            tidy.append("")
    while tidy and not tidy[-1]:
        tidy.pop()
    return "".join(f"{line}\n" for line in reversed(tidy))


_QUOTED_OR_COMMENT = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|(?<=\s)(#)""")


def _beside(line: str) -> int | None:
    """The column of the comment behind a value."""
    found = (match.start(1) for match in _QUOTED_OR_COMMENT.finditer(line) if match[1])
    return next((column for column in found if line[:column].strip()), None)


def _with_comment(line: str, number: int, beside: list[int | None]) -> str:
    column = beside[number]
    if column is None:
        return line
    value, comment = line[:column].rstrip(), line[column:]
    above = (one for one in reversed(beside[:number]) if one is not None)
    below = (one for one in beside[number + 1 :] if one is not None)
    is_aligned = column in (next(above, None), next(below, None))
    return line if is_aligned and column - len(value) > 1 else f"{value}  {comment}"
