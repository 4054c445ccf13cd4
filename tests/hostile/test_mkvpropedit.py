"""Strangers' words reach mkvpropedit as words only: no options, no files of options, no markup. It
is never pointed at a source, and what lies under the names of its input is not written through.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from av1rules.base.hashing import file_digest
from av1rules.encode.matroska import propedit
from av1rules.media.matroska.ebml import Element
from av1rules.media.matroska.facts import atoms
from av1rules.media.matroska.read import MatroskaFile, read_matroska
from tests.hostile import forge
from tests.hostile.conftest import RULES, av1rules
from tests.hostile.forge import element

needs_mkvpropedit = pytest.mark.skipif(
    shutil.which("mkvpropedit") is None, reason="MKVToolNix is not installed"
)

EVIL = "</ChapterString><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/hostname'>]>&e;]]>\"'--help"
WORDS = [EVIL, "@{options}", "--help", "-r", "@", "--", "&amp;&#0;", "\x1b[31m\u202ered"]

LOG = """#!{python}
import os, sys
with open({log!r}, "a") as file:
    file.write("\\0".join(sys.argv[1:]) + "\\n\\n")
os.execv({real!r}, [{real!r}, *sys.argv[1:]])
"""


def _chapters(words: list[str]) -> bytes:
    def atom(number: int, word: str) -> bytes:
        shown = element("85", word.encode()) + element("437c", b"ger")
        facts = element("73c4", number.to_bytes(2)) + element("91", number.to_bytes(4))
        return element("b6", facts + element("80", shown))

    both = b"".join(atom(number, word) for number, word in enumerate(words, start=1))
    return element("1043a770", element("45b9", element("45bc", b"\x07") + both))


def _tags(words: list[str]) -> bytes:
    def simple(name: str, inner: bytes = b"") -> bytes:
        content = element("45a3", name.encode()) + element("4487", name.encode())
        return element("67c8", content + inner)

    nested = b"".join(simple(f"N{word}", simple(word or "x")) for word in words)
    return element("1254c367", element("7373", element("63c0", b"") + nested))


def _film(words: list[str]) -> bytes:
    cover = b"".join(
        element(
            "61a7",
            element("466e", f"{number}.png".encode()) + element("4660", b"image/png")
            + element("467e", word.encode()) + element("46ae", bytes([number]))
            + element("465c", PNG),
        )
        for number, word in enumerate(words, start=1)
    )  # fmt: skip
    return forge.matroska(
        info=element("7384", words[1].encode()),
        more=_chapters(words) + _tags(words) + element("1941a469", cover),
    )


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
"""One picture element."""


def _titles(found: MatroskaFile) -> list[str | None]:
    (edition,) = found.editions
    displays = [atom.first("ChapterDisplay") for atom in atoms(edition)]
    return [display.text("ChapterString") for display in displays if display is not None]


def _names(parents: tuple[Element, ...]) -> set[str]:
    return {
        child.text("Name") or ""
        for parent in parents
        for child in parent.all("Simple")
    }  # fmt: skip


@needs_mkvpropedit
@pytest.mark.real
@pytest.mark.usefixtures("tools")
def test_words_of_strangers_stay_words(workdir: Path) -> None:
    options = workdir / "options"
    options.write_text('["--help"]')
    words = [word.replace("{options}", str(options)) for word in WORDS]
    log, program = workdir / "log", workdir / "logging-mkvpropedit"
    real = shutil.which("mkvpropedit")
    program.write_text(LOG.format(python=sys.executable, log=str(log), real=real))
    program.chmod(0o755)
    rules = RULES.replace("accept: [damage]", "accept: [damage]")
    (workdir / "rules.yaml").write_text(f"{rules}tools: {{mkvpropedit: '{program}'}}\n")
    names = ("@film.mkv", "-film.mkv", "--help.mkv")
    for number, name in enumerate(names):
        padding = element("ec", bytes([number]))  # so that none is a copy
        (workdir / "films" / name).write_bytes(_film(words) + padding)
    digests = {name: file_digest(workdir / "films" / name) for name in names}
    done = av1rules("run", cwd=workdir)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    for name in names:
        assert file_digest(workdir / "films" / name) == digests[name]
        made = read_matroska(str(workdir / "out" / "films" / name))
        assert made is not None
        shown = ["&amp;&#0;" if word == "&amp;&#0;" else word for word in words]
        assert _titles(made) == [word.replace("\x1b", "") for word in shown]
        kept = [one.description for one in made.attachments]
        assert kept == [f" {word}" if word[0] in "@-" else word for word in words]
        assert {f"N{word}".replace("\x1b", "") for word in words} <= _names(made.tags)
    assert sorted(path.name for path in workdir.iterdir()) == [
        ".av1rules", "films", "log", "logging-mkvpropedit", "options", "out", "rules.yaml",
    ]  # fmt: skip
    calls = [call.split("\0") for call in log.read_text().split("\n\n") if call]
    calls = [call for call in calls if "--version" not in call]
    assert calls
    for call in calls:
        assert Path(call[0]).is_absolute()
        assert "/films/" not in call[0].replace("/out/films/", "/")
        assert not any(word.startswith("@") for word in call)


def test_what_lies_under_the_names_of_its_input_is_not_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"letters")
    for name in (propedit.chapters_path(str(tmp_path / "a")), propedit.tags_path("a")):
        path = tmp_path / os.path.basename(name)
        path.symlink_to(victim)
        propedit._write(str(path), "<Chapters/>")
        assert path.read_text() == "<Chapters/>"
        assert not path.is_symlink()
        assert path.stat().st_mode & 0o077 == 0
    assert victim.read_bytes() == b"letters"


def test_its_limits_are_set() -> None:
    assert propedit.LIMITS.timeout_s is not None
    assert propedit.LIMITS.memory_bytes is not None
