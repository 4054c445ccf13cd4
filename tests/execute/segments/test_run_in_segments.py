"""Films in segments, from a rules file to the target: what a failure leaves for the next run."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from av1rules.base.errors import EncodeError
from av1rules.base.hashing import file_digest
from av1rules.encode.segments.make import SegmentMaker
from av1rules.encode.segments.orders import SegmentOrder
from av1rules.encode.segments.records import FinishedSegment
from av1rules.execute.segments import checkpoints
from av1rules.ffmpeg.run import OnSample
from av1rules.ffmpeg.tools import Tools
from av1rules.forecast.of_plan import Budget, forecast_plan
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.provenance import parse_provenance
from av1rules.ledger.receipt import parse_receipt
from av1rules.media.probe.ffprobe import probe_file
from av1rules.operations.status import read_status
from av1rules.plan.context import PlanRequest
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from av1rules.report.status import status_text
from tests.cli.test_commands import av1rules
from tests.conftest import MakeClip, library_file
from tests.sample_library import FAST, SampleLibrary

pytestmark = pytest.mark.real

KEYINT = 24
RULES = """\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: mirror, root: out, copies: encode, receipts: json}}
run: {{reserve: 0, max_failures: 9, segments: {segments}{more}}}
rules:
  - name: all
    encode: {{{fast}, keyint: "24"{settings}}}
    review: never
"""
ALWAYS = "{from: 0, length: 1}"


@pytest.fixture(scope="session")
def film(make_clip: MakeClip) -> Path:
    """Six segments of 24 pictures, the last of 12, in groups of 50 pictures with sound."""
    return make_clip(
        "six-segments.mkv",
        "-f", "lavfi", "-i", "testsrc2=s=128x96:r=24:d=5.5,noise=alls=12:allf=t",
        "-f", "lavfi", "-i", "sine=f=440:d=5.5",
        "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p",
        "-x264-params", "open-gop=1:keyint=50:bframes=3", "-c:a", "ac3",
    )  # fmt: skip


def rules(
    library: SampleLibrary, segments: str = ALWAYS, *, settings: str = "", more: str = ""
) -> None:
    library.rules(RULES.format(segments=segments, fast=FAST, settings=settings, more=more))


def kept(library: SampleLibrary) -> list[str]:
    return sorted(
        f"{folder.name}/{file.name}"
        for folder in library.folder.rglob("*.segments")
        for file in folder.iterdir()
    )


def recorded(library: SampleLibrary) -> list[int]:
    ledger = Ledger.read(library.state_dir)
    try:
        return [
            segment.number
            for film in ledger.segmented.all()
            for segment in ledger.segments.of(film.folder)
        ]
    finally:
        ledger.close()


def status(library: SampleLibrary) -> list[str]:
    ledger = Ledger.read(library.state_dir)
    try:
        return status_text(read_status(ledger, library.ruleset())).splitlines()
    finally:
        ledger.close()


class Broken:
    """Makes segments until it has made `count`; then the encode fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
        self.made: list[int] = []
        make = SegmentMaker.make

        def failing(
            maker: SegmentMaker, order: SegmentOrder, on_sample: OnSample
        ) -> FinishedSegment:
            if len(self.made) >= count:
                raise EncodeError("the power is gone", hint="wait")
            self.made.append(order.number)
            return make(maker, order, on_sample)

        monkeypatch.setattr(SegmentMaker, "make", failing)


def test_a_film_in_segments_is_sound_and_says_how_it_was_made(
    library: SampleLibrary, film: Path, tools: Tools
) -> None:
    rules(library)
    library.add("film.mkv", film)
    finished = library.run()
    assert (finished.done, finished.failed) == (1, 0), library.output()
    probed = probe_file(library_file(library.target("film.mkv")), tools)
    assert probed.provenance is not None
    assert parse_provenance(probed.provenance).segments == KEYINT
    ledger = Ledger.read(library.state_dir)
    receipt = parse_receipt(ledger.receipt(str(library.target("film.mkv"))) or b"")
    ledger.close()
    assert receipt.segments == "6 segments of 24 pictures"
    assert all(check.passed for check in receipt.checks)
    assert (kept(library), recorded(library), library.leftovers()) == ([], [], [])
    assert library.run().done == 0


