"""Roots and skips from library exports of Unmanic. Pure, but for reading the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from av1rules.base.errors import UsageError
from av1rules.base.text import printable
from av1rules.operations.migrate.input import read_json
from av1rules.operations.migrate.others.imported import (
    MOST_ENTRIES,
    UNKNOWN,
    ImportedLibrary,
    ImportedPolicy,
    KeyFinding,
    carried,
    extensions_of,
    libraries_text,
    refused,
    replaced,
    require_object,
    text_of,
)
from av1rules.operations.migrate.outcome import KeyOutcome

Export = Mapping[str, Any]

_EXTENSIONS = "limit_library_search_by_file_extension"


def import_unmanic(path: str) -> ImportedPolicy:
    """A rules file with a root for each library. Raises UsageError."""
    exports = _exports(read_json(path), path)
    keys: list[KeyOutcome] = []
    found: list[ImportedLibrary] = []
    for number, export in enumerate(exports, start=1):
        config = require_object(export.get("library_config", export), "a library", path)
        name = text_of(config.get("name")) or f"library {number}"
        folder = text_of(config.get("path"))
        if not folder:
            raise UsageError(
                "the export of a library has no path",
                where=printable(path),
                hint="expected library_config with `path`, as Unmanic's API gives it",
            )
        plugins = _plugins(export)
        prefix = f"{printable(name)}: " if len(exports) > 1 else ""
        for key, value, finding in _findings(export, config, plugins):
            keys.append(finding.outcome(f"{prefix}{key}", value))
        found.append(
            ImportedLibrary(
                name=name,
                folder=folder.rstrip("/") or "/",
                extensions=_extensions(plugins),
                is_off=config.get("enable_remote_only") is True,
            )
        )
    return ImportedPolicy(
        text=libraries_text("Unmanic", path, found),
        keys=tuple(keys),
        roots=tuple(one.folder for one in found),
    )


def _exports(value: Any, path: str) -> Sequence[Export]:
    """One library, or a list of them."""
    if isinstance(value, dict) and isinstance(value.get("libraries"), list):
        value = value["libraries"]
    entries = value if isinstance(value, list) else [value]
    if not 0 < len(entries) <= MOST_ENTRIES:
        raise UsageError(f"expected 1 to {MOST_ENTRIES} libraries", where=printable(path))
    return [require_object(one, "the export of a library", path) for one in entries]


def _plugins(export: Export) -> list[Mapping[str, Any]]:
    group = export.get("plugins")
    listed = group.get("enabled_plugins") if isinstance(group, dict) else None
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _extensions(plugins: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    for one in plugins:
        settings = one.get("settings")
        if one.get("plugin_id") == _EXTENSIONS and isinstance(settings, dict):
            return extensions_of(text_of(settings.get("allowed_extensions")))[0]
    return ()


def _findings(
    export: Export, config: Export, plugins: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, object, KeyFinding]]:
    for key, value in export.items():
        if key == "library_config":
            continue
        if key == "plugins":
            yield from ((f"plugin {one}", value, finding) for one, value, finding in
                        _of_plugins(plugins))  # fmt: skip
            if isinstance(value, dict):
                for name in value:
                    if name != "enabled_plugins":
                        yield f"plugins.{name}", value[name], _FLOW
        elif config is not export:
            yield key, value, replaced("of Unmanic's API")
    for key, value in config.items():
        if not (config is export and key == "plugins"):
            yield key, value, _FINDINGS.get(key, lambda _: UNKNOWN)(value)


_FLOW = refused("the order of plugins: the rules decide in their place")


def _of_plugins(
    plugins: Sequence[Mapping[str, Any]],
) -> Iterator[tuple[str, object, KeyFinding]]:
    for one in plugins:
        name = text_of(one.get("plugin_id")) or "?"
        yield printable(name, limit=80), one.get("settings"), _plugin(name, one)


def _plugin(name: str, one: Mapping[str, Any]) -> KeyFinding:
    if name == _EXTENSIONS:
        if _extensions([one]):
            return carried("library.extensions", "for all libraries together")
        return refused("its settings are not in the export: `library.extensions`")
    return _PLUGINS.get(name, refused("a plugin: the rules decide in its place"))


_PLUGINS = {
    "reject_files_larger_than_original": replaced("a larger result never stays", "max_size_ratio"),
    "ignore_under_size": refused("`library.min_size` leaves out smaller files"),
    "ignore_over_size": refused("`size: {max: ...}` in a rule"),
    "path_ignore": refused("`library.exclude` leaves out paths"),
    "ignore_files_recently_modified": replaced("new files settle first", "library.settle"),
    "remove_audio_stream_by_language": refused("`audio: {keep: [...]}` in a rule"),
    "reorder_audio_streams_by_language": refused("`audio: {default: ...}` in a rule"),
    "reorder_subtitle_streams_by_language": refused("`subtitles: {default: ...}` in a rule"),
    "remove_all_subtitles": refused("`subtitles: {keep: none}` in a rule"),
    "mover2": refused("`output: {mode: mirror, root: ...}`"),
}

_FOLDER = carried("library.roots", "as Unmanic calls it: in a container it may have another name")
_SCANS = replaced("`av1rules run` from a timer")

_FINDINGS: dict[str, Callable[[Any], KeyFinding]] = {
    "name": lambda _: carried("library.roots[].name", "its films are called by it"),
    "path": lambda _: _FOLDER,
    "enable_remote_only": lambda value: (
        carried("rules[].skip", "no films of its own: skipped")
        if value is True
        else replaced("off")
    ),
    "enable_scanner": lambda _: _SCANS,
    "enable_inotify": lambda _: _SCANS,
    "priority_score": lambda _: refused("`priority` of a rule says what comes first"),
    "tags": lambda _: refused("of Unmanic's workers; `run.jobs` says how many encodes at a time"),
    "locked": lambda _: replaced("rules belong in version control"),
    "id": lambda _: replaced("a library is known by its name"),
}
