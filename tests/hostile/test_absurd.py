"""Absurd sizes and values: each film has a clear outcome, in bounded time and memory."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.hostile import absurd, forge
from tests.hostile.conftest import RULES, MeasuredRun, run_measured

pytestmark = pytest.mark.real

MEMORY = 1536 * 1024**2
TOO_MANY_STREAMS = "can't be read as video: it has more streams than FFmpeg takes (1000)"
UNDECODABLE = (
    "the pictures do not decode: encrypted, damaged, or of a codec that this FFmpeg does not know; "
    "get the file again, or leave it out by a rule with `skip`"
)

UNUSUAL_BUT_VALID = (
    "good.mkv", "aspect-zero.mkv", "aspect-odd.mkv", "duration-nan.mkv", "duration-negative.mkv",
    "duration-infinite.mkv", "duration-1e300.mkv", "scale-zero.mkv", "rate-none.mkv",
    "rate-zero.mkv", "rate-1ns.mkv", "time-negative.mkv", "one-picture.mkv", "cut-half.mkv",
    "deep-tags.mkv", "deep-chapters.mkv", "element-unknown-size.mkv", "title-wide.mkv",
)  # fmt: skip
"""The errors in these can be corrected or left out: they are encoded and verified."""

OUTCOMES = {
    **dict.fromkeys(UNUSUAL_BUT_VALID, ("encode", "new")),
    "title-10mb.mkv": ("encode", "new"),
    "tags-10mb.mkv": ("encode", "new"),
    "streams-900.mkv": ("encode", "new"),
    "streams-10000.mkv": ("blocked", TOO_MANY_STREAMS),
    "streams-10000.mp4": ("blocked", TOO_MANY_STREAMS),
    "empty.mkv": ("blocked", "can't be read as video: the file is empty"),
    "pictures-65535.mkv": ("held", UNDECODABLE),
    "pictures-2-31.mkv": ("held", UNDECODABLE),
    "duration-2-64.mp4": ("held", UNDECODABLE),
    "bomb.mkv": ("held", UNDECODABLE),
}


def rows_of(done: MeasuredRun) -> dict[str, dict[str, Any]]:
    assert done.returncode == 0, done.stderr.decode()
    return {os.path.basename(row["path"]): row for row in json.loads(done.stdout)["rows"]}


def test_every_absurd_film_has_an_outcome(workdir: Path) -> None:
    absurd.write_films(workdir / "films")
    done = run_measured("plan", "--json", cwd=workdir)
    rows = rows_of(done)
    assert rows.keys() == absurd.FILMS.keys()
    assert all(row["causes"] and len(str(row["causes"])) < 500 for row in rows.values())
    output = {name: (row["action"], row["causes"][0]) for name, row in rows.items()}
    assert {name: output[name] for name in OUTCOMES} == OUTCOMES
    assert done.memory_bytes < MEMORY
    assert done.elapsed_s < 60


def test_holes_of_50_gigabytes_are_given_up_soon(workdir: Path) -> None:
    (workdir / "rules.yaml").write_text(RULES.replace("probe_timeout: 20s", "probe_timeout: 2s"))
    (workdir / "films" / "good.mkv").write_bytes(forge.matroska())
    try:
        absurd.write_sparse_files(workdir / "films")
    except OSError as problem:
        pytest.skip(f"no sparse files here: {problem.strerror}")
    done = run_measured("plan", "--json", cwd=workdir)
    rows = rows_of(done)
    assert {name for name, row in rows.items() if row["action"] == "blocked"} == set(absurd.SPARSE)
    assert rows["good.mkv"]["action"] == "encode"
    assert done.memory_bytes < MEMORY
    assert done.elapsed_s < 40


def test_odd_films_are_encoded_and_the_run_goes_on(workdir: Path) -> None:
    for name in ("good.mkv", "duration-nan.mkv", "duration-negative.mkv", "rate-zero.mkv",
                 "time-negative.mkv", "title-wide.mkv", "rate-584-years.mkv", "cut-1.mkv",
                 "pictures-1x1.mkv"):  # fmt: skip
        (workdir / "films" / name).write_bytes(absurd.FILMS[name]())
    wide = forge.element("536e", "\U0001f4a9".encode() * 50_000)
    tracks = forge.track(
        1, 1, b"V_UNCOMPRESSED", forge.video(64, 64, forge.I420) + forge.STEP + wide
    )
    (workdir / "films" / "wide.mkv").write_bytes(forge.matroska(tracks=tracks))
    rules = RULES.replace("accept:", "container: mp4, accept:")
    (workdir / "rules.yaml").write_text(rules)
    done = run_measured("run", "-j", "2", cwd=workdir)
    assert done.returncode == 1
    assert b"bug in av1rules" not in done.stderr
    made = {path.stem for path in (workdir / "out").rglob("*.mp4")}
    assert made == {"good", "duration-nan", "duration-negative", "rate-zero", "time-negative",
                    "title-wide", "wide"}, done.stderr.decode()  # fmt: skip
    assert done.memory_bytes < MEMORY


def test_bombs_of_gigabytes_are_encoded_or_held(workdir: Path) -> None:
    """A cover of 60,000 x 60,000, headers and frames of a gigabyte by zlib: what can be left packed
    is, and the limit on memory holds for all programs together."""
    absurd.write_bombs(workdir / "films")
    done = run_measured("plan", "--json", cwd=workdir)
    actions = {name: row["action"] for name, row in rows_of(done).items()}
    assert actions["frames.mkv"] == actions["pictures-60000.mkv"] == "held"
    assert actions["cover.mkv"] == actions["private.mkv"] == "encode"
    assert done.elapsed_s < 60
    run = run_measured("run", cwd=workdir)
    assert b"bug in av1rules" not in run.stderr
    made = {path.name for path in (workdir / "out").rglob("*.mkv")}
    assert {"cover.mkv", "private.mkv"} <= made
    cover = (workdir / "out" / "films" / "cover.mkv").read_bytes()
    assert b"IHDR" in cover
    for one in (done, run):
        assert one.memory_bytes < MEMORY
