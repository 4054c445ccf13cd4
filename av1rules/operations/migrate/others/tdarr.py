"""Roots and skips from library settings of Tdarr. Pure, but for reading the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from av1rules.base.errors import UsageError
from av1rules.base.text import counted, printable
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

Library = Mapping[str, Any]

_RESOLUTIONS = {
    "480p": "sd", "576p": "sd", "720p": "720p", "1080p": "1080p", "1440p": "1440p",
    "4kuhd": "2160p", "dci4k": "2160p", "8kuhd": "4320p",
}  # fmt: skip


def import_tdarr(path: str) -> ImportedPolicy:
    """A rules file with a root for each library. Raises UsageError."""
    libraries = list(_libraries(read_json(path), path))
    if not libraries:
        raise UsageError(
            "the file has no library of Tdarr",
            where=printable(path),
            hint="expected library settings with `folder`, or a list of them",
        )
    keys: list[KeyOutcome] = []
    found: list[ImportedLibrary] = []
    for number, one in enumerate(libraries, start=1):
        name = text_of(one.get("name")) or f"library {number}"
        prefix = f"{printable(name)}: " if len(libraries) > 1 else ""
        keys += [
            _finding(key, value, one).outcome(f"{prefix}{key}", value) for key, value in one.items()
        ]
        found.append(_library(one, name))
    return ImportedPolicy(
        text=libraries_text("Tdarr", path, found),
        keys=tuple(keys),
        roots=tuple(one.folder for one in found),
    )


def _libraries(value: Any, path: str) -> Iterator[Library]:
    """Library settings: one, a list, or by their ids; those of other kinds in a backup are passed
    over."""
    if isinstance(value, dict) and "folder" not in value:
        value = list(value.values())
    entries = value if isinstance(value, list) else [value]
    if len(entries) > MOST_ENTRIES:
        raise UsageError(f"expected at most {MOST_ENTRIES} libraries", where=printable(path))
    for one in entries:
        if isinstance(one, dict) and text_of(one.get("folder")):
            yield one
        elif not isinstance(one, dict):
            require_object(one, "library settings", path)


def _words(value: Any) -> tuple[str, ...]:
    words = (word.strip() for word in text_of(value).split(","))
    return tuple(dict.fromkeys(word for word in words if word))


def _library(one: Library, name: str) -> ImportedLibrary:
    cache = text_of(one.get("cache"))
    return ImportedLibrary(
        name=name,
        folder=text_of(one.get("folder")).rstrip("/") or "/",
        ignored=_ignored(one),
        extensions=extensions_of(text_of(one.get("containerFilter")))[0],
        skips=tuple(_skips(one)),
        is_off=one.get("processLibrary") is False or one.get("processTranscodes") is False,
        temp_dir=cache if cache.startswith("/") else None,
    )


def _ignored(one: Library) -> tuple[str, ...]:
    """Parts of paths below the folder."""
    folder = text_of(one.get("folder")).rstrip("/")
    below = (word.removeprefix(folder).strip("/") for word in _words(one.get("foldersToIgnore")))
    return tuple(word for word in below if word)


def _skips(one: Library) -> Iterator[tuple[str, tuple[str, ...]]]:
    codecs = [*_words(one.get("filterCodecsSkip")), *_excluded_codecs(one)]
    if codecs:
        yield "video_codec", tuple(dict.fromkeys(word.lower() for word in codecs))
    sizes = {
        _RESOLUTIONS[word.lower()]
        for word in _words(one.get("filterResolutionsSkip"))
        if word.lower() in _RESOLUTIONS
    }
    if sizes:
        yield "resolution", tuple(sorted(sizes))
    containers, _ = extensions_of(text_of(one.get("filterContainersSkip")))
    if containers:
        yield "container", containers


def _excluded_codecs(one: Library) -> list[str]:
    """Codecs that the decision maker leaves alone, where it is what decides."""
    maker = one.get("decisionMaker")
    if not isinstance(maker, dict) or maker.get("settingsVideo") is not True:
        return []
    if maker.get("videoExcludeSwitch") is not True:
        return []
    listed = maker.get("video_codec_names_exclude")
    return [
        text_of(entry.get("codec"))
        for entry in (listed if isinstance(listed, list) else ())
        if isinstance(entry, dict) and entry.get("checked") is True and text_of(entry.get("codec"))
    ]


def _decision_maker(value: Any, one: Library) -> KeyFinding:
    codecs = _excluded_codecs(one)
    if codecs:
        return carried("rules[].skip", f"these codecs are skipped: {', '.join(codecs)}")
    return refused("the rules decide; `when` has codecs, sizes, heights and more")


def _extensions(value: Any, _: Library) -> KeyFinding:
    known, others = extensions_of(text_of(value))
    if not known:
        return replaced("the built-in list of films counts", "library.extensions")
    left = f"; no films: {', '.join(printable(one) for one in others)}" if others else ""
    return carried("library.extensions", f"for all libraries together{left}")


def _ignored_folders(value: Any, one: Library) -> KeyFinding:
    if not _ignored(one):
        return replaced("none")
    case = "; globs are case-sensitive" if one.get("foldersToIgnoreCaseInsensitive") else ""
    return carried("library.exclude", f"paths that have it in them{case}")


def _skip_list(name: str) -> Callable[[Any, Library], KeyFinding]:
    def read(value: Any, one: Library) -> KeyFinding:
        if not _words(value):
            return replaced("none")
        if name in dict(_skips(one)):
            return carried(f"rules[].when.{name}", "films of these are skipped")
        return refused("none of them is known here")

    return read


def _cache(value: Any, _: Library) -> KeyFinding:
    if text_of(value).startswith("/"):
        return carried("output.temp_dir", "unfinished files stand there, if all libraries agree")
    return replaced("unfinished files stand beside the target")


def _switch(value: Any, _: Library) -> KeyFinding:
    if value is False:
        return carried("rules[].skip", "off: its films are skipped")
    return replaced("on")


def _output(value: Any, one: Library) -> KeyFinding:
    if one.get("folderToFolderConversion") is True:
        return refused("`output: {mode: mirror, root: ...}` puts results into another folder")
    return replaced("not in use: results stand beside the films until you choose", "output.mode")


def _plugins(value: Any, _: Library) -> KeyFinding:
    count = len(value) if isinstance(value, list) else 0
    if not count:
        return replaced("none")
    return refused(f"{counted(count, 'plugin')}: the rules decide in their place")


_FOLDER = carried("library.roots", "as Tdarr calls it: in a container it may have another name")
_TIMER = replaced("`av1rules run` from a timer; a run works until nothing is left")
_OF_ITS_OWN = replaced("of Tdarr's own screens and counts")

_FINDINGS: dict[str, Callable[[Any, Library], KeyFinding]] = {
    "folder": lambda _value, _one: carried(
        "library.roots", "the same folder, as it is called here"
    ),
    "name": lambda _value, _one: carried("library.roots[].name", "its films are called by it"),
    "foldersToIgnore": _ignored_folders,
    "containerFilter": _extensions,
    "filterCodecsSkip": _skip_list("video_codec"),
    "filterResolutionsSkip": _skip_list("resolution"),
    "filterContainersSkip": _skip_list("container"),
    "decisionMaker": _decision_maker,
    "cache": _cache,
    "output": _output,
    "folderToFolderConversion": _output,
    "processLibrary": _switch,
    "processTranscodes": _switch,
    "pluginIDs": _plugins,
    "flowId": lambda value, _one: (
        refused("a flow: the rules decide in its place") if text_of(value) else replaced("none")
    ),
    "container": lambda _value, _one: replaced("targets are MKV; `container: mp4` in a rule"),
    "preset": lambda _value, _one: refused("arguments of HandBrake or FFmpeg"),
    "filterHardlinked": lambda _value, _one: replaced("hard links are held", "output.hard_links"),
    "priority": lambda _value, _one: refused("`priority` of a rule says what comes first"),
    "holdNewFiles": lambda _value, _one: replaced("new files settle first", "library.settle"),
    "holdFor": lambda _value, _one: replaced("new files settle first", "library.settle"),
    "processHealthChecks": lambda _value, _one: replaced("`av1rules health` decodes sources"),
}

_SCANS = frozenset({
    "folderWatching", "useFsEvents", "scheduledScanFindNew", "scanOnStart", "schedule",
    "folderWatchScanInterval", "scannerThreadCount", "processPluginsSequentially",
})  # fmt: skip
_OWN = frozenset({
    "_id", "createdAt", "scanButtons", "scanFound", "navItemSelected", "pluginCommunity",
    "handbrake", "ffmpeg", "handbrakescan", "ffmpegscan", "exifToolScan", "mediaInfoScan",
    "closedCaptionScan", "ffprobeShowData", "isDirectoryLibrary", "expanded", "verboseLogs",
    "totalHealthCheckCount", "totalTranscodeCount", "sizeDiff", "pluginStackOverview",
    "holdForDisplayUnit", "foldersToIgnoreCaseInsensitive", "folderToFolderRecordHistory",
    "folderToFolderConversionDeleteSource", "copyIfConditionsMet",
})  # fmt: skip


def _finding(key: str, value: Any, one: Library) -> KeyFinding:
    if (read := _FINDINGS.get(key)) is not None:
        return read(value, one)
    if key in _SCANS:
        return _TIMER
    return _OF_ITS_OWN if key in _OWN else UNKNOWN
