"""`av1rules report` as typed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from av1rules.base.errors import UsageError
from av1rules.cli.report import parse_since
from tests.cli.test_commands import av1rules
from tests.execute.trash_library import RULES
from tests.report.sample_history import fill
from tests.sample_library import Disk, SampleLibrary

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def past_library(tmp_path: Path) -> Path:
    (tmp_path / "films").mkdir()
    (tmp_path / "rules.yaml").write_text(RULES.format(originals=""))
    fill(tmp_path / ".av1rules", count=40)
    return tmp_path


def typed(*arguments: str, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    return av1rules("report", *arguments, cwd=cwd, code=code, TZ="UTC")


def test_every_form_and_nothing_else_is_written(
    past_library: Path, snapshot: Callable[[Path], Disk]
) -> None:
    before = snapshot(past_library)
    first = {
        "txt": "av1rules report, ",
        "md": "# av1rules report",
        "csv": "outcome,source,target",
        "json": '{\n  "format": 1',
        "HTML": "<!DOCTYPE html>",
    }
    for suffix, start in first.items():
        goal = past_library / f"report.{suffix}"
        assert typed("-o", goal.name, cwd=past_library).stdout == ""
        assert goal.read_text().startswith(start)
        goal.unlink()
    text = typed("--format", "csv", cwd=past_library).stdout
    assert text.startswith(first["csv"])
    assert len(text.splitlines()) == 1 + 40 + 28 + 12, "targets, verdicts, clips"
    assert snapshot(past_library) == before


def test_nothing_done_yet_makes_nothing(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "rules.yaml").write_text(RULES.format(originals=""))
    assert "0 targets" in typed(cwd=tmp_path).stdout
    assert not (tmp_path / ".av1rules").exists()


def test_since(past_library: Path) -> None:
    all_of_it = json.loads(typed("--format", "json", cwd=past_library).stdout)
    recent = json.loads(typed("--format", "json", "--since", "2026-02-10", cwd=past_library).stdout)
    assert recent["since"] == "2026-02-10T00:00:00Z"
    assert 0 < recent["total"]["files"] < all_of_it["total"]["files"] == 40
    assert "expected a date or how long ago, found 'soon'" in (
        typed("--since", "soon", cwd=past_library, code=2).stderr
    )


@pytest.mark.real
def test_what_a_plan_of_today_leaves_is_told_where_asked(library: SampleLibrary) -> None:
    library.add("a.mkv")
    (library.folder / "films" / "b.mkv").write_text("a text")
    output = json.loads(typed("--plan", "--format", "json", cwd=library.folder).stdout)
    (blocked,) = output["skipped"]
    assert (blocked["action"], blocked["files"], blocked["size_bytes"]) == ("blocked", 1, 6)
    assert "it is a text" in blocked["cause"]
    assert "Skipped, held and left alone (1 file)" in typed("--plan", cwd=library.folder).stdout
    assert "Skipped, held" not in typed(cwd=library.folder).stdout


@pytest.mark.parametrize(
    ("text", "ago"), [("30d", timedelta(30)), ("12h", timedelta(hours=12)), ("2w", timedelta(14))]
)
def test_how_long_ago(text: str, ago: timedelta) -> None:
    assert parse_since(text, NOW) == NOW - ago


@pytest.mark.parametrize("text", ["", "2026-02-30", "-3d", "9999999w", "1e99d", "0001-01-01x"])
def test_no_time_at_all(text: str) -> None:
    with pytest.raises(UsageError, match="expected a date"):
        parse_since(text, NOW)


@pytest.mark.parametrize("name", ["films/a.mkv", "new.mkv", "films", "link.html", "folder.html"])
def test_only_files_named_like_reports_are_written(past_library: Path, name: str) -> None:
    film = past_library / "films" / "a.mkv"
    film.write_bytes(b"film")
    (past_library / "link.html").symlink_to("films/a.mkv")
    (past_library / "folder.html").mkdir()
    output = typed("--format", "html", "-o", name, cwd=past_library, code=2).stderr
    assert "not a file name for a report" in output
    assert film.read_bytes() == b"film"


@pytest.mark.parametrize(
    ("name", "form", "start"),
    [
        ("x.markdown", "markdown", "# av1rules report"),
        ("x.markdown", None, "# av1rules report"),
        ("x.txt", "markdown", "# av1rules report"),
        ("x.txt", "json", '{\n  "format": 1'),
        ("x", "csv", "outcome,source,target"),
        ("x.log", "text", "av1rules report, "),
    ],
)
def test_the_format_that_is_asked_for_is_written(
    name: str, form: str | None, start: str, past_library: Path
) -> None:
    words = ("-o", name) if form is None else ("-o", name, "--format", form)
    typed(*words, cwd=past_library)
    assert (past_library / name).read_text().startswith(start)


@pytest.mark.parametrize(
    ("name", "form"), [("x.csv", "html"), ("x.md", "json"), ("x.txt", "html"), ("x.html", "text")]
)
def test_a_name_that_says_another_format_is_a_mistake(
    name: str, form: str, past_library: Path
) -> None:
    output = typed("-o", name, "--format", form, cwd=past_library, code=2).stderr
    assert f"the format is {form}, but the name ends with {Path(name).suffix}" in output
    assert not (past_library / name).exists()


def test_a_file_that_may_be_no_report_is_not_overwritten(past_library: Path) -> None:
    (past_library / "notes").write_text("mine")
    output = typed("-o", "notes", "--format", "text", cwd=past_library, code=2).stderr
    assert "its name is not that of a report" in output
    assert (past_library / "notes").read_text() == "mine"
    assert "or give --format" in typed("-o", "notes", cwd=past_library, code=2).stderr


def test_a_place_that_can_not_be_written_to_is_told(past_library: Path) -> None:
    output = typed("-o", "absent/report.html", cwd=past_library, code=2).stderr
    assert "could not be written: No such file or directory" in output


def test_page_without_its_libraries_says_what_to_install(past_library: Path) -> None:
    script = (
        "import sys; sys.modules['pygal'] = None\n"
        "sys.argv = ['av1rules', 'report', '--format', 'html']\n"
        "from av1rules.cli.main import run\n"
        "run()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=past_library,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "needs pygal, which is not installed" in done.stderr
    assert "pip install 'av1rules[report]'" in done.stderr


def test_other_forms_load_no_chart_library(past_library: Path) -> None:
    script = (
        "import sys; sys.argv = ['av1rules', 'report']\n"
        "from av1rules.cli.main import run\n"
        "try:\n    run()\nexcept SystemExit:\n"
        "    print({'pygal', 'jinja2', 'rich', 'doit'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=past_library, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("set()\n")
