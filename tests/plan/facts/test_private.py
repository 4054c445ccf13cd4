"""A private file of facts: no name, title or text in it, and yet the plan of the library."""

from __future__ import annotations

import gzip
import typing
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import Attempt, AttemptResult
from av1rules.media.source import AudioStream, Source
from av1rules.plan.facts.export import export_facts
from av1rules.plan.facts.hidden import hidden_source
from av1rules.plan.facts.hidden_names import NameHider
from av1rules.plan.facts.private import PrivateExport
from av1rules.plan.facts.write import write_facts
from av1rules.plan.items import Plan, coming_encode
from av1rules.plan.workspace import open_workspace
from av1rules.policy.load import load_rules
from av1rules.policy.model import RuleSet
from av1rules.policy.tracks.kinds import kinds_of
from tests.conftest import MakeClip
from tests.facts_of import plan_of_facts
from tests.fakes.worker import FakeClips
from tests.sample_library import SampleLibrary

RULES = """\
version: 1
library: {{roots: [{{path: zanzibar, name: movies}}], settle: 0, exclude: ["**/extras/**"]}}
output: {{mode: {mode}}}
run: {{reserve: 0}}
defaults: {{max_size_ratio: 9}}
rules:
  - {{name: shows, when: {{path: "**/*S[0-9][0-9]E*"}}, encode: {{crf: 30}}, review: never}}
  - {{name: first, when: {{path: "movies/k*/**"}}, skip: as they are}}
  - {{name: remux, when: {{source_tier: remux}}, encode: {{crf: 20}}, review: never}}
  - {{name: rest, when: {{path: "**/*.{{mkv,mp4}}"}}, encode: {{crf: 40}}, review: never}}
"""

SECRETS = ("zanzibar", "quixote", "mulberry", "kestrel", "umlaut", "1987", "oxbow")

FILMS = (
    "Quixote (1987)/Quixote (1987) 2160p REMUX.mkv",
    "Quixote (1987)/extras/Mulberry.mp4",
    "Mulberry/Season 01/Mulberry.S01E02.720p-OXBOW.mp4",
    "kestrel/Kestrel 1987.mkv",
    "Umlaut/Web of Quixote.WEB-DL.mkv",
    "Umlaut/VIDEO_TS/VTS_01_1.VOB",
)


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


def made(library: SampleLibrary, make_clip: MakeClip, mode: str) -> Path:
    """Its library below a folder with a telling name."""
    library.rules_file.write_text(RULES.format(mode=mode))
    for number, name in enumerate(FILMS):
        path = library.folder / "zanzibar" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make_clip(f"{number}.mkv", "quixote").read_bytes())
    library.run()
    for name in FILMS[:1]:
        source = library.folder / "zanzibar" / name
        source.with_name("Oxbow.mkv").write_bytes(make_clip("oxbow.mkv").read_bytes())
    ledger = Ledger.open(library.state_dir)
    ledger.record_attempt(
        Attempt(
            kind=AttemptResult.FAILED, content_key="1-a", fingerprint="f",
            source="movies/Oxbow.mkv",
            detail="/home/umlaut/zanzibar/oxbow.mkv: no such quixote", source_bytes=1,
            target_bytes=None, count=1, at="2026-01-01T00:00:00+00:00",
        )
    )  # fmt: skip
    ledger.close()
    return library.rules_file


def private(rules_file: Path, goal: Path) -> PrivateExport:
    with open_workspace(rules_file, write=False) as workspace:
        hidden = PrivateExport(workspace)
        write_facts(hidden.lines(export_facts(workspace)), goal)
    return hidden


def seen(plan: Plan) -> Counter[object]:
    """What is planned, but for names."""
    return Counter(
        (
            row.action, row.rule, row.source_tier, row.fingerprint, row.size_bytes, len(row.causes),
            len(row.notes), None if (work := coming_encode(row)) is None else work.recipe.settings,
        )
        for row in plan.rows
    )  # fmt: skip


@pytest.mark.parametrize("mode", ["mirror, root: oxbow", "beside", "replace"])
def test_no_name_is_left_and_the_plan_is_the_same(
    library: SampleLibrary, make_clip: MakeClip, mode: str, tmp_path: Path
) -> None:
    rules_file, goal = made(library, make_clip, mode), tmp_path / "facts.jsonl.gz"
    hidden = private(rules_file, goal)
    text = gzip.decompress(goal.read_bytes()).decode().lower()
    assert [word for word in (*SECRETS, library.folder.name) if word in text] == []
    assert hidden.planned_otherwise == 0
    plan = plan_of_facts(goal, load_rules(rules_file))
    assert seen(plan) == seen(library.plan())
    assert not plan.safety_stops


def test_two_files_hide_the_same_name_otherwise(
    library: SampleLibrary, make_clip: MakeClip, tmp_path: Path
) -> None:
    rules_file = made(library, make_clip, "beside")
    first, second = tmp_path / "1", tmp_path / "2"
    private(rules_file, first)
    private(rules_file, second)
    names = [
        {
            word
            for word in gzip.decompress(one.read_bytes()).decode().split('"')
            if word.startswith("x") and not word.startswith("xxh3-128:")
        }
        for one in (first, second)
    ]
    assert names[0]
    assert not names[0] & names[1]


