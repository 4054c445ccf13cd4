"""What rules for tracks come to: nothing goes that no rule names, and some sound always stays."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from av1rules.media.source import AudioStream, Source, SubtitleStream, VideoStream
from av1rules.policy.tracks.choice import ChosenTracks, choose_tracks, track_name, tracks_of
from av1rules.policy.tracks.kinds import OF_AUDIO, kinds_of
from av1rules.policy.tracks.rules import AudioRules, SubtitleRules, TrackChoice


def sound(index: int, language: str | None, title: str | None = None, *flags: str) -> AudioStream:
    return AudioStream(
        index=index, codec="ac3", language=language, title=title, dispositions=frozenset(flags)
    )


def text(index: int, language: str | None, title: str | None = None, *flags: str) -> SubtitleStream:
    return SubtitleStream(
        index=index, codec="subrip", language=language, title=title, dispositions=frozenset(flags)
    )


def film(*tracks: AudioStream | SubtitleStream) -> Source:
    return Source(
        container="matroska,webm",
        size_bytes=1,
        video=(VideoStream(index=0, codec="h264"),),
        main_index=0,
        audio=tuple(one for one in tracks if isinstance(one, AudioStream)),
        subtitles=tuple(one for one in tracks if isinstance(one, SubtitleStream)),
    )


def chosen(source: Source, **rules: object) -> ChosenTracks:
    return choose_tracks(source, AudioRules(**rules), None)  # type: ignore[arg-type]


def dropped(source: Source, **rules: object) -> tuple[int, ...]:
    choice = chosen(source, **rules).choice
    return choice.dropped if choice is not None else ()


def titles(source: Source, **rules: object) -> TrackChoice:
    choice = choose_tracks(source, None, SubtitleRules(**rules)).choice  # type: ignore[arg-type]
    return choice or TrackChoice()


WORLD = film(
    sound(1, "fre", None, "default"),
    sound(2, "eng"),
    sound(3, "eng", "Director's commentary"),
    sound(4, None),
    sound(5, "de-AT", "Deutsch (AD)"),
)


def test_without_a_rule_everything_stays() -> None:
    assert choose_tracks(WORLD, None, None) == ChosenTracks()
    assert choose_tracks(WORLD, AudioRules(), SubtitleRules()) == ChosenTracks()


def test_languages_are_kept_in_any_form_and_unknown_ones_stay() -> None:
    assert dropped(WORLD, keep=("eng",)) == (1, 5)
    assert dropped(WORLD, keep=("fra",)) == (2, 3, 5)
    assert dropped(WORLD, keep=("eng",), unknown=False) == (1, 4, 5)
    assert dropped(WORLD, keep=("eng", "und")) == (1, 5)


def test_kinds_are_left_out_in_every_language() -> None:
    assert dropped(WORLD, commentary=False) == (3,)
    assert dropped(WORLD, descriptions=False) == (5,)
    assert dropped(WORLD, keep=("eng",), commentary=False) == (1, 3, 5)


def test_why_is_told() -> None:
    found = chosen(WORLD, keep=("eng",), commentary=False, unknown=False)
    assert dict(found.reasons) == {
        1: "its language is not kept",
        3: "commentary",
        4: "its language is unknown",
        5: "its language is not kept",
    }
    assert track_name(WORLD.audio[2]) == 'eng "Director\'s commentary"'
    assert track_name(WORLD.audio[3]) == "of unknown language"


def test_hostile_titles_are_escaped() -> None:
    assert track_name(sound(1, "e\x1b[31m", "a\nb")) == 'e\\x1b[31m "a\\nb"'


def test_the_film_never_loses_its_own_sound() -> None:
    """A commentary in a wanted language is not the film."""
    japanese = film(sound(1, "jpn"), sound(2, "eng", "Commentary"), sound(3, "jpn", "Commentary"))
    found = chosen(japanese, keep=("eng",))
    assert found.choice is None
    assert found.notes == ("the sound of every language stays: no ordinary track is in eng",)
    assert dropped(japanese, keep=("eng",), commentary=False) == (2, 3)


def test_a_track_of_unknown_language_is_no_proof_of_a_wanted_one() -> None:
    unsure = film(sound(1, "jpn"), sound(2, "und"))
    assert dropped(unsure, keep=("eng",)) == ()
    assert dropped(unsure, keep=("eng", "und")) == (1,)


def test_a_film_of_unknown_sound_keeps_it() -> None:
    unsure = film(sound(1, None), sound(2, "und"))
    found = chosen(unsure, unknown=False)
    assert found.choice is None
    assert found.notes == (
        "the sound of every language stays: no ordinary track is of a known language",
    )


def test_nothing_but_commentaries_stays() -> None:
    found = chosen(film(sound(1, "eng", "Commentary")), commentary=False)
    assert found.choice is None
    assert found.notes == ("all sound stays: without it the target would have none",)


def test_tracks_of_no_one_language_count_as_unknown() -> None:
    mixed = film(sound(1, "eng"), sound(2, "mul"), sound(3, "zxx"))
    assert dropped(mixed, keep=("eng",)) == ()
    assert dropped(mixed, keep=("eng",), unknown=False) == (2, 3)


def test_the_original_is_the_marked_track_or_the_first_ordinary_one() -> None:
    marked = film(sound(1, "eng"), sound(2, "kor", None, "original"), sound(3, "kor"))
    assert dropped(marked, keep=("original",)) == (1,)
    first = film(sound(1, "eng", "Commentary"), sound(2, "kor"), sound(3, "eng"), sound(4, "kor"))
    assert dropped(first, keep=("original",)) == (1, 3)
    unknown = film(sound(1, None), sound(2, "eng"))
    assert dropped(unknown, keep=("original",), unknown=False) == (2,)


def test_subtitles_of_the_original_are_in_the_language_of_its_sound() -> None:
    korean = film(sound(1, "kor"), text(2, "kor"), text(3, "eng"), text(4, "eng", None, "original"))
    assert titles(korean, keep=("original",)).dropped == (3,)


SUBTITLED = film(
    sound(1, "eng"),
    text(2, "eng", None, "default"),
    text(3, "eng", "SDH"),
    text(4, "eng", "Forced"),
    text(5, "ger", None, "forced"),
    text(6, "eng", "Commentary"),
    text(7, None),
)


def test_subtitles_may_all_go() -> None:
    assert titles(SUBTITLED, keep=()).dropped == (2, 3, 4, 5, 6, 7)


def test_subtitles_by_language_and_kind() -> None:
    assert titles(SUBTITLED, keep=("eng",)).dropped == (5,)
    assert titles(SUBTITLED, keep=("eng",), sdh=False, commentary=False).dropped == (3, 5, 6)
    assert titles(SUBTITLED, full=False).dropped == (2, 3, 6, 7)
    assert titles(SUBTITLED, keep=("fra",), unknown=False).dropped == (2, 3, 4, 5, 6, 7)


def test_one_track_gets_the_default_flag_and_the_others_lose_it() -> None:
    found = chosen(WORLD, default=("jpn", "eng"))
    assert found.choice == TrackChoice(flags=((1, ()), (2, ("default",))))
    assert chosen(WORLD, default=()).choice == TrackChoice(flags=((1, ()),))
    assert chosen(WORLD, default=("fra",)).choice is None


def test_an_ordinary_track_is_the_default_before_a_commentary() -> None:
    later = film(sound(1, "eng", "Commentary"), sound(2, "eng"))
    assert chosen(later, default=("eng",)).choice == TrackChoice(flags=((2, ("default",)),))
    assert titles(SUBTITLED, keep=("eng",), default=("eng",)).flags == ()  # full ones already


def test_a_default_that_is_not_there_changes_nothing_and_is_told() -> None:
    found = chosen(WORLD, default=("jpn",))
    assert found.choice is None
    assert found.notes == ("no kept audio track is in jpn: the default flags stay as they are",)


def test_the_default_is_chosen_of_what_stays() -> None:
    found = chosen(WORLD, keep=("eng",), default=("fra", "eng"))
    assert found.choice == TrackChoice(dropped=(1, 5), flags=((2, ("default",)),))


def test_where_the_default_sound_goes_the_first_ordinary_one_follows() -> None:
    found = chosen(WORLD, keep=("eng",))
    assert found.choice == TrackChoice(dropped=(1, 5), flags=((2, ("default",)),))
    assert titles(SUBTITLED, keep=("deu",)).flags == ()  # no subtitles come up unasked


def test_forced_flags_by_title_or_none() -> None:
    assert titles(SUBTITLED, forced="titled").flags == ((4, ("forced",)),)
    assert titles(SUBTITLED, forced="none").flags == ((5, ()),)
    both = titles(SUBTITLED, forced="titled", default=("deu",))
    assert both.flags == ((2, ()), (4, ("forced",)), (5, ("default", "forced")))


CODES = st.sampled_from(["eng", "fre", "de", "und", None, "jpn", "mul", "xx"])
NAMES = st.sampled_from([None, "Commentary", "AD", "SDH", "Forced", "Stereo"])
FLAGS = st.frozensets(st.sampled_from(["default", "forced", "comment", "original"]))
SOUND = st.builds(AudioStream, index=st.just(0), codec=st.just("aac"), language=CODES, title=NAMES,
                  dispositions=FLAGS)  # fmt: skip
TEXT = st.builds(SubtitleStream, index=st.just(0), codec=st.just("ass"), language=CODES,
                 title=NAMES, dispositions=FLAGS)  # fmt: skip
WORDS = st.lists(st.sampled_from(["eng", "fra", "deu", "original", "und"]), unique=True).map(tuple)
AUDIO_RULES = st.builds(
    AudioRules, keep=st.none() | WORDS.filter(bool), commentary=st.booleans(),
    descriptions=st.booleans(), unknown=st.booleans(), default=st.none() | WORDS,
)  # fmt: skip
SUBTITLE_RULES = st.builds(
    SubtitleRules, keep=st.none() | WORDS, full=st.booleans(), commentary=st.booleans(),
    sdh=st.booleans(), unknown=st.booleans(), default=st.none() | WORDS,
    forced=st.none() | st.sampled_from(["titled", "none"]),
)  # fmt: skip


@given(st.lists(SOUND, max_size=5), st.lists(TEXT, max_size=5), AUDIO_RULES, SUBTITLE_RULES)
def test_whatever_the_rules_say(
    audio: list[AudioStream],
    subtitles: list[SubtitleStream],
    audio_rules: AudioRules,
    subtitle_rules: SubtitleRules,
) -> None:
    source = film(
        *(replace(one, index=at) for at, one in enumerate(audio, start=1)),
        *(replace(one, index=at) for at, one in enumerate(subtitles, start=len(audio) + 1)),
    )
    found = choose_tracks(source, audio_rules, subtitle_rules)
    choice = found.choice or TrackChoice()
    assert choice.dropped == tuple(index for index, _ in found.reasons)
    kept = [one for one in source.audio if one.index not in choice.dropped]
    ordinary = [one for one in source.audio if kinds_of(one).isdisjoint(OF_AUDIO)]
    assert bool(kept) == bool(source.audio)
    assert not ordinary or any(one in ordinary for one in kept)
    flags = dict(choice.flags)
    assert not flags.keys() & set(choice.dropped)
    own = {one.index: tuple(sorted(one.dispositions)) for one in tracks_of(source)}
    assert all(flags[index] != own[index] for index in flags)
    if audio_rules.default:
        now = [flags.get(one.index, own[one.index]) for one in kept]
        was_told = any("audio track" in note for note in found.notes)
        assert was_told or not kept or sum("default" in names for names in now) == 1
