"""An order of a segment travels: to threads, other processes and other machines."""

from __future__ import annotations

import pickle
from array import array
from fractions import Fraction

from msgspec.structs import replace

from av1rules.encode.picture_times import PictureTimes
from av1rules.encode.segments.orders import SegmentOrder
from av1rules.encode.segments.plan import plan_segments
from tests.encode.make import job

TIMES = PictureTimes(tick=Fraction(1, 24), ticks=array("q", range(600)).tobytes())
ORDER = SegmentOrder(
    job=job(), segment=plan_segments(TIMES, 100)[3], times=TIMES, folder="/segments"
)


def test_an_order_is_the_same_after_a_journey() -> None:
    assert pickle.loads(pickle.dumps(ORDER)) == ORDER


def test_attempts_share_the_finished_file_alone() -> None:
    again = replace(ORDER, attempt=1)
    assert (ORDER.name, again.name) == ("00003.mkv", "00003.mkv")
    assert ORDER.part_stem != again.part_stem
