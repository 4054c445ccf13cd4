"""The routes of the page: what each address answers, and what each form does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import ParamSpec, TypeVar

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from av1rules.approvals.model import Answer
from av1rules.base.errors import Av1rulesError, UsageError
from av1rules.base.text import printable
from av1rules.ledger.films.film_list import FilmQuery, FilmSort, FilmState
from av1rules.operations.clips.ledger_status import ClipAndStatus
from av1rules.policy.problems import RulesError
from av1rules.report.json import json_document
from av1rules.ui.web.guard import Access, Guard, form_fields
from av1rules.ui.web.library import (
    ClipVerdict,
    FilmAction,
    LibraryActor,
    LibraryReader,
    film_of,
)
from av1rules.ui.web.pages import FILMS_A_PAGE, PageNotice, Pages, static_files
from av1rules.ui.web.stream import LiveStream, Parts

_P = ParamSpec("_P")
_T = TypeVar("_T")

_ANSWERS = {
    "approve": (Answer.APPROVED, PageNotice.APPROVED),
    "adjust": (Answer.ADJUSTED, PageNotice.ADJUSTED),
    "reject": (Answer.REJECTED, PageNotice.REJECTED),
}

REASON_LENGTH = 1000

SEARCH_LENGTH = 200


class PageApp:
    """The state behind the routes. `root` stands before every address."""

    def __init__(self, rules_file: Path, access: Access, *, root: str = "") -> None:
        self.pages = Pages(root=root, form_key=access.keys.form)
        self._access = access
        self._root = root
        self._reader = LibraryReader(rules_file)
        self._actor = LibraryActor(rules_file)
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="reads")
        self._acting = ThreadPoolExecutor(1, thread_name_prefix="acts")
        self.stream = LiveStream(self._parts)

    def asgi(self) -> Starlette:
        """The whole application, behind its guard."""
        app = Starlette(
            routes=self._routes(),
            middleware=[Middleware(Guard, access=self._access, login_page=self._login)],
            exception_handlers={
                HTTPStatus.NOT_FOUND: self._not_found,
                HTTPStatus.METHOD_NOT_ALLOWED: self._not_found,
                Av1rulesError: self._problem,
            },
            lifespan=self._lifespan,
        )
        app.router.redirect_slashes = False  # an address has one form
        return app

    def stop(self) -> None:
        """End streams and what FFmpeg does: the server ends."""
        self.stream.close()
        self._actor.stop()

    def close(self) -> None:
        self.stop()
        self._acting.shutdown(cancel_futures=True)
        self._reading.shutdown(cancel_futures=True)
        self._reader.close()

    def _routes(self) -> list[Route]:
        return [
            Route("/", self._now),
            Route("/films", self._films),
            Route("/films/{film}/{action}", self._act, methods=["POST"]),
            Route("/all/{action}", self._act, methods=["POST"]),
            Route("/clips", self._clips),
            Route("/clips/{clip}", self._clip),
            Route("/clips/{clip}/film.mp4", self._clip_film),
            Route("/clips/{clip}/comparison", self._comparison),
            Route("/clips/{clip}/stills/{number:int}/{of}.jpg", self._still),
            Route("/clips/{clip}/{answer}", self._decide, methods=["POST"]),
            Route("/report", self._report),
            Route("/state.json", self._state),
            Route("/events", self._events),
            Route("/static/{name}", self._static),
            Route("/favicon.ico", self._favicon),
        ]

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        yield
        self.stop()

    # --- pages

    async def _now(self, request: Request) -> Response:
        view = await self._read(self._reader.now)
        return HTMLResponse(self.pages.now(view, said=_said(request)))

    async def _films(self, request: Request) -> Response:
        given = request.query_params
        states = [one for one in FilmState if one.value == given.get("state")]
        query = FilmQuery(
            states=frozenset(states or FilmState),
            sort=next((one for one in FilmSort if one.value == given.get("sort")), FilmSort.DATE),
            text=given.get("text", "")[:SEARCH_LENGTH],
        )
        page = given.get("page", "")
        offset = (int(page) if page.isdecimal() and len(page) < 9 else 0) * FILMS_A_PAGE

        def found() -> str:
            view = self._reader.films(query, offset=offset, count=FILMS_A_PAGE)
            return self.pages.films(view, query, offset=offset, said=_said(request))

        return HTMLResponse(await self._read(found))

    async def _clips(self, request: Request) -> Response:
        clips = await self._read(self._reader.clips)
        return HTMLResponse(self.pages.clips(clips, said=_said(request)))

    async def _clip(self, request: Request) -> Response:
        clip = await self._found_clip(request)
        if clip is None:
            return self._missing("This clip is not there.")
        comparison = None
        if request.query_params.get("comparison") == "now":
            comparison = await self._compared(clip.record.fingerprint)
        return HTMLResponse(self.pages.clip(clip, comparison, said=_said(request)))

    async def _comparison(self, request: Request) -> Response:
        clip = await self._found_clip(request)
        if clip is None:
            return self._missing("This clip is not there.")
        return HTMLResponse(await self._compared(clip.record.fingerprint))

    async def _clip_film(self, request: Request) -> Response:
        path = await self._read(self._reader.clip_file, request.path_params["clip"])
        if path is None:
            return self._missing("This clip is not there.")
        return FileResponse(path, media_type="video/mp4")

    async def _still(self, request: Request) -> Response:
        given = request.path_params
        data = self._actor.still(given["clip"], given["number"], given["of"])
        if data is None:
            return self._missing("This picture is not kept any more: load the page again.")
        return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private"})

    async def _report(self, _request: Request) -> Response:
        text = await self._read(self._reader.report, f"{self._root}/")
        # The page itself allows its own style sheet by its digest, and nothing else.
        policy = (
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )
        return HTMLResponse(text, headers={"Content-Security-Policy": policy})

    async def _state(self, _request: Request) -> Response:
        view = await self._read(self._reader.now)
        return Response(json_document(view.state), media_type="application/json")

    async def _events(self, request: Request) -> Response:
        if self.stream.is_full:
            return Response(status_code=503, headers={"Retry-After": "30"})
        last_id = request.headers.get("last-event-id", "")
        headers = {"X-Accel-Buffering": "no"}  # nginx would keep events back
        return StreamingResponse(
            self.stream.events(last_id), media_type="text/event-stream", headers=headers
        )

    async def _static(self, request: Request) -> Response:
        found = static_files().get(request.path_params["name"])
        if found is None:
            return self._missing("There is no such file.")
        kind, data = found
        return Response(data, media_type=kind, headers={"Cache-Control": "no-cache"})

    async def _favicon(self, _request: Request) -> Response:
        return RedirectResponse(f"{self._root}/static/icon.svg")

    # --- what forms do

    async def _decide(self, request: Request) -> Response:
        given = request.path_params
        known, clip = _ANSWERS.get(given["answer"]), await self._found_clip(request)
        if known is None or clip is None:
            return self._missing("This clip is not there.")
        answer, said = known
        verdict = _verdict(answer, form_fields(await request.body()))
        await self._act_on(self._actor.decide, clip.record.fingerprint, verdict)
        return self._see(f"/clips?said={said.value}")

    async def _act(self, request: Request) -> Response:
        word = request.path_params["action"]
        action = next((one for one in FilmAction if one.value == word), None)
        named = request.path_params.get("film")
        film = None if named is None else film_of(named)
        if action is None or (named is not None and film is None):
            return self._missing("There is no such film.")
        if film is not None and not await self._read(self._reader.is_film, film):
            return self._missing("There is no such film.")
        await self._act_on(self._actor.act, action, film)
        back = form_fields(await request.body()).get("back", "")
        return self._see(
            f"/films?said={PageNotice.ASKED.value}" if back == "films" else "/?said=asked"
        )

    # --- helpers

    async def _found_clip(self, request: Request) -> ClipAndStatus | None:
        return await self._read(self._reader.clip, request.path_params["clip"])

    async def _compared(self, fingerprint: str) -> str:
        address = f"{self._root}/clips/{{}}/film.mp4"
        found = await self._act_on(self._actor.comparison, fingerprint, address)
        return self.pages.comparison(fingerprint, found)

    async def _read(self, function: Callable[_P, _T], *given: _P.args, **named: _P.kwargs) -> _T:
        return await _in(self._reading, lambda: function(*given, **named))

    async def _act_on(self, function: Callable[_P, _T], *given: _P.args, **named: _P.kwargs) -> _T:
        try:
            return await _in(self._acting, lambda: function(*given, **named))
        finally:
            self._reader.refresh_soon()

    async def _parts(self) -> Parts:
        try:
            return self.pages.parts(await self._read(self._reader.now))
        except Av1rulesError as problem:
            return {"spoken": printable(problem.message)}

    def _see(self, path: str) -> Response:
        return RedirectResponse(f"{self._root}{path}", HTTPStatus.SEE_OTHER)

    def _login(self, request: Request, reason: str) -> Response:
        headers = {"WWW-Authenticate": "Bearer"}
        text = self.pages.login(reason=reason)
        if "text/html" not in request.headers.get("accept", ""):
            text = f"{reason or 'This needs the token.'}\n"
            return Response(text, HTTPStatus.UNAUTHORIZED, headers, media_type="text/plain")
        return HTMLResponse(text, HTTPStatus.UNAUTHORIZED, headers)

    def _missing(self, text: str) -> Response:
        page = self.pages.problem(text, None, status="Not found")
        return HTMLResponse(page, HTTPStatus.NOT_FOUND)

    async def _not_found(self, _request: Request, _problem: Exception) -> Response:
        return self._missing("There is no such page.")

    async def _problem(self, _request: Request, problem: Exception) -> Response:
        assert isinstance(problem, Av1rulesError)
        status = HTTPStatus.CONFLICT if isinstance(problem, UsageError) else (
            HTTPStatus.SERVICE_UNAVAILABLE)  # fmt: skip
        message, hint = problem.message, problem.hint
        if isinstance(problem, RulesError):
            message, hint = str(problem), "av1rules validate shows them"
        text = self.pages.problem(message, hint, status="That did not work")
        return HTMLResponse(text, status)


def _said(request: Request) -> str:
    return request.query_params.get("said", "")


def _verdict(answer: Answer, given: dict[str, str]) -> ClipVerdict:
    """Raises UsageError for a CRF that is no number; the settings are checked as in rules."""
    reason = given.get("reason", "").strip()[:REASON_LENGTH] or None
    if answer is not Answer.ADJUSTED:
        return ClipVerdict(answer=answer, reason=reason)
    text = given.get("crf", "").strip()
    try:
        crf = float(text) if text else None
    except ValueError as problem:
        raise UsageError("the CRF is no number", where=printable(text, limit=60)) from problem
    return ClipVerdict(answer=answer, reason=reason, crf=crf, is_slower="slower" in given)


async def _in(pool: ThreadPoolExecutor, function: Callable[[], _T]) -> _T:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(pool, function)
