"""Power goes while a decision is written: `approvals.yaml` is whole, and what a command has said is
decided stays so."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.approvals.model import Answer
from av1rules.approvals.read import parse_approvals
from tests.conftest import MakeClip
from tests.powerloss.disk import Recording
from tests.powerloss.harness import FIGURES, empty_folder
from tests.powerloss.models import Model, crashes, one_model
from tests.powerloss.record import read_calls, record
from tests.sample_library import FAST, SampleLibrary

pytestmark = pytest.mark.real

RULES = (
    "version: 1\nlibrary: {roots: [films], settle: 0}\noutput: {mode: mirror, root: out}\n"
    "run: {reserve: 0}\n"
    f"rules: [{{name: all, encode: {{{FAST}}}, review: each}}]\n"
)


@pytest.fixture
def waiting(recorder: None, tmp_path: Path, make_clip: MakeClip) -> SampleLibrary:
    """Two films whose clips wait."""
    library = SampleLibrary(folder=tmp_path / "library", clip=tmp_path)
    (library.folder / "films").mkdir(parents=True)
    library.rules(RULES)
    for number, name in enumerate(("a.mkv", "b.mkv")):
        picture = f"testsrc2=s=64x64:r=10:d=1,hue=h={number * 40}"
        clip = make_clip(f"approve-{name}", "-f", "lavfi", "-i", picture, "-c:v", "mpeg4")
        library.add(name, clip)
    assert library.run().clips == 2
    return library


def test_a_decision_is_there_or_not_and_stays_once_it_is_said(
    waiting: SampleLibrary, tmp_path: Path
) -> None:
    recording = Recording({waiting.folder: "library"})
    for name in ("a.mkv", "b.mkv"):
        words = ("clips", "approve", "-f", str(waiting.rules_file), f"films/{name}")
        assert record((str(waiting.rules_file), "0", "cli", *words), tmp_path / "log") == 0
        recording.add(read_calls(tmp_path / "log"))
    file, seen = waiting.folder / "approvals.yaml", set[str]()
    decided = _answers(file)
    assert decided == {"films/a.mkv": Answer.APPROVED, "films/b.mkv": Answer.APPROVED}
    for model in Model:
        for crash in crashes(recording, one_model(model, {"library"}), seen):
            empty_folder(waiting.folder)
            crash.state.restore(recording)
            there = _answers(file)
            assert there.items() <= decided.items(), crash.name
            assert there == decided or crash.end < len(recording.steps), crash.name
            FIGURES["approve", model.value]["clean"] += 1
    assert len(seen) > 20
    waiting.run()
    assert _answers(file) == decided


def _answers(file: Path) -> dict[str, Answer]:
    if not file.exists():
        return {}
    book, problems = parse_approvals(file.read_bytes(), file=str(file))
    assert problems == ()
    return {one.source: one.answer for one in book.decisions}
