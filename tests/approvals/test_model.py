"""What follows from decisions: verdicts, adjustments, canaries."""

from __future__ import annotations

import pytest
from msgspec import structs

from av1rules.approvals.model import (
    Answer,
    Decisions,
    ReviewState,
    ReviewStatus,
    adjustments_for,
    all_changes,
    changed_words,
    decide,
    merge,
    new_decision,
    review_state,
    with_adjustments,
)
from av1rules.base.errors import UsageError
from av1rules.policy.fingerprint import settings_digest
from av1rules.policy.model import Review, ReviewKind
from av1rules.policy.settings import EncodeSettings, Loss
from tests.approvals.decisions import REMUX, START, content, decision

EACH = Review(kind=ReviewKind.EACH)
NEVER = Review(kind=ReviewKind.NEVER)
THREE = Review(kind=ReviewKind.CANARY, canary=3)


def state_of(
    book: Decisions,
    *,
    number: int = 1,
    settings: EncodeSettings = REMUX,
    rule: str = "remux",
    review: Review = EACH,
) -> ReviewState:
    return review_state(
        book, content_key=content(number), settings=settings, rule=rule, review=review
    )


def test_without_a_decision_the_clip_waits() -> None:
    verdict = state_of(Decisions())
    assert (verdict.kind, verdict.text) == (
        ReviewStatus.WAITING,
        "held: clip waiting for approval",
    )


def test_no_review_releases_all_but_what_was_rejected() -> None:
    assert state_of(Decisions(), review=NEVER).is_released
    rejected = decide(Decisions(), decision(Answer.REJECTED, reason="too soft"))
    assert state_of(rejected, review=NEVER).text == "rejected by Ann on 2026-11-22: too soft"
    assert state_of(rejected, review=NEVER, settings=structs.replace(REMUX, crf=16.0)).is_released


def test_an_approval_is_for_its_content_and_settings_alone() -> None:
    book = decide(Decisions(), decision())
    assert state_of(book).text == "released: approved by Ann on 2026-11-22"
    assert state_of(book, number=2).kind is ReviewStatus.WAITING
    void = state_of(book, settings=structs.replace(REMUX, crf=16.0, film_grain=0, tune="vq"))
    assert void.kind is ReviewStatus.VOID
    assert void.text == ("approval void: crf 18 -> 16, film_grain 8 -> 0, tune default -> vq since")
    assert void.changes[0] == ("crf", "18", "16")


def test_what_shapes_nothing_makes_no_approval_void() -> None:
    book = decide(Decisions(), decision())
    loose = structs.replace(REMUX, force=True, max_size_ratio=0.5, accept=frozenset({Loss.ALPHA}))
    assert state_of(book, settings=loose).is_released


def test_settings_that_come_back_are_approved_still() -> None:
    finer = structs.replace(REMUX, crf=16.0)
    book = merge(Decisions(), [decision(), decision(settings=finer, minute=5)])
    assert state_of(book).is_released
    assert state_of(book, settings=finer).is_released


def test_a_rejection_of_other_settings_is_told() -> None:
    book = decide(Decisions(), decision(Answer.REJECTED, reason="too soft"))
    assert state_of(book, settings=structs.replace(REMUX, crf=16.0)).text == (
        "held: clip waiting for approval (rejected by Ann on 2026-11-22, crf 18 -> 16 since)"
    )


def test_the_newest_decision_counts() -> None:
    book = merge(Decisions(), [decision(Answer.REJECTED, reason="soft"), decision(minute=1)])
    assert state_of(book).is_released
    assert len(book.decisions) == 1
    older = decide(book, decision(Answer.REJECTED, reason="soft"))
    assert older == book


def test_an_adjustment_takes_the_place_of_an_approval_and_asks_anew() -> None:
    adjusted = decision(Answer.ADJUSTED, minute=1, changes={"crf": 16.0})
    book = merge(Decisions(), [decision(), adjusted])
    assert book.decisions == (adjusted,)
    layer = adjustments_for(book, content(1))
    settings = with_adjustments(REMUX, layer)
    assert settings == structs.replace(REMUX, crf=16.0)
    assert state_of(book, settings=settings).text == (
        "held: clip waiting for approval (adjusted by Ann on 2026-11-22: crf 16)"
    )
    book = decide(book, decision(minute=2, settings=settings))
    assert state_of(book, settings=settings).is_released
    assert adjustments_for(book, content(1)) == layer
    assert adjustments_for(book, content(2)) is None


def test_adjustments_add_up() -> None:
    book = decide(Decisions(), decision(Answer.ADJUSTED, changes={"crf": 16.0}))
    changes = all_changes(book, content(1), {"preset": 2})
    book = decide(book, decision(Answer.ADJUSTED, minute=1, changes=changes))
    assert len(book.decisions) == 1
    layer = adjustments_for(book, content(1))
    assert with_adjustments(REMUX, layer) == structs.replace(REMUX, crf=16.0, preset=2)