def test_a_run_goes_on_with_what_is_missing_and_makes_the_same_bytes(
    library: SampleLibrary, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules(library)
    library.add("film.mkv", film)
    library.run()
    undisturbed = file_digest(library.target("film.mkv"))
    library.target("film.mkv").unlink()
    with monkeypatch.context() as patched:
        first = Broken(patched, 2)
        assert library.run().failed == 1
    assert first.made == [0, 1]
    (line,) = (one for one in status(library) if one.startswith("segments"))
    assert "films/film.mkv: 2 finished segments" in line
    assert recorded(library) == [0, 1]
    rules(library, more=", threads_per_job: 3")
    second = Broken(monkeypatch, 9)
    assert library.run().done == 1, library.output()
    assert sorted(second.made) == [2, 3, 4, 5]
    assert file_digest(library.target("film.mkv")) == undisturbed
    assert kept(library) == []


def test_what_is_finished_is_no_longer_foretold(
    library: SampleLibrary, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules(library)
    library.add("film.mkv", film)
    whole_s = foretold_s(library)
    with monkeypatch.context() as patched:
        Broken(patched, 2)
        library.run()
    # 48 of 132 pictures
    assert foretold_s(library)["film.mkv"] == pytest.approx(whole_s["film.mkv"] * 84 / 132)
    av1rules("run", cwd=library.folder)
    ledger = Ledger.read(library.state_dir)
    (past,) = ledger.forecasts.newest(1)
    ledger.close()
    assert past.seconds.mid == pytest.approx(whole_s["film.mkv"])  # as is what it took


def foretold_s(library: SampleLibrary) -> dict[str, float]:
    with open_workspace(library.rules_file, write=False) as workspace:
        plan = build_plan(workspace, PlanRequest())
        found = forecast_plan(
            plan, workspace.ledger, workspace.ruleset, workspace.tools, budget=Budget()
        )
    return {Path(path).name: one.encode_seconds.mid for path, one in found.by_path.items()}


def test_a_segment_whose_bytes_changed_is_made_again(
    library: SampleLibrary, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules(library)
    library.add("film.mkv", film)
    with monkeypatch.context() as patched:
        Broken(patched, 3)
        library.run()
    (folder,) = library.folder.rglob("*.segments")
    changed = folder / "00001.mkv"
    whole = changed.read_bytes()
    changed.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    (folder / "00002.mkv").write_bytes(b"of nobody's record")
    again = Broken(monkeypatch, 9)
    assert library.run().done == 1, library.output()
    assert sorted(again.made) == [1, 2, 3, 4]


def test_other_settings_never_mix(
    library: SampleLibrary, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules(library)
    library.add("film.mkv", film)
    with monkeypatch.context() as patched:
        Broken(patched, 3)
        library.run()
    rules(library, settings=", tune: psnr")
    again = Broken(monkeypatch, 9)
    assert library.run().done == 1, library.output()
    assert sorted(again.made) == [0, 1, 2, 3, 4, 5]
    assert "removed 3 finished segments" in library.output()


def test_segments_of_a_source_that_is_gone_are_swept(
    library: SampleLibrary, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules(library)
    source = library.add("deep/film.mkv", film)
    library.add("other.mkv")
    with monkeypatch.context() as patched:
        Broken(patched, 2)
        library.run()
    assert len(kept(library)) >= 2
    source.unlink()
    library.run(accept_missing=True)
    assert (kept(library), recorded(library)) == ([], [])


def test_never_and_a_short_forecast_mean_whole(library: SampleLibrary, film: Path) -> None:
    library.add("film.mkv", film)
    for segments in ("never", "{from: 1h}"):
        rules(library, segments)
        assert library.run(force=True).done == 1
        ledger = Ledger.read(library.state_dir)
        receipt = parse_receipt(ledger.receipt(str(library.target("film.mkv"))) or b"")
        ledger.close()
        assert receipt.segments is None
    rules(library)
    assert library.work() == []  # whole or in segments, it is what the policy asks for


def test_a_film_too_short_to_cut_is_encoded_whole_and_says_why(library: SampleLibrary) -> None:
    rules(library, "{from: 0, length: 99}")
    library.add("film.mkv")
    assert library.run().done == 1
    assert "encoded whole, not in segments: it is too short for two segments" in library.output()
    assert library.leftovers() == []


def test_hopeless_films_stop_after_a_spread_sample(library: SampleLibrary, film: Path) -> None:
    rules(library)
    text = library.rules_file.read_text()
    library.rules(text.replace("crf: 50", "crf: 1").replace("ratio: 9", "ratio: 0.01"))
    library.add("film.mkv", film)
    assert library.run().discarded == 1, library.output()
    assert (kept(library), library.leftovers()) == ([], [])


class AtOnce:
    """Counts how many segments are made at the same time. Each waits until `together` have
    begun."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, together: int = 1) -> None:
        self.most, self.begun, self._now = 0, 0, 0
        self._lock = threading.Lock()
        all_here = threading.Barrier(together)
        make = SegmentMaker.make

        def counting(
            maker: SegmentMaker, order: SegmentOrder, on_sample: OnSample
        ) -> FinishedSegment:
            with self._lock:
                self.begun += 1
                self._now += 1
                self.most = max(self.most, self._now)
            try:
                all_here.wait(60)
                return make(maker, order, on_sample)
            finally:
                with self._lock:
                    self._now -= 1

        monkeypatch.setattr(SegmentMaker, "make", counting)


@pytest.mark.parametrize(("jobs", "more"), [(2, ""), (3, ", threads_per_job: 2")])
def test_slots_that_no_film_needs_make_segments_and_change_no_byte(
    library: SampleLibrary, film: Path, monkeypatch: pytest.MonkeyPatch, jobs: int, more: str
) -> None:
    rules(library)
    library.add("film.mkv", film)
    library.run()
    alone = file_digest(library.target("film.mkv"))
    library.target("film.mkv").unlink()
    rules(library, more=more)
    at_once = AtOnce(monkeypatch, jobs)
    assert library.run(jobs=jobs).done == 1, library.output()
    assert (at_once.most, at_once.begun) == (jobs, 6)
    assert file_digest(library.target("film.mkv")) == alone
    assert (kept(library), recorded(library), library.leftovers()) == ([], [], [])


def test_segments_take_no_memory_that_is_not_there(
    library: SampleLibrary, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add("film.mkv", film)
    rules(library, more=", memory: 256MiB")
    at_once = AtOnce(monkeypatch)
    assert library.run(jobs=3).done == 1, library.output()
    assert (at_once.most, at_once.begun) == (1, 6)


def test_slots_to_spare_make_segments_of_shorter_films(
    library: SampleLibrary, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "IDLE_FROM_S", 0.001)
    rules(library, "{from: 1h, length: 1}")
    library.add("film.mkv", film)
    assert library.run(jobs=1).done == 1
    at_once = AtOnce(monkeypatch, 2)
    assert library.run(force=True, jobs=1).done == 1
    assert at_once.begun == 0
    assert library.run(force=True, jobs=2).done == 1, library.output()
    assert (at_once.most, at_once.begun) == (2, 6)


def test_a_failure_ends_the_segments_beside_it(
    library: SampleLibrary, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules(library)
    library.add("film.mkv", film)
    with monkeypatch.context() as patched:
        Broken(patched, 3)
        assert library.run(jobs=2).failed == 1
    finished = len(recorded(library))
    assert 1 <= finished <= 3
    again = AtOnce(monkeypatch)
    assert library.run(jobs=3).done == 1, library.output()
    assert again.begun == 6 - finished
    assert kept(library) == []
