"""Films that were cut, joined or marked in odd ways, from plan to ledger: published whole, or with
a line about what has no place in the target."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.base.process import Children
from av1rules.encode.decode_check import source_problem
from av1rules.ffmpeg.tools import Tools
from av1rules.media.cache import lone_file
from av1rules.media.probe.ffprobe import probe_file
from av1rules.plan.items import PlanAction
from tests.conftest import MakeClip
from tests.encode.healthy import AAC, CUT, FAST, GROUPS, H264, HEVC, ffprobe, picture, shown, tone
from tests.sample_library import SampleLibrary

pytestmark = pytest.mark.real


@pytest.fixture
def plain(tmp_path: Path, clip: Path) -> SampleLibrary:
    made = SampleLibrary(folder=tmp_path / "shelf", clip=clip)
    (made.folder / "films").mkdir(parents=True)
    made.rules(settings=FAST)
    return made


def test_a_program_stream_that_is_cut_anywhere_is_no_damage(
    plain: SampleLibrary, make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    made = (*picture(6), *tone(6), "-c:v", "mpeg2video", "-b:v", "2M", "-c:a", "ac3", "-f", "vob")
    data = make_clip("whole.vob", *made).read_bytes()
    cut = tmp_path / "cut.vob"
    cut.write_bytes(data[len(data) // 3 // 2048 * 2048 :])
    plain.add("cut.vob", cut)
    finished = plain.run()
    assert (finished.done, finished.failed) == (1, 0), plain.events
    assert len(shown(plain.target("cut.mkv"), tools)) == len(shown(cut, tools))


def test_pictures_that_a_decoder_forgets_at_another_size_are_no_damage(
    plain: SampleLibrary, make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    joined = tmp_path / "joined.ts"
    sizes = ("128x96", "192x96", "128x96")
    parts = (
        make_clip("part.ts", *picture(1, size=size), "-c:v", "mpeg2video", "-bf", "2")
        for size in sizes
    )
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    film = make_clip("joined.mkv", "-i", str(joined), "-c", "copy")
    plain.add("joined.mkv", film)
    assert plain.row("joined.mkv").action is PlanAction.ENCODE  # a look comes with the run
    plain.run()
    assert "accept: [changes]" in plain.causes("joined.mkv")[0]
    plain.rules(settings=f"{FAST}, accept: [changes]")
    finished = plain.run()
    assert (finished.done, finished.failed) == (1, 0), plain.events
    assert len(shown(plain.target("joined.mkv"), tools)) == len(shown(film, tools))


@pytest.mark.parametrize("starts_s", [0, 6.5])
def test_chapters_before_a_late_clock_are_declared(
    starts_s: float, plain: SampleLibrary, make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    chapter = "[CHAPTER]\nTIMEBASE=1/1000\nSTART={}\nEND={}\ntitle={}\n"
    times = [round((starts_s + number) * 1000) for number in range(3)]
    named = (chapter.format(at, at + 1000, f"n{number}") for number, at in enumerate(times))
    (tmp_path / "chapters.txt").write_text(f";FFMETADATA1\n{''.join(named)}")
    words = ("-i", str(tmp_path / "chapters.txt"), "-map", "0:v", "-map_metadata", "1")
    plain_film = make_clip("plain.mkv", *picture(3), *words, *H264)
    late = make_clip("late.mkv", "-i", str(plain_film), "-c", "copy", "-output_ts_offset", "7")
    plain.add("late.mkv", late)
    notes = "\n".join(plain.row("late.mkv").notes)
    assert ("3 chapters of 3 end before the film starts" in notes) is (starts_s == 0)
    finished = plain.run()
    assert (finished.done, finished.failed) == (1, 0), plain.events
    kept = ffprobe(plain.target("late.mkv"), tools, "-show_chapters")["chapters"]
    starts = [float(one["start_time"]) for one in kept]
    assert starts == ([] if starts_s == 0 else pytest.approx([0, 0.5, 1.5], abs=0.05))


@pytest.mark.parametrize(("made_as", "into"), [("mkv", "mp4"), ("mkv", "mkv")])
def test_chapters_without_a_title_keep_their_place(
    made_as: str,
    into: str,
    plain: SampleLibrary,
    make_clip: MakeClip,
    tools: Tools,
    tmp_path: Path,
) -> None:
    chapter = "[CHAPTER]\nTIMEBASE=1/1000\nSTART={}\nEND={}\n{}"
    named = ((0, 1000, ""), (1000, 2000, "title=b\n"), (2000, 3000, "title=c\n"), (3000, 3000, ""))
    chapters = "".join(chapter.format(*one) for one in named)
    (tmp_path / "chapters.txt").write_text(f";FFMETADATA1\n{chapters}")
    words = ("-i", str(tmp_path / "chapters.txt"), "-map", "0:v", "-map_metadata", "1")
    name = f"chapters.{made_as}"
    film = make_clip(name, *picture(3), *words, *H264)
    plain.rules(settings=f"{FAST}, container: {into}")
    plain.add(name, film)
    finished = plain.run()
    assert (finished.done, finished.failed) == (1, 0), plain.events
    kept = [
        [(float(one["start_time"]), one.get("tags", {}).get("title", "").strip()) for one in found]
        for path in (film, plain.target(f"chapters.{into}"))
        if (found := ffprobe(path, tools, "-show_chapters")["chapters"])
    ]
    assert kept[0][:3] == kept[1][:3]
    assert len(kept[0]) - 1 <= len(kept[1])


@pytest.mark.parametrize("name", ["cut.mkv", "cut.ts"])
def test_a_recording_cut_between_key_frames_is_well(
    name: str, make_clip: MakeClip, tools: Tools
) -> None:
    film = str(make_clip(name, *picture(4), *HEVC, "-x265-params", GROUPS, *CUT))
    source = probe_file(lone_file(film), tools)
    assert source_problem(film, source, tools=tools, children=Children()) is None


def broadcast(make_clip: MakeClip, offset: float) -> bytes:
    made = (*picture(3), *tone(3), *H264, *AAC, "-output_ts_offset", str(offset))
    return make_clip("part.ts", *made).read_bytes()


@pytest.mark.parametrize(
    ("clocks", "gap_s"),
    [((0, 100), 0.0), ((100, 0), 0.0), ((8, 0), 0.0), ((0, 0), 0.0), ((0, 8), 5.0)],
    ids=str,
)
def test_a_clock_that_jumps_is_no_damage(
    clocks: tuple[float, float],
    gap_s: float,
    plain: SampleLibrary,
    make_clip: MakeClip,
    tools: Tools,
    tmp_path: Path,
) -> None:
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(broadcast(make_clip, offset) for offset in clocks))
    plain.add("joined.ts", joined)
    finished = plain.run()
    assert (finished.done, finished.failed) == (1, 0), plain.events
    times = shown(plain.target("joined.mkv"), tools)
    assert len(times) == 150
    assert times[-1] - times[0] == pytest.approx(5.96 + gap_s, abs=0.2)


def test_a_broadcast_with_lost_packets_fails_once_and_accepting_damage_frees_it(
    plain: SampleLibrary, make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    data = broadcast(make_clip, 0)
    packets = [data[place : place + 188] for place in range(0, len(data), 188)]
    lost = tmp_path / "lost.ts"
    lost.write_bytes(b"".join(p for n, p in enumerate(packets) if n < 200 or n % 97 != 5))
    plain.add("lost.ts", lost)
    assert plain.run().failed == 1
    assert plain.row("lost.ts").action is PlanAction.BLOCKED  # at once, not after three encodes
    assert "accept: [damage]" in plain.causes("lost.ts")[0]
    plain.rules(settings=f"{FAST}, accept: [damage]")
    assert plain.row("lost.ts").action is PlanAction.ENCODE
    finished = plain.run()
    assert (finished.done, finished.failed) == (1, 0), plain.events
    target = plain.target("lost.mkv")
    assert len(shown(target, tools)) == len(shown(lost, tools))
    kept = ffprobe(target, tools, "-count_packets", "-select_streams", "a", "-show_streams")
    assert int(kept["streams"][0]["nb_read_packets"]) > 100
