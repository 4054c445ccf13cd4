"""Real films in segments beside the same films in one piece: what must be equal, is."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.base.events import JobProgress
from av1rules.base.hashing import file_digest
from av1rules.base.process import Children
from av1rules.encode.encode import EncodeOutcome, encode
from av1rules.encode.encoders.registry import choose_encoder
from av1rules.encode.job import EncodeJob
from av1rules.encode.segments.encode import SegmentTools, encode_in_segments
from av1rules.encode.segments.make import SegmentMaker
from av1rules.encode.segments.plan import why_whole
from av1rules.encode.segments.records import FinishedSegment, NotExactError, SegmentJob
from av1rules.execute.backends.local import LocalSegments, TakeSpare, no_spare
from av1rules.ffmpeg.tools import Tools
from av1rules.media.probe.ffprobe import probe_file
from av1rules.policy.settings import EncodeSettings
from tests.conftest import MakeClip, library_file
from tests.encode.real import FAST, check

pytestmark = pytest.mark.real

PICTURES = ("-f", "lavfi", "-i", "testsrc2=s=128x96:r=24:d=30,noise=alls=8:allf=t")
SOUND = ("-f", "lavfi", "-i", "sine=f=440:d=30")
OPEN = ("-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast",
        "-x264-params", "open-gop=1:keyint=72:bframes=3:scenecut=0")  # fmt: skip


class Film:
    """A source, and what becomes of it both ways."""

    def __init__(self, path: Path, out: Path, tools: Tools, settings: EncodeSettings) -> None:
        source = probe_file(library_file(path), tools)
        self.tools, self.out = tools, out
        self.events: list[JobProgress] = []
        self.made: list[FinishedSegment] = []
        self.take_spare: TakeSpare = no_spare
        self.job = EncodeJob(
            source_path=str(path),
            source=source,
            settings=settings,
            encoder=choose_encoder(settings, tools, None),
            target=str(out / "target.mkv"),
            provenance='{"av1rules":1}',
        )

    def whole(self) -> EncodeOutcome:
        job = self._in("whole")
        outcome = encode(job, tools=self.tools, children=Children(), on_progress=lambda e: None)
        return self._sound(job, outcome)

    def segmented(
        self, name: str, pictures: int = 60, finished: tuple[FinishedSegment, ...] = (), *,
        threads: int | None = None,
    ) -> EncodeOutcome:  # fmt: skip
        job = replace(self._in(name), threads=threads)
        spec = SegmentJob(
            folder=str(self.out / f"{name}-segments"),
            pictures=pictures,
            provenance=job.provenance,
            finished=finished,
        )
        children = Children()
        use = SegmentTools(
            tools=self.tools,
            children=children,
            backend=LocalSegments(tools=self.tools, children=children, take_spare=self.take_spare),
            on_progress=self.events.append,
            on_segment=self.made.append,
        )
        return self._sound(job, encode_in_segments(job, spec, use))

    def _in(self, name: str) -> EncodeJob:
        folder = self.out / name
        folder.mkdir()
        return replace(self.job, temp_dir=str(folder))

    def _sound(self, job: EncodeJob, outcome: EncodeOutcome) -> EncodeOutcome:
        verified = check(job, outcome, self.tools)
        assert [f"{one.name}: {one.detail}" for one in verified.failed] == []
        return outcome

    def packets(self, outcome: EncodeOutcome) -> list[str]:
        """Times of all packets, by stream."""
        entries = "packet=stream_index,pts,dts"
        return sorted(self._ask(outcome, "-show_entries", entries, "-of", "csv=p=0").split())

    def streams(self, outcome: EncodeOutcome) -> object:
        """All that ffprobe says of streams, tags and chapters; not sizes, and not how long the last
        picture lasts, which is a tick less."""
        text = self._ask(outcome, "-show_streams", "-show_chapters", "-of", "json")
        found = json.loads(text)
        for stream in found["streams"]:
            stream.get("tags", {}).pop("DURATION", None)
            for name in ("sample_aspect_ratio", "display_aspect_ratio"):
                stream.pop(name, None)  # none is said as 1:1
        return found

    def _ask(self, outcome: EncodeOutcome, *options: str) -> str:
        argv = [self.tools.ffprobe, "-v", "error", *options, outcome.path]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def film(make_clip: MakeClip, tools: Tools, tmp_path: Path) -> Film:
    """Half a minute in open groups of pictures, with sound: most segments need a seek."""
    path = make_clip("open-groups.mkv", *PICTURES, *SOUND, *OPEN, "-c:a", "ac3")
    return Film(path, tmp_path, tools, FAST)


def test_a_film_in_segments_is_the_film_in_one_piece(film: Film) -> None:
    whole, segmented = film.whole(), film.segmented("a")
    assert segmented.segmentation is not None
    assert segmented.segmentation.count == 12
    assert film.packets(segmented) == film.packets(whole)
    assert film.streams(segmented) == film.streams(whole)
    assert segmented.film == whole.film
    assert segmented.frames == whole.frames
    assert [one.number for one in film.made][:3] == [0, 1, 11]
    frames = [event.frame or 0 for event in film.events if event.phase == "encode"]
    assert frames == sorted(frames)
    assert frames[-1] == whole.frames


def test_segments_side_by_side_are_the_film_too(film: Film) -> None:
    one_by_one = film.segmented("a")
    film.events.clear()
    film.take_spare = lambda: lambda: None
    together = film.segmented("b")
    assert file_digest(together.path) == file_digest(one_by_one.path)
    assert film.packets(together) == film.packets(one_by_one)
    frames = [event.frame or 0 for event in film.events if event.phase == "encode"]
    assert frames == sorted(frames)
    assert frames[-1] == one_by_one.frames


def test_bytes_are_the_same_for_any_threads_and_after_a_resume(film: Film) -> None:
    first = film.segmented("a", 161, threads=1)
    made = tuple(film.made)
    second = film.segmented("b", 161, threads=3)
    assert file_digest(second.path) == file_digest(first.path)
    (film.out / "a-segments" / "00001.mkv").unlink()
    Path(first.path).unlink()
    Path(film.out / "a").rmdir()
    film.made.clear()
    third = film.segmented("a", 161, made)
    assert [one.number for one in film.made] == [1]
    assert file_digest(third.path) == file_digest(second.path)


@pytest.mark.parametrize(
    "name",
    ["hevc10-dovi81-144p.mkv", "mkv-everything.mkv", "h264-vfr-webcam.mov", "vp9-tractor.webm"],
)
def test_real_clips(name: str, media_dir: Path, tools: Tools, tmp_path: Path) -> None:
    """Dolby Vision; subtitles, fonts and chapters; a varying frame rate; hidden pictures."""
    film = Film(media_dir / name, tmp_path, tools, FAST)
    assert why_whole(film.job) is None
    whole, segmented = film.whole(), film.segmented("a")
    assert film.packets(segmented) == film.packets(whole)
    assert film.streams(segmented) == film.streams(whole)


def test_hdr_and_grain(make_clip: MakeClip, tools: Tools, tmp_path: Path) -> None:
    x265 = (
        "log-level=none:keyint=50:hdr10=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)"
        "WP(15635,16450)L(10000000,50):max-cll=1000,400"
    )
    path = make_clip(
        "hdr.mkv", *PICTURES, "-t", "6", "-pix_fmt", "yuv420p10le", "-c:v", "libx265",
        "-preset", "ultrafast", "-x265-params", x265, "-color_primaries", "bt2020",
        "-color_trc", "smpte2084", "-colorspace", "bt2020nc",
    )  # fmt: skip
    film = Film(path, tmp_path, tools, replace(FAST, film_grain=8))
    whole, segmented = film.whole(), film.segmented("a")
    assert film.streams(segmented) == film.streams(whole)
    assert '"max_content": 1000' in json.dumps(film.streams(segmented))


def test_a_cut_that_can_t_be_proven_means_whole(
    film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof = SegmentMaker._proof

    def otherwise(*args: object) -> object:
        before, last = proof(*args)  # type: ignore[arg-type]
        return tuple(replace(one, checksum="00000000") for one in before), last

    monkeypatch.setattr(SegmentMaker, "_proof", otherwise)
    with pytest.raises(NotExactError, match="look otherwise after a seek"):
        film.segmented("a")
    assert [one.number for one in film.made] == [0]  # soon, not after hours


def test_pictures_that_change_on_the_way_mean_whole(
    make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    parts = []
    for size in ("128x96", "160x120"):
        source = ("-f", "lavfi", "-i", f"testsrc2=s={size}:r=24:d=4", "-pix_fmt", "yuv420p")
        h264 = ("-c:v", "libx264", "-g", "48", "-bf", "0")
        parts.append(make_clip(f"part-{size}.h264", *source, *h264))
    joined = tmp_path / "joined.h264"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    path = tmp_path / "changes.mkv"
    argv = [tools.ffmpeg, "-v", "error", "-i", str(joined), "-c", "copy", "-bsf:v",
            "setts=ts=N:time_base=1/24", str(path)]  # fmt: skip
    subprocess.run(argv, check=True)
    film = Film(path, tmp_path, tools, FAST)
    with pytest.raises(NotExactError):
        film.segmented("a")


def test_a_damaged_film_is_left_to_the_whole_encode(film: Film, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mkv"
    data = bytearray(Path(film.job.source_path).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    broken.write_bytes(data)
    damaged = Film(broken, tmp_path, film.tools, FAST)
    with pytest.raises(NotExactError):
        damaged.segmented("a")
