"""Fresh or stale, and the words for it."""

from __future__ import annotations

import pytest
from msgspec import structs
from msgspec.structs import replace

from av1rules.ledger.records import TargetRow, ToolsUsed
from av1rules.plan.freshness import Cause, StaleReason, stale_causes
from av1rules.plan.target_state import TargetState
from av1rules.policy.fingerprint import fingerprint
from av1rules.policy.resolve import Origin
from av1rules.policy.settings import EncodeSettings

SETTINGS = EncodeSettings(crf=26, preset=5)
TOOLS = ToolsUsed(ffmpeg="9.0", encoder="libsvtav1", encoder_version="v4.2")
ROW = TargetRow(
    target="/out/a.mkv",
    source="films/a.mkv",
    source_path="/films/a.mkv",
    content_key="key",
    source_digest="xxh3-128:00",
    source_bytes=100,
    settings=SETTINGS,
    fingerprint=fingerprint("key", SETTINGS),
    tools=TOOLS,
    target_bytes=50,
    target_mtime_ns=7,
    target_key="50-aa",
    target_head="00",
    target_digest="xxh3-128:11",
    rule="all",
    built_at="2026-01-01T00:00:00+00:00",
    encode_s=1.0,
    verify_s=0.5,
)
FOUND = TargetState(size_bytes=50, mtime_ns=7)


def judged(row: TargetRow | None = ROW, **changes: object) -> tuple[str, ...]:
    arguments: dict[str, object] = {
        "content_key": "key",
        "settings": SETTINGS,
        "origins": (("crf", Origin("rules.yaml:41")),),
        "found": FOUND,
        "tools": TOOLS,
        "redo_on_tools_change": False,
        "forced": False,
        **changes,
    }
    return tuple(cause.text for cause in stale_causes(row, **arguments))  # type: ignore[arg-type]


def test_fresh_when_nothing_changed() -> None:
    assert judged() == ()


def test_new_when_the_ledger_knows_nothing() -> None:
    assert judged(None) == ("new",)


def test_stale_when_the_source_changed() -> None:
    assert judged(content_key="other") == ("source changed",)


def test_stale_when_a_setting_changed_says_which_and_where() -> None:
    changed = structs.replace(SETTINGS, crf=28.0)
    assert judged(settings=changed) == ("crf 26 -> 28 (rules.yaml:41)",)


def test_names_every_changed_setting() -> None:
    changed = structs.replace(SETTINGS, crf=28.5, tune="ssim", params=(("enable-qm", "1"),))
    assert judged(settings=changed) == (
        "crf 26 -> 28.5 (rules.yaml:41)",
        "tune default -> ssim",
        "params none -> enable-qm=1",
    )


def test_fresh_when_only_the_size_limit_changed() -> None:
    assert judged(settings=structs.replace(SETTINGS, max_size_ratio=0.5)) == ()


def test_stale_when_the_target_is_missing() -> None:
    assert judged(found=None) == ("target missing",)


def test_stale_when_the_target_has_another_size() -> None:
    found = TargetState(size_bytes=49, mtime_ns=7)
    assert judged(found=found) == ("target damaged: 49 bytes, not 50",)


@pytest.mark.parametrize(
    ("key", "causes"),
    [("50-aa", ()), ("50-bb", ("target damaged: its content is not what was written",))],
)
def test_touched_target_is_judged_by_its_content(key: str, causes: tuple[str, ...]) -> None:
    assert judged(found=TargetState(size_bytes=50, mtime_ns=8, key=key)) == causes


def test_other_tools_redo_nothing_unless_the_policy_says_so() -> None:
    newer = replace(TOOLS, encoder_version="v5.0")
    assert judged(tools=newer) == ()
    assert judged(tools=newer, redo_on_tools_change=True) == (
        "tools changed: v4.2, FFmpeg 9.0 -> v5.0, FFmpeg 9.0",
    )


def test_stale_when_forced_or_forgotten() -> None:
    assert judged(forced=True) == ("forced",)
    assert judged(replace(ROW, forgotten=True)) == ("forgotten",)


def test_all_reasons_at_once() -> None:
    causes = judged(content_key="other", settings=structs.replace(SETTINGS, preset=4), found=None)
    assert causes == ("source changed", "preset 5 -> 4", "target missing")


def test_cause_without_values_is_its_reason() -> None:
    assert Cause(reason=StaleReason.NEW).text == "new"


def test_damage_that_a_check_found_is_told_once() -> None:
    assert judged(fault="bad checksum") == ("target damaged: bad checksum",)
    assert judged(fault="bad checksum", found=None) == ("target missing",)
