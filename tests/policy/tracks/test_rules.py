from __future__ import annotations

import pytest

from av1rules.policy.decode_settings import settings_of
from av1rules.policy.tracks.rules import (
    DEFAULTED,
    KEPT_AUDIO,
    KEPT_SUBTITLES,
    LISTED,
    AudioRules,
    LanguageWordError,
    SubtitleRules,
    TrackChoice,
    languages_of,
    track_language,
)


@pytest.mark.parametrize("word", ["de", "deu", "ger", "DE", "de-AT", "de_CH", " ger "])
def test_a_language_in_any_form_is_one_code(word: str) -> None:
    assert track_language(word, LISTED) == "deu"


@pytest.mark.parametrize(
    ("word", "words", "code"),
    [
        ("original", LISTED, "original"),
        ("Und", LISTED, "und"),
        ("unknown", LISTED, "und"),
        ("all", KEPT_AUDIO, "all"),
        ("none", KEPT_SUBTITLES, "none"),
        ("none", DEFAULTED, "none"),
        ("no", LISTED, "nor"),
        ("qad", LISTED, "qad"),
        ("xyz", LISTED, "xyz"),
    ],
)
def test_words_and_codes(word: str, words: tuple[str, ...], code: str) -> None:
    assert track_language(word, words) == code


@pytest.mark.parametrize(
    ("word", "words", "hint"),
    [
        ("English", LISTED, "write eng"),
        ("xq", LISTED, "or a word: original, und"),
        ("all", LISTED, "all stands alone"),
        ("none", KEPT_AUDIO, "some sound always stays"),
        ("all", DEFAULTED, "all stands alone"),
        ("commentary", LISTED, "or a word"),
        ("", LISTED, "or a word"),
    ],
)
def test_what_is_no_language_is_refused(word: str, words: tuple[str, ...], hint: str) -> None:
    with pytest.raises(LanguageWordError) as refused:
        track_language(word, words)
    assert hint in str(refused.value.hint)


def test_all_is_no_list_and_none_an_empty_one() -> None:
    assert languages_of("all") is None
    assert languages_of("none") == ()
    assert languages_of("de") == ("deu",)
    assert languages_of(["ja", "en", "eng"]) == ("jpn", "eng")


def test_rules_as_they_are_read() -> None:
    read = settings_of(
        {
            "audio": {"keep": ["original", "en"], "commentary": False, "default": "none"},
            "subtitles": {"keep": "none", "forced": "titled"},
        }
    )
    assert read == {
        "audio": AudioRules(keep=("original", "eng"), commentary=False, default=()),
        "subtitles": SubtitleRules(keep=(), forced="titled"),
    }


def test_texts() -> None:
    audio = AudioRules(keep=("eng",), commentary=False, descriptions=False, unknown=False)
    assert audio.text == "keep eng; no commentary; no descriptions; none of unknown language"
    assert AudioRules(default=()).text == "keep all; default none"
    subtitles = SubtitleRules(keep=(), full=False, sdh=False, default=("eng",), forced="none")
    assert subtitles.text == "keep none; no full; no sdh; default eng; forced none"
    assert TrackChoice(dropped=(2,)).text == "without stream 2"
    choice = TrackChoice(dropped=(2, 3), flags=((1, ("default", "original")), (4, ())))
    assert choice.text == ("without streams 2, 3; flags of 1: default+original; flags of 4: none")
