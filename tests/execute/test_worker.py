"""The worker takes and gives plain values: what it does in another process is what it does here."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError, DiskFullError, EncodeError
from av1rules.base.events import JobProgress
from av1rules.encode.encoders.registry import choose_encoder
from av1rules.encode.job import EncodeJob
from av1rules.execute.quality_gate import Rejection
from av1rules.execute.worker import (
    EncodedExcerpts,
    EncodeResult,
    VerifiedEncode,
    WorkerContext,
    encode_and_verify,
    encode_excerpts,
)
from av1rules.ffmpeg.tools import Tools
from av1rules.ledger.records import AttemptResult
from av1rules.media.probe.ffprobe import probe_file
from av1rules.policy.quality_spec import Floor, GateScope, Metric, QualityGate, Statistic
from av1rules.policy.settings import EncodeSettings
from tests.conftest import library_file

SETTINGS = EncodeSettings(crf=45, preset=12, encoder="libsvtav1", max_size_ratio=9.0)


def job_for(clip: Path, folder: Path, tools: Tools, settings: EncodeSettings) -> EncodeJob:
    folder.mkdir(exist_ok=True)
    return EncodeJob(
        source_path=str(clip),
        source=probe_file(library_file(clip), tools),
        settings=settings,
        encoder=choose_encoder(settings, tools, None),
        target=str(folder / "film.mkv"),
        provenance='{"av1rules":1}',
        library_path="films/film.mkv",
        temp_dir=str(folder),
    )


def gate(floor: float) -> QualityGate:
    """At least this PSNR."""
    return QualityGate(
        scope=GateScope.WHOLE,
        floors=(Floor(metric=Metric.PSNR, statistic=Statistic.MEAN, value=floor),),
    )


def worked(job: EncodeJob, tools: Tools) -> EncodeResult:
    """In the process of a worker, which has nothing but what it was sent."""
    return encode_and_verify(job, tools, WorkerContext())


@pytest.mark.real
def test_a_job_comes_out_the_same_in_another_process(
    clip: Path, tmp_path: Path, tools: Tools
) -> None:
    job = job_for(clip, tmp_path / "work", tools, replace(SETTINGS, quality_gate=gate(10.0)))
    assert pickle.loads(pickle.dumps(job)) == job
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        there = pool.submit(worked, job, tools).result()
    assert isinstance(there, VerifiedEncode)
    os.unlink(there.encoded.path)
    phases: list[str] = []
    failpoints: list[str] = []

    def on_progress(event: JobProgress) -> None:
        assert event.source == "films/film.mkv"
        phases.append(event.phase)

    context = WorkerContext(on_progress=on_progress, failpoint=failpoints.append)
    here = encode_and_verify(job, tools, context)
    assert isinstance(here, VerifiedEncode)
    assert (here.digest, here.content_key, here.head_key) == (
        there.digest,
        there.content_key,
        there.head_key,
    )
    assert here.encoded.argv == there.encoded.argv
    assert here.verified.checks == there.verified.checks
    assert here.quality == there.quality
    assert list(dict.fromkeys(phases)) == ["encode", "verify", "score"]
    assert failpoints == ["encoded", "verified"]
    assert pickle.loads(pickle.dumps(here)) == here


@pytest.mark.real
def test_what_is_too_large_is_not_verified(clip: Path, tmp_path: Path, tools: Tools) -> None:
    job = job_for(clip, tmp_path, tools, replace(SETTINGS, max_size_ratio=0.001))
    failpoints: list[str] = []
    result = encode_and_verify(job, tools, WorkerContext(failpoint=failpoints.append))
    assert isinstance(result, Rejection)
    assert result.kind is AttemptResult.TOO_LARGE
    assert result.detail.endswith("the policy keeps at most 0%")
    assert failpoints == ["encoded"]


@pytest.mark.real
def test_what_is_below_a_floor_is_rejected_with_its_figures(
    clip: Path, tmp_path: Path, tools: Tools
) -> None:
    job = job_for(clip, tmp_path, tools, replace(SETTINGS, quality_gate=gate(99.0)))
    result = encode_and_verify(job, tools, WorkerContext())
    assert isinstance(result, Rejection)
    assert result.kind is AttemptResult.TOO_POOR
    ((key, value),) = result.measured
    assert key.startswith("psnr")
    assert 10 < value < 99


@pytest.mark.real
def test_excerpts_are_scored_against_the_source(clip: Path, tmp_path: Path, tools: Tools) -> None:
    job = replace(job_for(clip, tmp_path, tools, SETTINGS), passages=((0.0, 0.5),))
    made = encode_excerpts(job, tools, (Metric.PSNR,), WorkerContext())
    assert isinstance(pickle.loads(pickle.dumps(made)), EncodedExcerpts)
    assert made.main.codec == "av1"
    assert [score.metric for score in made.scores] == [Metric.PSNR]


@pytest.mark.parametrize(
    "problem",
    [
        EncodeError("failed", hint="try again", where="films/a.mkv"),
        DiskFullError("the disk is full", place="/tmp", hint="free some space"),
    ],
)
def test_errors_come_back_from_another_process(problem: Av1rulesError) -> None:
    back = pickle.loads(pickle.dumps(problem))
    assert type(back) is type(problem)
    assert vars(back) == vars(problem)
    assert str(back) == str(problem)
