from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from av1rules.cli import doctor
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED
from av1rules.execute.resources.run_lock import run_lock
from av1rules.ffmpeg import locate as tool_search
from av1rules.ledger.database import SCHEMA_VERSION
from av1rules.ledger.ledger import Ledger
from av1rules.operations import doctor as setup_checks
from av1rules.operations.doctor import Finding, Grade, existing_part, file_system_of
from av1rules.report.checks import doctor_json, doctor_text
from tests.fakes.stub import Answer, Stub, ffmpeg_answers

RULES = """\
version: 1
library: {roots: [films]}
output: {mode: mirror, root: out}
run: {reserve: 0}
rules:
  - name: all
    encode: {}
"""

Lines = dict[tuple[str, str], dict[str, Any]]
"""Findings by section and subject."""


@pytest.fixture(autouse=True)
def _no_other_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only stubs are found: nothing embedded, and nothing else in PATH."""
    monkeypatch.setattr(tool_search, "_package_folder", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path / "stubs"))


@pytest.fixture
def good_tools(stub: Stub) -> Stub:
    for name in ("ffmpeg", "ffprobe"):
        stub.make(name, *ffmpeg_answers())
    return stub


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A folder with a rules file and a library of one file."""
    folder = tmp_path / "shelf"
    (folder / "films").mkdir(parents=True)
    (folder / "films" / "a.mkv").write_bytes(b"film")
    (folder / "rules.yaml").write_text(RULES)
    return folder


def examine(rules_file: Path) -> tuple[int, Lines]:
    result = CliRunner().invoke(
        doctor.command, ["-f", str(rules_file), "--json"], standalone_mode=False
    )
    if result.exception is not None:
        raise result.exception
    output = json.loads(result.output)
    assert output["ok"] is (result.return_value == EXIT_DONE)
    return result.return_value, {
        (line["section"], line["subject"]): line for line in output["findings"]
    }


def change(folder: Path, before: str, after: str) -> Path:
    path = folder / "rules.yaml"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    return path


def wrongs(lines: Lines) -> list[tuple[str, str]]:
    return [place for place, line in lines.items() if line["grade"] == "wrong"]


def test_a_good_set_up_is_well(good_tools: Stub, library: Path) -> None:
    code, lines = examine(library / "rules.yaml")
    assert code == EXIT_DONE
    assert {line["grade"] for line in lines.values()} <= {"ok", "note"}
    ffmpeg = f"ffmpeg {good_tools.folder / 'ffmpeg'}"
    assert lines[ffmpeg, "encoder libsvtav1"]["grade"] == "ok"
    assert lines[ffmpeg, "metric libvmaf"]["detail"] == "present"
    assert lines[ffmpeg, "metric xpsnr"]["grade"] == "note"
    assert lines["rules", str(library / "rules.yaml")]["detail"] == "1 rule, no problem"
    assert lines["library", f"films ({library / 'films'})"]["detail"].startswith(
        "1 video file, 4 B"
    )
    assert lines["output", f"output ({library / 'out'})"]["detail"].startswith("does not exist yet")
    assert lines["state", "ledger"]["detail"] == "none yet: the first run makes it"


def test_nothing_on_disk_is_changed(good_tools: Stub, library: Path) -> None:
    with closing(Ledger.open(library / ".av1rules")), run_lock(library / ".av1rules"):
        pass
    before = snapshot(library)
    examine(library / "rules.yaml")
    assert snapshot(library) == before


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file()  # SQLite's side files come and go while its database is read
    }


def test_missing_programs_are_wrong_and_the_rest_is_looked_at(library: Path) -> None:
    code, lines = examine(library / "rules.yaml")
    assert code == EXIT_FAILED
    assert wrongs(lines) == [("ffmpeg", "found"), ("ffprobe", "found"), ("in use", "programs")]
    assert lines["in use", "programs"]["detail"] == "FFmpeg 8.0 or later not found in PATH"
    assert lines["in use", "programs"]["hint"] == (
        "install FFmpeg 8.0 or later from your distribution, or run "
        "`pip install 'av1rules[ffmpeg]'`, or set tools.ffmpeg in the rules file"
    )
    assert lines["library", f"films ({library / 'films'})"]["grade"] == "ok"


