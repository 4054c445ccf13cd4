"""The reader of the pages, and that a page which says what is not so is found out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.claims.grammar import NoCommandError, require_command
from tests.claims.library import ClaimError, Library, call, make_library, pattern, run_block, tidy
from tests.claims.pages import MarkError, Shown, blocks, inline, options, ways


@pytest.fixture(scope="module")
def library(make_clip: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Library:
    return make_library(tmp_path_factory.mktemp("pages"), make_clip)


def test_reads_blocks_marks_and_output() -> None:
    page = (
        "```sh\nav1rules plan --all  # all\n. x/y && av1rules run\n```\n"
        "<!-- claims: each alone; exit 1 -->\n```console\n$ av1rules plan\nall\nof it\n"
        "$ av1rules validate\n```\n    doit faults\n"
    )
    first, second, third = blocks("page", page)
    assert [one.text for one in first.commands] == ["av1rules plan --all", ". x/y", "av1rules run"]
    assert second.commands == (
        Shown(("av1rules", "plan"), "all\nof it\n"),
        Shown(("av1rules", "validate"), "", code=1),
    )
    assert second.is_each_alone
    assert not first.is_each_alone
    assert (third.commands[0].text, third.is_slow) == ("doit faults", False)
    (slow,) = blocks("page", "<!-- claims: slow -->\n```sh\nav1rules demo\n```\n")
    assert slow.is_slow


@pytest.mark.parametrize(
    "page",
    [
        "<!-- claims: fast -->\n```sh\nav1rules plan\n```\n",
        "<!-- claims: each alone -->\n\n```sh\nav1rules plan\n```\n",
        "<!-- claims: not run, it is hard -->\n```sh\nav1rules plan\n```\n",
        "<!-- claims: not run, it installs packages -->\n```sh\nav1rules plan\n```\n",
    ],
)
def test_a_mark_that_excuses_nothing_is_refused(page: str) -> None:
    with pytest.raises(MarkError):
        blocks("page", page)


def test_reads_commands_within_sentences() -> None:
    text = (
        "Use `av1rules run [-j N] [PATH...]`, `undo --json`, `A=1 pytest tests`, `plan` or `x y`."
    )
    assert inline(text, frozenset({"undo", "plan"})) == [
        ("av1rules", "run", "-j", "N", "PATH"),
        ("av1rules", "undo", "--json"),
        ("pytest", "tests"),
    ]
    assert list(ways(["undo", "RUN|FILE..."])) == [("undo", "RUN"), ("undo", "FILE")]
    assert options("`--all`, `--since 3d`, `x --no`, `-j`") == {"--all", "--since"}


@pytest.mark.parametrize(
    "line",
    [
        "av1rules plann",
        "av1rules plan --detailed-exit-code",
        "av1rules run -j many",
        "av1rules clips shows movies/Film.mkv",
        "av1rules report --plan --form html",
        "python -m tests.bench.bench_nothing",
        "pytest tests/nothing",
    ],
)
def test_a_renamed_command_or_option_is_noticed(line: str) -> None:
    with pytest.raises(NoCommandError):
        require_command(tuple(line.split()))


def test_a_command_that_lacks_something_only_names_it() -> None:
    assert not require_command(("av1rules", "clips", "show"))
    assert not require_command(("av1rules", "run", "-j"))
    assert require_command(("av1rules", "run", "-j", "2"))


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ("```sh\nav1rules plan --renamed\n```\n", "exit code 2 instead of 0"),
        ("<!-- claims: exit 1 -->\n```sh\nav1rules validate\n```\n", "exit code 0 instead of 1"),
        ("```console\n$ av1rules validate\nrules.yaml: 3 rules ...\n```\n", "prints"),
        ("```console\n$ av1rules validate\n\n```\n", "prints"),
    ],
)
def test_what_is_not_so_is_noticed(page: str, complaint: str, library: Library) -> None:
    (block,) = blocks("page", page)
    with pytest.raises(ClaimError, match=complaint):
        run_block(block, library)


def test_what_is_so_passes(library: Library) -> None:
    page = "```console\n$ av1rules validate\nrules.yaml: 2 rules, ...: valid\n```\n"
    for block in blocks("page", page):
        run_block(block, library)


def test_output_is_compared_without_what_fills_columns() -> None:
    assert tidy("a    b  \n-----  ---\n\n") == "a  b\n---  ---\n"
    assert pattern("a.b ...\n...\nend") == "a\\.b\\ .*\n(?:.*\n)*end\n"


def test_a_library_is_as_before_for_each_block(library: Library) -> None:
    library.restore()
    assert call(("av1rules", "undo", "last", "--yes"), library.folder).returncode == 0
    before = call(("av1rules", "originals", "list"), library.folder).stdout
    library.restore()
    assert call(("av1rules", "originals", "list"), library.folder).stdout != before
