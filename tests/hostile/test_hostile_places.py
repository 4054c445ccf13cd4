"""Places that others prepared, moved or limited: pre-made names, quotas, clocks, another machine's
ledger; and what of the environment gets into what is written.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from av1rules.base import files
from tests.hostile import forge
from tests.hostile.conftest import RULES, av1rules
from tests.sample_library import SampleLibrary

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("tools")]

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

REPLACE = RULES.replace("{mode: mirror, root: out}", "{mode: replace}")


def _film(number: int = 0) -> bytes:
    return forge.matroska(more=forge.element("ec", bytes([number])))


@pytest.fixture
def one_film(workdir: Path) -> Path:
    (workdir / "films" / "film.mkv").write_bytes(_film())
    return workdir


def _own(path: Path, user: int) -> None:
    path.mkdir(parents=True)
    os.chown(path, user, user)


@needs_root
@pytest.mark.parametrize("mode", [0o755, 0o777, 0o1777])
@pytest.mark.parametrize("name", [".av1rules", "out", "out/films", "films/.av1rules-kept"])
def test_folders_of_another_user(name: str, mode: int, one_film: Path) -> None:
    """Root works in them, or says no; what lies in them stays."""
    if "kept" in name:
        (one_film / "rules.yaml").write_text(REPLACE)
    _own(one_film / name, NOBODY)
    (one_film / name).chmod(mode)
    (one_film / name / "theirs").write_text("theirs")
    before = (one_film / "films" / "film.mkv").read_bytes()
    done = av1rules("run", cwd=one_film)
    assert b"Traceback" not in done.stderr
    assert done.returncode == 0, done.stderr.decode()
    assert (one_film / name / "theirs").read_text() == "theirs"
    kept = [path for path in one_film.rglob("film.mkv") if path.read_bytes() == before]
    assert kept


@needs_root
@pytest.mark.parametrize("name", ["ledger.sqlite3", "cache.sqlite3", "run.lock", "run.holder"])
def test_files_of_another_user_are_not_taken_for_ours(name: str, one_film: Path) -> None:
    """In a state folder with sticky bit: the name was free to take."""
    state = one_film / ".av1rules"
    state.mkdir()
    state.chmod(0o1777)
    (state / name).write_bytes(b"")
    (state / name).chmod(0o666)
    os.chown(state / name, NOBODY, NOBODY)
    done = av1rules("run", cwd=one_film)
    assert b"Traceback" not in done.stderr
    if done.returncode:
        assert done.returncode == 2
        assert name.encode() in done.stderr
        assert b"it belongs to another user" in done.stderr
        assert not (one_film / "out").exists()
    else:  # a note that is not needed to work is put in its place as a whole
        assert name in ("cache.sqlite3", "run.holder")


def test_quota_that_is_told_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS tells of a quota when the file is synced. It counts as a full disk: no failure of the
    film, nothing half there, and the next run does it."""
    film = tmp_path / "film.mkv"
    film.write_bytes(_film())
    library = SampleLibrary(folder=tmp_path / "shelf", clip=film)
    source = library.add("film.mkv")
    library.rules()

    def full(path: Path) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), os.fspath(path))

    with monkeypatch.context() as patch:
        patch.setattr(files, "fsync_file", full)
        assert library.run().done == 0
    assert "the quota is used up: free some space" in library.output()
    assert not library.target("film.mkv").exists()
    assert library.leftovers() == []
    assert source.read_bytes() == film.read_bytes()
    assert library.run().done == 1


JUMPS = """
import itertools, time
_real, _ns, _turn = time.time, time.time_ns, itertools.count()
_STEPS = (0, -10 * 365 * 86400, 3600, -60, 400 * 86400, 0)
def _jump(): return _STEPS[next(_turn) % len(_STEPS)]
time.time = lambda: _real() + _jump()
time.time_ns = lambda: _ns() + _jump() * 10**9
"""


def test_clock_that_jumps_by_years(one_film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock gives another year: work goes on, and the next run has nothing to
    do."""
    (one_film / "rules.yaml").write_text(REPLACE)
    before = (one_film / "films" / "film.mkv").read_bytes()
    patch = one_film / "patch"
    patch.mkdir()
    (patch / "sitecustomize.py").write_text(JUMPS)
    path = os.pathsep.join([str(patch), *filter(None, [os.environ.get("PYTHONPATH")])])
    monkeypatch.setenv("PYTHONPATH", path)
    for _ in range(2):
        done = av1rules("run", cwd=one_film)
        assert b"Traceback" not in done.stderr
        assert done.returncode == 0, done.stderr.decode()
    assert b"1 fresh" in done.stdout + done.stderr
    kept = (one_film / "films" / ".av1rules-kept").rglob("*.mkv")
    assert [path.read_bytes() for path in kept] == [before]
    assert av1rules("undo", "last", "--yes", cwd=one_film).returncode == 0
    assert (one_film / "films" / "film.mkv").read_bytes() == before


def test_ledger_of_another_machine(
    one_film: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Copied with its rules to where other films lie: nothing is deleted, moved or undone there by
    what the ledger remembers of the other machine."""
    (one_film / "rules.yaml").write_text(REPLACE)
    assert av1rules("run", cwd=one_film).returncode == 0
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(one_film / ".av1rules", other / ".av1rules")
    shutil.copy(one_film / "rules.yaml", other)
    (other / "films").mkdir()
    here = {"film.mkv": _film(7), "new.mkv": _film(8)}
    for name, data in here.items():
        (other / "films" / name).write_bytes(data)
    (kept,) = (one_film / "films" / ".av1rules-kept").rglob("*.mkv")
    kept.write_bytes(_film(9))  # the other machine has a file of its own there
    before = {path: path.read_bytes() for path in one_film.rglob("*.mkv")}
    purge = ("originals", "purge", "--all", "--yes")
    for command in (("plan",), purge, ("run",), ("undo", "1", "--yes"), ("undo", "last", "--yes")):
        done = av1rules(*command, cwd=other)
        assert b"Traceback" not in done.stderr, command
    assert {path: path.read_bytes() for path in one_film.rglob("*.mkv")} == before
    there = [path.read_bytes() for path in other.rglob("*.mkv")]
    assert all(data in there for data in here.values())


SECRET = "s3cr3t-t0ken-9f1b"


def test_no_secret_of_the_environment_is_written(
    one_film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "SONARR_API_KEY", "PASSWORD"):
        monkeypatch.setenv(name, SECRET)
    (one_film / "films" / "bad.mkv").write_bytes(_film()[:300])
    rules = RULES.replace("root: out", "root: out, receipts: json")
    (one_film / "rules.yaml").write_text(rules)
    said = b""
    for command in (("plan", "--json"), ("run", "--json"), ("doctor", "--json"), ("status",),
                    ("report", "--html", "report.html"), ("explain", "films/film.mkv"),
                    ("receipt", "--json", "out/films/film.mkv")):  # fmt: skip
        done = av1rules(*command, cwd=one_film)
        said += done.stdout + done.stderr
    assert (one_film / "out" / "films" / "film.mkv").exists()
    assert SECRET.encode() not in said
    written = [path for path in one_film.rglob("*") if path.is_file()]
    assert len(written) > 5
    assert [path for path in written if SECRET.encode() in path.read_bytes()] == []
