from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from av1rules.base.errors import ToolError, UsageError
from av1rules.base.process import Children
from av1rules.cli import demo
from av1rules.cli.demo import walkthrough as demo_walk
from av1rules.cli.demo.library import CLIPS, Clip
from av1rules.cli.demo.make_clips import make_clip
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED
from av1rules.ffmpeg import locate as tool_search
from av1rules.ffmpeg.tools import Tools
from av1rules.ledger.ledger import Ledger
from av1rules.media.probe.ffprobe import probe_file
from av1rules.media.source import HdrKind, Source
from av1rules.plan.items import PlanAction
from tests.conftest import library_file
from tests.fakes.stub import Answer, Stub

GRAINY = "films/Grainy Night (1999) Remux"
SANDS = "films/Bright Sands (2021) UHD BluRay Remux"
HARBOUR = "films/Harbour (2020) WEB-DL"
OLD_SHOW = "series/Old Show S01E01"


@dataclass(frozen=True)
class Demo:
    folder: Path
    code: int
    output: str
    tools: Tools

    def target(self, name: str) -> Source:
        path = self.folder / "av1" / "library" / f"{name}.mkv"
        return probe_file(library_file(path), self.tools)


def run_demo(folder: Path) -> tuple[int, str]:
    result = CliRunner().invoke(demo.command, [str(folder)], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value, result.output


@pytest.fixture(scope="module")
def done(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo, run once; the tests below look at what it left."""
    folder = tmp_path_factory.mktemp("demo") / "new folder"
    code, output = run_demo(folder)
    return Demo(folder=folder, code=code, output=output, tools=tools)


def clip(path: str) -> Clip:
    return next(item for item in CLIPS if item.path.startswith(path))


@pytest.mark.real
def test_it_shows_that_only_the_changed_rule_is_redone(done: Demo) -> None:
    assert done.code == EXIT_DONE
    assert "crf 30 -> 34 (rules.yaml:" in done.output
    assert f"checked: {HARBOUR}.mp4 was redone; the other 3 targets are the same" in done.output
    assert done.output.count("$ av1rules run") == 3
    assert "$ av1rules clips approve 'library/films/Grainy Night" in done.output
    assert done.output.count("$ av1rules plan") == 3


@pytest.mark.real
def test_the_ledger_holds_a_target_of_every_tier(done: Demo) -> None:
    ledger = Ledger.read(done.folder / ".av1rules")
    rows = {row.source.removeprefix("library/").rpartition(".")[0]: row for row in ledger.rows()}
    ledger.close()
    assert {name: row.rule for name, row in rows.items()} == {
        GRAINY: "other discs",
        SANDS: "hdr discs",
        HARBOUR: "streaming",
        OLD_SHOW: "the rest",
    }
    assert rows[HARBOUR].settings.crf == 34
    assert all(row.target_bytes < 0.9 * row.source_bytes for row in rows.values())


@pytest.mark.real
def test_languages_titles_font_and_chapters_are_in_the_target(done: Demo) -> None:
    target = done.target(GRAINY)
    assert target.main is not None
    assert (target.main.codec, target.main.bit_depth) == ("av1", 8)
    assert [(item.codec, item.language, item.title) for item in target.audio] == [
        ("flac", "eng", "Lossless"),
        ("ac3", "ger", "Kommentar"),
    ]
    assert "comment" in target.audio[1].dispositions
    assert [(item.codec, item.language, item.title) for item in target.subtitles] == [
        ("subrip", "eng", "For the deaf"),
        ("ass", "ger", "Untertitel"),
    ]
    assert "hearing_impaired" in target.subtitles[0].dispositions
    assert [item.mimetype for item in target.attachments] in (["font/ttf"], ["text/plain"])
    assert [item.title for item in target.chapters] == ["Dusk", "Night"]


@pytest.mark.real
def test_hdr10_and_ten_bits_are_in_the_target(done: Demo) -> None:
    main = done.target(SANDS).main
    assert main is not None
    assert (main.bit_depth, main.hdr_kinds) == (10, frozenset({HdrKind.HDR10}))
    assert (main.colour.primaries, main.colour.transfer) == ("bt2020", "smpte2084")
    assert main.mastering_display is not None
    assert main.mastering_display.max_luminance == pytest.approx(1000)
    assert main.content_light is not None
    assert (main.content_light.max_cll, main.content_light.max_fall) == (1000, 400)


@pytest.mark.real
def test_cover_and_subtitles_of_an_mp4_are_in_the_target(done: Demo) -> None:
    target = done.target(HARBOUR)
    assert [item.codec for item in target.subtitles] == ["subrip"]
    assert [item.filename for item in target.covers] == ["cover.jpg"]


@pytest.mark.real
def test_what_is_not_as_it_says_ends_the_demo_with_1(
    tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = replace(clip("films/Broken"), action=PlanAction.ENCODE)
    monkeypatch.setattr(demo_walk, "CLIPS", (wrong,))
    code, output = run_demo(tmp_path / "demo")
    assert code == EXIT_FAILED
    assert (
        "av1rules: unexpected result of the demo: films/Broken Download.mkv: "
        "expected encode, tier None; the plan says blocked, tier None (can't be read"
    ) in output
    assert "$ av1rules run" not in output


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(UsageError, match="the folder is not empty") as refusal:
        run_demo(tmp_path)
    assert refusal.value.hint == "remove it, or name another: av1rules demo FOLDER"
    assert [item.name for item in tmp_path.iterdir()] == ["mine.txt"]


def test_without_tools_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    monkeypatch.setattr(tool_search, "_package_folder", lambda _name: None)
    with pytest.raises(ToolError, match="not found in PATH"):
        run_demo(tmp_path / "demo")
    assert not (tmp_path / "demo").exists()


def test_the_next_encoder_is_tried_where_one_fails(tmp_path: Path, stub: Stub) -> None:
    ffmpeg = stub.make("ffmpeg", Answer(when=["libx264"], returncode=1), Answer())
    harbour = replace(clip(HARBOUR), has_cover=False)
    assert make_clip(harbour, tmp_path, ffmpeg=str(ffmpeg), children=Children())
    tried = [call[call.index("-c:v:0") + 1] for call in stub.calls(ffmpeg)]
    assert tried == ["libx264", "libopenh264"]


def test_a_clip_that_no_encoder_makes_is_left_out(tmp_path: Path, stub: Stub) -> None:
    ffmpeg = stub.make("ffmpeg", Answer(returncode=1))
    assert not make_clip(clip(SANDS), tmp_path, ffmpeg=str(ffmpeg), children=Children())
    assert [path for path in tmp_path.rglob("*.mkv") if path.is_file()] == []


def test_the_demo_has_a_clip_of_every_kind() -> None:
    followed = {PlanAction.FRESH, PlanAction.MOVE, PlanAction.COPY}  # come of what was there before
    asked = {PlanAction.MEASURE}  # no rule of the demo asks for grain
    assert {item.action for item in CLIPS} == set(PlanAction) - followed - asked
    assert {item.source_tier.value for item in CLIPS if item.source_tier} == {
        "remux",
        "web-dl",
        "low-quality",
    }