def test_without_grain_there_is_nothing_to_denoise() -> None:
    kept = structs.replace(REMUX, film_grain_denoise=False)
    book = decide(Decisions(), decision(Answer.ADJUSTED, settings=kept, changes={"film_grain": 0}))
    adjusted = with_adjustments(kept, adjustments_for(book, content(1)))
    assert adjusted == EncodeSettings(crf=18.0, preset=3)


def test_canaries_release_the_rest_of_their_rule_for_these_settings() -> None:
    book = Decisions()
    for number in (1, 2, 3):
        assert state_of(book, number=9, review=THREE).kind is ReviewStatus.WAITING
        book = decide(book, decision(number=number, minute=number))
    assert state_of(book, number=9, review=THREE).text == "released: 3 of 3 canaries approved"
    other = state_of(book, number=9, review=THREE, settings=structs.replace(REMUX, crf=20.0))
    assert other.text == "held: clip waiting for approval (0 of 3 canaries approved)"
    assert not state_of(book, number=9, review=THREE, rule="another").is_released


def test_a_canary_that_is_rejected_later_counts_no_more() -> None:
    book = merge(Decisions(), [decision(number=number) for number in (1, 2, 3)])
    book = decide(book, decision(Answer.REJECTED, number=2, minute=9, reason="banding"))
    assert state_of(book, number=9, review=THREE).text == (
        "held: clip waiting for approval (2 of 3 canaries approved)"
    )
    assert state_of(book, number=2, review=THREE).kind is ReviewStatus.REJECTED


def test_canaries_are_other_contents() -> None:
    finer = structs.replace(REMUX, crf=16.0)
    one = Review(kind=ReviewKind.CANARY, canary=1)
    book = decide(Decisions(), decision())
    assert state_of(book, settings=finer, review=one).text == (
        "approval void: crf 18 -> 16 since (0 of 1 canaries approved)"
    )


def test_changed_content_starts_anew() -> None:
    book = decide(Decisions(), decision(Answer.ADJUSTED, changes={"crf": 16.0}))
    assert state_of(book, number=2).text == "held: clip waiting for approval"
    assert adjustments_for(book, content(2)) is None


@pytest.mark.parametrize(
    ("answer", "reason", "changes", "message"),
    [
        (Answer.REJECTED, " \n ", None, "a rejection needs a reason"),
        (Answer.ADJUSTED, None, {"crf": 18.0}, "an adjustment changes at least one setting"),
        (Answer.ADJUSTED, None, {"force": True}, "force can't be adjusted for one film"),
    ],
)
def test_decisions_that_say_nothing_are_refused(
    answer: Answer, reason: str | None, changes: dict[str, object] | None, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        decision(answer, reason=reason, changes=changes)
    assert caught.value.message == message


def test_texts_of_people_are_one_bounded_harmless_line() -> None:
    made = new_decision(
        Answer.REJECTED,
        source="a",
        content_key=content(1),
        settings=REMUX,
        rule="r\x1b[31m",
        by="Eve\u202e",
        at=START,
        reason="x\n y" + "z" * 2000,
    )
    assert made.rule == "r\\x1b[31m"
    assert made.by == "Eve\\u202e"
    assert made.reason is not None
    assert made.reason.startswith("x yz")
    assert len(made.reason) == 500


def test_every_shaping_setting_is_in_the_digest() -> None:
    other: dict[str, object] = {
        "encoder": "libaom-av1", "crf": 30.0, "preset": 4, "film_grain": 1,
        "film_grain_denoise": False, "tune": "vq", "keyint": "10s", "bit_depth": 10,
        "deinterlace": "bwdif", "params": (("scm", "1"),), "container": "mp4",
    }  # fmt: skip
    deciding = {"accept", "max_size_ratio", "force"}
    for item in structs.fields(EncodeSettings):
        if item.name in other:
            changed = structs.replace(REMUX, **{item.name: other[item.name]})
            assert settings_digest(changed) != settings_digest(REMUX), item.name
    assert set(other) | deciding <= {item.name for item in structs.fields(EncodeSettings)}
    assert settings_digest(structs.replace(REMUX, crf=18)) == settings_digest(REMUX)
    assert settings_digest(REMUX) == "d593041a08bf15bc99e8225d1a72179b"


def test_of_two_decisions_at_once_the_one_said_last_counts() -> None:
    book = decide(Decisions(), decision())
    book = decide(book, decision(Answer.REJECTED, reason="too soft"))
    assert state_of(book).kind is ReviewStatus.REJECTED
    assert len(book.decisions) == 1


def test_a_setting_that_no_longer_exists_is_told_as_changed() -> None:
    assert changed_words((("retired", "3"), ("crf", "18")), (("crf", "18"),)) == (
        ("retired", "3", "default"),
    )
