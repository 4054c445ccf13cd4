"""Whether a finished Matroska file has the structure that was promised: source and target, read by
the same reader, never by FFmpeg. Pure but for `structure_check`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from av1rules.encode.job import Blame, Check, EncodeJob
from av1rules.encode.matroska.edit import (
    SEGMENT_PROPERTIES,
    StructureEdit,
    StructureMismatchError,
    structure_edit,
)
from av1rules.encode.matroska.structure import StructureOutcome, lost_facts
from av1rules.encode.matroska.xml import legal_text
from av1rules.media.matroska.ebml import Element
from av1rules.media.matroska.facts import NO_LANGUAGE, StructureFact
from av1rules.media.matroska.read import MatroskaFile, read_matroska
from av1rules.policy.languages import language

SHOWN_PROBLEMS = 5

_DEFAULTS: dict[str, object] = {
    "EditionFlagHidden": 0,
    "EditionFlagDefault": 0,
    "EditionFlagOrdered": 0,
    "ChapterFlagHidden": 0,
    "ChapterFlagEnabled": 1,
    "TargetTypeValue": 50,
    "DefaultLanguage": 1,
    "TagLanguage": "und",
    "TagLanguageIETF": "und",
}
"""What an element means where it is not there; writers put it in or leave it out."""

_RENAMED = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv", "mo": "ro"}
"""Deprecated subtags of the IANA registry with their preferred values."""

_BLANKS = " \t\r\n"

Canonical = tuple[object, ...]


def structure_check(job: EncodeJob, path: str, outcome: StructureOutcome | None) -> Check | None:
    """The check of a target; None where its source has no structure to speak of. Raises OSError."""
    structure = job.source.matroska
    if structure is None or (outcome is None and not structure.facts):
        return None
    container = job.settings.container
    kept = outcome is not None and outcome.problem is None
    lost = lost_facts(job.source, container, has_mkvpropedit=kept)
    if outcome is None or not kept:
        why = f" ({outcome.problem})" if outcome is not None else ""
        return Check(
            name="structure", passed=True, detail=f"declared, not kept{why}: {_list(lost)}"
        )
    source, target = read_matroska(job.source_path), read_matroska(path)
    if source is None or target is None:
        return _failed("the structure can't be read")
    try:
        edit = structure_edit(source, target, job.streams, shift_ns=outcome.shift_ns)
    except StructureMismatchError as mismatch:
        return _failed(str(mismatch))
    broken = list(broken_promises(edit, target))
    if broken:
        more = f"; and {len(broken) - SHOWN_PROBLEMS} more" if len(broken) > SHOWN_PROBLEMS else ""
        return _failed("; ".join(broken[:SHOWN_PROBLEMS]) + more)
    there = [fact for fact in structure.facts if fact not in lost]
    detail = f"kept: {_list(there) or 'segment, tracks, chapters and tags'}"
    detail += f"; declared, not kept: {_list(lost)}" if lost else ""
    return Check(name="structure", passed=True, detail=detail)


def _failed(detail: str) -> Check:
    return Check(name="structure", passed=False, detail=detail, blame=Blame.STRUCTURE)


def _list(facts: Iterable[StructureFact]) -> str:
    return ", ".join(f"{fact.feature.value} ({fact.detail})" for fact in facts)


def broken_promises(edit: StructureEdit, target: MatroskaFile) -> Iterator[str]:
    """What differs in the target, as sentences."""
    for name, element in SEGMENT_PROPERTIES:
        wanted = dict(edit.segment)[name]
        found = target.info.hex(element) or target.info.text(element) or None
        yield from _differs(f"the segment's {name}", wanted, found)
    yield from _broken_tracks(edit, target)
    yield from _broken_attachments(edit, target)
    if len(edit.editions) != len(target.editions):
        yield f"{len(edit.editions)} editions are promised, {len(target.editions)} found"
    else:
        for number, pair in enumerate(zip(edit.editions, target.editions, strict=True), start=1):
            yield from _broken_chapters(f"edition {number}", *pair)
    found_tags = [_tag(tag) for tag in target.tags]
    for tag in edit.tags:
        if (wanted_tag := _tag(tag)) in found_tags:
            found_tags.remove(wanted_tag)
        else:
            names = ", ".join(child.text("Name") or "" for child in tag.all("Simple"))
            yield f"the tag with {names} is missing or changed"
    yield from ("a tag was added" for _ in found_tags)


def _differs(what: str, wanted: object, found: object) -> Iterator[str]:
    if wanted != found:
        shown = "none" if found is None else found
        yield f"{what} should be {'none' if wanted is None else wanted}, found {shown}"


def _broken_tracks(edit: StructureEdit, target: MatroskaFile) -> Iterator[str]:
    for number, (wanted, found) in enumerate(zip(edit.tracks, target.tracks, strict=True), start=1):
        name = f"track {number}"
        if wanted.uid is not None:
            yield from _differs(f"{name}: UID", wanted.uid, found.number("TrackUID"))
        if wanted.language is not None:
            tag = _language(found.text("LanguageIETF") or "und")
            yield from _differs(f"{name}: language", _language(wanted.language), tag)
        is_disabled = found.number("FlagEnabled", 1) == 0
        yield from _differs(f"{name}: disabled", wanted.is_disabled, is_disabled)


def _broken_attachments(edit: StructureEdit, target: MatroskaFile) -> Iterator[str]:
    there = {(one.name, one.mimetype, one.size_bytes): one for one in target.attachments}
    found = {(one.uid, one.description) for one in target.attachments}
    for wanted in edit.attachments:
        item = there.get((wanted.name, wanted.mimetype, wanted.size_bytes))
        if item is None:
            continue  # that it is there at all is part of the contract of streams
        uid = item.uid if wanted.uid is None else wanted.uid
        if (uid, wanted.description) not in found:
            yield f"attachment {wanted.name}: UID or description changed"


def _broken_chapters(name: str, wanted: Element, found: Element) -> Iterator[str]:
    """Editions and chapters alike: what they say, what they are called, what lies below."""
    yield from _differs(f"{name}", _plain(wanted), _plain(found))
    titles, others = list(wanted.all("ChapterDisplay")), list(found.all("ChapterDisplay"))
    yield from _differs(f"{name}: titles", _titles(titles), _titles(others))
    for one, other in zip(titles, others, strict=False):
        yield from _differs(f"{name}: languages of a title", _languages(one), _languages(other))
    below, there = list(wanted.all("ChapterAtom")), list(found.all("ChapterAtom"))
    yield from _differs(f"{name}: chapters below", len(below), len(there))
    for number, pair in enumerate(zip(below, there, strict=False), start=1):
        yield from _broken_chapters(f"{name}, chapter {number}", *pair)


def _languages(display: Element) -> list[str]:
    """The languages of a title: its BCP 47 tags if it has any, since they overrule the codes."""
    tags = {_language(str(child.value)) for child in display.all("ChapLanguageIETF")} - {"und"}
    country = display.text("ChapterCountry")
    region = f"-{country}" if country else ""
    codes = [str(child.value) for child in display.all("ChapterLanguage")]
    if not codes and display.first("ChapLanguageIETF") is None:
        codes = ["eng"]  # what Matroska means without a word
    spoken = {_language(code + region) for code in codes if code not in NO_LANGUAGE}
    return sorted(tags or spoken)


def _language(tag: str) -> str:
    """One spelling for each language: `pt-BR` is `por-br`, `de` and `ger` are `deu`. mkvpropedit
    writes today's name of a language that the registry has renamed."""
    first, dash, rest = tag.lower().partition("-")
    return f"{language(_RENAMED.get(first, first)) or 'und'}{dash}{rest}"