def test_an_old_ffmpeg_is_wrong(stub: Stub, library: Path) -> None:
    path = stub.make("ffmpeg", *ffmpeg_answers(version="6.1.1", libavcodec=60))
    stub.make("ffprobe", *ffmpeg_answers())
    code, lines = examine(library / "rules.yaml")
    assert code == EXIT_FAILED
    assert lines[f"ffmpeg {path}", "version"]["grade"] == "wrong"
    assert lines[f"ffmpeg {path}", "version"]["detail"] == "6.1.1, need 8.0 or later"
    assert lines["in use", "programs"]["detail"] == (
        f"FFmpeg 8.0 or later required, found: 6.1.1 ({path})"
    )


def test_an_old_ffmpeg_is_a_warning_where_a_good_one_is_used(
    stub: Stub, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = stub.make("ffmpeg", *ffmpeg_answers(version="6.1.1", libavcodec=60))
    stub.make("ffprobe", *ffmpeg_answers())
    good = stub.make("ffmpeg-embedded", *ffmpeg_answers())
    monkeypatch.setattr(
        tool_search, "_embedded", lambda program: good if program == "ffmpeg" else None
    )
    code, lines = examine(library / "rules.yaml")
    assert code == EXIT_DONE
    output = lines[f"ffmpeg {old}", "version"]
    assert (output["grade"], output["detail"]) == (
        "warning",
        "6.1.1, need 8.0 or later (not used: another one is)",
    )
    assert lines["in use", "ffmpeg"]["detail"] == f"{good} (8.0.1, embedded)"


def test_a_preferred_encoder_that_is_missing_is_a_warning(good_tools: Stub, library: Path) -> None:
    rules = change(library, "version: 1\n", "version: 1\ntools: {preferred_encoder: librav1e}\n")
    code, lines = examine(rules)
    assert code == EXIT_DONE
    assert lines["in use", "encoder"]["grade"] == "warning"
    assert lines["in use", "encoder"]["detail"] == (
        "librav1e is preferred, but this FFmpeg does not have it"
    )


@pytest.mark.parametrize(
    ("setting", "says", "grade", "detail"),
    [
        ("auto", "mkvpropedit v74.0.0 ('x') 64-bit", "ok", "(v74.0.0 ('x') 64-bit): keeps"),
        ("auto", "mkvpropedit v12.0.0 ('x')", "note", "69 or later required"),
        ("auto", None, "note", "not in PATH"),
        ("off", "mkvpropedit v74.0.0 ('x')", "note", "turned off by tools.mkvpropedit"),
    ],
)
def test_mkvpropedit_is_shown_and_never_a_fault(
    good_tools: Stub, library: Path, setting: str, says: str | None, grade: str, detail: str
) -> None:
    if says is not None:
        good_tools.make("mkvpropedit", Answer(stdout=f"{says}\n"))
    rules = change(library, "version: 1\n", f"version: 1\ntools: {{mkvpropedit: {setting}}}\n")
    code, lines = examine(rules)
    assert code == EXIT_DONE
    assert lines["in use", "mkvpropedit"]["grade"] == grade
    assert detail in lines["in use", "mkvpropedit"]["detail"]


def test_a_configured_mkvpropedit_must_be_there(good_tools: Stub, library: Path) -> None:
    rules = change(library, "version: 1\n", "version: 1\ntools: {mkvpropedit: /gone/mkvpropedit}\n")
    code, lines = examine(rules)
    assert code == EXIT_FAILED
    assert lines["in use", "programs"]["detail"] == "mkvpropedit not found: /gone/mkvpropedit"


def test_every_problem_of_the_rules_is_named(good_tools: Stub, library: Path) -> None:
    rules = change(library, "encode: {}", "encode: {preset: 44, crff: 3}")
    code, lines = examine(rules)
    assert code == EXIT_FAILED
    output = [line["detail"] for (section, _), line in lines.items() if section == "rules"]
    keys = [detail.partition(": ")[0] for detail in output]
    assert keys == ["rules[0].encode.preset", "rules[0].encode.crff"]
    assert ("in use", "ffmpeg") in lines
    assert not any(section == "library" for section, _ in lines)


def test_without_a_rules_file_only_the_programs_are_checked(
    good_tools: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(doctor.command, [], standalone_mode=False)
    assert result.return_value == EXIT_DONE
    assert "  note     rules.yaml: not found, so only the programs were checked\n" in result.output
    assert result.output.endswith("\nall is well\n")


def test_a_named_rules_file_must_be_there(good_tools: Stub, tmp_path: Path) -> None:
    code, lines = examine(tmp_path / "other.yaml")
    assert (code, len(wrongs(lines))) == (EXIT_FAILED, 1)


def test_a_missing_root_is_wrong(good_tools: Stub, library: Path) -> None:
    rules = change(library, "roots: [films]", "roots: [films, /no/such/disk]")
    code, lines = examine(rules)
    assert code == EXIT_FAILED
    output = lines["library", "disk (/no/such/disk)"]
    assert output["grade"] == "wrong"
    assert output["detail"] == "the root does not exist or is not a folder (is its disk mounted?)"
    assert output["hint"] == "mount its disk or correct library.roots"


def test_a_root_without_films_is_a_warning(good_tools: Stub, library: Path) -> None:
    (library / "films" / "a.mkv").unlink()
    code, lines = examine(library / "rules.yaml")
    assert code == EXIT_DONE
    assert lines["library", f"films ({library / 'films'})"]["grade"] == "warning"


def _read_only(folder: Path) -> Callable[[Any, int], bool]:
    allowed = os.access  # root may write anywhere, so permissions alone would show nothing

    def access(path: Any, mode: int) -> bool:
        return allowed(path, mode) and not (mode & os.W_OK and Path(path) == folder)

    return access


@pytest.mark.parametrize("mode", ["mirror, root: out", "beside"])
def test_a_read_only_output_is_wrong(
    good_tools: Stub, library: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    rules = change(library, "mirror, root: out", mode)
    place = library / ("films" if mode == "beside" else "out")
    place.mkdir(exist_ok=True)
    monkeypatch.setattr(os, "access", _read_only(place))
    code, lines = examine(rules)
    assert code == EXIT_FAILED
    (output,) = (lines[place] for place in wrongs(lines))
    assert output["detail"] == f"{place} is not writable"
    assert output["hint"] == f"make {place} writable for this user, or name another folder"


def test_an_output_below_a_file_is_wrong(good_tools: Stub, library: Path) -> None:
    code, lines = examine(change(library, "root: out", "root: films/a.mkv/out"))
    assert code == EXIT_FAILED
    output = lines["output", f"output ({library}/films/a.mkv/out)"]
    assert output["detail"] == f"{library}/films/a.mkv is not a folder"


def test_a_disk_without_the_reserve_is_wrong(good_tools: Stub, library: Path) -> None:
    code, lines = examine(change(library, "reserve: 0", "reserve: 900000TiB"))
    assert code == EXIT_FAILED
    assert wrongs(lines) == [("output", f"output ({library / 'out'})")]


def test_a_folder_for_temporary_files_is_checked_too(good_tools: Stub, library: Path) -> None:
    code, lines = examine(change(library, "root: out", "root: out, temp_dir: fast"))
    assert code == EXIT_DONE
    output = lines["output", f"temporary files ({library / 'fast'})"]
    assert output["detail"].startswith("does not exist yet, can be made")


def test_a_ledger_on_a_network_file_system_is_a_warning(
    good_tools: Stub, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = library / "mounts"
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nnas:/share {library} nfs4 rw 0 0\n")
    monkeypatch.setattr(setup_checks, "_MOUNTS", mounts)
    code, lines = examine(library / "rules.yaml")
    assert code == EXIT_DONE
    output = lines["state", str(library / ".av1rules")]
    assert output["grade"] == "warning"
    assert output["detail"] == "on a network file system (nfs4), where SQLite's locks are not safe"


def test_a_run_at_work_is_named(good_tools: Stub, library: Path) -> None:
    with run_lock(library / ".av1rules"):
        code, lines = examine(library / "rules.yaml")
    assert code == EXIT_DONE
    assert lines["state", "run lock"]["detail"].startswith(
        f"a run is active: process {os.getpid()} on "
    )


def test_what_a_dead_run_left_is_a_warning(good_tools: Stub, library: Path) -> None:
    with closing(Ledger.open(library / ".av1rules")) as ledger:
        ledger.begin(str(library / "out" / ".av1rules-x"), "films/a.mkv")
    code, lines = examine(library / "rules.yaml")
    assert code == EXIT_DONE
    assert lines["state", "unfinished work"]["grade"] == "warning"
    assert lines["state", "ledger"]["detail"] == f"version {SCHEMA_VERSION}, 0 targets"


@pytest.mark.parametrize("damage", [b"not SQLite at all" * 100, b"SQLite format 3\0" + b"x" * 4096])
def test_a_damaged_ledger_is_wrong(good_tools: Stub, library: Path, damage: bytes) -> None:
    (library / ".av1rules").mkdir()
    (library / ".av1rules" / "ledger.sqlite3").write_bytes(damage)
    code, lines = examine(library / "rules.yaml")
    assert code == EXIT_FAILED
    assert len(wrongs(lines)) == 1
    assert wrongs(lines)[0][0] == "state"


def test_a_ledger_without_its_tables_is_wrong(good_tools: Stub, library: Path) -> None:
    (library / ".av1rules").mkdir()
    with closing(sqlite3.connect(library / ".av1rules" / "ledger.sqlite3")) as database:
        database.execute("PRAGMA user_version=1")
    code, lines = examine(library / "rules.yaml")
    assert code == EXIT_FAILED
    assert lines["state", "ledger"]["detail"] == (
        "the ledger can't be opened: no such table: targets"
    )


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/me/films", "ext4"),
        ("/mnt/my nas/films", "nfs"),
        ("/mnt/my nas", "nfs"),
        ("/mnt/my nasty", "ext4"),
        ("/mnt/twice/x", "cifs"),
    ],
)
def test_the_longest_and_latest_mount_point_counts(path: str, kind: str) -> None:
    mounts = (
        "/dev/sda1 / ext4 rw 0 0\nnas:/a /mnt/my\\040nas nfs rw 0 0\n"
        "/dev/sdb1 /mnt/twice xfs rw 0 0\n//nas/b /mnt/twice cifs rw 0 0\n"
    )
    assert file_system_of(Path(path), mounts) == kind
    assert file_system_of(Path(path), "") is None


def test_the_existing_part_of_a_path(tmp_path: Path) -> None:
    assert existing_part(tmp_path / "a" / "b") == tmp_path
    assert existing_part(tmp_path) == tmp_path


FINDINGS = (
    Finding(section="Python", grade=Grade.OK, subject="Python", detail="3.11.7"),
    Finding(section="library", grade=Grade.NOTE, subject="films", detail="is called \x1b[31m"),
    Finding(
        section="library", grade=Grade.WRONG, subject="tv", detail="not there", hint="mount it"
    ),
    Finding(section="state", grade=Grade.WARNING, subject="ledger", detail="on nfs"),
)


def test_findings_as_text() -> None:
    assert doctor_text(FINDINGS) == (
        "Python\n"
        "  ok       Python: 3.11.7\n"
        "\n"
        "library\n"
        "  note     films: is called \\x1b[31m\n"
        "  wrong    tv: not there\n"
        "           hint: mount it\n"
        "\n"
        "state\n"
        "  warning  ledger: on nfs\n"
        "\n"
        "1 wrong, 1 warning"
    )
    assert doctor_text(FINDINGS[3:]).endswith("\n\nnothing wrong, 1 warning")


def test_names_that_are_not_utf8_do_not_break_the_json() -> None:
    odd = Finding(section="library", grade=Grade.OK, subject="a\udcff", detail="x")
    assert json.loads(doctor_json([odd]))["findings"][0]["subject"] == "a\\xff"
