"""Quality in a policy: a target that the CRF search must reach, and a gate that an encode must pass
before it is published. Pure."""

from __future__ import annotations

from enum import Enum

import msgspec


class Metric(Enum):
    """A quality metric. The value is its name in rules, reports and files."""

    VMAF = "vmaf"
    XPSNR = "xpsnr"
    SSIM = "ssim"
    PSNR = "psnr"


BEST_POSSIBLE = {Metric.VMAF: 100.0, Metric.XPSNR: 100.0, Metric.SSIM: 1.0, Metric.PSNR: 100.0}
"""The maximum of each metric: identical frames count as 100 dB (see `quality.result`)."""


class Statistic(Enum):
    """The statistic over all frames that counts. The value is its name in rules and files.

    `P5` is the best of the worst 5 % of frames; `WORST_SECOND` the lowest mean of a second.
    """

    MEAN = "mean"
    HARMONIC_MEAN = "harmonic_mean"
    P5 = "p5"
    P1 = "p1"
    WORST_SECOND = "worst_second"


class Otherwise(Enum):
    """What to do with a film for which no CRF of the range is good enough."""

    BEST = "best"  # encoded with the lowest CRF of the range
    SKIP = "skip"
    HOLD = "hold"


class Floor(msgspec.Struct, frozen=True, kw_only=True):
    """The minimum of one statistic: VMAF from 0 to 100, SSIM up to 1, XPSNR and PSNR in dB."""

    metric: Metric
    statistic: Statistic
    value: float

    @property
    def key(self) -> str:
        """As in `quality_gate` of a rules file: `vmaf_p5`."""
        return f"{self.metric.value}_{self.statistic.value}"

    @property
    def text(self) -> str:
        return f"{figure_name(self.metric, self.statistic)} at least {self.value:g}"


def figure_name(metric: Metric, statistic: Statistic) -> str:
    """As text: `VMAF p5`, `SSIM worst second`."""
    return f"{metric.value.upper()} {statistic.value.replace('_', ' ')}"


CRF_STEP = 0.25
"""The steps of SVT-AV1; finer ones make no difference."""

TARGET_CRF_MIN, TARGET_CRF_MAX = 10.0, 50.0
"""The default range of a CRF search: below, files outgrow their sources; above, frames show severe
artefacts whatever their VMAF."""


class QualityTarget(msgspec.Struct, frozen=True, kw_only=True):
    """The highest CRF (smallest file) from `crf_min` to `crf_max` that stays above `floor`."""

    floor: Floor
    crf_min: float = TARGET_CRF_MIN
    crf_max: float = TARGET_CRF_MAX
    otherwise: Otherwise = Otherwise.HOLD

    @property
    def text(self) -> str:
        """Shown to users, and part of every fingerprint with a target: never reword it."""
        return f"{self.floor.text}, CRF {self.crf_min:g} to {self.crf_max:g}"


class GateScope(Enum):
    """The part of an encode that is scored before publication."""

    SAMPLES = "samples"  # short excerpts, spread over the film
    WHOLE = "whole"


class QualityGate(msgspec.Struct, frozen=True, kw_only=True):
    """The scores that a finished encode needs before it is published. Without floors it is scored
    only for the record, by VMAF if available."""

    floors: tuple[Floor, ...] = ()
    scope: GateScope = GateScope.SAMPLES

    @property
    def text(self) -> str:
        what = ", ".join(floor.text for floor in self.floors) or "scored for the record"
        return f"{what} (on {'samples' if self.scope is GateScope.SAMPLES else 'the whole film'})"


def shortfall(gate: QualityGate | None, figures: tuple[tuple[str, float], ...]) -> str | None:
    """The floors that the scores don't reach, as text; None if they reach all, or are unknown.
    `figures` are by floor key."""
    known = dict(figures)
    missed = [
        _missed(floor, known[floor.key])
        for floor in (gate.floors if gate is not None else ())
        if floor.key in known and known[floor.key] < floor.value
    ]
    return f"below the quality floor: {', '.join(missed)}" if missed else None


def _missed(floor: Floor, value: float) -> str:
    name = figure_name(floor.metric, floor.statistic)
    return f"{name} {value:.4g}, wanted at least {floor.value:g}"
