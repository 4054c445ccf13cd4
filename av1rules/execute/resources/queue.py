"""The queue of a run as the ledger keeps it for monitors. What it can't write is left out: the run
does not depend on it."""

from __future__ import annotations

import contextlib

from av1rules.base.errors import LedgerError
from av1rules.base.events import Outcome
from av1rules.execute.session import Session
from av1rules.forecast.of_plan import PlanForecast
from av1rules.ledger.films.queue import QueuedFilm
from av1rules.plan.items import ActiveItem, RunItem

_STILL_WAITS = frozenset({Outcome.NOT_ATTEMPTED, Outcome.OVER_BUDGET, Outcome.PREPARED})


def begin_queue(session: Session) -> None:
    """A run of all of the library begins: what waited before does not count any more."""
    with contextlib.suppress(LedgerError):
        session.workspace.ledger.queue.put((), is_whole=True)


def record_queue(
    rows: tuple[RunItem, ...], session: Session, forecast: PlanForecast | None
) -> None:
    """Record what a run is to do, in this order."""
    films = [_queued(row, place, forecast) for place, row in enumerate(rows)]
    with contextlib.suppress(LedgerError):
        session.workspace.ledger.queue.put(films, is_whole=False)


def leave_queue(row: RunItem, outcome: Outcome, session: Session) -> None:
    """A job ended: its film waits no more, unless the job was not begun."""
    if outcome not in _STILL_WAITS:
        with contextlib.suppress(LedgerError):
            session.workspace.ledger.queue.remove(row.file.library_path)


def _queued(row: RunItem, place: int, forecast: PlanForecast | None) -> QueuedFilm:
    known = None if forecast is None else forecast.by_path.get(row.file.path)
    source = row.work.evaluation.source if isinstance(row, ActiveItem) else row.unmeasured.source
    main = source.main
    kinds = () if main is None else sorted(one.value for one in main.hdr_kinds or ())
    return QueuedFilm(
        film=row.file.library_path,
        place=place,
        kind=row.action.value,
        size_bytes=row.size_bytes,
        rule=row.rule,
        source_tier=row.source_tier,
        cause=next(iter(row.causes), ""),
        seconds=None if known is None else known.seconds.mid,
        likely_bytes=None if known is None else known.size_bytes.mid,
        saving_bytes=None if known is None else known.expected_saving,
        width=None if main is None else main.width,
        height=None if main is None else main.height,
        codec=None if main is None else main.codec,
        bitrate_bps=source.bitrate_bps,
        hdr=" ".join(kinds) or None,
        bit_depth=None if main is None else main.bit_depth,
    )
