"""Untrusted names, titles and tags stay plain text for shells, FFmpeg and terminals."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest

from tests.hostile import forge
from tests.hostile.conftest import RULES, av1rules

pytestmark = pytest.mark.real

NAMES = [
    b"-i.mkv", b"--.mkv", b"-f lavfi -i color.mkv", b"http:evil.mkv", b"concat:a|b.mkv",
    b"pipe:0.mkv", b"data:x,y.mkv", b"subfile,,start,0,end,9,,:a.mkv", b"file:x.mkv",
    b"film%03d.mkv", b"film*.mkv", b"film[1].mkv", b"{a,b}.mkv", b"film|touch x.mkv",
    b"$(touch x).mkv", b"`touch x`.mkv", b"'; touch x; '.mkv", b'say "x".mkv', b"new\nline.mkv",
    b" lead.mkv", b"trail .mkv", b"bytes\xff\xfe.mkv", b"\x1b]0;owned\x07\x1b[2J.mkv",
    b"bidi\xe2\x80\xaevkm.mkv", b"c1\xc2\x9b31m.mkv", b"tab\tcr\r.mkv", b"back\\slash\\.mkv",
    b"~.mkv", b"=1+1.mkv", b"@file.mkv", b"del\x7f.mkv", b"a.mkv.mkv", b"<b>&amp;.mkv",
    b"x" * 251 + b".mkv", "\u00e9.mkv".encode(), "e\u0301.mkv".encode(), b"FILM.mkv", b"film.mkv",
    b"-folder/-i.mkv", b"folder.mkv/film.mkv", b"%d/%d.mkv", b"\x1b[1m/\xff\n.mkv",
]  # fmt: skip

HARDEST_NAMES = [
    b"\x1b]0;owned\x07\x1b[2J.mkv", b"bytes\xff\xfe.mkv", b"bidi\xe2\x80\xaevkm.mkv",
    b"c1\xc2\x9b31m.mkv", b"-i.mkv", b"concat:a|b.mkv", b"pipe:0.mkv", b"film%03d.mkv",
    b"$(touch x).mkv", b"'; touch x; '.mkv", b"new\nline.mkv", b" lead.mkv", b"tab\tcr\r.mkv",
    b"back\\slash\\.mkv", b"x" * 251 + b".mkv", b"-folder/-i.mkv", b"\x1b[1m/\xff\n.mkv",
]  # fmt: skip
"""These are also encoded, and the first ones also explained."""

EVIL = "\x1b]0;owned\x07\x1b[31m\u009b2J\u202eevil\u2066\u200f\r\n<script>alert(1)</script>&\"'"


def _void(number: int) -> bytes:
    """A Void element, so that no two films are equal."""
    return forge.element("ec", number.to_bytes(2))


TRUNCATED_BLOCK = b"\x81\x01\x90\x80" + b"short"


def film_with_hostile_text(cluster: bytes) -> bytes:
    """A film with hostile text in every field."""
    words = EVIL.encode()
    name = forge.element("536e", words) + forge.element("22b59c", words)
    atom = forge.element("73c4", b"\1") + forge.element("91", b"\0") + forge.element("92", b"\x0f")
    display = forge.element("80", forge.element("85", words) + forge.element("437c", words))
    chapters = forge.element("1043a770", forge.element("45b9", forge.element("b6", atom + display)))
    codec = forge.video(64, 64, forge.I420) + forge.STEP + name
    subtitle = forge.track(2, forge.SUBTITLE, b"S_TEXT/UTF8", name)
    return forge.matroska(
        info=forge.element("7ba9", words) + forge.element("5741", words),
        tracks=forge.track(1, 1, b"V_UNCOMPRESSED", codec) + subtitle,
        more=chapters + forge.tag(b"COMMENT", words) + forge.tag(words, words)
        + forge.attachment(words, words, b"x"),
        cluster=cluster,
    )  # fmt: skip


def control_characters(out: bytes) -> set[str]:
    """Control characters and those that reorder text; `out` must be UTF-8."""
    return {
        character
        for character in out.decode("utf-8")
        if character != "\n" and unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Cs")
    }


def test_any_name_is_just_a_name(workdir: Path) -> None:
    for number, name in enumerate(NAMES):
        path = os.path.join(os.fsencode(workdir / "films"), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(forge.matroska(cluster=forge.frames(2), more=_void(number)))
    for arguments in (("plan",), ("plan", "--json"), ("plan", "--csv")):
        done = av1rules(*arguments, cwd=workdir)
        assert done.returncode == 0, done.stderr.decode()
        assert control_characters(done.stdout + done.stderr) == set(), arguments
    for name in HARDEST_NAMES[:4]:
        output = av1rules("explain", os.path.join(b"films", name), cwd=workdir)
        assert output.returncode == 0, output.stderr.decode()
        assert control_characters(output.stdout + output.stderr) == set(), name
    paths = [os.path.join(b"films", name) for name in HARDEST_NAMES]
    done = av1rules("run", "-j", "2", "--", *paths, cwd=workdir)
    assert control_characters(done.stdout + done.stderr) == set()
    assert done.returncode == 0, done.stderr.decode()
    made = os.fsencode(workdir / "out" / "films")
    missing = [name for name in HARDEST_NAMES if not os.path.isfile(os.path.join(made, name))]
    assert missing == []
    assert sorted(os.listdir(workdir)) == [".av1rules", "films", "out", "rules.yaml"]
    for name in HARDEST_NAMES[:2]:
        output = av1rules("receipt", os.path.join(b"out/films", name), cwd=workdir)
        assert output.returncode == 0, output.stderr.decode()
        assert control_characters(output.stdout + output.stderr) == set()


def test_no_word_in_a_film_reaches_the_terminal_as_it_is(workdir: Path) -> None:
    truncated = forge.element(
        "1f43b675", forge.element("e7", b"\0") + forge.element("a3", TRUNCATED_BLOCK)
    )
    (workdir / "films" / "evil.mkv").write_bytes(film_with_hostile_text(forge.frames(3)))
    (workdir / "films" / f"fails{EVIL[:9]}.mkv").write_bytes(
        film_with_hostile_text(forge.frames(9) + truncated)
    )
    (workdir / "rules.yaml").write_text(RULES.replace(", accept: [damage]", ""))
    commands = (
        ("validate",), ("plan", "--all"), ("plan", "--csv"), ("plan", "--json"),
        ("explain", "films/evil.mkv"), ("run",),
        ("receipt", "out/films/evil.mkv"), ("receipt", "--json", "out/films/evil.mkv"),
        ("run", "--force", "--json"), ("status",),
    )  # fmt: skip
    outputs, failures = {}, b""
    for command in commands:
        done = av1rules(*command, cwd=workdir)
        expected = {("run",): 1, ("run", "--force", "--json"): 4}.get(command, 0)
        assert done.returncode == expected, (command, done.stderr.decode())
        assert control_characters(done.stdout + done.stderr) == set(), command
        failures += done.stderr if command == ("run",) else b""
        outputs[command] = done.stdout.decode()
    assert "alert(1)" in outputs["explain", "films/evil.mkv"]
    assert b"the source is damaged" in failures
    json.loads(outputs["receipt", "--json", "out/films/evil.mkv"])
