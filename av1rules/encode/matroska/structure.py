"""What becomes of a Matroska source's structure: kept by mkvpropedit, declared, or held. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from av1rules.encode.containers import MKV
from av1rules.media.matroska.facts import PLAYBACK, MatroskaFeature, StructureFact
from av1rules.media.source import Source

NEVER_KEPT = frozenset(
    {
        MatroskaFeature.SEGMENT_FAMILY,
        MatroskaFeature.TRACK_OPERATION,
        MatroskaFeature.HIDDEN_TRACKS,
        MatroskaFeature.UNKNOWN_ELEMENTS,
    }
)
"""What neither FFmpeg nor mkvpropedit writes."""


class StructureLoss(msgspec.Struct, frozen=True, kw_only=True):
    """Lost structure as a sentence. `is_held`: playback depends on it. `remedy` is another way than
    to accept it, as the end of a sentence."""

    message: str
    is_held: bool
    remedy: str = ""


class StructureOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How mkvpropedit (of this version) went over a finished file. `problem` says why nothing was
    kept; `shift_ns` is how far chapters moved with the film's clock."""

    commands: tuple[tuple[str, ...], ...] = ()
    version: str = ""
    problem: str | None = None
    shift_ns: int = 0


def is_structure_kept(source: Source, container: str, *, has_mkvpropedit: bool) -> bool:
    """Whether mkvpropedit keeps what it can: all but `NEVER_KEPT`, and the segment's UID where
    another file links to it."""
    structure = source.matroska
    if structure is None or not structure.is_readable or container != MKV or not has_mkvpropedit:
        return False
    return structure.segment_uid is not None or bool(structure.features - NEVER_KEPT)


def lost_facts(
    source: Source, container: str, *, has_mkvpropedit: bool
) -> tuple[StructureFact, ...]:
    """What of the structure the target will not have."""
    if source.matroska is None:
        return ()
    if is_structure_kept(source, container, has_mkvpropedit=has_mkvpropedit):
        return tuple(fact for fact in source.matroska.facts if fact.feature in NEVER_KEPT)
    return source.matroska.facts


def structure_losses(
    source: Source, container: str, *, has_mkvpropedit: bool, linked_by: str | None = None
) -> tuple[StructureLoss, ...]:
    """The losses of structure, those first that playback depends on. `linked_by` is a file that
    plays this one as a part of its own."""
    if source.matroska is None:
        return ()
    losses = []
    if not source.matroska.is_readable:
        message = "its Matroska structure can't be read: only what FFmpeg shows of it is kept"
        losses.append(StructureLoss(message=message, is_held=False))
    lost = lost_facts(source, container, has_mkvpropedit=has_mkvpropedit)
    held = [fact for fact in lost if fact.feature in PLAYBACK]
    remedy = _remedy(held, container, has_mkvpropedit=has_mkvpropedit)
    if held:
        message = f"what playback depends on would be lost of Matroska's structure: {_list(held)}"
        losses.append(StructureLoss(message=message, is_held=True, remedy=remedy))
    is_uid_lost = not is_structure_kept(source, container, has_mkvpropedit=has_mkvpropedit)
    if linked_by is not None and is_uid_lost:
        message = f"{linked_by} plays this file as a part of its own, by a name that would be lost"
        remedy = _remedy((), container, has_mkvpropedit=has_mkvpropedit)
        losses.append(StructureLoss(message=message, is_held=True, remedy=remedy))
    if rest := [fact for fact in lost if fact.feature not in PLAYBACK]:
        message = f"{container} by FFmpeg drops or flattens of Matroska's structure: {_list(rest)}"
        losses.append(StructureLoss(message=message, is_held=False))
    return tuple(losses)


def _list(facts: Iterable[StructureFact]) -> str:
    return ", ".join(f"{fact.feature.value} ({fact.detail})" for fact in facts)


def _remedy(facts: Iterable[StructureFact], container: str, *, has_mkvpropedit: bool) -> str:
    if any(fact.feature in NEVER_KEPT for fact in facts):
        return ""
    if container != MKV:
        return "or `container: mkv`"
    if has_mkvpropedit:
        return ""
    return "or install MKVToolNix, whose mkvpropedit keeps it (`av1rules doctor` tells of it)"
