"""`av1rules serve` as a process: what it says, answers and refuses, and how it ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from av1rules.base.errors import Av1rulesError, UsageError
from av1rules.cli.serve import _root, command
from av1rules.ui.web.server import DEFAULT_PORT, Listen, parse_listen

RULES = """\
version: 1
library: {roots: [films]}
rules:
  - name: everything
    encode: {}
"""
WAIT_S = 60

REFUSALS = (b"400", b"403", b"404", b"405", b"413", b"421", b"431")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "films").mkdir()
    (tmp_path / "rules.yaml").write_text(RULES)
    return tmp_path


def argv(*words: str) -> list[str]:
    return [sys.executable, "-m", "av1rules", "serve", *words]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


@contextlib.contextmanager
def serving(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The process, and the document that it printed."""
    with subprocess.Popen(
        argv("--listen", "127.0.0.1:0", "--json", *words), cwd=folder, env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            text = ""
            while not text.endswith("}\n"):
                line = process.stdout.readline()
                assert line, process.stderr and process.stderr.read()
                text += line
            yield process, json.loads(text)
        finally:
            process.kill()


def refused(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    """What the command says as it refuses to start."""
    monkeypatch.chdir(folder)
    with pytest.raises(Av1rulesError) as caught:
        CliRunner().invoke(command, words, catch_exceptions=False, standalone_mode=False)
    return str(caught.value)


def get(address: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as problem:
        with problem:
            return problem.code, problem.read().decode()


def test_it_serves_who_has_the_token_and_ends_when_told(folder: Path) -> None:
    with serving(folder) as (process, found):
        address, sign_in = found["address"], found["sign_in"]
        token = sign_in.partition("?token=")[2]
        assert get(address)[0] == 401
        status, text = get(f"{address}state.json", Authorization=f"Bearer {token}")
        assert (status, json.loads(text)["run"]) == (200, None)
        assert get(address, Host="evil.example", Authorization=f"Bearer {token}")[0] == 421
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(sign_in, timeout=WAIT_S) as answer:
            assert answer.url == address
            assert "No run is at work" in answer.read().decode()
            assert answer.headers.get("server") is None
        path = folder / ".av1rules" / "serve-token"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_text().strip() == token
        # A stream that is open does not keep it.
        with opener.open(f"{address}events", timeout=WAIT_S) as events:
            assert events.readline() == b"retry: 3000\n"
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) == 0
            assert time.monotonic() - began < 20
            while events.readline():
                pass
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_raw_requests_that_no_client_would_send(folder: Path) -> None:
    with serving(folder, "--no-token") as (process, found):
        assert found["sign_in"] is None
        port = int(found["address"].rsplit(":", 1)[1].strip("/"))
        host = b"Host: 127.0.0.1\r\n"
        for request in (
            b"GET /../../../../etc/passwd HTTP/1.1\r\n" + host,
            b"GET /static/..%2f..%2f..%2fetc/passwd HTTP/1.1\r\n" + host,
            b"GET /static/%2e%2e/%2e%2e/app.py HTTP/1.1\r\n" + host,
            b"GET //etc/passwd HTTP/1.1\r\n" + host,
            b"GET file:///etc/passwd HTTP/1.1\r\n" + host,
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: 127.0.0.1\r\n",
            b"GET / HTTP/1.1\r\n",
            b"POST /all/pause HTTP/1.1\r\nContent-Length: 99999999\r\n" + host,
            b"POST /all/pause HTTP/1.1\r\nContent-Length: -5\r\n" + host,
            b"TRACE / HTTP/1.1\r\n" + host,
            b"\x16\x03\x01\x02\x00\x01\x00",
            b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n" + host,
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as connection:
                body = b"x" * 20_000 if request.startswith(b"POST") else b""
                with contextlib.suppress(ConnectionError, BrokenPipeError):
                    connection.sendall(request + b"Connection: close\r\n\r\n" + body)
                    answer = connection.recv(4096)
                    status = answer.split(b" ")[1:2]
                    assert status in (
                        [b"400"],
                        [b"403"],
                        [b"404"],
                        [b"405"],
                        [b"413"],
                        [b"421"],
                        [],
                    )
                    assert b"root:" not in answer
        assert get(found["address"])[0] == 200
        assert process.poll() is None


def test_a_root_path_and_a_name_of_a_proxy(folder: Path) -> None:
    with serving(folder, "--no-token", "--host", "tv.example.org", "--root-path", "av1/") as (
        _,
        it,
    ):
        assert it["address"].startswith("http://tv.example.org:")
        port = it["address"].split(":")[2].partition("/")[0]
        status, text = get(f"http://127.0.0.1:{port}/", Host="tv.example.org")
        assert status == 200
        assert 'href="/av1/films"' in text
        assert 'href="/films"' not in text


def test_an_address_that_is_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        text = refused(folder, monkeypatch, "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert "can't be listened on" in text
    assert "another `av1rules serve`" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--listen", "127.0.0.1:x"), "expected an address to listen on"),
        (("--listen", "127.0.0.1:99999"), "expected an address to listen on"),
        (("--listen", "127.0.0.1:0", "--tls-cert", "rules.yaml"), "the certificate can't be used"),
        (("--listen", "127.0.0.1:0", "--tls-cert", "none.pem"), "the certificate can't be used"),
        (("--tls-key", "key.pem"), "--tls-key needs --tls-cert"),
        (("--root-path", "/a/../b"), "expected a path such as /av1"),
        (("-f", "none.yaml"), "none.yaml"),
    ],
)
def test_what_can_not_be_served(
    words: tuple[str, ...], message: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert message in refused(folder, monkeypatch, *words)


@pytest.mark.parametrize(
    ("text", "host", "port", "is_local"),
    [
        ("127.0.0.1:80", "127.0.0.1", 80, True),
        ("127.0.0.1", "127.0.0.1", DEFAULT_PORT, True),
        (":80", "127.0.0.1", 80, True),
        ("localhost:0", "localhost", 0, True),
        ("[::1]:80", "::1", 80, True),
        ("::1", "::1", DEFAULT_PORT, True),
        ("[::]", "::", DEFAULT_PORT, False),
        ("0.0.0.0:80", "0.0.0.0", 80, False),
        ("shelf", "shelf", DEFAULT_PORT, False),
    ],
)
def test_addresses_to_listen_on(text: str, host: str, port: int, is_local: bool) -> None:
    found = parse_listen(text)
    assert found == Listen(host=host, port=port)
    assert found.is_local is is_local


@pytest.mark.parametrize(
    ("text", "root"), [("", ""), ("/", ""), ("av1", "/av1"), ("/a/b/", "/a/b"), ("/~x", "/~x")]
)
def test_root_paths(text: str, root: str) -> None:
    assert _root(text) == root


@pytest.mark.parametrize("text", ["/a b", "/a?b", "//a//b", "/..", "/a/..", '/"x', "/a#b", "/é"])
def test_what_is_no_root_path(text: str) -> None:
    with pytest.raises(UsageError):
        _root(text)


def test_without_the_extra_it_says_what_to_install(folder: Path) -> None:
    block = "import sys; sys.modules['starlette'] = None\n"
    (folder / "sitecustomize.py").write_text(block)
    env = {**environment(), "PYTHONPATH": f"{folder}{os.pathsep}{Path(__file__).parents[2]}"}
    done = subprocess.run(
        argv(), cwd=folder, env=env, capture_output=True, text=True, timeout=WAIT_S, check=False
    )
    assert done.returncode == 2
    assert "pip install 'av1rules[serve]'" in done.stderr
