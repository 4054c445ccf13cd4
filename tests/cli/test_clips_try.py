"""`clips try` as a user calls it, and the page on which its variants are compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from av1rules.base.errors import UsageError
from av1rules.cli.clips import command
from av1rules.cli.exit_codes import EXIT_DONE
from av1rules.report.clip_page import gather
from tests.browser import browser_page
from tests.cli.test_clips import NAME, call
from tests.operations.test_clips import rules
from tests.sample_library import SampleLibrary

pytestmark = pytest.mark.real


@pytest.fixture
def tried(library: SampleLibrary) -> SampleLibrary:
    """A film whose clip waits, and two variants of it."""
    rules(library, "crf: 50, preset: 12, film_grain: 6, max_size_ratio: 9")
    library.add("a <b>film</b>.mkv")
    output = call(
        library, "try", NAME, "--set", "film_grain=0", "--set", "film_grain=12, preset=13"
    )
    assert (
        "to choose 1: av1rules clips adjust 'films/a <b>film</b>.mkv' --set film_grain=0" in output
    )
    assert "next: av1rules clips compare 'films/a <b>film</b>.mkv'" in output
    return library


def test_listed_shown_and_taken(tried: SampleLibrary) -> None:
    listed = call(tried, "list")
    assert "variant: film_grain 0" in listed
    assert "variant: preset 13, film_grain 12" in listed
    output = call(tried, "show", NAME)
    assert "variants of the same excerpts:" in output
    assert "to choose 2: av1rules clips adjust" in output
    one = call(tried, "show", NAME, "--variant", "2")
    assert "variant: preset 13, film_grain 12" in one
    assert "--set preset=13 --set film_grain=12" in one
    data = json.loads(call(tried, "list", "--json"))["clips"]
    assert [clip["state"] for clip in data] == ["waiting", "variant", "variant"]
    assert data[1]["adjust"].endswith("--set film_grain=0")
    call(tried, "adjust", NAME, "--set", "preset=13", "--set", "film_grain=12")
    assert tried.run().clips == 0, "the variant is its clip now"
    call(tried, "approve", NAME)
    assert tried.run().done == 1


def test_options_make_a_variant_each(tried: SampleLibrary) -> None:
    output = call(tried, "try", NAME, "--crf", "52", "--crf", "54", "--slower", "--json")
    events = [json.loads(line) for line in output.splitlines()]
    causes = [event["causes"][0] for event in events if event["type"] == "job_started"]
    assert causes == ["variant: crf 52", "variant: crf 54", "variant: preset 11"]


def test_dry_run_makes_none(tried: SampleLibrary) -> None:
    before = json.loads(call(tried, "list", "--json"))
    assert "would make variant: crf 52" in call(tried, "try", NAME, "--crf", "52", "-n")
    assert json.loads(call(tried, "list", "--json")) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "a variant of what?"),
        (("--set", "film_grain=99"), "film_grain: 99 is above the maximum 50"),
        (("--set", "crf=40,film"), "crf: expected a number"),
        (("--set", "film_grain=6"), "a variant changes at least one setting"),
    ],
)
def test_refused(tried: SampleLibrary, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        call(tried, "try", NAME, *arguments)
    assert message in str(caught.value)


def test_exit_code_of_one_that_is_there_already(tried: SampleLibrary) -> None:
    done = CliRunner().invoke(
        command,
        ["try", "-f", str(tried.rules_file), NAME, "--set", "film_grain=0"],
        standalone_mode=False,
    )
    assert done.return_value == EXIT_DONE
    assert "made before: variant: film_grain 0" in done.output + (done.stderr or "")


def test_variants_on_the_page(tried: SampleLibrary, tmp_path: Path) -> None:
    goal = tmp_path / "page.html"
    call(tried, "compare", NAME, "-o", str(goal))
    text = goal.read_text()
    assert "<b>film" not in text
    assert "http://" not in text
    with browser_page(tmp_path / "profile") as page:
        page.open(goal)
        assert page.evaluate(_SEEN) == {
            "left": "source",
            "right": "preset 12, film_grain 6 (as planned)",
            "over": "0",
            "under": "source",
            "shown": ["0"],
        }
        page.evaluate("document.querySelectorAll('input[name=right]')[2].click()")
        page.evaluate(
            "(() => { const left = document.querySelector('#left'); left.value = '1';"
            "left.dispatchEvent(new Event('change')); })()"
        )
        assert page.evaluate(_SEEN) == {
            "left": "film_grain 0",
            "right": "preset 13, film_grain 12",
            "over": "2",
            "under": "1",
            "shown": ["2"],
        }
        assert page.evaluate("document.querySelectorAll('svg polyline').length") == 4 * 3
        assert page.evaluate("document.querySelectorAll('polyline.chosen').length") == 4
        assert page.evaluate("document.querySelectorAll('table.variants .take').length") == 3
        full = "(() => { document.querySelector('#full').click();"
        width = "return document.querySelector('.pair').getBoundingClientRect().width; })()"
        assert page.evaluate(full + width) == 128
        outside = [one for one in page.requests if not one.startswith(("data:", "file:", "blob:"))]
        assert outside == []
        assert page.complaints == []


_SEEN = """(() => {
    const pair = document.querySelector(".pair");
    const of = (name) => pair.querySelector(`img.${name}`).dataset.of;
    const shown = [...document.querySelectorAll("[data-encode]")].filter((part) => !part.hidden);
    return {
        left: pair.querySelector(".left").textContent,
        right: pair.querySelector(".right").textContent,
        over: of("over"),
        under: of("under"),
        shown: [...new Set(shown.map((part) => part.dataset.encode))],
    };
})()"""


def test_clips_that_do_not_fit_inside_lie_beside_the_page(
    tried: SampleLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, "LARGEST_INSIDE", 0)
    goal = tmp_path / "page.html"
    call(tried, "compare", NAME, "-o", str(goal))
    beside = ["page.mp4", "page.1.mp4", "page.2.mp4"]
    assert sorted(path.name for path in tmp_path.glob("page*.mp4")) == sorted(beside)
    own = call(tried, "compare", NAME).strip()
    with browser_page(tmp_path / "profile") as page:
        for path in (goal, Path(own)):
            page.open(path)
            lengths = page.evaluate(_LENGTHS)
            assert len(lengths) == 3
            assert all(length > 0.5 for length in lengths), path
        assert page.complaints == []


_LENGTHS = """Promise.all([...document.querySelectorAll("video")].map(
    (film) => new Promise((tell) => {
    film.onloadedmetadata = () => tell(film.duration);
    film.onerror = () => tell(0);
    film.preload = "metadata";
    film.load();
})))"""


def test_what_was_found_for_a_wish_is_told(tried: SampleLibrary) -> None:
    rules(
        tried,
        "quality_target: {metric: vmaf, mean: 20}, preset: 12, max_size_ratio: 9, film_grain: 0",
    )
    call(tried, "try", NAME, "--set", "film_grain=auto")
    assert "crf 50 by target" in call(tried, "show", NAME)
    assert "variant: film_grain auto" in call(tried, "list")
