"""What users tell a run at work, or the next one: pause, resume, stop, skip, order.

Each function opens the ledger for a moment, beside a run: it needs neither its lock nor its
process. A run follows within a second, and what is written outlives it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

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
    with closing(Ledger.open(state_dir)) as ledger:
        return ledger.controls.remove(films, (ControlKind.SKIP,))


def resume(state_dir: Path, films: Sequence[str] = EVERYTHING) -> tuple[Control, ...]:
    """Take back all that holds these films, or all of the library; returns what there was. What
    holds single films stays if the whole library is resumed. Raises LedgerError."""
    with closing(Ledger.open(state_dir)) as ledger:
        return ledger.controls.remove(films, HOLDING)


def move_first(state_dir: Path, films: Sequence[str]) -> None:
    """Begin these films before all others, in the order given. Raises LedgerError."""
    with closing(Ledger.open(state_dir)) as ledger:
        ledger.controls.move(films, now_text(), to_front=True)


def move_last(state_dir: Path, films: Sequence[str]) -> None:
    """Begin these films after all others. Raises LedgerError."""
    with closing(Ledger.open(state_dir)) as ledger:
        ledger.controls.move(films, now_text(), to_front=False)


def restore_order(state_dir: Path, films: Sequence[str]) -> tuple[Control, ...]:
    """Begin these films in the usual order again; returns what there was. Raises LedgerError."""
    with closing(Ledger.open(state_dir)) as ledger:
        return ledger.controls.remove(films, (ControlKind.ORDER,))


def _put(
    state_dir: Path,
    kind: ControlKind,
    films: Sequence[str],
    until: str | None,
    reason: str | None,
) -> None:
    since = now_text()
    with closing(Ledger.open(state_dir)) as ledger:
        ledger.controls.put(
            Control(film=film, kind=kind, since=since, until=until, reason=reason) for film in films
        )
