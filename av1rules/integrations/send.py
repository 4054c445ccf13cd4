"""Sends what stands in the outbox. A neighbour that fails is left alone for a while, longer each
time, and given up after a week; nothing here ever fails a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from av1rules.base.errors import Av1rulesError, LedgerError, RunInterruptedError
from av1rules.base.own_files import require_own
from av1rules.base.process import Children
from av1rules.base.units import now_text
from av1rules.integrations.client import NeighbourClient, open_client
from av1rules.integrations.http import NeighbourError
from av1rules.integrations.neighbours.apprise import tell_apprise
from av1rules.integrations.neighbours.arr import tell_arr
from av1rules.integrations.neighbours.healthchecks import tell_healthchecks
from av1rules.integrations.neighbours.media_server import tell_media_server
from av1rules.integrations.neighbours.plex import tell_plex
from av1rules.integrations.neighbours.program import tell_program
from av1rules.integrations.neighbours.prometheus import write_metrics
from av1rules.integrations.neighbours.webhook import tell_webhook
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.outbox.table import OutboxEntry, OutboxState
from av1rules.policy.neighbours.spec import Neighbour, NeighbourKind

LOCK_NAME = "neighbours.lock"

BATCH = 500
"""Entries that are told at a time; a body of as many paths has some 100 kB."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 60.0, 6 * 3600.0
"""A server that restarts is back within a minute; one that is off for the night is asked in the
morning."""

GIVEN_UP_AFTER = timedelta(days=7)
PING_GIVEN_UP_AFTER = timedelta(hours=1)
"""A ping that comes late would tell of a run at the wrong time."""

KEPT_FOR = timedelta(days=30)

_ONE_BY_ONE = (NeighbourKind.WEBHOOK, NeighbourKind.PROGRAM, NeighbourKind.HEALTHCHECKS)

_NEVER_TAKEN = (400, 410, 413, 422)
"""Answers that say that this very message will never be taken; others wait behind it."""


class SendResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one neighbour was told: how many events. `problem` says why others were not; `is_known`:
    it was the same the last time."""

    neighbour: str
    events: int = 0
    problem: str | None = None
    is_known: bool = False
    hint: str | None = None

    @property
    def text(self) -> str:
        """One line for people."""
        if self.problem is None:
            return f"{self.neighbour} was told of {self.events}"
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.neighbour} was not told: {self.problem}{hint}; it is tried again"


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """What sending works with. `is_stopping` is asked between two calls."""

    ledger: Ledger
    state_dir: Path
    neighbours: tuple[Neighbour, ...]
    children: Children = msgspec.field(default_factory=Children)
    environ: Mapping[str, str] = msgspec.field(default_factory=lambda: os.environ)
    now: Callable[[], str] = now_text
    is_stopping: Callable[[], bool] = lambda: False


def send_pending(post: Post) -> tuple[SendResult, ...]:
    """Tell each neighbour what it is due to be told. While another process does so, nothing.
    Raises LedgerError."""
    waiting = post.ledger.outbox.waiting()
    if not waiting:
        return ()
    lock = FileLock(post.state_dir / LOCK_NAME)
    try:
        require_own(post.state_dir / LOCK_NAME)
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        return ()
    try:
        _give_up_unknown(post, waiting)
        results = [_send_to(post, one) for one in post.neighbours if one.name in waiting]
        post.ledger.outbox.prune(_shifted(post.now(), -KEPT_FOR))
        return tuple(one for one in results if one.events or one.problem)
    finally:
        lock.release()


def _give_up_unknown(post: Post, waiting: frozenset[str]) -> None:
    """Neighbours that are no longer in the rules file."""
    for name in waiting - {one.name for one in post.neighbours}:
        while entries := post.ledger.outbox.due(name, "9999", BATCH):
            post.ledger.outbox.end(
                entries,
                post.now(),
                state=OutboxState.GIVEN_UP,
                problem="it is no longer in the rules file",
            )


def _send_to(post: Post, neighbour: Neighbour) -> SendResult:
    outbox, count = post.ledger.outbox, 0
    _give_up_old(post, neighbour)
    try:
        client = None
        while not post.is_stopping():
            entries = outbox.due(neighbour.name, post.now(), BATCH)
            if not entries:
                break
            client = client or open_client(neighbour, post.environ)
            for part, note in _deliveries(post, client, entries):
                outbox.end(part, post.now(), problem=note)
                count += len(part)
    except (RunInterruptedError, LedgerError):
        raise
    except Av1rulesError as problem:
        return _postponed(post, neighbour, count, problem)
    except Exception as problem:  # noqa: BLE001 - an answer of another form must not fail a run
        text = f"its answer is not of the form that is documented ({type(problem).__name__})"
        return _postponed(post, neighbour, count, NeighbourError(text))
    return SendResult(neighbour=neighbour.name, events=count)


def _postponed(post: Post, neighbour: Neighbour, count: int, problem: Av1rulesError) -> SendResult:
    outbox, now = post.ledger.outbox, post.now()
    entries = outbox.due(neighbour.name, "9999", BATCH)
    is_known = bool(entries) and entries[0].problem == problem.message
    if entries:
        pause_s = min(FIRST_PAUSE_S * 2.0 ** min(entries[0].attempts, 12), LONGEST_PAUSE_S)
        next_try = _shifted(now, timedelta(seconds=pause_s))
        outbox.postpone(entries, next_try=next_try, problem=problem.message)
    return SendResult(
        neighbour=neighbour.name,
        events=count,
        problem=problem.message,
        is_known=is_known,
        hint=problem.hint,
    )


def _give_up_old(post: Post, neighbour: Neighbour) -> None:
    is_ping = neighbour.kind is NeighbourKind.HEALTHCHECKS
    oldest = _shifted(post.now(), -(PING_GIVEN_UP_AFTER if is_ping else GIVEN_UP_AFTER))
    entries = post.ledger.outbox.due(neighbour.name, "9999", BATCH)
    for one in entries:
        if one.at < oldest:
            reason = one.problem or "nobody sent it in time"
            post.ledger.outbox.end(
                [one], post.now(), state=OutboxState.GIVEN_UP, problem=f"given up: {reason}"
            )


def _deliveries(
    post: Post, client: NeighbourClient, entries: Sequence[OutboxEntry]
) -> Iterator[tuple[Sequence[OutboxEntry], str | None]]:
    """Tell them, all at once or one by one; yields what was told, before the next is sent, with a
    remark. Raises NeighbourError."""
    kind = client.neighbour.kind
    if kind not in _ONE_BY_ONE:
        yield entries, _tell_all(post, client, entries)
        return
    for entry in entries:
        if post.is_stopping():
            return
        try:
            _tell_one(post, client, entry)
        except NeighbourError as problem:
            if problem.status not in _NEVER_TAKEN:
                raise
            post.ledger.outbox.end(
                [entry], post.now(), state=OutboxState.GIVEN_UP, problem=problem.message
            )
            continue
        yield [entry], None


def _tell_all(post: Post, client: NeighbourClient, entries: Sequence[OutboxEntry]) -> str | None:
    neighbour = client.neighbour
    match neighbour.kind:
        case NeighbourKind.JELLYFIN | NeighbourKind.EMBY:
            return tell_media_server(client, entries)
        case NeighbourKind.PLEX:
            return tell_plex(client, entries)
        case NeighbourKind.SONARR | NeighbourKind.RADARR:
            return tell_arr(client, entries)
        case NeighbourKind.APPRISE:
            tell_apprise(client, entries)
        case _:
            assert neighbour.file is not None
            write_metrics(post.ledger, neighbour.file)
    return None


def _tell_one(post: Post, client: NeighbourClient, entry: OutboxEntry) -> None:
    kind = client.neighbour.kind
    if kind is NeighbourKind.WEBHOOK:
        tell_webhook(client, entry)
    elif kind is NeighbourKind.HEALTHCHECKS:
        tell_healthchecks(client, entry)
    else:
        secrets = (x for one in post.neighbours for x in (one.token, one.secret, one.url))
        hidden = tuple(one.env for one in secrets if not isinstance(one, str) and one and one.env)
        tell_program(client, entry, hidden=hidden, children=post.children)


def _shifted(at: str, by: timedelta) -> str:
    return (datetime.fromisoformat(at) + by).isoformat(timespec="seconds")
