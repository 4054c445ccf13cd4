"""Forecasts of single films while a run is at work."""

from __future__ import annotations

import os
import threading

from av1rules.forecast.model import Forecast, Model
from av1rules.forecast.of_plan import LEARNED_FROM, traits_of
from av1rules.forecast.training import past_encodes
from av1rules.ledger.history import recent_encodes
from av1rules.ledger.ledger import Ledger
from av1rules.plan.items import PlannedEncode
from av1rules.policy.model import RunSpec


class FilmForecasts:
    """By what the ledger knew when it was first asked: to learn from thousands of encodes takes
    some tens of milliseconds, and a run of many short films asks for each. For many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._model: Model | None = None

    def of(self, work: PlannedEncode, ledger: Ledger, run: RunSpec) -> Forecast | None:
        """The forecast of one whole encode on this machine; None where its facts do not suffice.
        Raises LedgerError."""
        traits = traits_of(work)
        if traits is None:
            return None
        with self._lock:
            if self._model is None:
                self._model = _learned(ledger, run)
        return self._model.forecast(traits)


def _learned(ledger: Ledger, run: RunSpec) -> Model:
    cores, threads = len(run.cpus) or os.cpu_count() or 1, run.threads_per_job
    samples = past_encodes(recent_encodes(ledger, LEARNED_FROM), cores=cores, threads=threads)
    return Model(samples, cores=cores, threads=threads)
