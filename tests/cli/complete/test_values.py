"""What is offered for arguments and options, and how fast it is found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from av1rules.base.events import Outcome
from av1rules.cli.complete import COMPLETE_VARIABLE
from av1rules.cli.complete.library import film_names, rule_names, run_numbers
from av1rules.cli.complete.shells import PROGRAM, completion
from av1rules.cli.main import COMMANDS, cli
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.runs import RunRecord
from av1rules.plan.safety_stop import take_inventory
from tests.output.schemas import commands

RULES = """\
version: 1
library: {roots: [{path: films, name: movies}, {path: shows, name: series}]}
output: {mode: mirror, root: out}
profiles: {small: {crf: 40}, "big $(one)": {crf: 20}}
rules:
  - {name: the first, encode: {use: small}}
  - {name: the second, encode: {}}
"""

RULES_FILE = Path("rules.yaml")

NOT_UTF_8 = os.fsdecode(b"b\xff.mkv")

NO_FILMS = {
    ("migrate av1d", "configs"),
    ("migrate handbrake", "export"),
    ("migrate tdarr", "export"),
    ("migrate unmanic", "export"),
    ("notify changed", "paths"), ("notify test", "names"),
    ("completion", "shell"), ("init", "root"), ("demo", "folder"), ("fmt", "files"),
    ("encode", "file"), ("test", "files"), ("show", "plan"),
    ("runs show", "what"), ("facts show", "file"), ("migrate av1d", "configs"),
    ("migrate handbrake", "export"), ("migrate tdarr", "export"), ("migrate unmanic", "export"),
}  # fmt: skip
"""Arguments that name no film of the library."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "rules.yaml").write_text(RULES)
    for name in ("films/A/one.mkv", "films/A/two.MP4", "films/A/.hidden.mkv", "films/note.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def known(folder: Path, *names: str) -> None:
    """As a run would leave its ledger."""
    ledger = Ledger.open(folder / ".av1rules")
    root = str(folder / "films")
    ledger.inventories.put(root, take_inventory(root, [(name, (1, 1)) for name in names]).packed)
    number = ledger.runs.begin("2026-11-27T10:00:00+00:00")
    at = "2026-11-27T10:00:00+00:00"
    ledger.runs.put(RunRecord(id=number, started=at, ended=at, counts={Outcome.DONE: 1}))
    ledger.close()


def test_films_on_disk_up_to_where_they_differ(folder: Path) -> None:
    assert film_names(RULES_FILE, "") == ["movies/", "series/"]
    assert film_names(RULES_FILE, "mov") == ["movies/A/one.mkv", "movies/A/two.MP4"]
    assert film_names(RULES_FILE, "movies/A/o") == ["movies/A/one.mkv"]
    assert film_names(RULES_FILE, "nothing") == []


def test_films_of_the_last_run_that_are_gone(folder: Path) -> None:
    known(folder, "A/one.mkv", "A/gone.mkv", "Old/gone too.mkv")
    assert film_names(RULES_FILE, "movies/") == ["movies/A/", "movies/Old/"]
    assert film_names(RULES_FILE, "movies/A/") == [
        "movies/A/gone.mkv", "movies/A/one.mkv", "movies/A/two.MP4",
    ]  # fmt: skip
    assert film_names(RULES_FILE, "GONE TOO") == ["movies/Old/gone too.mkv"]
    assert film_names(RULES_FILE, "gone") == [], "two have it"


def test_saved_plans_where_one_is_typed(folder: Path) -> None:
    (folder / "p.json").write_text('{"format": 1, "document": "plan"}')
    (folder / "p2.json").write_text('{"format": 1}')
    (folder / "plans.json").mkdir()
    (folder / "films" / "p.json").write_text('{"document": "plan"}')
    assert answer("av1rules show ", folder) == ["name\tp.json"]
    assert answer("av1rules show films/p", folder) == ["name\tfilms/p.json"]
    assert answer("av1rules show x", folder)[0].startswith("file\t")
    assert answer("av1rules run p", folder) == ["name\tp.json"]
    both = answer("av1rules run ", folder)
    assert both == ["folder\tmovies/", "folder\tseries/", "name\tp.json"]


def test_rules_and_runs(folder: Path) -> None:
    assert rule_names(RULES_FILE) == ("the first", "the second")
    assert run_numbers(RULES_FILE) == []
    known(folder)
    assert [number for number, _ in run_numbers(RULES_FILE)] == ["last", "1"]


def test_without_rules_nothing_is_offered_and_nothing_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert film_names(RULES_FILE, "") == []
    assert rule_names(RULES_FILE) == ()
    assert run_numbers(RULES_FILE) == []
    assert list(tmp_path.iterdir()) == []


def arguments() -> list[tuple[str, click.Parameter]]:
    return [
        (name, param)
        for name, command in commands().items()
        for param in command.params
        if isinstance(param, click.Argument) and (name, param.name) not in NO_FILMS
    ]


@pytest.mark.parametrize(
    ("name", "param"), arguments(), ids=[f"{name} {param.name}" for name, param in arguments()]
)
def test_every_argument_that_names_films_completes_them(
    name: str, param: click.Parameter, folder: Path
) -> None:
    context = click.Context(commands()[name], info_name=name)
    offered = [item.value for item in param.shell_complete(context, "movies/A/o")]
    assert offered == ["movies/A/one.mkv"]


OPTIONS = {"--only": "the first", "--rule": "the first", "--profile": "small"}


@pytest.mark.parametrize("name", sorted(commands()))
def test_options_that_take_a_rule_or_a_profile_complete_it(name: str, folder: Path) -> None:
    """`run --only` does; a later one must."""
    context = click.Context(commands()[name], info_name=name)
    for param in context.command.params:
        for option in OPTIONS.keys() & set(param.opts):
            offered = [item.value for item in param.shell_complete(context, "")]
            assert OPTIONS[option] in offered
    assert name != "run" or any("--only" in param.opts for param in context.command.params)


def answer(line: str, folder: Path, *, shell: str = "zsh", current: str = "") -> list[str]:
    """What a script gets: kind and value of each line."""
    done = subprocess.run(
        [sys.executable, "-m", "av1rules"],
        cwd=folder,
        env={
            **os.environ, COMPLETE_VARIABLE: f"{shell}_complete", "COMP_LINE": line,
            "COMP_CUR": current,
        },
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return ["\t".join(row.split("\t")[:2]) for row in done.stdout.splitlines()]


def test_commands_by_their_names(folder: Path) -> None:
    assert answer("av1rules ", folder) == [f"plain\t{name}" for name in sorted(COMMANDS)]
    assert answer("av1rules rec", folder) == ["plain\treceipt"]
    assert answer("FOO=1 /usr/bin/av1rules clips sh", folder) == ["plain\tshow"]


def test_the_rules_file_is_found_as_by_the_command(folder: Path) -> None:
    below = folder / "films" / "A"
    other = folder / "other.yaml"
    other.write_text(RULES.replace("name: movies", "name: elsewhere"))
    assert answer("av1rules explain movies/A/o", below) == ["name\tmovies/A/one.mkv"]
    for line in (
        "av1rules -f ../../other.yaml explain el", "av1rules explain --rules ../../other.yaml el",
    ):  # fmt: skip
        assert answer(line, below) == ["name\telsewhere/A/one.mkv", "name\telsewhere/A/two.MP4"]


def test_the_value_of_an_option_that_is_part_of_its_word(folder: Path) -> None:
    zsh = answer("av1rules originals purge --kind=or", folder)
    assert zsh == ["plain\t--kind=original", "plain\t--kind=orphan"]
    bash = answer("av1rules originals purge --kind=or", folder, shell="bash", current="or")
    assert bash == ["plain\toriginal", "plain\torphan"]


def test_bash_ends_words_at_colons(folder: Path) -> None:
    (folder / "films" / "a: b.mkv").touch()
    line = "av1rules explain movies/a:"
    assert answer(line, folder, shell="bash", current="") == ["name\t b.mkv"]
    assert answer(line, folder, shell="bash", current="movies/a:") == ["name\tmovies/a: b.mkv"]


def test_what_would_act_on_a_terminal_is_left_out(folder: Path) -> None:
    for name in ("b\x1b[2J.mkv", "b\nc.mkv", "b\tc.mkv", "b\u202ec.mkv", NOT_UTF_8):
        (folder / "films" / name).touch()
    (folder / "films" / "b — ü.mkv").touch()
    assert answer("av1rules explain movies/b", folder) == ["name\tmovies/b — ü.mkv"]


@pytest.mark.parametrize("instruction", ["bash_nothing", "csh_source", "", "bash"])
def test_other_instructions_print_nothing(instruction: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "av1rules", "plan"],
        cwd=tmp_path,
        env={**os.environ, COMPLETE_VARIABLE: instruction},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_printed_either_way(shell: str, tmp_path: Path) -> None:
    script = completion(shell, cli).source()
    environ = {**os.environ, COMPLETE_VARIABLE: f"{shell}_source"}
    by_variable = subprocess.run(
        [sys.executable, "-m", "av1rules"], cwd=tmp_path, env=environ, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    by_command = subprocess.run(
        [sys.executable, "-m", "av1rules", "completion", shell], cwd=tmp_path,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert by_command.stdout == by_variable.stdout.removesuffix("\n") == script
    assert PROGRAM in script


def test_no_program_is_started(folder: Path) -> None:
    """Completing must be quick: nothing is probed."""
    program = folder / "program"
    program.write_text(f"#!/bin/sh\ntouch {folder}/started\n")
    program.chmod(0o755)
    tools = f"tools: {{ffmpeg: {program}, ffprobe: {program}}}\n"
    (folder / "rules.yaml").write_text(RULES + tools)
    known(folder, "A/one.mkv")
    for line in ("av1rules explain movies/A/o", "av1rules plan movies/A/o"):
        assert answer(line, folder) == ["name\tmovies/A/one.mkv"]
    assert not (folder / "started").exists()
