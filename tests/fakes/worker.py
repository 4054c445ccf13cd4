"""A worker that encodes nothing, and sources that only it can read: for tests of what plan and run
make of an encode, of which a real one would prove no more."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from av1rules.base.errors import ProbeError
from av1rules.base.events import JobProgress
from av1rules.base.hashing import content_key, file_digest, head_key
from av1rules.encode.encode import EncodeOutcome
from av1rules.encode.job import Check, EncodeJob
from av1rules.encode.verify import Verification
from av1rules.execute import film
from av1rules.execute.quality_gate import QualityScores
from av1rules.execute.worker import EncodedExcerpts, EncodeResult, VerifiedEncode, WorkerContext
from av1rules.ffmpeg.tools import Tools
from av1rules.media import local_disk
from av1rules.media.film_facts import FilmFacts
from av1rules.media.probe import ffprobe as probe
from av1rules.media.probe import many as probe_many
from av1rules.media.source import LibraryFile, Source
from av1rules.plan import workspace
from av1rules.policy.quality_spec import Metric
from tests import runs
from tests.encode.make import TOOLS, source, video

_SOURCE, _TARGET = b"a fake source: ", b"a fake target: "
_SOURCE_BYTES, _TARGET_BYTES = 65_536, 16_384
"""Both above what is read of the head of a file, even if one is cut in half."""


class FakeWorker:
    """Writes a few bytes that differ with source and settings, and finds them good.

    `jobs` are the jobs that it was given; `results` what comes of some of them instead, by library
    path: an exception is raised.
    """

    def __init__(self) -> None:
        self.jobs: list[EncodeJob] = []
        self.results: dict[str, EncodeResult | Exception] = {}

    def encode_and_verify(
        self, job: EncodeJob, tools: Tools, context: WorkerContext
    ) -> EncodeResult:
        self.jobs.append(job)
        instead = self.results.get(job.event_name)
        if isinstance(instead, Exception):
            raise instead
        if instead is not None:
            return instead
        encoded = _encoded(job, context)
        context.failpoint("verified")
        check = Check(name="decode", passed=True, detail="24 frames without an error")
        return VerifiedEncode(
            encoded=encoded,
            verified=Verification(checks=(check,), elapsed_s=0.01, frames=24),
            quality=QualityScores(),
            content_key=content_key(encoded.path),
            head_key=head_key(encoded.path),
            digest=file_digest(encoded.path),
        )

    def encode_excerpts(
        self, job: EncodeJob, tools: Tools, metrics: tuple[Metric, ...], context: WorkerContext
    ) -> EncodedExcerpts:
        self.jobs.append(job)
        return EncodedExcerpts(encoded=_encoded(job, context), main=video(codec="av1"))


def _encoded(job: EncodeJob, context: WorkerContext) -> EncodeOutcome:
    assert job.temp_dir is not None
    path = Path(job.temp_dir, f"part.{job.settings.container}")
    path.write_bytes((_TARGET + job.provenance.encode() + b"\n").ljust(_TARGET_BYTES, b"."))
    size_bytes = path.stat().st_size
    context.on_progress(
        JobProgress(source=job.event_name, phase="encode", frame=24, size_bytes=size_bytes)
    )
    context.failpoint("encoded")
    return EncodeOutcome(
        path=str(path), argv=("ffmpeg",), size_bytes=size_bytes, elapsed_s=0.01, frames=24
    )


class FakeClips:
    """Makes sources that `probe` takes for films; of other arguments, other bytes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, name: str, *arguments: str) -> Path:
        text = _SOURCE + " ".join((name, *arguments)).encode()
        path = self._folder / text.hex()[-60:] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.ljust(_SOURCE_BYTES, b"."))
        return path


def probe_fake(file: LibraryFile, tools: Tools, **_: object) -> Source:
    """In place of ffprobe. Raises ProbeError for what is neither a fake source nor a target."""
    content = Path(file.path).read_bytes()
    size_bytes = len(content)
    if content.startswith(_TARGET):
        tag = content.removeprefix(_TARGET).partition(b"\n")[0].decode()
        return source(main=video(codec="av1"), size_bytes=size_bytes, provenance=tag)
    if content.startswith(_SOURCE):
        is_mp4 = os.path.splitext(file.path)[1] == ".mp4"
        container = "mov,mp4,m4a,3gp,3g2,mj2" if is_mp4 else "matroska,webm"
        return source(container=container, size_bytes=size_bytes)
    raise ProbeError("no video", where=file.path)


def without_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> FakeWorker:
    """Have runs of this test use the fake worker, and find and probe no program or file."""
    worker = FakeWorker()
    monkeypatch.setattr(runs, "worker", worker)
    monkeypatch.setattr(workspace, "find_tools", lambda **_: TOOLS)
    monkeypatch.setattr(probe, "probe_file", probe_fake)
    monkeypatch.setattr(probe_many, "probe_file", probe_fake)
    monkeypatch.setattr(local_disk, "probe_file", probe_fake)
    monkeypatch.setattr(film, "look_along", lambda *_args, **_kinds: FilmFacts())
    return worker
