"""The commands as typed: what they print, where, and how they end."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from av1rules.cli.main import COMMANDS
from av1rules.execute.resources.run_lock import run_lock
from tests.cli.terminal import on_a_terminal
from tests.conftest import MakeClip
from tests.output.check import check_output
from tests.sample_library import FAST, RULES, SampleLibrary

ROOT = Path(__file__).parents[2]


def av1rules(
    *arguments: str, cwd: Path, code: int = 0, **env: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "av1rules", *arguments],
        cwd=cwd,
        capture_output=True,
        check=False,
        env={**os.environ, **env},
        encoding="utf-8",
        errors="replace",
    )
    assert done.returncode == code, done.stdout + done.stderr
    if "--json" in arguments and done.stdout:
        check_output(arguments, done.stdout)
    return done


def test_help_names_every_command_and_loads_none(tmp_path: Path) -> None:
    text = av1rules("--help", cwd=tmp_path).stdout
    for name, what in COMMANDS.items():
        assert name in text
        assert what.split(":")[0].split(",")[0] in " ".join(text.split())
    probe = (
        "import sys; sys.argv = ['av1rules', '--help']\n"
        "from av1rules.cli.main import run\n"
        "try:\n    run()\nexcept SystemExit:\n"
        "    heavy = {'doit', 'rich', 'jsonschema', 'tabulate', 'ruamel', 'sqlite3'}\n"
        "    print('LOADED', sorted(heavy & set(sys.modules)))\n"
    )
    out = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines()[-1] == "LOADED []"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help(name: str, tmp_path: Path) -> None:
    assert "Usage: av1rules " + name in av1rules(name, "--help", cwd=tmp_path).stdout


def test_unknown_command_is_bad_usage(tmp_path: Path) -> None:
    assert (
        "There is no command 'plam'. Did you mean plan?"
        in av1rules("plam", cwd=tmp_path, code=2).stderr
    )


def test_missing_rules_file_says_what_to_do(tmp_path: Path) -> None:
    stderr = av1rules("plan", cwd=tmp_path, code=2).stderr
    assert "rules.yaml" in stderr
    assert "hint:" in stderr
    assert "Traceback" not in stderr


def test_init_writes_a_policy_that_works(library: SampleLibrary) -> None:
    library.rules_file.unlink()
    library.add("A Film (1999) 1080p WEB-DL.mkv")
    text = av1rules("init", "films", cwd=library.folder).stdout
    assert "wrote rules.yaml" in text
    rules = library.rules_file.read_text()
    assert len(rules.splitlines()) == 10
    assert len((library.folder / "dodo.py").read_text().splitlines()) == 2
    av1rules("validate", "--strict", cwd=library.folder)
    again = av1rules("init", "films", cwd=library.folder, code=2).stderr
    assert "init overwrites nothing" in again
    assert library.rules_file.read_text() == rules


@pytest.mark.parametrize("name", ["my films: all", "it's #1", 'quo"te\\back', "täglich", "- x"])
def test_init_quotes_any_folder_name(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    av1rules("init", f"./{name}", cwd=tmp_path)
    assert ": valid" in av1rules("validate", cwd=tmp_path).stdout


def test_validate_shows_all_problems_and_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(
        "version: 1\nlibrary: {roots: [x]}\nrules:\n  - {name: a, encode: {crf: 99}}\n"
        "  - {name: b, encod: {}}\n"
    )
    text = av1rules("validate", cwd=tmp_path, code=2).stdout
    assert "rules.yaml:4:" in text
    assert "rules.yaml:5:" in text
    assert "rules[0].encode.crf: " in text
    assert "rules[1].encod: " in text
    assert os.listdir(tmp_path) == ["rules.yaml"]


@pytest.mark.real
class TestPlan:
    def test_table_json_and_csv_agree(self, library: SampleLibrary) -> None:
        library.add("a.mkv")
        library.add(b"odd\xff\x1b[31m.mkv")
        library.add("b.mkv").write_bytes(b"no film")
        table = av1rules("plan", cwd=library.folder).stdout
        assert re.search(r"^encode   2 .*\nblocked  1 ", table, re.MULTILINE)
        assert "odd\\xff\\x1b[31m.mkv" in table
        assert "\x1b" not in table
        document = json.loads(av1rules("plan", "--json", cwd=library.folder).stdout)
        assert document["totals"]["encode"]["files"] == 2
        row = document["rows"][0]
        assert (row["action"], row["causes"], row["rule"]) == ("encode", ["new"], "all")
        assert row["settings"]["crf"] == 50
        assert row["origins"]["crf"] == "rules.yaml:7 (rule all)"
        lines = list(
            csv.DictReader(io.StringIO(av1rules("plan", "--csv", cwd=library.folder).stdout))
        )
        assert [line["action"] for line in lines] == ["encode", "blocked", "encode"]
        assert [line["path"] for line in lines] == [
            row["path"].replace("\x1b", "\\x1b") for row in document["rows"]
        ]

    def test_detailed_exitcode_says_whether_there_is_work(self, library: SampleLibrary) -> None:
        library.add("a.mkv")
        av1rules("plan", cwd=library.folder)
        av1rules("plan", "--detailed-exitcode", cwd=library.folder, code=2)
        library.run()
        av1rules("plan", "--detailed-exitcode", cwd=library.folder)

    @pytest.mark.parametrize("options", [(), ("--detailed-exitcode",), ("--json",)])
    def test_a_plan_that_does_not_cover_the_library_fails(
        self, library: SampleLibrary, options: tuple[str, ...]
    ) -> None:
        library.rules(RULES.format(settings=FAST).replace("[films]", "[films, more]"))
        (library.folder / "more").mkdir()
        library.add("a.mkv")
        assert library.run().done == 1
        (library.folder / "more").rmdir()
        av1rules("plan", *options, cwd=library.folder, code=1)
        (library.folder / "more").mkdir()
        (library.folder / "films" / "a.mkv").unlink()
        stopped = av1rules("plan", *options, cwd=library.folder, code=1).stdout
        assert "but held 1 file at the last run" in stopped

    def test_path_that_is_not_there(self, library: SampleLibrary) -> None:
        assert (
            "no film has this name"
            in av1rules("plan", "nowhere", cwd=library.folder, code=2).stderr
        )

    def test_all_lists_fresh_files(self, library: SampleLibrary) -> None:
        library.add("a.mkv")
        library.run()
        assert "films/a.mkv" not in av1rules("plan", cwd=library.folder).stdout
        assert "films/a.mkv" in av1rules("plan", "--all", cwd=library.folder).stdout


@pytest.mark.real
class TestRun:
    def test_json_events_are_one_object_a_line(self, library: SampleLibrary) -> None:
        library.add(b"odd\xff.mkv")
        done = av1rules("run", "--json", cwd=library.folder)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        types = [e["type"] for e in events if e["type"] not in ("progress", "probing")]
        assert types == ["run_forecast", "run_started", "job_started", "job_done", "run_finished"]
        assert events[-1]["done"] == 1
        assert all(event["time"] for event in events)
        assert {event["source"] for event in events if event["type"] == "job_done"} == {
            "films/odd\\xff.mkv"
        }

    def test_plain_lines_without_a_terminal(self, library: SampleLibrary) -> None:
        library.add("a.mkv")
        done = av1rules("run", cwd=library.folder)
        assert done.stdout == ""
        lines = done.stderr.splitlines()
        assert any("films/a.mkv: done: " in line for line in lines)
        assert "\x1b" not in done.stderr

    def test_blocked_files_are_told_and_fail_the_run(self, library: SampleLibrary) -> None:
        library.add("a.mkv")
        library.add("b.mkv").write_bytes(b"no film")
        done = av1rules("run", cwd=library.folder, code=1)
        assert "films/b.mkv: blocked: can't be read as video" in done.stderr
        assert library.target("a.mkv").exists()

    def test_second_run_is_refused(self, library: SampleLibrary) -> None:
        library.add("a.mkv")
        library.run()
        with run_lock(library.state_dir):
            refused = av1rules("run", cwd=library.folder, code=5)
        assert f"process {os.getpid()}" in refused.stderr

    def test_screen_shows_a_bar_for_each_job(
        self,
        library: SampleLibrary,
        make_clip: MakeClip,
    ) -> None:
        longer = make_clip("l.mkv", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=24:d=8")
        library.rules(settings="crf: 40, preset: 7, max_size_ratio: 9")
        library.add("a[1].mkv", longer)
        library.add("b.mkv", longer)
        code, screen = on_a_terminal(["run", "-j", "2"], cwd=library.folder)
        assert code == 0, screen
        for text in ("films/a[1].mkv", "films/b.mkv", "2 of 2 done", "encode", "2 done in"):
            assert text in screen


@pytest.mark.real
def test_receipt_and_explain_of_a_made_target(library: SampleLibrary) -> None:
    source = library.add("a.mkv")
    library.rules(settings=f"{FAST}, quality_gate: {{scope: whole}}")
    library.run()
    text = av1rules("receipt", str(library.target("a.mkv")), cwd=library.folder).stdout
    for word in (
        "libsvtav1",
        "passed  decode",
        "xxh3-128:",
        "rules.yaml:7 (rule all)",
        "run          1",
        "measured on the whole film\n  vmaf   mean ",
        "FFmpeg's last lines",
        "frames encoded;",
    ):
        assert word in text
    document = json.loads(
        av1rules("receipt", "--json", str(library.target("a.mkv")), cwd=library.folder).stdout
    )
    assert document["source_bytes"] == source.stat().st_size
    assert document["picture"]["frame_rate"] == "24"
    assert [score["metric"] for score in document["scores"]] == ["vmaf"]
    assert av1rules("receipt", str(source), cwd=library.folder).stdout == text, "by its source too"
    other = library.add("other.mkv")
    assert "no receipt" in av1rules("receipt", str(other), cwd=library.folder, code=2).stderr
    other.unlink()
    explained = av1rules("explain", "films/a.mkv", cwd=library.folder).stdout
    command = explained.rsplit("Command\n", 1)[1].strip()
    # Word for word what was run, but for the names of temporary files.
    ran = re.sub(r"file:\S+/\.av1rules-\w+/", "file:TEMPORARY-FOLDER/", document["command"])
    assert command == ran
    for word in ("mpeg2video", "remux", "<- decides", "crf", "up to date"):
        assert word in explained


@pytest.mark.real
def test_explain_says_unknown_for_what_is_unknown(library: SampleLibrary) -> None:
    library.rules(
        "version: 1\nlibrary: {roots: [films], settle: 0}\nrules:\n"
        "  - {name: grainy, when: {grain: {min: 2}}, encode: {}}\n"
        "  - {name: small, when: {height: {max: 100}, path: '*.mkv'}, hold: too small}\n"
    )
    library.add("a.mkv")
    text = av1rules("explain", "films/a.mkv", cwd=library.folder).stdout
    assert "grain: {min: 2}: unknown (is unknown)" in text
    assert "(is 72)" in text
    assert "measure\n" in text  # only then it is known whether the first rule matches
    outside = av1rules("explain", "rules.yaml", cwd=library.folder, code=2).stderr
    assert "not below any root of the library" in outside
    (library.folder / "films" / "notes.txt").touch()
    notes = av1rules("explain", "films/notes.txt", cwd=library.folder, code=2).stderr
    assert "not a video file of the library" in notes


@pytest.mark.real
def test_reader_that_leaves_early_is_no_error(library: SampleLibrary) -> None:
    for number in range(30):
        library.add(f"{number}.mkv")
    command = f"{sys.executable} -m av1rules plan --json -f {library.rules_file} | head -c 100"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, check=False
    )
    assert b"Traceback" not in done.stderr
    assert done.stderr == b""


def test_fault_of_ours_is_told_as_such(tmp_path: Path) -> None:
    script = (
        "import sys; sys.argv = ['av1rules', 'validate']\n"
        "import av1rules.cli.policy.validate as v, av1rules.cli.main as m\n"
        "def broken(path): raise RuntimeError('boom')\n"
        "v.check_rules = broken\nm.run()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert "RuntimeError: boom" in done.stderr
    assert "please report it" in done.stderr


@pytest.mark.real
def test_the_command_says_which_numbers_it_lacks(library: SampleLibrary) -> None:
    library.rules(RULES.format(settings=f"quality_target: {{mean: 80}}, {FAST.partition(', ')[2]}"))
    library.add("a.mkv")
    text = av1rules("explain", "films/a.mkv", cwd=library.folder).stdout
    assert "(not found yet, shown with its start value: CRF)" in text
