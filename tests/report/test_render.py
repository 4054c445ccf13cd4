"""Every form of a report says the same, and shows what strangers wrote without obeying it."""

from __future__ import annotations

import csv
import io
import json
import re
from contextlib import closing
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.ledger.history import encodes_since, read_outcomes
from av1rules.ledger.ledger import Ledger
from av1rules.operations.clips.ledger_status import clip_statuses
from av1rules.report.documents.report import report_json
from av1rules.report.markdown import escape_markdown
from av1rules.report.model import Figures
from av1rules.report.render import (
    csv_columns,
    report_csv,
    report_markdown,
    report_text,
)
from av1rules.report.render_html import report_html
from av1rules.report.sections import report_sections
from av1rules.report.skipped import Skipped
from tests.conftest import Golden
from tests.report.conftest import figures_of
from tests.report.sample_history import END, approvals_of

HOSTILE = "films/</title><script>x</script> [a](http://b) |\x1b[2J\u202e\udcff.mkv"


@pytest.fixture
def hostile(figures: Figures) -> Figures:
    worst = tuple(
        replace(one, source=HOSTILE, target=HOSTILE, rule="=rule|<b>", source_tier="<i>tier")
        for one in figures.worst
    )
    groups = tuple(
        replace(one, rule="=rule|<b>\x07", source_tier="<i>t") for one in figures.by_rule
    )
    speeds = tuple(replace(one, encoder="<u>enc\x07") for one in figures.speeds)
    scores = tuple(replace(one, rule="=rule|<b>\x07", source_tier="<i>t") for one in figures.scores)
    checked = tuple(replace(one, name="<u>enc\x07 p5") for one in figures.checked)
    compared = tuple(replace(one, source_tier="<i>t\x07") for one in figures.compared)
    attempts = tuple(
        replace(one, source=HOSTILE, detail=f"it said:\n{HOSTILE}")
        for one in figures.outcomes.attempts
    )
    return replace(
        figures,
        worst=worst,
        by_rule=groups,
        by_tier=groups,
        speeds=speeds,
        scores=scores,
        clip_scores=scores,
        score_bins=tuple(replace(one, source_tier="<i>t\x07") for one in figures.score_bins),
        waiting_clips=(HOSTILE,) * 7,
        checked=checked,
        compared=compared,
        skipped=(Skipped(action="held", cause=HOSTILE, files=1, size_bytes=1),),
        outcomes=replace(figures.outcomes, attempts=attempts),
    )


def test_text(golden: Golden, figures: Figures) -> None:
    golden("report.txt", report_text(figures))


def test_markdown(golden: Golden, figures: Figures) -> None:
    golden("report.md", report_markdown(figures))


def test_since_leaves_out_what_is_older(state_dir: Path) -> None:
    since = END - timedelta(days=10)
    all_of_it, recent = figures_of(state_dir), figures_of(state_dir, since=since)
    assert 0 < recent.total.files < all_of_it.total.files
    assert all(period.start >= since.date() for period in recent.periods)
    assert 0 < len(recent.outcomes.attempts) < len(all_of_it.outcomes.attempts)
    assert 0 < len(recent.outcomes.runs) < len(all_of_it.outcomes.runs)
    assert recent.outcomes.aside == all_of_it.outcomes.aside, "as it is now"


def test_empty_ledger_has_a_report_in_every_form(tmp_path: Path) -> None:
    figures = figures_of(tmp_path)
    assert "done    0 targets" in report_text(figures)
    assert "0 targets" in report_markdown(figures)
    assert json.loads(report_json(figures))["total"]["files"] == 0
    assert "0 targets" in report_html(figures)


