"""Compares a published film with its source, in all that docs/media.md says is kept.

It shares no code with `encode/verify.py`, and asks for less mercy: the files are read by ffprobe
and FFmpeg calls of its own (`look.py`), each packet, picture and sample is looked at, and only what
the user accepted or the plan declared may be missing.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from statistics import median

from tests.media_truth.look import Json, Look, colours, ssim, tag
from tests.media_truth.structure import differences, has_mkvtoolnix
from tests.media_truth.tracks import Wish

TICK_S = 0.002
"""Matroska counts in milliseconds, on both sides."""

SYNC_S = 0.03
CHAPTER_S = 0.05
TRIMMED_SAMPLES = 5000
"""Encoder delay that containers store in different ways: two frames of the longest codec."""

EARLY = "before the film starts"
"""What a plan says of chapters that end before a late clock starts."""

LIKE = 0.80
"""SSIM of brightness: small pictures at CRF 50 come to 0.9 and more, combed or shifted ones not."""

COLOUR_LEVELS = 9
"""Mean distance of 8 bit RGB levels, of pictures so small that no coding error is left: another
matrix or range is at 12 and more."""

OWN_TAGS = {
    "encoder", "major_brand", "minor_version", "compatible_brands", "duration", "timecode",
    "creation_time", "av1rules",
}  # fmt: skip
STATISTICS = re.compile(
    r"bps|duration|number_of_|_statistics|encoder|handler_name|vendor_id|creation_time", re.I
)
"""About the track as it lay in its container; Matroska has one time of creation for the file."""

LANGUAGE_OF_KEY = re.compile("-[a-z]{3}$")
"""`make-fra` in MOV is `make-fre` in Matroska."""

FLAGS = ("default", "forced", "comment", "hearing_impaired", "visual_impaired", "original")
MP4_FLAGS = ("forced", "hearing_impaired")

DYNAMIC = {
    "captions": "ATSC A53",
    "hdr10plus": "SMPTE2094-40",
    "dolby-vision": "Dolby Vision",
}
STATIC = ("Mastering display metadata", "Content light level metadata", "Ambient viewing")


@dataclass(frozen=True)
class Case:
    """A published film. `accepted` are `accept:` values; `declared` is what the plan said."""

    source: Look
    target: Look
    accepted: frozenset[str] = frozenset()
    declared: str = ""
    is_deinterlaced: bool = False
    wish: Wish = field(default_factory=Wish)

    @property
    def is_mp4(self) -> bool:
        return self.target.path.suffix == ".mp4"


def judge(case: Case) -> list[str]:
    """Every difference that nobody agreed to, as a sentence; empty if there is none."""
    source, target = case.source.of("video"), case.target.of("video")
    pairs = _pairs(source, target)
    if pairs is None:
        return [f"{len(source)} video streams became {len(target)}"]
    main = _main(case, pairs)
    if main is None:
        return ["no stream was encoded to AV1"]
    return [
        *_pictures(case, *main),
        *_tracks(case, "audio", main),
        *_tracks(case, "subtitle", main),
        *_files(case),
        *_chapters(case, main),
        *_tags(case),
        *_structure(case, main),
    ]


def _pairs(source: list[Json], target: list[Json]) -> list[tuple[Json, Json]] | None:
    return list(zip(source, target, strict=True)) if len(source) == len(target) else None


def _main(case: Case, pairs: list[tuple[Json, Json]]) -> tuple[Json, Json] | None:
    """The pair of which the pictures are other ones: the rest is copied."""
    for was, now in pairs:
        before, after = case.source.packets(was["index"]), case.target.packets(now["index"])
        if now["codec_name"] == "av1" and before[:1] != after[:1]:
            return was, now
    return None


def _pictures(case: Case, was: Json, now: Json) -> Iterator[str]:
    before, after = case.source.frames(was["index"]), case.target.frames(now["index"])
    if not before or not after:
        yield f"{len(before)} pictures became {len(after)}"
        return
    changes = list(_changes(before))
    if changes and "changes" not in case.accepted and not _handled(case, changes):
        yield f"changes on the way, encoded as one: {', '.join(changes)}"
    yield from _count_and_times(case, before, after)
    yield from _shape(case, was, now)
    yield from _colours(case, before[0], after[0])
    yield from _combing(case, before)
    yield from _side_data(case, before, after)
    if not changes:
        yield from _likeness(case, was, now, 2 if len(after) > len(before) else 1)


CHANGING = ("width", "height", "sample_aspect_ratio", "pix_fmt", "color_transfer", "color_space")


def _changes(frames: list[Json]) -> Iterator[str]:
    for name in CHANGING:
        values = {_known(frame.get(name)) for frame in frames}
        if len(values) > 1:
            yield name
    if len({bool(frame.get("interlaced_frame")) for frame in frames}) > 1:
        yield "interlaced_frame"


def _handled(case: Case, changes: list[str]) -> bool:
    return changes == ["interlaced_frame"] and (
        case.is_deinterlaced or "interlaced" in case.accepted
    )


def _known(value: object) -> object:
    return None if value in (None, "unknown", "unspecified", "N/A", "0:1", "reserved") else value


def _times(frames: list[Json]) -> list[float] | None:
    """When pictures are shown, from the first one on."""
    found = [frame.get("pts_time", frame.get("best_effort_timestamp_time")) for frame in frames]
    if None in found:
        return None
    times = [float(one) for one in found if one is not None]
    return [time - times[0] for time in times]


def _count_and_times(case: Case, before: list[Json], after: list[Json]) -> Iterator[str]:
    # A picture of each field, where there are fields.
    counts = [2 if frame.get("interlaced_frame") else 1 for frame in before]
    by_field = case.is_deinterlaced and len(after) == sum(counts)
    if len(before) != len(after) and not by_field:
        yield f"{len(before)} pictures became {len(after)}"
        return
    if by_field:
        places = accumulate(counts[:-1], initial=0)
        after = [after[place] for place in places]
    was, now = _times(before), _times(after)
    if was is None or now is None:
        return
    worst = max(abs(a - b) for a, b in zip(was, now, strict=True))
    if worst > TICK_S:
        yield f"a picture moved by {worst * 1000:.1f} ms"


def _shape(case: Case, was: Json, now: Json) -> Iterator[str]:
    crop = _side(was, "Frame Cropping") or {}
    cut = {
        "width": int(crop.get("crop_left", 0)) + int(crop.get("crop_right", 0)),
        "height": int(crop.get("crop_top", 0)) + int(crop.get("crop_bottom", 0)),
    }
    kept = _side(now, "Frame Cropping") or {}
    for side in ("width", "height"):
        if now[side] not in (was[side] - cut[side], was[side] if kept else -1):
            yield f"{side}: {was[side]} became {now[side]} (cropped by {cut[side]})"
    before, after = (_aspect(one) for one in (was, now))
    if abs(before - after) > 0.001 * before:
        yield f"sample aspect: {before:.4f} became {after:.4f}"
    turned = [float((_side(one, "Display Matrix") or {}).get("rotation", 0)) for one in (was, now)]
    if turned[0] != turned[1]:
        yield f"rotation: {turned[0]} became {turned[1]}"
    format_was, format_now = was.get("pix_fmt", ""), now.get("pix_fmt", "")
    depth = _depth(format_now)
    if _depth(format_was) > depth and "bit-depth" not in case.accepted:
        yield f"bit depth: {format_was} became {format_now}"
    if re.search(r"4[24][24]|rgb|gbr|bgr", format_was) and "chroma" not in case.accepted:
        yield f"chroma: {format_was} became {format_now}"
    has_alpha = "yuva" in format_was or "rgba" in format_was or tag(was, "alpha_mode") == "1"
    if has_alpha and "alpha" not in case.accepted:
        yield "the transparency is gone"
    if tag(now, "alpha_mode") == "1":
        yield "the tag ALPHA_MODE promises a transparency that is gone"


def _aspect(stream: Json) -> float:
    ratio = stream.get("sample_aspect_ratio", "1:1")
    across, _, down = ratio.partition(":")
    return int(across) / int(down) if ratio not in ("0:1", "N/A") and int(down) else 1


def _depth(pix_fmt: str) -> int:
    found = re.search(r"(9|10|12|14|16)(le|be)$", pix_fmt)
    return int(found[1]) if found else 8


def _side(thing: Json, kind: str) -> Json | None:
    for data in thing.get("side_data_list", ()):
        if data.get("side_data_type", "").startswith(kind):
            found: Json = data
            return found
    return None


COLOURS = ("color_range", "color_primaries", "color_transfer", "color_space")


def _colours(case: Case, before: Json, after: Json) -> Iterator[str]:
    """What a source does not say may be said by the target, except of the range."""
    is_rgb = re.match("rgb|gbr|bgr", before.get("pix_fmt", ""))
    for name in COLOURS:
        was, now = _known(before.get(name)), _known(after.get(name))
        if name == "color_range":
            was, now = was or "tv", now or "tv"
        if is_rgb and name in ("color_range", "color_space"):
            continue
        if was is not None and was != now:
            yield f"{name}: {was} became {now}"


def _combing(case: Case, before: list[Json]) -> Iterator[str]:
    share = sum(bool(one.get("interlaced_frame")) for one in before) / len(before)
    if share and "interlaced" not in case.accepted and not case.is_deinterlaced:
        yield f"{share:.0%} of the pictures are interlaced, and nobody agreed to keep them combed"


def _side_data(case: Case, before: list[Json], after: list[Json]) -> Iterator[str]:
    for loss, kind in DYNAMIC.items():
        is_there = any(_has(one, kind) for one in before)
        if is_there and not any(_has(one, kind) for one in after) and loss not in case.accepted:
            yield f"{kind} is gone"
    for kind in STATIC:
        looked_at = before[:1] if "changes" in case.accepted else before
        was = next((data for one in looked_at if (data := _side(one, kind))), None)
        if was is None or _declares(case, kind.lower()):
            continue
        now = _side(after[0], kind)
        if now is None and not _is_empty(was):
            yield f"{kind} is gone"
        elif now is not None:
            yield from _differing_numbers(kind, was, now)


def _has(frame: Json, kind: str) -> bool:
    return any(kind in data.get("side_data_type", "") for data in frame.get("side_data_list", ()))


def _is_empty(data: Json) -> bool:
    """Light levels of 0 say that they are unknown: the same as none."""
    return not any(float(_number(v)) for k, v in data.items() if k != "side_data_type")


def _number(value: object) -> float:
    across, _, down = str(value).partition("/")
    return float(across) / float(down or 1) if re.fullmatch(r"[\d.]+", across) else 0


def _differing_numbers(kind: str, was: Json, now: Json) -> Iterator[str]:
    for key, value in was.items():
        a, b = _number(value), _number(now.get(key, 0))
        if abs(a - b) > max(0.0005, 0.01 * a):
            yield f"{kind}: {key} {value} became {now.get(key)}"


def _declares(case: Case, *words: str) -> bool:
    return any(word in case.declared.lower() for word in words)


def _likeness(case: Case, was: Json, now: Json, fields: int) -> Iterator[str]:
    """Pictures that were deinterlaced are compared with what FFmpeg makes of the source's."""
    streams = was["index"], now["index"]
    first = ""
    if case.is_deinterlaced:
        first = f"bwdif=mode=send_{'field' if fields == 2 else 'frame'}:deint=interlaced,"
    if (was["width"], was["height"]) != (now["width"], now["height"]):
        first += f"scale={now['width']}:{now['height']},"
    found = ssim(case.source, case.target, streams, first).get("Y", 0)
    if found < LIKE:
        yield f"the pictures do not look like the source's: SSIM {found:.3f}"
    if fields == 1 and not case.is_deinterlaced:
        distance = _colour_distance(
            colours(case.source, streams[0]), colours(case.target, streams[1])
        )
        if distance > COLOUR_LEVELS:
            yield f"the colours are off by {distance:.1f} levels"


