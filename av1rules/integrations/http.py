"""One exchange over HTTP: TLS verified, a limit on time and size, no redirect to another host."""

from __future__ import annotations

import http.client
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from email.message import Message
from typing import IO

import msgspec

from av1rules import __version__
from av1rules.base.errors import Av1rulesError

MOST_BYTES = 32 * 1024 * 1024
"""Of an answer: the list of a library of 10,000 series has about 20 MB."""

_CHUNK = 1 << 16
_HERE = ("localhost", "127.0.0.1", "::1")


class NeighbourError(Av1rulesError):
    """A neighbour could not be told or asked. `status` is that of its answer, if there was one."""

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        where: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message, hint=hint, where=where)
        self.status = status


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent. Its address and headers may hold secrets: never shown."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None


class HttpAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back, whatever its status. `content_type` is in lower case, without parameters."""

    status: int
    content_type: str = ""
    body: bytes = b""

    @property
    def is_html(self) -> bool:
        return self.content_type == "text/html" or self.body[:15].lower().startswith(
            b"<!doctype ht"
        )


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows a redirect of GET within one origin: keys go nowhere else."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage | Message,
        newurl: str,
    ) -> urllib.request.Request | None:
        was, now = urllib.parse.urlsplit(req.full_url), urllib.parse.urlsplit(newurl)
        is_same = (was.scheme, was.netloc) == (now.scheme, now.netloc)
        if req.get_method() != "GET" or not is_same:
            return None  # the redirect itself is the answer
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def exchange(request: HttpRequest, *, timeout_s: float) -> HttpAnswer:
    """Send a request and read its answer, whatever its status. Raises NeighbourError without any
    part of the address, if there is no answer in time, or too much of it."""
    deadline = time.monotonic() + timeout_s
    headers = {"User-Agent": f"av1rules/{__version__}", **dict(request.headers)}
    sent = urllib.request.Request(  # noqa: S310 - `http_url` let no other scheme through
        request.url, data=request.body, headers=headers, method=request.method
    )
    handlers: list[urllib.request.BaseHandler] = [_SameHost()]
    if urllib.parse.urlsplit(request.url).hostname in _HERE:
        handlers.append(urllib.request.ProxyHandler({}))
    opener = urllib.request.build_opener(*handlers)
    try:
        try:
            answer = opener.open(sent, timeout=timeout_s)
        except urllib.error.HTTPError as refusal:
            answer = refusal
        with answer:
            body = _read(answer, deadline)
            kind = str(answer.headers.get("Content-Type", "")).partition(";")[0].strip().lower()
            return HttpAnswer(status=answer.status or 0, content_type=kind, body=body)
    except NeighbourError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise _no_answer(problem, timeout_s) from None


def _read(answer: http.client.HTTPResponse | urllib.error.HTTPError, deadline: float) -> bytes:
    body = b""
    while chunk := answer.read1(_CHUNK):
        body += chunk
        if len(body) > MOST_BYTES:
            raise NeighbourError("its answer is too long", hint="is the address right?")
        if time.monotonic() > deadline:
            raise TimeoutError
    return body


def _no_answer(problem: Exception, timeout_s: float) -> NeighbourError:
    reason = problem.reason if isinstance(problem, urllib.error.URLError) else problem
    if isinstance(reason, TimeoutError):
        return NeighbourError(
            f"no answer within {timeout_s:g} s",
            hint="is it busy or asleep? `timeout` says how long",
        )
    if isinstance(reason, ssl.SSLCertVerificationError):
        return NeighbourError(
            f"its certificate is not valid here: {reason.verify_message}",
            hint="use the name that the certificate is for, or http:// within your own network",
        )
    if isinstance(reason, ssl.SSLError):
        return NeighbourError("it does not speak TLS there", hint="is it http://, not https://?")
    if isinstance(reason, ConnectionRefusedError):
        return NeighbourError(
            "nothing answers at its address", hint="does it run? is the port right?"
        )
    if isinstance(reason, OSError) and reason.strerror:
        return NeighbourError(
            f"it can't be reached: {reason.strerror}", hint="is its address right?"
        )
    return NeighbourError(
        f"its answer makes no sense ({type(reason).__name__})", hint="is the address right?"
    )
