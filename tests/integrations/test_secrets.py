"""Secrets come from the environment, or from files that nobody else can read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from av1rules.integrations.secrets import SecretError, parts_of_address, read_secret, secret_forms
from av1rules.policy.neighbours.spec import Secret


def file(tmp_path: Path, text: str = "k3y\n", mode: int = 0o600) -> Secret:
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(mode)
    return Secret(file=path)


def test_from_the_environment_and_from_a_file(tmp_path: Path) -> None:
    assert read_secret(Secret(env="K"), {"K": " abc\n"}) == "abc"
    assert read_secret(file(tmp_path)) == "k3y"
    assert read_secret(file(tmp_path, mode=0o400)) == "k3y"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(SecretError, match="other users may read this secret") as caught:
        read_secret(file(tmp_path, mode=mode))
    assert "chmod 600" in (caught.value.hint or "")
    assert "k3y" not in str(caught.value)


def test_a_variable_that_is_not_set() -> None:
    with pytest.raises(SecretError, match="the environment variable K is not set"):
        read_secret(Secret(env="K"), {})


@pytest.mark.parametrize("text", ["", "\n", "a\nb", "a\x00b", "x" * 9000])
def test_what_can_be_no_key(tmp_path: Path, text: str) -> None:
    with pytest.raises(SecretError):
        read_secret(file(tmp_path, text))


def test_pipes_folders_and_missing_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("pipe", "missing", "."):
        with pytest.raises(SecretError):
            read_secret(Secret(file=tmp_path / name))


def test_a_link_to_a_secret_is_fine(tmp_path: Path) -> None:
    file(tmp_path)
    (tmp_path / "link").symlink_to("key")
    assert read_secret(Secret(file=tmp_path / "link")) == "k3y"


@pytest.mark.parametrize(
    "url",
    [
        "https://discord.example/api/webhooks/123456/t0k-en.of%2Fhook",
        "https://hooks.example/?key=t0k-en.of%2Fhook",
        "https://user:t0k-en.of%2Fhook@hooks.example/api",
        "tgram://t0k-en.of%2Fhook/42",
    ],
)
def test_what_of_an_address_may_be_secret(url: str) -> None:
    forms = {form for one in parts_of_address(url) for form in secret_forms(one)}
    assert {"t0k-en.of/hook", "t0k-en.of%2Fhook", "t0k-en.of\\/hook", url} <= forms
    assert not {"api", "", "42"} & forms
