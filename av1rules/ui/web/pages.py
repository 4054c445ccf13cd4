"""The HTML of the page. Templates escape all text; names are made printable before."""

from __future__ import annotations

import functools
import importlib.resources
import os
from collections.abc import Mapping
from enum import Enum
from typing import Any

import jinja2
from markupsafe import Markup, escape

from av1rules import __version__
from av1rules.approvals.adjust import CRF_STEP
from av1rules.base.text import counted, plural, printable
from av1rules.base.units import format_duration, format_size
from av1rules.ledger.clips import ClipFacts, ClipStatus
from av1rules.ledger.controls import ControlKind
from av1rules.ledger.films.film_list import FilmQuery, FilmSort, FilmState
from av1rules.operations.clips.ledger_status import ClipAndStatus
from av1rules.policy.quality_spec import Metric
from av1rules.policy.settings import show_value
from av1rules.report.clip_page.gather import ClipComparison
from av1rules.report.clip_page.page import comparison_parts
from av1rules.report.clips import projection_text, score_by
from av1rules.report.format import shown_time
from av1rules.report.live.model import LiveJob, LiveResult, LiveState, RunPhase
from av1rules.ui.web.library import FilmsView, NowView, film_id

TO_DECIDE = (ClipStatus.WAITING, ClipStatus.VOID)
DECIDABLE = (*TO_DECIDE, ClipStatus.APPROVED, ClipStatus.REJECTED)
"""Clips of the current settings, as far as the ledger knows: the plan has the last word."""

FILMS_A_PAGE = 50

_RESULTS_SHOWN = 10
_PROBLEMS_SHOWN = 5

Parts = Mapping[str, str]


class PageNotice(Enum):
    """What a page says after something was done. The value is its word in addresses."""

    APPROVED = "approved"
    ADJUSTED = "adjusted"
    REJECTED = "rejected"
    ASKED = "asked"
    NOTHING = ""


_SAID = {
    PageNotice.APPROVED: "Approved: the next run encodes the film.",
    PageNotice.ADJUSTED: "Adjusted: the next run makes a new clip.",
    PageNotice.REJECTED: "Rejected: the film stays as it is.",
    PageNotice.ASKED: "Done: a run at work follows within a second, the next one at once.",
}


class Pages:
    """Renders them, with `root` before every address and `form_key` in every form."""

    def __init__(self, *, root: str, form_key: str) -> None:
        self.root = root
        self._environment = _environment()
        self._environment.globals.update(root=root, form_key=form_key, version=__version__)

    def now(self, view: NowView, *, said: str) -> str:
        return self._page("now", "now", said, parts=self.parts(view), title=title_of(view.state))

    def parts(self, view: NowView) -> dict[str, str]:
        """What changes while a page is open, by the names that templates give the places."""
        state = view.state
        problems = [note for note in state.notes if note.is_problem][:_PROBLEMS_SHOWN]
        results = state.results[:_RESULTS_SHOWN]
        values = {
            "state": state,
            "view": view,
            "library": state.library,
            "results": results,
            "problems": problems,
            "sentence": run_sentence(state),
        }
        shown = ("summary", "work", "next", "results", "badge")
        parts = {name: self._render(f"parts/{name}", **values) for name in shown}
        spoken = "" if not results else f"{printable(results[0].film)}: {result_text(results[0])}"
        return parts | {"spoken": str(escape(spoken))}

    def films(self, view: FilmsView, query: FilmQuery, *, offset: int, said: str) -> str:
        first = offset + 1 if view.films else 0
        return self._page(
            "films", "films", said,
            view=view, query=query, offset=offset, first=first, last=offset + len(view.films),
            page_size=FILMS_A_PAGE, states=tuple(FilmState), sorts=tuple(FilmSort),
            state=next(iter(query.states)) if len(query.states) == 1 else None,
            title="Films",
        )  # fmt: skip

    def clips(self, clips: tuple[ClipAndStatus, ...], *, said: str) -> str:
        order = list(ClipStatus)
        shown = [one for one in clips if one.status is not ClipStatus.VARIANT]
        shown.sort(key=lambda one: (order.index(one.status), one.record.source))
        return self._page(
            "clips", "clips", said,
            waiting=[one for one in shown if one.status in TO_DECIDE],
            others=[one for one in shown if one.status not in TO_DECIDE],
            title="Clips",
        )  # fmt: skip

    def clip(self, clip: ClipAndStatus, comparison: str | None, *, said: str) -> str:
        """One clip; `comparison` is its HTML if it is asked for at once."""
        settings = clip.record.facts.settings
        return self._page(
            "clip", "clips", said,
            clip=clip, record=clip.record, facts=clip.record.facts, settings=settings,
            can_decide=clip.status in DECIDABLE,
            better_crf=max(settings.crf - CRF_STEP, 0),
            comparison=None if comparison is None else Markup(comparison),  # noqa: S704 - escaped
            title=printable(os.path.basename(clip.record.source)),
        )  # fmt: skip

    def comparison(self, fingerprint: str, found: ClipComparison) -> str:
        """Source and clip side by side, as a part of a page."""

        def still(number: int, of: str, _data: bytes) -> str:
            return f"{self.root}/clips/{fingerprint}/stills/{number}/{of}.jpg"

        parts = comparison_parts(found.encodes, found.stills, notes=found.notes, address=still)
        return "\n".join(parts)

    def login(self, *, reason: str) -> str:
        return self._render("login", reason=reason, title="Sign in")

    def problem(self, message: str, hint: str | None, *, status: str) -> str:
        return self._page(
            "problem", "", "", message=printable(message), hint=hint, status=status, title=status
        )

    def _page(self, template: str, here: str, said: str, **values: Any) -> str:
        known = next((one for one in PageNotice if one.value == said), PageNotice.NOTHING)
        return self._render(template, here=here, said=_SAID.get(known, ""), **values)

    def _render(self, template: str, **values: Any) -> str:
        return self._environment.get_template(f"{template}.html.j2").render(**values)


