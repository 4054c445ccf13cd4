"""What the plan promises is true of the whole film. Looks and the encode find what its beginning
does not tell: it is held with a remedy, or encoded and declared where a rule accepts it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from av1rules.base.events import JobStarted, JobWithheld
from av1rules.ffmpeg.tools import Tools
from av1rules.ledger.receipt import JSON_SUFFIX
from av1rules.plan.items import PlanAction
from tests.execute import film_clips
from tests.execute.film_clips import FilmClips, Maker, late_sound
from tests.sample_library import FAST, RULES, SampleLibrary

pytestmark = pytest.mark.real

Make = Callable[[Maker], Path]

WITH_RECEIPTS = RULES.replace("copies: encode", "copies: encode, receipts: json")


@pytest.fixture(scope="module")
def make(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Make:
    made: dict[Maker, Path] = {}

    def once(maker: Maker) -> Path:
        if maker not in made:
            made[maker] = maker(FilmClips(tools, tmp_path_factory.mktemp("films")))
        return made[maker]

    return once


@pytest.fixture
def library(tmp_path: Path) -> SampleLibrary:
    library = SampleLibrary(folder=tmp_path, clip=Path())
    use(library, "force: true")
    return library


def use(library: SampleLibrary, settings: str) -> None:
    library.rules(WITH_RECEIPTS.format(settings=f"{FAST}, {settings}"))


LOOKS = [
    (film_clips.size, "changes", "size 160x96, then 320x192"),
    (film_clips.size_and_back, "changes", "size 160x96, then 320x192"),
    (film_clips.aspect_h264, "changes", "sample aspect 16:15, then 64:45"),
    (film_clips.aspect_mpeg2, "changes", "sample aspect 4:5, then 16:15"),
    (film_clips.depth, "changes", "bit depth 8 bit, then 10 bit"),
    (film_clips.chroma, "changes", "chroma 4:2:0, then 4:4:4"),
    (film_clips.sdr_then_pq, "changes", "transfer bt709, then smpte2084"),
    (film_clips.sdr_then_hlg, "changes", "transfer bt709, then arib-std-b67"),
    (film_clips.pq_in_the_middle, "changes", "transfer bt709, then smpte2084"),
    (film_clips.fields, "interlaced", "combed for ever"),
    (film_clips.captions, "captions", "closed captions"),
    (film_clips.captions_mp4, "captions", "closed captions"),
]

HIDDEN = [
    (film_clips.hidden_size, "changes", "size 160x96, then 320x192"),
    (film_clips.hidden_depth, "changes", "bit depth 8 bit, then 10 bit"),
    (film_clips.hidden_fields, "interlaced", "combed for ever"),
    (film_clips.hidden_captions, "captions", "closed captions"),
]


def _name(value: object) -> str | None:
    return getattr(value, "__name__", None)


@pytest.mark.parametrize(("maker", "loss", "words"), LOOKS, ids=_name)
def test_looks_hold_a_film_before_its_encode_begins(
    library: SampleLibrary, make: Make, maker: Maker, loss: str, words: str
) -> None:
    clip = make(maker)
    library.add(clip.name, clip)
    assert library.row(clip.name).action is PlanAction.ENCODE, "its first moments tell nothing"
    assert library.run().done == 0
    assert not [one for one in library.events if isinstance(one, JobStarted)]
    _require_held(library, clip.name, loss, words)


@pytest.mark.parametrize(("maker", "loss", "words"), HIDDEN, ids=_name)
def test_what_only_the_encode_sees_is_a_verdict_at_once(
    library: SampleLibrary, make: Make, maker: Maker, loss: str, words: str
) -> None:
    clip = make(maker)
    library.add(clip.name, clip)
    assert library.run().done == 0
    assert [one for one in library.events if isinstance(one, JobStarted)], "no look sees it"
    withheld = [one for one in library.events if isinstance(one, JobWithheld)]
    assert words in withheld[0].reason
    _require_held(library, clip.name, loss, words)
    library.run()
    assert not [one for one in library.events if isinstance(one, JobStarted)], "not encoded again"


def _require_held(library: SampleLibrary, name: str, loss: str, words: str) -> None:
    row = library.row(name)
    assert row.action is PlanAction.HELD
    assert words in row.causes[0]
    assert f"`accept: [{loss}]`" in row.causes[0]
    assert list(library.folder.glob("out/**/*.mkv")) == []


@pytest.mark.parametrize(("maker", "loss", "words"), [*LOOKS, *HIDDEN], ids=_name)
def test_accepted_it_is_encoded_at_once_and_the_receipt_says_so(
    library: SampleLibrary, make: Make, tools: Tools, maker: Maker, loss: str, words: str
) -> None:
    clip = make(maker)
    use(library, f"force: true, accept: [{loss}]")
    library.add(clip.name, clip)
    library.run()
    if library.row(clip.name).action is PlanAction.ENCODE:  # it needs other filters: once more
        library.run()
    target = library.target(f"{clip.stem}.mkv")
    receipt = json.loads(Path(f"{target}{JSON_SUFFIX}").read_text())
    assert any(words in text for text in receipt["accepted_losses"])
    assert _pictures(tools, target) == _pictures(tools, clip)
    assert library.row(clip.name).action is PlanAction.FRESH


@pytest.mark.parametrize("maker", [film_clips.fields, film_clips.hidden_fields], ids=_name)
def test_deinterlacer_is_on_where_only_a_part_is_interlaced(
    library: SampleLibrary, make: Make, tools: Tools, maker: Maker
) -> None:
    clip = make(maker)
    use(library, "deinterlace: bwdif, accept: [interlaced]")
    library.add(clip.name, clip)
    library.run()
    library.run()
    target = library.target(f"{clip.stem}.mkv")
    receipt = json.loads(Path(f"{target}{JSON_SUFFIX}").read_text())
    assert "bwdif=" in receipt["command"]
    assert library.row(clip.name).action is PlanAction.FRESH


LATE = [
    ("short.vob", {"starts_s": 12.0, "lasts_s": 3.0, "whole_s": 20.0}),
    ("to-the-end.vob", {"starts_s": 12.0, "lasts_s": 8.0, "whole_s": 20.0}),
    ("to-the-end.ts", {"starts_s": 12.0, "lasts_s": 8.0, "whole_s": 20.0}),
    ("behind-the-first-reach.vob", {"starts_s": 66.0, "lasts_s": 12.0, "whole_s": 84.0}),
    ("behind-and-to-the-end.vob", {"starts_s": 66.0, "lasts_s": 18.0, "whole_s": 84.0}),
]


@pytest.mark.parametrize(("name", "times"), LATE, ids=[name for name, _ in LATE])
def test_late_track_comes_along(
    library: SampleLibrary, tools: Tools, tmp_path: Path, name: str, times: dict[str, float]
) -> None:
    clip = late_sound(FilmClips(tools, tmp_path), name, **times)
    library.add(name, clip)
    assert library.run().done == 1, library.output()
    target = library.target(f"{Path(name).stem}.mkv")
    starts = _sound_starts(tools, target)
    assert len(starts) == 2
    assert starts[1] - starts[0] == pytest.approx(times["starts_s"], abs=0.1)


def test_late_track_of_a_changed_programme_table_comes_along(
    library: SampleLibrary, make: Make, tools: Tools
) -> None:
    clip = make(film_clips.second_programme)
    library.add(clip.name, clip)
    assert library.run().done == 1, library.output()
    starts = _sound_starts(tools, library.target("programme.mkv"))
    assert starts[1] - starts[0] == pytest.approx(15, abs=0.1)


def test_late_track_that_no_look_meets_is_found_by_the_encode(
    library: SampleLibrary, tools: Tools, tmp_path: Path
) -> None:
    """A place comes every 8 s, and reads on for 7 s from it: the track is shorter than the gap."""
    clip = late_sound(
        FilmClips(tools, tmp_path), "gap.vob", starts_s=391.6, lasts_s=0.5, whole_s=480.0
    )
    library.add(clip.name, clip)
    assert library.run().done == 0
    assert "not all streams were encoded" in library.output()
    assert library.run().done == 1, "the next run goes again by itself"
    starts = _sound_starts(tools, library.target("gap.mkv"))
    assert starts[1] - starts[0] == pytest.approx(391.6, abs=0.1)


def test_film_that_stays_as_it_begins_is_not_held(
    library: SampleLibrary, tools: Tools, tmp_path: Path
) -> None:
    clips = FilmClips(tools, tmp_path)
    names = ("plain.mkv", "plain.ts", "plain.mp4", "plain.h264")
    stream = clips.part(film_clips.PLAIN, 300)
    for number, name in enumerate(names):
        library.add(f"{number}/{name}", clips.film(name, stream))
    assert library.run().done == len(names)


def _pictures(tools: Tools, path: Path) -> int:
    words = _probe(tools, path, "-count_frames", "-select_streams", "v:0", "stream=nb_read_frames")
    return int(words.split()[0].strip(","))  # a transport stream says it once a programme


def _sound_starts(tools: Tools, path: Path) -> list[float]:
    """When the first packet of each sound track is heard."""
    lines = _probe(tools, path, "-select_streams", "a", "packet=stream_index,pts_time").split("\n")
    firsts: dict[str, float] = {}
    for line in lines:
        index, _, time = line.partition(",")
        firsts.setdefault(index, float(time.strip(",")))
    return list(firsts.values())


def _probe(tools: Tools, path: Path, *words: str) -> str:
    *options, entries = words
    command = [tools.ffprobe, "-v", "error", *options, "-show_entries", entries, "-of", "csv=p=0"]
    done = subprocess.run([*command, str(path)], check=True, capture_output=True, text=True)
    return done.stdout.strip()