def _titles(displays: list[Element]) -> list[str]:
    return [_text(display.text("ChapterString") or "") for display in displays]


def _text(text: str) -> str:
    """As it comes back by way of XML: blanks alone are nothing there."""
    legal = legal_text(text)
    return legal if legal.strip(_BLANKS) else ""


def _plain(element: Element) -> Canonical:
    """An edition or chapter without what is compared by itself, in one order."""
    apart = ("ChapterDisplay", "ChapterAtom")
    children = (child for child in element.children if child.name not in apart)
    return tuple(sorted((_canonical(child) for child in children if _says(child)), key=repr))


def _says(element: Element) -> bool:
    is_default = element.name in _DEFAULTS and _DEFAULTS[element.name] == element.value
    return not is_default and not element.name.startswith("0x")


def _canonical(element: Element) -> Canonical:
    value = _text(element.value) if isinstance(element.value, str) else element.value
    return (element.name, value, *(_canonical(one) for one in element.children if _says(one)))


def _tag(tag: Element) -> Canonical:
    target = tag.first("Targets") or Element("Targets")
    targets = [_canonical(one) for one in target.children if _says(one) and one.value != 0]
    return (tuple(sorted(targets, key=repr)), *(_simple(child) for child in tag.all("Simple")))


def _simple(simple: Element) -> Canonical:
    """A tag's entry with its language by one name."""
    tag, code = simple.text("TagLanguageIETF") or "und", simple.text("TagLanguage") or "und"
    spoken = _language(tag if tag != "und" else code)
    values = [
        _canonical(child)
        for child in simple.children
        if _says(child) and child.name not in ("Simple", "TagLanguage", "TagLanguageIETF")
    ]
    values = [value for value in values if value != ("String", "")]
    below = [_simple(child) for child in simple.all("Simple")]
    return (spoken, *sorted(values, key=repr), *below)
