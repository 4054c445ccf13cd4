"""The structure of Matroska files as mkvtoolnix shows it: what FFmpeg flattens or can't see."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

from tests.media_truth.look import Json

LIMIT_S = 60
MADE_ANEW = re.compile(
    "_STATISTICS|BPS|DURATION|NUMBER_OF_|ENCODER|AV1RULES|CREATION_TIME|SOURCE_ID|_BRAND|"
    "MINOR_VERSION|HANDLER_NAME|VENDOR_ID|^LANGUAGE$",
    re.I,
)
TRACK_FACTS = (
    "language_ietf", "track_name", "enabled_track", "default_track", "forced_track",
    "flag_original", "flag_hearing_impaired", "flag_commentary", "cropping", "stereo_mode",
)  # fmt: skip
SEGMENT_FACTS = ("title", "segment_uid", "previous_segment_uid", "next_segment_uid")
MADE_BY_WRITERS: dict[str, set[object]] = {
    "language_ietf": {None, "und"},
    "enabled_track": {None, True},
}
"""Values that say no more than nothing does."""

Tree = tuple[str, str, tuple["Tree", ...]]


def has_mkvtoolnix() -> bool:
    return all(shutil.which(name) for name in ("mkvmerge", "mkvextract"))


def differences(
    source: Path,
    target: Path,
    *,
    moved_s: float = 0.0,
    kinds: tuple[str, ...] = ("chapters", "tags"),
    gone: frozenset[int] = frozenset(),
    default_sound: int | None = None,
) -> Iterator[str]:
    """What mkvtoolnix sees in the source and not in the target, each as a sentence. `moved_s`: by
    how much later all starts in the target. The tracks `gone` were to go; `default_sound` is the
    one that was to become the default."""
    before, after = _identified(source), _identified(target)
    tracks = [one for one in before["tracks"] if one["id"] not in gone]
    for one in tracks if default_sound is not None else ():
        if one["type"] == "audio":
            one["properties"]["default_track"] = one["id"] == default_sound
    yield from _tracks(tracks, after["tracks"])
    segments = [one["container"].get("properties", {}) for one in (before, after)]
    linked = {"previous_segment_uid", "next_segment_uid"} & set(segments[0])
    for fact in SEGMENT_FACTS:
        if fact == "segment_uid" and not linked:  # it says nothing unless others name it
            continue
        if segments[0].get(fact) not in (None, segments[1].get(fact)):
            yield f"{fact}: {segments[0][fact]} became {segments[1].get(fact)}"
    for kind in kinds:
        was, now = _tree(source, kind, moved_s), _tree(target, kind)
        if kind == "tags":
            now = [one for one in now if one in was]
        if was != now:
            yield f"{kind}: {was} became {now}"


def _tracks(before: list[Json], after: list[Json]) -> Iterator[str]:
    if len(before) != len(after):
        yield f"{len(before)} tracks became {len(after)}"
        return
    for was, now in zip(before, after, strict=True):
        for fact in TRACK_FACTS:
            a, b = was["properties"].get(fact), now["properties"].get(fact)
            nothing = MADE_BY_WRITERS.get(fact, {None, False})
            is_same = a == b or (a in nothing and b in nothing)
            if not is_same and not _is_cropped_away(fact, was) and not _is_said(fact, was, now):
                yield f"track {was['id']} ({was['codec']}): {fact} {a} became {b}"


def _is_cropped_away(fact: str, track: Json) -> bool:
    """Cropped pictures need no cropping any more: the judge compares their sizes."""
    return fact == "cropping" and track["type"] == "video"


def _is_said(fact: str, was: Json, now: Json) -> bool:
    """A language without country or script is said by the old element as well."""
    tag, said = was["properties"].get("language_ietf"), now["properties"].get("language")
    return fact == "language_ietf" and "-" not in str(tag) and said == was["properties"]["language"]


def _identified(path: Path) -> Json:
    found: Json = json.loads(_run("mkvmerge", "-J", str(path)))
    return found


def _tree(path: Path, kind: str, moved_s: float = 0.0) -> list[Tree]:
    """The XML that mkvextract writes, without numbers that each writer makes up, its times later by
    `moved_s`."""
    text = _run("mkvextract", str(path), kind, *(["-"] if kind != "chapters" else []))
    if not text.strip():
        return []
    root = ET.fromstring(text)
    return sorted(filter(None, (_branch(node, moved_s) for node in root)))


NUMBERS = re.compile("UID$|UIDs$")
DEFAULTS = {
    ("ChapterFlagHidden", "0"), ("ChapterFlagEnabled", "1"), ("EditionFlagHidden", "0"),
    ("EditionFlagOrdered", "0"), ("EditionFlagDefault", "0"), ("DefaultLanguage", "1"),
    ("ChapterLanguage", "eng"), ("ChapLanguageIETF", "en"), ("TagLanguage", "eng"),
    ("TagLanguageIETF", "en"), ("TagLanguageIETF", "und"), ("TagLanguage", "und"),
    ("ChapterLanguage", "und"), ("ChapLanguageIETF", "und"), ("TargetTypeValue", "50"),
    ("EditionFlagDefault", "1"), ("TargetType", "MOVIE"),
}  # fmt: skip


def _branch(node: ET.Element, moved_s: float) -> Tree | None:
    text = (node.text or "").strip()
    if NUMBERS.search(node.tag) or (node.tag, text) in DEFAULTS:
        return None
    if node.tag == "ChapterTimeEnd":  # FFmpeg and mkvmerge end the last one each in their way
        return None
    if node.tag.startswith("ChapterTime"):
        text = _rounded(text, moved_s)
    inside = tuple(filter(None, (_branch(one, moved_s) for one in node)))
    is_made_anew = node.tag == "Tag" and not [b for b in inside if b[0] == "Simple"]
    is_statistic = node.tag == "Simple" and MADE_ANEW.search(node.findtext("Name") or "")
    if is_made_anew or is_statistic or (not text and not inside):
        return None
    return (node.tag, text, inside)


def _rounded(clock: str, moved_s: float) -> str:
    hours, minutes, seconds = clock.split(":")
    time_s = int(hours) * 3600 + int(minutes) * 60 + float(seconds) + moved_s
    return f"{max(time_s, 0.0):.1f}"


def _run(*command: str) -> str:
    made = subprocess.run(
        command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        timeout=LIMIT_S,
    )  # fmt: skip
    return made.stdout
