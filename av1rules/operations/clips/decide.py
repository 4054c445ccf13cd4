"""What a person says of a clip, written to approvals.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from av1rules.approvals.author import author
from av1rules.approvals.file import approvals_path, record
from av1rules.approvals.model import Answer, ClipDecision, Decisions, all_changes, new_decision
from av1rules.operations.clips.review import ClipView
from av1rules.plan.workspace import Workspace


def decide_clip(
    workspace: Workspace,
    view: ClipView,
    answer: Answer,
    *,
    reason: str | None = None,
    changes: Mapping[str, object] | None = None,
) -> tuple[ClipDecision, Decisions]:
    """Record the decision on a current clip; returns it and all decisions with their lines.

    Raises UsageError for an old clip, a rejection without a reason or an adjustment that changes
    nothing; Av1rulesError, RulesError where the file can't be written or read.
    """
    made = view.require_current()
    facts = made.facts
    path = approvals_path(workspace.ruleset.file)
    wanted = None
    if changes is not None:
        wanted = all_changes(workspace.book, facts.content_key, changes)
    decision = new_decision(
        answer,
        source=view.source,
        content_key=facts.content_key,
        settings=facts.settings,
        rule=facts.rule,
        by=author(path.absolute().parent),
        at=datetime.now(UTC),
        reason=reason,
        changes=wanted,
    )
    return decision, record(path, decision)
