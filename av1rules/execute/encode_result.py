"""What a worker hands back, as plain values that can be pickled. Pure."""

from __future__ import annotations

import msgspec

from av1rules.encode.encode import EncodeOutcome
from av1rules.encode.verify import Verification
from av1rules.ledger.records import AttemptResult
from av1rules.media.source import VideoStream
from av1rules.policy.quality_spec import GateScope
from av1rules.quality.result import Score


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """Why a gate does not let an encode pass: remembered for its content and settings.

    `size_bytes` is the size of the result, or the projected one. `measured` are the figures that
    the floors of a quality gate were compared with, by the key of the floor.
    """

    kind: AttemptResult
    detail: str
    size_bytes: int
    measured: tuple[tuple[str, float], ...] = ()


class QualityScores(msgspec.Struct, frozen=True, kw_only=True):
    """What an encode scored; `problem` says why there are no scores."""

    scope: GateScope | None = None  # None: the policy asks for no scores
    scores: tuple[Score, ...] = ()
    problem: str | None = None


class VerifiedEncode(msgspec.Struct, frozen=True, kw_only=True):
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


class EncodedExcerpts(msgspec.Struct, frozen=True, kw_only=True):
    """Excerpts of a source, encoded and scored; `score_problem` says why there are no scores."""

    encoded: EncodeOutcome
    main: VideoStream
    scores: tuple[Score, ...] = ()
    score_problem: str | None = None
