"""Programs started without standard streams: exit codes as ever, and no file in their place."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import chain, combinations
from pathlib import Path

import pytest

RULES = """\
version: 1
library: {roots: [films]}
output: {mode: mirror, root: out}
rules:
  - name: everything
    encode: {}
"""

CLOSED = tuple(chain.from_iterable(combinations((0, 1, 2), count) for count in range(4)))

PROBE = """\
import os, sys
from av1rules.base.standard_streams import open_missing
open_missing()
film = open(sys.argv[1], "w+b")
assert film.fileno() > 2
sys.stderr.write("log \\udcff\\n")
sys.stdout.write("out \\udcff\\n")
sys.stderr.flush(), sys.stdout.flush()
os.write(2, b"low\\n")
print(sys.stdin.read(), end="")
import subprocess
child = "import sys; sys.stderr.write('child'); sys.stderr.flush()"
sys.exit(subprocess.run([sys.executable, "-c", child], stdin=0).returncode)
"""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    (tmp_path / "films").mkdir()
    (tmp_path / "rules.yaml").write_text(RULES)
    return tmp_path


def start(argv: list[str], redirections: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """A program by a shell: its own exit code, also at the head of a pipe."""
    line = f'set -o pipefail; "$@" {redirections}'
    return subprocess.run(
        ["bash", "-c", line, "bash", *argv],
        cwd=folder,
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


@pytest.mark.parametrize("closed", CLOSED, ids=str)
def test_no_file_takes_the_number_of_a_stream(closed: tuple[int, ...], tmp_path: Path) -> None:
    film = tmp_path / "film"
    redirections = " ".join(f"{number}>&-" if number else "<&-" for number in closed)
    done = start([sys.executable, "-c", PROBE, str(film)], redirections, tmp_path)
    assert done.returncode == 0, done.stderr
    assert film.read_bytes() == b""
    assert (b"child" in done.stderr) is (2 not in closed)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["plan"], 0),
        (["run"], 0),
        (["no-such-command"], 2),
        (["plan", "no-such-file"], 2),
    ],
)
@pytest.mark.parametrize(
    "redirections",
    ["2>&-", ">&-", "<&- >&- 2>&-", "2>/dev/full", "2> >(true)"],
)
def test_exit_code_is_that_of_the_command(
    arguments: list[str], code: int, redirections: str, library: Path
) -> None:
    done = start([sys.executable, "-m", "av1rules", *arguments], redirections, library)
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "redirections", "code", "says"),
    [
        (["plan"], ">/dev/full", 2, b"could not be written: No space left"),
        (["--help"], ">/dev/full", 2, b"could not be written: No space left"),
        (["plan"], "> >(true)", 0, b""),
        (["--help"], "2>&1 > >(exit)", 0, b""),
    ],
)
def test_output_that_goes_nowhere(
    arguments: list[str], redirections: str, code: int, says: bytes, library: Path
) -> None:
    done = start([sys.executable, "-m", "av1rules", *arguments], redirections, library)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
