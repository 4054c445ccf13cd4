"""Job files: the newest of each film counts, and one that says nothing stops no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from av1rules.base.errors import UsageError
from av1rules.operations.migrate.av1d import jobs as jobs_module
from av1rules.operations.migrate.av1d.jobs import JobStatus, read_jobs


def job(folder: Path, name: str, **values: Any) -> None:
    folder.mkdir(exist_ok=True)
    known = {"id": name, "source_path": "/m/a.mkv", "status": "pending", "created_at": "2025"}
    (folder / f"{name}.json").write_text(json.dumps({**known, **values}, indent=2))


WHOLE = {
    "id": "5f0c9a3e", "source_path": "/m/a.mkv", "output_path": None,
    "created_at": "2025-03-01T10:00:00Z", "started_at": None,
    "finished_at": "2025-03-01T12:00:00.123456789Z", "status": "skipped", "reason": "size gate",
    "original_bytes": 100, "new_bytes": 95, "is_web_like": True, "video_codec": "h264",
    "video_bitrate": 5_000_000, "video_width": 1920, "video_height": 1080,
    "video_frame_rate": "24000/1001", "av1_quality": 26,
}  # fmt: skip


def test_all_that_a_job_says_of_its_film(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(WHOLE))
    (found,) = read_jobs([str(tmp_path)], required=True).jobs
    assert found.status is JobStatus.SKIPPED
    assert found.is_size_gate
    assert (found.original_bytes, found.new_bytes, found.av1_quality) == (100, 95, 26)
    assert found.at == "2025-03-01T12:00:00.123456789Z"


def test_older_files_lack_fields(tmp_path: Path) -> None:
    job(tmp_path, "a", status="failed", reason="ffmpeg exit code 1")
    (found,) = read_jobs([str(tmp_path)], required=True).jobs
    assert (found.new_bytes, found.av1_quality, found.at) == (None, None, "2025")


def test_the_newest_job_of_a_film_counts(tmp_path: Path) -> None:
    job(tmp_path, "a", status="success", finished_at="2025-05-01T00:00:00Z")
    job(tmp_path, "b", status="failed", finished_at="2025-03-01T00:00:00Z")
    job(tmp_path, "c", source_path="/m/b.mkv")
    found = read_jobs([str(tmp_path)], required=True)
    assert [(one.source_path, one.status.value) for one in found.jobs] == [
        ("/m/a.mkv", "success"), ("/m/b.mkv", "pending"),
    ]  # fmt: skip
    assert found.older == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "truncated"),
        ('{"source_path": "/m/a.mkv"}', "status"),
        ('{"source_path": 5, "status": "failed"}', "source_path"),
        ('{"source_path": "/m/a.mkv", "status": "sleeping"}', "sleeping"),
        ('{"source_path": "a.mkv", "status": "failed"}', "not absolute"),
        ('{"source_path": "/m/a\\u0000.mkv", "status": "failed"}', "not absolute"),
        ('{"source_path": "/m/a.mkv", "status": "failed", "new_bytes": "x"}', "new_bytes"),
        ("[" * 100_000, ""),
    ],
)
def test_a_file_that_says_nothing_is_told_and_stops_no_other(
    tmp_path: Path, text: str, says: str
) -> None:
    (tmp_path / "bad.json").write_text(text)
    job(tmp_path, "good")
    found = read_jobs([str(tmp_path)], required=True)
    assert len(found.jobs) == 1
    (unread,) = found.unread
    assert unread.path == f"{tmp_path}/bad.json"
    assert says in unread.problem


def test_a_file_larger_than_any_job_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "MOST_JOB_BYTES", 10)
    job(tmp_path, "a")
    (unread,) = read_jobs([str(tmp_path)], required=True).unread
    assert unread.problem == "larger than any job file"


def test_a_missing_folder_has_no_jobs_unless_it_was_asked_for(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    assert read_jobs([gone], required=False).folders == ()
    with pytest.raises(UsageError, match="can't be read"):
        read_jobs([gone], required=True)


def test_a_film_is_called_as_the_walk_of_a_library_calls_it(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "link").symlink_to("films")
    job(tmp_path / "jobs", "a", source_path=f"{tmp_path}/link/../link/a.mkv")
    (found,) = read_jobs([str(tmp_path / "jobs")], required=True).jobs
    assert found.source_path == f"{tmp_path}/films/a.mkv"
