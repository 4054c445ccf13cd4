"""The HTML page in a real browser: nothing is asked for, nothing is complained of, all is shown."""

from __future__ import annotations

import os
from pathlib import Path

from av1rules.report.model import Figures
from av1rules.report.render_html import report_html
from tests.browser import Page, browser_page

_IN_PLAIN_SIGHT = """
    [...document.querySelectorAll('section[id=series] td')].every(
        cell => cell.checkVisibility() && cell.getBoundingClientRect().height > 0)
"""


def test_page_in_a_real_browser(tmp_path: Path, figures: Figures) -> None:
    path = tmp_path / "report.html"
    path.write_text(report_html(figures), encoding="utf-8")
    with browser_page(tmp_path / "profile") as page:
        page.open(path)
        assert page.requests == [path.as_uri()]
        assert page.complaints == []
        text = page.evaluate("document.body.innerText")
        for output in ("300 targets", "By rule and source tier", "<script>alert('why')</script>"):
            assert output in text
        charts = page.evaluate(
            "[...document.querySelectorAll('svg')]"
            ".map(s => s.querySelectorAll('.rect, .dot').length)"
        )
        assert len(charts) == 10
        assert all(bars > 3 for bars in charts)
        assert page.evaluate("getComputedStyle(document.querySelector('.color-0')).fill") == (
            "rgb(47, 111, 181)"
        ), "the style sheet is the one its policy allows"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.evaluate(
            "document.body.insertAdjacentHTML('beforeend',"
            ' \'<img src="http://127.0.0.1:9/x.png" onerror="document.title=1">\')'
        )
        assert page.evaluate("document.title").startswith("av1rules report")
        assert page.evaluate("new Promise(done => setTimeout(done, 100))") is None
        assert any("Content Security Policy" in one for one in page.complaints)

        _look(page, "light")
        _look(page, "narrow", width=420)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no wider"
        page.emulate(scheme="dark")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"
        _look(page, "dark")
        assert not page.evaluate(_IN_PLAIN_SIGHT), "folded away"
        page.emulate(media="print", scheme="dark")
        assert page.evaluate(_IN_PLAIN_SIGHT), "paper can't be unfolded"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
            "rgb(255, 255, 255)"
        )
        _look(page, "print")


def _look(page: Page, name: str, *, width: int = 1100) -> None:
    """A picture for a person, where AV1RULES_LOOK names a folder."""
    page.resize(width)
    folder = os.environ.get("AV1RULES_LOOK")
    if folder:
        page.screenshot(Path(folder) / f"report_{name}.png", width=width)
