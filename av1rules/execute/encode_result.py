"""What a worker hands back, as plain values that can be pickled. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from av1rules.encode.encode import EncodeOutcome
from av1rules.encode.verify import Verification
from av1rules.ledger.records import AttemptResult
from av1rules.media.source import VideoStream
from av1rules.policy.quality_spec import GateScope
from av1rules.quality.result import Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Why a gate does not let an encode pass: remembered for its content and settings.

    `size_bytes` is the size of the result, or the projected one. `measured` are the figures that
    the floors of a quality gate were compared with, by the key of the floor.
    """

    kind: AttemptResult
    detail: str
    size_bytes: int
    measured: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityScores:
    """What an encode scored; `problem` says why there are no scores."""

    scope: GateScope | None = None  # None: the policy asks for no scores
    scores: tuple[Score, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedEncode:
    """A result that is verified and has passed the gates, in the temporary folder of its job.

    `content_key`, `head_key` and `digest` are of its bytes.
    """

    encoded: EncodeOutcome
    verified: Verification
    quality: QualityScores
    content_key: str
    head_key: str
    digest: str


EncodeResult = VerifiedEncode | Rejection


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedExcerpts:
    """Excerpts of a source, encoded and scored; `score_problem` says why there are no scores."""

    encoded: EncodeOutcome
    main: VideoStream
    scores: tuple[Score, ...] = ()
    score_problem: str | None = None
