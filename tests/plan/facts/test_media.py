"""Facts of real clips, as ffprobe and FFmpeg tell them, plan identically to the clips."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from av1rules.ffmpeg.tools import Tools
from av1rules.plan.facts.export import export_facts
from av1rules.plan.facts.private import PrivateExport
from av1rules.plan.facts.write import write_facts
from av1rules.plan.workspace import open_workspace
from tests.facts_of import assert_facts_plan_alike, plan_of_facts
from tests.plan.facts.test_private import seen
from tests.sample_library import SampleLibrary

pytestmark = [pytest.mark.real, pytest.mark.media]

RULES = """\
version: 1
library: {{roots: ["{media}"], settle: 0}}
output: {{mode: mirror, root: out}}
rules:
  - {{name: large, when: {{height: {{min: 1080}}}}, encode: {{crf: 24, container: mp4}}}}
  - name: tracks
    when: {{audio_language: [eng, ger]}}
    encode: {{audio: {{keep: [original, eng]}}}}
  - {{name: rest, encode: {{crf: 30}}, review: never}}
"""


def test_facts_of_real_clips(library: SampleLibrary, media_dir: Path, tools: Tools) -> None:
    library.rules_file.write_text(RULES.format(media=media_dir))
    with open_workspace(library.rules_file, write=False) as workspace:
        assert_facts_plan_alike(workspace)
        hidden = PrivateExport(workspace)
        goal = library.folder / "private.jsonl.gz"
        write_facts(hidden.lines(export_facts(workspace)), goal)
    assert hidden.planned_otherwise == 0
    assert seen(plan_of_facts(goal, library.ruleset())) == seen(library.plan())
    assert os.path.getsize(goal) < 2_000_000
