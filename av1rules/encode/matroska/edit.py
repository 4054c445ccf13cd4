"""The structure that a finished Matroska file gets from its source: what mkvpropedit is told. Pure.

UIDs of tracks and attached files are the source's own, so that its tags and chapters still find
what they are about.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from av1rules.base.text import text_digest
from av1rules.encode.argv import BRAND_TAGS, STATISTICS_TAGS
from av1rules.encode.streams import StreamAction, StreamPlan, StreamStep
from av1rules.media.matroska.ebml import Element
from av1rules.media.matroska.read import SHOWN_TRACK_TYPES, AttachedFile, MatroskaFile
from av1rules.media.provenance_tag import PROVENANCE_TAG
from av1rules.media.source import Source

CHAPTER_SHIFT_NS = 50_000_000
"""FFmpeg moves chapters with the clock of a film that starts late; less is rounding."""

OUR_TRACK_TAGS = frozenset({"ENCODER", "ENCODER_SETTINGS", "DURATION"})
"""Tags of a track that FFmpeg wrote anew for what was encoded or converted."""

STALE_TRACK_TAGS = frozenset({*OUR_TRACK_TAGS, "ALPHA_MODE", *STATISTICS_TAGS})
"""Tags of a track that are no longer true once it is encoded."""

STALE_FILE_TAGS = frozenset({"ENCODER", PROVENANCE_TAG, *(tag.upper() for tag in BRAND_TAGS)})
"""Tags of a file that say who wrote it and in which container."""

SEGMENT_PROPERTIES = (
    ("segment-uid", "SegmentUID"),
    ("prev-uid", "PreviousSegmentUID"),
    ("next-uid", "NextSegmentUID"),
    ("segment-filename", "SegmentFilename"),
    ("prev-filename", "PreviousSegmentFilename"),
    ("next-filename", "NextSegmentFilename"),
    ("title", "Title"),
)
"""Names of mkvpropedit and of the elements."""


class TrackEdit(msgspec.Struct, frozen=True, kw_only=True):
    """What one track of the target gets, by its position."""

    uid: int | None
    language: str | None  # BCP 47
    is_disabled: bool


class AttachmentEdit(msgspec.Struct, frozen=True, kw_only=True):
    """What an attached file of the target gets; `name`, `mimetype` and `size_bytes` say which."""

    name: str
    mimetype: str
    size_bytes: int
    uid: int | None
    description: str


class StructureEdit(msgspec.Struct, frozen=True, kw_only=True):
    """All that a target gets of its source's structure."""

    segment: tuple[tuple[str, str | None], ...]  # property of mkvpropedit, value; None: none
    tracks: tuple[TrackEdit, ...]
    attachments: tuple[AttachmentEdit, ...]
    editions: tuple[Element, ...]
    tags: tuple[Element, ...]


class StructureMismatchError(Exception):
    """Source and target do not fit together as their probes promise."""


def structure_edit(
    source: MatroskaFile, target: MatroskaFile, streams: StreamPlan, *, shift_ns: int
) -> StructureEdit:
    """What the target as FFmpeg wrote it gets of its source. `shift_ns` is added to the times of
    chapters. Raises StructureMismatchError."""
    steps = [step for step in streams.mapped if step.kind not in ("attachment", "cover")]
    shown = source.shown_tracks
    if len(steps) != len(target.tracks) or any(step.index >= len(shown) for step in steps):
        raise StructureMismatchError("the tracks of source and target can't be matched")
    kept = [shown[step.index] for step in steps]
    kinds = [SHOWN_TRACK_TYPES[track.number("TrackType") or 0] for track in kept]
    if kinds != [step.kind for step in steps]:
        raise StructureMismatchError("the tracks of the source are in another order than FFmpeg's")
    uids = _unique([track.number("TrackUID") for track in kept])
    here = {track.number("TrackUID") for track in kept}
    gone = frozenset(
        uid for track in shown if (uid := track.number("TrackUID")) and uid not in here
    )
    return StructureEdit(
        segment=tuple(
            (name, _segment_value(source.info, element)) for name, element in SEGMENT_PROPERTIES
        ),
        tracks=tuple(
            TrackEdit(
                uid=uid,
                language=_known(track.text("LanguageIETF")),
                is_disabled=track.number("FlagEnabled", 1) == 0,
            )
            for track, uid in zip(kept, uids, strict=True)
        ),
        attachments=tuple(_attachments(source.attachments)),
        editions=tuple(
            _edition(_of_kept_tracks(edition, gone), f"edition {place}", shift_ns)
            for place, edition in enumerate(source.editions)
        ),
        tags=tuple(_of_kept_tracks(tag, gone) for tag in _tags(source, target, steps, uids)),
    )


_OF_TRACKS = {"Targets": "TrackUID", "ChapterTrack": "ChapterTrackNumber"}
"""Lists of the tracks that a tag or a chapter is about, with their entries."""


def _of_kept_tracks(element: Element, gone: frozenset[int]) -> Element:
    """A tag or an edition without the UIDs of tracks that the target does not have: they would
    point nowhere, or at another track. A chapter of such tracks only becomes one of all."""
    if not gone or element.value is not None:
        return element
    children = [_of_kept_tracks(child, gone) for child in element.children]
    entry = _OF_TRACKS.get(element.name)
    if entry is not None:
        children = [one for one in children if one.name != entry or one.value not in gone]
    empty = [one for one in children if one.name == "ChapterTrack" and not one.children]
    return Element(element.name, None, tuple(one for one in children if one not in empty))


