"""How much smaller a finished target would come out with the settings of now, and whether that is
worth an encode.

The finished target itself is the best forecast: its size, times what the settings change by the
model. Samples of the film with the settings of now count more, where there are any. It is the
middle of the forecast that is compared: the margin is the user's own `N`. Where nothing is known
the target stays.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from msgspec.structs import replace

from av1rules.forecast.model import Model
from av1rules.forecast.of_plan import (
    LEARNED_FROM,
    sampled_contents,
    sampled_size,
    traits_of,
)
from av1rules.forecast.training import past_encodes
from av1rules.ledger.history import recent_encodes
from av1rules.plan.as_made.decide import as_made_cause, left_as_made
from av1rules.plan.freshness import setting_causes
from av1rules.plan.items import (
    ActiveItem,
    Fresh,
    Move,
    PlanItem,
    PlannedEncode,
    coming_encode,
    with_note,
)
from av1rules.plan.workspace import Workspace
from av1rules.policy.redo.choice import Redo, RedoKind


class GainJudge:
    """Judges the rows of one plan by the past encodes of its ledger."""

    def __init__(self, workspace: Workspace, asking: Sequence[PlannedEncode]) -> None:
        run = workspace.ruleset.run
        cores = len(run.cpus) or os.cpu_count() or 1
        samples = past_encodes(
            recent_encodes(workspace.ledger, LEARNED_FROM), cores=cores, threads=run.threads_per_job
        )
        self._model = Model(samples, cores=cores, threads=run.threads_per_job)
        self._workspace = workspace
        self._sampled = sampled_contents(workspace.ledger, [work.content_key for work in asking])

    def judged(self, row: PlanItem) -> PlanItem:
        """The row, or its target left as it was made."""
        work = coming_encode(row)
        if work is None or work.least_gain is None or work.known is None:
            return row
        gain = self.gain(work)
        if gain is not None and gain > work.least_gain:
            return with_note(row, f"{_gain_text(gain)} than the target that is there")
        return _left(row, work, gain)

    def gain(self, work: PlannedEncode) -> float | None:
        """The part of the finished target that a new one would save; None if nothing is known."""
        assert work.known is not None
        size_bytes = self._expected_bytes(work)
        if size_bytes is None or not work.known.target_bytes:
            return None
        return 1 - size_bytes / work.known.target_bytes

    def _expected_bytes(self, work: PlannedEncode) -> float | None:
        known, traits = work.known, traits_of(work)
        if work.content_key in self._sampled:
            seen = sampled_size(work, self._workspace.ledger, self._workspace.tools)
            if seen is not None:
                return seen.size_bytes
        if known is None or traits is None:
            return None
        before = replace(
            traits,
            crf=known.settings.crf,
            preset=known.settings.preset,
            film_grain=known.settings.film_grain,
            bit_depth=known.settings.bit_depth,
        )
        guesses = [self._model.forecast(one).size_guess.mu for one in (before, traits)]
        return known.target_bytes * math.exp(guesses[1] - guesses[0])


def _left(row: PlanItem, work: PlannedEncode, gain: float | None) -> PlanItem:
    assert work.known is not None
    assert work.least_gain is not None
    redo = Redo(kind=RedoKind.GAIN, least_gain=work.least_gain)
    causes = setting_causes(work.known.settings, work.recipe.settings, work.recipe.origins)
    said = "no forecast" if gain is None else _gain_text(gain)
    cause = as_made_cause(causes, f"{said}, on_change: {redo.text}")
    if isinstance(row, ActiveItem) and work.moves_from is not None:
        return Move.of(row, *row.causes[:1], work=work)
    left = left_as_made(work.known.fingerprint, work, redo)
    if gain is None:
        left = replace(left, record=None)
    return Fresh.of(row, cause, as_made=left)


def _gain_text(gain: float) -> str:
    """`12% smaller by the forecast`."""
    return f"{abs(gain):.0%} {'smaller' if gain >= 0 else 'larger'} by the forecast"
