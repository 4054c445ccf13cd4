"""The documentation as a site: it builds, its links lead somewhere, and it asks nobody else."""

from __future__ import annotations

import functools
import re
import shutil
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.browser import browser_page
from tests.site.make import CONFIG, PAGES, ROOT, SITE, SiteError, build, gather, mermaid

pytestmark = pytest.mark.real
"""Some seconds."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / CONFIG, folder / CONFIG)
    gather(folder)
    build(folder)
    return folder / SITE


class _Asked(HTMLParser):
    """What a page makes a browser ask for, and its own policy."""

    def __init__(self) -> None:
        super().__init__()
        self.places: list[str] = []
        self.policy = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag in ("script", "img", "iframe", "source"):
            self.places.append(known.get("src") or "")
        elif tag == "link":
            self.places.append(known.get("href") or "")
        elif known.get("http-equiv") == "Content-Security-Policy":
            self.policy = known.get("content") or ""


def test_no_page_asks_another_server(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) >= 14
    for page in pages:
        asked = _Asked()
        asked.feed(page.read_text(encoding="utf-8"))
        assert [place for place in asked.places if re.match(r"\w+:|//", place)] == [], page
        assert asked.policy.startswith("default-src 'self'; "), page


def test_tables_and_blocks_are_read_as_such(site: Path) -> None:
    """GitHub and mkdocs read Markdown a little differently."""
    for source in sorted((site.parent / "pages").rglob("*.md")):
        text = source.read_text(encoding="utf-8")
        plain = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        page = site / source.relative_to(site.parent / "pages").with_suffix(".html")
        if source.name == "README.md":
            page = page.with_name("index.html")
        shown = page.read_text(encoding="utf-8")
        assert shown.count("<table>") == len(re.findall(r"^\|(?:-+\|)+$", plain, re.MULTILINE)), (
            source
        )
        fences = re.findall(r"^```(?!mermaid)\w+$", text, re.MULTILINE)
        assert len(re.findall(r'<div class="(?:language-\w+ )?highlight">', shown)) >= len(fences)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[x](nowhere.md)", "'docs/nowhere.md' is not found"),
        ("[x](guide.md#nowhere)", "does not contain an anchor '#nowhere'"),
        ("[x](../schema/nowhere.json)", "'schema/nowhere.json' is not found"),
    ],
)
def test_a_link_that_leads_nowhere_is_a_fault(tmp_path: Path, text: str, said: str) -> None:
    shutil.copytree(ROOT / CONFIG, tmp_path / CONFIG)
    gather(tmp_path)
    with (tmp_path / PAGES / "docs" / "ci.md").open("a", encoding="utf-8") as page:
        page.write(f"\n{text}\n")
    with pytest.raises(SiteError) as fault:
        build(tmp_path)
    assert said in str(fault.value)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_pages_in_a_browser(address: str, tmp_path: Path) -> None:
    """Nothing that a page says of itself refuses what it needs, and nothing is too wide."""
    with browser_page(tmp_path) as page:
        for width in (1300, 400):
            for name in ("index.html", "docs/recipes.html", "docs/rules.html"):
                page.resize(width)
                page.open(address + name)
                assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.complaints == []
        elsewhere = [one for one in page.requests if not one.startswith((address, "data:"))]
        assert elsewhere == []


@pytest.mark.parametrize("name", ["docs/architecture.html", "docs/scale.html"])
def test_pictures_are_drawn(name: str, site: Path, address: str, tmp_path: Path) -> None:
    try:
        (site / "assets" / "mermaid.min.js").write_bytes(mermaid())
    except SiteError as problem:
        pytest.skip(str(problem))
    drawn = """new Promise(done => { const look = () => {
        const shown = [...document.querySelectorAll(".mermaid")];
        if (shown.length && shown.every(one => one.shadowRoot || one.tagName == "DIV"))
            done(shown.length);
        else setTimeout(look, 100); }; look(); })"""
    with browser_page(tmp_path) as page:
        page.open(address + name)
        text = (site.parent / "pages" / name.replace(".html", ".md")).read_text(encoding="utf-8")
        assert page.evaluate(drawn) == text.count("```mermaid")
        assert page.complaints == []
        assert [one for one in page.requests if not one.startswith((address, "data:"))] == []
