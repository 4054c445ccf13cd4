"""`av1rules facts`, and `--facts` of other commands, as users call them."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from tests.cli.test_commands import av1rules
from tests.conftest import MakeClip
from tests.sample_library import SampleLibrary

pytestmark = pytest.mark.real


@pytest.fixture
def facts(library: SampleLibrary, make_clip: MakeClip) -> Path:
    """A library with one film encoded and another one to encode, and its facts."""
    library.rules()
    library.add("a.mkv")
    av1rules("run", cwd=library.folder)
    library.add("b.mkv", make_clip("b.mkv", "-f", "lavfi", "-i", "testsrc2=s=320x180:d=0.5"))
    av1rules("facts", "export", cwd=library.folder)
    return library.folder / "facts.jsonl.gz"


def test_a_plan_of_facts_is_the_plan_of_the_library(facts: Path, tmp_path: Path) -> None:
    """Elsewhere, without FFmpeg, and without a file left behind."""
    folder = facts.parent
    of_library = av1rules("plan", "--json", cwd=folder).stdout
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("rules.yaml", "facts.jsonl.gz"):
        (elsewhere / name).write_bytes((folder / name).read_bytes())
    folder.rename(folder.with_name("unmounted"))
    found = av1rules("plan", "--facts", facts.name, "--json", cwd=elsewhere, PATH="/nowhere")
    plans = [json.loads(text) for text in (found.stdout, of_library)]
    for plan in plans:
        del plan["origin"]  # when, and from which rules file
    assert plans[0] == plans[1]
    assert sorted(os.listdir(elsewhere)) == ["facts.jsonl.gz", "rules.yaml"]


def test_show_says_of_when_it_is(facts: Path) -> None:
    text = av1rules("facts", "show", facts.name, cwd=facts.parent).stdout
    assert text.startswith("facts.jsonl.gz: 2 films, 1 target, ")
    assert "by av1rules" in text


def test_samples_need_the_films(facts: Path) -> None:
    done = av1rules("plan", "--sample", "--facts", facts.name, cwd=facts.parent, code=2)
    assert "samples need the films themselves" in done.stderr


def test_a_file_that_is_none_is_told(facts: Path) -> None:
    facts.write_text("nothing\n")
    for words in (("facts", "show", facts.name), ("plan", "--facts", facts.name)):
        done = av1rules(*words, cwd=facts.parent, code=2)
        assert f"{facts.name}:1: this is no file of facts" in done.stderr


def test_where_it_can_not_be_written(facts: Path) -> None:
    done = av1rules("facts", "export", "-o", "none/facts.jsonl.gz", cwd=facts.parent, code=2)
    assert "the facts could not be written: No such file or directory" in done.stderr


CASES = """\
version: 1
cases:
  - name: a film of the library
    given: {from: "facts.jsonl.gz#films/b.mkv"}
    expect: {rule: all, action: encode, settings: {crf: 50}}
  - name: the same, if it were larger
    given: {from: "#films/b.mkv", height: 2160}
    expect: {rule: all}
"""


def test_cases_take_films_from_facts(facts: Path) -> None:
    folder = facts.parent
    (folder / "rules.tests.yaml").write_text(CASES)
    for film in ("a.mkv", "b.mkv"):
        (folder / "films" / film).unlink()
    words = ("test", "--facts", facts.name)
    text = av1rules(*words, cwd=folder, PATH="/nowhere").stdout
    assert "2 cases passed" in text, text
    (folder / "rules.tests.yaml").write_text(CASES.replace("#films/b.mkv", "#films/c.mkv"))
    done = av1rules(*words, cwd=folder, code=2)
    assert "the facts have no film films/c.mkv" in done.stdout
    done = av1rules("test", cwd=folder, code=2)
    assert "names no film of a file of facts" in done.stdout


def test_explain_and_against_need_no_films(facts: Path) -> None:
    folder = facts.parent
    of_library = av1rules("explain", "b.mkv", cwd=folder).stdout
    (folder / "old.yaml").write_text(
        (folder / "rules.yaml").read_text().replace("crf: 50", "crf: 40")
    )
    compared = av1rules("plan", "--against", "old.yaml", cwd=folder).stdout
    (folder / "films").rename(folder / "unmounted")
    (folder / "out").rename(folder / "unmounted-out")
    given = ("--facts", facts.name)
    assert av1rules("explain", "b.mkv", *given, cwd=folder, PATH="/nowhere").stdout == of_library
    words = ("plan", "--against", "old.yaml", *given)
    assert av1rules(*words, cwd=folder, PATH="/nowhere").stdout == compared


def test_facts_of_one_film_are_about_no_other(facts: Path) -> None:
    folder = facts.parent
    for film, action in (("a.mkv", "fresh"), ("b.mkv", "encode")):
        av1rules("facts", "export", film, "-o", "one.jsonl.gz", cwd=folder)
        found = av1rules("plan", "--facts", "one.jsonl.gz", "--json", cwd=folder, PATH="/nowhere")
        plan = json.loads(found.stdout)
        (row,) = plan["rows"]
        assert (row["library_path"], row["action"]) == (f"films/{film}", action)
        other = {"a.mkv": "b.mkv", "b.mkv": "a.mkv"}[film]
        assert (
            f"films/{other}" not in gzip.decompress((folder / "one.jsonl.gz").read_bytes()).decode()
        )
