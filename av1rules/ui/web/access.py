"""Who may see the page, and which requests are refused whoever sends them. Pure, apart from the
file of the token.

Three things keep strangers out. The token: in a link once, then as a cookie that scripts can't
read; programs send it as `Authorization: Bearer`. The name of the host: pages of others can let
their own name lead to this machine, but can't use ours. And the origin of what is posted, together
with a second secret that only our own pages hold.
"""

from __future__ import annotations

import contextlib
import hmac
import ipaddress
import os
import re
import secrets
import stat
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from av1rules.base.errors import UsageError
from av1rules.base.files import temp_name
from av1rules.base.own_files import ignore_in_git, read_own
from av1rules.base.system.opening import CLOEXEC
from av1rules.base.text import printable

TOKEN_FILE = "serve-token"  # noqa: S105 - its name
"""In the state folder, readable for its user only."""

_TOKEN_BYTES = 32
_READABLE_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO

WRONG_TOKENS = 10
WRONG_TOKENS_S = 60.0
"""So many wrong tokens of one address in so many seconds; then none of its tokens is looked at for
as long. A token has 256 bits: this keeps the noise down, not the guesses."""

_MOST_ADDRESSES = 1024

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?", re.IGNORECASE)


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """The token, and what is derived from it: the cookie of a browser that brought it, and the
    secret of our forms."""

    token: str
    session: str
    form: str


def keys_of(token: str) -> Keys:
    """A new token ends all sessions; a restart ends none."""
    return Keys(token=token, session=_derived(token, b"session"), form=_derived(token, b"form"))


def _derived(token: str, purpose: bytes) -> str:
    return hmac.digest(token.encode(), b"av1rules serve " + purpose, "sha256").hex()


def is_same(given: str | None, secret: str) -> bool:
    """In a time that does not depend on where they differ."""
    if given is None:
        return False
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())


def find_token(state_dir: Path, *, is_new: bool = False) -> str:
    """The token of a state folder; made if there is none, or a new one is wanted. Raises
    UsageError."""
    path = state_dir / TOKEN_FILE
    try:
        if not is_new and (token := _kept_token(path)) is not None:
            return token
        return _made_token(path)
    except OSError as problem:
        raise UsageError(
            f"the token of the page can't be kept: {problem.strerror or problem}",
            where=printable(str(path)),
        ) from problem


def _kept_token(path: Path) -> str | None:
    try:
        mode = os.lstat(path).st_mode
        token = read_own(path, limit=1024).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    if os.name == "posix" and mode & _READABLE_BY_OTHERS:
        raise UsageError(
            "other users can read the token of the page",
            where=printable(str(path)),
            hint="av1rules serve --new-token makes another one, which only you can read",
        )
    return token if re.fullmatch(r"[A-Za-z0-9_-]{40,}", token) else None


def _made_token(path: Path) -> str:
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    path.parent.mkdir(parents=True, exist_ok=True)
    ignore_in_git(path.parent)
    temp = temp_name(path)
    try:
        descriptor = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(f"{token}\n")
        os.replace(temp, path)
    finally:
        temp.unlink(missing_ok=True)
    return token


class WrongTokens:
    """Counts wrong tokens by address; remembers so many addresses at most."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def is_blocked(self, address: str) -> bool:
        count, since = self._seen.get(address, (0, 0.0))
        return count >= WRONG_TOKENS and self._clock() - since < WRONG_TOKENS_S

    def add(self, address: str) -> None:
        now = self._clock()
        count, since = self._seen.pop(address, (0, now))
        is_old = now - since >= WRONG_TOKENS_S
        self._seen[address] = (1, now) if is_old else (count + 1, since)
        while len(self._seen) > _MOST_ADDRESSES:
            self._seen.popitem(last=False)


def is_host_known(header: str | None, names: frozenset[str]) -> bool:
    """Whether a request was sent to a name that is ours (in lower case), or to an address: only
    names can be made to lead here by others."""
    host = _host_of(header)
    if host is None:
        return False
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host.strip("[]"))
        return True
    return host in names or host.endswith(".localhost")


def _host_of(header: str | None) -> str | None:
    found = _HOST.fullmatch(header or "")
    return None if found is None else found[1].lower().rstrip(".")


def is_from_our_page(headers: Mapping[str, str]) -> bool:
    """Whether what is posted comes from a page of this server, as far as a browser says. `headers`
    by lower-case names; programs that send neither of them are known by their token."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site not in (None, "same-origin", "none"):
        return False
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != ""
    except ValueError:
        return False
