"""Listens, serves the page until it is asked to end, and ends within a second or two."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import uvicorn

from av1rules.base.errors import UsageError
from av1rules.base.text import printable
from av1rules.ui.web.access import find_token, keys_of
from av1rules.ui.web.app import PageApp
from av1rules.ui.web.guard import Access

DEFAULT_PORT = 8089

_MOST_CONNECTIONS = 128
"""Some dozens of open pages, each with its stream; more get 503."""

_KEEP_ALIVE_S = 10

_GRACE_S = 1
"""Seconds that answers in progress have when the server ends; streams and FFmpeg end before."""

_BACKLOG = 64


class Listen(msgspec.Struct, frozen=True, kw_only=True):
    """Where to listen."""

    host: str
    port: int

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


class ServeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What `av1rules serve` is asked for. `hosts` are further names of this server; `root` is the
    path below which a proxy shows it, without a slash at its end."""

    listen: Listen
    hosts: tuple[str, ...] = ()
    root: str = ""
    needs_token: bool = True
    is_new_token: bool = False
    certificate: Path | None = None
    key: Path | None = None


class ServedAt(msgspec.Struct, frozen=True, kw_only=True):
    """Where the page is; `sign_in` is the address that also brings the token."""

    address: str
    sign_in: str | None


def parse_listen(text: str) -> Listen:
    """`127.0.0.1:8089`, `:8089`, `0.0.0.0`, `[::]:8089`. Raises UsageError."""
    host, port = text, str(DEFAULT_PORT)
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":") or port
    elif text.count(":") == 1:
        host, port = text.split(":")
    if not (port.isascii() and port.isdecimal()) or int(port) > 65535:
        raise UsageError(
            f"expected an address to listen on, found {printable(text)!r}",
            hint="such as 127.0.0.1:8089, 0.0.0.0:8089 or [::]:8089",
        )
    return Listen(host=host or "127.0.0.1", port=int(port))


def serve(
    rules_file: Path, state_dir: Path, options: ServeOptions, on_ready: Callable[[ServedAt], None]
) -> None:
    """Serve until SIGINT or SIGTERM. Raises UsageError, RulesError, LedgerError."""
    token = find_token(state_dir, is_new=options.is_new_token)
    with _listening(options.listen) as listening:
        port = listening.getsockname()[1]
        is_https = options.certificate is not None
        access = Access(
            keys=keys_of(token),
            hosts=_own_names(options.hosts),
            needs_token=options.needs_token,
            is_https=is_https,
            cookie=f"av1rules_{port}",  # browsers keep those of all ports together
        )
        app = PageApp(rules_file, access, root=options.root)
        place = _shown_address(options, port)
        sign_in = f"{place}?token={token}" if options.needs_token else None
        served = ServedAt(address=place, sign_in=sign_in)
        try:
            asyncio.run(_served(app, options, listening, lambda: on_ready(served)))
        finally:
            app.close()


async def _served(
    app: PageApp, options: ServeOptions, listening: socket.socket, on_ready: Callable[[], None]
) -> None:
    server = _Server(_config(app, options), on_ready)

    def end() -> None:
        app.stop()
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, end)
        except NotImplementedError:  # Windows: its loop has no signals
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(end))
    await server.serve(sockets=[listening])


class _Server(uvicorn.Server):
    """Leaves signals to us: uvicorn would raise them again at its end."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()


def _config(app: PageApp, options: ServeOptions) -> uvicorn.Config:
    config = uvicorn.Config(
        app.asgi(),
        log_config=None,
        access_log=False,  # addresses may hold the token
        server_header=False,
        proxy_headers=False,
        ws="none",
        loop="asyncio",
        http="h11",
        lifespan="on",
        root_path=options.root,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as problem:
        raise UsageError(
            f"the certificate can't be used: {problem.strerror or problem}",
            where=printable(str(options.certificate)),
            hint="--tls-cert and --tls-key are files in PEM",
        ) from problem
    return config


@contextlib.contextmanager
def _listening(listen: Listen) -> Iterator[socket.socket]:
    try:
        found = socket.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, _, _, _, address = found[0]
        server = socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError as problem:
        where = f"{listen.host}:{listen.port}"
        raise UsageError(
            f"this address can't be listened on: {problem.strerror or problem}",
            where=printable(where),
            hint="is another `av1rules serve` at work? --listen 127.0.0.1:PORT takes another port",
        ) from problem
    with server:
        yield server


def _own_names(more: tuple[str, ...]) -> frozenset[str]:
    name = socket.gethostname().lower()
    first = name.partition(".")[0]
    return frozenset(
        {"localhost", name, first, f"{first}.local", *(one.lower().rstrip(".") for one in more)}
    )


def _shown_address(options: ServeOptions, port: int) -> str:
    """The address to type in a browser."""
    host = options.listen.host
    if options.hosts:
        host = options.hosts[0]
    elif host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not listened on
        host = socket.gethostname()
    scheme = "https" if options.certificate is not None else "http"
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{port}{options.root}/"
