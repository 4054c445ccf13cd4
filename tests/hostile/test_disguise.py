"""No playlist, manifest, script or reference disguised as a film makes a program open more."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from av1rules.base.errors import Av1rulesError
from av1rules.base.process import Children
from av1rules.encode.argv import input_options
from av1rules.encode.measure import audio_starts, first_frame_times, shown_packets
from av1rules.ffmpeg.tools import Tools
from av1rules.media.probe.ffprobe_argv import facts_argv
from av1rules.media.source import Source
from tests.hostile.attacks import ATTACKS
from tests.hostile.conftest import RULES, av1rules
from tests.hostile.traps import CALLS, Program, Trap, read_trace, strace

pytestmark = pytest.mark.real

DEMUXERS = {"mkv": "matroska,webm", "mp4": "mov,mp4,m4a,3gp,3g2,mj2", "avi": "avi", "ts": "mpegts"}
PLAYABLE = {"linked.mkv", "chapters-elsewhere.mkv", "picture-attached.mkv"}
"""Attacks that are also valid films: their references are left out, the rest is encoded."""


def run_program(*argv: str, timeout_s: float = 60) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        argv, capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=timeout_s
    )


def write_attacks(trap: Trap, folder: Path) -> Iterator[tuple[str, Path]]:
    """Write each attack as a film, plain and with a zero byte, so that it is not text."""
    for name, build in ATTACKS.items():
        data = build(trap)
        for prefix in ("", "z-"):
            path = folder / f"{prefix}{name}"
            path.write_bytes(data + b"\n#\0" if prefix else data)
            yield path.name, path


def test_traps_spring_without_our_limits(tools: Tools, trap: Trap, workdir: Path) -> None:
    """The control: without limits FFmpeg follows these, and the trap detects it."""
    film = workdir / "films" / "film.mkv"
    web = ("-protocol_whitelist", "file,http,tcp")
    cases = [
        ("hls-path.ts", ("-f", "hls", "-extension_picky", "0"), "secret.ts"),
        ("hls-http.mp4", ("-f", "hls", *web), "socket"),
        ("concat-beside.mkv", ("-protocol_whitelist", "file"), "bait.ts"),
        ("data-alias-beside.mov", ("-enable_drefs", "1", "-use_absolute_path", "1"), "bait.ts"),
    ]
    for attack, options, touched in cases:
        film.write_bytes(ATTACKS[attack](trap))
        with contextlib.suppress(subprocess.TimeoutExpired):  # the socket never answers
            run_program(tools.ffprobe, *options, str(film), timeout_s=1.5)
        assert touched in trap.accessed(), attack


def test_probe_follows_nothing(tools: Tools, trap: Trap, workdir: Path) -> None:
    for name, path in write_attacks(trap, workdir / "films"):
        for with_pictures in (False, True):
            run_program(*facts_argv(tools.ffprobe, str(path), with_pictures=with_pictures))
        assert trap.accessed() == [], name


def test_encoder_follows_nothing_even_if_the_file_was_swapped(
    tools: Tools, trap: Trap, workdir: Path
) -> None:
    for name, path in write_attacks(trap, workdir / "films"):
        container = DEMUXERS.get(path.suffix[1:], DEMUXERS["mp4"])
        source = Source(container=container, size_bytes=1)
        run_program(tools.ffmpeg, *input_options(str(path), source), "-map", "0", "-c", "copy",
            "-f", "null", "-")  # fmt: skip
        assert trap.accessed() == [], name


def test_measuring_follows_nothing_even_if_the_file_was_swapped(
    tools: Tools, trap: Trap, workdir: Path
) -> None:
    children = Children()
    for attack in ("concat-beside.mkv", "hls-path.ts", "dash-beside.webm", "session.mkv"):
        path = str(workdir / "films" / attack)
        Path(path).write_bytes(ATTACKS[attack](trap))
        first_frame_times(path, 0, tools=tools, children=children)
        audio_starts(path, tools=tools, children=children)
        with pytest.raises(Av1rulesError):
            shown_packets(path, 0, tools=tools, children=children)
        assert trap.accessed() == [], attack


def test_plan_and_run_touch_nothing_but_the_films(trap: Trap, workdir: Path) -> None:
    names = [name for name, _ in write_attacks(trap, workdir / "films")]
    # Linked segments are encoded with MKVToolNix or without it.
    rules = RULES.replace("accept: [damage]", "accept: [damage, matroska-structure]")
    (workdir / "rules.yaml").write_text(rules)
    plan = av1rules("plan", "--json", cwd=workdir)
    assert plan.stdout, plan.stderr.decode()
    rows = {os.path.basename(row["path"]): row for row in json.loads(plan.stdout)["rows"]}
    assert rows.keys() - {"bait.ts"} == set(names)
    to_do = {name for name, row in rows.items() if row["action"] == "encode"}
    assert {name for name in to_do if not name.startswith("z-")} == PLAYABLE
    assert all(row["causes"] for row in rows.values())
    done = av1rules("run", cwd=workdir)
    made = [path.stem for path in (workdir / "out").rglob("*.mkv")]
    assert {f"{name}.mkv" for name in made} >= PLAYABLE, done.stderr.decode()
    assert trap.accessed() == []
    assert not list(workdir.rglob("cover.svg"))


def test_system_calls_of_every_program_are_known(trap: Trap, workdir: Path) -> None:
    for _ in write_attacks(trap, workdir / "films"):
        pass
    log = workdir / "trace"
    before = (
        strace(),
        "-f",
        "--seccomp-bpf",
        "-s",
        "4096",
        "-e",
        "abbrev=none",
        "-e",
        f"trace={CALLS}",
    )
    av1rules("run", cwd=workdir, before=(*before, "-o", str(log)))
    programs = [one for one in read_trace(log.read_text(errors="replace")) if _is_tool(one)]
    assert sum(one.name.startswith("ffprobe") for one in programs) > len(ATTACKS) / 2
    assert any("libsvtav1" in one.command for one in programs)
    for program in programs:
        assert program.sockets == [], program.command
        assert program.unexpected_files() == [], program.command


def _is_tool(program: Program) -> bool:
    return program.name.startswith(("ffmpeg", "ffprobe"))
