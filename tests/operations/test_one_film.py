"""One film without rules: what may be asked for, what comes of it, and what stays behind."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from av1rules.base.errors import UsageError
from av1rules.base.events import Event, Outcome
from av1rules.execute.startup import start_session
from av1rules.ffmpeg.tools import Tools
from av1rules.media.probe.ffprobe import probe_file
from av1rules.operations.one_film import (
    FilmOutcome,
    FilmRequest,
    encode_film,
    film_request,
    film_workspace,
)
from av1rules.plan.items import Fresh, Held, LeftAlone
from av1rules.policy.model import ReceiptForm
from av1rules.policy.settings import Loss
from tests.conftest import MakeClip, library_file

FAST = {"crf": 50.0, "preset": 12, "film_grain": 0, "max_size_ratio": 9.0}


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(home))
    return home


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """No film, but a file."""
    path = tmp_path / "films" / "film.mkv"
    path.parent.mkdir()
    path.write_bytes(b"film")
    return path


@pytest.mark.parametrize(
    ("output", "changes", "target", "container"),
    [
        (None, {}, "films/film.av1.mkv", None),
        (None, {"container": "mp4"}, "films/film.av1.mp4", "mp4"),
        ("out", {}, "out/film.av1.mkv", None),
        ("out/other.mp4", {}, "out/other.mp4", "mp4"),
        ("out/other.MKV", {"container": "mkv"}, "out/other.MKV", "mkv"),
    ],
)
def test_where_a_target_goes(
    film: Path, tmp_path: Path, output: str | None, changes: dict[str, object], target: str,
    container: str | None,
) -> None:  # fmt: skip
    (tmp_path / "out").mkdir()
    made = film_request(str(film), output and str(tmp_path / output), changes)
    assert made.target == str(tmp_path / target)
    assert made.changes.get("container") == container


@pytest.mark.parametrize(
    ("output", "changes", "message"),
    [
        ("films/film.mkv", {}, "the source itself"),
        ("films/same.mkv", {}, "the source itself"),
        ("films/film.avi", {}, "not known by its name"),
        ("films/a.mkv", {"container": "mp4"}, r"named \.mkv"),
        ("nowhere/a.mkv", {}, "folder of the target is missing"),
        ("films/there.mkv", {}, "the target exists"),
    ],
)
def test_what_is_refused_before_anything_starts(
    film: Path, tmp_path: Path, output: str, changes: dict[str, object], message: str
) -> None:
    os.link(film, film.with_name("same.mkv"))
    film.with_name("there.mkv").write_bytes(b"mine")
    with pytest.raises(UsageError, match=message):
        film_request(str(film), str(tmp_path / output), changes)


def test_the_source_is_never_overwritten(film: Path) -> None:
    with pytest.raises(UsageError, match="the source itself"):
        film_request(str(film), str(film), {}, overwrites=True)


def test_a_film_that_is_not_there(tmp_path: Path) -> None:
    for name in ("gone.mkv", "."):
        with pytest.raises(UsageError, match="no such film"):
            film_request(str(tmp_path / name), None, {})


@pytest.fixture
def source(clip: Path, tmp_path: Path) -> Path:
    path = tmp_path / "films" / "film.mkv"
    path.parent.mkdir()
    shutil.copy(clip, path)
    return path


def encoded(
    request: FilmRequest, failpoint: Callable[[str], None] | None = None
) -> tuple[FilmOutcome, list[Event]]:
    events: list[Event] = []
    with (
        film_workspace(request) as workspace,
        start_session(workspace, events.append) as session,
    ):
        if failpoint is not None:
            session = type(session)(
                **{name: getattr(session, name) for name in session.__struct_fields__}
                | {"failpoint": failpoint}
            )
        return encode_film(session, request), events


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_a_film_is_encoded_verified_and_nothing_else_stays(
    source: Path, tmp_path: Path, tools: Tools, state_home: Path
) -> None:
    before = source.read_bytes()
    done, _ = encoded(film_request(str(source), None, FAST))
    assert done.outcome is Outcome.DONE
    target = source.with_name("film.av1.mkv")
    probed = probe_file(library_file(target), tools)
    assert probed.main is not None
    assert probed.main.codec == "av1"
    assert probed.provenance
    assert done.receipt is not None
    assert all(check.passed for check in done.receipt.checks)
    assert {line.name: line.value for line in done.receipt.settings}["crf"] == "50"
    assert names(source.parent) == ["film.av1.mkv", "film.mkv"]
    assert source.read_bytes() == before
    assert not state_home.exists() or names(state_home) == []


def test_a_codec_that_policies_leave_alone_is_encoded_as_asked(
    make_clip: MakeClip, tmp_path: Path
) -> None:
    clip = make_clip(
        "web-dl.mkv", "-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=1", "-c:v", "libx265",
        "-x265-params", "log-level=none",
    )  # fmt: skip
    source = tmp_path / "Film.WEB-DL.mkv"
    shutil.copy(clip, source)
    done, _ = encoded(film_request(str(source), None, FAST))
    assert done.is_done


def test_losses_hold_the_film_until_they_are_accepted(make_clip: MakeClip, tmp_path: Path) -> None:
    clip = make_clip(
        "chroma.mkv", "-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=1", "-c:v", "libx264",
        "-pix_fmt", "yuv444p",
    )  # fmt: skip
    source = tmp_path / "film.mkv"
    shutil.copy(clip, source)
    held, _ = encoded(film_request(str(source), None, FAST))
    assert isinstance(held.item, Held)
    assert (held.is_done, held.acceptable) == (False, ("chroma",))
    accepted = {**FAST, "accept": frozenset({Loss.CHROMA})}
    assert encoded(film_request(str(source), None, accepted))[0].is_done


def test_another_file_is_overwritten_only_when_asked(source: Path) -> None:
    target = source.with_name("film.av1.mkv")
    target.write_bytes(b"another film")
    with pytest.raises(UsageError, match="the target exists"):
        film_request(str(source), None, FAST)
    assert target.read_bytes() == b"another film"
    assert encoded(film_request(str(source), None, FAST, overwrites=True))[0].is_done
    assert target.read_bytes() != b"another film"


def test_a_folder_is_never_overwritten(source: Path) -> None:
    source.with_name("film.av1.mkv").mkdir()
    done, _ = encoded(film_request(str(source), None, FAST, overwrites=True))
    assert not done.is_done
    assert source.with_name("film.av1.mkv").is_dir()


def test_our_own_target_is_no_source(source: Path) -> None:
    encoded(film_request(str(source), None, FAST))
    again, _ = encoded(film_request(str(source.with_name("film.av1.mkv")), None, FAST))
    assert isinstance(again.item, LeftAlone)
    assert not again.is_done


def test_receipts_beside_the_target(source: Path) -> None:
    request = film_request(str(source), None, FAST, receipts=ReceiptForm.BOTH)
    encoded(request)
    assert names(source.parent) == [
        "film.av1.mkv",
        "film.av1.mkv.av1rules.json",
        "film.av1.mkv.av1rules.txt",
        "film.mkv",
    ]


class _KilledError(BaseException):
    """As SIGKILL ends it: nothing of the job is undone."""


@pytest.mark.parametrize("point", ["folder made", "encoded", "prepared", "published"])
def test_the_next_encode_repairs_what_a_kill_left(
    source: Path, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill leaves the state; here it is copied aside while the job is at that point."""
    aside = source.parents[1] / "aside"
    state = source.parents[1] / "state"

    def stop(name: str) -> None:
        if name == point and not aside.exists():
            shutil.copytree(state, aside)
            shutil.copytree(source.parent, source.parents[1] / "films-aside")

    request = film_request(str(source), None, FAST)
    encoded(request, stop)
    assert aside.exists(), "the point was never reached"
    for made, kept in ((state, aside), (source.parent, source.parents[1] / "films-aside")):
        shutil.rmtree(made, ignore_errors=True)
        shutil.copytree(kept, made)
    done, _ = encoded(film_request(str(source), None, FAST))
    assert done.is_done
    assert isinstance(done.item, Fresh) == (point == "published")
    assert names(source.parent) == ["film.av1.mkv", "film.mkv"]
    assert names(state) == [] if state.exists() else True
