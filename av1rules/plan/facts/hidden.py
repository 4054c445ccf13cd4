"""Lines of facts that name nobody's films: names, titles, tags and texts of programs go, what a
policy reads stays. Pure.

docs/json.md says what remains: each column of the ledger and each text of a source is decided here,
one by one, and a test fails for one that is not.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import msgspec
from msgspec.structs import replace

from av1rules.ledger.clips import ClipFacts
from av1rules.ledger.provenance import parse_provenance
from av1rules.media.matroska.facts import MatroskaStructure
from av1rules.media.mp4_structure import Mp4Structure
from av1rules.media.packed_source import source_from_json, source_to_json
from av1rules.media.source import Source
from av1rules.plan.facts.hidden_names import NameHider
from av1rules.plan.facts.lines import (
    FactsHeader,
    FactsLine,
    FileLine,
    FilmLine,
    FolderLine,
    MemoLine,
    RecordedEntry,
    RecordedRoot,
    RowLine,
    path_of_text,
    text_of_path,
)
from av1rules.plan.facts.tables import TABLES, ColumnKind
from av1rules.policy.tracks.kinds import words_of_kinds

HIDDEN = "(hidden)"
"""In place of what programs said."""

_FOUR_LETTERS = 4
"""Codes of MP4 have as many; anything longer is somebody's word."""


class Hider:
    """Hides what one file of facts tells of names."""

    def __init__(self, names: NameHider, ffmpeg: str) -> None:
        self._names = names
        self._ffmpeg = ffmpeg

    def line(self, line: FactsLine) -> FactsLine:
        if isinstance(line, FilmLine):
            return self.film(line)
        if isinstance(line, RowLine):
            return replace(line, values=self._row(line.table, line.values))
        if isinstance(line, FolderLine):
            entries = tuple(map(self._entry, line.entries))
            return replace(line, path=self._path(line.path), entries=entries)
        if isinstance(line, FileLine):
            return self._file(line)
        if isinstance(line, MemoLine):
            return replace(line, key=self._key(line.key))
        return self._header(line) if isinstance(line, FactsHeader) else line

    def film(self, line: FilmLine) -> FilmLine:
        text = line.source_json
        hidden = replace(
            line,
            root=self._path(line.root),
            path=self._path(line.path),
            failure=None if line.failure is None else HIDDEN,
            linked_by=None if line.linked_by is None else self._names.name(line.linked_by),
        )
        if text is None:
            return hidden
        source = hidden_source(source_from_json(text), self._names)
        return replace(hidden, source=msgspec.Raw(source_to_json(source)))

    def _header(self, header: FactsHeader) -> FactsHeader:
        tools, temp_dir = header.tools, header.temp_dir
        side = tools.mkvpropedit
        return replace(
            header,
            is_private=True,
            rules_folder=self._path(header.rules_folder),
            roots=tuple(map(self._root, header.roots)),
            output=None if header.output is None else self._root(header.output),
            temp_dir=None if temp_dir is None else self._path(temp_dir),
            state_dir=self._path(header.state_dir),
            tools=replace(
                tools,
                ffmpeg=_base(tools.ffmpeg),
                ffprobe=_base(tools.ffprobe),
                mkvpropedit=None if side is None else replace(side, path=_base(side.path)),
            ),
        )

    def _root(self, root: RecordedRoot) -> RecordedRoot:
        return replace(
            root,
            name=self._path(root.name),
            path=self._path(root.path),
            real_path=self._path(root.real_path),
        )

    def _entry(self, entry: RecordedEntry) -> RecordedEntry:
        link = None if entry.link is None else self._path(entry.link)
        return RecordedEntry(self._path(entry.name), entry.kind, entry.stat, link)

    def _file(self, line: FileLine) -> FileLine:
        if line.path == self._ffmpeg:
            return replace(line, path=_base(line.path), link=None)
        return replace(
            line,
            path=self._path(line.path),
            link=None if line.link is None else self._path(line.link),
            provenance=_hidden_provenance(line.provenance),
        )

    def _key(self, key: str) -> str:
        """That of a trial ends with the path of FFmpeg."""
        path = path_of_text(self._ffmpeg)
        return key.removesuffix(path) + _base(path) if key.endswith(f":{path}") else key

    def _path(self, text: str) -> str:
        return text_of_path(self._names.path(path_of_text(text)))

    def _row(self, table: str, values: dict[str, Any]) -> dict[str, Any]:
        kinds = TABLES[table].columns
        return {
            name: self._value(table, kinds[name], value)
            for name, value in values.items()
            if kinds[name] is not ColumnKind.LEFT_OUT
        }

    def _value(self, table: str, kind: ColumnKind, value: Any) -> Any:
        match kind:
            case ColumnKind.PATH | ColumnKind.NAME:
                return self._path(value)
            case ColumnKind.TEXT:
                return HIDDEN
            case ColumnKind.ROW:
                return self._row("targets", value)
            case ColumnKind.SOURCE:
                return msgspec.Raw(
                    source_to_json(hidden_source(source_from_json(bytes(value)), self._names))
                )
            case ColumnKind.PAIRS:
                return [(self._path(old), self._path(new)) for old, new in value]
            case ColumnKind.INVENTORY:
                return [(self._path(path), size, mtime_ns) for path, size, mtime_ns in value]
            case ColumnKind.JSON if table == "clips":
                return _hidden_clip(bytes(value))
            case ColumnKind.JSON if table in ("samples", "searches"):
                return _without(bytes(value), "score_problem")
            case _:
                return value


