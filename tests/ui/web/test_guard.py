"""The guard before an application that would tell everything: what gets through."""

from __future__ import annotations

import itertools
from urllib.parse import urlencode

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from av1rules.ui.web.access import WRONG_TOKENS, keys_of
from av1rules.ui.web.guard import FORM_KEY, MOST_BODY_BYTES, Access, Guard, form_fields
from tests.ui.web.asgi import Answered, call

KEYS = keys_of("the-token")
COOKIE = {"cookie": f"av1rules={KEYS.session}"}
BEARER = {"authorization": "Bearer the-token"}
POSTED = {"content-type": "application/x-www-form-urlencoded", "origin": "http://localhost:8089"}


async def inside(scope: Scope, receive: Receive, send: Send) -> None:
    """Tells what reached it."""
    request = Request(scope, receive)
    body = await request.body()
    await PlainTextResponse(f"inside {request.method} {len(body)}")(scope, receive, send)


def login_page(_request: Request, reason: str) -> Response:
    return PlainTextResponse(f"sign in {reason}", 401)


def guarded(
    path: str = "/",
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    access: Access | None = None,
    root: str = "",
) -> Answered:
    known = access or Access(keys=KEYS, hosts=frozenset({"localhost"}))
    guard = Guard(inside, access=known, login_page=login_page)
    return call(guard, path, method=method, headers=headers, body=body, root=root)


def form(**fields: str) -> bytes:
    return urlencode(fields).encode()


@pytest.mark.parametrize("headers", [COOKIE, BEARER, {"authorization": "bearer  the-token "}])
def test_who_has_the_token_gets_in(headers: dict[str, str]) -> None:
    assert guarded(headers=headers).text == "inside GET 0"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"cookie": "av1rules=the-token"},  # the token is no session
        {"cookie": f"av1rules={KEYS.form}"},
        {"cookie": f"av1rules_1={KEYS.session}"},
        {"cookie": f"av1rules={KEYS.session}x"},
        {"cookie": f"av1rules={keys_of('old').session}"},
        {"authorization": f"Bearer {KEYS.session}"},
        {"authorization": "Bearer"},
        {"authorization": "Basic dGhlLXRva2VuOg=="},
        {"authorization": "the-token"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/films", "/clips/x/film.mp4", "/events", "/nothing"])
def test_without_it_nothing_is_told(path: str, headers: dict[str, str]) -> None:
    answer = guarded(path, headers=headers)
    assert answer.status == 401
    assert "inside" not in answer.text


@pytest.mark.parametrize(
    "path", ["/static", "/staticx", "//static/page.css", "/./static/x", "/films/static/"]
)
def test_only_what_is_below_static_is_open(path: str) -> None:
    assert guarded(path).status == 401
    assert guarded("/static/page.css").text == "inside GET 0"


def test_a_link_becomes_a_strict_cookie_and_the_token_leaves_the_address() -> None:
    answer = guarded("/films?token=the-token&text=a%26b&page=2")
    assert answer.status == 303
    assert answer.headers["location"] == "/films?text=a%26b&page=2"
    cookie = answer.headers["set-cookie"]
    for part in (f"av1rules={KEYS.session}", "HttpOnly", "SameSite=strict", "Path=/", "Max-Age"):
        assert part in cookie
    assert "Secure" not in cookie
    assert "the-token" not in str(answer)


def test_over_https_the_cookie_is_secure_and_below_a_root_it_stays_there() -> None:
    access = Access(keys=KEYS, hosts=frozenset({"localhost"}), is_https=True, cookie="av1rules_9")
    answer = guarded("/?token=the-token", access=access, root="/av1")
    assert answer.headers["location"] == "/av1/"
    assert "av1rules_9=" in answer.headers["set-cookie"]
    assert "Secure" in answer.headers["set-cookie"]
    assert "Path=/av1/" in answer.headers["set-cookie"]


def test_a_link_that_is_opened_again_goes_on_without_the_token() -> None:
    answer = guarded("/clips?token=anything", headers=COOKIE)
    assert (answer.status, answer.headers["location"]) == (303, "/clips")


def test_the_login_form_takes_the_token_and_no_form_key() -> None:
    answer = guarded("/login", method="POST", headers=POSTED, body=form(token=" the-token "))
    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert "set-cookie" in answer.headers
    wrong = guarded("/login", method="POST", headers=POSTED, body=form(token="no"))
    assert (wrong.status, wrong.text) == (401, "sign in This is not the token.")
    other = {**POSTED, "origin": "http://evil.example"}
    assert guarded("/login", method="POST", headers=other, body=form(token="the-token")).status == (
        403
    )
    large = b"token=" + b"x" * MOST_BODY_BYTES
    assert guarded("/login", method="POST", headers=POSTED, body=large).status == 401


def test_a_token_in_the_address_of_a_post_is_none() -> None:
    answer = guarded("/all/pause?token=the-token", method="POST", headers=POSTED, body=form(a="b"))
    assert answer.status == 401


def test_who_guesses_is_not_heard_for_a_while_but_sessions_are() -> None:
    access = Access(keys=KEYS, hosts=frozenset({"localhost"}))
    for _ in range(WRONG_TOKENS):
        assert guarded("/?token=no", access=access).status == 401
    assert guarded("/?token=the-token", access=access).status == 429
    assert guarded("/", access=access, headers=BEARER).status == 429
    assert guarded("/", access=access, headers=COOKIE).status == 200
    assert guarded("/", access=access).status == 401  # still asks


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:8089", "", "127.1"])
@pytest.mark.parametrize("path", ["/", "/?token=the-token", "/static/page.css"])
def test_names_of_others_lead_nowhere(host: str, path: str) -> None:
    answer = guarded(path, headers={**COOKIE, "host": host})
    assert answer.status == 421
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "X"])
def test_other_methods_are_refused(method: str) -> None:
    assert guarded(method=method, headers=COOKIE).status == 405