def _colour_distance(before: bytes, after: bytes) -> float:
    """Mean distance of the levels in the picture that differs most; infinite if one is lost."""
    if len(before) != len(after) or not before:
        return float("inf")
    size = 16 * 12 * 3
    pairs = ((before[at : at + size], after[at : at + size]) for at in range(0, len(before), size))
    return max(sum(abs(a - b) for a, b in zip(*pair, strict=True)) / size for pair in pairs)


def _tracks(case: Case, kind: str, main: tuple[Json, Json]) -> Iterator[str]:
    before, after = case.source.of(kind), case.target.of(kind)
    chosen = case.wish.default_sound(before) if kind == "audio" else None
    there = case.wish.kept(kind, before)
    yield from (
        f"{kind} {one['index']} goes by a rule, and the plan does not say so"
        for one in before
        if one not in there and not _declares_drop(case, one)
    )
    before = [stream for stream in there if not _is_gone_by_agreement(case, stream)]
    if len(before) != len(after):
        names = "+".join(str(one.get("codec_name")) for one in before)
        yield f"{len(before)} {kind} tracks ({names}) became {len(after)}"
        return
    for was, now in zip(before, after, strict=True):
        name = f"{kind} {was['index']} ({was.get('codec_name')})"
        if chosen is not None:
            was = {
                **was,
                "disposition": {**was["disposition"], "default": int(was["index"] == chosen)},
            }
            if case.is_mp4 and was["disposition"]["default"] != now["disposition"]["default"]:
                yield f"{name}: default became {now['disposition']['default']}"
        for broken in _track(case, kind, was, now, main):
            yield f"{name}: {broken}"


