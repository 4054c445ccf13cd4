"""Strict fakes of neighbours: they refuse what the real servers refuse, and keep what they took.

Each is an HTTP server in a thread. `faults` are used up one a request, before anything else.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

KEY = "s3cr3t-k3y-0123456789abcdef"


class Fault(Enum):
    """How a server misbehaves once."""

    UNAUTHORIZED = 401
    NOT_FOUND = 404
    TOO_MANY = 429
    BROKEN = 500
    TIMEOUT = "no answer"
    SLOW = "slow answer"
    DROPPED = "closes the connection"
    HTML = "a login page"
    REDIRECT = "to another host"
    OVERSIZE = "endless answer"
    NO_JSON = "cut JSON"
    LOST_ANSWER = "does it, and closes the connection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that was taken: `body` is its JSON, or its text."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any = None
    raw: bytes = b""


class Refusal(Exception):  # noqa: N818 - an answer, not an error
    """What the real server answers to a request that it does not take."""

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass
class FakeServer:
    """`calls` are the requests that were taken, `refused` those that were not, and why."""

    key: str = KEY
    calls: list[Call] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    lost_answers: int = 0
    is_down: bool = False
    url: str = ""
    slow_s: float = 3.0
    released: threading.Event = field(default_factory=threading.Event)

    def answer(self, call: Call) -> tuple[int, Any]:
        """Status and JSON (None: no body) of a right request. Raises Refusal."""
        raise NotImplementedError

    def posts(self, path: str) -> list[Call]:
        return [call for call in self.calls if call.path == path and call.method == "POST"]

    def require(self, is_right: bool, status: int, text: str) -> None:
        if not is_right:
            raise Refusal(status, text)

    def require_key(self, call: Call, header: str) -> None:
        self.require(call.headers.get(header) == self.key, 401, "Unauthorized")


def _only(value: Any, required: dict[str, type], optional: dict[str, type] | None = None) -> None:
    """An object with just these fields, of these types."""
    if not isinstance(value, dict):
        raise Refusal(400, "The JSON value could not be converted")
    for name, kind in required.items():
        if not isinstance(value.get(name), kind) or isinstance(value.get(name), bool):
            raise Refusal(400, f"The field {name} is required")
    if unknown := value.keys() - required.keys() - (optional or {}).keys():
        raise Refusal(400, f"unknown fields {sorted(unknown)}")
    for name, kind in (optional or {}).items():
        if name in value and not isinstance(value[name], kind):
            raise Refusal(400, f"The field {name} is of another type")


@dataclass
class FakeJellyfin(FakeServer):
    """10.11 with legacy authorization off: only `Authorization: MediaBrowser Token="..."`."""

    sessions: list[dict[str, Any]] = field(default_factory=list)
    folders: list[str] = field(default_factory=lambda: ["/data/movies", "/data/tv"])
    prefix: str = ""

    def check_key(self, call: Call) -> None:
        given = call.headers.get("authorization", "")
        self.require(given == f'MediaBrowser Token="{self.key}"', 401, "")

    def answer(self, call: Call) -> tuple[int, Any]:
        self.check_key(call)
        match call.method, call.path.removeprefix(self.prefix):
            case "GET", "/Sessions":
                within = call.query.get("activeWithinSeconds", "1")
                self.require(within.isdecimal(), 400, "not a number")
                return 200, self.sessions
            case "GET", "/System/Info":
                return 200, {"ServerName": "den", "Version": "10.11.2", "ProductName": "Jellyfin"}
            case "GET", "/Library/VirtualFolders":
                return 200, [{"Name": "All", "Locations": self.folders}]
            case "POST", "/Library/Media/Updated":
                self.require(
                    call.headers.get("content-type", "").startswith("application/json"), 415, ""
                )
                _only(call.body, {"Updates": list})
                for update in call.body["Updates"]:
                    _only(update, {"Path": str, "UpdateType": str})
                    self.require(
                        update["UpdateType"] in ("Created", "Modified", "Deleted"), 400, "kind"
                    )
                return 204, None
        raise Refusal(405 if call.path == "/Library/Media/Updated" else 404)


@dataclass
class FakeEmby(FakeJellyfin):
    prefix: str = "/emby"

    def check_key(self, call: Call) -> None:
        self.require_key(call, "x-emby-token")


@dataclass
class FakePlex(FakeServer):
    """JSON only for those who ask for it, as the real one speaks XML otherwise."""

    sessions: list[dict[str, Any]] = field(default_factory=list)
    sections: dict[str, list[str]] = field(
        default_factory=lambda: {"1": ["/data/movies"], "2": ["/data/tv"]}
    )
    items: dict[str, str] = field(default_factory=dict)  # files by the number of their item

    def answer(self, call: Call) -> tuple[int, Any]:
        self.require_key(call, "x-plex-token")
        self.require(call.headers.get("accept") == "application/json", 406, "<xml/>")
        steps = call.path.strip("/").split("/")
        match call.method, steps:
            case "GET", ["status", "sessions"]:
                return 200, _container(self.sessions)
            case "GET", ["identity"]:
                return 200, {"MediaContainer": {"size": 0, "version": "1.43.0"}}
            case "GET", ["library", "sections"]:
                found = [
                    {
                        "key": key,
                        "type": "show" if key == "2" else "movie",
                        "Location": [{"id": 1, "path": one} for one in at],
                    }
                    for key, at in self.sections.items()
                ]
                return 200, {"MediaContainer": {"size": len(found), "Directory": found}}
            case "GET", ["library", "sections", key, "refresh"]:
                self.require(key in self.sections, 404, "")
                folder = call.query.get("path", "")
                inside = any(f"{folder}/".startswith(f"{top}/") for top in self.sections[key])
                self.require(inside, 400, "not of this section")
                return 200, None
            case "GET", ["library", "sections", key, "all"]:
                self.require(key in self.sections, 404, "")
                self.require(call.query.get("type") == ("4" if key == "2" else "1"), 400, "type")
                start = int(call.query["X-Plex-Container-Start"])
                size = int(call.query["X-Plex-Container-Size"])
                tops = tuple(f"{top}/" for top in self.sections[key])
                held = [_plex_item(*one) for one in self.items.items() if one[1].startswith(tops)]
                return 200, _container(held[start : start + size])
            case "GET", ["library", "metadata", number]:
                self.require(number in self.items, 404, "")
                return 200, _container([_plex_item(number, self.items[number])])
            case "PUT", ["library", "metadata", number, "analyze"]:
                self.require(number in self.items, 404, "")
                return 200, None
        raise Refusal(404)


def _container(items: list[dict[str, Any]]) -> dict[str, Any]:
    whole: dict[str, Any] = {"size": len(items)}
    return {"MediaContainer": whole | ({"Metadata": items} if items else {})}


def _plex_item(number: str, file: str) -> dict[str, Any]:
    return {"ratingKey": number, "Media": [{"Part": [{"file": file}]}]}


@dataclass
class FakeArr(FakeServer):
    """Sonarr (`series`) or Radarr (`movie`): `/api/v3`, the key in X-Api-Key."""

    things: list[dict[str, Any]] = field(default_factory=list)
    thing: str = "series"
    renames: list[dict[str, Any]] = field(default_factory=list)
    roots: list[str] = field(default_factory=lambda: ["/data/tv"])

    def answer(self, call: Call) -> tuple[int, Any]:
        self.require_key(call, "x-api-key")
        id_key = "seriesId" if self.thing == "series" else "movieId"
        match call.method, call.path:
            case "GET", "/api/v3/system/status":
                name = "Sonarr" if self.thing == "series" else "Radarr"
                return 200, {"appName": name, "instanceName": "tv", "version": "4.0.16"}
            case "GET", "/api/v3/rootfolder":
                return 200, [{"id": 1, "path": path} for path in self.roots]
            case "GET", path if path == f"/api/v3/{self.thing}":
                return 200, self.things
            case "GET", "/api/v3/rename":
                number = call.query.get(id_key, "")
                self.require(number.isdecimal(), 400, f"{id_key} must be provided")
                return 200, [one for one in self.renames if one[id_key] == int(number)]
            case "GET", "/api/v3/command/1":
                return 200, {"id": 1, "status": "completed"}
            case "POST", "/api/v3/command":
                self.require(
                    call.headers.get("content-type", "").startswith("application/json"), 415, ""
                )
                self.check_command(call.body, id_key)
                return 201, {"id": 1, "name": call.body["name"], "status": "queued"}
        raise Refusal(404, json.dumps({"message": "NotFound"}))

    def check_command(self, body: Any, id_key: str) -> None:
        name = body.get("name") if isinstance(body, dict) else None
        known = {one["id"] for one in self.things}
        if name == ("RescanSeries" if self.thing == "series" else "RescanMovie"):
            _only(body, {"name": str, id_key: int})
        elif name == "RenameFiles":
            _only(body, {"name": str, id_key: int, "files": list})
            self.require(all(isinstance(one, int) for one in body["files"]), 400, "files")
        else:
            raise Refusal(400, json.dumps({"message": f"Unknown command {name}"}))
        self.require(body[id_key] in known, 500, "Series with ID does not exist")


@dataclass
class FakeHook(FakeServer):
    """Takes any JSON by POST; `seen` counts each idempotency key."""

    seen: dict[str, int] = field(default_factory=dict)

    def answer(self, call: Call) -> tuple[int, Any]:
        self.require(call.method == "POST", 405, "")
        self.require(call.headers.get("content-type") == "application/json", 415, "")
        self.require(isinstance(call.body, dict), 400, "no object")
        key = call.headers.get("idempotency-key", "")
        self.require(bool(key), 400, "no Idempotency-Key")
        self.seen[key] = self.seen.get(key, 0) + 1
        return 204, None


@dataclass
class FakeHealthchecks(FakeServer):
    """hc-ping.com: /UUID, /UUID/start, /UUID/fail, /UUID/log, /UUID/0..255; ?rid= a UUID."""

    check: str = "5f0c9fbb-d2b2-4a4c-8bb4-4d7e4f1ed111"

    def answer(self, call: Call) -> tuple[int, Any]:
        steps = call.path.strip("/").split("/")
        self.require(steps[0] == self.check and len(steps) <= 2, 404, "not found")
        last = steps[1] if len(steps) == 2 else ""
        is_code = last.isdecimal() and int(last) <= 255
        self.require(last in ("", "start", "fail", "log") or is_code, 400, "invalid url format")
        rid = call.query.get("rid")
        self.require(rid is None or len(rid) == 36, 400, "invalid uuid format")
        self.require(len(call.raw) <= 100_000, 413, "")
        return 200, None


@contextlib.contextmanager
def serving(*servers: FakeServer) -> Iterator[None]:
    """The servers at work, each at its own `url`."""
    with contextlib.ExitStack() as stack:
        for server in servers:
            stack.enter_context(_serving(server))
        yield


@contextlib.contextmanager
def _serving(server: FakeServer) -> Iterator[None]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def handle_any(self) -> None:
            _handle(server, self)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any  # noqa: N815

    class Quiet(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # the other side hung up, as it should

    with Quiet(("127.0.0.1", 0), Handler) as listening:
        server.url = f"http://127.0.0.1:{listening.server_address[1]}"
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.released.set()
            listening.shutdown()
            thread.join()


def _handle(server: FakeServer, on: http.server.BaseHTTPRequestHandler) -> None:
    raw = on.rfile.read(int(on.headers.get("Content-Length") or 0))
    fault = server.faults.pop(0) if server.faults else None
    if server.is_down:
        fault = Fault.DROPPED
    if fault is not None and fault is not Fault.LOST_ANSWER:
        server.refused.append(f"{on.command} {on.path}: {fault}")
        _misbehave(server, on, fault)
        return
    parts = urllib.parse.urlsplit(on.path)
    headers = {name.lower(): value for name, value in on.headers.items()}
    body: Any = raw.decode("utf-8", "replace")
    try:
        if headers.get("content-type", "").startswith("application/json"):
            try:
                body = json.loads(raw)
            except ValueError:
                raise Refusal(400, "The JSON value could not be converted") from None
        call = Call(
            method=on.command,
            path=urllib.parse.unquote(parts.path),
            query=dict(urllib.parse.parse_qsl(parts.query, strict_parsing=bool(parts.query))),
            headers=headers,
            body=body,
            raw=raw,
        )
        status, answer = server.answer(call)
    except Refusal as refusal:
        server.refused.append(f"{on.command} {on.path}: {refusal.status} {refusal.text}")
        _reply(on, refusal.status, refusal.text.encode(), "text/plain")
        return
    server.calls.append(call)
    if fault is Fault.LOST_ANSWER:
        server.lost_answers += 1
        on.close_connection = True
        return
    _reply(on, status, b"" if answer is None else json.dumps(answer).encode(), "application/json")


def _reply(
    on: http.server.BaseHTTPRequestHandler, status: int, body: bytes, kind: str, *more: str
) -> None:
    on.send_response(status)
    if status != 204:
        on.send_header("Content-Type", kind)
        on.send_header("Content-Length", str(len(body)))
    for header in more:
        name, _, value = header.partition(": ")
        on.send_header(name, value)
    on.end_headers()
    if status != 204:
        on.wfile.write(body)


def _misbehave(server: FakeServer, on: http.server.BaseHTTPRequestHandler, fault: Fault) -> None:
    if isinstance(fault.value, int):
        # As bad as it gets: all that was sent, key and address, comes back.
        echo = f"no {on.path} {urllib.parse.unquote(on.path)}: {' '.join(on.headers.values())}"
        _reply(on, fault.value, echo.encode(), "text/plain")
    elif fault is Fault.TIMEOUT:
        server.released.wait(60)
        on.close_connection = True
    elif fault is Fault.SLOW:
        on.send_response(200)
        on.send_header("Content-Length", "1000")
        on.end_headers()
        for _ in range(1000):
            if server.released.wait(server.slow_s / 10):
                break
            on.wfile.write(b" ")
    elif fault is Fault.DROPPED:
        on.close_connection = True
    elif fault is Fault.HTML:
        _reply(on, 200, b"<!DOCTYPE html><title>Login</title>", "text/html; charset=utf-8")
    elif fault is Fault.REDIRECT:
        _reply(on, 302, b"", "text/plain", "Location: http://localhost:1/elsewhere")
    elif fault is Fault.OVERSIZE:
        on.send_response(200)
        on.end_headers()
        until = time.monotonic() + 60
        while time.monotonic() < until:
            on.wfile.write(b" " * (1 << 20))
    else:
        _reply(on, 200, b'{"cut": ', "application/json")