def test_json_has_all_that_the_text_has(figures: Figures) -> None:
    output = json.loads(report_json(figures))
    assert output["total"]["files"] == figures.total.files == 300
    assert sum(one["files"] for one in output["series"]["periods"]) == 300
    assert sum(one["files"] for one in output["by_rule_and_tier"]) == 300
    assert sum(sum(one["ratios"]["bins"]) for one in output["by_tier"]) == 300
    assert len(output["failed"]) == 14
    assert sum(one["is_parked"] for one in output["failed"]) == 4
    assert output["failure_reasons"][0]["files"] == 9
    assert output["trash"]["original"]["purged"] == 5
    assert len(output["too_large"]) == 9
    assert len(output["too_poor"]) == 2
    assert output["skipped"] is None, "no plan was made"
    assert sum(one["files"] for one in output["scores"]) == 240
    assert sum(sum(one["p5"]) for one in output["vmaf_by_tier"]["tiers"]) == 240
    assert {one["state"]: one["clips"] for one in output["clips"]["states"]} == {
        "waiting": 3, "rejected": 2, "approved": 6, "variant": 1,
    }  # fmt: skip
    assert len(output["clips"]["waiting"]) == 3
    assert sum(one["files"] for one in output["clips"]["scores"]) == 11, "but the variant"
    (every, *_) = output["forecasts"]["groups"]
    assert (every["name"], every["count"]) == ("all", 97)
    assert 1 < every["time"]["bias"] < 1.2
    assert len(output["forecasts"]["newest"]) == 97
    assert output["by_tier"][-1]["source_tier"] is None
    assert output["by_tier"][-1]["encode_s"] is None, "not known, not zero"


def test_csv_has_a_line_for_each_file(state_dir: Path) -> None:
    with closing(Ledger.read(state_dir)) as ledger:
        clips = clip_statuses(ledger, approvals_of(state_dir))
        forecasts = ledger.forecasts.latest_medians()
        lines = report_csv(
            encodes_since(ledger), read_outcomes(ledger), clips=clips, forecasts=forecasts
        )
        text = "".join(lines)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == csv_columns()
    outcomes = [row["outcome"] for row in rows]
    assert {kind: outcomes.count(kind) for kind in outcomes} == {
        "done": 300, "failed": 14, "too large": 9, "undone": 3,
        "below the quality floor": 2, "clip": 12,
    }  # fmt: skip
    assert sum(row["outcome"] == "done" and row["vmaf_p5"] != "" for row in rows) == 240
    assert {row["scored"] for row in rows} == {"", "samples", "whole", "clip"}
    assert sum(row["foretold_s"] != "" for row in rows) == 97
    assert [row["reason"] for row in rows if row["outcome"] == "clip"].count("waiting") == 3
    known = next(row for row in rows if row["source_tier"] == "remux")
    assert known["frames"]
    assert float(known["size_ratio"]) == pytest.approx(
        int(known["target_bytes"]) / int(known["source_bytes"]), abs=0.001
    )
    unknown = next(row for row in rows if row["outcome"] == "done" and not row["source_tier"])
    assert unknown["encode_s"] == unknown["frames"] == unknown["rule"] == ""


def test_no_form_gives_a_terminal_a_command(hostile: Figures) -> None:
    for text in (report_text(hostile), report_markdown(hostile), report_html(hostile)):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", text)
    assert "\\u202e" in report_json(hostile)
    assert "\x1b" not in report_json(hostile)


def test_markdown_shows_markup_as_it_is(hostile: Figures) -> None:
    text = report_markdown(hostile)
    assert "<script" not in text.replace("\\<script", "")
    assert "\\[a\\](http\\://b) \\|" in text
    assert escape_markdown("a*b_c `d` www.e.de @f #1 <g>") == (
        "a\\*b\\_c \\`d\\` www\\.e.de \\@f \\#1 \\<g\\>"
    )


class _Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "path", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("path", "rect"):
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_is_closed_and_loads_nothing(hostile: Figures) -> None:
    page = _Outline()
    page.feed(report_html(hostile))
    assert page.open == []
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "img", "link", "iframe", "object", "b", "i", "u", "use", "image"}
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")]
        assert not {"src", "style", "xlink:href"} & attributes.keys()
        assert (attributes.get("href") or "#").startswith("#"), tag
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    assert links == {f"#{name}" for name in ids}
    assert "</title><script>x</script> [a](http://b) |\\x1b[2J" in page.text


def test_html_is_the_same_each_time(figures: Figures) -> None:
    assert report_html(figures) == report_html(figures)


def test_every_section_names_each_column(figures: Figures) -> None:
    for section in report_sections(figures, limit=5):
        table = section.table
        assert {len(row) for row in table.rows} == {len(table.headers)}
        assert set(table.numbers) <= set(range(max(len(table.headers), 4)))
        assert len(table.rows) <= 17
