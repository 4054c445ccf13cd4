"""Tokens, hosts, origins: by table, since each entry is a way in."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from av1rules.base.errors import UsageError
from av1rules.ui.web.access import (
    TOKEN_FILE,
    WRONG_TOKENS,
    WRONG_TOKENS_S,
    WrongTokens,
    find_token,
    is_from_our_page,
    is_host_known,
    is_same,
    keys_of,
)

NAMES = frozenset({"localhost", "shelf", "tv.example.org"})


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "localhost:8089", "LOCALHOST:1", "127.0.0.1:8089", "[::1]:8089", "192.0.2.7",
        "shelf:8089", "tv.example.org", "tv.example.org.:443", "av1.localhost:8089",
    ],
)  # fmt: skip
def test_own_names_and_addresses_are_known(host: str) -> None:
    assert is_host_known(host, NAMES)


@pytest.mark.parametrize(
    "host",
    [
        None, "", "evil.example", "evil.example:8089", "localhost.evil.example", "xlocalhost",
        "127.0.0.1.evil.example", "127.1", "2130706433", "0x7f.1", "localhost/", "localhost@evil",
        "evil#localhost", "localhost localhost", "[::1", "[evil]", "shelf:port", "shelf:123456",
        "localhost,evil.example", "\x00localhost",
    ],
)  # fmt: skip
def test_other_names_are_refused(host: str | None) -> None:
    assert not is_host_known(host, NAMES)


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({}, True),  # a program
        ({"origin": "http://localhost:8089"}, True),
        ({"origin": "https://localhost:8089"}, True),  # a proxy ends TLS
        ({"origin": "http://LOCALHOST:8089", "sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://localhost:8089"}, False),
        ({"origin": "http://localhost:9999"}, False),
        ({"origin": "http://localhost"}, False),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "http://evil.example/localhost:8089"}, False),
        ({"origin": "http://localhost:8089.evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"origin": "http://[bad"}, False),
    ],
)
def test_only_our_pages_post(headers: dict[str, str], is_ours: bool) -> None:
    assert is_from_our_page({"host": "localhost:8089", **headers}) is is_ours


def test_a_token_is_made_once_and_only_its_user_can_read_it(tmp_path: Path) -> None:
    state = tmp_path / "new" / ".av1rules"
    token = find_token(state)
    assert len(token) >= 43
    assert stat.S_IMODE((state / TOKEN_FILE).stat().st_mode) == 0o600
    assert find_token(state) == token
    assert (state / ".gitignore").exists()
    other = find_token(state, is_new=True)
    assert other != token
    assert find_token(state) == other
    assert sorted(os.listdir(state)) == [".gitignore", TOKEN_FILE]


def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    find_token(tmp_path)
    (tmp_path / TOKEN_FILE).chmod(0o640)
    with pytest.raises(UsageError, match="other users can read") as caught:
        find_token(tmp_path)
    assert "--new-token" in str(caught.value)
    find_token(tmp_path, is_new=True)
    assert find_token(tmp_path)


@pytest.mark.parametrize("text", ["", "short", "x" * 30, "../../etc/passwd " * 9])
def test_what_is_no_token_is_replaced(text: str, tmp_path: Path) -> None:
    path = tmp_path / TOKEN_FILE
    path.write_text(text)
    path.chmod(0o600)
    assert find_token(tmp_path) != text


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("t" * 50)
    elsewhere.chmod(0o600)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / TOKEN_FILE).symlink_to(elsewhere)
    with pytest.raises(UsageError):
        find_token(tmp_path / "state")


def test_keys_differ_and_follow_the_token() -> None:
    one, again, other = keys_of("a"), keys_of("a"), keys_of("b")
    assert one == again
    assert len({one.token, one.session, one.form, other.session, other.form}) == 5
    assert is_same(one.session, again.session)
    for given in (None, "", "x", one.session[:-1], "é\ud800"):
        assert not is_same(given, one.session)


def test_wrong_tokens_block_an_address_for_a_while() -> None:
    now = [0.0]
    wrong = WrongTokens(lambda: now[0])
    for _ in range(WRONG_TOKENS):
        assert not wrong.is_blocked("a")
        wrong.add("a")
    assert wrong.is_blocked("a")
    assert not wrong.is_blocked("b")
    now[0] = WRONG_TOKENS_S
    assert not wrong.is_blocked("a")
    wrong.add("a")
    assert not wrong.is_blocked("a")


def test_addresses_are_not_remembered_without_end() -> None:
    wrong = WrongTokens(lambda: 0.0)
    for number in range(5000):
        for _ in range(WRONG_TOKENS):
            wrong.add(f"{number}")
    assert wrong.is_blocked("4999")
    assert not wrong.is_blocked("0")
