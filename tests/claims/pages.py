"""Reads commands, and the output shown for them, out of README, CONTRIBUTING and docs/.

A fenced `sh` block holds one command a line. A `console` block holds commands behind `$ `, each
followed by what it prints; `...` there stands for any text, alone on a line for any lines. A block
may have a mark on the line above it, of words separated by semicolons:

    <!-- claims: each alone; exit 1 -->

`each alone`: every line starts from the prepared library, else from what the line before left.
`exit N`: the exit code of the last line. `slow`: runs in `doit claims` only, as what is run in the
checkout does. `not run, REASON`: its
words are checked, nothing is run; `REASONS` has those that count.

A page with the mark `<!-- claims: one story -->` is followed from top to bottom instead, in one
folder: each block starts from what the one before left. There a `yaml` block may have the mark
`file NAME`: a reader writes it into that file. `mv` and `mkdir` are
commands there too.
"""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))

REASONS = {
    "it installs packages": "pip install",
    "it changes the services of this machine": "av1rules service",
    "it goes on until it is stopped": "av1rules watch",
    "it needs a terminal": "av1rules top",
    "it serves until it is ended": "av1rules serve",
    "it needs another ffprobe": "tests.media.probe.compare",
}
"""Why a block is not run, and what must stand in it for that to be believed."""

_MARK = re.compile(r"^<!-- claims: (.+) -->$", re.MULTILINE)
_BLOCK = re.compile(
    r"^(?:(<!-- claims: [^\n]+ -->)\n)?```(sh|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
_STORY = "<!-- claims: one story -->\n"
_FILE = re.compile(
    r"^<!-- claims: file ([\w.]+) -->\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
_INDENTED = re.compile(r"^    ((?:av1rules|doit|python -m|pytest) .*)$", re.MULTILINE)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_SETS = re.compile(r"[A-Z_0-9]+=")
"""A variable before a command."""

_OUR_PROGRAMS = ("av1rules", "doit", "pytest", "python")


class Shown(msgspec.Struct, frozen=True):
    """A command, and what a page says that it prints and returns."""

    argv: tuple[str, ...]
    output: str | None = None
    code: int = 0

    @property
    def text(self) -> str:
        return shlex.join(self.argv)


class Block(msgspec.Struct, frozen=True):
    page: str
    commands: tuple[Shown, ...]
    is_each_alone: bool = False
    is_slow: bool = False
    not_run: str | None = None

    @property
    def name(self) -> str:
        return f"{self.page}: {self.commands[0].text}"


class Written(msgspec.Struct, frozen=True):
    """A file that a reader of a story writes."""

    name: str
    text: str


class MarkError(Exception):
    """A mark that says nothing known, or does not stand above a block."""


def is_story(text: str) -> bool:
    return _STORY in text


def story(page: str, text: str) -> Iterator[Block | Written]:
    """What a reader does and writes, from top to bottom. Raises MarkError."""
    blocks(page, text)
    steps = [*_BLOCK.finditer(text), *_FILE.finditer(text)]
    for match in sorted(steps, key=lambda one: one.start()):
        yield _block(page, *match.groups()) if match.re is _BLOCK else Written(*match.groups())


def blocks(page: str, text: str) -> list[Block]:
    """The blocks of a page in their order. Raises MarkError."""
    if is_story(text):
        text = _FILE.sub("", text.replace(_STORY, ""))
    found = [_block(page, *match.groups()) for match in _BLOCK.finditer(text)]
    used = sum(match[1] is not None for match in _BLOCK.finditer(text))
    if used != len(_MARK.findall(text)):
        raise MarkError(f"{page}: a mark without a block below it")
    alone = (Shown(_argv(match[1])) for match in _INDENTED.finditer(_without_blocks(text)))
    return found + [Block(page, (one,)) for one in alone]


def _block(page: str, mark: str | None, kind: str, body: str) -> Block:
    words = [] if mark is None else [word.strip() for word in _MARK.findall(mark)[0].split(";")]
    code, is_each_alone, is_slow, not_run = 0, False, False, None
    for word in words:
        if found := re.fullmatch(r"exit (\d+)", word):
            code = int(found[1])
        elif word == "each alone":
            is_each_alone = True
        elif word == "slow":
            is_slow = True
        elif word.startswith("not run, "):
            not_run = word.removeprefix("not run, ")
            if REASONS.get(not_run, "\0") not in body:
                raise MarkError(f"{page}: no reason to leave a block out: {not_run!r}")
        else:
            raise MarkError(f"{page}: unknown mark {word!r}")
    shown = list(_console(body) if kind == "console" else _lines(body))
    shown[-1] = msgspec.structs.replace(shown[-1], code=code)
    return Block(page, tuple(shown), is_each_alone, is_slow, not_run)


def _lines(body: str) -> Iterator[Shown]:
    for line in body.splitlines():
        for part in line.split(" && "):
            if argv := _argv(part):
                yield Shown(argv)


def _console(body: str) -> Iterator[Shown]:
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        yield Shown(_argv(line), output)


def _argv(line: str) -> tuple[str, ...]:
    return tuple(shlex.split(line, comments=True))


def _without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def inline(text: str, names: frozenset[str]) -> list[tuple[str, ...]]:
    """The commands within sentences and tables, with all that is optional, and one for each of
    `RUN|FILE`. What starts with a command's own name and has an option is one: `run --force`."""
    found: dict[tuple[str, ...], None] = {}
    for code in _INLINE.findall(_without_blocks(text)):
        words = [word for word in code.replace("\\|", "|").split() if not _SETS.match(word)]
        if not words:
            continue
        if words[0] in names and len(words) > 1 and any(w.startswith("-") for w in words[1:]):
            words = ["av1rules", *words]
        if words[0] in _OUR_PROGRAMS and len(words) > 1:
            found |= dict.fromkeys(ways(words))
    return list(found)


def ways(words: list[str]) -> Iterator[tuple[str, ...]]:
    """`[-j N] [PATH...]` without its brackets, one of `list|show`."""
    plain = (word.strip("[]").removesuffix("...").strip("[]") for word in words)
    yield from itertools.product(*(word.split("|") for word in plain))


def options(text: str) -> set[str]:
    """Options that stand alone: `--sample`."""
    codes = (code.split()[0] for code in _INLINE.findall(_without_blocks(text)))
    return {code for code in codes if re.fullmatch(r"--[a-z][a-z-]+", code)}
