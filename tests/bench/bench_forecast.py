"""How far off forecasts are: on real encodes of the clips, and on a history that is made up.

`python -m tests.bench.bench_forecast MEDIA_FOLDER` encodes every small clip once (some minutes) and
prints the median error, and how many came out inside the 80 % interval: with built-in figures
alone, and each clip from all others (leave one out). Nothing is asserted.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from av1rules.forecast.calibration import ErrorStats, error_stats
from av1rules.forecast.model import Model, PastEncode, total_of
from av1rules.forecast.training import past_encodes
from av1rules.ledger.history import recent_encodes
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import Interval
from tests.bench.forecast_library import make_library
from tests.forecast.past_encodes import SharedLibrary

FEW = (0, 1, 3, 10, 30, 100, 300)
"""So many encodes are known when the next 50 are foretold."""


def main(media: Path, folder: Path) -> None:
    if not (folder / ".av1rules").exists():
        make_library(folder, media)
    cores = os.cpu_count() or 1
    with closing(Ledger.read(folder / ".av1rules")) as ledger:
        samples = past_encodes(recent_encodes(ledger, 10_000), cores=cores)
    print(f"{len(samples)} real encodes on {cores} cores")
    built_in = Model(cores=cores)
    _tell("built-in figures", samples, [built_in] * len(samples))
    others = [Model([*samples[:at], *samples[at + 1 :]], cores=cores) for at in range(len(samples))]
    _tell("leave one out", samples, others)
    made_up(cores=2)


def made_up(*, cores: int) -> None:
    print("made-up history, 40 worlds; the next 50 films of each")
    for known in FEW:
        times: list[tuple[Interval, float]] = []
        sizes: list[tuple[Interval, float]] = []
        totals: list[tuple[Interval, float]] = []
        for seed in range(40):
            world = SharedLibrary(random.Random(seed), cores=cores)
            model = Model(world.films(known), cores=cores)
            films = world.films(50)
            forecasts = [model.forecast(film.traits) for film in films]
            pairs = list(zip(forecasts, films, strict=True))
            times += [(one.seconds, film.seconds) for one, film in pairs]
            sizes += [(one.size_bytes, film.size_bytes) for one, film in pairs]
            totals.append((total_of(forecasts).seconds, sum(film.seconds for film in films)))
        print(
            f"  {known:4} known: time {_shown(error_stats(times))}; size"
            f" {_shown(error_stats(sizes))}; total time {_shown(error_stats(totals))}"
        )


def _tell(name: str, samples: Sequence[PastEncode], models: Sequence[Model]) -> None:
    pairs = [
        (model.forecast(sample.traits), sample)
        for model, sample in zip(models, samples, strict=True)
    ]
    time = error_stats([(one.seconds, sample.seconds) for one, sample in pairs])
    size = error_stats([(one.size_bytes, sample.size_bytes) for one, sample in pairs])
    print(f"  {name}: time {_shown(time)}; size {_shown(size)}")


def _shown(quality: ErrorStats) -> str:
    return (
        f"off by {quality.median_error:.0%} (bias {quality.bias:.2f}), {quality.inside:.0%} inside"
    )


if __name__ == "__main__":
    if len(sys.argv) > 2:  # a folder to keep, so that the encodes need not be made again
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as name:
            main(Path(sys.argv[1]), Path(name))