@pytest.fixture
def ruleset(tmp_path: Path) -> RuleSet:
    (tmp_path / "rules.yaml").write_text(RULES.format(mode="beside"))
    return load_rules(tmp_path / "rules.yaml")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("movies", "movies"),
        ("extras", "extras"),
        ("Film (1999) 2160p BluRay.mkv", "{}(2000) 2160p BluRay.mkv"),
        ("Show.S01E02.720p.mkv", "{}.S01E02.720p.mkv"),
        ("Film.mkv.av1skip", "{}.mkv.av1skip"),
        (".av1skip", ".av1skip"),
        ("Film.av1.mkv", "{}.av1.mkv"),
        ("VTS_01_1.VOB", "VTS_01_1.VOB"),
        ("BDMV", "BDMV"),
        ("notes-smith", "{}"),
        ("Webster.mkv", "{}.mkv"),
        ("kin", "k{}"),
    ],
)
def test_what_stays_of_a_name(ruleset: RuleSet, name: str, kept: str) -> None:
    found = NameHider(ruleset).name(name)
    before, _, after = kept.partition("{}")
    if "{}" not in kept:
        assert found == kept
        return
    assert found.startswith(before)
    assert found.endswith(after)
    assert set(found[len(before) : len(found) - len(after)]) <= set("x0123456789abcdef")


def test_a_target_and_its_source_still_have_one_stem(ruleset: RuleSet) -> None:
    names = NameHider(ruleset)
    assert names.name("Film.mp4")[:-4] == names.name("Film.mkv")[:-4]
    assert names.name("Film.av1.mkv") == f"{names.name('Film.mkv')[:-4]}.av1.mkv"


# --- sources

KEPT = {
    "Source.container", "VideoStream.codec", "VideoStream.profile", "VideoStream.pix_fmt",
    "VideoStream.chroma", "VideoStream.field_order", "Colour.primaries", "Colour.transfer",
    "Colour.matrix", "Colour.range", "Colour.chroma_location", "VideoStream.stereo",
    "Spherical.projection", "Change.values", "VideoStream.language", "VideoStream.dispositions",
    "AudioStream.codec", "AudioStream.profile", "AudioStream.layout", "AudioStream.language",
    "AudioStream.dispositions", "SubtitleStream.codec", "SubtitleStream.decoder",
    "SubtitleStream.language", "SubtitleStream.dispositions", "Attachment.codec",
    "Attachment.mimetype", "DataStream.codec", "DataStream.tag", "Mp4Track.references",
    "MatroskaStructure.segment_uid", "MatroskaStructure.links", "Source.unresolved",
    "Source.unmapped", "Source.encryption",
}  # fmt: skip
"""Texts of a source that say nothing of anybody; every other one is hidden."""


def texts(kind: Any, path: str, seen: set[object]) -> Iterator[str]:
    """The fields of these types that hold texts."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if kind not in seen:
            seen.add(kind)
            for field in msgspec.structs.fields(kind):
                yield from texts(field.type, f"{kind.__name__}.{field.name}", seen)
        return
    arguments = typing.get_args(kind)
    for one in arguments:
        yield from texts(one, path, seen)
    if kind is str:
        yield path


def _has_text(kind: Any) -> bool:
    return any(True for _ in texts(kind, "", set()))


def filled(kind: Any, path: str, words: list[str]) -> Any:
    """A value of this type in which every text is a word that says where it stands."""
    if kind is str:
        words.append(path)
        return f"secret {path}"
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        fields = msgspec.structs.fields(kind)
        return kind(
            **{
                one.name: filled(one.type, f"{kind.__name__}.{one.name}", words)
                for one in fields
                if _has_text(one.type) or one.required
            }
        )
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (tuple, frozenset):
        inner = [one for one in arguments if one is not Ellipsis]
        values = [filled(one, path, words) for one in inner]
        return origin(values)
    if arguments:
        wanted = next((one for one in arguments if _has_text(one)), arguments[0])
        return filled(wanted, path, words)
    return next(iter(kind)) if hasattr(kind, "__members__") else kind(1)


def test_every_text_of_a_source_is_hidden_or_says_nothing(ruleset: RuleSet) -> None:
    words: list[str] = []
    source = filled(Source, "", words)
    assert set(words) == set(texts(Source, "", set()))
    hidden = hidden_source(source, NameHider(ruleset))
    shown = repr(hidden)
    left = {word for word in words if f"secret {word}" in shown}
    assert left == KEPT


@pytest.mark.parametrize("title", ["Director's commentary", "SDH", "Audio Description (UK)", "Zoë"])
def test_a_title_still_says_what_a_track_is(ruleset: RuleSet, title: str) -> None:
    track = AudioStream(index=1, codec="ac3", title=title)
    source = Source(container="matroska", size_bytes=1, audio=(track,))
    (found,) = hidden_source(source, NameHider(ruleset)).audio
    assert kinds_of(found) == kinds_of(track)
    assert found.title != title
    assert replace(found, title=title) == track
