"""Reads FFmpeg's log: warnings, errors, and the counts at the end. Pure.

Lines come from `-v level+verbose`: `[context @ 0x55..] [level] text`. One message never decides
whether an encode is good: exit code, counts and the verification of the result do. Errors about
the input show that the source is damaged where FFmpeg itself continues with exit code 0.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

import msgspec

from av1rules.base.text import printable
from av1rules.ffmpeg.film_log import FilmLog

LAST_LINES = 40
KEPT_COMPLAINTS = 40
"""Different messages kept; a damaged source can cause thousands."""

KEPT_DAMAGE = 400
"""Different errors about the source kept: so many that those of a recording's first packets, each
of which names another picture, never crowd out the others."""

SHOWN_LINE = 400

TAIL_LINES = 24
"""Lines of any level; the last ones contain streams, sizes and speed."""

HARMLESS = (
    "Warning MVs not available", "overread ", "Error parsing Opus packet header",
    "mmco: unref short failure",
)  # fmt: skip
"""Error-level messages about intact files. MPEG-1/2 decoders print the first two for frames that
they show all the same, with a few blocks concealed (a source cut in mid-GOP, some encoders' last
slice); real damage causes other lines too. FFmpeg 8.0 prints the third where audio is only copied.
The last comes where an H.264 broadcast is joined between two pictures: one of the first tells the
decoder to forget a picture that it never had; one that is really missed is missed in the counts."""

CUT_OFF = "File ended prematurely"
_LISTED = re.compile(r"\[info\] {2,}(?:Stream #|Metadata:|encoder +: |DURATION +: )")
"""FFmpeg writes its list of streams in parts; a message that another thread prints in between loses
its context and level and ends up within a line of the list. Seen with very short files: their end
was reached while the streams were listed (10 of 150 times). Tags of the film's own prove nothing:
whoever made it wrote them."""

_LINE = re.compile(
    r"^(?P<contexts>(?:\[[^\]]* @ 0x[0-9a-f]+\] )*)\[(?P<level>[a-z]+)\] (?P<text>.*)"
)
_BLANK = re.compile(r"(?:\[[a-z]+\])?\s*")
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")
_CONTEXTS = re.compile(r"^(?:\[[^\]]*\] )+")
_START = re.compile(r"^\[info\]   Duration: \S+, start: (-?\d+\.\d+), bitrate: ")
_COUNTS = re.compile(
    r"^\[(?P<side>in|out)#0[^\]]*\] \[verbose\]   (?:Input|Output) stream #0:(?P<index>\d+) "
    r"\((?P<kind>\w+)\): (?P<rest>.*)"
)
_COUNT = re.compile(r"(\d+) (packets|frames|decode) (read|decoded|encoded|muxed|errors)")
_OUTPUT_SIDE = (
    "[vost#", "[aost#", "[sost#", "[out#", "[enc:", "[matroska]", "[mp4]",
)  # fmt: skip


class KnownFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A failure that an encoder reports by `words`, with the reason and hint shown instead."""

    words: str
    reason: str
    hint: str


class EncoderMessages(msgspec.Struct, frozen=True, kw_only=True):
    """How one encoder's messages look in FFmpeg's log.

    `refusals` are regular expressions for the prefix of its own messages about its parameters,
    besides the errors that FFmpeg logs in its name. `out_of_memory` are its messages for that.
    """

    codec: str
    refusals: tuple[str, ...] = ()
    out_of_memory: tuple[str, ...] = ()
    known: tuple[KnownFailure, ...] = ()


class StreamCount(msgspec.Struct, frozen=True, kw_only=True):
    """FFmpeg's own counts of one stream; `side` is "in" or "out". None where it reports none."""

    side: str
    index: int
    packets: int | None = None
    frames: int | None = None
    decode_errors: int | None = None


@dataclass(slots=True)
class LogReader:
    """Takes every line of standard error. `encoders` are the codecs whose lines concern the
    output: their errors are not damage of the source. `start_s` is where FFmpeg says that
    its last input starts: what it takes for the zero of its clock."""

    encoders: tuple[str, ...] = ()
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    _tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))
    complaints: dict[str, int] = field(default_factory=dict)
    damage: dict[str, int] = field(default_factory=dict)
    film: FilmLog = field(default_factory=FilmLog)
    start_s: float | None = None
    _counts: dict[tuple[str, int], StreamCount] = field(default_factory=dict)

    def feed(self, line: str) -> None:
        left = self.film.feed(line)
        if left is not line:
            self._torn(left)
            return
        if not _BLANK.fullmatch(line):
            self._tail.append(line)
        found = _LINE.match(line)
        if found is None or found["level"] not in ("info", "verbose"):
            self._keep(line, found)
            return
        plain = _ADDRESS.sub("", line)
        if CUT_OFF in plain and _LISTED.match(plain):
            self.last.append(CUT_OFF)
            _note(self.damage, CUT_OFF, KEPT_DAMAGE)
        if start := _START.match(line):  # the last one wins, too
            self.start_s = float(start[1])
        if count := _COUNTS.match(plain):  # the last one wins: a file name could fake one before
            self._counts[count["side"], int(count["index"])] = _stream_count(count)

    def _torn(self, text: str | None) -> None:
        """What another thread printed into a line about a picture: FFmpeg leaves out its context
        and level then, and an encoder's library may be the one that prints. So it is kept to be
        shown, and the counts of decoding errors judge."""
        if text is None or _BLANK.fullmatch(text):
            return
        shown = printable(_ADDRESS.sub("", text), limit=SHOWN_LINE)
        self.last.append(shown)
        _note(self.complaints, shown)

    def _keep(self, line: str, found: re.Match[str] | None) -> None:
        shown = printable(_ADDRESS.sub("", line), limit=SHOWN_LINE)
        if not shown.strip():
            return
        self.last.append(shown)
        if found is None:
            return
        _note(self.complaints, shown)
        contexts, text = _ADDRESS.sub("", found["contexts"]), found["text"]
        is_error = found["level"] in ("error", "fatal", "panic")
        output_side = (*_OUTPUT_SIDE, *(f"[{codec}" for codec in self.encoders))
        is_input_side = contexts != "" and not any(mark in contexts for mark in output_side)
        if is_error and is_input_side and not text.startswith(HARMLESS):
            _note(self.damage, shown, KEPT_DAMAGE)

    def count(self, side: str, index: int) -> StreamCount | None:
        return self._counts.get((side, index))

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines of any level."""
        return tuple(printable(_ADDRESS.sub("", line), limit=SHOWN_LINE) for line in self._tail)

    @property
    def counts(self) -> tuple[StreamCount, ...]:
        return tuple(self._counts.values())


def _note(notes: dict[str, int], line: str, most: int = KEPT_COMPLAINTS) -> None:
    if line in notes or len(notes) < most:
        notes[line] = notes.get(line, 0) + 1


def plain_line(line: str) -> str:
    """A line without its contexts and level."""
    return _CONTEXTS.sub("", line)


def counted_lines(notes: dict[str, int]) -> tuple[str, ...]:
    """Each line once, with the number of times it occurred."""
    return tuple(f"{line} ({count} times)" if count > 1 else line for line, count in notes.items())


def _stream_count(found: re.Match[str]) -> StreamCount:
    numbers = {kind: int(number) for number, kind, _ in _COUNT.findall(found["rest"])}
    return StreamCount(
        side=found["side"],
        index=int(found["index"]),
        packets=numbers.get("packets"),
        frames=numbers.get("frames"),
        decode_errors=numbers.get("decode"),
    )
