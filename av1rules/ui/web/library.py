"""All that the page reads and writes of a library. One thread reads, another one decides and
compares: neither waits for the other, and none of it blocks the server.

What a request names is looked up in the ledger; no part of it becomes a path.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

import msgspec

from av1rules.approvals.adjust import requested_changes
from av1rules.approvals.model import Answer
from av1rules.base.errors import UsageError
from av1rules.base.process import Children
from av1rules.base.units import now_text
from av1rules.execute.resources.run_lock import run_lock
from av1rules.ledger.clips import ClipRecord, clip_place
from av1rules.ledger.controls import Control
from av1rules.ledger.films.film_list import FilmQuery, FilmState, ListedFilm
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import AttemptResult
from av1rules.operations import control
from av1rules.operations.clips.ledger_status import ClipAndStatus
from av1rules.operations.clips.review import ClipView, decide_clip, list_clips
from av1rules.plan.workspace import Workspace, open_workspace
from av1rules.policy.load import load_rules
from av1rules.report.aggregate import report_figures
from av1rules.report.clip_page.gather import ClipComparison, gather_comparison
from av1rules.report.live.model import LiveState
from av1rules.report.render_html import report_html
from av1rules.ui.live_source import LiveSource

COMPARISONS_KEPT = 3
"""In memory: stills of a 4K film are some 20 MB a comparison."""

NEXT_SHOWN = 8
"""How many of the films that wait stand on the first page."""


class FilmAction(Enum):
    """What can be asked of one film, or of all. The value is its word in forms."""

    PAUSE = "pause"
    RESUME = "resume"
    SKIP = "skip"
    UNSKIP = "unskip"
    FIRST = "first"
    RETRY = "retry"


class ClipVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """A decision on a clip as a form asks for it; `crf` and `is_slower` are of an adjustment."""

    answer: Answer
    reason: str | None = None
    crf: float | None = None
    is_slower: bool = False


class NowView(msgspec.Struct, frozen=True, kw_only=True):
    """What the first page shows. `next_films` are those that wait, in their order; `held` says what
    keeps single films from being begun."""

    state: LiveState
    next_films: tuple[ListedFilm, ...] = ()
    held: dict[str, Control] = {}


class FilmsView(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the list of films; `total` is how many there are of them."""

    films: tuple[ListedFilm, ...]
    total: int
    held: dict[str, Control]


def film_id(film: str) -> str:
    """A library path as a word that any address can hold."""
    return base64.urlsafe_b64encode(os.fsencode(film)).decode().rstrip("=")


