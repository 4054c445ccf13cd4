"""A library of av1d becomes one of av1rules, as typed: real films, a real AV1 result, and back."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from av1rules.execute.resources.run_lock import run_lock
from av1rules.execute.startup import start_session
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import AttemptResult
from av1rules.ledger.runs import RunKind
from av1rules.ledger.trash_table import PairOrigin, TrashKind
from av1rules.operations.migrate.av1d.beside import look_beside_films
from av1rules.operations.migrate.av1d.originals import adopt_originals
from av1rules.plan.workspace import open_workspace
from tests.cli.test_commands import av1rules
from tests.conftest import MakeClip

pytestmark = pytest.mark.real

FILM = ("-f", "lavfi", "-i", "testsrc2=s=192x108:r=24:d=1", "-f", "lavfi", "-i", "sine=d=1")
CODECS = ("-c:v", "mpeg2video", "-b:v", "900k", "-pix_fmt", "yuv420p", "-c:a", "ac3")
AV1 = ("-c:v", "libsvtav1", "-preset", "12", "-crf", "50", "-c:a", "copy", "-f", "matroska")

Files = dict[str, str]


class Av1dLibrary:
    """What av1d left: `movies/` and `tv/`, job files, a configuration."""

    def __init__(self, folder: Path, film: Path, result: Path) -> None:
        self.folder, self.film, self.result = folder, film, result
        for name in ("movies", "tv", "jobs"):
            (folder / name).mkdir()
        self.config()

    def add(self, name: str, *, is_result: bool = False, salt: str = "") -> Path:
        """A film with a content of its own."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.result if is_result else self.film, path)
        if not is_result:
            with path.open("ab") as file:  # behind the last element: no reader minds
                file.write(b"\xec\x90" + (salt or name).encode()[-16:].ljust(16, b"."))
        return path

    def config(self, name: str = "config.json", **values: Any) -> Path:
        known = {
            "library_roots": [str(self.folder / "movies"), str(self.folder / "tv")],
            "min_bytes": 1000,
            "job_state_dir": str(self.folder / "jobs"),
            "enable_test_clip_workflow": False,
            "ffmpeg_bin": "ffmpeg",
        }
        kept = {key: value for key, value in {**known, **values}.items() if value is not ...}
        path = self.folder / name
        path.write_text(json.dumps(kept, indent=2))
        return path

    def job(self, film: Path, status: str, reason: str | None = None, **values: Any) -> None:
        number = len(list((self.folder / "jobs").iterdir()))
        known = {"id": str(number), "source_path": str(film), "status": status, "reason": reason}
        known |= {"created_at": "2025-03-01T10:00:00.123456789Z", **values}
        (self.folder / "jobs" / f"{number}.json").write_text(json.dumps(known))

    def migrate(self, *options: str, code: int = 0) -> dict[str, Any]:
        done = self.typed(*options, "--json", code=code)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def typed(self, *options: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        words = (
            options if any(one.endswith(".json") for one in options) else ("config.json", *options)
        )
        return av1rules("migrate", "av1d", *words, "-o", "av1", cwd=self.folder, code=code)

    def av1rules(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        return av1rules(*words, cwd=self.folder / "av1", code=code)

    def settled(self) -> None:
        """As if no film had been written to within `settle`."""
        rules = self.folder / "av1" / "rules.yaml"
        text = rules.read_text().replace("library:\n", "library:\n  settle: 0\n", 1)
        text = text.replace("encode: {}", "encode: {preset: 12, crf: 50, film_grain: 0}")
        rules.write_text(text.replace("max_size_ratio: 0.9 ", "max_size_ratio: 9 "))

    def files(self) -> Files:
        """Digest of every film and side file by its name; the trash aside."""
        return {
            str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for root in ("movies", "tv")
            for path in sorted((self.folder / root).rglob("*"))
            if path.is_file() and ".av1rules-kept" not in path.parts
        }

    def ledger(self) -> contextlib.closing[Ledger]:
        return contextlib.closing(Ledger.read(self.folder / "av1" / ".av1rules"))


@pytest.fixture
def library(tmp_path: Path, make_clip: MakeClip) -> Av1dLibrary:
    film = make_clip("film.mkv", *FILM, *CODECS)
    result = make_clip("result.mp4", "-i", str(film), *AV1)
    return Av1dLibrary(tmp_path, film, result)


@pytest.fixture
def pair(library: Av1dLibrary) -> tuple[Path, Path]:
    """A result called .mp4 that is Matroska, and its original."""
    result = library.add("movies/Heat.mp4", is_result=True)
    assert result.read_bytes()[:4] == b"\x1a\x45\xdf\xa3"
    return result, library.add("movies/Heat.orig.mkv")


def test_a_policy_that_works_at_once(library: Av1dLibrary) -> None:
    library.add("movies/A.mkv")
    done = library.migrate()
    assert done["ok"]
    (policy,) = done["policies"]
    assert {Path(one["path"]).name: one["state"] for one in policy["files"]} == dict.fromkeys(
        ("rules.yaml", "rules.tests.yaml", "av1rules.service", "av1rules.timer", "MIGRATION.md"),
        "written",
    )
    assert "valid" in library.av1rules("validate", "--strict").stdout
    assert "5 of 5 cases passed" in library.av1rules("test").stdout
    library.av1rules("fmt", "--check")
    assert library.files().keys() == {"movies/A.mkv"}


def test_a_dry_run_writes_nothing(library: Av1dLibrary, pair: tuple[Path, Path]) -> None:
    library.job(library.add("movies/Bad.mkv"), "failed", "ffmpeg exit code 1")
    before = library.files()
    done = library.migrate("-n", "--adopt-originals")
    assert done["dry_run"]
    assert done["changes"] == 1
    assert not (library.folder / "av1").exists()
    assert library.files() == before
    assert "nothing was written" in library.typed("-n").stdout


def outcomes(done: dict[str, Any]) -> dict[str, str]:
    (policy,) = done["policies"]
    return {Path(one["source"]).name: one["fate"] for one in policy["jobs"]}


def test_each_kind_of_job(library: Av1dLibrary) -> None:
    add, job = library.add, library.job
    job(add("movies/Done.mp4", is_result=True), "success", av1_quality=26)
    job(add("movies/Other.mkv"), "success")
    bad = add("movies/Bad.mkv")
    job(bad, "failed", "ffmpeg exit code 1")
    large = add("movies/Large.mkv")
    size = large.stat().st_size
    gate = {"original_bytes": size, "new_bytes": size}
    job(large, "skipped", "size gate", **gate, av1_quality=18)
    job(add("movies/Else.mkv"), "skipped", "size gate", **gate, av1_quality=20)
    job(add("movies/Grown.mkv"), "skipped", "size gate", original_bytes=size - 1, new_bytes=size)
    job(add("movies/Unknown.mkv"), "skipped", "size gate")
    job(add("movies/Small.mkv"), "skipped", "size gate", **{**gate, "new_bytes": size // 2})
    job(add("movies/Text.mkv"), "skipped", "not a video")
    job(add("movies/New.mkv"), "pending")
    job(library.folder / "movies/Gone.mkv", "failed", "original file no longer exists: x")
    job(Path("/elsewhere/X.mkv"), "failed", "x")
    done = library.migrate()
    assert outcomes(done) == {
        "Done.mp4": "left alone", "Other.mkv": "the rules decide", "Bad.mkv": "parked",
        "Large.mkv": "too large", "Else.mkv": "not carried over", "Grown.mkv": "not carried over",
        "Unknown.mkv": "not carried over", "Small.mkv": "not carried over",
        "Text.mkv": "nothing to carry over", "New.mkv": "the rules decide",
        "Gone.mkv": "not carried over",
    }  # fmt: skip
    assert done["strays"] == ["/elsewhere/X.mkv"]
    assert done["changes"] == 2
    with library.ledger() as ledger:
        (failed,) = ledger.attempts(AttemptResult.FAILED)
        (too_large,) = ledger.attempts(AttemptResult.TOO_LARGE)
    assert (failed.source, failed.detail) == ("movies/Bad.mkv", "av1d: ffmpeg exit code 1")
    assert failed.at == "2025-03-01T10:00:00+00:00"
    assert (too_large.source, too_large.target_bytes) == ("movies/Large.mkv", size)


def rows(library: Av1dLibrary) -> dict[str, dict[str, Any]]:
    found = json.loads(library.av1rules("plan", "--all", "--json").stdout)["rows"]
    return {Path(row["library_path"]).name: row for row in found}


def test_the_plan_knows_it(library: Av1dLibrary) -> None:
    """What the jobs said holds: a failure until `retry`, a size by its content."""
    library.job(library.add("movies/Done.mp4", is_result=True), "success")
    library.job(library.add("movies/Bad.mkv"), "failed", "ffmpeg exit code 1")
    large = library.add("movies/Large.mkv")
    size = large.stat().st_size
    library.job(large, "skipped", "size gate", original_bytes=size, new_bytes=size)
    library.migrate()
    rules = library.folder / "av1" / "rules.yaml"
    rules.write_text(rules.read_text().replace("library:\n", "library:\n  settle: 0\n", 1))
    large.rename(large.with_name("Renamed.mkv"))
    found = rows(library)
    assert found["Done.mp4"]["causes"] == ["already AV1"]
    assert found["Bad.mkv"]["action"] == "blocked"
    assert "failed once before: av1d: ffmpeg exit code 1" in found["Bad.mkv"]["causes"][0]
    assert "the result of av1d had 100% of the source" in found["Renamed.mkv"]["causes"][0]
    library.av1rules("retry", "movies/Bad.mkv")
    assert rows(library)["Bad.mkv"]["action"] == "encode"


def test_jobs_of_another_encoder_say_nothing_of_sizes(library: Av1dLibrary) -> None:
    library.config(ffmpeg_bin=..., enable_test_clip_workflow=..., docker_bin="docker")
    large = library.add("movies/Large.mkv")
    size = large.stat().st_size
    library.job(large, "skipped", "size gate", original_bytes=size, new_bytes=size, av1_quality=30)
    library.job(library.add("movies/Bad.mkv"), "failed", "ffmpeg exit code 1")
    done = library.migrate()
    assert done["configs"][0]["form"] == "Docker/QSV"
    assert outcomes(done) == {"Large.mkv": "not carried over", "Bad.mkv": "parked"}
    text = (library.folder / "av1" / "MIGRATION.md").read_text()
    assert "Russian" in text
    assert "global_quality" in text


def test_a_second_time_changes_nothing_and_says_so(
    library: Av1dLibrary, pair: tuple[Path, Path]
) -> None:
    library.job(library.add("movies/Bad.mkv"), "failed", "ffmpeg exit code 1")
    library.add("movies/Hand.mkv")
    (library.folder / "movies/Hand.av1skip").touch()
    library.migrate("--adopt-originals")
    before = library.files()
    for options in ((), ("--adopt-originals",)):
        done = library.typed(*options)
        assert "nothing has changed since the last migration" in done.stdout
        states = {one["state"] for one in library.migrate(*options)["policies"][0]["files"]}
        assert states == {"unchanged"}
    assert library.files() == before
    runs = json.loads(library.av1rules("runs", "--json").stdout)["runs"]
    assert [run["kind"] for run in runs] == ["migrate"]


def test_an_edited_policy_is_kept_and_counts(library: Av1dLibrary) -> None:
    library.migrate()
    rules = library.folder / "av1" / "rules.yaml"
    edited = rules.read_text().replace("encode: {}", "encode: {crf: 40}")
    rules.write_text(edited)
    library.job(library.add("movies/Bad.mkv"), "failed", "x")
    done = library.migrate()
    assert done["policies"][0]["files"][0]["state"] == "kept"
    assert rules.read_text() == edited
    library.settled()
    rules.write_text(rules.read_text().replace("preset: 12, crf: 50, film_grain: 0", "crf: 40"))
    assert rows(library)["Bad.mkv"]["action"] == "blocked"


def test_rules_of_somebody_else_are_refused(library: Av1dLibrary) -> None:
    (library.folder / "av1").mkdir()
    (library.folder / "av1" / "rules.yaml").write_text("version: 1\n")
    done = library.typed(code=2)
    assert "no migration wrote" in done.stderr
    assert os.listdir(library.folder / "av1") == ["rules.yaml"]


def test_it_waits_for_no_other_run(library: Av1dLibrary) -> None:
    library.migrate()
    library.job(library.add("movies/Bad.mkv"), "failed", "x")
    with run_lock(library.folder / "av1" / ".av1rules"):
        library.typed(code=5)
    assert library.migrate()["changes"] == 1


def test_markers_hold_and_those_by_hand_become_a_rule(library: Av1dLibrary) -> None:
    for name in ("By [hand].mkv", "Gate.mkv"):
        library.add(f"movies/{name}")
    (library.folder / "movies/By [hand].av1skip").touch()
    (library.folder / "movies/Gate.av1skip").touch()
    (library.folder / "movies/Gate.why.txt").write_text("size gate\n")
    library.migrate()
    library.settled()
    assert {row["causes"][0] for row in rows(library).values()} == {"marked with .av1skip"}
    for path in (library.folder / "movies").glob("*.av1skip"):
        path.unlink()
    found = rows(library)
    assert found["By [hand].mkv"]["rule"] == "marked for av1d"
    assert found["Gate.mkv"]["action"] == "encode"


# --- originals


def test_adopted_originals_come_back_byte_for_byte(
    library: Av1dLibrary, pair: tuple[Path, Path]
) -> None:
    result, original = pair
    film, made = original.read_bytes(), result.read_bytes()
    (one,) = library.migrate()["policies"][0]["originals"]
    assert (one["state"], one["new"]) == ("can be adopted", False)
    assert original.read_bytes() == film
    library.settled()
    done = library.migrate("--adopt-originals")
    (one,) = done["policies"][0]["originals"]
    assert (one["state"], one["new"], done["changes"]) == ("adopted", True, 1)
    assert not original.exists()
    assert Path(one["path"]).read_bytes() == film
    assert rows(library)["Heat.mp4"]["causes"] == ["already AV1"]
    library.av1rules("undo", "movies/Heat.mp4", "--yes")
    assert result.read_bytes() == film
    assert "undone" in rows(library)["Heat.mp4"]["causes"][0]
    library.av1rules("undo", "movies/Heat.mp4", "--yes")
    assert result.read_bytes() == made
    assert rows(library)["Heat.mp4"]["causes"] == ["already AV1"]
    with library.ledger() as ledger:
        (kept,) = ledger.kept.foreign()
        assert (kept.kind, kept.origin) == (TrashKind.ORIGINAL, PairOrigin.UNVERIFIED)
        assert list(ledger.targets()) == []


def test_a_purge_refuses_what_was_never_verified(
    library: Av1dLibrary, pair: tuple[Path, Path]
) -> None:
    (one,) = library.migrate("--adopt-originals")["policies"][0]["originals"]
    refused = library.av1rules("originals", "purge", "--all", "--yes", code=1)
    assert "never verified" in refused.stdout
    assert "--last-copy" in refused.stdout
    assert Path(one["path"]).exists()
    library.av1rules("originals", "purge", "--all", "--yes", "--last-copy")
    assert not Path(one["path"]).exists()


def test_an_original_may_go_once_its_av1_file_was_decoded(
    library: Av1dLibrary, pair: tuple[Path, Path]
) -> None:
    (one,) = library.migrate("--adopt-originals")["policies"][0]["originals"]
    assert not one["decoded"]
    done = library.migrate("--decode")
    assert (done["policies"][0]["originals"][0]["decoded"], done["changes"]) == (True, 1)
    assert library.migrate("--decode")["changes"] == 0
    library.av1rules("originals", "purge", "--all", "--yes")
    assert not Path(one["path"]).exists()
    assert pair[0].exists()


def test_a_damaged_result_keeps_its_original_where_it_is(
    library: Av1dLibrary, pair: tuple[Path, Path]
) -> None:
    result, original = pair
    data = bytearray(result.read_bytes())
    data[len(data) // 3 : len(data) // 3 + 400] = os.urandom(400)
    result.write_bytes(data)
    done = library.migrate("--adopt-originals", "--decode", code=1)
    (one,) = done["policies"][0]["originals"]
    assert one["state"] == "not adopted"
    assert "its AV1 file is no good" in one["why"]
    assert original.exists()


@pytest.mark.parametrize("case", ["alone", "not av1", "two", "shorter", "av1 itself", "no video"])
def test_what_is_no_pair_is_never_moved(
    library: Av1dLibrary, make_clip: MakeClip, case: str
) -> None:
    original = library.add("movies/Film.orig.mkv")
    if case == "not av1":
        library.add("movies/Film.mkv", salt="another")
    elif case == "two":
        library.add("movies/Film.mkv", is_result=True)
        library.add("movies/Film.mp4", is_result=True)
    elif case == "shorter":
        library.add("movies/Film.mkv", is_result=True)
        long = make_clip("long.mkv", *(one.replace("d=1", "d=9") for one in FILM), *CODECS)
        shutil.copy(long, original)
    elif case == "av1 itself":
        library.add("movies/Film.mkv", is_result=True)
        shutil.copy(library.result, original)
    elif case == "no video":
        library.add("movies/Film.mkv", is_result=True)
        original.write_bytes(b"text" * 1000)
    before = library.files()
    done = library.migrate("--adopt-originals", code=0 if case == "alone" else 1)
    (one,) = done["policies"][0]["originals"]
    assert one["state"] == ("the only copy" if case == "alone" else "not adopted")
    assert library.files() == before
    if case == "alone":
        assert f"mv -n {original} {original.with_name('Film.mkv')}" in one["why"]


# --- the whole way


def test_there_and_back(library: Av1dLibrary, pair: tuple[Path, Path]) -> None:
    """Films are replaced by a run and come back by `undo`, byte for byte."""
    for name in ("movies/A.mkv", "tv/B.mkv"):
        library.add(name)
    (library.folder / "movies/A.srt").write_text("1\n")
    library.job(library.folder / "movies/A.mkv", "pending")
    before = library.files()
    library.migrate()
    library.settled()
    library.av1rules("run", "-q")
    after = library.files()
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} == {
        "movies/A.mkv", "tv/B.mkv",
    }  # fmt: skip
    library.av1rules("undo", "last", "--yes")
    assert library.files() == before


def test_several_configurations(library: Av1dLibrary) -> None:
    movies, tv = str(library.folder / "movies"), str(library.folder / "tv")
    library.config("config-movies.json", library_roots=[movies])
    library.config("config-tv.json", library_roots=[tv])
    library.config("config-big.json", library_roots=[tv], min_bytes=10**9)
    both = library.migrate("config-movies.json", "config-tv.json", "-n")
    assert [one["roots"] for one in both["policies"]] == [[movies, tv]]
    assert both["overlaps"] == []
    done = library.migrate("config-movies.json", "config-tv.json", "config-big.json")
    assert [Path(one["folder"]).name for one in done["policies"]] == ["movies", "big"]
    assert done["overlaps"] == [tv, tv]
    folder = library.folder / "av1"
    assert sorted(os.listdir(folder)) == ["MIGRATION.md", "big", "movies"]
    assert (folder / "big" / "av1rules-big.timer").is_file()
    for name in ("movies", "big"):
        av1rules("validate", "-f", f"{name}/rules.yaml", cwd=folder)


UNIT = """\
[Service]
ExecStart=/usr/local/bin/av1d --config /etc/av1d/{name}
Nice=10
CPUQuota=800%      # Limit to 8 cores
MemoryMax=16G
"""


def test_units_go_to_the_configurations_that_they_start(library: Av1dLibrary) -> None:
    library.config("config-movies.json", library_roots=[str(library.folder / "movies")])
    library.config("config-tv.json", library_roots=[str(library.folder / "tv")])
    unit = library.folder / "av1d-tv.service"
    unit.write_text(UNIT.format(name="config-tv.json"))
    words = ("config-movies.json", "config-tv.json", "--systemd", str(unit))
    done = library.migrate(*words)
    assert [one["config"] for one in done["units"]] == ["config-tv.json"]
    folder = library.folder / "av1"
    assert "nice: 10" in (folder / "tv" / "rules.yaml").read_text()
    assert "nice: 10" not in (folder / "movies" / "rules.yaml").read_text()
    assert "CPUQuota=800%\n" in (folder / "tv" / "av1rules-tv.service").read_text()
    unit.write_text(UNIT.format(name="other.json"))
    assert "belongs to none" in library.typed(*words, code=2).stderr


def test_a_mistake_has_its_place(library: Av1dLibrary) -> None:
    (library.folder / "config.json").write_text('{\n  "min_bytes": "2 GiB"\n}')
    done = library.typed(code=2)
    assert "config.json:2:3: min_bytes: expected a whole number" in done.stderr
    assert not (library.folder / "av1").exists()


def test_without_ffmpeg_the_policy_is_written_all_the_same(
    library: Av1dLibrary, pair: tuple[Path, Path]
) -> None:
    library.config(ffmpeg_bin="/nowhere/ffmpeg")
    done = library.migrate(code=1)
    assert "migrate again once that is mended" in done["policies"][0]["problem"]
    assert (library.folder / "av1" / "rules.yaml").is_file()


def test_a_root_that_is_not_there_is_told(library: Av1dLibrary) -> None:
    library.config(library_roots=["/nowhere/films"])
    done = library.migrate(code=1)
    assert "does not exist" in done["policies"][0]["problems"][0]


def test_hostile_names_end_in_no_command(library: Av1dLibrary) -> None:
    library.add("movies/\x1b[2J`rm -r`|<b>.orig.mkv")
    library.add("movies/x.mkv")
    (library.folder / "movies/x.av1skip").touch()
    (library.folder / "movies/x.why.txt").write_bytes(b"\xff\x1b]0;x\x07 | <script>")
    done = library.typed()
    text = (library.folder / "av1" / "MIGRATION.md").read_text()
    for shown in (done.stdout, text):
        assert "\x1b" not in shown
    assert "<script>" not in text


@pytest.mark.parametrize(
    "step", ["exchange written", "trash made", "kept aside", "in place", "old name gone"]
)
def test_a_killed_adoption_is_finished_by_the_next_start(
    library: Av1dLibrary, pair: tuple[Path, Path], step: str
) -> None:
    """The original has a name at each step of the move, and the next command ends the work."""
    library.migrate()
    film = pair[1].read_bytes()
    child = os.fork()
    if child == 0:
        _adopt_until(step, library)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 9
    files = [path for path in (library.folder / "movies").rglob("*") if path.is_file()]
    assert film in [path.read_bytes() for path in files]
    library.migrate("--adopt-originals")
    assert not pair[1].exists()
    library.av1rules("undo", "movies/Heat.mp4", "--yes")
    assert pair[0].read_bytes() == film


def _adopt_until(step: str, library: Av1dLibrary) -> None:
    def kill(name: str) -> None:
        if name == step:
            os._exit(9)

    with (
        open_workspace(library.folder / "av1" / "rules.yaml", write=False) as workspace,
        start_session(workspace, lambda _: None, kind=RunKind.MIGRATE, failpoint=kill) as session,
    ):
        found = look_beside_films([("movies", str(library.folder / "movies"))], ())
        list(adopt_originals(session, found.originals, decode=False))