def _is_gone_by_agreement(case: Case, stream: Json) -> bool:
    return "streams" in case.accepted and _declares_drop(case, stream)


def _declares_drop(case: Case, stream: Json) -> bool:
    """Dropped streams are named by their number, in the plan."""
    wanted = rf"\b{stream['codec_type']} {stream['index']} \([^)]*\): drop"
    return bool(re.search(wanted, case.declared))


def _track(case: Case, kind: str, was: Json, now: Json, main: tuple[Json, Json]) -> Iterator[str]:
    yield from _labels(case, was, now)
    before, after = case.source.packets(was["index"]), case.target.packets(now["index"])
    moved = _moved(case, main)
    same = [p.digest for p in before] == [p.digest for p in after]
    if kind == "subtitle":
        yield from _texts(case, was, now)
        starts = [(a.time_s, b.time_s) for a, b in zip(before, after, strict=False)]
        shifts = [b - a - moved for a, b in starts if a is not None and b is not None]
        if len(before) == len(after) and shifts and max(map(abs, shifts)) > SYNC_S:
            yield f"a line moved by {max(shifts, key=abs) * 1000:+.0f} ms"
    elif same:
        pairs = zip(before, after, strict=True)
        shifts = [
            b.time_s - a.time_s - moved
            for a, b in pairs
            if a.time_s is not None and b.time_s is not None
        ]
        if shifts and max(map(abs, shifts)) > SYNC_S:
            yield f"a packet moved by {max(shifts, key=abs) * 1000:+.0f} ms"
    else:
        yield from _sounds(case, was, now, moved)


