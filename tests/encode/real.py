"""One whole way through the encode floor with real programs: probe, plan, encode, verify."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from av1rules.base.process import Children
from av1rules.encode.encode import EncodeOutcome, encode
from av1rules.encode.encoders.registry import choose_encoder
from av1rules.encode.job import EncodeJob
from av1rules.encode.losses import LossFinding, find_losses
from av1rules.encode.streams import plan_streams
from av1rules.encode.verify import Verification, verify
from av1rules.ffmpeg.tools import Tools
from av1rules.media.probe.ffprobe import probe_file
from av1rules.media.source import Source
from av1rules.policy.settings import EncodeSettings
from tests.conftest import library_file

FAST = EncodeSettings(crf=45, preset=12, encoder="libsvtav1", max_size_ratio=9.0)
"""The fastest there is, never too large: these tests are about streams, not about pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How far a source got. `held` are losses nobody accepted; then there is nothing more."""

    source: Source
    held: tuple[LossFinding, ...]
    job: EncodeJob
    outcome: EncodeOutcome | None = None
    verified: Verification | None = None

    @property
    def failed(self) -> list[str]:
        assert self.verified is not None, [finding.message for finding in self.held]
        return [f"{c.name}: {c.detail}" for c in self.verified.checks if not c.passed]

    @property
    def target(self) -> Source:
        assert self.verified is not None
        assert self.verified.target is not None
        return self.verified.target

    @property
    def path(self) -> Path:
        assert self.outcome is not None
        return Path(self.outcome.path)


def go(path: Path, out: Path, tools: Tools, settings: EncodeSettings = FAST) -> Way:
    source = probe_file(library_file(path), tools)
    encoder = choose_encoder(settings, tools, None)
    streams = plan_streams(source, settings)
    found = find_losses(source, settings, streams, encoder)
    held = tuple(finding for finding in found if not finding.accepted)
    job = EncodeJob(
        source_path=str(path),
        source=source,
        settings=settings,
        encoder=encoder,
        target=str(out / f"{path.name}.{settings.container}"),
        provenance='{"av1rules":1}',
    )
    if held:
        return Way(source=source, held=held, job=job)
    children = Children()
    outcome = encode(job, tools=tools, children=children, on_progress=lambda event: None)
    verified = check(job, outcome, tools)
    return Way(source=source, held=(), job=job, outcome=outcome, verified=verified)


def check(job: EncodeJob, outcome: EncodeOutcome, tools: Tools) -> Verification:
    return verify(job, outcome, tools=tools, children=Children(), on_progress=lambda event: None)
