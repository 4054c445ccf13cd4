"""`adopt`: the ledger is rebuilt from tags, and what fails a check is never taken."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import msgspec.structs
import pytest

from av1rules.base.events import Event
from av1rules.execute.startup import start_session
from av1rules.ffmpeg.tools import Tools
from av1rules.ledger.provenance import parse_provenance, provenance_json
from av1rules.ledger.records import ToolsUsed
from av1rules.media.cache import lone_file
from av1rules.media.probe.ffprobe import probe_file
from av1rules.operations.adopt.adopt import Adoption, AdoptKind, AdoptOptions, AdoptReport, adopt
from av1rules.operations.adopt.check import compare_with_source, read_provenance_tag
from av1rules.operations.undo import find_entries, undo
from av1rules.plan.items import PlanAction
from av1rules.plan.workspace import open_workspace
from av1rules.policy.fingerprint import only_output_affecting
from av1rules.policy.settings import EncodeSettings
from av1rules.report.checks import adopt_json, adopt_text
from tests.conftest import MakeClip
from tests.sample_library import FAST, Disk, SampleLibrary

pytestmark = pytest.mark.real

BESIDE = f"""\
version: 1
library: {{roots: [films], settle: 0}}
output: {{copies: encode}}
run: {{reserve: 0}}
rules: [{{name: all, encode: {{{FAST}}}, review: never}}]
"""
REPLACE = BESIDE.replace("{copies: encode}", "{mode: replace}")


def take(library: SampleLibrary, *paths: Path, **request: bool) -> AdoptReport:
    """Adopt under the lock as the command does, or only check (`is_dry`)."""
    options = AdoptOptions(paths=tuple(map(str, paths)), **request)
    with open_workspace(library.rules_file, write=False) as workspace:
        if options.is_dry:
            return adopt(workspace, options, sink=_ignore)
        with start_session(workspace, _ignore) as session:
            return adopt(session.workspace, options, sink=_ignore)


def _ignore(_event: Event) -> None:
    return None


def kinds(report: AdoptReport) -> dict[str, AdoptKind]:
    return {os.path.basename(item.target): item.kind for item in report.adoptions}


def only(report: AdoptReport) -> Adoption:
    (item,) = report.adoptions
    return item


def lose_ledger(library: SampleLibrary) -> None:
    shutil.rmtree(library.state_dir)


def edit(path: Path, tools: Tools, *options: str) -> None:
    """A remux as an editor of tags makes it."""
    edited = path.with_name(f"edited-{path.name}")
    subprocess.run(
        [tools.ffmpeg, "-v", "error", "-i", str(path), "-map", "0", "-c", "copy", *options,
         "-metadata", "title=Another title", str(edited)],
        check=True,
    )  # fmt: skip
    edited.replace(path)


@pytest.fixture
def built(library: SampleLibrary, other_clip: Path) -> SampleLibrary:
    """Two targets, and a ledger that is lost."""
    library.add("a.mkv")
    library.add("sub/b.mkv", other_clip)
    library.run()
    lose_ledger(library)
    return library


class TestLostLedger:
    def test_rows_are_as_they_were_and_nothing_is_to_do(self, library: SampleLibrary) -> None:
        library.add("a.mkv")
        library.rules(
            library.rules_file.read_text().replace(
                "copies: encode", "copies: encode, receipts: json"
            )
        )
        library.run()
        (before,) = library.ledger_rows()
        lose_ledger(library)
        assert [row.action for row in library.plan().rows] == [PlanAction.BLOCKED]
        report = take(library, digest=True, decode=True)
        item = only(report)
        assert (item.kind, item.source, item.notes) == (AdoptKind.ADOPTED, "films/a.mkv", ())
        (after,) = library.ledger_rows()
        only_known_to_the_ledger = {"rule", "built_at", "encode_s", "verify_s", "run", "settings"}
        for field in msgspec.structs.fields(after):
            if field.name not in only_known_to_the_ledger:
                assert getattr(after, field.name) == getattr(before, field.name), field.name
        assert after.settings == only_output_affecting(before.settings)
        assert [row.action for row in library.plan().rows] == [PlanAction.FRESH]
        assert take(library).known == 1

    @pytest.mark.parametrize("rules", [None, BESIDE], ids=["mirror", "beside"])
    def test_both_modes(self, library: SampleLibrary, other_clip: Path, rules: str | None) -> None:
        library.rules(rules)
        library.add("a.mkv")
        library.add("sub/b.mkv", other_clip)
        library.run()
        lose_ledger(library)
        report = take(library)
        assert len(report.of(AdoptKind.ADOPTED)) == 2
        assert {row.action for row in library.plan().rows} == {PlanAction.FRESH}

    def test_dry_run_writes_nothing(
        self, built: SampleLibrary, snapshot: Callable[[Path], Disk]
    ) -> None:
        before = snapshot(built.folder)
        report = take(built, is_dry=True)
        assert len(report.of(AdoptKind.ADOPTED)) == 2
        assert not (built.state_dir / "ledger.sqlite3").exists()
        lose_ledger(built)  # what is left are caches
        assert snapshot(built.folder) == before

    def test_only_some(self, built: SampleLibrary) -> None:
        assert kinds(take(built, built.target("sub"))) == {"b.mkv": AdoptKind.ADOPTED}
        assert kinds(take(built, built.target("a.mkv"))) == {"a.mkv": AdoptKind.ADOPTED}

    def test_copies_keep_a_target_each(self, library: SampleLibrary) -> None:
        library.add("a.mkv")
        library.add("z/copy.mkv")
        library.run()
        lose_ledger(library)
        found = {item.target: item.source for item in take(library).adoptions}
        assert found == {
            str(library.target("a.mkv")): "films/a.mkv",
            str(library.target("z/copy.mkv")): "films/z/copy.mkv",
        }

    def test_output_behind_a_link(self, library: SampleLibrary, tmp_path: Path) -> None:
        (tmp_path / "disk").mkdir()
        (library.folder / "out").symlink_to(tmp_path / "disk")
        library.add("a.mkv")
        library.run()
        lose_ledger(library)
        assert only(take(library)).target == str(library.target("a.mkv"))
        assert library.work() == []
        assert take(library, tmp_path / "disk").known == 1

    def test_receipt_beside_the_target_is_taken_up(self, library: SampleLibrary) -> None:
        library.rules(
            library.rules_file.read_text().replace(
                "copies: encode", "copies: encode, receipts: json"
            )
        )
        library.add("a.mkv")
        library.run()
        lose_ledger(library)
        take(library)
        with open_workspace(library.rules_file, write=False) as workspace:
            stored = workspace.ledger.receipt(str(library.target("a.mkv")))
        assert json.loads(stored or b"")["rule"] == "all"


class TestAnotherMachine:
    def test_library_copied_to_another_path_and_root_renamed(
        self, built: SampleLibrary, tmp_path: Path
    ) -> None:
        moved = SampleLibrary(folder=tmp_path / "elsewhere", clip=built.clip)
        shutil.copytree(built.folder, moved.folder)
        (moved.folder / "films").rename(moved.folder / "movies")
        (moved.folder / "out" / "films").rename(moved.folder / "out" / "movies")
        moved.rules(built.rules_file.read_text().replace("films", "movies"))
        report = take(moved)
        assert {item.source for item in report.adoptions} == {"movies/a.mkv", "movies/sub/b.mkv"}
        assert {row.action for row in moved.plan().rows} == {PlanAction.FRESH}

    def test_source_renamed_meanwhile_is_found_by_content(self, built: SampleLibrary) -> None:
        films = built.folder / "films"
        (films / "a.mkv").rename(films / "Another name.mkv")
        sources = {item.source for item in take(built).adoptions}
        assert sources == {"films/Another name.mkv", "films/sub/b.mkv"}
        assert built.work() == [], "its target follows, nothing is encoded"
        assert [row.file.relative_path for row in built.plan().of(PlanAction.MOVE)] == [
            "Another name.mkv"
        ]

    def test_output_that_still_has_the_old_name_of_the_root(self, built: SampleLibrary) -> None:
        (built.folder / "films").rename(built.folder / "movies")
        built.rules(built.rules_file.read_text().replace("films", "movies"))
        assert len(take(built).of(AdoptKind.ADOPTED)) == 2
        assert len(built.plan().of(PlanAction.MOVE)) == 2
        built.run()
        assert {row.action for row in built.plan().rows} == {PlanAction.FRESH}
        assert (built.folder / "out/movies/sub/b.mkv").exists()

    def test_settings_of_today_are_compared_with_those_of_the_tag(
        self, library: SampleLibrary
    ) -> None:
        library.rules(settings=FAST.replace("crf: 50", "crf: 46"))
        library.add("a.mkv")
        library.run()
        lose_ledger(library)
        library.rules()
        take(library)
        assert library.row("a.mkv").action is PlanAction.ENCODE
        assert library.causes("a.mkv") == ("crf 46 -> 50 (rules.yaml:7)",)


class TestEdited:
    def test_edited_target_is_renewed_and_its_history_stays(
        self, library: SampleLibrary, tools: Tools
    ) -> None:
        library.add("a.mkv")
        library.run()
        (before,) = library.ledger_rows()
        edit(library.target("a.mkv"), tools, "-metadata:s:a:0", "language=ger")
        assert library.row("a.mkv").action is PlanAction.BLOCKED
        item = only(take(library))
        assert item.kind is AdoptKind.RENEWED
        assert item.notes == ("audio 1: language should be none, found ger",)
        (after,) = library.ledger_rows()
        assert (after.rule, after.encode_s, after.run) == ("all", before.encode_s, before.run)
        assert after.target_key != before.target_key
        assert library.row("a.mkv").action is PlanAction.FRESH

    def test_touched_target_is_known(self, library: SampleLibrary) -> None:
        library.add("a.mkv")
        library.run()
        os.utime(library.target("a.mkv"), ns=(1, 2_000_000_000))
        assert take(library).known == 1
        assert library.ledger_rows()[0].target_mtime_ns == 2_000_000_000


class TestRefused:
    def refusal(self, library: SampleLibrary, **request: bool) -> str:
        item = only(take(library, **request))
        assert item.kind is AdoptKind.REFUSED
        assert library.ledger_rows() == ()
        return item.reason or ""

    @pytest.fixture
    def one(self, library: SampleLibrary) -> SampleLibrary:
        library.add("a.mkv")
        library.run()
        lose_ledger(library)
        return library

    def test_cut_off(self, one: SampleLibrary) -> None:
        target = one.target("a.mkv")
        os.truncate(target, target.stat().st_size - 500)
        assert self.refusal(one) == "it is cut off: 500 B are missing at its end"

    def test_damage_that_only_decoding_shows(self, one: SampleLibrary) -> None:
        target = one.target("a.mkv")
        data = target.read_bytes()
        half = len(data) // 2
        target.write_bytes(data[:half] + bytes(byte ^ 0x5A for byte in data[half:-2000])
                           + data[-2000:])  # fmt: skip
        assert self.refusal(one, decode=True).startswith("does not decode: ")

    def test_rot_behind_an_untouched_head_is_no_edit(self, library: SampleLibrary) -> None:
        library.add("a.mkv")
        library.run()
        before = library.ledger_rows()
        target = library.target("a.mkv")
        data = bytearray(target.read_bytes())
        data[len(data) // 2] ^= 1
        target.write_bytes(data)
        assert "it is damaged" in (only(take(library)).reason or "")
        assert library.ledger_rows() == before

    def test_source_gone(self, one: SampleLibrary) -> None:
        (one.folder / "films" / "a.mkv").unlink()
        assert self.refusal(one) == "its source is not in the library"

    def test_source_replaced_by_a_better_release(
        self, one: SampleLibrary, other_clip: Path
    ) -> None:
        one.add("a.mkv", other_clip)
        assert self.refusal(one) == "its source is not in the library"

    def test_source_that_differs_between_the_samples(self, library: SampleLibrary) -> None:
        source = library.add("a.mkv")
        with source.open("ab") as file:
            file.write(bytes(4_000_000))
        library.run()
        lose_ledger(library)
        data = bytearray(source.read_bytes())
        data[700_000] ^= 1
        source.write_bytes(data)
        assert "by digest" in self.refusal(library, digest=True)

    def test_tag_put_on_another_film(
        self, one: SampleLibrary, tools: Tools, make_clip: MakeClip
    ) -> None:
        target = one.target("a.mkv")
        tag = probe_file(lone_file(str(target)), tools).provenance
        for size, length, reason in (
            ("64x64", 1, "its frames are 64x64, not 128x72"),
            ("128x72", 3, "it is 3.0 s long, its source 1.0 s"),
        ):
            forged = make_clip(
                "forged.mkv", "-f", "lavfi", "-i", f"testsrc2=s={size}:r=24:d={length}", "-c:v",
                "libsvtav1", "-preset", "12", "-metadata", f"AV1RULES={tag}",
            )  # fmt: skip
            shutil.copy(forged, target)
            assert self.refusal(one) == reason

    def test_foreign_files_are_none_of_our_business(
        self, one: SampleLibrary, other_clip: Path
    ) -> None:
        shutil.copy(other_clip, one.target("foreign.mkv"))
        one.target("text.mkv").write_text("no film")
        assert kinds(take(one)) == {"a.mkv": AdoptKind.ADOPTED}


class TestReplaced:
    @pytest.fixture
    def replaced(self, library: SampleLibrary, make_clip: MakeClip) -> SampleLibrary:
        clip = make_clip(
            "r.mp4", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=24:d=1", "-c:v", "mpeg4",
        )  # fmt: skip
        library.rules(REPLACE)
        library.add("A film (1999)/a.mp4", clip)
        library.run()
        assert (library.folder / "films/A film (1999)/a.mkv").exists()
        return library

    def test_original_that_lies_aside_is_found_and_undo_works_again(
        self, replaced: SampleLibrary, make_clip: MakeClip
    ) -> None:
        (row,) = replaced.ledger_rows()
        (kept,) = replaced.kept()
        lose_ledger(replaced)
        item = only(take(replaced, digest=True))
        assert (item.source, item.original) == ("films/A film (1999)/a.mp4", kept.path)
        (again,) = replaced.kept()
        assert (again.path, again.place, again.facts) == (kept.path, kept.place, kept.facts)
        assert again.row.source_path == row.source_path
        assert [one.action for one in replaced.plan().rows] == [PlanAction.FRESH]
        assert self.undone(replaced) == [None]
        assert os.listdir(replaced.folder / "films/A film (1999)") == ["a.mp4"]

    def test_original_that_is_gone(self, replaced: SampleLibrary) -> None:
        os.unlink(replaced.kept()[0].path)
        lose_ledger(replaced)
        item = only(take(replaced))
        assert (item.kind, item.original) == (AdoptKind.ADOPTED, None)
        assert item.source == "films/A film (1999)/a.mkv"
        assert item.notes == ("its original is gone: not compared",)
        assert replaced.kept() == ()
        assert not replaced.plan().has_work

    def test_target_renamed_by_another_program(self, replaced: SampleLibrary) -> None:
        old = replaced.folder / "films/A film (1999)/a.mkv"
        new = replaced.folder / "films/A Film (1999) {imdb-1}/A Film.mkv"
        new.parent.mkdir()
        replaced.rules_file.write_text(
            replaced.rules_file.read_text().replace(
                "mode: replace", "mode: replace, receipts: json"
            )
        )
        assert replaced.run(force=True).done == 1
        old.rename(new)
        receipts = [Path(f"{film}.av1rules.json") for film in (old, new)]
        item = only(take(replaced))
        assert (item.kind, item.notes) == (AdoptKind.RENAMED, (f"was {old}",))
        assert [receipt.exists() for receipt in receipts] == [False, True]
        (row,) = replaced.ledger_rows()
        assert row.target == str(new)
        assert row.source == "films/A Film (1999) {imdb-1}/A Film.mp4"
        assert [one.action for one in replaced.plan().rows] == [PlanAction.FRESH]
        assert take(replaced).known == 1
        assert self.undone(replaced) == [None]
        assert os.listdir(new.parent) == ["A Film.mp4"]

    def test_edited_target_and_undo(self, replaced: SampleLibrary, tools: Tools) -> None:
        edit(replaced.folder / "films/A film (1999)/a.mkv", tools)
        assert only(take(replaced)).kind is AdoptKind.RENEWED
        assert len(replaced.kept()) == 1
        assert [one.action for one in replaced.plan().rows] == [PlanAction.FRESH]
        assert self.undone(replaced) == [None]

    def undone(self, library: SampleLibrary) -> list[str | None]:
        with (
            open_workspace(library.rules_file, write=False) as workspace,
            start_session(workspace, _ignore) as session,
        ):
            entries = find_entries(session.workspace.ledger, [str(library.folder / "films")])
            return [item.refusal for item in undo(session, entries)]


def test_renamed_target_in_an_output_of_its_own(library: SampleLibrary) -> None:
    library.add("a.mkv")
    library.run()
    library.target("a.mkv").rename(library.target("b.mkv"))
    item = only(take(library))
    assert (item.kind, item.source) == (AdoptKind.RENAMED, "films/a.mkv")
    assert library.work() == []
    library.run()
    assert os.listdir(library.target("")) == ["a.mkv"]


def test_target_whose_disk_is_gone_was_not_renamed(library: SampleLibrary, tmp_path: Path) -> None:
    library.add("a.mkv")
    library.run()
    copy = tmp_path / "backup" / "a.mkv"
    copy.parent.mkdir()
    shutil.copy(library.target("a.mkv"), copy)
    (library.folder / "out").rename(tmp_path / "unmounted")
    take(library, copy.parent)
    assert str(library.target("a.mkv")) in {row.target for row in library.ledger_rows()}


SAID = provenance_json(
    digest="xxh3-128:00",
    content_key="100-ab",
    size_bytes=100,
    settings=EncodeSettings(crf=26, preset=5),
    tools=ToolsUsed(ffmpeg="9.0", encoder="libsvtav1"),
)


class TestClaim:
    def test_sound_claim(self) -> None:
        assert read_provenance_tag(SAID).provenance == parse_provenance(SAID)

    @pytest.mark.parametrize(
        ("before", "after", "fault"),
        [
            ('"av1rules":1', '"av1rules":2', "format 2"),
            ('"container":"mkv"', '"container":"../x"', "container"),
            ('"source_bytes":100', '"source_bytes":99', "contradicts itself"),
            ('"crf":26', '"crf":"low"', "can't be read"),
            ("{", "[", "can't be read"),
        ],
    )
    def test_nonsense_is_refused(self, before: str, after: str, fault: str) -> None:
        assert before in SAID
        claim = read_provenance_tag(SAID.replace(before, after))
        assert claim.provenance is None
        assert fault in (claim.problem or "")


def test_accepted_damage_makes_a_target_shorter(tools: Tools, make_clip: MakeClip) -> None:
    long = make_clip("l.mkv", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=24:d=4", "-c:v", "mpeg4")
    short = make_clip(
        "s.mkv", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=24:d=2", "-c:v", "libsvtav1",
        "-preset", "12",
    )  # fmt: skip
    said = parse_provenance(SAID)
    source, target = (probe_file(lone_file(str(path)), tools) for path in (long, short))
    refused = compare_with_source(said, source, target, tools, accepts_damage=False)
    assert refused.problem == "it is 2.0 s long, its source 4.0 s"
    assert compare_with_source(said, source, target, tools, accepts_damage=True).problem is None


def test_text_and_json(library: SampleLibrary) -> None:
    library.add(b"odd\xff\x1b[31m.mkv")
    library.add("b.mkv")
    library.run()
    lose_ledger(library)
    os.truncate(library.target("b.mkv"), 5000)
    report = take(library, is_dry=True)
    text = adopt_text(report, is_dry=True)
    assert "\x1b" not in text
    assert "odd\\xff\\x1b[31m.mkv" in text
    assert text.endswith("1 adopted, 1 refused; nothing was written")
    document = json.loads(adopt_json(report, is_dry=True))
    assert (document["ok"], document["dry_run"]) == (False, True)
    assert [item["result"] for item in document["targets"]] == ["refused", "adopted"]
    assert adopt_text(AdoptReport(adoptions=(), known=2), is_dry=False) == (
        "nothing to adopt, 2 unchanged in the ledger"
    )


def test_what_a_plan_left_alone_is_fresh_once_it_is_adopted(library: SampleLibrary) -> None:
    """Nothing that was remembered of an unknown result is in the way."""
    library.rules(
        "version: 1\nlibrary: {roots: [films], settle: 0}\noutput: {mode: replace}\n"
        f"run: {{reserve: 0}}\nrules: [{{name: all, encode: {{{FAST}}}, review: never}}]\n"
    )
    library.add("a.mkv")
    library.run()
    shutil.rmtree(library.state_dir)
    assert library.row("a.mkv").action is PlanAction.LEFT_ALONE
    take(library)
    assert library.row("a.mkv").action is PlanAction.FRESH
