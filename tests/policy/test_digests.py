"""Which decisions an edit of the rules can have touched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from av1rules.policy.digests import DecisionDigests, decision_digests
from av1rules.policy.load import load_rules

RULES = """\
version: 1
library: {roots: [films]}
output: {mode: mirror, root: out}
defaults: {max_size_ratio: 0.9}
profiles:
  fine: {crf: 20}
rules:
  - {name: uhd, when: {height: {min: 1440}}, encode: {crf: 28}}
  - {name: shows, when: {path: "**/*S01*"}, encode: {use: fine}}
  - {name: old, when: {source_tier: low-quality}, skip: small}
  - {name: films, encode: {}}
"""
NAMES = ("uhd", "shows", "old", "films")


def digests(folder: Path, text: str, *others: str) -> DecisionDigests:
    (folder / "films").mkdir(exist_ok=True)
    (folder / "rules.yaml").write_text(text)
    return decision_digests(load_rules(folder / "rules.yaml"), *others)


@pytest.mark.parametrize(
    ("old", "new", "touched"),
    [
        pytest.param("crf: 28", "crf: 27", "uhd", id="a value of one rule"),
        pytest.param("crf: 20", "crf: 21", "shows", id="a profile: the rule that uses it"),
        pytest.param("skip: small", "skip: poor", "old", id="a reason"),
        pytest.param("encode: {}", "encode: {preset: 5}", "films", id="the last rule"),
        pytest.param("S01", "S02", "shows old films no rule", id="a condition: all from it on"),
        pytest.param("1440", "1441", "uhd shows old films no rule", id="the first condition"),
        pytest.param("0.9", "0.8", "uhd shows old films", id="defaults: every rule, not no rule"),
        pytest.param(
            "name: shows", "name: series", "shows old films no rule", id="a name: all from it on"
        ),
        pytest.param("root: out", "root: to", "uhd shows old films no rule", id="the output"),
        pytest.param(
            "\nrules:\n",
            "\nrules:\n  - {name: extras, when: {path: 'x/**'}, skip: true}\n",
            "uhd shows old films no rule",
            id="a new rule in front",
        ),
        pytest.param(
            "  - {name: films",
            "  - {name: extras, when: {path: 'x/**'}, skip: true}\n  - {name: films",
            "films no rule",
            id="a new rule before the last",
        ),
        pytest.param("version: 1", "# ours\n\nversion: 1", "", id="lines in front"),
        pytest.param("encode: {}}", "encode: {}}  # no change", "", id="a comment behind"),
    ],
)
def test_an_edit_touches_only_what_depends_on_it(
    tmp_path: Path, old: str, new: str, touched: str
) -> None:
    before = digests(tmp_path, RULES)
    assert RULES.count(old) == 1
    after = digests(tmp_path, RULES.replace(old, new))
    found = [name for name in NAMES if not after.still_holds(name, before)]
    found += [] if after.still_holds(None, before) else ["no rule"]
    assert " ".join(found) == touched


def test_two_rules_in_exchanged_order_touch_both_and_what_is_between(tmp_path: Path) -> None:
    lines = RULES.splitlines(keepends=True)
    lines[-3], lines[-2] = lines[-2], lines[-3]
    before, after = digests(tmp_path, RULES), digests(tmp_path, "".join(lines))
    holding = [name for name in NAMES if after.still_holds(name, before)]
    assert holding == ["uhd"]


def test_what_is_besides_the_rules_touches_everything(tmp_path: Path) -> None:
    before, after = digests(tmp_path, RULES, "tools 1"), digests(tmp_path, RULES, "tools 2")
    assert not any(after.still_holds(name, before) for name in (*NAMES, None))
    assert not after.still_holds("gone", before)


SCRIPT = """\
import sys
from pathlib import Path
from av1rules.policy.digests import decision_digests
from av1rules.policy.load import load_rules
found = decision_digests(load_rules(Path(sys.argv[1])))
print(found.base, *found.rules.values(), found.no_rule)
"""


def test_the_digests_are_those_of_another_process(tmp_path: Path) -> None:
    """Settings hold sets, whose order differs from process to process."""
    text = RULES.replace("{crf: 28}", "{crf: 28, accept: [captions, alpha, chroma, damage]}")
    here = digests(tmp_path, text)
    for seed in ("1", "2", "3"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(tmp_path / "rules.yaml")],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
            text=True,
        )
        assert done.stdout.split() == [here.base, *here.rules.values(), here.no_rule]
