"""Every command's help ends with examples that are so: they parse, and the cheap ones run."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from av1rules.cli.conventions.examples import Example, Examples, examples
from av1rules.cli.main import cli
from tests.claims.grammar import require_command
from tests.claims.library import Library, call, filled_in, make_library
from tests.claims.pages import Block, Shown
from tests.output.schemas import commands, groups

EVERY = {"": cli, **groups(), **commands()}

NOT_RUN = ("demo", "clips try", "plan --sample", "service ", "serve", "top", "watch", "notify")
"""These take longer than a test may, go on until they are stopped, change the services of this
machine, need a terminal, or read what Sonarr says."""


def each(name: str) -> tuple[Example, ...]:
    epilog = EVERY[name].epilog
    return epilog.each if isinstance(epilog, Examples) else ()


def argv(example: Example) -> tuple[str, ...]:
    """The words of our program, without what a shell does with its output."""
    words = shlex.split(example.typed)
    ends = [at for at, word in enumerate(words) if word in (">", ">>", "|")]
    return tuple(words[: ends[0]] if ends else words)


ALL = [(name, one) for name in sorted(EVERY) for one in each(name)]
EXAMPLES = [one for _, one in ALL]


@pytest.mark.parametrize("name", sorted(EVERY))
def test_every_command_has_examples(name: str) -> None:
    assert each(name)


@pytest.mark.parametrize(("name", "example"), ALL, ids=[one.typed for one in EXAMPLES])
def test_it_is_one_of_its_command_and_parses(name: str, example: Example) -> None:
    assert example.typed.startswith(f"av1rules {name}".rstrip())
    assert example.about
    assert require_command(argv(example))


@pytest.mark.parametrize("name", sorted(EVERY))
def test_the_help_fits_80_columns(name: str) -> None:
    context = click.Context(
        EVERY[name], info_name=f"av1rules {name}".rstrip(), terminal_width=80,
        **cli.context_settings,
    )  # fmt: skip
    lines = EVERY[name].get_help(context).splitlines()
    assert [line for line in lines if len(line) > 80] == []
    at = lines.index("  Examples:")
    assert len(lines) - at - 1 in (len(each(name)), 2 * len(each(name)))
    assert all(line.startswith("    ") for line in lines[at + 1 :])


def test_long_ones_stand_one_above_the_other() -> None:
    short = examples(("av1rules plan", "what"), ("av1rules plan --all", "more"))
    assert short == "\b\nExamples:\n  av1rules plan        what\n  av1rules plan --all  more"
    long = examples(("av1rules plan", "x" * 70))
    assert long == f"\b\nExamples:\n  # {'x' * 70}\n  av1rules plan"


@pytest.fixture(scope="module")
def library(make_clip: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Library:
    return make_library(tmp_path_factory.mktemp("examples"), make_clip)


def _is_quick(example: Example) -> bool:
    words = example.typed.removeprefix("av1rules ")
    return not words.startswith(NOT_RUN) and "--json" not in words


QUICK = [one for one in EXAMPLES if _is_quick(one)]


@pytest.mark.parametrize("example", QUICK, ids=lambda one: one.typed)
def test_it_runs(example: Example, library: Library) -> None:
    words = argv(example)
    library.start(Block("", (Shown(words),)))
    done = call(filled_in(words), library.folder)
    assert done.returncode == 0, done.stdout + done.stderr
