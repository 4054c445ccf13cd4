"""Quality as a policy asks for it: a target that a CRF is searched for, and a gate that an encode
must pass before it is published. Pure."""

from __future__ import annotations

from enum import Enum

import msgspec


class Metric(Enum):
    """A way of comparing pictures. The value is the name in rules, reports and files."""

    VMAF = "vmaf"
    XPSNR = "xpsnr"
    SSIM = "ssim"
    PSNR = "psnr"


BEST_POSSIBLE = {Metric.VMAF: 100.0, Metric.XPSNR: 100.0, Metric.SSIM: 1.0, Metric.PSNR: 100.0}
"""What no figure is above: decibels of equal pictures count as 100 (see `encode.score_parse`)."""


class Statistic(Enum):
    """Which figure of all the pictures counts. The value is the name in rules and files.

    `P5` is the best of the worst 5 % of pictures; `WORST_SECOND` the lowest mean of a second.
    """

    MEAN = "mean"
    HARMONIC_MEAN = "harmonic_mean"
    P5 = "p5"
    P1 = "p1"
    WORST_SECOND = "worst_second"


class Otherwise(Enum):
    """What is done with a film that no CRF of the range is good enough for."""

    BEST = "best"  # encoded with the lowest CRF of the range
    SKIP = "skip"
    HOLD = "hold"


class Floor(msgspec.Struct, frozen=True, kw_only=True):
    """What one figure must at least be: VMAF from 0 to 100, SSIM to 1, XPSNR and PSNR in dB."""

    metric: Metric
    statistic: Statistic
    value: float

    @property
    def key(self) -> str:
        """As `quality_gate` of a rules file has it: `vmaf_p5`."""
        return f"{self.metric.value}_{self.statistic.value}"

    @property
    def text(self) -> str:
        return f"{figure_name(self.metric, self.statistic)} at least {self.value:g}"


def figure_name(metric: Metric, statistic: Statistic) -> str:
    """In words: `VMAF p5`, `SSIM worst second`."""
    return f"{metric.value.upper()} {statistic.value.replace('_', ' ')}"


CRF_STEP = 0.25
"""Of SVT-AV1's scale; finer ones make no difference."""

TARGET_CRF_MIN, TARGET_CRF_MAX = 10.0, 50.0
"""Where a CRF is searched for if the policy does not say: below, files outgrow their sources;
above, pictures fall apart whatever VMAF says of them."""


class QualityTarget(msgspec.Struct, frozen=True, kw_only=True):
    """The highest CRF (smallest file) from `crf_min` to `crf_max` that keeps to `floor`."""

    floor: Floor
    crf_min: float = TARGET_CRF_MIN
    crf_max: float = TARGET_CRF_MAX
    otherwise: Otherwise = Otherwise.HOLD

    @property
    def text(self) -> str:
        """For people, and part of every fingerprint of such a target: never reworded."""
        return f"{self.floor.text}, CRF {self.crf_min:g} to {self.crf_max:g}"


class GateScope(Enum):
    """What is scored before publication."""

    SAMPLES = "samples"  # short passages, spread over the film
    WHOLE = "whole"


class QualityGate(msgspec.Struct, frozen=True, kw_only=True):
    """What a finished encode is scored by before it is published. Without floors it is scored for
    the record only, by VMAF where that is there."""

    floors: tuple[Floor, ...] = ()
    scope: GateScope = GateScope.SAMPLES

    @property
    def text(self) -> str:
        what = ", ".join(floor.text for floor in self.floors) or "scored for the record"
        return f"{what} (on {'samples' if self.scope is GateScope.SAMPLES else 'the whole film'})"


def shortfall(gate: QualityGate | None, figures: tuple[tuple[str, float], ...]) -> str | None:
    """Which floors were not kept to, in words; None where all were, or are not known. `figures` by
    the key of the floor."""
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
