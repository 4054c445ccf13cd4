"""README says what is so: the policy of `init`, the commands, the tables, the links."""

from __future__ import annotations

import re
from pathlib import Path

from av1rules.cli.main import COMMANDS
from av1rules.cli.policy.init import RULES
from av1rules.policy.settings import TIER_DEFAULTS, SourceTier

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_shows_the_policy_that_init_writes() -> None:
    written = RULES.format(root='"/media/movies"', output='"/media/movies-av1"')
    policy = "".join(line for line in written.splitlines(True) if not line.startswith("#"))
    assert f"```yaml\n{policy}```" in README


def test_names_every_command() -> None:
    named = set(re.findall(r"`av1rules (\w+)", README))
    assert named >= set(COMMANDS)
    assert named <= set(COMMANDS)


def test_shows_the_tier_defaults_of_the_code() -> None:
    for tier, words in {
        SourceTier.REMUX: "CRF 18 (20 above 1080p), preset 3, film grain 8",
        SourceTier.WEB_DL: "CRF 26 (28 above 1080p), preset 5",
        SourceTier.LOW_QUALITY: "CRF 30, preset 6",
    }.items():
        numbers = [int(word) for word in re.findall(r"(?<!\d)\d+(?!\d|p)", words)]
        table = TIER_DEFAULTS[tier]
        wanted = [table.crf, table.crf_uhd, table.preset, table.film_grain]
        assert set(numbers) == {number for number in wanted if number}
        assert words in README


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / link).exists(), link