def _base(path: str) -> str:
    return PurePath(path_of_text(path)).name


def _hidden_clip(text: bytes) -> Any:
    facts = msgspec.json.decode(text, type=ClipFacts)
    problem = None if facts.score_problem is None else HIDDEN
    return replace(facts, command=HIDDEN, notes=(), score_problem=problem)


def _without(text: bytes, name: str) -> Any:
    values = msgspec.json.decode(text)
    if isinstance(values, dict) and values.get(name) is not None:
        values[name] = HIDDEN
    return values


def _hidden_provenance(tag: str | None) -> str | None:
    """Of a tag of ours, what plans compare; of any other that it is none."""
    if tag is None:
        return None
    try:
        ours = parse_provenance(tag)
    except msgspec.MsgspecError:
        return HIDDEN
    return msgspec.json.encode(replace(ours, left_out=msgspec.UNSET)).decode()


def hidden_source(source: Source, names: NameHider) -> Source:
    """The facts of a film without its title, the titles of its streams and chapters, and its tags:
    of those the keys stay, and of titles what says that a track is a commentary and the like."""

    def title(text: Any) -> Any:
        """None and unset stay."""
        if not isinstance(text, str):
            return text
        return " ".join((names.word(text, "title"), *words_of_kinds(text)))

    return replace(
        source,
        video=tuple(replace(one, title=title(one.title)) for one in source.video),
        audio=tuple(
            replace(one, title=title(one.title), handler=title(one.handler)) for one in source.audio
        ),
        subtitles=tuple(
            replace(one, title=title(one.title), handler=title(one.handler))
            for one in source.subtitles
        ),
        attachments=tuple(
            replace(one, filename=None if one.filename is None else names.name(one.filename))
            for one in source.attachments
        ),
        data=tuple(replace(one, handler=title(one.handler)) for one in source.data),
        chapters=tuple(replace(one, title=title(one.title)) for one in source.chapters),
        tags=tuple((_key_of_tag(key, names), HIDDEN) for key, _ in source.tags),
        provenance=_hidden_provenance(source.provenance),
        mp4=None if source.mp4 is None else _hidden_mp4(source.mp4, names),
        matroska=None if source.matroska is None else _hidden_matroska(source.matroska),
    )


_KNOWN_TAGS = frozenset(
    {
        "title", "encoder", "creation_time", "major_brand", "minor_version", "compatible_brands",
        "language", "comment", "description", "date", "artist", "album", "genre", "copyright",
        "location", "location-eng", "make", "model", "show", "episode_id", "season_number",
        "episode_sort", "network", "synopsis", "director", "av1rules",
    }
)  # fmt: skip


def _key_of_tag(key: str, names: NameHider) -> str:
    """Those of phones and cameras are known by their first words."""
    is_known = key in _KNOWN_TAGS or key.startswith("com.")
    return key if is_known else names.word(key, "tag")


def _hidden_mp4(structure: Mp4Structure, names: NameHider) -> Mp4Structure:
    return replace(
        structure,
        tracks=tuple(
            replace(track, handler=_code(track.handler, names)) for track in structure.tracks
        ),
        user_data=tuple(_code(one, names) for one in structure.user_data),
    )


def _code(text: str, names: NameHider) -> str:
    return text if len(text) <= _FOUR_LETTERS else names.word(text, "code")


def _hidden_matroska(structure: MatroskaStructure) -> MatroskaStructure:
    facts = tuple(
        replace(fact, detail=HIDDEN if fact.detail else fact.detail) for fact in structure.facts
    )
    return replace(structure, facts=facts)