def _moved(case: Case, main: tuple[Json, Json]) -> float:
    """How much later the picture starts in the target: sound and lines must follow it."""
    return _first(case.target, main[1]) - _first(case.source, main[0])


def _first(look: Look, stream: Json) -> float:
    """When the first picture is shown. Containers without times of display (AVI) need a decoder."""
    for frame in look.frames(stream["index"]):
        time = frame.get("best_effort_timestamp_time", frame.get("pts_time"))
        if time is not None:
            return float(time)
    return 0.0


def _labels(case: Case, was: Json, now: Json) -> Iterator[str]:
    before, after = (tag(one, "language") for one in (was, now))
    if before not in ("", "und", after):
        yield f"language: {before} became {after or 'none'}"
    title = tag(was, "title")
    if title != tag(now, "title") and not (case.is_mp4 and _declares(case, "title")):
        yield f"title: {title!r} became {tag(now, 'title')!r}"
    for flag in MP4_FLAGS if case.is_mp4 else FLAGS:
        if was["disposition"].get(flag) != now["disposition"].get(flag):
            yield f"{flag}: {was['disposition'].get(flag)} became {now['disposition'].get(flag)}"
    if case.is_mp4:
        return
    for key, value in was.get("tags", {}).items():
        known = key.lower() in ("language", "title", "filename", "mimetype", "alpha_mode")
        if known or STATISTICS.search(key):
            continue
        if tag(now, key.lower()) != value and not _declares(case, key.lower()):
            yield f"tag {key}: {value!r} became {tag(now, key.lower())!r}"


def _texts(case: Case, was: Json, now: Json) -> Iterator[str]:
    if was.get("codec_name") in ("dvb_subtitle", "dvd_subtitle", "hdmv_pgs_subtitle"):
        before, after = case.source.packets(was["index"]), case.target.packets(now["index"])
        if [p.digest for p in before] != [p.digest for p in after]:
            yield f"{len(before)} pictures became {len(after)} others"
        return
    lines = case.source.subtitle_texts(was["index"]), case.target.subtitle_texts(now["index"])
    if lines[0] != lines[1]:
        yield f"text: {lines[0][:4]} became {lines[1][:4]}"


