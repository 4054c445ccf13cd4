"""The command `clips` as a user calls it, from a clip that waits to a film that is encoded."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from av1rules.base.errors import Av1rulesError, UsageError
from av1rules.cli.clips import PLAYER_VARIABLE, command, play
from tests.browser import browser_page
from tests.operations.test_clips import rules
from tests.plan_items import work_in
from tests.sample_library import SampleLibrary

pytestmark = pytest.mark.real


def call(library: SampleLibrary, *arguments: str) -> str:
    done = CliRunner().invoke(
        command,
        [*arguments[:1], "-f", str(library.rules_file), *arguments[1:]],
        catch_exceptions=False,
        standalone_mode=False,
    )
    return done.output


@pytest.fixture
def waiting(library: SampleLibrary) -> SampleLibrary:
    rules(library, "crf: 50, preset: 12, film_grain: 6, max_size_ratio: 9")
    library.add("a <b>film</b>.mkv")
    assert "no clips" not in call(library, "list")
    library.run()
    return library


NAME = "films/a <b>film</b>.mkv"


def test_list_show_approve(waiting: SampleLibrary) -> None:
    listed = call(waiting, "list")
    assert re.search(r"waiting +films/a <b>film</b>.mkv .*\d+%", listed), listed
    output = call(waiting, "show", NAME)
    assert "whole film: it is no longer than a clip" in output
    assert "settings: crf 50, preset 12, film_grain 6" in output
    data = json.loads(call(waiting, "show", NAME, "--json"))
    assert (data["state"], data["facts"]["settings"]["crf"]) == ("waiting", 50.0)
    assert [one["state"] for one in json.loads(call(waiting, "list", "--json"))["clips"]] == [
        "waiting"
    ]
    path = str(waiting.folder / NAME)
    assert "approved: films/a" in call(waiting, "approve", path)
    assert "approved " in call(waiting, "list")
    assert waiting.run().done == 1


def test_adjust_takes_options_and_words(waiting: SampleLibrary) -> None:
    assert "crf 50 -> 48; a run makes" in call(waiting, "adjust", NAME)
    waiting.run()
    said = call(waiting, "adjust", NAME, "--slower", "--set", "film_grain=2")
    assert "film_grain 6 -> 2" in said
    assert "preset 12 -> 11" in said
    row = waiting.row("a <b>film</b>.mkv")
    settings = work_in(row).recipe.settings
    assert (settings.crf, settings.preset, settings.film_grain) == (48, 11, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("adjust", NAME, "--set", "crf=99"), "crf: 99 is above the maximum 70"),
        (("adjust", NAME, "--set", "crff=9"), "crff: unknown key crff"),
        (("adjust", NAME, "--set", "slow"), "expected key=value, found slow"),
        (("adjust", NAME, "--crf", "50"), "an adjustment changes at least one setting"),
        (("approve", NAME, "films/none.mkv"), "no clip has this name"),
        (("reject", NAME, "--reason", " "), "a rejection needs a reason"),
    ],
)
def test_refused_and_nothing_is_written(
    waiting: SampleLibrary, arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        call(waiting, *arguments)
    assert message in str(caught.value)
    assert not (waiting.folder / "approvals.yaml").exists()


@pytest.mark.parametrize("words", [("approve",), ("adjust",), ("reject", "--reason", "no")])
def test_dry_run_records_no_decision(words: tuple[str, ...], waiting: SampleLibrary) -> None:
    said = call(waiting, *words, "-n", "a <b>fi")
    assert said.startswith(f"would {words[0]}: {NAME}")
    assert json.loads(call(waiting, *words, "-n", "film", "--json"))["dry_run"] is True
    assert not waiting.rules_file.with_name("approvals.yaml").exists()
    assert "waiting " in call(waiting, "list")


def test_reject_keeps_its_reason(waiting: SampleLibrary) -> None:
    call(waiting, "reject", NAME, "--reason", "bands in the fog")
    assert "bands in the fog" in call(waiting, "list")


def test_open_gives_the_clip_to_the_player(
    waiting: SampleLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    script = tmp_path / "player"
    script.write_text(f'#!/bin/sh\nprintf "%s|" "$@" > {seen}\n')
    script.chmod(0o755)
    monkeypatch.setenv(PLAYER_VARIABLE, f"{script} --fs 'a b'")
    call(waiting, "open", NAME)
    flag, word, clip, _ = seen.read_text().split("|")
    assert (flag, word) == ("--fs", "a b")
    assert clip.endswith(".mp4")
    monkeypatch.setenv(PLAYER_VARIABLE, "/no/such/player")
    with pytest.raises(UsageError, match="can't be started"):
        play("x.mp4")


def test_comparison_keeps_the_time_that_a_probe_may_take(waiting: SampleLibrary) -> None:
    text = waiting.rules_file.read_text()
    assert text.count("run: {reserve: 0}") == 1
    waiting.rules_file.write_text(
        text.replace("run: {reserve: 0}", "run: {reserve: 0, probe_timeout: 1ms}")
    )
    with pytest.raises(Av1rulesError, match=r"no answer within 0\.001 s") as caught:
        call(waiting, "compare", NAME)
    assert "run.probe_timeout" in str(caught.value)
    assert NAME in str(caught.value)


def test_comparison_in_a_real_browser(waiting: SampleLibrary, tmp_path: Path) -> None:
    goal = tmp_path / "page.html"
    assert str(goal) in call(waiting, "compare", NAME, "-o", str(goal))
    text = goal.read_text()
    assert "http://" not in text
    assert "https://" not in text
    assert "<b>film" not in text
    with browser_page(tmp_path / "profile") as page:
        page.open(goal)
        assert page.evaluate("document.querySelector('h1').textContent") == NAME
        sizes = "[...document.images].map((i) => [i.naturalWidth, i.naturalHeight].join())"
        assert set(page.evaluate(sizes)) == {"128,72"}
        assert page.evaluate("document.images.length") >= 2
        moved = (
            "(() => { const r = document.querySelector('input[type=range]'); r.value = 20;"
            "r.dispatchEvent(new Event('input'));"
            "return document.querySelector('.over').style.clipPath; })()"
        )
        assert page.evaluate(moved) == "inset(0px 0px 0px 20%)"
        assert page.evaluate("document.querySelectorAll('svg polyline').length") == 4
        page.screenshot(tmp_path / "page.png")
        outside = [one for one in page.requests if not one.startswith(("data:", "file:", "blob:"))]
        assert outside == []
        assert page.complaints == []
