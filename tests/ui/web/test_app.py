"""The pages of a library as they are served: what they show, and what they make of odd requests."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.approvals.model import Answer
from av1rules.base.errors import UsageError
from av1rules.ledger.clips import clip_place
from av1rules.ledger.controls import ALL_FILMS, ControlKind
from av1rules.ledger.films.queue import QueuedFilm
from av1rules.ledger.ledger import LEDGER_NAME, Ledger
from av1rules.ledger.records import Attempt, AttemptResult
from av1rules.operations.control import read_controls
from av1rules.ui.event_log import EventLog
from av1rules.ui.web.access import keys_of
from av1rules.ui.web.app import PageApp
from av1rules.ui.web.guard import FORM_KEY, Access
from av1rules.ui.web.library import ClipVerdict, LibraryActor, film_id, film_of
from tests.operations.test_clip_status import clip
from tests.plan.test_freshness import ROW
from tests.report.live.test_fold import DONE, HALF, JOB, STARTED
from tests.ui.test_live_source import hold
from tests.ui.web.asgi import Answered, call

RULES = """\
version: 1
library: {roots: [films]}
rules:
  - name: everything
    encode: {}
"""

EVIL = "films/<script>alert(1)</script>\u202e & \"quoted\" 'name'.mkv"
BYTES = "films/caf\udce9.mkv"
KEYS = keys_of("t")


class Site:
    """A library that is served, without a server."""

    def __init__(self, folder: Path, root: str = "") -> None:
        self.folder, self.root = folder, root
        access = Access(keys=KEYS, hosts=frozenset({"localhost"}))
        self.app = PageApp(folder / "rules.yaml", access, root=root)
        self._asgi = self.app.asgi()

    @property
    def state(self) -> Path:
        return self.folder / ".av1rules"

    def get(self, path: str, **headers: str) -> Answered:
        known = {"cookie": f"av1rules={KEYS.session}", "accept": "text/html", **headers}
        return call(self._asgi, path, headers=known, root=self.root)

    def post(self, path: str, body: str = "") -> Answered:
        headers = {"cookie": f"av1rules={KEYS.session}"}
        data = f"{FORM_KEY}={KEYS.form}&{body}".encode()
        return call(self._asgi, path, method="POST", headers=headers, body=data, root=self.root)


def queued(film: str, place: int) -> QueuedFilm:
    return QueuedFilm(
        film=film, place=place, kind="encode", size_bytes=8 << 30, seconds=7200.0,
        likely_bytes=float(2 << 30), saving_bytes=float(6 << 30), rule="all", cause="new",
    )  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    (tmp_path / "films").mkdir()
    (tmp_path / "rules.yaml").write_text(RULES)
    state = tmp_path / ".av1rules"
    with closing(Ledger.open(state)) as ledger:
        path = Path(clip_place(state, "print1"))
        path.parent.mkdir()
        path.write_bytes(b"0123456789")
        ledger.clips.put(replace(clip(1), path=str(path), size_bytes=10, source=EVIL))
        ledger.clips.put(replace(clip(2), path="/etc/hostname", size_bytes=5))
        ledger.commit(replace(ROW, source="films/done.mkv"), None)
        films = [
            queued(EVIL, 0),
            queued(BYTES, 1),
            *(queued(f"films/{n}.mkv", n) for n in range(2, 70)),
        ]
        ledger.queue.put(films, is_whole=True)
    made = Site(tmp_path)
    yield made
    made.app.close()


def test_the_first_page_shows_what_goes_on(site: Site) -> None:
    hold(site.state, os.getpid())
    with EventLog(site.state) as log:
        for event in (STARTED, JOB, HALF):
            log(event)
        text = site.get("/").text
        assert 'aria-label="encode of' in text
        assert "50%" in text
        log(DONE)
    text = site.get("/").text
    assert 'aria-label="encode of' not in text
    assert "smaller" in text
    assert "All 70" in text


def test_every_page_has_a_title_landmarks_and_no_inline_code(site: Site) -> None:
    for path in ("/", "/films", "/clips", "/clips/print1", "/nothing"):
        text = site.get(path).text
        assert re.search(r"<title>.+ · av1rules</title>", text), path
        assert '<html lang="en">' in text
        assert '<main id="main"' in text
        assert text.count("<h1") == 1
        assert not re.search(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=|javascript:", text)
        assert not re.search(r"(?:src|href|action)=\"(?!/|#|\")", text), path


def test_names_are_text_wherever_they_stand(site: Site) -> None:
    for path in ("/", "/films", "/clips", "/clips/print1", "/films?text=<script>alert(2)"):
        text = site.get(path).text
        assert "<script>alert" not in text, path
        assert "\u202e" not in text
        if path != "/films?text=<script>alert(2)":
            assert "&lt;script&gt;alert(1)" in text
    parts = site.app.pages.parts(site.app._reader.now())
    assert "&lt;script&gt;" in parts["next"]
    assert "caf\\xe9" in site.get("/films").text


def test_films_by_state_by_part_of_the_name_and_by_page(site: Site) -> None:
    text = site.get("/films?state=waiting").text
    assert "1 to 50 of 70" in text
    assert 'rel="next"' in text
    assert 'rel="prev"' not in text
    text = site.get("/films?state=waiting&page=1&sort=name").text
    assert "51 to 70 of 70" in text
    assert 'rel="next"' not in text
    assert "1 to 1 of 1" in site.get("/films?text=DONE").text
    assert "1 to 1 of 1" in site.get("/films?state=done").text
    for odd in ("page=-1", "page=99999999999999", "page=x", "state=x", "sort=x", "text=%00%FF"):
        assert site.get(f"/films?{odd}").status == 200
    assert "No film is like this" in site.get("/films?page=9").text


def test_clips_to_decide_come_first(site: Site) -> None:
    text = site.get("/clips").text
    assert text.count('class="chip waiting"') == 2
    page = site.get("/clips/print1").text
    for word in ("Approve this clip", "Ask for a new clip", "Reject this clip", 'value="18"'):
        assert word in page
    assert page.count(f'value="{KEYS.form}"') == 3


@pytest.mark.parametrize(
    "path",
    [
        "/clips/print2/film.mp4",  # the ledger has another place for it
        "/clips/print9/film.mp4", "/clips/../../etc/passwd/film.mp4", "/clips/%2e%2e/film.mp4",
        "/clips/..%2f..%2frules/film.mp4", "/clips/print1%00/film.mp4", "/clips//film.mp4",
        "/static/../page.css", "/static/..%2f..%2f__init__.py", "/static//etc/passwd",
        "/static/page.css/", "/static/", "/static/%2fetc%2fpasswd", "/static/app.py",
        "/../rules.yaml", "//etc/passwd", "/rules.yaml", "/.av1rules/serve-token", "/.git/config",
        "/clips/print1/stills/0/source.jpg", "/clips/print1/stills/-1/source.jpg",
        "/clips/print1/stills/0/..%2f..%2fx.jpg", "/clips/print1/other", "/clips/print1/approve",
        "/report/x", "/films/x", "/openapi.json", "/docs",
    ],
)  # fmt: skip
def test_no_path_leads_out(path: str, site: Site) -> None:
    answer = site.get(path)
    assert answer.status in (404, 405), answer.text
    assert "root:" not in answer.text
    assert "version: 1" not in answer.text


def test_a_clip_is_served_whole_and_in_part(site: Site) -> None:
    whole = site.get("/clips/print1/film.mp4")
    assert (whole.status, whole.body) == (200, b"0123456789")
    assert whole.headers["content-type"] == "video/mp4"
    part = site.get("/clips/print1/film.mp4", range="bytes=2-4")
    assert (part.status, part.body) == (206, b"234")
    assert site.get("/clips/print1/film.mp4", range="bytes=99-").status == 416
    place = Path(clip_place(site.state, "print1"))
    place.write_bytes(b"shorter")
    assert site.get("/clips/print1/film.mp4").status == 404
    place.unlink()
    (site.folder / "secret").write_bytes(b"0123456789")
    place.symlink_to(site.folder / "secret")
    assert site.get("/clips/print1/film.mp4").status == 404


def test_static_files(site: Site) -> None:
    for name, kind in (("page.css", "text/css"), ("page.js", "text/javascript")):
        answer = site.get(f"/static/{name}")
        assert answer.status == 200
        assert answer.headers["content-type"].startswith(kind)
    assert "http" not in site.get("/static/page.css").text
    assert site.get("/favicon.ico").headers["location"] == "/static/icon.svg"


def test_report_and_state(site: Site) -> None:
    answer = site.get("/report")
    assert "av1rules report" in answer.text
    assert 'href="/"' in answer.text
    assert "script-src" not in answer.headers["content-security-policy"]
    data = json.loads(site.get("/state.json", accept="application/json").text)
    assert data["library"]["waiting"] == 70


def test_films_and_all_work_are_asked_for(site: Site) -> None:
    film = film_id("films/5.mkv")
    answer = site.post(f"/films/{film}/skip", "back=films")
    assert (answer.status, answer.headers["location"]) == (303, "/films?said=asked")
    assert "skipped" in site.get("/films?text=films/5.mkv").text
    assert site.post(f"/films/{film}/unskip").headers["location"] == "/?said=asked"
    site.post(f"/films/{film}/first")
    site.post("/all/pause")
    found = {(one.film, one.kind) for one in read_controls(site.state).entries}
    assert found == {("films/5.mkv", ControlKind.ORDER), (ALL_FILMS, ControlKind.PAUSE)}
    assert "Resume all" in site.get("/").text
    site.post("/all/resume")
    assert "Pause all" in site.get("/").text
    assert "Done: a run at work" in site.get("/?said=asked").text
    assert '<p class="said"' not in site.get("/?said=<b>").text


def test_a_failure_is_freed(site: Site) -> None:
    failed = Attempt(
        kind=AttemptResult.FAILED, content_key="k", fingerprint="f", source=BYTES, detail="no",
        source_bytes=1, target_bytes=None, count=3, at="2026-01-01T00:00:00+00:00",
    )  # fmt: skip
    with closing(Ledger.open(site.state)) as ledger:
        ledger.record_attempt(failed)
    assert "Try again" in site.get("/films?state=failed").text
    answer = site.post(f"/films/{film_id(BYTES)}/retry")
    assert answer.status == 303
    assert "Try again" not in site.get("/films?state=failed").text


@pytest.mark.parametrize(
    "path",
    [
        "/films/x/skip", f"/films/{film_id('films/none.mkv')}/skip", "/films/../skip", "/all/fly",
        f"/films/{film_id('films/5.mkv')}/fly", "/films/!!/skip", "/clips/print9/approve",
        "/clips/print1/bless", "/", "/clips",
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_done(path: str, site: Site) -> None:
    assert site.post(path).status in (404, 405)
    assert read_controls(site.state).entries == ()


def test_skip_all_is_no_wish(site: Site) -> None:
    assert site.post("/all/skip").status == 409
    assert read_controls(site.state).entries == ()


@pytest.mark.parametrize(
    ("answer", "body", "verdict"),
    [
        ("approve", "", ClipVerdict(answer=Answer.APPROVED)),
        ("reject", "reason=+bands+%C3%A9+", ClipVerdict(answer=Answer.REJECTED, reason="bands é")),
        ("adjust", "crf=18", ClipVerdict(answer=Answer.ADJUSTED, crf=18.0)),
        (
            "adjust",
            "crf=&slower=yes&reason=x",
            ClipVerdict(answer=Answer.ADJUSTED, is_slower=True, reason="x"),
        ),
    ],
)
def test_forms_of_decisions(
    answer: str, body: str, verdict: ClipVerdict, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, ClipVerdict]] = []
    monkeypatch.setattr(LibraryActor, "decide", lambda _self, *given: seen.append(given))
    done = site.post(f"/clips/print1/{answer}", body)
    assert done.status == 303
    assert done.headers["location"].startswith("/clips?said=")
    assert seen == [("print1", verdict)]


def test_a_decision_that_is_refused_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: object) -> None:
        raise UsageError("this clip is <old>", hint="av1rules run")

    monkeypatch.setattr(LibraryActor, "decide", refuse)
    done = site.post("/clips/print1/approve")
    assert done.status == 409
    assert "this clip is &lt;old&gt;" in done.text
    assert "av1rules run" in done.text
    assert site.post("/clips/print1/adjust", "crf=x").status == 409


def test_a_broken_ledger_is_told(site: Site) -> None:
    (site.state / LEDGER_NAME).write_bytes(b"no database at all, but long enough" * 9)
    answer = site.get("/films")
    assert answer.status == 503
    assert "ledger" in answer.text


def test_below_a_root_path_all_addresses_begin_with_it(site: Site) -> None:
    below = Site(site.folder, root="/av1")
    for path in ("/", "/films", "/clips", "/clips/print1", "/report"):
        text = below.get(path).text
        assert not re.search(r"(?:src|href|action|data-root)=\"(?!/av1|#)", text), path
    assert below.post("/all/pause").headers["location"] == "/av1/?said=asked"
    below.app.close()


@pytest.mark.parametrize("film", ["films/a.mkv", EVIL, BYTES, "", "films/\U0001f3ac.mkv"])
def test_words_of_films(film: str) -> None:
    word = film_id(film)
    assert re.fullmatch("[A-Za-z0-9_-]*", word)
    if film:
        assert film_of(word) == film


@pytest.mark.parametrize("word", ["", "a", "a/b", "..", "é", "x" * 9000, "a="])
def test_what_is_no_word_of_a_film(word: str) -> None:
    assert film_of(word) is None
