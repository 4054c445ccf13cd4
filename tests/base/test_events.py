"""Events: the names under which programs read them, and that each has a line of text."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

from av1rules.base.events import Event, FileChecked, JobProgress, Note, StepDone
from av1rules.ui.event_text import _text, event_text
from av1rules.ui.sinks import json_sink

WIRE_NAMES = {
    "progress", "probing", "check_started", "file_checked", "run_forecast", "run_started",
    "run_finished",
    "job_started", "job_done", "job_failed", "job_discarded", "job_dropped", "job_moved",
    "job_copied", "job_withheld", "step_done", "clip_made", "note", "paused",
    "resumed", "watching",
}  # fmt: skip


def kinds(root: type[Event] = Event) -> Iterator[type[Event]]:
    for kind in root.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_names_on_the_wire() -> None:
    assert {kind.__struct_config__.tag for kind in kinds()} == WIRE_NAMES


def test_each_event_has_a_text() -> None:
    assert set(kinds()) <= _text.registry.keys()


def test_json_lines_have_type_time_and_fields() -> None:
    out = io.StringIO()
    show = json_sink(out)
    show(StepDone(source="films/odd\udcff\x9b.mkv", step="search", found="crf 27", elapsed_s=2.0))
    show(JobProgress(target="/out/a.mkv", phase="digest"))
    first, second = map(json.loads, out.getvalue().splitlines())
    assert list(first)[:4] == ["format", "type", "time", "source"]
    assert (first["type"], first["source"]) == ("step_done", "films/odd\\xff\x9b.mkv")
    assert "\x9b" not in out.getvalue(), "safe on a terminal"
    assert (second["source"], second["target"]) == (None, "/out/a.mkv")


def test_text_names_the_source_or_else_the_target() -> None:
    checked = FileChecked(target="/out/a.mkv", fault=None, elapsed_s=3.0)
    assert event_text(checked) == "/out/a.mkv: ok, checked in 3.00 s"
    assert event_text(Note(message="hello")) == "hello"
