"""The recipe of the container is sound, and says what exists."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.claims.grammar import require_command
from tests.container.recipe import ENTRYPOINT, RECIPE, ROOT, faults, stages

TEXT = RECIPE.read_text(encoding="utf-8")
LAST = stages(TEXT)[-1]


def test_it_has_no_faults() -> None:
    assert faults(TEXT) == []


@pytest.mark.parametrize(
    ("was", "becomes", "fault"),
    [
        ("FROM debian:bookworm-slim\n", "FROM debian\n", "another one tomorrow"),
        ("--no-install-recommends ", "", "no --no-install-recommends"),
        (" \\\n    && rm -rf /var/lib/apt/lists/*", "", "no rm -rf"),
        ("--no-cache-dir ", "", "keeps a cache"),
        ("COPY schema schema", "COPY . .", "secrets"),
        ("COPY schema schema", "COPY schemas schema", "no schemas"),
        ('CMD ["watch"]', "CMD watch", "starts a shell"),
        ("STOPSIGNAL SIGTERM\n", "", "expected one STOPSIGNAL"),
        ("WORKDIR /src", "ADD x /src", "unknown: ADD"),
    ],
)
def test_faults_are_found(was: str, becomes: str, fault: str) -> None:
    assert was in TEXT
    assert any(fault in one for one in faults(TEXT.replace(was, becomes)))


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="no hadolint")
def test_hadolint_agrees() -> None:
    # DL3008: Debian's packages of one release are fixed as far as they should be.
    argv = ["hadolint", "--ignore", "DL3008", str(RECIPE)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_what_it_starts_exists() -> None:
    (command,) = LAST.each("CMD")
    (health,) = LAST.each("HEALTHCHECK")
    program, *words = health.words[health.words.index("CMD") + 1 :]
    assert program == "[/usr/local/bin/av1rules-entrypoint,"
    checked = [word.strip("[],") for word in words]
    assert require_command(("av1rules", *checked))
    assert require_command(("av1rules", *command.words))


def test_the_extras_that_it_installs_exist() -> None:
    (extras,) = re.findall(r'"\.\[(.*)\]"', TEXT)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extra in extras.split(","):
        assert re.search(rf"^{extra} = \[", project, re.MULTILINE), extra


def test_the_wheel_is_built_from_what_is_copied() -> None:
    copied = " ".join(one.value for one in stages(TEXT)[0].each("COPY"))
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for path in ("README.md", "LICENSE", "schema/rules.schema.json", "docs/man"):
        assert path in project
        assert path.partition("/")[0] in copied


def start(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(ENTRYPOINT), *words],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], **env},
    )


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"PUID": "0"}, "who owns the films"),
        ({"PUID": "me"}, "are numbers"),
        ({"PGID": "1;id"}, "are numbers"),
        ({"UMASK": "-1"}, "are numbers"),
    ],
)
def test_nobody_becomes_root(env: dict[str, str], said: str) -> None:
    done = start("--version", **env)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_the_entrypoint_is_plain_sh(tmp_path: Path) -> None:
    assert os.access(ENTRYPOINT, os.X_OK)
    for shell in ("sh", "dash", "busybox"):
        if path := shutil.which(shell):
            argv = [path, *(["sh"] if shell == "busybox" else []), "-n", str(ENTRYPOINT)]
            subprocess.run(argv, check=True)
    if path := shutil.which("shellcheck"):
        subprocess.run([path, str(ENTRYPOINT)], check=True)