def title_of(state: LiveState) -> str:
    """The title of the first page: what a tab in the background can tell."""
    return f"{state.share:.0%}" if state.is_active and state.jobs else "Library"


def run_sentence(state: LiveState) -> str:
    """What goes on, in one sentence."""
    run, library = state.run, state.library
    if run is None or not state.is_active:
        ended = "" if run is None or run.phase is not RunPhase.GONE else " The last one was killed."
        return f"No run is at work.{ended}"
    if run.phase is RunPhase.PLANNING:
        probed = (
            "" if run.probed is None else f" {run.probed[0]:,} of {run.probed[1]:,} films read."
        )
        return f"A run looks at the library.{probed}"
    failed = f", {run.failed} failed" if run.failed else ""
    sentence = f"{run.ended} of {counted(run.planned, 'job')} done{failed}."
    return f"{sentence} Work is {library.pause}." if library.pause else sentence


def job_sentence(job: LiveJob) -> str:
    """How far a job is, and how fast."""
    parts = [f"{job.share:.0%}" if job.share is not None else job.phase]
    if job.paused is not None:
        return " · ".join((*parts, job.paused))
    if job.fps:
        parts.append(f"{job.fps:.0f} fps")
    if job.eta_s is not None:
        parts.append(f"{format_duration(job.eta_s)} left")
    return " · ".join(parts)


def size_sentence(job: LiveJob) -> str:
    """What its target takes."""
    if job.projected_bytes is None or job.is_clip:
        return format_size(job.source_bytes) if job.source_bytes else ""
    share = f" ({job.projected_bytes / job.source_bytes:.0%})" if job.source_bytes else ""
    return f"{format_size(job.source_bytes)} → about {format_size(job.projected_bytes)}{share}" + (
        ", too large to be kept" if job.is_over_limit else ""
    )


def result_text(result: LiveResult) -> str:
    """How a job ended."""
    if result.saved_share is not None:
        return f"{result.outcome.value}, {saved_text(result.saved_share)}"
    detail = printable(result.detail.partition("\n")[0], limit=200)
    return f"{result.outcome.value}: {detail}" if detail else result.outcome.value


def saved_text(share: float) -> str:
    """How much smaller a target is."""
    if share < 0:
        return f"{-share:.0%} larger"
    return f"{min(share, 0.99):.0%} smaller" if share < 1 else "nothing left"


def settings_text(facts: ClipFacts) -> str:
    """The settings that matter most."""
    one = facts.settings
    grain = f", grain {one.film_grain}" if one.film_grain else ""
    return f"CRF {show_value(one.crf)}, preset {one.preset}{grain}"


def vmaf_text(facts: ClipFacts) -> str:
    score = score_by(facts, Metric.VMAF)
    return "" if score is None else f"{score.mean:.1f}"


@functools.cache
def static_files() -> dict[str, tuple[str, bytes]]:
    """All that is served beside pages, by name, with its type: read once, never by a request."""
    own = importlib.resources.files(__package__).joinpath("static")
    report = importlib.resources.files("av1rules.report").joinpath("templates")
    kinds = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    places = [(own, name) for name in ("page.css", "page.js", "icon.svg")]
    places += [(report, name) for name in ("clip_page.css", "clip_page.js")]
    return {
        name: (kinds[name.rpartition(".")[2]], folder.joinpath(name).read_bytes())
        for folder, name in places
    }


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("av1rules.ui.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        name=printable,
        leaf=lambda film: printable(os.path.splitext(os.path.basename(film))[0]),
        folder=lambda film: printable(os.path.dirname(film)),
        size=format_size,
        duration=format_duration,
        when=shown_time,
        saved=saved_text,
        percent=lambda share: f"{share:.0%}",
        film_id=film_id,
        job=job_sentence,
        job_size=size_sentence,
        result=result_text,
        settings=settings_text,
        projection=projection_text,
        vmaf=vmaf_text,
        value=show_value,
        plural=plural,
        count="{:,}".format,
    )
    environment.globals.update(
        ClipStatus=ClipStatus, ControlKind=ControlKind, FilmState=FilmState, FilmSort=FilmSort
    )
    return environment
