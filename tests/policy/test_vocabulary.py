"""The tables of names agree with each other, with the schema and with what the probe gives."""

from __future__ import annotations

import pytest

from av1rules.media.discover import VIDEO_EXTENSIONS
from av1rules.policy import vocabulary as words
from av1rules.policy.facts import _CONTAINERS, fact_word
from av1rules.policy.languages import language
from av1rules.policy.schema import load_schema
from av1rules.policy.vocabulary import SYNONYMS, meant_by, nearest, vocabulary_problem

DEFS = load_schema()["$defs"]
OUTPUT, RUN = (load_schema()["properties"][name]["properties"] for name in ("output", "run"))
CLOSED: dict[str, list[str]] = {
    key: DEFS["condition"]["properties"][key]["anyOf"][0]["enum"]
    for key in ("hdr", "resolution", "source_tier")
} | {
    "encoder": DEFS["settings"]["properties"]["encoder"]["enum"],
    "preferred_encoder": DEFS["settings"]["properties"]["encoder"]["enum"],
    "accept": DEFS["loss"]["enum"],
    "chroma": list(words._CHROMA),
    "extensions": sorted(VIDEO_EXTENSIONS),
    **{key: OUTPUT[key]["enum"] for key in ("orphans", "copies", "hard_links", "side_files")},
    "io_class": RUN["io_class"]["enum"],
    "": [*OUTPUT, *RUN],
}


@pytest.mark.parametrize("key", sorted(words._MEANT))
def test_what_is_suggested_is_taken(key: str) -> None:
    known = CLOSED.get(key) or words._KNOWN[key]
    assert set(words._MEANT[key].values()) <= set(known)
    assert not set(words._MEANT[key]) & set(known)


@pytest.mark.parametrize("fact", sorted(SYNONYMS))
def test_synonyms_lead_to_names_that_the_probe_gives(fact: str) -> None:
    assert set(SYNONYMS[fact].values()) <= words._KNOWN[fact]
    assert all(vocabulary_problem(fact, word) is None for word in SYNONYMS[fact])


def test_common_names_and_own_names_of_containers_are_known() -> None:
    for fact in ("video_codec", "audio_codec", "container"):
        assert set(words._COMMON[fact]) <= words._KNOWN[fact]
    assert set(_CONTAINERS.values()) | {"webm", "mov"} <= words._KNOWN["container"]
    assert all(
        vocabulary_problem("audio_language", code) is None for code in words._COMMON["language"]
    )


@pytest.mark.parametrize("word", ["HEVC", " av1 ", "H.265", "prores", "x264"])
def test_known_names_in_any_case_are_no_fault(word: str) -> None:
    assert vocabulary_problem("video_codec", word) is None


@pytest.mark.parametrize("word", ["en", "ENG", "pt-BR", "yue", "qaa", "zh_Hant", "gsw", "mul"])
def test_language_codes_are_no_fault(word: str) -> None:
    assert vocabulary_problem("subtitle_language", word) is None


@pytest.mark.parametrize(
    ("tag", "expected"),
    [("af", "afr"), ("German", "deu"), ("ger", "deu"), ("de-AT", "deu"), ("yue", "yue"),
     ("und", None), ("", None), (None, None), ("tlh-x", "tlh"), ("Klingon", "klingon")],
)  # fmt: skip
def test_language_of_a_tag(tag: str | None, expected: str | None) -> None:
    assert language(tag) == expected


def test_word_of_a_condition_and_tag_of_a_file_meet() -> None:
    for code in ("de", "deu", "ger", "de-DE", "GER"):
        assert fact_word("audio_language", code) == language("ger")


def test_nearest_prefers_what_people_call_it_over_how_it_is_spelt() -> None:
    assert nearest("hdr", "DV", CLOSED["hdr"]) == "did you mean dolby-vision?"
    assert nearest("hdr", "hdr1O", CLOSED["hdr"]) == "did you mean hdr10?"
    assert nearest("hdr", "bright", CLOSED["hdr"]) is None
    assert meant_by("resolution", "4K") == "2160p"
