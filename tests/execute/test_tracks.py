"""Tracks by rule in whole runs: exactly what the rule leaves out goes, and only that counts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from av1rules.base.events import ignore
from av1rules.execute.startup import start_session
from av1rules.ffmpeg.tools import Tools
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.provenance import parse_provenance
from av1rules.ledger.receipt import parse_receipt
from av1rules.media.probe.ffprobe import probe_file
from av1rules.media.source import Source
from av1rules.operations.adopt.adopt import AdoptKind, AdoptOptions, adopt
from av1rules.plan.items import PlanAction
from av1rules.plan.workspace import open_workspace
from av1rules.policy.tracks.choice import tracks_of
from tests.conftest import MakeClip, library_file
from tests.sample_library import FAST, RULES, SampleLibrary

LINES = "1\n00:00:00,200 --> 00:00:00,800\nA line\n"
KEEP_ENGLISH = f"{FAST}, audio: {{keep: en, commentary: false}}, subtitles: {{keep: en}}"


@pytest.fixture
def library(make_clip: MakeClip, tmp_path: Path) -> SampleLibrary:
    """One film: French, English and a commentary; German and English subtitles."""
    lines = tmp_path / "lines.srt"
    lines.write_text(LINES)
    clip = make_clip(
        "many.mkv",
        *("-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=2"),
        *(word for hz in (300, 400, 500) for word in ("-f", "lavfi", "-i", f"sine={hz}:d=2")),
        *("-i", str(lines)),
        *("-map", "0", "-map", "1", "-map", "2", "-map", "3", "-map", "4", "-map", "4"),
        *("-c:v", "libx264", "-c:a", "ac3", "-c:s", "srt"),
        *("-metadata:s:a:0", "language=fre", "-metadata:s:a:1", "language=eng"),
        *("-metadata:s:a:2", "language=eng", "-metadata:s:a:2", "title=Commentary"),
        *("-metadata:s:s:0", "language=ger", "-metadata:s:s:1", "language=eng"),
        *("-disposition:a:0", "default", "-disposition:a:1", "0", "-disposition:s:0", "0"),
    )
    made = SampleLibrary(tmp_path, clip)
    made.add("film.mkv")
    made.rules(settings=KEEP_ENGLISH)
    return made


def spoken(source: Source) -> list[tuple[int, str | None, bool]]:
    """Index, language and default flag of each track of sound and text."""
    return [(one.index, one.language, "default" in one.dispositions) for one in tracks_of(source)]


def test_exactly_what_the_rule_says_goes(library: SampleLibrary, tools: Tools) -> None:
    plan = library.plan()
    assert plan.notes == (
        "left out by rule: 2 sound tracks and 1 subtitle track of 1 film; the sources keep them",
    )
    assert library.run().done == 1, library.output()
    target = probe_file(library_file(library.target("film.mkv")), tools)
    assert spoken(target) == [(1, "eng", True), (2, "eng", False)]
    dropped = (
        "audio 1 (ac3): drop: by rule, fra: its language is not kept",
        'audio 3 (ac3): drop: by rule, eng "Commentary": commentary',
        "subtitle 4 (subrip): drop: by rule, deu: its language is not kept",
    )
    said = parse_provenance(target.provenance or "")
    assert said.left_out == dropped
    ledger = Ledger.read(library.state_dir)
    receipt = parse_receipt(ledger.receipt(str(library.target("film.mkv"))) or b"")
    ledger.close()
    assert receipt.changed_streams == (
        *dropped[:1],
        "audio 2 (ac3): copy; flags by rule: default",
        *dropped[1:],
    )
    contract = next(check for check in receipt.checks if check.name == "contract")
    assert all(line in contract.detail for line in dropped)


def test_only_what_the_rule_comes_to_makes_a_target_stale(library: SampleLibrary) -> None:
    library.run()
    assert library.row("film.mkv").action is PlanAction.FRESH
    library.rules(settings=KEEP_ENGLISH.replace("keep: en,", "keep: [en, ja, ko],"))
    assert library.row("film.mkv").action is PlanAction.FRESH
    library.rules(settings=KEEP_ENGLISH.replace("keep: en,", "keep: [en, de, fr],"))
    row = library.row("film.mkv")
    assert row.action is PlanAction.ENCODE
    (cause,) = row.causes
    assert cause.startswith("tracks without streams 1, 3, 4; flags of 2: default -> ")


def test_the_tag_gives_the_choice_back_to_a_new_ledger(library: SampleLibrary) -> None:
    library.run()
    shutil.rmtree(library.state_dir)
    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, ignore) as session,
    ):
        report = adopt(session.workspace, AdoptOptions(), sink=ignore)
    (adopted,) = report.adoptions
    assert (adopted.kind, adopted.notes) == (AdoptKind.ADOPTED, ())
    assert library.row("film.mkv").action is PlanAction.FRESH


def test_in_place_of_its_source_the_trash_keeps_what_went(
    library: SampleLibrary, tools: Tools
) -> None:
    library.rules(RULES.format(settings=KEEP_ENGLISH).replace(
        "mode: mirror, root: out, copies: encode", "mode: replace"
    ))  # fmt: skip
    assert (
        library.plan()
        .notes[-1]
        .endswith("; the originals in the trash keep them until they are purged")
    )
    assert library.run().done == 1, library.output()
    (kept,) = library.kept()
    original = probe_file(library_file(Path(kept.path)), tools)
    assert len(original.audio) == 3
    assert len(original.subtitles) == 2
    assert library.row("film.mkv").action is PlanAction.FRESH
