"""Options of every command, as typed: before it and after it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from av1rules.cli.main import COMMANDS, cli
from tests.cli.test_commands import av1rules

LIBRARY = "version: 1\nlibrary: {roots: [films], settle: 0s}\n"
RULES = f"{LIBRARY}rules: [{{name: all, encode: {{}}}}]\n"
OTHER = f"{LIBRARY}rules: [{{name: one, encode: {{}}}}, {{name: two, skip: x}}]\n"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    (tmp_path / "films" / "deep").mkdir(parents=True)
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "other.yml").write_text(OTHER)
    return tmp_path


def every_command() -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = []
    waiting = [(name, cli.get_command(click.Context(cli), name)) for name in COMMANDS]
    while waiting:
        name, command = waiting.pop()
        assert command is not None
        found.append((name, command))
        if isinstance(command, click.Group):
            context = click.Context(command)
            names = command.list_commands(context)
            waiting += [(f"{name} {one}", command.get_command(context, one)) for one in names]
    return found


@pytest.mark.parametrize(("name", "command"), every_command(), ids=lambda value: str(value))
def test_every_command_takes_them(name: str, command: click.Command) -> None:
    taken = [option for param in command.params for option in param.opts]
    for option in ("-q", "--quiet", "-v", "--verbose", "--log-file", "--color"):
        assert taken.count(option) == 1, name
    assert len(taken) == len(set(taken)), name


class TestRulesFile:
    def test_before_and_after_the_command(self, library: Path) -> None:
        for words in (("-f", "other.yml", "validate"), ("validate", "--rules", "other.yml")):
            assert "other.yml: 2 rules" in av1rules(*words, cwd=library).stdout

    def test_after_goes_before_before_goes_before_the_environment(self, library: Path) -> None:
        assert (
            "rules.yaml: 1 rule"
            in av1rules("-f", "other.yml", "validate", "-f", "rules.yaml", cwd=library).stdout
        )
        assert (
            "other.yml: 2 rules"
            in av1rules(
                "-f", "other.yml", "validate", cwd=library, AV1RULES_FILE="nowhere.yaml"
            ).stdout
        )
        assert (
            "other.yml: 2 rules"
            in av1rules("validate", cwd=library, AV1RULES_FILE="other.yml").stdout
        )

    def test_found_above_the_current_folder(self, library: Path) -> None:
        below = library / "films" / "deep"
        assert "../../rules.yaml: 1 rule" in av1rules("validate", cwd=below).stdout
        assert "0 files" in av1rules("plan", cwd=below).stdout
        assert not (below / ".av1rules").exists()  # paths in the file stay relative to it

    def test_none(self, tmp_path: Path) -> None:
        said = av1rules("status", cwd=tmp_path, code=2).stderr
        assert f"no rules.yaml or rules.yml in {tmp_path}" in said
        assert "av1rules init ROOT" in said

    @pytest.mark.parametrize("wrong", ["two names", "none"])
    def test_with_detailed_exitcode_a_failure_is_not_work(self, wrong: str, library: Path) -> None:
        if wrong == "two names":
            (library / "rules.yml").touch()
        else:
            (library / "rules.yaml").unlink()
        said = av1rules("plan", "--detailed-exitcode", cwd=library, code=1).stderr
        assert "rules.yml" in said


class TestMeant:
    @pytest.mark.parametrize(
        ("words", "meant"),
        [
            (["plna"], "Did you mean plan?"),
            (["approve"], "Did you mean clips approve?"),
            (["clips", "aprove"], "Did you mean approve?"),
            (["clips", "tri"], "Did you mean try?"),
            (["originals", "lst"], "Did you mean list?"),
            (["plan", "--jsn"], "--json"),
            (["--colour", "never", "plan"], "--color"),
            (["xyzzy"], "There is no command 'xyzzy'.\n"),
        ],
    )
    def test_slips_of_the_hand(self, words: list[str], meant: str, tmp_path: Path) -> None:
        assert meant in av1rules(*words, cwd=tmp_path, code=2).stderr


class TestLoudness:
    def test_quiet_and_verbose_exclude_one_another(self, library: Path) -> None:
        for words in (("-q", "plan", "-v"), ("-v", "plan", "-q"), ("plan", "-qv")):
            assert "exclude one another" in av1rules(*words, cwd=library, code=2).stderr

    def test_verbose_shows_programs(self, library: Path) -> None:
        (library / "films" / "a.mkv").write_bytes(b"\x1aE\xdf\xa3 no film")
        os.utime(library / "films" / "a.mkv", (1, 1))
        assert "$ " not in av1rules("plan", "--log-file", "l", cwd=library).stderr
        for words in (("-v", "plan"), ("plan", "-vv")):
            shutil.rmtree(library / ".av1rules")
            said = av1rules(*words, "--log-file", "l", cwd=library).stderr
            assert "$ " in said
            assert "the library was walked: 0." in said
        assert "$ " in (library / "l").read_text().partition("plan -vv")[2]


class TestColor:
    def test_the_option_is_checked(self, library: Path) -> None:
        assert (
            "'sometimes' is not one of"
            in av1rules("--color", "sometimes", "plan", cwd=library, code=2).stderr
        )


class TestLogFile:
    def lines(self, log: Path) -> list[str]:
        return log.read_text().splitlines()

    def test_all_that_is_said_with_dates_and_appended(self, library: Path) -> None:
        log = library / "av1rules.log"
        said = av1rules("--log-file", str(log), "plan", cwd=library)
        av1rules("plan", "nowhere", "--log-file", str(log), cwd=library, code=2)
        lines = self.lines(log)
        dates = {line[:4] for line in lines}
        assert dates == {lines[0][:4]}
        texts = [line[26:] for line in lines]
        assert texts[0] == f"$ av1rules --log-file {log} plan"
        first = texts.index("exit code 0")
        assert texts[1:first] == [*said.stderr.splitlines(), *said.stdout.splitlines()]
        assert any("nowhere: no film has this name" in text for text in texts[first:])
        assert texts[-1] == "exit code 2"

    def test_documents_for_programs_are_not_said(self, library: Path) -> None:
        log = library / "av1rules.log"
        av1rules("plan", "--json", "--log-file", str(log), cwd=library)
        assert [line[26:] for line in self.lines(log)][1:] == ["exit code 0"]

    @pytest.mark.parametrize("name", ["films/a.mkv", "new.mp4", "data", "missing/log", "."])
    def test_what_is_no_log_is_not_touched(self, name: str, library: Path) -> None:
        films = dict.fromkeys(("films/a.mkv", "data"), b"\x1aE\xdf\xa3\x00")
        for path, content in films.items():
            (library / path).write_bytes(content)
        said = av1rules("plan", "--log-file", name, cwd=library, code=2).stderr
        assert "log" in said
        assert {path: (library / path).read_bytes() for path in films} == films
        assert not (library / "new.mp4").exists()

    def test_a_full_disk_under_a_log_ends_no_work(self, library: Path) -> None:
        assert "0 files" in av1rules("plan", "--log-file", "/dev/full", cwd=library).stdout


class TestList:
    def typed(self, library: Path, given: bytes, *words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "av1rules", *words],
            cwd=library, input=given, capture_output=True, check=False,
        )  # fmt: skip

    @pytest.fixture
    def films(self, library: Path) -> Path:
        for name in ("one.mkv", "two.mkv", "with\nline.mkv"):
            (library / "films" / name).write_text("no film")
            os.utime(library / "films" / name, (1, 1))
        return library

    @pytest.mark.parametrize(
        ("given", "count"),
        [
            (b"films/one.mkv\n", 1),
            (b"films/one.mkv\r\ntwo.mkv\r\n\r\n", 2),
            (b"films/one.mkv\0films/with\nline.mkv\0", 2),
            (b"./films/two.mkv", 1),
        ],
    )
    def test_names_on_standard_input(self, given: bytes, count: int, films: Path) -> None:
        done = self.typed(films, given, "plan", "--csv", "-")
        assert len(done.stdout.replace(b"\\n", b"").splitlines()) == count + 1, done.stderr

    def test_an_empty_list_is_not_the_whole_library(self, films: Path) -> None:
        for command in ("plan", "run", "retry", "verify", "health", "adopt"):
            done = self.typed(films, b"\n", command, "-")
            assert (done.returncode, done.stdout) == (0, b"")
            assert b"no names on standard input: nothing to do" in done.stderr

    def test_an_empty_word_is_not_the_whole_library(self, films: Path) -> None:
        assert b"an empty name" in self.typed(films, b"", "run", "").stderr

    def test_one_film_from_a_list_of_several(self, films: Path) -> None:
        done = self.typed(films, b"one.mkv\ntwo.mkv\n", "explain", "-")
        assert done.returncode == 2
        assert b"standard input names 2 films" in done.stderr


class TestDryRun:
    def test_everything_that_changes_something_takes_it(self) -> None:
        changing = {
            *("adopt", "clips adjust", "clips approve", "clips reject", "init"),
            *("clips try", "encode", "fmt", "originals purge", "originals restore", "retry"),
            *("run", "test", "undo"),
        }
        commands = dict(every_command())
        for name in changing:
            taken = {option for param in commands[name].params for option in param.opts}
            assert {"-n", "--dry-run"} <= taken, name

    def test_init_writes_nothing_and_shows_the_rules(self, tmp_path: Path) -> None:
        (tmp_path / "films").mkdir()
        said = av1rules("init", "-n", "films", cwd=tmp_path).stdout
        assert said.startswith(
            "would write rules.yaml\nwould write rules.tests.yaml\nwould write dodo.py\n\n"
            "rules.yaml:\nversion"
        )
        assert [path.name for path in tmp_path.iterdir()] == ["films"]
        assert "wrote rules.yaml" in av1rules("init", "films", cwd=tmp_path).stdout
        assert "already exist" in av1rules("init", "-n", "films", cwd=tmp_path, code=2).stderr

    def test_run_shows_its_plan(self, library: Path) -> None:
        assert av1rules("run", "-n", cwd=library).stdout == av1rules("plan", cwd=library).stdout
        shown, planned = (
            json.loads(av1rules(*words, "--json", cwd=library).stdout)
            for words in (("run", "-n"), ("plan",))
        )
        assert shown["origin"].pop("at") <= planned["origin"].pop("at")
        assert shown == planned
