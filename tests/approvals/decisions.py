"""Short ways to decisions for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from av1rules.approvals.model import Answer, ClipDecision, new_decision
from av1rules.policy.settings import EncodeSettings

START = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
REMUX = EncodeSettings(crf=18.0, preset=3, film_grain=8)


def content(number: int) -> str:
    return f"{number}000000000-{number:032x}"


def decision(
    answer: Answer = Answer.APPROVED,
    *,
    film: str = "Alien",
    number: int = 1,
    minute: int = 0,
    settings: EncodeSettings = REMUX,
    rule: str = "remux",
    by: str = "Ann",
    reason: str | None = None,
    changes: dict[str, Any] | None = None,
) -> ClipDecision:
    return new_decision(
        answer,
        source=f"movies/{film}/{film}.mkv",
        content_key=content(number),
        settings=settings,
        rule=rule,
        by=by,
        at=START + timedelta(minutes=minute),
        reason=reason,
        changes=changes,
    )
