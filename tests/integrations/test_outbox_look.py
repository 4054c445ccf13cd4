"""A look at the outbox tells what waits, and its thread lives on whatever happens."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from av1rules.base.children import Children
from av1rules.integrations import send
from av1rules.integrations.outbox_look import send_waiting
from av1rules.integrations.send import SendResult
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.outbox.recipient import recipients_of
from av1rules.policy.neighbours.spec import NeighbourKind
from tests.fakes.neighbours import KEY, FakeHook, serving
from tests.integrations.servers import neighbour_of
from tests.integrations.test_send import NEW


def look(state_dir: Path, hook: FakeHook) -> tuple[SendResult, ...]:
    servers = (neighbour_of(hook, NeighbourKind.WEBHOOK),)
    return send_waiting(state_dir, servers, children=Children(), is_stopping=lambda: False)


def test_what_waits_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEIGHBOUR_KEY", KEY)
    with serving(hook := FakeHook()):
        with contextlib.closing(Ledger.open(tmp_path)) as ledger:
            ledger.outbox.address(recipients_of((neighbour_of(hook, NeighbourKind.WEBHOOK),)))
            ledger.outbox.add(NEW)
        assert [one.events for one in look(tmp_path, hook)] == [1]
        assert look(tmp_path, hook) == ()
    assert list(hook.seen.values()) == [1]


def test_without_a_ledger_there_is_nothing_to_tell(tmp_path: Path) -> None:
    with serving(hook := FakeHook()):
        assert look(tmp_path / "none", hook) == ()
    assert not (tmp_path / "none").exists()


def test_an_unexpected_failure_is_logged_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setenv("NEIGHBOUR_KEY", KEY)
    with serving(hook := FakeHook()):
        with contextlib.closing(Ledger.open(tmp_path)) as ledger:
            ledger.outbox.address(recipients_of((neighbour_of(hook, NeighbourKind.WEBHOOK),)))
            ledger.outbox.add(NEW)
        with monkeypatch.context() as patch:
            patch.setattr(send, "send_pending", fail)
            assert look(tmp_path, hook) == ()
        assert "neighbours could not be told" in caplog.text
        assert [one.events for one in look(tmp_path, hook)] == [1]
