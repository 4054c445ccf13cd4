"""The documents of `clips`."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from av1rules.approvals.model import Answer
from av1rules.ledger.clips import ClipFacts, ClipStatus
from av1rules.report.documents.common import ShownSettings, shown_settings
from av1rules.report.json import JsonDocument


class ShownClipFacts(ClipFacts, frozen=True, kw_only=True):
    """Facts of a clip. `settings` are the film's; sizes in bytes, times in seconds. `pieces` are
    the excerpts in the clip's order, `projected_bytes` is the projected size of the film (null: its
    duration is unknown), `score_problem` says why there are no scores. `is_variant`: made with
    other settings than the film's, only for comparison."""

    settings: ShownSettings


class ClipLine(Struct, frozen=True, kw_only=True):
    """One test clip. Only a variant has `adjust`, the command that chooses it; only a clip that is
    made has `clip`, its file, and what follows. `share` is the projected size of the film relative
    to its source, `made_at` is ISO 8601, UTC."""

    library_path: str
    state: ClipStatus
    text: str
    adjust: str | UnsetType = UNSET
    clip: str | UnsetType = UNSET
    size_bytes: int | UnsetType = UNSET
    made_at: str | UnsetType = UNSET
    fingerprint: str | UnsetType = UNSET
    share: float | UnsetType | None = UNSET
    facts: ShownClipFacts | UnsetType = UNSET


class ClipsDocument(JsonDocument, frozen=True, kw_only=True):
    """Every clip, made or due, waiting ones first; variants follow the clip they belong to."""

    clips: tuple[ClipLine, ...] = ()


class ClipDocument(ClipLine, frozen=True, kw_only=True):
    """One test clip with its variants. Only a variant has `adjust`, the command that chooses it;
    only a clip that is made has `clip`, its file, and what follows."""

    variants: tuple[ClipLine, ...]
    format: Literal[1] = 1


class ClipPlayedDocument(JsonDocument, frozen=True, kw_only=True):
    """The clip that was played, by its file."""

    library_path: str
    clip: str


class ComparisonDocument(JsonDocument, frozen=True, kw_only=True):
    """The HTML page that was written."""

    library_path: str
    page: str


class DecidedClip(Struct, frozen=True, kw_only=True):
    """A decision. `settings` are those that hold for the film from now on, `changed` names what an
    adjustment changed. `before` is the state of the clip before the decision."""

    library_path: str
    decision: Answer
    before: ClipStatus
    settings: ShownSettings
    changed: tuple[str, ...]
    reason: str | None


class ClipDecisionDocument(JsonDocument, frozen=True, kw_only=True):
    """The decisions that were recorded in approvals.yaml, with `dry_run` those that would be."""

    dry_run: bool
    clips: tuple[DecidedClip, ...]


def shown_facts(facts: ClipFacts) -> ShownClipFacts:
    """The facts of a clip, its settings by the names of rules files."""
    fields = msgspec.structs.asdict(facts) | {"settings": shown_settings(facts.settings)}
    return ShownClipFacts(**fields)
