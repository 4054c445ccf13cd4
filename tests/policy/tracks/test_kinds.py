from __future__ import annotations

import pytest

from av1rules.media.source import AudioStream, SubtitleStream
from av1rules.policy.tracks.kinds import TrackKind, kinds_of

COMMENTARY, DESCRIPTIONS, SDH, FORCED, PARTIAL = TrackKind


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Director's Commentary", COMMENTARY),
        ("Commentary by the cast", COMMENTARY),
        ("Audiokommentar", COMMENTARY),
        ("Kommentar der Regisseurin", COMMENTARY),
        ("Commentaire du réalisateur", COMMENTARY),
        ("Comentarios del director", COMMENTARY),
        ("Commento del regista", COMMENTARY),
        ("Комментарии", COMMENTARY),
        ("監督コメンタリー", COMMENTARY),
        ("Audio Description", DESCRIPTIONS),
        ("English (AD)", DESCRIPTIONS),
        ("Descriptive Audio", DESCRIPTIONS),
        ("Audiodescription", DESCRIPTIONS),
        ("Hörfilmfassung", DESCRIPTIONS),
        ("Stereo", None),
        ("English 5.1 DTS-HD MA", None),
        ("ADR mix", None),
        ("Roadshow", None),
        ("Lead vocals", None),
        ("SDH", None),  # no other sound
    ],
)
def test_sound_by_its_title(title: str, kind: TrackKind | None) -> None:
    found = kinds_of(AudioStream(index=1, codec="ac3", title=title))
    assert found == (frozenset() if kind is None else {kind})


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("English SDH", SDH),
        ("English [CC]", SDH),
        ("Hard of hearing", SDH),
        ("Untertitel für Hörgeschädigte", SDH),
        ("Sourds et malentendants", SDH),
        ("Forced", FORCED),
        ("German (forced)", FORCED),
        ("Français forcés", FORCED),
        ("Foreign parts", FORCED),
        ("Signs & Songs", FORCED),
        ("Director's commentary", COMMENTARY),
        ("Full", None),
        ("Non-Forced", None),
        ("not forced", None),
        ("Unforced", None),
        ("Accent", None),
    ],
)
def test_subtitles_by_their_title(title: str, kind: TrackKind | None) -> None:
    found = kinds_of(SubtitleStream(index=1, codec="subrip", title=title))
    assert found == (frozenset() if kind is None else {kind})


@pytest.mark.parametrize(
    ("flag", "kind"),
    [
        ("comment", COMMENTARY),
        ("visual_impaired", DESCRIPTIONS),
        ("descriptions", DESCRIPTIONS),
        ("clean_effects", PARTIAL),
        ("default", None),
        ("original", None),
    ],
)
def test_sound_by_its_flag(flag: str, kind: TrackKind | None) -> None:
    found = kinds_of(AudioStream(index=1, codec="ac3", dispositions=frozenset({flag})))
    assert found == (frozenset() if kind is None else {kind})


@pytest.mark.parametrize(
    ("flag", "kind"),
    [("hearing_impaired", SDH), ("captions", SDH), ("forced", FORCED), ("comment", COMMENTARY)],
)
def test_subtitles_by_their_flag(flag: str, kind: TrackKind) -> None:
    found = kinds_of(SubtitleStream(index=1, codec="subrip", dispositions=frozenset({flag})))
    assert found == {kind}


def test_a_name_of_mp4_counts_where_there_is_no_title() -> None:
    assert kinds_of(SubtitleStream(index=1, codec="mov_text", handler="Forced")) == {FORCED}
    titled = SubtitleStream(index=1, codec="mov_text", title="Full", handler="Forced")
    assert kinds_of(titled) == frozenset()
