"""How well a CRF found on samples does for the whole film, and what searching it costs.

`python -m tests.bench.bench_search MEDIA_FOLDER [FOLDER]` makes three films of real clips, encodes
each whole at six CRFs, and searches six targets on samples as a run does (some ten minutes on two
cores). FOLDER keeps films and figures, so that they need not be made again. Nothing is asserted;
tables are Markdown. Figures of a whole film between two of its CRFs are interpolated.
"""

from __future__ import annotations

import math
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import msgspec
from msgspec import structs

from av1rules.base.process import Children
from av1rules.encode.encode import encode
from av1rules.encode.encoders.registry import SELF_TESTS, choose_encoder
from av1rules.encode.excerpt_argv import CLIP_CONTAINER
from av1rules.encode.job import EncodeJob
from av1rules.ffmpeg.locate import find_tools
from av1rules.ffmpeg.tools import Tools
from av1rules.media.cache import lone_file
from av1rules.media.probe.ffprobe import probe_file
from av1rules.media.source import Source
from av1rules.policy.quality_spec import Floor, Metric, QualityTarget, Statistic
from av1rules.policy.settings import EncodeSettings
from av1rules.quality.crf_search import CrfFound, CrfNotReached, TrialPoint, next_step
from av1rules.quality.filtergraph import ScoreInput
from av1rules.quality.result import Score, figure_of
from av1rules.quality.sampling import sample_excerpts
from av1rules.quality.score import measure
from tests.bench.search_films import RATE, films, make_film

PRESET = 10
GRID = (20.0, 26.0, 32.0, 38.0, 44.0, 50.0)
START_CRF = 30.0
METRICS = (Metric.VMAF, Metric.XPSNR, Metric.SSIM)
SAMPLES_S = (24.0, 36.0)
"""The second is what films get."""

