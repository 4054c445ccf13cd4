"""The index of a source: when each of its pictures is shown, by the packets of the file."""

from __future__ import annotations

from array import array
from fractions import Fraction

from av1rules.base.process import Children
from av1rules.encode.job import EncodeJob
from av1rules.encode.measure import read_packets
from av1rules.encode.picture_times import PictureTimes
from av1rules.encode.segments.records import NotExactError
from av1rules.ffmpeg.tools import Tools


def index_pictures(job: EncodeJob, *, tools: Tools, children: Children) -> PictureTimes:
    """The times of all pictures in the order shown, by the source's own clock. Reads the file once
    and decodes nothing. Raises NotExactError if they can't be told, EncodeError if the file can't
    be read, RunInterruptedError."""
    ticks = array("q")
    found: dict[str, Fraction] = {}
    problems: set[str] = set()

    def on_line(line: str) -> None:
        if "/" in line:
            found["tick"] = Fraction(line.partition(",")[0])
            return
        time, _, flags = line.partition(",")
        if "D" in flags:
            problems.add("its container hides some of its pictures")
        elif time.lstrip("-").isdecimal():
            ticks.append(int(time))
        elif line:
            problems.add("some of its pictures have no time")

    entries = "packet=pts,flags:stream=time_base"
    options = ("-select_streams", str(job.main.index), "-show_entries", entries)
    read_packets(job.source_path, options, on_line, tools, children, job.source.reach)
    if problems:
        raise NotExactError(min(problems))
    if "tick" not in found:
        raise NotExactError("its container does not tell the unit of its times")
    return PictureTimes(tick=found["tick"], ticks=array("q", sorted(ticks)).tobytes())
