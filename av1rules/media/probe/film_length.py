"""How long the pictures of a film last: by its own packets, not by what its container claims.

A container's duration is that of its longest track: a subtitle or a sound track that goes on makes
it several times too long, a clock that starts late or jumps makes it anything. Tracks of MP4 are
added up from their samples, so their own durations hold. Those of Matroska are a tag, which is
believed where the index confirms it; all else is looked up at the end of the file.
"""

from __future__ import annotations

from collections.abc import Callable

from av1rules.media.matroska.cues import last_key_frame_s
from av1rules.media.probe.clock_scan import pictures_s
from av1rules.media.probe.ffprobe_json import (
    RawPacket,
    RawProbe,
    RawStream,
    clock_s,
    positive,
    ratio,
)
from av1rules.media.probe.parse_rates import claimed_frames, first_picture_s
from av1rules.media.truncation import missing_part

UNTIMED = frozenset({"h264", "hevc", "vvc", "obu", "mpegvideo", "m4v", "vc1", "dirac", "cavsvideo"})
"""Elementary streams: their pictures have no times."""

CLOCKED = frozenset({"mpegts", "mpeg"})
"""Broadcasts and discs: their clocks jump, wrap and start anywhere; see `clock_scan`."""

UNINDEXED = frozenset({"flv"})
"""FFmpeg can't seek to the end of these: they are read from their beginning."""

UNINDEXED_BYTES = 2 * 1024**3
"""Up to so many, which takes about two seconds from a disk; longer ones keep what they claim."""

LATE_START_S = 0.5
"""Of a film that starts later, DURATION may count from zero (FFmpeg) or from the start (mkvmerge).
Earlier, the difference is that of a few reordered pictures."""

KEY_FRAMES_APART_S = 12.0
"""The end of a film is at most so far behind the last key frame of its index: encoders set one
every 250 frames or ten seconds. Where it is farther, the packets are asked."""

FRAMES_TOLERANCE = 0.02
"""Frames and duration of mkvmerge's statistics agree by the frame rate to this share."""

FOREVER = "99999999%"
"""An interval that begins after any film: FFmpeg goes to the last key frame before."""


Ask = Callable[[tuple[str, ...]], "tuple[RawPacket, ...] | None"]
"""Asks ffprobe for packets of the file: its arguments but for program, guards and path."""


def film_length_s(
    main: RawStream, raw: RawProbe, path: str, size_bytes: int, ask: Ask
) -> float | None:
    """From the first picture to the end of the last one, in seconds; None if it can't be known for
    sure: pictures without times, a file that is cut off or without an index."""
    container = container_of(raw)
    length_s = length_by_header_s(main, raw, path)
    if length_s is not None or container == "mov":
        return length_s
    if container in CLOCKED and (length_s := _by_clock_s(main, raw, path)) is not None:
        return length_s
    argv = end_argv(raw, main, size_bytes)
    if argv is None or _is_cut_off(path):
        return None
    last = ask(argv)
    return None if last is None else length_by_packets_s(main, raw, last)


def _is_cut_off(path: str) -> bool:
    """Whether the end that could be looked at is not the film's."""
    try:
        return missing_part(path) is not None
    except OSError:
        return True


def _by_clock_s(main: RawStream, raw: RawProbe, path: str) -> float | None:
    rate = ratio(main.avg_frame_rate) or ratio(main.r_frame_rate)
    try:
        stream_id = int(main.id or "", 0)
    except ValueError:
        return None
    is_transport = container_of(raw) == "mpegts"
    steps_s = pictures_s(path, stream_id=stream_id, is_transport=is_transport)
    return None if steps_s is None else steps_s + (float(1 / rate) if rate else 0.0)


def is_exact_by_header(raw: RawProbe) -> bool:
    """Whether the container adds up a track's duration from its samples (MP4 and MOV)."""
    return container_of(raw) == "mov"


def container_of(raw: RawProbe) -> str:
    return (raw.format.format_name or "").split(",")[0]


def length_by_header_s(main: RawStream, raw: RawProbe, path: str) -> float | None:
    """The length that the container tells and that is sure to be true, in seconds; None if the
    packets have to be asked."""
    if is_exact_by_header(raw):
        return positive(main.duration)
    if container_of(raw) != "matroska":
        return None
    claim = matroska_claim_s(main, raw)
    if claim is None:
        return None
    last_key_s = last_key_frame_s(path, position=_track_position(main, raw))
    if last_key_s is None:
        return None
    end_s = claim + max(first_picture_s(main, raw) or 0.0, 0.0)
    is_confirmed = last_key_s < end_s + LATE_START_S <= last_key_s + KEY_FRAMES_APART_S
    return claim if is_confirmed else None


def matroska_claim_s(main: RawStream, raw: RawProbe) -> float | None:
    """The length by the DURATION tag; None where it contradicts the file or can be read in two
    ways."""
    start_s = max(first_picture_s(main, raw) or 0.0, 0.0)
    tag_s = clock_s(main.tag("duration"))
    if tag_s is None or start_s > LATE_START_S:
        return None
    frames, rate = claimed_frames(main), ratio(main.avg_frame_rate)
    if frames is not None and rate is not None:
        # mkvmerge's statistics, which give the time from the first picture to the last; the count
        # stays behind where FFmpeg cut the film and wrote a new DURATION.
        counted_s = float(frames / rate)
        if abs(counted_s - tag_s) > max(FRAMES_TOLERANCE * tag_s, LATE_START_S):
            return None
        return tag_s
    return tag_s - start_s if tag_s > start_s else None


def _track_position(main: RawStream, raw: RawProbe) -> int:
    """The how manieth of Matroska's tracks it is: FFmpeg lists them in order, attachments after."""
    return sum(1 for stream in raw.streams if stream.index < main.index)


def end_argv(raw: RawProbe, main: RawStream, size_bytes: int) -> tuple[str, ...] | None:
    """What to ask ffprobe for the last packets of the film; None where that tells nothing."""
    container = container_of(raw)
    if container in UNTIMED or (container in UNINDEXED and size_bytes > UNINDEXED_BYTES):
        return None
    # Matroska's headers tell all that is needed; elsewhere streams are found by looking.
    known = ("-nofind_stream_info",) if container == "matroska" else ()
    interval = () if container in UNINDEXED else ("-read_intervals", FOREVER)
    return (
        *known, "-select_streams", str(main.index), *interval,
        "-show_entries", "packet=stream_index,pts,duration",
    )  # fmt: skip


def length_by_packets_s(
    main: RawStream, raw: RawProbe, last: tuple[RawPacket, ...]
) -> float | None:
    """From the first picture to the end of the last one; `last` are the last packets of the film.
    None if they have no times."""
    base, rate = ratio(main.time_base), ratio(main.avg_frame_rate)
    stamps = [(one.pts, one.duration) for one in last if one.pts is not None]
    if base is None or not stamps:
        return None
    usual_s = 1 / rate if rate else 0
    end_s = max(pts * base + (lasts * base if lasts else usual_s) for pts, lasts in stamps)
    length_s = float(end_s) - (first_picture_s(main, raw) or 0.0)
    return length_s if length_s > 0 else None