FLOORS = (
    Floor(metric=Metric.VMAF, statistic=Statistic.P5, value=85),
    Floor(metric=Metric.VMAF, statistic=Statistic.P5, value=90),
    Floor(metric=Metric.VMAF, statistic=Statistic.P5, value=93),
    Floor(metric=Metric.VMAF, statistic=Statistic.MEAN, value=95),
    Floor(metric=Metric.XPSNR, statistic=Statistic.MEAN, value=36),
    Floor(metric=Metric.SSIM, statistic=Statistic.P5, value=0.97),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One encode of a film or of its samples. Bytes are of the pictures, without a container's."""

    crf: float
    frames: int
    size_bytes: int
    encode_s: float
    score_s: float
    scores: tuple[Score, ...]

    def figure(self, floor: Floor) -> float:
        score = next(score for score in self.scores if score.metric is floor.metric)
        return figure_of(score, floor.statistic)


@dataclass(slots=True, kw_only=True)
class Film:
    """A film, and all that was made of it: by CRF and passages, also in a file beside it."""

    path: Path
    source: Source
    tools: Tools
    made: dict[str, Made]

    @classmethod
    def open(cls, path: Path, tools: Tools) -> Film:
        known = path.with_suffix(".json")
        made = (
            msgspec.json.decode(known.read_bytes(), type=dict[str, Made]) if known.exists() else {}
        )
        return cls(
            path=path, source=probe_file(lone_file(str(path)), tools), tools=tools, made=made
        )

    def at(self, crf: float, passages: tuple[tuple[float, float], ...] = ()) -> Made:
        key = f"{crf:g} {PRESET} {passages}"
        if key not in self.made:
            self.made[key] = self._make(crf, passages)
            self.path.with_suffix(".json").write_bytes(msgspec.json.encode(self.made))
        return self.made[key]

    def _make(self, crf: float, passages: tuple[tuple[float, float], ...]) -> Made:
        settings = EncodeSettings(crf=crf, preset=PRESET, max_size_ratio=99.0)
        if passages:
            settings = structs.replace(settings, container=CLIP_CONTAINER)
        with tempfile.TemporaryDirectory(dir=self.path.parent) as folder:
            job = EncodeJob(
                source_path=str(self.path),
                source=self.source,
                settings=settings,
                encoder=choose_encoder(settings, self.tools, None),
                target=f"{folder}/out.{settings.container}",
                provenance="{}",
                temp_dir=folder,
                passages=passages,
            )
            children = Children()
            encoded = encode(job, tools=self.tools, children=children, on_progress=lambda _: None)
            main = probe_file(lone_file(encoded.path), self.tools).main
            assert main is not None
            started = time.monotonic()
            scores = measure(
                ScoreInput(path=job.source_path, stream=job.main, passages=passages),
                ScoreInput(path=encoded.path, stream=main),
                metrics=METRICS,
                tools=self.tools,
                children=children,
            )
        return Made(
            crf=crf,
            frames=encoded.frames or 0,
            size_bytes=encoded.size_bytes,
            encode_s=encoded.elapsed_s,
            score_s=time.monotonic() - started,
            scores=scores,
        )

    def whole(self, crf: float, floor: Floor) -> float:
        """The figure of the whole film; in between by the line."""
        return _between(crf, [(one, self.at(one).figure(floor)) for one in GRID])

    def whole_bytes(self, crf: float) -> float:
        """Sizes halve with CRF rather than fall by bytes: the line is one of logarithms."""
        return math.exp(_between(crf, [(one, math.log(self.at(one).size_bytes)) for one in GRID]))

    def right_crf(self, floor: Floor) -> float | None:
        """The highest CRF with which the whole film keeps to the floor; None: no CRF does."""
        steps = [GRID[0] + step / 4 for step in range(int((GRID[-1] - GRID[0]) * 4) + 1)]
        return max((crf for crf in steps if self.whole(crf, floor) >= floor.value), default=None)


def _between(crf: float, points: Sequence[tuple[float, float]]) -> float:
    (low, low_y), (high, high_y) = next(pair for pair in pairwise(points) if crf <= pair[1][0])
    return low_y + (crf - low) / (high - low) * (high_y - low_y)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One search: what it found, and what is right."""

    film: str
    floor: Floor
    right: float | None
    found: CrfFound | CrfNotReached
    whole_value: float | None
    size_ratio: float | None  # real to projected
    time_ratio: float | None
    probe_film_s: float  # so much of the film is encoded in the time that one trial takes

    @property
    def off_crf(self) -> float | None:
        if self.right is None or isinstance(self.found, CrfNotReached):
            return None
        return self.found.crf - self.right

    @property
    def is_inside(self) -> bool:
        """Where the end of the range is right, nothing can be off."""
        return self.right is not None and GRID[0] < self.right < GRID[-1]


def search(film: Film, floor: Floor, *, total_s: float) -> Row:
    passages = sample_excerpts(film.source, total_s=total_s)
    target = QualityTarget(floor=floor, crf_min=GRID[0], crf_max=GRID[-1])
    trials: list[TrialPoint] = []
    while not isinstance(
        step := next_step(target, trials, start=START_CRF), CrfFound | CrfNotReached
    ):
        trials.append(TrialPoint(crf=step, value=film.at(step, passages).figure(floor)))
    tried = [film.at(trial.crf, passages) for trial in trials]
    crf = step.crf if isinstance(step, CrfFound) else None
    nearest = film.at(min(GRID, key=lambda one: abs(one - (crf or START_CRF))))
    final = next((one for one in tried if one.crf == crf), None)
    return Row(
        film=film.path.stem,
        floor=floor,
        right=film.right_crf(floor),
        found=step,
        whole_value=None if crf is None else film.whole(crf, floor),
        size_ratio=None if final is None else _size_ratio(film, final),
        time_ratio=None if final is None else _time_ratio(nearest, final),
        probe_film_s=statistics.fmean(one.encode_s + one.score_s for one in tried)
        / (nearest.encode_s / nearest.frames * RATE),
    )


def _size_ratio(film: Film, sample: Made) -> float:
    projected = sample.size_bytes / sample.frames * film.at(GRID[0]).frames
    return film.whole_bytes(sample.crf) / projected


def _time_ratio(whole: Made, sample: Made) -> float:
    return whole.encode_s / whole.frames / (sample.encode_s / sample.frames)


def table(rows: Sequence[Row]) -> Iterator[str]:
    yield "| film | wanted | right CRF | found | film then has | trials | real / projected size |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        name = row.floor.text.replace(" at least", "")
        right = "none" if row.right is None else f"{row.right:g}"
        found = f"{row.found.crf:g}" if isinstance(row.found, CrfFound) else "none"
        value = "" if row.whole_value is None else f"{row.whole_value:.4g}"
        ratio = "" if row.size_ratio is None else f"{row.size_ratio:.2f}"
        trials = len(row.found.trials)
        yield f"| {row.film} | {name} | {right} | {found} | {value} | {trials} | {ratio} |"


def summary(rows: Sequence[Row]) -> Iterator[str]:
    offs = [row.off_crf for row in rows if row.off_crf is not None and row.is_inside]
    vmaf = [
        row.whole_value - row.floor.value
        for row in rows
        if row.whole_value is not None and row.floor.metric is Metric.VMAF and row.is_inside
    ]
    yield f"- CRF off by {statistics.median(map(abs, offs)):.2f} (median), at most {_widest(offs)}"
    yield (
        f"- VMAF of the whole film beside the floor: {min(vmaf):+.2f} to {max(vmaf):+.2f}, "
        f"mean {statistics.fmean(vmaf):+.2f}"
    )
    yield f"- trials: {statistics.fmean(len(row.found.trials) for row in rows):.1f} on average"
    for name in ("size_ratio", "time_ratio"):
        logs = [math.log(ratio) for row in rows if (ratio := getattr(row, name)) is not None]
        mean, sd = statistics.fmean(logs), statistics.pstdev(logs)
        yield f"- {name}, real to projected: log mean {mean:+.3f}, sd {sd:.3f}"
    cost_s = statistics.median(row.probe_film_s for row in rows)
    yield f"- a trial, scored, takes as long as encoding {cost_s:.0f} s of the film"


def _widest(values: Sequence[float]) -> str:
    return f"{max(values, key=abs):+.2f}"


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(media: Path, folder: Path) -> None:
    tools = find_tools(ffmpeg=None, ffprobe=None, min_version=(8, 0), self_tests=SELF_TESTS)
    folder.mkdir(parents=True, exist_ok=True)
    opened: list[Film] = []
    for name, scenes in films().items():
        path = folder / f"{name}.mkv"
        if not path.exists():
            make_film(scenes, path, media=media, ffmpeg=tools.ffmpeg)
        opened.append(film := Film.open(path, tools))
        whole = [film.at(crf) for crf in GRID]
        tell(f"{name}: {len(scenes)} scenes, {whole[0].frames} pictures")
    for total_s in SAMPLES_S:
        tell(f"\nsamples of {total_s:g} s\n")
        rows = [search(film, floor, total_s=total_s) for film in opened for floor in FLOORS]
        for line in (*table(rows), "", *summary(rows)):
            tell(line)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as name:
            main(Path(sys.argv[1]), Path(name))
