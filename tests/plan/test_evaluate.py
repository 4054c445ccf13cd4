"""From the facts of one source to decision, settings, losses and fingerprint: rules and caches are
real, the source is a value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from av1rules.approvals.model import Answer, Decisions, new_decision
from av1rules.base.hashing import content_key
from av1rules.ffmpeg.film_log import ShownPicture
from av1rules.ffmpeg.tools import SideProgram, Tools
from av1rules.ledger.ledger import Ledger
from av1rules.media import local_disk
from av1rules.media.cache import LibraryCache
from av1rules.media.film_cache import remember_film
from av1rules.media.film_facts import FilmFacts
from av1rules.media.matroska.facts import MatroskaStructure
from av1rules.media.source import LibraryFile, Source
from av1rules.plan.evaluate import evaluate, grain_of, known_noise, noise_key
from av1rules.plan.items import EncodeRecipe, Evaluation
from av1rules.plan.workspace import ApprovalsFile, Workspace
from av1rules.policy.fingerprint import fingerprint
from av1rules.policy.load import load_rules
from av1rules.policy.resolve import DecisionKind
from av1rules.quality.excerpts import NoiseEstimate
from tests.conftest import library_file
from tests.encode.make import AOM, SVT, TOOLS, settings, source, video

Open = Callable[..., Workspace]

ALL = "[{name: all, encode: {crf: 30, preset: 6}}]"
BY_GRAIN = """
  - {name: grainy, when: {grain: {min: 1.5}}, encode: {crf: 40}}
  - {name: clean, when: {grain: {max: 1.5}}, encode: {crf: 45}}"""


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """A workspace by its rules; everything else in memory."""
    ledger, cache = Ledger.read(tmp_path / "none"), LibraryCache(None)

    def make(
        rules: str = ALL, *, tools: Tools = TOOLS, book: Decisions | None = None, more: str = ""
    ) -> Workspace:
        path = tmp_path / "rules.yaml"
        path.write_text(
            "version: 1\nlibrary: {roots: [films], settle: 0}\n"
            f"output: {{mode: mirror, root: out}}\n{more}rules: {rules}\n"
        )
        return Workspace(
            ruleset=load_rules(path),
            ledger=ledger,
            cache=cache,
            tools=tools,
            approvals=ApprovalsFile(_book=book or Decisions()),
        )

    (tmp_path / "films").mkdir()
    yield make
    cache.close()
    ledger.close()


@pytest.fixture
def film(tmp_path: Path) -> LibraryFile:
    path = tmp_path / "a.mkv"
    path.write_bytes(b"pictures" * 10_000)
    return library_file(path)


@pytest.fixture
def gone(film: LibraryFile) -> LibraryFile:
    """A film that went after the walk found it: whoever reads it is told."""
    Path(film.path).unlink()
    return film


def recipe_of(evaluation: Evaluation) -> EncodeRecipe:
    assert evaluation.recipe is not None
    return evaluation.recipe


def origin(evaluation: Evaluation, name: str) -> str:
    return str(dict(recipe_of(evaluation).origins)[name])


# --- what is made of a source


def test_an_encode_has_settings_streams_encoder_and_fingerprint(
    opened: Open, film: LibraryFile
) -> None:
    found = evaluate(opened(), film, source())
    recipe = recipe_of(found)
    assert (found.decision.kind, found.rule_name) == (DecisionKind.ENCODE, "all")
    assert (recipe.settings.crf, recipe.settings.preset) == (30, 6)
    assert (recipe.encoder, recipe.problem, recipe.refused) == (SVT, None, ())
    assert found.content_key == content_key(film.path)
    assert found.fingerprint == fingerprint(found.content_key, recipe.settings)
    assert (found.unreadable, found.grain_rule, found.source) == (None, None, source())


@pytest.mark.parametrize(
    ("rules", "kind"),
    [
        ("[{name: all, skip: small}]", DecisionKind.SKIP),
        ("[{name: all, hold: later}]", DecisionKind.HOLD),
        ("[{name: none, when: {path: 'b/**'}, encode: {}}]", DecisionKind.NO_RULE),
    ],
)
def test_what_is_not_encoded_is_not_read(
    opened: Open, gone: LibraryFile, rules: str, kind: DecisionKind
) -> None:
    found = evaluate(opened(rules), gone, source())
    assert (found.decision.kind, found.recipe, found.unreadable) == (kind, None, None)
    assert (found.content_key, found.fingerprint) == (None, None)


def test_what_is_skipped_is_not_read_even_if_it_can_be(opened: Open, film: LibraryFile) -> None:
    """Half a megabyte of each file in a library of which most is left alone."""
    assert evaluate(opened("[{name: all, skip: small}]"), film, source()).content_key is None


def test_a_loss_that_is_not_accepted_is_told_without_reading_the_file(
    opened: Open, gone: LibraryFile
) -> None:
    found = evaluate(opened(), gone, source(main=video(chroma="444", pix_fmt="yuv444p")))
    assert len(recipe_of(found).refused) == 1
    assert (found.content_key, found.fingerprint, found.unreadable) == (None, None, None)


def test_a_missing_encoder_is_told_without_reading_the_file(
    opened: Open, gone: LibraryFile
) -> None:
    found = evaluate(opened(tools=replace(TOOLS, encoders=())), gone, source())
    recipe = recipe_of(found)
    assert recipe.encoder is None
    assert "has no AV1 encoder that works" in (recipe.problem or "")
    assert (found.content_key, found.unreadable) == (None, None)


def test_the_preferred_encoder_is_taken(opened: Open, film: LibraryFile) -> None:
    workspace = opened(more="tools: {preferred_encoder: libaom-av1}\n")
    assert recipe_of(evaluate(workspace, film, source())).encoder == AOM


def test_a_file_that_can_not_be_read_says_why(opened: Open, gone: LibraryFile) -> None:
    found = evaluate(opened(), gone, source())
    assert found.unreadable == "can't be read: No such file or directory"
    assert (found.content_key, found.fingerprint) == (None, None)
    assert found.recipe is not None


def test_a_given_content_is_not_read_again(opened: Open, gone: LibraryFile) -> None:
    found = evaluate(opened(), gone, source(), content_key="9-key")
    assert (found.content_key, found.unreadable) == ("9-key", None)
    assert found.fingerprint == fingerprint("9-key", recipe_of(found).settings)


def test_a_setting_that_the_source_changes_says_so(opened: Open, film: LibraryFile) -> None:
    found = evaluate(opened("[{name: all, encode: {keyint: 10s}}]"), film, source())
    assert recipe_of(found).settings.keyint == "240"
    assert origin(found, "keyint").endswith(" (rule all): 10s, for this source 240")
    assert origin(found, "bit_depth").endswith(": as the source, for this source 8")
    assert "for this source" not in origin(found, "crf")
    assert "for this source" not in origin(found, "deinterlace_rate")


# --- adjustments


def adjusted(key: str, **changes: object) -> Decisions:
    decision = new_decision(
        Answer.ADJUSTED, source="films/a.mkv", content_key=key, settings=settings(), rule="all",
        by="Ann", at=datetime(2026, 1, 2, tzinfo=UTC), changes=changes,
    )  # fmt: skip
    return Decisions(decisions=(decision,))


def test_an_adjustment_of_this_content_goes_before_its_rule(
    opened: Open, film: LibraryFile
) -> None:
    workspace = opened(book=adjusted(content_key(film.path), crf=22.0))
    found = evaluate(workspace, film, source())
    assert (recipe_of(found).settings.crf, recipe_of(found).settings.preset) == (22, 6)
    assert origin(found, "crf") == "approvals.yaml:1 (adjusted by Ann)"
    assert "rules.yaml" in origin(found, "preset")
    assert found.fingerprint == fingerprint(content_key(film.path), recipe_of(found).settings)


def test_an_adjustment_of_another_content_is_nothing(opened: Open, film: LibraryFile) -> None:
    found = evaluate(opened(book=adjusted("another", crf=22.0)), film, source())
    assert recipe_of(found).settings.crf == 30


def test_changes_go_before_adjustments_and_both_before_the_rule(
    opened: Open, film: LibraryFile
) -> None:
    workspace = opened(book=adjusted(content_key(film.path), crf=22.0, preset=4))
    found = evaluate(workspace, film, source(), changes={"crf": 25.0})
    assert (recipe_of(found).settings.crf, recipe_of(found).settings.preset) == (25, 4)
    assert origin(found, "crf") == "--set:1 (variant)"


def test_changes_alone(opened: Open, film: LibraryFile) -> None:
    found = evaluate(opened(), film, source(), changes={"crf": 25.0})
    assert (recipe_of(found).settings.crf, recipe_of(found).settings.preset) == (25, 6)


def test_changes_of_what_is_skipped_are_nothing(opened: Open, film: LibraryFile) -> None:
    found = evaluate(opened("[{name: a, skip: small}]"), film, source(), changes={"crf": 25.0})
    assert (found.decision.kind, found.recipe) == (DecisionKind.SKIP, None)


def test_adjustments_read_a_skipped_film_but_do_not_need_it(
    opened: Open, gone: LibraryFile
) -> None:
    workspace = opened("[{name: all, skip: small}]", book=adjusted("another", crf=22.0))
    found = evaluate(workspace, gone, source())
    assert (found.content_key, found.unreadable) == (None, None)


# --- grain


def measured(workspace: Workspace, key: str, p10: float | None) -> None:
    noise = NoiseEstimate(sigma_p10=p10, sigma_p50=p10, frames=9, places=9)
    workspace.cache.put_value(noise_key(key), noise)


def test_a_rule_that_asks_for_grain_waits_for_it(opened: Open, film: LibraryFile) -> None:
    workspace = opened(BY_GRAIN)
    found = evaluate(workspace, film, source())
    assert found.content_key == content_key(film.path)
    assert known_noise(workspace, content_key(film.path)) is None
    assert found.grain_rule is not None
    assert found.grain_rule.name == "grainy"


@pytest.mark.parametrize(("p10", "rule"), [(3.0, "grainy"), (0.2, "clean"), (None, None)])
def test_measured_grain_chooses_the_rule(
    opened: Open, film: LibraryFile, p10: float | None, rule: str | None
) -> None:
    """None: the film is too dark to say, and nothing waits for another measurement."""
    workspace = opened(BY_GRAIN)
    measured(workspace, content_key(film.path), p10)
    found = evaluate(workspace, film, source())
    assert (found.rule_name, found.grain_rule) == (rule, None)
    assert found.facts.grain == p10


def test_rules_without_grain_look_at_none(opened: Open, film: LibraryFile) -> None:
    workspace = opened()
    measured(workspace, content_key(film.path), 3.0)
    assert evaluate(workspace, film, source()).facts.grain is None
    known = content_key(film.path)
    assert evaluate(workspace, film, source(), content_key=known).facts.grain is None


def test_a_rule_by_grain_needs_the_content(opened: Open, gone: LibraryFile) -> None:
    with pytest.raises(FileNotFoundError):
        evaluate(opened(BY_GRAIN), gone, source())


def test_the_grain_of_a_measured_film_is_its_calmest_tenth() -> None:
    noise = NoiseEstimate(sigma_p10=3.0, sigma_p50=4.0, frames=9, places=9)
    assert grain_of(noise) == 3.0


# --- what was seen along the film


def test_what_an_encode_saw_is_part_of_the_facts(opened: Open, film: LibraryFile) -> None:
    """Fields that come late: `interlaced: true` is a condition of a rule."""
    workspace = opened(
        "\n  - {name: fields, when: {interlaced: true}, skip: later}\n  - {name: all, encode: {}}"
    )
    assert evaluate(workspace, film, source()).rule_name == "all"
    shown = ShownPicture(
        width=1920, height=1080, pix_fmt="yuv420p", sample_aspect=None, is_interlaced=True
    )
    remember_film(workspace.cache, content_key(film.path), FilmFacts(pictures=(shown,)))
    found = evaluate(workspace, film, source())
    assert found.rule_name == "fields"
    assert found.source.video[0].is_interlaced is True


# --- deinterlacing


@pytest.mark.parametrize(
    ("wanted", "is_interlaced", "as_before"),
    [
        ("deinterlace: bwdif", True, True),
        ("deinterlace: bwdif, deinterlace_rate: fields", True, False),
        ("deinterlace: bwdif", False, False),
        ("deinterlace: off", True, False),
    ],
)
def test_targets_of_before_fields_became_pictures_stay(
    opened: Open, film: LibraryFile, wanted: str, *, is_interlaced: bool, as_before: bool
) -> None:
    workspace = opened(f"[{{name: all, encode: {{{wanted}}}}}]")
    recipe = recipe_of(evaluate(workspace, film, source(main=video(is_interlaced=is_interlaced))))
    assert (recipe.as_before is not None) is as_before
    if recipe.as_before is not None:
        assert recipe.as_before == replace(recipe.settings, deinterlace_rate=UNSET)
        assert fingerprint("k", recipe.as_before) != fingerprint("k", recipe.settings)


# --- files that play this one


@pytest.fixture
def linked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was looked for; `b.mkv` plays every file (that files are read right is shown by
    `tests/media/matroska`)."""
    asked: list[str] = []

    def look(path: str, uid: str, _memo: object) -> str:
        asked.append(f"{Path(path).name} {uid}")
        return "b.mkv"

    monkeypatch.setattr(local_disk, "linking_file", look)
    return asked


def with_uid(uid: str | None) -> Source:
    return source(matroska=MatroskaStructure(segment_uid=uid))


def test_a_film_that_another_one_plays_is_held(
    opened: Open, film: LibraryFile, linked: list[str]
) -> None:
    found = evaluate(opened(), film, with_uid("00ff"))
    assert linked == ["a.mkv 00ff"]
    (refused,) = recipe_of(found).refused
    assert "b.mkv plays this file" in refused


@pytest.mark.parametrize(
    ("of", "having"),
    [
        (source(), TOOLS),
        (with_uid(None), TOOLS),
        (
            with_uid("00ff"),
            replace(TOOLS, mkvpropedit=SideProgram(path="/bin/mkvpropedit", version="74")),
        ),
    ],
)
def test_nobody_is_looked_for_where_the_name_is_kept_or_there_is_none(
    opened: Open, film: LibraryFile, linked: list[str], of: Source, having: Tools
) -> None:
    found = evaluate(opened(tools=having), film, of)
    assert linked == []
    assert recipe_of(found).refused == ()
