"""approvals.yaml on disk: its life, its faults, comments, writers at once, branches of git."""

from __future__ import annotations

import dataclasses
import os
import shutil
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from av1rules.approvals import file as approvals_file
from av1rules.approvals.file import approvals_path, load_approvals, record, save_approvals
from av1rules.approvals.model import (
    Answer,
    ClipDecision,
    Decisions,
    adjustments_for,
    decide,
    one_line,
    review_state,
    with_adjustments,
)
from av1rules.approvals.read import parse_approvals
from av1rules.approvals.write import render_all
from av1rules.base.errors import Av1rulesError
from av1rules.policy.model import Review, ReviewKind
from av1rules.policy.problems import RulesError
from av1rules.policy.problems import render_all as render_problems
from av1rules.policy.settings import EncodeSettings
from tests.approvals.decisions import REMUX, START, content, decision
from tests.conftest import Golden

BAD = Path(__file__).parent / "bad"
CANARY = Review(kind=ReviewKind.CANARY, canary=2)
EACH = Review(kind=ReviewKind.EACH)


class Film:
    """One film's way through its decisions, written down as it goes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.steps: list[str] = []

    def record(self, title: str, number: int, settings: EncodeSettings, review: Review) -> None:
        book = load_approvals(self.path)
        layer = adjustments_for(book, content(number))
        verdict = review_state(
            book,
            content_key=content(number),
            settings=with_adjustments(settings, layer),
            rule="remux",
            review=review,
        )
        origins = (
            [f"{one.field} from {one.place.short} ({layer.name})" for one in layer.settings]
            if layer
            else []
        )
        self.steps.append("\n".join([f"== {title}: {verdict.text}", *origins, ""]))

    def write(self, what: ClipDecision) -> None:
        record(self.path, what)
        self.steps.append(self.path.read_text(encoding="utf-8"))


def test_life_of_a_film(tmp_path: Path, golden: Golden) -> None:
    film = Film(tmp_path / "approvals.yaml")
    finer, slower = structs.replace(REMUX, crf=16.0), structs.replace(REMUX, crf=16.0, preset=2)
    film.record("new", 1, REMUX, EACH)
    film.write(decision())
    film.record("approved", 1, REMUX, EACH)
    film.record("the rule became finer", 1, finer, EACH)
    film.write(decision(Answer.ADJUSTED, minute=5, settings=finer, changes={"preset": 2}, by="Bob"))
    film.record("adjusted", 1, finer, EACH)
    film.write(decision(minute=9, settings=slower, by="Bob"))
    film.record("approved again", 1, finer, EACH)
    film.write(
        decision(Answer.REJECTED, minute=20, settings=slower, reason="grain: smears in the fog")
    )
    film.record("rejected", 1, finer, EACH)
    film.record("its content changed", 2, finer, EACH)
    golden("life_of_a_film.txt", "\n".join(film.steps))


def test_life_of_canaries(tmp_path: Path, golden: Golden) -> None:
    film = Film(tmp_path / "approvals.yaml")
    film.record("none", 9, REMUX, CANARY)
    film.write(decision(film="Solaris", number=2))
    film.record("one", 9, REMUX, CANARY)
    film.write(decision(film="Alien", number=1, minute=3))
    film.record("two", 9, REMUX, CANARY)
    film.record("other settings", 9, structs.replace(REMUX, crf=20.0), CANARY)
    golden("life_of_canaries.txt", "\n".join(film.steps))


ODD_FILMS = (
    "1917", "true", "2019-01-01", "0x1f", "1e5", "- dash", "a: b", "a #b", "[x] y", "{x}", "*a",
    "'q'", '"q"', "\\", "tab\there", "line\nbreak", "esc\x1b[31m", "\u202egnp", "\udcff\udc80",
    "e\u0301", "\U0001f600", "\U000e0001", " space ", "Ocean's 8 [1080p], x", "a\u2028",
    "\ufeff", "\u0663",
)  # fmt: skip


@pytest.mark.parametrize("film", ODD_FILMS)
def test_any_name_comes_back(film: str, tmp_path: Path) -> None:
    path = tmp_path / "approvals.yaml"
    made = dataclasses.replace(decision(), source=film, by=one_line(film, 200))
    assert record(path, made).decisions == (made,)
    assert load_approvals(path).decisions == (made,)
    by_yaml = path.read_text(encoding="utf-8").replace("version: 1", "version:  1")
    by_yaml = by_yaml.replace("    decision: approved", "    decision:  approved")
    path.write_text(by_yaml, encoding="utf-8")
    assert load_approvals(path).decisions == (made,)
    text = path.read_text(encoding="utf-8")
    assert "\x1b" not in text
    assert "\u202e" not in text


@given(source=st.text(st.characters(), min_size=1, max_size=20).filter(str.strip))
def test_any_text_comes_back_by_form_and_by_yaml(source: str) -> None:
    made = dataclasses.replace(decision(), source=source)
    text = render_all((made,))
    for same in (text, text.replace("decision: ", "decision:  ")):
        book, problems = parse_approvals(same.encode(), file="approvals.yaml")
        assert not problems
        assert book.decisions == (made,)


def test_settings_are_shown_by_their_names_of_today_whatever_the_file_calls_them() -> None:
    now = dataclasses.replace(
        decision(), shown=(("quality_target", "VMAF p5 at least 93, CRF 10 to 50"),)
    )
    text = render_all([now])
    then = text.replace("quality_target:", "target:")
    assert then != text
    for form in (text, then):
        book, problems = parse_approvals(form.encode(), file="approvals.yaml")
        assert problems == ()
        assert [one.shown for one in book.decisions] == [now.shown]


def test_every_kind_of_change_comes_back(tmp_path: Path) -> None:
    changes = {
        "encoder": "libaom-av1", "crf": 16.25, "preset": 2, "film_grain": 10,
        "film_grain_denoise": False, "tune": "ms-ssim", "keyint": "10s", "bit_depth": 10,
        "deinterlace": "bwdif", "params": (("ac-bias", "1.5"), ("enable-qm", "1")),
        "container": "mp4",
    }  # fmt: skip
    made = decision(Answer.ADJUSTED, changes=changes, reason="looks soft")
    book = record(tmp_path / "approvals.yaml", made)
    assert book.decisions == (made,)
    assert dict(book.decisions[0].changes) == changes


@pytest.mark.parametrize("name", sorted(path.name for path in BAD.glob("*.yaml")))
def test_text_of_all_faults(name: str, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    with pytest.raises(RulesError) as caught:
        load_approvals(Path(name))
    golden(name.replace(".yaml", ".txt"), f"{caught.value}\n")


def test_nothing_is_written_to_a_file_with_faults(tmp_path: Path) -> None:
    path = tmp_path / "approvals.yaml"
    path.write_text("version: 1\ndecisions:\n  - sauce: x\n")
    with pytest.raises(RulesError):
        record(path, decision())
    assert path.read_text() == "version: 1\ndecisions:\n  - sauce: x\n"
    assert os.listdir(tmp_path) == ["approvals.yaml"]


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# only words\n", "version: 1\n", "version: 1\ndecisions: []\n"]
)
def test_a_file_without_decisions_is_an_empty_book(text: str, tmp_path: Path) -> None:
    path = tmp_path / "approvals.yaml"
    path.write_text(text)
    assert load_approvals(path) == Decisions()
    assert len(record(path, decision()).decisions) == 1
    assert ("# only words" in path.read_text()) == ("# only words" in text)


def test_no_file_is_an_empty_book_and_saving_it_writes_none(tmp_path: Path) -> None:
    path = approvals_path(tmp_path / "rules.yaml")
    assert save_approvals(path, load_approvals(path)) == Decisions()
    assert os.listdir(tmp_path) == []


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "approvals.yaml")
    with pytest.raises(Av1rulesError, match="can't read the approvals: it is not a regular file"):
        load_approvals(tmp_path / "approvals.yaml")


COMMENTED = """\
# Our films.
# Ask Ann before you change this.

