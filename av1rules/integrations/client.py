"""Calls to one neighbour: its address and key, its answers as JSON, its refusals as errors that say
what to do."""

from __future__ import annotations

import os
import re
import urllib.parse
from collections.abc import Mapping
from typing import Any

import msgspec

from av1rules.base.text import printable
from av1rules.integrations.http import HttpAnswer, HttpRequest, NeighbourError, exchange
from av1rules.integrations.secrets import parts_of_address, read_secret, secret_forms
from av1rules.policy.neighbours.spec import Neighbour, NeighbourKind, Secret, http_url

_SHOWN = 200  # characters of an answer in a message

_HIDDEN = "(hidden)"

_REMEDIES = {
    401: "check the key: it must be of this server, and of an administrator",
    403: "the key may not do this: use one of an administrator",
    404: "is the address right, with its base path (http://host:8989/sonarr)?",
    405: "is the address right, with its base path (http://host:8989/sonarr)?",
    429: "it asks for fewer calls; they are sent again later",
}


class NeighbourClient(msgspec.Struct, frozen=True, kw_only=True):
    """One neighbour with its secrets in hand. Never shown or stored."""

    neighbour: Neighbour
    url: str
    token: str | None = None
    secret: str | None = None

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Any:
        """The JSON that a call answers; None for an empty answer. Raises NeighbourError."""
        given = () if body is None else (("Content-Type", "application/json"),)
        headers = (("Accept", "application/json"), *given, *self._key())
        raw = None if body is None else msgspec.json.encode(body)
        asked = f"?{urllib.parse.urlencode(query)}" if query else ""
        request = HttpRequest(
            method=method, url=f"{self.url}{path}{asked}", headers=headers, body=raw
        )
        answer = self.send(request)
        if not answer.body.strip():
            return None
        try:
            return msgspec.json.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise NeighbourError(
                f"it answered {'a web page' if answer.is_html else 'no JSON'} to {path}",
                hint="is this the address of its API, not of a login page or proxy?",
                status=answer.status,
            ) from None

    def send(self, request: HttpRequest) -> HttpAnswer:
        """The answer to a request of any form, if it is one of success. Raises NeighbourError."""
        try:
            answer = exchange(request, timeout_s=self.neighbour.timeout_s)
        except NeighbourError as problem:
            raise NeighbourError(self.scrub(problem.message), hint=problem.hint) from None
        if 200 <= answer.status < 300:
            return answer
        raise self._refused(answer)

    def scrub(self, text: str) -> str:
        """Text of a neighbour, or of a library, for people: without secrets, on one line."""
        secrets = [one for one in (self.token, self.secret) if one]
        if isinstance(self.neighbour.url, Secret):
            secrets += parts_of_address(self.url)
        forms = {form for one in secrets for form in secret_forms(one)}
        for form in sorted(forms, key=len, reverse=True):
            text = re.sub(re.escape(form), _HIDDEN, text, flags=re.IGNORECASE)
        return printable(text, limit=_SHOWN)

    def _key(self) -> tuple[tuple[str, str], ...]:
        if self.token is None:
            return ()
        kind = self.neighbour.kind
        if kind is NeighbourKind.JELLYFIN:
            # X-Emby-Token and ?api_key= only work while its legacy authorization is on.
            return (("Authorization", f'MediaBrowser Token="{self.token}"'),)
        if kind is NeighbourKind.EMBY:
            return (("X-Emby-Token", self.token),)
        if kind is NeighbourKind.PLEX:
            return (("X-Plex-Token", self.token),)
        return (("X-Api-Key", self.token),)

    def _refused(self, answer: HttpAnswer) -> NeighbourError:
        if 300 <= answer.status < 400:
            message = f"it sends callers elsewhere (status {answer.status})"
            hint: str | None = "name the address that it answers at itself"
        else:
            said = "" if answer.is_html else self.scrub(answer.body.decode("utf-8", "replace"))
            message = f"it refused with status {answer.status}{said and ': '}{said}"
            hint = _REMEDIES.get(answer.status)
            if hint is None and answer.status >= 500:
                hint = "its own log says why; it is told again later"
        return NeighbourError(message, hint=hint, status=answer.status)


def as_text(path: str) -> str:
    """A path as JSON can hold it: bytes that are no UTF-8 become replacement characters."""
    return os.fsencode(path).decode("utf-8", "replace")


def open_client(neighbour: Neighbour, environ: Mapping[str, str] = os.environ) -> NeighbourClient:
    """A client with the secrets of now. Raises SecretError, NeighbourError."""
    url = neighbour.url
    if isinstance(url, Secret):
        place = url.text
        url = read_secret(url, environ)
        if neighbour.kind is not NeighbourKind.APPRISE:
            _require_url(url, place)
    return NeighbourClient(
        neighbour=neighbour,
        url=(url or "").rstrip("/"),
        token=None if neighbour.token is None else read_secret(neighbour.token, environ),
        secret=None if neighbour.secret is None else read_secret(neighbour.secret, environ),
    )


def _require_url(url: str, place: str) -> None:
    parts = urllib.parse.urlsplit(url)
    try:
        http_url(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl())
    except ValueError:
        raise NeighbourError(f"{printable(place)} holds no address of http or https") from None
