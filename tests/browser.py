"""A real browser without a window, over its debugging pipe: what a page shows, says and asks for.

Chromium itself, no driver: two pipes and JSON are all that the protocol needs.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_TIMEOUT_S = 60

_ON_ITS_PIPES = """
import os, sys
aside = [os.dup(int(number)) for number in sys.argv[1:3] for _ in range(3)]
os.dup2(aside[2], 3)
os.dup2(aside[5], 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""
"""Chromium reads from descriptor 3 and writes to 4, whatever numbers the pipes have here. The third
copy of each is above both."""


class Page:
    """One page. `requests` are all addresses it asked for, `complaints` all that the browser had
    to say: errors, warnings, refusals of the page's own policy."""

    def __init__(self, send: int, receive: int) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._send, self._receive = send, receive
        self._seen = b""
        self._number = 0
        self._loaded = False
        self._session: str | None = None
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self._call(f"{domain}.enable")

    def open(self, place: Path | str) -> None:
        """A file, or an address."""
        self._loaded = False
        url = place if isinstance(place, str) else place.as_uri()
        self._call("Page.navigate", url=url)
        while not self._loaded:
            self._take(self._next())

    def evaluate(self, script: str) -> Any:
        """What an expression, or the promise that it is, comes to, by value."""
        output = self._call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in output, output
        return output["result"].get("value")

    def emulate(self, *, media: str = "", scheme: str = "light") -> None:
        """Another medium ("print") or colour scheme ("dark")."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", media=media, features=features)

    def resize(self, width: int, height: int = 900, *, is_phone: bool = False) -> None:
        """A window of this many CSS pixels, or a phone, which is touched."""
        self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
            mobile=is_phone,
        )  # fmt: skip
        self._call("Emulation.setTouchEmulationEnabled", enabled=is_phone)

    def click(self, selector: str) -> None:
        """A click in the middle of the first element that the selector finds, as by a user: once it
        stands still in a page that has loaded, its style sheets too; what lies over it gets it."""
        found = json.dumps(selector)
        self.wait_until("document.readyState === 'complete'")
        spot = self.evaluate(
            "(async () => { const drawn = () => new Promise(requestAnimationFrame);"
            f" const one = document.querySelector({found});"
            " one.scrollIntoView({block: 'center', behavior: 'instant'});"
            " let before; let box = one.getBoundingClientRect();"
            " do { before = box; await drawn(); await drawn(); box = one.getBoundingClientRect(); }"
            " while (box.x !== before.x || box.y !== before.y);"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._call(
                "Input.dispatchMouseEvent", type=kind, x=spot[0], y=spot[1], button="left",
                clickCount=1,
            )  # fmt: skip

    def press(self, key: str, text: str = "") -> None:
        """A key by its name (`Tab`, `Enter`), or a character."""
        codes = {"Tab": 9, "Enter": 13, " ": 32}
        named = {"key": key, "code": key, "windowsVirtualKeyCode": codes.get(key, 0)}
        text = {"Enter": "\r", " ": " "}.get(key, text)
        kind = "keyDown" if text else "rawKeyDown"
        self._call("Input.dispatchKeyEvent", type=kind, text=text, **named)
        self._call("Input.dispatchKeyEvent", type="keyUp", **named)

    def write(self, text: str) -> None:
        """Text into what has the focus."""
        self._call("Input.insertText", text=text)

    def wait_until(self, expression: str) -> None:
        """Until an expression is true, in whatever page is there and parsed by then."""
        deadline = time.monotonic() + _TIMEOUT_S
        parsed = f"document.readyState !== 'loading' && ({expression})"
        while True:
            output = self._ask("Runtime.evaluate", expression=parsed, returnByValue=True)
            # Between two pages there is none that could answer.
            if output.get("result", {}).get("result", {}).get("value") is True:
                return
            if time.monotonic() >= deadline:
                shown = self.evaluate("location.href + '\\n' + document.body.innerText")
                raise AssertionError(f"never: {expression}\n{shown}\n{self.complaints}")
            time.sleep(0.05)

    def reading_order(self) -> list[tuple[str, str]]:
        """What a screen reader finds: role and name of each, in its order."""
        nodes = self._call("Accessibility.getFullAXTree")["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in nodes
            if not node.get("ignored")
        ]

    def screenshot(self, goal: Path, *, width: int | None = 1100, is_whole: bool = True) -> None:
        """Of the whole page, or of what the window shows; `width` None leaves the window."""
        if width is not None:
            self.resize(width)
        output = self._call("Page.captureScreenshot", captureBeyondViewport=is_whole)
        goal.write_bytes(base64.b64decode(output["data"]))

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        output = self._ask(method, **parameters)
        assert "error" not in output, output
        result: dict[str, Any] = output["result"]
        return result

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            output = self._next()
            if output.get("id") == number:
                return output
            self._take(output)

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + _TIMEOUT_S
        while b"\0" not in self._seen:
            ready, _, _ = select.select([self._receive], [], [], deadline - time.monotonic())
            assert ready, "the browser does not answer"
            chunk = os.read(self._receive, 1 << 20)
            assert chunk, "the browser is gone"
            self._seen += chunk
        message, _, self._seen = self._seen.partition(b"\0")
        output: dict[str, Any] = json.loads(message)
        return output

    def _take(self, output: dict[str, Any]) -> None:
        match output.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Network.requestWillBeSent":
                self.requests.append(output["params"]["request"]["url"])
            case "Log.entryAdded":
                self.complaints.append(output["params"]["entry"]["text"])
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(output["params"]))


@contextmanager
def browser_page(profile: Path) -> Iterator[Page]:
    """A blank page of a new browser; the test is skipped where there is none."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip("no Chromium or Chrome on PATH")
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    child = subprocess.Popen(
        [
            sys.executable, "-c", _ON_ITS_PIPES, str(theirs_in), str(theirs_out), program,
            "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-dev-shm-usage", "--disable-background-networking",
            "--remote-debugging-pipe", f"--user-data-dir={profile}",
        ],
        pass_fds=(theirs_in, theirs_out),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Page(ours_out, ours_in)
    finally:
        os.close(ours_out)  # which ends the browser
        os.close(ours_in)
        try:
            child.wait(timeout=20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
