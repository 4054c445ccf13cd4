"""Rules files that try to exhaust memory or run code are refused quickly, with a clear message."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest

from av1rules.media.discover import Candidate, walk
from av1rules.policy.globs import glob_problem, path_matcher
from av1rules.policy.load import check_rules
from av1rules.policy.problems import MAX_PROBLEMS
from tests.hostile.conftest import av1rules

LETTERS = "abcdefghij"
BILLION_LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in itertools.pairwise(LETTERS)
)
HEAD = "version: 1\nlibrary: {roots: [films]}\noutput: {root: out}\n"

BOMBS = {
    "laughs": (BILLION_LAUGHS, "aliases repeat more than 10000 values"),
    "alias of itself": ("a: &a [*a]\n", "a"),
    "merge key": (HEAD + "rules:\n  - &x {name: a, skip: y}\n  - <<: *x\n", "merge"),
    "flow lists": ("[" * 200_000, "nested deeper than 50 levels"),
    "flow maps": ("{a: " * 80_000, "nested deeper than 50 levels"),
    "block maps": ("".join(" " * n + "a:\n" for n in range(780)), "nested deeper than 50 levels"),
    "block lists": ("- " * 100_000 + "x", "nested deeper than 50 levels"),
    "conditions": (
        HEAD + "rules:\n  - name: x\n    skip: y\n    when: " + "{not: " * 60 + "{}" + "}" * 60,
        "nested deeper than 50 levels",
    ),
    "long text": ("version: '" + "x" * 320_000 + "'", "expected 1"),
    "long number": ("version: " + "9" * 320_000, "expected 1"),
    "long key": ("x" * 100_000 + ": 1", ""),
    "code": (HEAD + "rules: !!python/object/apply:os.system ['touch ran']\n", "tags such as"),
    "duplicate key": ("version: 1\nversion: 1\n", "version"),
    "zero byte": ("a: \0b\n", "the character U+0000 is not allowed here"),
    "tabs": ("\t\n" * 100_000, "a tab starts the line"),
    "escapes": ('"\\e[31m\\x9b\\u202e": 1\n', "unknown key"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bomb_is_refused_soon(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text, words = BOMBS[name]
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    started = time.process_time()  # other programs may keep the cores busy
    ruleset, problems = check_rules(path)
    assert time.process_time() - started < 10
    assert ruleset is None
    output = [problem.message for problem in problems]
    assert any(words in message for message in output), output
    assert "\x1b" not in repr(problems)
    assert [entry.name for entry in tmp_path.iterdir()] == ["rules.yaml"]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"version: \xff\xfe1\n", "the file is not UTF-8: byte 0xff"),
        ("version: 1".encode("utf-16"), "the file is not UTF-8: byte 0xff"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (bytes(1000), "the character U+0000 is not allowed here"),
    ],
)
def test_bytes_that_are_no_text_are_told(raw: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_bytes(raw)
    assert check_rules(path)[1][0].message == words


LITTLE_MEMORY = ("sh", "-c", 'ulimit -v 700000; exec "$@"', "sh")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/proc/self/mem"])
def test_device_in_place_of_a_rules_file_is_not_read(device: str, tmp_path: Path) -> None:
    done = av1rules("validate", "-f", device, cwd=tmp_path, before=LITTLE_MEMORY)
    assert done.returncode == 2, done.stderr.decode()
    assert b"can't read the rules file" in done.stderr


def test_file_of_100_gigabytes_is_not_read_whole(tmp_path: Path) -> None:
    with open(tmp_path / "rules.yaml", "wb") as file:
        file.write(HEAD.encode())
        file.truncate(100 * 1024**3)
    done = av1rules("validate", cwd=tmp_path, before=LITTLE_MEMORY)
    assert done.returncode == 2, done.stderr.decode()
    assert b"the file is larger than 320 KiB" in done.stdout + done.stderr


SLOW = (
    "**/" * 200 + "*b", "*a" * 60 + "*b", "**/" + "*a" * 60 + "*b", "**" * 2000,
    "**/a*/" * 40 + "b",
    "+(+(a|aa)|+(a|aaa))b", "**/{*a,*aa}*{a,aa}*b", "{a," * 500 + "b" + "}" * 500, "(a+)+$",
    "[!" + "a-z" * 3000 + "]*", "?" * 100_000, "*[a]" * 100 + "b",
)  # fmt: skip
HOSTILE_PATH = "/".join(["a" * 200] * 12 + ["a" * 250])


@pytest.mark.parametrize("pattern", SLOW, ids=lambda pattern: pattern[:12])
def test_no_glob_takes_long_on_any_name(pattern: str) -> None:
    started = time.process_time()  # other programs may keep the cores busy
    if glob_problem(pattern) is None:
        assert not path_matcher((pattern,))((HOSTILE_PATH, f"films/{HOSTILE_PATH}"))
    assert time.process_time() - started < 5


@pytest.mark.parametrize("pattern", ["{a,b}" * 20, "{1..999999999}", "{a{b{c,d},{e,f}},g}" * 12])
def test_glob_that_stands_for_too_many_is_refused(pattern: str) -> None:
    problem = glob_problem(pattern)
    assert problem is not None
    assert problem[0] == "the braces expand to more than 256 patterns"


@pytest.mark.parametrize("pattern", SLOW[:7], ids=lambda pattern: pattern[:12])
def test_walk_is_not_held_up_by_a_glob(pattern: str, tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["a" * 200] * 3)
    folder.mkdir(parents=True)
    (folder / f"{'a' * 200}.mkv").touch()
    started = time.process_time()  # other programs may keep the cores busy
    found = list(
        walk([("films", str(tmp_path))], include=[pattern], exclude=["**/b", pattern], min_size=0,
             settle_s=0, now_s=time.time())
    )  # fmt: skip
    assert [type(one) for one in found] == [Candidate]
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"k{number}: x\n" for number in range(20_000)),
        "k: x\n" * 20_000,
        "version: 1\nlibrary: {roots: [/films]}\nrules:\n" + "  - {name: a, skip: x}\n" * 5_000,
    ],
    ids=["unknown", "repeated", "rules"],
)
def test_file_of_many_faults_tells_the_first_and_that_there_are_more(
    text: str, tmp_path: Path
) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    ruleset, problems = check_rules(path)
    assert ruleset is None
    assert len(problems) == MAX_PROBLEMS + 1
    assert problems[-1].message == "more than 200 problems: the others are not shown"
