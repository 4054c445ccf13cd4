"""Checks whether a file can be the target that its tag describes. Pure.

A user may have edited it (titles, languages, a removed track): such differences are noted. What no
edit explains is refused: another frame size, another duration.
"""

from __future__ import annotations

from fractions import Fraction

import msgspec

from av1rules.encode.containers import MKV, MP4
from av1rules.encode.contract.compare import compare
from av1rules.encode.contract.expected import expected_contract
from av1rules.encode.streams import plan_streams
from av1rules.encode.verify_timing import DURATION_TOLERANCE, DURATION_TOLERANCE_S
from av1rules.ffmpeg.tools import Tools
from av1rules.ledger.provenance import FORMAT, Provenance, parse_provenance
from av1rules.media.source import Source, VideoStream


class ProvenanceTag(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a tag, or why it can't be used."""

    provenance: Provenance | None
    problem: str | None = None


def read_provenance_tag(tag: str) -> ProvenanceTag:
    """Parse the tag of a file and check that it makes sense."""
    try:
        provenance = parse_provenance(tag)
    except msgspec.MsgspecError as error:
        return ProvenanceTag(provenance=None, problem=f"its tag can't be read: {error}")
    if provenance.av1rules != FORMAT:
        problem = f"its tag is of format {provenance.av1rules}, this av1rules knows {FORMAT}"
        return ProvenanceTag(provenance=None, problem=problem)
    if provenance.settings.container not in (MKV, MP4):
        return ProvenanceTag(
            provenance=None, problem="its tag names a container that av1rules does not write"
        )
    if not provenance.content_key.startswith(f"{provenance.source_bytes}-"):
        return ProvenanceTag(
            provenance=None, problem="its tag contradicts itself about the size of the source"
        )
    return ProvenanceTag(provenance=provenance)


class SourceComparison(msgspec.Struct, frozen=True, kw_only=True):
    """`problem` is why the file can't be the target, `notes` how it differs from what was
    written."""

    problem: str | None = None
    notes: tuple[str, ...] = ()


def compare_with_source(
    provenance: Provenance, source: Source, target: Source, tools: Tools, *, accepts_damage: bool
) -> SourceComparison:
    """Whether `target` can have been made from `source` as the tag says."""
    if source.main is None:
        return SourceComparison(problem="its source has no video")
    encoder = next((one for one in tools.encoders if one.name == provenance.tools.encoder), None)
    streams = plan_streams(source, provenance.settings)
    contract = expected_contract(source, streams, provenance.settings, encoder)
    video = video_of(target)
    if video is None:
        return SourceComparison(problem=NO_VIDEO)
    wanted = contract.picture
    if (video.width, video.height) != (wanted.width, wanted.height):
        found = f"{video.width}x{video.height}"
        return SourceComparison(
            problem=f"its frames are {found}, not {wanted.width}x{wanted.height}"
        )
    problem = None if accepts_damage else _length_problem(source, source.main, target, video)
    return SourceComparison(problem=problem, notes=compare(contract, target))


NO_VIDEO = "it has no AV1 video"


def video_of(target: Source) -> VideoStream | None:
    """The AV1 video stream."""
    return next((stream for stream in target.video if stream.codec == "av1"), None)


def _length_problem(
    source: Source, main: VideoStream, target: Source, video: VideoStream
) -> str | None:
    """Compare the durations with the tolerance of the verification. Containers differ in whether
    the time before the first frame counts."""
    wanted = source.film_s
    found = video.duration_s or target.duration_s
    if wanted is None or found is None:
        return None
    start = max((main.start_s or 0) - min(source.start_s or 0, 0), 0)
    frame_s = float(1 / (main.frame_rate or Fraction(24)))
    tolerance = max(DURATION_TOLERANCE_S, wanted * DURATION_TOLERANCE, 2 * frame_s)
    if (
        min(abs(wanted - found), abs(start + wanted - found), abs(wanted - start - found))
        <= tolerance
    ):
        return None
    return f"it is {found:.1f} s long, its source {wanted:.1f} s"
