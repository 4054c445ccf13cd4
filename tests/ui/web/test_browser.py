"""The page in a real browser, on a phone and on a desk: decided by finger and by keyboard, followed
live, read by a screen reader."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from av1rules.approvals.file import approvals_path, load_approvals
from av1rules.approvals.model import Answer
from av1rules.ui.event_log import EventLog
from tests.browser import Page, browser_page
from tests.cli.test_serve import serving
from tests.operations.test_clips import rules
from tests.report.live.test_fold import HALF, JOB, STARTED
from tests.sample_library import SampleLibrary
from tests.ui.test_live_source import hold

pytestmark = pytest.mark.real

NAME = "a <b>film.mkv"
SMALL_TARGETS = """
    [...document.querySelectorAll('button, summary, nav a, input:not([type=hidden]), select')]
    .filter(one => one.checkVisibility())
    .filter(one => one.type !== 'checkbox' && one.getBoundingClientRect().height < 43)
    .map(one => one.outerHTML)
"""
UNNAMED = ("link", "button", "textbox", "searchbox", "combobox", "spinbutton", "progressbar",
           "slider", "checkbox", "region", "navigation")  # fmt: skip
"""Roles that say nothing without a name."""


@pytest.fixture
def waiting(library: SampleLibrary) -> SampleLibrary:
    """A film whose clip waits for a decision."""
    rules(library, "crf: 50, preset: 12, film_grain: 0, max_size_ratio: 9")
    library.add(NAME)
    library.run()
    return library


@pytest.fixture
def page(waiting: SampleLibrary, tmp_path: Path) -> Iterator[tuple[Page, str]]:
    """Signed in; the address of the server."""
    with serving(waiting.folder) as (_, found), browser_page(tmp_path / "profile") as page:
        page.open(found["sign_in"])
        assert page.evaluate("location.href") == found["address"]
        yield page, found["address"]
        page.evaluate("window.stop()")
        inside = (found["address"], "data:")  # the browser's own buttons on a video
        assert [one for one in page.requests if not one.startswith(inside)] == []
        assert page.complaints == []


def answers(library: SampleLibrary) -> list[Answer]:
    book = load_approvals(approvals_path(library.rules_file))
    return [one.answer for one in sorted(book.decisions, key=lambda one: one.at)]


def open_clip(page: Page) -> None:
    """From the first page to the clip, with its pictures."""
    page.click("nav a[href$='/clips']")
    page.wait_until("document.querySelector('.cards a') !== null")
    page.click(".cards a h3")
    page.wait_until("[...document.images].length > 1 && document.images[0].naturalWidth > 0")


def test_a_clip_is_approved_on_a_phone(page: tuple[Page, str], waiting: SampleLibrary) -> None:
    browser, _ = page
    browser.resize(390, 844, is_phone=True)
    open_clip(browser)
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert browser.evaluate("document.querySelector('h1').textContent") == "a <b>film"
    assert browser.evaluate(SMALL_TARGETS) == []
    browser.click(".jump")
    browser.click("summary.main")
    browser.wait_until("document.querySelector('form[action$=approve]').checkVisibility()")
    assert answers(waiting) == []  # it asks first
    browser.click("form[action$=approve] button")
    browser.wait_until("document.querySelector('.said')?.textContent.startsWith('Approved')")
    assert answers(waiting) == [Answer.APPROVED]
    assert browser.evaluate("document.querySelector('.chip').textContent") == "approved"
    assert waiting.run().done == 1


def test_a_clip_is_adjusted_and_rejected_by_keyboard(
    page: tuple[Page, str], waiting: SampleLibrary
) -> None:
    browser, _ = page
    browser.resize(1280, 800)
    open_clip(browser)
    for word, field, text in (
        ("Adjust", "input[name=reason]", "bands"),
        ("Reject", "textarea", "x"),
    ):
        if word == "Reject":
            waiting.run()  # which makes the clip of the new settings
            browser.open(browser.evaluate("location.origin + '/'"))
            open_clip(browser)
        for _ in range(60):
            browser.press("Tab")
            if browser.evaluate("document.activeElement.textContent.trim()") == word:
                break
        outline = browser.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"
        browser.press("Enter")
        for _ in range(6):
            browser.press("Tab")
            if browser.evaluate(f"document.activeElement.matches('{field}')"):
                break
        browser.write(text)
        browser.press("Tab")
        browser.press("Enter")
        browser.wait_until("document.querySelector('.said') !== null")
    assert answers(waiting) == [Answer.ADJUSTED, Answer.REJECTED]


def test_an_open_page_follows_a_run(page: tuple[Page, str], waiting: SampleLibrary) -> None:
    browser, _ = page
    browser.resize(390, 844, is_phone=True)
    browser.evaluate("document.querySelector('[data-part=work] button').focus()")
    hold(waiting.state_dir, os.getpid())
    with EventLog(waiting.state_dir) as log:
        for event in (STARTED, JOB, HALF):
            log(event)
        browser.wait_until("document.querySelector('.jobs progress')?.value === 500")
    focused = "document.activeElement.textContent"
    assert browser.evaluate(focused) == "Pause all"  # patched in place: focus stays
    browser.click("[data-part=work] .head button")
    browser.wait_until("document.body.textContent.includes('Resume all')")


@pytest.mark.parametrize("path", ["", "films", "clips"])
def test_a_screen_reader_finds_its_way(path: str, page: tuple[Page, str]) -> None:
    browser, address = page
    browser.open(f"{address}{path}")
    found = browser.reading_order()
    roles = {role for role, _ in found}
    assert {"banner", "navigation", "main", "contentinfo", "heading"} <= roles
    assert [one for one in found if one[0] in UNNAMED and not one[1].strip()] == []
    assert ("link", "Skip to the content") in found
    browser.emulate(scheme="dark")
    paper = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(20, 22, 26)"