version: 1
decisions: # by film

  # watched on the OLED
  - source: movies/Alien/Alien.mkv   # the long cut
    decision: approved
    by: Ann
    at: 2026-11-22T20:00:00Z
    rule: remux
    shown: {crf: 18, preset: 3, film_grain: 8}
    content: 1000000000-00000000000000000000000000000001
    settings: 56ab

  # needs another look
  - at: 2026-11-22T21:00:00Z
    source: movies/Solaris/Solaris.mkv
    decision: rejected
    # why so soft?
    reason: >-
      too soft
      in the fog
    by: Bob
    rule: remux
    shown:
      crf: 18
    content: 2000000000-00000000000000000000000000000002
    settings: 56ab
# the end
"""


def commented(path: Path) -> str:
    text = COMMENTED.replace("56ab", decision().settings)
    path.write_text(text, encoding="utf-8")
    return text


def test_comments_and_lines_of_a_person_survive(tmp_path: Path) -> None:
    path = tmp_path / "approvals.yaml"
    text = commented(path)
    record(path, decision(film="Metropolis", number=3, minute=30))
    lines = path.read_text(encoding="utf-8").split("\n")
    at = next(i for i, line in enumerate(lines) if "Metropolis" in line)
    assert "\n".join(lines[:at] + lines[at + 8 :]) == text
    assert len(load_approvals(path).decisions) == 3
    assert load_approvals(path).of_content(content(2))[0].reason == "too soft in the fog"


def test_comments_pass_to_the_decision_that_takes_the_place(tmp_path: Path) -> None:
    path = tmp_path / "approvals.yaml"
    commented(path)
    later = decision(film="Solaris", number=2, minute=90, by="Ann")
    assert len(record(path, later).decisions) == 2
    text = path.read_text(encoding="utf-8")
    assert "  # needs another look\n  - source: movies/Solaris/Solaris.mkv\n" in text
    assert "too soft" not in text
    assert text.endswith("# the end\n")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("version: 1\n", "").rstrip("\n") + "\nversion: 1\n",
        lambda text: text.replace("decisions: # by film", "'decisions':"),
    ],
)
def test_yaml_of_another_form_is_read_and_written_over(change, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "approvals.yaml"
    path.write_text(change(commented(path)), encoding="utf-8")
    assert len(load_approvals(path).decisions) == 2
    assert len(record(path, decision(film="Metropolis", number=3)).decisions) == 3
    assert len(load_approvals(path).decisions) == 3


def test_a_link_and_the_rights_of_the_file_stay(tmp_path: Path) -> None:
    real = tmp_path / "checkout" / "approvals.yaml"
    real.parent.mkdir()
    link = tmp_path / "approvals.yaml"
    link.symlink_to(real)
    record(link, decision())
    real.chmod(0o660)
    record(link, decision(number=2))
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o660
    assert len(load_approvals(link).decisions) == 2


def test_what_is_said_last_counts_even_by_a_slow_clock(tmp_path: Path) -> None:
    path = tmp_path / "approvals.yaml"
    record(path, decision(minute=30))
    book = record(path, decision(Answer.REJECTED, minute=1, reason="banding"))
    assert [one.answer for one in book.decisions] == [Answer.REJECTED]
    assert book.decisions[0].at == START + timedelta(minutes=30, seconds=1)


def test_saving_an_old_book_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "approvals.yaml"
    mine = decide(load_approvals(path), decision())
    record(path, decision(film="Solaris", number=2))
    assert {one.content for one in save_approvals(path, mine).decisions} == {content(1), content(2)}
    before = path.stat().st_mtime_ns
    save_approvals(path, mine)
    assert path.stat().st_mtime_ns == before


def _write_ten(path: Path, first: int) -> None:
    for number in range(first, first + 10):
        record(path, decision(film=f"Film {number}", number=number))


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "approvals.yaml"
    with ThreadPoolExecutor(3) as writers:  # a lock is of one opening, whatever the process
        list(writers.map(lambda first: _write_ten(path, first), (10, 20, 30)))
    assert len(load_approvals(path).decisions) == 30
    assert os.listdir(tmp_path) == ["approvals.yaml"]


def test_without_locks_a_change_in_between_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "approvals.yaml"
    record(path, decision(film="A", number=1))
    first = path.read_text()
    record(path, decision(film="B", number=2))
    both = path.read_text()
    path.write_text(first)
    composed = approvals_file._composed
    seen: list[bytes] = []

    def slowly(*arguments):  # type: ignore[no-untyped-def]
        new = composed(*arguments)
        if not seen:
            path.write_text(both)  # an editor, which takes no lock
        seen.append(new)
        return new

    monkeypatch.setattr(approvals_file, "_composed", slowly)
    record(path, decision(film="C", number=3))
    assert len(seen) == 2
    assert len(load_approvals(path).decisions) == 3


def test_ten_thousand_decisions_need_no_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Decisions(decisions=tuple(decision(film=f"F{n}", number=n) for n in range(10_000)))
    raw = render_all(made.decisions).encode()
    monkeypatch.setattr("av1rules.approvals.read.parse_document", None)
    book, problems = parse_approvals(raw, file="approvals.yaml")
    assert not problems
    assert book == made


needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="no git")


def _merged(
    folder: Path, base: Decisions, ours: Decisions, theirs: Decisions, *how: str
) -> tuple[int, Path]:
    for name, book in (("base", base), ("ours", ours), ("theirs", theirs)):
        (folder / name).write_text(render_all(book.decisions), encoding="utf-8")
    done = subprocess.run(
        ["git", "merge-file", "-p", *how, "ours", "base", "theirs"],
        cwd=folder, capture_output=True, check=False,
    )  # fmt: skip
    path = folder / "approvals.yaml"
    path.write_bytes(done.stdout)
    return done.returncode, path


def _with(book: Decisions, *films: str, minute: int, by: str) -> Decisions:
    for film in films:
        number = 100 + minute
        book = decide(book, decision(film=film, number=number, minute=minute, by=by))
        minute += 1
    return book


@needs_git
def test_branches_about_films_apart_merge_by_themselves(tmp_path: Path) -> None:
    base = _with(Decisions(), "B", "H", "N", "T", minute=0, by="Ann")
    ours = _with(base, "C", "D", minute=10, by="Ann")
    theirs = _with(base, "P", "Q", minute=20, by="Bob")
    conflicts, path = _merged(tmp_path, base, ours, theirs)
    assert conflicts == 0
    assert load_approvals(path) == _with(ours, "P", "Q", minute=20, by="Bob")


@needs_git
def test_branches_about_neighbours_merge_by_union(tmp_path: Path) -> None:
    base = _with(Decisions(), "B", "T", minute=0, by="Ann")
    ours = _with(base, "C", "D", "E", minute=10, by="Ann")
    theirs = _with(base, "P", "Q", minute=20, by="Ann")
    conflicts, path = _merged(tmp_path, base, ours, theirs, "--union")
    assert conflicts == 0
    assert load_approvals(path) == _with(ours, "P", "Q", minute=20, by="Ann")


@needs_git
def test_a_conflict_is_told_and_both_sides_may_stand(tmp_path: Path) -> None:
    base = _with(Decisions(), "B", "T", minute=0, by="Ann")
    ours = _with(base, "P", "R", minute=10, by="Ann")
    theirs = _with(base, "C", "Q", minute=20, by="Ann")
    conflicts, path = _merged(tmp_path, base, ours, theirs)
    assert conflicts == 1
    with pytest.raises(RulesError, match="git could not merge two branches here"):
        load_approvals(path)
    kept = [line for line in path.read_text().split("\n") if line[:7] not in MARKS]
    path.write_text("\n".join(kept))
    assert load_approvals(path) == _with(ours, "C", "Q", minute=20, by="Ann")
    record(path, decision(film="Z", number=9, minute=40))
    films = [one.source[7] for one in load_approvals(path).decisions]
    text = path.read_text()
    assert films == ["B", "C", "P", "Q", "R", "T", "Z"]
    assert text.index("movies/C/") < text.index("movies/P/") < text.index("movies/Q/")


MARKS = ("<<<<<<<", "=======", ">>>>>>>")


@needs_git
def test_two_answers_on_one_film_are_no_silent_union(tmp_path: Path) -> None:
    base = _with(Decisions(), "B", "M", "T", minute=0, by="Ann")
    film = base.decisions[1]
    ours = decide(base, dataclasses.replace(film, at=START + timedelta(hours=1), by="Ann Two"))
    theirs = decide(
        base,
        dataclasses.replace(
            film, at=START + timedelta(hours=2), answer=Answer.REJECTED, reason="soft", by="Bob"
        ),
    )
    _, path = _merged(tmp_path, base, ours, theirs, "--union")
    with pytest.raises(RulesError) as caught:
        load_approvals(path)
    assert "duplicate key" in render_problems(caught.value.problems)
