"""Figures that README and docs/ state, beside the constants of the code that they come from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from av1rules.encode.size_gate import (
    LIVE_MARGIN,
    LIVE_MIN_FRAMES,
    LIVE_MIN_SHARE,
    SAMPLE_MARGIN,
    SAMPLED_FROM_S,
)
from av1rules.ffmpeg.mkvtoolnix import MIN_VERSION as MKVTOOLNIX
from av1rules.forecast.model import ENOUGH
from av1rules.forecast.of_plan import LEARNED_FROM
from av1rules.forecast.priors import MORE_PER_DOUBLED_CORES, SAMPLED_SIZE_SPREAD
from av1rules.media.probe.clock_scan import MOST_READS, PLACES
from av1rules.media.probe.ffprobe import MEMORY_BYTES, OUTPUT_BYTES
from av1rules.media.probe.ffprobe_argv import KEY_PACKETS, PACKETS
from av1rules.plan.safety_stop import MANY_MISSING
from av1rules.policy.formats import LEAST_MEMORY
from av1rules.policy.model import DEFAULT_CLIP_S, LibrarySpec, RunSpec, TierThresholds, ToolsSpec
from av1rules.policy.quality_spec import TARGET_CRF_MAX, TARGET_CRF_MIN
from av1rules.policy.settings import EncodeSettings
from av1rules.quality.crf_search import MAX_FAILED_TRIALS, MAX_TRIALS
from av1rules.quality.sampling import EXCERPT_S, TOTAL_S
from av1rules.report.forecast import NEEDED
from tests.faults.scenarios import SCENARIOS
from tests.faults.test_kill import SAMPLE

ROOT = Path(__file__).parents[1]
WORDS = {3: "three", 5: "five", 10: "ten", 11: "eleven", 12: "twelve"}

TIERS = TierThresholds()
RUN = RunSpec(state_dir=ROOT)
SETTINGS = EncodeSettings(crf=30, preset=6)

FIGURES = {
    "README.md": (
        f"MKVToolNix {MKVTOOLNIX} or later",
        f"FFmpeg >= {ToolsSpec().min_version[0]} and ffprobe",
        f"more than {TIERS.remux_bitrate_1080p / 1e6:.0f} Mb/s at 1080p",
        f"{TIERS.remux_bitrate_2160p / 1e6:.0f} Mb/s at 2160p",
        f"less than {TIERS.low_bitrate_1080p / 1e6:.0f} Mb/s at 1080p",
        f"{DEFAULT_CLIP_S:.0f} seconds of its darkest",
        f"A film of {WORDS[int(SAMPLED_FROM_S) // 60]} minutes or more is first sampled",
        f"A file that fails {WORDS[RUN.max_failures]} times with the same settings",
        f"`max_size_ratio` ({SETTINGS.max_size_ratio:.2f})",
    ),
    "docs/rules.md": (
        f"Fewer than {WORDS[MANY_MISSING]} missing files",
        f"Less than {LEAST_MEMORY // 1024**2} MiB is refused",
    ),
    "docs/quality.md": (
        f"the newest {LEARNED_FROM:,} encodes",
        f"each doubling adds {MORE_PER_DOUBLED_CORES:.0%}".replace("%", " %"),
        f"a spread of {SAMPLED_SIZE_SPREAD.own:.0%}".replace("%", " %"),
        f"at least {WORDS[ENOUGH]} encodes",
        f"fewer than {NEEDED} encodes",
        f"{TOTAL_S / EXCERPT_S:.0f} excerpts of {EXCERPT_S:.0f} s",
        f"at most {MAX_TRIALS} trials",
        f"known after at most {MAX_FAILED_TRIALS + 1}",
        f"more than {SAMPLE_MARGIN} times the largest size",
        f"bounds of {TARGET_CRF_MIN:.0f} and {TARGET_CRF_MAX:.0f}",
    ),
    "docs/reliability.md": (
        f"these {len(SCENARIOS)} kinds of work",
        f"kills {WORDS[len(SAMPLE)]} kinds of work",
    ),
    "docs/decisions.md": (
        f"after {LIVE_MIN_SHARE:.0%} and {LIVE_MIN_FRAMES} frames".replace("%", " %"),
        f"more than {LIVE_MARGIN} x the limit",
        f"the first {PACKETS} packets",
        f"{KEY_PACKETS} packets for a key frame",
        f"read at {PLACES} places",
        f"at most {MOST_READS} in all",
        f"{MEMORY_BYTES // 1024**3} GiB of address space, {OUTPUT_BYTES // 1024**2} MiB of answer",
    ),
}


@pytest.mark.parametrize(
    ("page", "sentence"), [(page, one) for page, figures in FIGURES.items() for one in figures]
)
def test_a_page_has_the_figure_of_the_code(page: str, sentence: str) -> None:
    assert sentence in " ".join((ROOT / page).read_text(encoding="utf-8").split())


def test_a_quarter_of_the_known_files() -> None:
    assert LibrarySpec(roots=()).max_lost == 1 / 4
    assert re.search(r"more than a quarter of its known files", (ROOT / "README.md").read_text())
