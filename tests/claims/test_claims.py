"""Every command that README, CONTRIBUTING and docs/ show: it exists, ends and prints as they say.

Those that take more than a minute run in `doit claims` only.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

import dodo
from av1rules.cli.main import COMMANDS
from tests.bench.bench_start import fastest
from tests.claims.grammar import NoCommandError, every_option, options_of, require_command
from tests.claims.library import (
    HOURS_S,
    Library,
    call,
    filled_in,
    follow,
    make_library,
    make_new_library,
    run_block,
)
from tests.claims.pages import PAGES, ROOT, Block, Shown, blocks, inline, is_story, options, story

NAMES = frozenset(COMMANDS)
PLANNED = "## Places for planned features"
TEXTS = {page: page.read_text(encoding="utf-8").partition(PLANNED)[0] for page in PAGES}
BLOCKS = [block for page, text in TEXTS.items() for block in blocks(page.name, text)]
STORIES = {page.name: text for page, text in TEXTS.items() if is_story(text)}
INLINE = [(page.name, argv) for page, text in TEXTS.items() for argv in inline(text, NAMES)]
TASKS = {name.removeprefix("task_") for name in dir(dodo) if name.startswith("task_")}

OF_OTHERS = {"--enable-gpl": "FFmpeg's configure", "--update-golden": "tests/conftest.py"}
"""Options that pages name, of programs that are not av1rules."""

OWN = ("doit", "claims")
"""Runs this."""

SLOW = {("av1rules", "demo")}
"""Commands within sentences that take a minute or more."""


def _is_workshop(argv: tuple[str, ...]) -> bool:
    """A command for work on the code: runs in the checkout."""
    return argv[0] in ("python", "pytest") or (argv[0] == "doit" and bool(TASKS & set(argv)))


def _is_slow(argv: tuple[str, ...]) -> bool:
    return argv in SLOW or _is_workshop(argv)


def _is_whole(argv: tuple[str, ...]) -> bool:
    try:
        return require_command(filled_in(argv))
    except NoCommandError:  # `test_a_command_within_a_sentence_exists` says so
        return False


ENDLESS = {("av1rules", "serve"), ("av1rules", "watch")}
"""Commands that go on until they are ended: tests/cli/test_serve.py and tests/service run them."""

NAMES_NO_FILM = {("av1rules", "notify", "test", "NAME")}
"""tests/integrations/test_check.py tries it with a name of a neighbour."""

WHOLE = [
    argv
    for argv in dict.fromkeys(argv for _, argv in INLINE)
    if argv[:2] not in ENDLESS and argv not in NAMES_NO_FILM and _is_whole(argv)
]
"""What sentences and tables show that can be run as it stands."""

ALL_BLOCKS = [one for one in BLOCKS if one.not_run is None and one.page not in STORIES]
FAST_BLOCKS = [
    one for one in ALL_BLOCKS if not any(one.is_slow or _is_slow(s.argv) for s in one.commands)
]
SLOW_BLOCKS = [one for one in ALL_BLOCKS if one not in FAST_BLOCKS]
IN_BLOCKS = {shown.argv for block in SLOW_BLOCKS for shown in block.commands}
SLOW_COMMANDS = [one for one in WHOLE if _is_slow(one) and one not in IN_BLOCKS | {OWN}]


@pytest.fixture(scope="module")
def library(make_clip: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Library:
    return make_library(tmp_path_factory.mktemp("claims"), make_clip)


def test_pages_show_commands() -> None:
    """Else all of this would pass for having found nothing."""
    assert len(FAST_BLOCKS) >= 4
    assert len([argv for argv in WHOLE if argv[0] == "av1rules"]) >= 30


@pytest.mark.parametrize(
    ("page", "argv"), INLINE, ids=[f"{page}: {shlex.join(argv)}" for page, argv in INLINE]
)
def test_a_command_within_a_sentence_exists(page: str, argv: tuple[str, ...]) -> None:
    require_command(filled_in(argv))


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_the_commands_of_a_block_exist(block: Block) -> None:
    for shown in block.commands:
        assert require_command(filled_in(shown.argv)), shown.text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_an_option_that_stands_alone_exists(page: Path) -> None:
    assert options(TEXTS[page]) - every_option() - set(OF_OTHERS) == set()


def test_an_option_beside_a_command_is_one_of_it() -> None:
    """The table of commands in README names options in the row of their command."""
    rows = re.findall(r"^\| (`av1rules .*?) \| (.*) \|$", (ROOT / "README.md").read_text(), re.M)
    assert len(rows) >= len(COMMANDS) - 2
    for command, meaning in rows:
        names = set(re.findall(r"av1rules (\w+)", command))
        meaning = meaning.partition("; `plan`")[0]  # what others take
        known = set().union(*(options_of(name) for name in names))
        assert options(meaning) <= known, command


def test_tasks_that_pages_name_exist() -> None:
    shown = [argv for _, argv in INLINE] + [one.argv for b in BLOCKS for one in b.commands]
    named = {argv[1] for argv in shown if argv[0] == "doit" and len(argv) == 2}
    assert named - {"list", "clean", "forget"} - TASKS == set()


@pytest.mark.parametrize("block", FAST_BLOCKS, ids=lambda block: block.name)
def test_a_block_does_what_it_says(block: Block, library: Library) -> None:
    run_block(block, library)


@pytest.mark.parametrize("page", STORIES)
def test_a_story_goes_as_it_says(page: str, make_clip: Callable[..., Path], tmp_path: Path) -> None:
    follow(tuple(story(page, STORIES[page])), make_new_library(tmp_path, make_clip))


@pytest.mark.parametrize("argv", [one for one in WHOLE if not _is_slow(one)], ids=shlex.join)
def test_a_command_within_a_sentence_runs(argv: tuple[str, ...], library: Library) -> None:
    """One that stands without arguments may only name the command: then it says what it needs."""
    library.start(Block("", (Shown(argv),)))
    done = call(filled_in(argv), library.folder)
    is_bare = argv[0] == "av1rules" and all(map(str.islower, argv[1:])) and len(argv) < 4
    must_ask = bool({"undo", "purge", "install", "uninstall"} & set(argv)) and not {
        "--yes",
        "--dry-run",
    } & set(argv)
    expected = {0, 2} if is_bare or must_ask else {0}
    if argv[1:3] == ("service", "check"):  # no watcher is at work in a test
        expected = {1}
    assert done.returncode in expected, done.stdout + done.stderr
    if argv == ("doit", "clean"):
        assert "`av1rules undo` restores that" in done.stderr
        assert (library.folder / "movies" / "Short.mkv").exists()
    else:
        assert "Traceback" not in done.stderr


@pytest.mark.claims
@pytest.mark.parametrize("block", SLOW_BLOCKS, ids=lambda block: block.name)
def test_a_slow_block_does_what_it_says(block: Block, library: Library, media_dir: Path) -> None:
    for shown in block.commands:
        if not _is_workshop(shown.argv):
            run_block(Block(block.page, (shown,)), library, timeout_s=HOURS_S)
            continue
        argv = tuple(str(media_dir) if w == "MEDIA_FOLDER" else w for w in shown.argv)
        done = call(argv, ROOT, timeout_s=HOURS_S)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


@pytest.mark.claims
@pytest.mark.parametrize("argv", SLOW_COMMANDS, ids=shlex.join)
def test_a_slow_command_within_a_sentence_runs(argv: tuple[str, ...], library: Library) -> None:
    library.start(Block("", (Shown(argv),)))
    folder = ROOT if _is_workshop(argv) else library.folder
    done = call(filled_in(argv), folder, timeout_s=HOURS_S)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def test_help_starts_as_fast_as_the_decisions_say() -> None:
    """By processor time, which another program's work does not stretch; a third is the margin."""
    text = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8")
    assert "`--help` takes five times the processor time of `python -c pass`" in text
    plain, shown = fastest(10)
    assert shown.cpu_s / plain.cpu_s < 5 * 4 / 3
