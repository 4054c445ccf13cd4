"""What speaks against taking a file for the target that its tag says it is. Pure.

A person may have edited it (titles, languages, a track taken out): that is noted, not refused. What
can't come from an edit is refused: other pictures, another length.
"""

from __future__ import annotations

from fractions import Fraction

import msgspec

from av1rules.encode.containers import MKV, MP4
from av1rules.encode.contract import compare, expected_contract
from av1rules.encode.streams import plan_streams
from av1rules.encode.verify import DURATION_TOLERANCE, DURATION_TOLERANCE_S
from av1rules.ffmpeg.tools import Tools
from av1rules.ledger.provenance import FORMAT, Provenance, parse_provenance
from av1rules.media.source import Source, VideoStream


class ProvenanceTag(msgspec.Struct, frozen=True, kw_only=True):
    """What a tag says, or why it can't be believed."""

    said: Provenance | None
    fault: str | None = None


def read_provenance_tag(tag: str) -> ProvenanceTag:
    """The tag of a file as a claim that makes sense."""
    try:
        said = parse_provenance(tag)
    except msgspec.MsgspecError as problem:
        return ProvenanceTag(said=None, fault=f"its tag can't be read: {problem}")
    if said.av1rules != FORMAT:
        fault = f"its tag is of format {said.av1rules}, this av1rules knows {FORMAT}"
        return ProvenanceTag(said=None, fault=fault)
    if said.settings.container not in (MKV, MP4):
        return ProvenanceTag(
            said=None, fault="its tag names a container that av1rules does not write"
        )
    if not said.content_key.startswith(f"{said.source_bytes}-"):
        return ProvenanceTag(
            said=None, fault="its tag contradicts itself about the size of the source"
        )
    return ProvenanceTag(said=said)


class SourceComparison(msgspec.Struct, frozen=True, kw_only=True):
    """`fault` is why the file can't be the target, `notes` how it differs from what was made."""

    fault: str | None = None
    notes: tuple[str, ...] = ()


def compare_with_source(
    said: Provenance, source: Source, target: Source, tools: Tools, *, accepts_damage: bool
) -> SourceComparison:
    """Whether `target` can have been made of `source` as the tag says."""
    if source.main is None:
        return SourceComparison(fault="its source has no pictures")
    encoder = next((one for one in tools.encoders if one.name == said.tools.encoder), None)
    streams = plan_streams(source, said.settings)
    contract = expected_contract(source, streams, said.settings, encoder)
    picture = picture_of(target)
    if picture is None:
        return SourceComparison(fault=NO_PICTURES)
    wanted = contract.picture
    if (picture.width, picture.height) != (wanted.width, wanted.height):
        found = f"{picture.width}x{picture.height}"
        return SourceComparison(
            fault=f"its pictures are {found}, not {wanted.width}x{wanted.height}"
        )
    fault = None if accepts_damage else _length_fault(source, source.main, target, picture)
    return SourceComparison(fault=fault, notes=compare(contract, target))


NO_PICTURES = "it holds no AV1 pictures"


def picture_of(target: Source) -> VideoStream | None:
    """The pictures that were encoded."""
    return next((stream for stream in target.video if stream.codec == "av1"), None)


def _length_fault(
    source: Source, main: VideoStream, target: Source, picture: VideoStream
) -> str | None:
    """By the tolerance of the verification that it once passed; containers differ in whether the
    time before the first picture counts."""
    wanted = main.duration_s or source.duration_s
    found = picture.duration_s or target.duration_s
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
