"""The man pages of `docs/man/`, made from the commands by click-man."""

from __future__ import annotations

import re
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click
from click_man.man import ManPage

from av1rules import __version__
from av1rules.cli.conventions.examples import Examples
from av1rules.cli.main import COMMANDS, cli

FOLDER = Path(__file__).parents[2] / "docs" / "man"

DATE = "2026-11-27"
"""Of the last release, in every page."""


def pages() -> dict[str, str]:
    """Every page by the name of its file: the program's, and one for each command."""
    root = click.Context(cli, info_name="av1rules", **cli.context_settings)
    return {f"{context.command_path.replace(' ', '-')}.1": _page(context) for context in _all(root)}


def _all(context: click.Context) -> Iterator[click.Context]:
    # A command keeps its help option, which a context of another test may have made without -h.
    context.command._help_option = None
    yield context
    for name, command in _below(context):
        yield from _all(click.Context(command, info_name=name, parent=context))


def _below(context: click.Context) -> Iterator[tuple[str, click.Command]]:
    group = context.command
    if isinstance(group, click.Group):
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            yield name, command


def about(context: click.Context) -> str:
    """What a command is for, in a line."""
    parent = context.parent
    if parent is not None and parent.parent is None:
        return COMMANDS[context.info_name or ""]
    first = cleandoc(context.command.help or "").split("\n\n")[0]
    return " ".join(first.split())


def _page(context: click.Context) -> str:
    command = context.command
    page = ManPage(context.command_path)
    page.version, page.date = f"av1rules {__version__}", DATE
    page.short_help = escaped(about(context)).removesuffix(".")
    page.synopsis = escaped(" ".join(command.collect_usage_pieces(context)))
    page.description = "\n\n".join(map(escaped, _paragraphs(command.help or "")))
    records = (
        one.get_help_record(context)
        for one in command.get_params(context)
        if isinstance(one, click.Option)
    )
    page.options = [
        (escaped(names), escaped(" ".join(text.split()))) for names, text in filter(None, records)
    ]
    page.commands = [
        (name, escaped(about(click.Context(one, info_name=name, parent=context))))
        for name, one in _below(context)
    ]
    return f"{_tidy(str(page))}{_examples(command.epilog)}{_see_also(context)}"


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in cleandoc(text).replace("\b\n", "").split("\n\n"):
        yield " ".join(paragraph.split())


def escaped(text: str) -> str:
    """Text as roff shows it: a backslash and a dash as they are, and no line is a request."""
    shown = text.replace("\\", "\\e")
    return re.sub(r"^([.'])", r"\\&\1", shown, flags=re.MULTILINE)


def _tidy(page: str) -> str:
    """What click-man writes as mandoc wants it: a title without a space, no line that begins with
    one, no paragraph that begins at the head of a section."""
    title, *rest = [line.strip() for line in page.splitlines() if line.strip()]
    keyword, name, more = title.split('"', 2)
    lines = [f'{keyword}"{name.replace(" ", "-")}"{more}']
    for line in rest:
        if not (line == ManPage.PARAGRAPH_KEYWORD and lines[-1].startswith(".SH")):
            lines.append(line)
    return "".join(f"{line}\n" for line in lines)


def _examples(epilog: str | None) -> str:
    if not isinstance(epilog, Examples):
        return ""
    lines = [".SH EXAMPLES"]
    for one in epilog.each:
        typed = escaped(one.typed).replace("-", r"\-")
        lines += [".TP", rf"\fB{typed}\fP", escaped(one.about)]
    return "".join(f"{line}\n" for line in lines)


def _see_also(context: click.Context) -> str:
    parent = context.parent
    if parent is None:
        return ""
    name = parent.command_path.replace(" ", r"\-")
    return f".SH SEE ALSO\n.BR {name} (1)\n"
