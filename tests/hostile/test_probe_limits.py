"""An ffprobe that hangs, floods, lies or dies is stopped; temporary failures are not cached."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from av1rules.base import process
from av1rules.base.errors import ProbeError
from av1rules.ffmpeg.tools import Tools
from av1rules.media.cache import LibraryCache, ProbeFailure
from av1rules.media.probe import ffprobe as probe
from av1rules.media.probe.ffprobe import probe_file
from av1rules.media.probe.many import probe_many
from av1rules.media.source import LibraryFile, Source
from tests.conftest import library_file

GOOD = (
    '{"format":{"format_name":"avi","duration":"2"},"streams":[{"index":0,"codec_type":"video",'
    '"codec_name":"mpeg4","pix_fmt":"yuv420p","width":64,"height":64,"field_order":"progressive"}]}'
)

ASKS_ON = GOOD.replace("mpeg4", "h264").replace("progressive", "tt")
"""Interlaced H.264: a second query asks for its frames."""


@pytest.fixture
def film(tmp_path: Path) -> LibraryFile:
    path = tmp_path / "film.mkv"
    path.write_bytes(bytes(100))
    return library_file(path)


def ffprobe(folder: Path, script: str) -> Tools:
    """A shell script instead of ffprobe."""
    path = folder / "ffprobe"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return Tools(
        ffmpeg="ffmpeg", ffprobe=str(path), ffmpeg_version="8", ffprobe_version="8",
        version=(8, 0), encoders=(),
    )  # fmt: skip


def reply(text: str) -> str:
    return f"cat <<'END'\n{text}\nEND"


def nest(opening: str, closing: str) -> str:
    return '{"format":' + opening * 50_000 + closing * 50_000 + "}"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (reply("[]"), "ffprobe gave no readable answer: Expected `object`, got `array`"),
        (reply(""), "ffprobe gave no readable answer: "),
        (reply('{"format":{"duration":NaN}}'), "ffprobe gave no readable answer: "),
        (reply('{"streams":[{"index":1e400}]}'), "ffprobe gave no readable answer: "),
        (reply(nest("[", "]")), "ffprobe gave no readable answer: "),
        (reply(nest('{"tags":', "}").replace("}}", "1}}", 1)), "ffprobe gave no readable answer: "),
        ("printf '{\"format\":\"\\377\"}'", "ffprobe gave no readable answer: "),
        (reply("{}"), "no streams found: not a media file, or one that is damaged"),
        ("kill -SEGV $$", "ffprobe failed (killed by SIGSEGV): no message"),
        ("echo one >&2; exit 7", "ffprobe failed (exit code 7): one"),
        ("yes", "ffprobe's answer is larger than 16777216 bytes"),
        ("yes >&2", "ffprobe gave no answer within 0.5 s"),
        ("yes | tr -d '\\n' >&2", "ffprobe gave no answer within 0.5 s"),
    ],
    ids=[
        "list", "nothing", "nan", "huge-float", "nest-list", "nest-object", "not-utf8",
        "no-facts", "crash", "refusal", "flood", "flood-of-errors", "endless-line",
    ],
)  # fmt: skip
def test_bad_answer_is_a_clear_failure(
    script: str, message: str, film: LibraryFile, tmp_path: Path
) -> None:
    with pytest.raises(ProbeError) as caught:
        probe_file(film, ffprobe(tmp_path, script), timeout_s=0.5 if "yes" in script else 20)
    assert caught.value.message.startswith(message)
    assert len(caught.value.message) < 500


def test_hung_ffprobe_is_stopped_with_its_whole_group(
    film: LibraryFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GENTLE_STOP_S", 0.2)
    script = (
        "trap '' TERM\n"
        f"(trap '' TERM; echo $$ > {tmp_path}/leader; while :; do sleep 1; done) &\n"
        f"echo $! > {tmp_path}/helper; while :; do sleep 1; done"
    )
    started = time.monotonic()
    with pytest.raises(ProbeError, match="gave no answer within"):
        probe_file(film, ffprobe(tmp_path, script), timeout_s=0.5)
    assert time.monotonic() - started < 20
    for name in ("leader", "helper"):
        number = int((tmp_path / name).read_text())
        for _ in range(50):
            if not _is_alive(number):
                break
            time.sleep(0.02)
        assert not _is_alive(number), name


def _is_alive(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(") ")[2][:1]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize(
    "script",
    [
        "sleep 30",
        "kill -KILL $$",
        "echo 'file:/films/a.mkv: Input/output error' >&2; exit 1",
        "echo 'file:/films/a.mkv: No such file or directory' >&2; exit 1",
        f'case "$*" in *-select_streams*) sleep 30;; *) {reply(ASKS_ON)}\n;; esac',
    ],
    ids=["timeout", "killed", "disk", "unmounted", "second-question"],
)
def test_failure_that_may_pass_is_asked_again(
    script: str, film: LibraryFile, tmp_path: Path
) -> None:
    """A disk that hung once must not mark a film as unreadable for good."""
    with LibraryCache(tmp_path / "state") as cache:
        tools = ffprobe(tmp_path, script)
        ((_, first),) = probe_many([film], tools, cache, jobs=1, timeout_s=0.3)
    assert isinstance(first, ProbeFailure)
    assert first.is_passing
    with LibraryCache(tmp_path / "state") as cache:
        ((_, second),) = probe_many([film], ffprobe(tmp_path, reply(GOOD)), cache, jobs=1)
    assert isinstance(second, Source)


def test_failure_of_the_file_itself_is_asked_once(film: LibraryFile, tmp_path: Path) -> None:
    with LibraryCache(tmp_path / "state") as cache:
        tools = ffprobe(tmp_path, "echo 'Invalid data found' >&2; exit 1")
        ((_, first),) = probe_many([film], tools, cache, jobs=1)
        ((_, second),) = probe_many([film], ffprobe(tmp_path, reply(GOOD)), cache, jobs=1)
    assert (
        first == second == ProbeFailure(message="ffprobe failed (exit code 1): Invalid data found")
    )


def test_memory_of_ffprobe_is_bounded(
    film: LibraryFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "MEMORY_BYTES", 256 * 1024**2)
    hungry = "exec python3 -ISsc 'x = bytes(1 << 30)'"
    with pytest.raises(ProbeError, match="MemoryError"):
        probe_file(film, ffprobe(tmp_path, f"sleep 0.1; {hungry}"))


def test_what_took_a_films_place_after_the_walk_is_not_waited_for(
    film: LibraryFile, tmp_path: Path
) -> None:
    os.unlink(film.path)
    os.mkfifo(film.path)
    started = time.monotonic()
    with pytest.raises(ProbeError) as caught:
        probe_file(film, ffprobe(tmp_path, "sleep 30"))
    assert caught.value.message == (
        "can't be read: it is not a regular file, but a folder, pipe, socket or device"
    )
    assert time.monotonic() - started < 20
