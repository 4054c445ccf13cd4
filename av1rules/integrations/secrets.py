"""Reads the secrets of neighbours: from the environment, or from files that only their owner can
read. What is read stays in memory: nothing here is ever printed, logged or stored."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

from av1rules.base.errors import Av1rulesError
from av1rules.base.text import printable
from av1rules.policy.neighbours.spec import Secret

LONGEST_SECRET = 8192
"""Bytes: longer than any key, shorter than what a header may have."""


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


def _file_text(path: str) -> str:
    shown = printable(path)
    try:
        # A pipe must not make a run wait; a link is fine, as secrets are often mounted so.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
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
    if found.st_mode & 0o077:
        raise SecretError(
            f"other users may read this secret: its mode is {found.st_mode & 0o777:o}",
            where=shown,
            hint="chmod 600, and make a new key if others have accounts here",
        )
    if found.st_uid not in (os.geteuid(), 0):
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