def film_of(word: str) -> str | None:
    """The inverse; None for what is no such word."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,8192}", word):
        return None
    try:
        return os.fsdecode(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)))
    except (binascii.Error, ValueError):
        return None


class LibraryReader:
    """For one thread."""

    def __init__(self, rules_file: Path) -> None:
        self.ruleset = load_rules(rules_file)
        self._live = LiveSource(self.ruleset)
        self._next: tuple[object, tuple[ListedFilm, ...]] = None, ()

    def close(self) -> None:
        self._live.close()

    def refresh_soon(self) -> None:
        """Something was changed from here."""
        self._live.forget_figures()

    def now(self) -> NowView:
        """Raises LedgerError."""
        state = self._live.refresh()
        figures = self._live.figures
        if figures is not self._next[0] or figures is None:
            waiting = FilmQuery(states=frozenset({FilmState.WAITING}))
            films = self._ledger().films.page(waiting, offset=0, count=NEXT_SHOWN)
            self._next = figures, films
        held = {} if figures is None else figures.controls.held_films(now_text())
        return NowView(state=state, next_films=self._next[1], held=held)

    def films(self, query: FilmQuery, *, offset: int, count: int) -> FilmsView:
        """Raises LedgerError."""
        ledger = self._ledger()
        return FilmsView(
            films=ledger.films.page(query, offset=offset, count=count),
            total=ledger.films.count(query),
            held=ledger.controls.current().held_films(now_text()),
        )

    def is_film(self, film: str) -> bool:
        """Whether the ledger knows it. Raises LedgerError."""
        return self._ledger().films.count(FilmQuery(films=(film,))) > 0

    def clips(self) -> tuple[ClipAndStatus, ...]:
        """By source, as of now: who decides must not see the clips of seconds ago. Raises
        LedgerError, RulesError, Av1rulesError."""
        self._live.forget_figures()
        self._live.refresh()
        return () if self._live.figures is None else self._live.figures.clips

    def clip(self, fingerprint: str) -> ClipAndStatus | None:
        """Raises like `clips`."""
        return next((one for one in self.clips() if one.record.fingerprint == fingerprint), None)

    def clip_file(self, fingerprint: str) -> str | None:
        """The path of a clip as the ledger has it, in its one place; None if it is not there as it
        was made. Raises LedgerError."""
        record = self._ledger().clips.find(fingerprint)
        if record is None or not record.is_there() or os.path.islink(record.path):
            return None
        place = clip_place(self.ruleset.run.state_dir, record.fingerprint)
        is_ours = os.path.realpath(record.path) == os.path.realpath(place)
        return record.path if is_ours else None

    def report(self, home: str) -> str:
        """The report as HTML. Raises LedgerError, RulesError, Av1rulesError."""
        figures = report_figures(self._ledger(), self.ruleset, at=datetime.now(UTC))
        return report_html(figures, home=home)

    def _ledger(self) -> Ledger:
        return self._live.reader.ledger()


class LibraryActor:
    """What takes its time: decisions need a plan, comparisons FFmpeg. For one thread, apart from
    `stop`."""

    def __init__(self, rules_file: Path) -> None:
        self._rules_file = rules_file
        self._state_dir = load_rules(rules_file).run.state_dir
        self._comparisons: OrderedDict[str, ClipComparison] = OrderedDict()
        self._children: Children | None = None
        self._is_stopped = False

    def stop(self) -> None:
        """End what is at work; the server ends."""
        self._is_stopped = True
        if (children := self._children) is not None:
            children.stop(kill=True)

    def decide(self, fingerprint: str, verdict: ClipVerdict) -> None:
        """Record a decision in approvals.yaml. Raises UsageError for a clip that can't be decided
        on, or a decision that says nothing; Av1rulesError and RulesError as `decide_clip`."""
        with self._workspace() as workspace:
            view = _view_of(workspace, fingerprint)
            changes = None
            if verdict.answer is Answer.ADJUSTED:
                settings = view.require_current().facts.settings
                changes = requested_changes(
                    settings, crf=verdict.crf, is_slower=verdict.is_slower, words=()
                )
            decide_clip(workspace, view, verdict.answer, reason=verdict.reason, changes=changes)

    def comparison(self, fingerprint: str, address: str) -> ClipComparison:
        """Source and clip side by side; `address` is that of clips, with `{}` for the fingerprint.
        Raises Av1rulesError, OSError."""
        with self._workspace() as workspace:
            records = workspace.ledger.clips.all()
            key = _state_of(records, fingerprint)
            if (known := self._comparisons.get(key)) is None:
                view = _view_of(workspace, fingerprint)
                known = gather_comparison(
                    workspace, view, address=lambda one: address.format(one.fingerprint)
                )
            self._comparisons[key] = known
            self._comparisons.move_to_end(key)
            while len(self._comparisons) > COMPARISONS_KEPT:
                self._comparisons.popitem(last=False)
            return known

    def still(self, fingerprint: str, number: int, of: str) -> bytes | None:
        """A JPEG of a comparison that was made; None if it is not kept any more."""
        kept = list(self._comparisons.items())  # at once: another thread may add to them
        found = [one for key, one in kept if key.partition(" ")[0] == fingerprint]
        if not found or not 0 <= number < len(found[-1].stills):
            return None
        still = found[-1].stills[number]
        if of == "source":
            return still.source
        is_known = of.isdecimal() and len(of) < 4 and int(of) < len(still.encodes)
        return still.encodes[int(of)] if is_known else None

    def act(self, action: FilmAction, film: str | None) -> None:
        """Tell runs, at work or to come; `film` None means all. Raises LedgerError; BusyError for
        failures that a run at work may be about."""
        films = control.EVERYTHING if film is None else (film,)
        state_dir = self._state_dir
        match action:
            case FilmAction.PAUSE:
                control.pause(state_dir, films, reason="from the page")
            case FilmAction.RESUME:
                control.resume(state_dir, films)
            case _ if film is None:
                raise UsageError("this is asked of one film")
            case FilmAction.SKIP:
                control.skip(state_dir, films, reason="from the page")
            case FilmAction.UNSKIP:
                control.unskip(state_dir, films)
            case FilmAction.FIRST:
                control.move_first(state_dir, films)
            case FilmAction.RETRY:
                _free(state_dir, film)

    @contextlib.contextmanager
    def _workspace(self) -> Iterator[Workspace]:
        with open_workspace(self._rules_file, write=False) as workspace:
            self._children = workspace.children
            if self._is_stopped:
                workspace.children.stop()
            try:
                yield workspace
            finally:
                self._children = None


def _free(state_dir: Path, film: str) -> None:
    with run_lock(state_dir), contextlib.closing(Ledger.open(state_dir)) as ledger:
        failed = {one.source for one in ledger.attempts(AttemptResult.FAILED)}
        if film in failed:
            ledger.free_failures((film,))


def _state_of(records: tuple[ClipRecord, ...], fingerprint: str) -> str:
    """The clip with all that were made of its source: a new variant is a new comparison."""
    own = next((one for one in records if one.fingerprint == fingerprint), None)
    alike = (
        f"{one.fingerprint} {one.made_at}"
        for one in records
        if own is not None and one.facts.content_key == own.facts.content_key
    )
    return f"{fingerprint} {' '.join(sorted(alike))}"


def _view_of(workspace: Workspace, fingerprint: str) -> ClipView:
    for view in list_clips(workspace):
        if view.record is not None and view.record.fingerprint == fingerprint:
            return view
    raise UsageError("this clip is not there any more", hint="a run makes those that are due")
