"""A large synthetic library after a finished run: films of many kinds, probes, targets and ledger.

`python -m tests.bench.scale_library FOLDER FILMS` makes it: empty-looking files whose probes,
content keys, ledger rows and receipts are what a run would have written, so that plans over them
are real in every step but the probing.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import msgspec

from av1rules.base.hashing import content_key, head_key
from av1rules.ledger.records import TargetRow, put_row, tools_used
from av1rules.media.discover import Candidate, walk
from av1rules.media.source import (
    AudioStream,
    Chapter,
    HdrKind,
    LibraryFile,
    Source,
    SubtitleStream,
    VideoStream,
)
from av1rules.plan.items import Encode
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import Workspace, open_workspace

FILMS_PER_FOLDER = 20
SEED = 12

RULES = """\
version: 1
library: {roots: [films], settle: 0}
output: {mode: mirror, root: out}
defaults: {accept: [dolby-vision, captions]}
rules:
  - {name: uhd, when: {height: {min: 1440}}, encode: {crf: 28}, review: never}
  - {name: extras, when: {path: "**/extras/**"}, skip: true}
  - {name: old, when: {source_tier: low-quality}, skip: true}
  - name: anime
    when: {audio_language: [jpn], path: "**/Anime*/**"}
    encode: {crf: 32}
    review: never
  - {name: shows, when: {path: "**/*S[0-9][0-9]E*"}, encode: {crf: 30}, review: never}
  - {name: films, encode: {}, review: never}
"""

_SIZES = ((1920, 1080), (1920, 804), (1280, 720), (3840, 2160), (720, 576))
_TAGS = (
    "1080p.WEB-DL.H264-GRP",
    "1080p.BluRay.REMUX.AVC-GRP",
    "720p.HDTV.x264-GRP",
    "2160p.UHD",
    "",
)
_AUDIO = ("ac3", "eac3", "dts", "truehd", "aac", "flac")
_LANGUAGES = ("eng", "ger", "fre", "jpn", "spa", None)


def names(count: int) -> Iterator[str]:
    """Paths below the root: shows and films, a few extras."""
    chance = random.Random(SEED)
    for number in range(count):
        group, part = divmod(number, FILMS_PER_FOLDER)
        tag = chance.choice(_TAGS)
        if group % 3 == 0:
            yield f"Show {group:05}/Season 01/Show.{group:05}.S01E{part:02}.{tag}.mkv"
        elif group % 3 == 1:
            kind = "extras/" if part == FILMS_PER_FOLDER - 1 else ""
            yield f"Films {group:05}/{kind}Some Film {number:06} (19{number % 90 + 10}) {tag}.mkv"
        else:
            yield f"Anime {group:05}/Anime.{group:05}.-.{part:02}.[{tag}].mkv"


def source_of(file: LibraryFile) -> Source:
    """Facts by chance, the same for the same name."""
    chance = random.Random(file.relative_path)
    width, height = chance.choice(_SIZES)
    codec = "hevc" if height > 1100 else chance.choice(("h264", "h264", "hevc", "mpeg2video"))
    rate = chance.randint(1_000, 40_000) * 1000
    seconds = round(chance.uniform(1200, 9000), 3)
    tracks = chance.randint(1, 4)
    video = VideoStream(
        index=0, codec=codec, profile="High", width=width, height=height, bit_depth=8,
        pix_fmt="yuv420p", chroma="420", sample_aspect=Fraction(1), field_order="progressive",
        frame_rate=chance.choice((Fraction(24000, 1001), Fraction(25))), is_variable_rate=False,
        is_interlaced=False, bitrate_bps=rate, start_s=0.0, hdr_kinds=frozenset({HdrKind.SDR}),
        has_captions=False, is_decodable=True, dispositions=frozenset({"default"}),
    )  # fmt: skip
    audio = tuple(
        AudioStream(
            index=number + 1, codec=(name := chance.choice(_AUDIO)), channels=chance.choice((2, 6)),
            layout="5.1(side)", sample_rate=48_000, bitrate_bps=640_000,
            is_lossless=name in ("truehd", "flac"), language=chance.choice(_LANGUAGES),
            title=chance.choice((None, "Commentary", "Surround 5.1")),
        )
        for number in range(tracks)
    )  # fmt: skip
    subtitles = tuple(
        SubtitleStream(
            index=tracks + 1 + number, codec="subrip", is_text=True,
            language=chance.choice(_LANGUAGES),
        )
        for number in range(chance.randint(0, 4))
    )  # fmt: skip
    chapters = tuple(
        Chapter(
            start_s=part * seconds / 12, end_s=(part + 1) * seconds / 12, title=f"Chapter {part}"
        )
        for part in range(12 if chance.random() < 0.5 else 0)
    )
    return Source(
        container="matroska,webm", size_bytes=file.stat.size_bytes, duration_s=seconds,
        bitrate_bps=rate + 640_000, start_s=0.0, video=(video,), audio=audio, subtitles=subtitles,
        chapters=chapters, main_index=0,
        tags=(("encoder", "libmkv"), ("title", os.path.basename(file.relative_path))),
    )  # fmt: skip


def make_library(folder: Path, count: int) -> None:
    """Sources, probes, targets and ledger rows of `count` films, as after a finished run."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules.yaml").write_text(RULES)
    for number, name in enumerate(names(count)):
        path = folder / "films" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"film %d" % number)
    with open_workspace(folder / "rules.yaml", write=True) as workspace:
        for step in walk([("films", str(folder / "films"))], include=(), exclude=(), min_size=0,
                         settle_s=0, now_s=time.time()):  # fmt: skip
            assert isinstance(step, Candidate)
            workspace.cache.put_probe(
                step.file.stat,
                source_of(step.file),
                ffprobe_version=workspace.tools.ffprobe_version,
            )
            key = content_key(Path(step.file.path))
            workspace.cache.put_content_key(step.file.stat, key)
        workspace.cache.flush()
        _write_targets(workspace)


def _write_targets(workspace: Workspace) -> None:
    """All targets in one transaction of the ledger: it is the library that counts, not the run."""
    receipt = msgspec.json.encode({"steps": [["encoded", "verified", "published"]] * 8})
    with workspace.ledger._db.transaction() as write:
        for item in build_plan(workspace).rows:
            if isinstance(item, Encode):
                put_row(write, _row(item, workspace), receipt)


def _row(item: Encode, workspace: Workspace) -> TargetRow:
    os.makedirs(os.path.dirname(item.target), exist_ok=True)
    with open(item.target, "wb") as file:
        file.write(b"target of " + os.fsencode(item.file.library_path))
    stat = os.stat(item.target)
    return TargetRow(
        target=item.target,
        source=item.file.library_path,
        source_path=item.file.path,
        content_key=item.work.content_key,
        source_digest=f"xxh3-128:{stat.st_ino:032x}",
        source_bytes=item.size_bytes,
        settings=item.work.recipe.settings,
        fingerprint=item.work.fingerprint,
        tools=tools_used(item.work.encoder, workspace.tools),
        target_bytes=stat.st_size,
        target_mtime_ns=stat.st_mtime_ns,
        target_key=content_key(Path(item.target)),
        target_head=head_key(Path(item.target)),
        target_digest=f"xxh3-128:{stat.st_ino + 1:032x}",
        rule=item.rule,
        built_at="2026-01-01T00:00:00+00:00",
        encode_s=1.0,
        verify_s=1.0,
    )


if __name__ == "__main__":
    make_library(Path(sys.argv[1]), int(sys.argv[2]))