def _sounds(case: Case, was: Json, now: Json, moved: float) -> Iterator[str]:
    """Other packets, so the samples are compared, wherever the containers cut them."""
    before, after = case.source.sound(was["index"]), case.target.sound(now["index"])
    size = 2 * int(was.get("channels", 2))
    rate = int(was.get("sample_rate", 48000))
    shift = _shift(before, after, size)
    if shift is None:
        yield f"other samples ({len(before) // size} became {len(after) // size})"
        return
    lost = max(shift, 0) + max(len(before) // size - shift - len(after) // size, 0)
    if lost > TRIMMED_SAMPLES:
        yield f"{lost} samples are gone"
    starts = case.source.first_sound_s(was["index"]), case.target.first_sound_s(now["index"])
    if starts[0] is not None and starts[1] is not None:
        drift = starts[1] - starts[0] - shift / rate - moved
        if abs(drift) > SYNC_S:
            yield f"moved by {drift * 1000:+.0f} ms"


def _shift(before: bytes, after: bytes, size: int) -> int | None:
    """By how many samples `after` starts later in `before`; None if it is not the same sound."""
    start = len(before) // size // 2 * size
    needle = before[start : start + 512 * size]
    if after[start : start + len(needle)] == needle:
        return 0  # asked first, since a steady tone is the same every few milliseconds
    where = after.find(needle)
    while where > 0 and where % size:
        where = after.find(needle, where + 1)
    if needle and where >= 0:
        return (start - where) // size
    if len(before) == len(after) and _nearly(before, after):
        return 0
    return None


def _nearly(before: bytes, after: bytes) -> bool:
    """Equal but for how the last bit is rounded."""
    a, b = array("h", before), array("h", after)
    return all(abs(x - y) <= 1 for x, y in zip(a, b, strict=True))


def _files(case: Case) -> Iterator[str]:
    if case.source.attachments != case.target.attachments and "streams" not in case.accepted:
        names = [[name for name, _ in one.attachments] for one in (case.source, case.target)]
        yield f"attachments: {names[0]} became {names[1]}"
    if case.source.covers != case.target.covers and not _declares(case, "cover"):
        yield f"covers: {len(case.source.covers)} became {len(case.target.covers)}, or others"


def _chapters(case: Case, main: tuple[Json, Json]) -> Iterator[str]:
    moved = _moved(case, main)
    before, after = case.source.chapters, case.target.chapters
    if _declares(case, EARLY):
        # Only those in the film have a place in the target.
        before = [one for one in before if one[0] + moved > -CHAPTER_S]
        after = after[len(after) - len(before) :]
    if [title.strip() for _, title in before] != [title.strip() for _, title in after]:
        yield f"chapters: {before} became {after}"
        return
    shifts = [b - max(a + moved, 0) for (a, _), (b, _) in zip(before, after, strict=True)]
    if shifts and max(map(abs, shifts)) > CHAPTER_S and median(map(abs, shifts)) > 0:
        yield f"a chapter moved by {max(shifts, key=abs):+.3f} s"


def _tags(case: Case) -> Iterator[str]:
    for key, value in case.source.tags.items():
        name = LANGUAGE_OF_KEY.sub("", key)
        if name in OWN_TAGS or _declares(case, f" {name}"):
            continue
        if value not in (case.target.tags.get(key), case.target.tags.get(name)):
            yield f"tag {key}: {value!r} became {case.target.tags.get(key)!r}"


def _structure(case: Case, main: tuple[Json, Json]) -> Iterator[str]:
    """What only Matroska's own tools show. Early chapters have no place in the target."""
    both_are_mkv = {one.path.suffix for one in (case.source, case.target)} == {".mkv"}
    if both_are_mkv and has_mkvtoolnix() and "matroska-structure" not in case.accepted:
        kinds = ("tags",) if _declares(case, EARLY) else ("chapters", "tags")
        yield from differences(
            case.source.path,
            case.target.path,
            moved_s=_moved(case, main),
            kinds=kinds,
            gone=frozenset(
                int(one["index"])
                for kind in ("audio", "subtitle")
                for one in case.source.of(kind)
                if one not in case.wish.kept(kind, case.source.of(kind))
            ),
            default_sound=case.wish.default_sound(case.source.of("audio")),
        )
