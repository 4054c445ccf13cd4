"""Stands before all of the page: refuses what is not allowed before any of it runs, and gives every
answer the headers by which browsers protect it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import parse_qs, urlencode

import msgspec
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from av1rules.ui.web.access import (
    Keys,
    WrongTokens,
    is_from_our_page,
    is_host_known,
    is_same,
)

MOST_BODY_BYTES = 16 * 1024
"""A reason, some settings and the secret of the form."""

SESSION_DAYS = 90

FORM_KEY = "form_key"
"""The field of a form, and of a request's state, that holds the secret of our forms."""

_METHODS = ("GET", "HEAD", "POST")

_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)

_HEADERS = {
    "Content-Security-Policy": _CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # none at all would hide the origin of our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Who may do what. `hosts` are the names of this server, in lower case. Without `needs_token`
    whoever reaches the server may use it."""

    keys: Keys
    hosts: frozenset[str]
    needs_token: bool = True
    is_https: bool = False
    cookie: str = "av1rules"
    wrong: WrongTokens = msgspec.field(default_factory=WrongTokens)


LoginPage = Callable[[Request, str], Response]
"""Asks for the token; the text says why it asks again."""


class Guard:
    """ASGI middleware. Paths in `open_paths` and below `/static/` need no token."""

    def __init__(self, app: ASGIApp, *, access: Access, login_page: LoginPage) -> None:
        self._app = app
        self._access = access
        self._login_page = login_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        protected = _with_headers(send)
        request = Request(scope, receive)
        refusal = self._refusal(request) or await self._without_token(request)
        if refusal is not None:
            await refusal(scope, receive, protected)
            return
        body = await _whole_body(request)
        if body is None:
            await _text(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)(scope, receive, protected)
        elif request.method == "POST" and not self._is_ours(request, body):
            text = "This form is not of this page, or it is too old. Go back and load it again."
            await _text(HTTPStatus.FORBIDDEN, text)(scope, receive, protected)
        else:
            scope["state"] = {**scope.get("state", {}), FORM_KEY: self._access.keys.form}
            await self._app(scope, _replayed(body, receive), protected)

    def _refusal(self, request: Request) -> Response | None:
        """What is refused whoever asks."""
        headers = request.headers
        if not is_host_known(headers.get("host"), self._access.hosts):
            text = "This name is not known here: start `av1rules serve` with --host NAME."
            return _text(HTTPStatus.MISDIRECTED_REQUEST, text)
        if request.method not in _METHODS:
            return _text(HTTPStatus.METHOD_NOT_ALLOWED)
        if request.method == "POST" and not is_from_our_page(headers):
            return _text(HTTPStatus.FORBIDDEN, "This was posted by another page.")
        return None

    async def _without_token(self, request: Request) -> Response | None:
        """The answer to who has not shown the token; None goes on."""
        access, path = self._access, path_of(request)
        if not access.needs_token or path.startswith("/static/"):
            return None
        address = request.client.host if request.client is not None else ""
        if is_same(request.cookies.get(access.cookie), access.keys.session):
            if "token" in request.query_params or path == "/login":
                return self._welcome(request, "/" if path == "/login" else path)
            return None
        given, is_posted = await _given_token(request, path)
        if given is None:
            return self._login_page(request, "")
        if access.wrong.is_blocked(address):
            return _text(HTTPStatus.TOO_MANY_REQUESTS, "Too many wrong tokens: wait a minute.")
        if not is_same(given, access.keys.token):
            access.wrong.add(address)
            return self._login_page(request, "This is not the token.")
        if _bearer(request.headers) is not None:
            return None
        return self._welcome(request, "/" if is_posted else path)

    def _welcome(self, request: Request, path: str) -> Response:
        """To the same page without the token in its address, with the cookie."""
        rest = [(key, value) for key, value in request.query_params.multi_items() if key != "token"]
        root = request.scope.get("root_path", "")
        query = f"?{urlencode(rest)}" if rest and request.method == "GET" else ""
        answer = RedirectResponse(f"{root}{path}{query}", HTTPStatus.SEE_OTHER)
        answer.set_cookie(
            self._access.cookie,
            self._access.keys.session,
            max_age=SESSION_DAYS * 24 * 3600,
            path=f"{root}/",
            secure=self._access.is_https,
            httponly=True,
            samesite="strict",
        )
        return answer

    def _is_ours(self, request: Request, body: bytes) -> bool:
        """Whether what is posted holds the secret of our forms. A program that sends the token is
        no browser that another page could use."""
        if is_same(_bearer(request.headers), self._access.keys.token):
            return True
        given = form_fields(body).get(FORM_KEY)
        return is_same(given, self._access.keys.form)


def path_of(request: Request) -> str:
    """The path below the root path."""
    path: str = request.scope["path"]
    return path.removeprefix(request.scope.get("root_path", "")) or "/"


def form_fields(body: bytes) -> dict[str, str]:
    """The fields of a form, each once; what is no form has none."""
    try:
        text = body.decode("ascii")
        found = parse_qs(text, keep_blank_values=True, max_num_fields=64)
    except ValueError:
        return {}
    return {name: values[-1] for name, values in found.items()}


async def _given_token(request: Request, path: str) -> tuple[str | None, bool]:
    """The token that a request brings, and whether by the login form."""
    if request.method == "POST" and path == "/login":
        return form_fields(await _whole_body(request) or b"").get("token", "").strip(), True
    bearer = _bearer(request.headers)
    if bearer is not None:
        return bearer, False
    if request.method == "POST":
        return None, False
    return request.query_params.get("token"), False


def _bearer(headers: Headers) -> str | None:
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" and token else None


async def _whole_body(request: Request) -> bytes | None:
    """None if it is too large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY_BYTES:
            return None
    return body


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A body that was read, for those who read it again."""
    is_given = False

    async def again() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _with_headers(send: Send) -> Callable[[Message], Awaitable[None]]:
    async def protected(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return protected


def _text(status: HTTPStatus, text: str | None = None) -> Response:
    return PlainTextResponse(f"{text or status.phrase}\n", status)
