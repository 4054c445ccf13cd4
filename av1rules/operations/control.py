"""What users tell a run at work, or the next one: pause, resume, stop, skip, order.

Each function opens the ledger for a moment, beside a run: it needs neither its lock nor its
process. A run follows within a second, and what is written outlives it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from time import sleep

from av1rules.base.errors import LedgerError, UsageError
from av1rules.base.text import printable
from av1rules.base.units import now_text
from av1rules.ledger.controls import ALL_FILMS, HOLDING, Control, ControlKind, Controls
from av1rules.ledger.ledger import Ledger

EVERYTHING = (ALL_FILMS,)


def read_controls(state_dir: Path) -> Controls:
    """All controls as they are now. Raises LedgerError."""
    with closing(Ledger.read(state_dir)) as ledger:
        return ledger.controls.current()


def pause(
    state_dir: Path,
    films: Sequence[str] = EVERYTHING,
    *,
    until: str | None = None,
    reason: str | None = None,
) -> None:
    """Pause films by their library paths, or all, at most until a time (ISO 8601, UTC): what runs
    stands still, what does not run is not begun. Raises LedgerError."""
    _put(state_dir, ControlKind.PAUSE, films, until, reason)


def stop(
    state_dir: Path,
    films: Sequence[str] = EVERYTHING,
    *,
    until: str | None = None,
    reason: str | None = None,
) -> None:
    """Give up the encodes of films, or end the run; nothing of it begins again before `resume`.
    Raises LedgerError."""
    _put(state_dir, ControlKind.STOP, films, until, reason)


def skip(
    state_dir: Path,
    films: Sequence[str],
    *,
    until: str | None = None,
    reason: str | None = None,
) -> None:
    """Do not begin these films; one that runs already goes on. Raises LedgerError."""
    _put(state_dir, ControlKind.SKIP, films, until, reason)


def unskip(state_dir: Path, films: Sequence[str]) -> tuple[Control, ...]:
    """Take back `skip`; returns what there was. Raises LedgerError."""
    with _opened(state_dir) as ledger:
        return ledger.controls.remove(films, (ControlKind.SKIP,))


def resume(state_dir: Path, films: Sequence[str] = EVERYTHING) -> tuple[Control, ...]:
    """Take back all that holds these films, or all of the library; returns what there was. What
    holds single films stays if the whole library is resumed. Raises LedgerError."""
    with _opened(state_dir) as ledger:
        return ledger.controls.remove(films, HOLDING)


def move_first(state_dir: Path, films: Sequence[str]) -> None:
    """Begin these films before all others, in the order given. Raises LedgerError."""
    with _opened(state_dir) as ledger:
        ledger.controls.move(films, now_text(), to_front=True)


def move_last(state_dir: Path, films: Sequence[str]) -> None:
    """Begin these films after all others. Raises LedgerError."""
    with _opened(state_dir) as ledger:
        ledger.controls.move(films, now_text(), to_front=False)


def restore_order(state_dir: Path, films: Sequence[str]) -> tuple[Control, ...]:
    """Begin these films in the usual order again; returns what there was. Raises LedgerError."""
    with _opened(state_dir) as ledger:
        return ledger.controls.remove(films, (ControlKind.ORDER,))


_TRIES, _BETWEEN_S = 10, 0.2
"""Another process may create the ledger, or bring it up to date, at this very moment."""


@contextmanager
def _opened(state_dir: Path) -> Iterator[Ledger]:
    """The ledger to write, for a moment. Raises LedgerError."""
    for again in reversed(range(_TRIES)):
        try:
            ledger = Ledger.open(state_dir)
            break
        except LedgerError:
            if not again:
                raise
            sleep(_BETWEEN_S)
    with closing(ledger):
        yield ledger


def _put(
    state_dir: Path,
    kind: ControlKind,
    films: Sequence[str],
    until: str | None,
    reason: str | None,
) -> None:
    since = now_text()
    with _opened(state_dir) as ledger:
        ledger.controls.put(
            Control(film=film, kind=kind, since=since, until=until, reason=reason) for film in films
        )


def end_of(text: str, now: datetime) -> datetime:
    """The next time that a local clock shows what a user typed: "22:00", or "2026-11-28 22:00".
    Raises UsageError."""
    try:
        if ":" in text and len(text) <= len("22:00"):
            hour, minute = map(int, text.split(":"))
            wanted = time(hour, minute)
            days = (now.date() + timedelta(days=more) for more in range(3))
            times = (datetime.combine(day, wanted).astimezone(now.tzinfo) for day in days)
            return next(at for at in times if at > now)
        at = datetime.fromisoformat(text)
    except ValueError as problem:
        raise UsageError(
            f"this is no time of day: {printable(text)}",
            where="--until",
            hint='write it as 22:00, or with a date as "2026-11-28 22:00"',
        ) from problem
    at = at.astimezone(now.tzinfo)
    if at <= now:
        raise UsageError(f"this time is over: {printable(text)}", where="--until")
    return at


def as_stored(at: datetime) -> str:
    """A time as the ledger stores it."""
    return at.astimezone(UTC).isoformat(timespec="seconds")
