"""`health`: sources are decoded once for each content, and damaged ones are reported."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from av1rules.base.errors import RunInterruptedError
from av1rules.base.events import CheckStarted, Event, FileChecked
from av1rules.execute.resources.run_lock import run_lock
from av1rules.operations.source_health import HealthReport, SourceCheck, SourceHealth, check_health
from av1rules.plan.names.find import wanted_name
from av1rules.plan.workspace import open_workspace
from av1rules.report.checks import sources_json, sources_text
from tests.conftest import MakeClip
from tests.sample_library import SampleLibrary

pytestmark = pytest.mark.real


def health(
    library: SampleLibrary, *paths: Path, again: bool = False, jobs: int = 2
) -> tuple[dict[str, SourceCheck], int]:
    """What was found, by library path, and how many files were decoded for it."""
    events: list[Event] = []
    with open_workspace(library.rules_file, write=True) as workspace:
        names = [wanted_name(str(path)) for path in paths]
        report = check_health(workspace, names, jobs=jobs, again=again, sink=events.append)
    (started,) = [event for event in events if isinstance(event, CheckStarted)]
    done = sum(isinstance(event, FileChecked) for event in events)
    assert done == started.files
    return {check.file.library_path: check for check in report.checks}, done


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for place in range(len(data) // 3, len(data) * 2 // 3):
        data[place] ^= 0x5A
    path.write_bytes(data)


def test_damaged_files_are_told_from_those_that_are_well(library: SampleLibrary) -> None:
    library.add("well.mkv")
    damage(library.add("rotten.mkv"))
    cut = library.add("cut.mkv")
    os.truncate(cut, cut.stat().st_size * 2 // 3)
    library.add("text.mkv").write_text("no film")
    found, _ = health(library)
    assert {name: check.health for name, check in found.items()} == {
        "films/cut.mkv": SourceHealth.DAMAGED,
        "films/rotten.mkv": SourceHealth.DAMAGED,
        "films/text.mkv": SourceHealth.DAMAGED,
        "films/well.mkv": SourceHealth.WELL,
    }
    assert found["films/cut.mkv"].detail == "File ended prematurely"
    assert "can't be read as video" in (found["films/text.mkv"].detail or "")


def test_each_content_is_decoded_once_under_any_name(
    library: SampleLibrary, other_clip: Path
) -> None:
    first = library.add("a.mkv")
    library.add("copy of a.mkv")
    found, done = health(library)
    assert (len(found), done) == (2, 1)
    first.rename(first.with_name("renamed.mkv"))
    library.add("new.mkv", other_clip)
    found, done = health(library)
    assert (len(found), done) == (3, 1)
    assert health(library, again=True)[1] == 2
    assert set(health(library, library.folder / "films" / "new.mkv")[0]) == {"films/new.mkv"}


def test_damaged_ones_are_told_again_without_decoding_them(library: SampleLibrary) -> None:
    cut = library.add("cut.mkv")
    os.truncate(cut, cut.stat().st_size * 2 // 3)
    health(library)
    found, done = health(library)
    assert done == 0
    assert found["films/cut.mkv"].health is SourceHealth.DAMAGED


def test_sound_that_does_not_decode_is_damage(library: SampleLibrary, make_clip: MakeClip) -> None:
    clip = make_clip(
        "s.mkv", "-f", "lavfi", "-i", "color=s=64x64:r=5:d=2", "-f", "lavfi", "-i",
        "anoisesrc=d=2", "-c:v", "mpeg2video", "-c:a", "flac",
    )  # fmt: skip
    damage(library.add("noise.mkv", clip))
    assert health(library)[0]["films/noise.mkv"].health is SourceHealth.DAMAGED


def test_sound_that_no_decoder_knows_is_only_read(
    library: SampleLibrary, make_clip: MakeClip
) -> None:
    clip = make_clip(
        "s.mp4", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=5:d=1", "-f", "lavfi", "-i", "sine=d=1",
        "-c:v", "mpeg4", "-c:a", "ac3",
    )  # fmt: skip
    odd = library.add("odd.mp4", clip)
    odd.write_bytes(clip.read_bytes().replace(b"ac-3", b"ac-4"))
    assert health(library)[0]["films/odd.mp4"].health is SourceHealth.WELL


def test_targets_and_files_left_alone_are_not_decoded(library: SampleLibrary) -> None:
    library.rules(
        "version: 1\nlibrary: {roots: [films], settle: 0, exclude: ['**/x/**']}\n"
        "run: {reserve: 0}\n"
        "rules: [{name: all, encode: {crf: 50, preset: 12, max_size_ratio: 9}, review: never}]\n"
    )
    library.add("a.mkv")
    library.add("x/b.mkv")
    library.run()
    library.add("moved.mkv", library.folder / "films" / "a.av1.mkv")
    assert set(health(library)[0]) == {"films/a.mkv"}


def test_interrupted_check_goes_on_where_it_was(library: SampleLibrary, other_clip: Path) -> None:
    library.add("a.mkv")
    library.add("b.mkv", other_clip)
    with open_workspace(library.rules_file, write=True) as workspace:

        def stop(event: Event) -> None:
            if isinstance(event, FileChecked):
                workspace.children.stop()

        with pytest.raises(RunInterruptedError):
            check_health(workspace, (), jobs=1, again=False, sink=stop)
    with run_lock(library.state_dir):  # a run at work is no hindrance
        found, done = health(library)
    assert (len(found), done) == (2, 1)


def test_text_and_json_are_printable_and_say_the_same(library: SampleLibrary) -> None:
    odd = library.add(b"odd\xff\x1b[31m.mkv")
    os.truncate(odd, os.stat(odd).st_size * 2 // 3)
    library.add("well.mkv")
    with open_workspace(library.rules_file, write=True) as workspace:
        report = check_health(workspace, (), jobs=1, again=False, sink=lambda _: None)
    text = sources_text(report)
    assert "\x1b" not in text
    assert "odd\\xff\\x1b[31m.mkv  File ended prematurely" in text
    assert text.endswith("2 sources: 1 well, 1 damaged")
    document = json.loads(sources_json(report))
    assert document["ok"] is False
    assert [source["health"] for source in document["sources"]] == ["damaged", "well"]
    assert json.loads(sources_json(HealthReport(checks=())))["ok"] is True
