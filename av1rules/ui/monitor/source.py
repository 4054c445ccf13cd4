"""Where the monitor has its knowledge from: a library of this moment."""

from __future__ import annotations

import functools
from datetime import datetime
from typing import Protocol

import msgspec
from msgspec.structs import replace

from av1rules.base.units import now_text
from av1rules.ledger.films.film_list import FilmQuery, FilmState, ListedFilm
from av1rules.ledger.films.queue import QueuedFilm
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.receipt import Receipt, parse_receipt
from av1rules.operations.clips.ledger_status import ClipAndStatus
from av1rules.policy.model import RuleSet
from av1rules.report.live.model import LiveState
from av1rules.ui.live_source import LiveSource
from av1rules.ui.monitor.gauges import GaugeReader
from av1rules.ui.monitor.model import Gauges


class MonitorSource(Protocol):
    """What the monitor asks for. `ruleset` is None where nothing can be done to a library."""

    title: str
    ruleset: RuleSet | None

    def now(self) -> datetime:
        """The time that is shown, with a time zone."""

    def live(self) -> LiveState:
        """The state as of now."""

    def gauges(self) -> Gauges: ...

    def version(self) -> object:
        """Differs once the list of films may have changed. Raises LedgerError."""

    def page(self, query: FilmQuery, *, offset: int, count: int) -> tuple[ListedFilm, ...]:
        """Raises LedgerError."""

    def count(self, query: FilmQuery) -> int:
        """Raises LedgerError."""

    def facts(self, films: tuple[str, ...]) -> dict[str, QueuedFilm]:
        """What is known of films at work. Raises LedgerError."""

    def held(self) -> dict[str, str]:
        """The word of what keeps single films from being begun, by film."""

    def clips(self) -> tuple[ClipAndStatus, ...]: ...

    def changed(self) -> None:
        """A user changed something: what is read next is new."""

    def close(self) -> None: ...


class LibrarySource:
    """A library as its ledger and its event log tell it."""

    title = ""

    def __init__(self, ruleset: RuleSet) -> None:
        self.ruleset: RuleSet | None = ruleset
        self._live = LiveSource(ruleset)
        self._gauges = GaugeReader(ruleset)
        self._receipt_facts = functools.lru_cache(maxsize=2000)(self._facts_of_receipt)

    def now(self) -> datetime:
        return datetime.now().astimezone()

    def live(self) -> LiveState:
        return self._live.refresh()

    def gauges(self) -> Gauges:
        return self._gauges.read()

    def version(self) -> object:
        ledger = self._ledger
        return id(ledger), ledger.films.version()

    def page(self, query: FilmQuery, *, offset: int, count: int) -> tuple[ListedFilm, ...]:
        rows = self._ledger.films.page(query, offset=offset, count=count)
        return tuple(self._with_receipt(row) for row in rows)

    def count(self, query: FilmQuery) -> int:
        return self._ledger.films.count(query)

    def facts(self, films: tuple[str, ...]) -> dict[str, QueuedFilm]:
        found = {film: self._ledger.queue.find(film) for film in films}
        return {film: one for film, one in found.items() if one is not None}

    def held(self) -> dict[str, str]:
        figures = self._live.figures
        if figures is None:
            return {}
        words = {"pause": "paused", "stop": "stopped", "skip": "skipped"}
        held = figures.controls.held_films(now_text())
        return {film: words[one.kind.value] for film, one in held.items()}

    def clips(self) -> tuple[ClipAndStatus, ...]:
        return () if self._live.figures is None else self._live.figures.clips

    def changed(self) -> None:
        self._live.forget_figures()

    def close(self) -> None:
        self._live.close()

    @property
    def _ledger(self) -> Ledger:
        return self._live.reader.ledger()

    def _with_receipt(self, row: ListedFilm) -> ListedFilm:
        if row.state is not FilmState.DONE or row.target is None:
            return row
        facts = self._receipt_facts(row.target, row.at)
        return replace(
            row,
            width=facts.width,
            height=facts.height,
            source_tier=facts.source_tier,
            quality=facts.quality,
        )

    def _facts_of_receipt(self, target: str, _at: str | None) -> _ReceiptFacts:
        packed = self._ledger.receipt(target)
        if packed is None:
            return _ReceiptFacts()
        try:
            return _of_receipt(parse_receipt(packed))
        except (msgspec.MsgspecError, ValueError):  # of a newer version
            return _ReceiptFacts()


class _ReceiptFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the list shows of a receipt."""

    width: int | None = None
    height: int | None = None
    source_tier: str | None = None
    quality: str | None = None


def _of_receipt(receipt: Receipt) -> _ReceiptFacts:
    picture = receipt.picture
    return _ReceiptFacts(
        width=None if picture is None else picture.width,
        height=None if picture is None else picture.height,
        source_tier=receipt.source_tier,
        quality=next((one.value for one in receipt.settings if one.name == "crf"), None),
    )
