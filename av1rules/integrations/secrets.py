"""Reads the secrets of neighbours: from the environment, or from files that only their owner can
read. What is read stays in memory: nothing here is ever printed, logged or stored."""

from __future__ import annotations

import base64
import html
import json
import os
import stat
import urllib.parse
from collections.abc import Mapping

from av1rules.base.errors import Av1rulesError
from av1rules.base.system.opening import CLOEXEC, NONBLOCK
from av1rules.base.system.users import is_mine_or_roots, open_to_others
from av1rules.base.text import printable
from av1rules.policy.neighbours.spec import Secret

LONGEST_SECRET = 8192
"""Bytes: longer than any key, shorter than what a header may have."""

_SHORTEST_SECRET = 5
"""Characters: shorter parts of an address are words such as `api`, which answers need."""


class SecretError(Av1rulesError):
    """A secret is missing, unreadable, or open to others."""


def read_secret(secret: Secret, environ: Mapping[str, str] = os.environ) -> str:
    """The secret itself, without the line feed at its end. Raises SecretError."""
    if secret.file is not None:
        return _plain(_file_text(str(secret.file)), where=printable(str(secret.file)))
    name = secret.env or ""
    if name not in environ:
        raise SecretError(
            f"the environment variable {name} is not set",
            hint="a service reads it from its unit: EnvironmentFile= or LoadCredential=",
        )
    return _plain(environ[name], where=f"the environment variable {name}")


def parts_of_address(url: str) -> list[str]:
    """What of a secret address a server may say in its answer: it seldom knows its own name, but
    says which path was not found."""
    parts = urllib.parse.urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    found = [url, *user.split(":"), *parts.path.split("/"), parts.path.lstrip("/")]
    found += [value for _, value in urllib.parse.parse_qsl(f"{parts.query}&{parts.fragment}")]
    if parts.scheme not in ("http", "https"):  # those of chats begin with a key: kind://key/room
        found.append(host)
    return [one for one in found if len(one) >= _SHORTEST_SECRET]


def secret_forms(secret: str) -> frozenset[str]:
    """A secret as answers may repeat it."""
    plain = urllib.parse.unquote(secret)
    forms = set[str]()
    for one in (secret, plain):
        encoded = base64.b64encode(one.encode()).decode()
        quoted = (urllib.parse.quote(one, safe=""), urllib.parse.quote(one))
        escaped = (html.escape(one), json.dumps(one)[1:-1], one.replace("/", "\\/"))
        forms |= {one, encoded, encoded.rstrip("="), *quoted, *escaped}
    return frozenset(forms)


def _file_text(path: str) -> str:
    shown = printable(path)
    try:
        # A pipe must not make a run wait; a link is fine, as secrets are often mounted so.
        descriptor = os.open(path, os.O_RDONLY | CLOEXEC | NONBLOCK)
    except OSError as problem:
        raise SecretError(
            f"the file of a secret can't be read: {problem.strerror}", where=shown
        ) from None
    try:
        _require_private(os.fstat(descriptor), shown)
        return os.read(descriptor, LONGEST_SECRET + 1).decode("utf-8", "replace")
    finally:
        os.close(descriptor)


def _require_private(found: os.stat_result, shown: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise SecretError("the file of a secret is no regular file", where=shown)
    if open_to_others(found):
        raise SecretError(
            f"other users may read this secret: its mode is {found.st_mode & 0o777:o}",
            where=shown,
            hint="chmod 600, and make a new key if others have accounts here",
        )
    if not is_mine_or_roots(found):
        raise SecretError("the file of a secret belongs to another user", where=shown)


def _plain(text: str, *, where: str) -> str:
    value = text.strip()
    if not value:
        raise SecretError("the secret is empty", where=where)
    if len(value) > LONGEST_SECRET or any(
        character < " " or character in "\x7f\ufffd" for character in value
    ):
        raise SecretError("expected one line of text as the secret", where=where)
    return value