def chapter_shift_ns(source: Source, target: MatroskaFile) -> int:
    """How far FFmpeg moved the chapters of the target, in ns."""
    written = [
        atom.number("ChapterTimeStart", 0) or 0
        for edition in target.editions
        for atom in edition.all("ChapterAtom")
    ]
    if source.chapters and len(written) == len(source.chapters):
        moved = written[-1] - round(source.chapters[-1].start_s * 1e9)
    else:
        moved = -round((source.start_s or 0.0) * 1e9)
    return moved if abs(moved) > CHAPTER_SHIFT_NS else 0


def _known(tag: str | None) -> str | None:
    return None if tag in (None, "", "und") else tag


def _segment_value(info: Element, name: str) -> str | None:
    return info.hex(name) or info.text(name) or None


def _unique(uids: list[int | None]) -> list[int | None]:
    """UIDs that name one thing each; None where the source's own do not."""
    return [uid if uid and uids.count(uid) == 1 else None for uid in uids]


def as_word(text: str) -> str:
    """A text as a word of a command: mkvpropedit takes a word that begins with @ for a file of
    options, and `--help` or `-r` (write messages to a file) for an option wherever it stands."""
    return f" {text}" if text.startswith(("@", "-")) else text


def _attachments(files: tuple[AttachedFile, ...]) -> Iterator[AttachmentEdit]:
    uids = _unique([item.uid for item in files])
    for item, uid in zip(files, uids, strict=True):
        yield AttachmentEdit(
            name=item.name,
            mimetype=item.mimetype,
            size_bytes=item.size_bytes,
            uid=uid,
            description=as_word(item.description),
        )


def _edition(edition: Element, name: str, shift_ns: int) -> Element:
    children = [
        _chapter(child, f"{name} {place}", shift_ns) if child.name == "ChapterAtom" else child
        for place, child in enumerate(edition.children)
    ]
    return Element(edition.name, None, _with_uid("EditionUID", name, children))


def _chapter(atom: Element, name: str, shift_ns: int) -> Element:
    """A chapter with its times on the target's clock; those of another segment have their own."""
    if atom.first("ChapterSegmentUID"):
        shift_ns = 0
    children = []
    for place, child in enumerate(atom.children):
        if child.name == "ChapterAtom":
            children.append(_chapter(child, f"{name} {place}", shift_ns))
        elif child.name in ("ChapterTimeStart", "ChapterTimeEnd"):
            moved = max(_number(child) + shift_ns, 0)
            children.append(Element(child.name, moved))
        else:
            children.append(child)
    return Element(atom.name, None, _with_uid("ChapterUID", name, children))


def _number(element: Element) -> int:
    return element.value if isinstance(element.value, int) else 0


def _with_uid(kind: str, name: str, children: list[Element]) -> tuple[Element, ...]:
    """With a UID from the place where the source has none: mkvpropedit would take a random one."""
    if any(child.name == kind and child.value for child in children):
        return tuple(children)
    others = [child for child in children if child.name != kind]
    return (Element(kind, int(text_digest(name)[:15], 16) | 1), *others)


def _tags(
    source: MatroskaFile, target: MatroskaFile, steps: list[StreamStep], uids: list[int | None]
) -> Iterator[Element]:
    """The source's tags without those that are no longer true, then ours."""
    shown = source.shown_tracks
    by_uid = {shown[step.index].number("TrackUID"): step for step in steps}
    for tag in source.tags:
        of_tracks = [_number(one) for one in _targets(tag) if one.name == "TrackUID" and one.value]
        if of_tracks and not any(uid in by_uid for uid in of_tracks):
            continue  # of a track that is gone
        made_anew = [
            by_uid[uid]
            for uid in of_tracks
            if uid in by_uid and by_uid[uid].action is not StreamAction.COPY
        ]
        stale = STALE_TRACK_TAGS if made_anew else frozenset()
        if not of_tracks:
            stale = STALE_FILE_TAGS
        if (kept := _filtered(tag, lacking=stale)) is not None:
            yield kept
    yield from _own_tags(target, steps, uids)


def _targets(tag: Element) -> tuple[Element, ...]:
    found = tag.first("Targets")
    return () if found is None else found.children


def _filtered(
    tag: Element, *, lacking: frozenset[str] = frozenset(), only: frozenset[str] | None = None
) -> Element | None:
    """The tag without some of its entries, or with few only; None if none is left."""
    children = tuple(
        child
        for child in tag.children
        if child.name != "Simple" or _stays((child.text("Name") or "").upper(), lacking, only)
    )
    if not any(child.name == "Simple" for child in children):
        return None
    return Element(tag.name, None, children)


def _stays(name: str, lacking: frozenset[str], only: frozenset[str] | None) -> bool:
    return name not in lacking and (only is None or name in only)


def _own_tags(
    target: MatroskaFile, steps: list[StreamStep], uids: list[int | None]
) -> Iterator[Element]:
    """The tags that are about this encode, as FFmpeg wrote them."""
    new_uids = {
        track.number("TrackUID"): uid or track.number("TrackUID")
        for track, uid, step in zip(target.tracks, uids, steps, strict=True)
        if step.action is not StreamAction.COPY
    }
    for tag in target.tags:
        targets = _targets(tag)
        of_tracks = [_number(one) for one in targets if one.name == "TrackUID" and one.value]
        if not any(one.name.endswith("UID") and one.value for one in targets):
            if (kept := _filtered(tag, only=frozenset({PROVENANCE_TAG}))) is not None:
                yield kept
            continue
        uid = new_uids.get(of_tracks[0]) if len(of_tracks) == 1 else None
        kept = _filtered(tag, only=OUR_TRACK_TAGS) if uid is not None else None
        if kept is not None:
            of_track = Element("Targets", None, (Element("TrackUID", uid),))
            yield Element("Tag", None, (of_track, *kept.all("Simple")))
