"""Names of files and folders that say nothing, but are to a policy what they were. Pure.

A name is cut where the policy reads it: what its globs ask for, the markers of source tiers,
resolutions and episode numbers stay as they are, a year becomes 2000, and so do extensions and the
names of discs' folders. Whatever is between is replaced by a hash with a key that nobody keeps: the
same name is the same within one file, and another one in the next.
"""

from __future__ import annotations

import functools
import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence

from av1rules.base.files import TEMP_PREFIX
from av1rules.media.disc import LAYOUTS
from av1rules.media.discover import VIDEO_EXTENSIONS
from av1rules.media.folders import MARKER
from av1rules.policy.model import AllOf, AnyOf, Condition, Not, RuleSet, Test

_KEPT_EXTENSIONS = VIDEO_EXTENSIONS | {
    "srt", "ass", "ssa", "sub", "idx", "sup", "vtt", "nfo", "txt", "jpg", "jpeg", "png", "json",
    "xml", "ttf", "otf",
}  # fmt: skip

_DISC_NAMES = frozenset({layout.folder for layout in LAYOUTS} | {"stream", "playlist", "clipinf"})

_DISC_FILE = re.compile(r"vts_\d\d_\d|video_ts|\d{5}", re.IGNORECASE)

_SEPARATOR = r"\s._\-+,;()\[\]{}"
"""What stands between the words of a name: see `policy/source_tier.py`."""

_RELEASE = re.compile(
    rf"(?<![^{_SEPARATOR}])"
    r"(?:(?P<year>(?:19|20)\d\d)|\d{3,4}[pi]|s\d{1,3}(?:e\d{1,4})*|4k|uhd)"
    rf"(?![^{_SEPARATOR}])",
    re.IGNORECASE,
)

_YEAR = "2000"


class NameHider:
    """Hides names for one file of facts, by the policy that reads them."""

    def __init__(self, ruleset: RuleSet, key: bytes | None = None) -> None:
        self._key = secrets.token_bytes(32) if key is None else key
        self._pieces = tuple(_glob_pieces(ruleset))
        self._markers = _markers((*ruleset.tiers.remux_markers, *ruleset.tiers.web_markers))
        self._suffix = ruleset.output.suffix
        self.name = functools.lru_cache(maxsize=65_536)(self._name)

    def path(self, path: str) -> str:
        parts = path.split("/")
        return "/".join(part if part in ("", ".", "..") else self.name(part) for part in parts)

    def word(self, text: str, kind: str) -> str:
        """In place of a text that no policy reads."""
        return f"x{self._digest(kind, text)}"

    def _name(self, name: str) -> str:
        if name.startswith(TEMP_PREFIX) or name == MARKER or name.lower() in _DISC_NAMES:
            return name
        if name.endswith(MARKER):
            return self.name(name.removesuffix(MARKER)) + MARKER
        stem, dot, extension = name.rpartition(".")
        if not stem or extension.lower() not in _KEPT_EXTENSIONS:
            stem, dot, extension = name, "", ""
        if _DISC_FILE.fullmatch(stem):
            return name
        tail = f"{dot}{extension}"
        if self._suffix and stem.endswith(self._suffix) and stem != self._suffix:
            stem, tail = stem.removesuffix(self._suffix), self._suffix + tail
        return self._stem(stem, tail) + tail

    def _stem(self, stem: str, tail: str) -> str:
        """A name without its extension, which globs see too."""
        hidden, at = [], 0
        for start, end, kept in self._kept(stem, tail):
            hidden += [self._gap(stem, at, start), kept]
            at = end
        return "".join((*hidden, self._gap(stem, at, len(stem))))

    def _gap(self, stem: str, start: int, end: int) -> str:
        gap = stem[start:end]
        words = gap.strip(" ._-+,;()[]{}\t")
        if not words:
            return gap
        lead = gap[0] if gap[0] != words[0] else ""
        trail = gap[-1] if gap[-1] != words[-1] else ""
        return f"{lead}x{self._digest(str(start), stem)}{trail}"

    def _kept(self, stem: str, tail: str) -> Iterator[tuple[int, int, str]]:
        """Begin, end and text of what stays, in order."""
        whole, length = stem + tail, len(stem)
        spans = [
            (found.start(), min(found.end(), length))
            for piece in self._pieces
            for found in piece.finditer(whole)
            if found.start() < length and found.end() > found.start()
        ]
        spans += [found.span() for found in self._markers.finditer(stem)]
        years = {found.span() for found in _RELEASE.finditer(stem) if found["year"]}
        spans += [found.span() for found in _RELEASE.finditer(stem) if not found["year"]]
        taken = _merged(spans)
        free = [year for year in years if not any(a < year[1] and year[0] < b for a, b in taken)]
        for start, end in sorted((*taken, *free)):
            yield start, end, _YEAR if (start, end) in free else stem[start:end]

    def _digest(self, kind: str, text: str) -> str:
        raw = f"{kind}\0{text}".encode("utf-8", "surrogateescape")
        return hashlib.blake2b(raw, key=self._key, digest_size=5).hexdigest()


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _markers(markers: Sequence[str]) -> re.Pattern[str]:
    words = [re.split(rf"[{_SEPARATOR}]+", marker) for marker in markers]
    texts = (rf"[{_SEPARATOR}]+".join(map(re.escape, filter(None, one))) for one in words)
    either = "|".join(sorted(filter(None, texts), key=len, reverse=True)) or r"(?!)"
    return re.compile(rf"(?<![^{_SEPARATOR}])(?:{either})(?![^{_SEPARATOR}])", re.IGNORECASE)


def _glob_pieces(ruleset: RuleSet) -> Iterator[re.Pattern[str]]:
    """What globs ask of a name: their texts between the stars, at the beginning or the end of a
    name if the glob says so."""
    globs = [*ruleset.library.include, *ruleset.library.exclude]
    for rule in ruleset.rules:
        globs += _path_globs(rule.when)
    for text in dict.fromkeys(part for one in globs for part in one.split("/")):
        if text not in ("", "**"):
            yield from _pieces_of(text)


def _path_globs(condition: Condition | None) -> Iterator[str]:
    if isinstance(condition, Test):
        if condition.fact == "path":
            yield from map(str, condition.wanted)
    elif isinstance(condition, Not):
        yield from _path_globs(condition.part)
    elif isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from _path_globs(part)


_PARTS = re.compile(r"\\.|\[[!^]?\]?[^\]]*\]|[*{},|()]|.", re.DOTALL)
"""An escaped character, a set, what cuts a glob, any other character."""


def _pieces_of(glob: str) -> Iterator[re.Pattern[str]]:
    pieces: list[tuple[str, bool, bool]] = []
    text, is_first = "", True
    for part in _PARTS.findall(glob):
        if len(part) == 1 and part in "*{},|()":
            pieces.append((text, is_first, False))
            text, is_first = "", False
        elif part == "?":
            text += "."
        elif len(part) > 1 and part[0] == "[":
            text += f"[^{part[2:]}" if part[1] in "!^" else part
        else:
            text += re.escape(part[1] if len(part) == 2 and part[0] == "\\" else part)
    pieces.append((text, is_first, True))
    for text, is_first, is_last in pieces:
        if text.strip("."):
            yield re.compile(f"{'^' if is_first else ''}(?:{text}){'$' if is_last else ''}")