def test_a_form_needs_its_key_and_our_origin() -> None:
    good = form(**{FORM_KEY: KEYS.form, "reason": "so"})
    sent = guarded(method="POST", headers={**COOKIE, **POSTED}, body=good)
    assert sent.text == f"inside POST {len(good)}"
    origins = ["http://evil.example", "null", "http://localhost:1", ""]
    bodies = [
        b"", form(reason="so"), form(**{FORM_KEY: ""}), form(**{FORM_KEY: KEYS.session}),
        form(**{FORM_KEY: "the-token"}), b"\xff\xfe", b"{}", b"&".join([b"a=b"] * 500),
    ]  # fmt: skip
    for origin, body in itertools.chain(
        ((one, good) for one in origins), (("http://localhost:8089", one) for one in bodies)
    ):
        headers = {**COOKIE, **POSTED, "origin": origin}
        assert guarded(method="POST", headers=headers, body=body).status == 403
    headers = {**COOKIE, **POSTED, "sec-fetch-site": "cross-site"}
    assert guarded(method="POST", headers=headers, body=good).status == 403


def test_a_program_with_the_token_needs_no_form() -> None:
    assert guarded("/all/pause", method="POST", headers=BEARER).text == "inside POST 0"


def test_large_bodies_are_not_taken() -> None:
    body = form(**{FORM_KEY: KEYS.form, "reason": "x" * MOST_BODY_BYTES})
    assert guarded(method="POST", headers={**COOKIE, **POSTED}, body=body).status == 413


def test_without_a_token_forms_and_names_are_guarded_all_the_same() -> None:
    access = Access(keys=KEYS, hosts=frozenset({"localhost"}), needs_token=False)
    assert guarded(access=access).status == 200
    assert guarded(access=access, headers={"host": "evil.example"}).status == 421
    assert guarded(access=access, method="POST", headers=POSTED).status == 403
    good = form(**{FORM_KEY: KEYS.form})
    assert guarded(access=access, method="POST", headers=POSTED, body=good).status == 200


@pytest.mark.parametrize("path", ["/", "/static/page.css", "/?token=the-token"])
@pytest.mark.parametrize("headers", [{}, COOKIE, {"host": "evil.example"}])
def test_every_answer_is_protected(path: str, headers: dict[str, str]) -> None:
    found = guarded(path, headers=headers).headers
    policy = found["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert found["x-content-type-options"] == "nosniff"
    assert found["referrer-policy"] == "same-origin"
    assert found["cache-control"] == "no-store"


def test_fields_of_a_form() -> None:
    assert form_fields(b"a=1&a=2&b=&c=%C3%A9+x") == {"a": "2", "b": "", "c": "é x"}
    assert form_fields(b"\xff=1") == {}
