"""Converts the checked values of a rules file to a RuleSet with their places.

It converts with the parsers of `formats` and checks nothing: values that the schema refuses are
already removed, so that `checks` can still check the rest.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from av1rules.base.text import printable
from av1rules.policy import formats
from av1rules.policy.decode_settings import USE, Convert, Values, as_it_stands, listed, settings_of
from av1rules.policy.facts import FACTS, FactKind, fact_word
from av1rules.policy.model import (
    Action,
    ActionKind,
    AllOf,
    AnyOf,
    Condition,
    Copies,
    HardLinks,
    IoClass,
    LibrarySpec,
    Not,
    OnToolsChange,
    Orphans,
    OutputMode,
    OutputSpec,
    Place,
    Range,
    ReceiptForm,
    Rest,
    ReviewSpec,
    Root,
    Rule,
    RuleSet,
    RunSpec,
    Setting,
    SettingsLayer,
    SideFiles,
    Test,
    TierThresholds,
    ToolsSpec,
)
from av1rules.policy.neighbours.decode import decode_neighbours
from av1rules.policy.schedule.hours import Outside, Schedule, parse_hours
from av1rules.policy.schedule.limits import MachineLimits, Unknown, parse_battery
from av1rules.policy.segments.rules import SegmentRules
from av1rules.policy.watch.spec import WatchSpec
from av1rules.policy.yaml.nodes import Document, Items, Node, Path_
from av1rules.policy.yaml.nodes import Mapping as MappingNode

STATE_FOLDER = ".av1rules"
"""The default state folder, beside the rules file; `run.state_dir` can name another."""


def decode_rules(document: Document, values: Values, *, file: Path, digest: str) -> RuleSet:
    """The rule set of `values`, the checked values of `document`."""
    decoder = _Decoder(document=document, folder=file.parent)
    return decoder.rules_file(values, file=file, digest=digest)


def numbered(value: Any, at: Path_) -> Iterator[tuple[Path_, Any]]:
    """Like `listed`, each with its path."""
    if not isinstance(value, list):
        yield at, value
        return
    for index, item in enumerate(value):
        if item is not None:
            yield (*at, index), item


def _fields(values: Values, table: Mapping[str, tuple[str, Convert]]) -> dict[str, Any]:
    """Keyword arguments by a table of key to field and conversion. Missing keys are left out, so
    that the defaults of the types apply."""
    return {field: read(values[key]) for key, (field, read) in table.items() if key in values}


def _named(**readers: Convert) -> dict[str, tuple[str, Convert]]:
    """A table for keys with the names of their fields."""
    return {key: (key, read) for key, read in readers.items()}


def _words(value: Any) -> tuple[str, ...]:
    return tuple(listed(value))


class _Decoder(msgspec.Struct, frozen=True, kw_only=True):
    """Converts one document; relative paths start at `folder`."""

    document: Document
    folder: Path

    def rules_file(self, values: Values, *, file: Path, digest: str) -> RuleSet:
        defaults, profiles = values.get("defaults", {}), values.get("profiles", {})
        return RuleSet(
            file=file,
            library=self._library(values.get("library", {})),
            output=self._output(values.get("output")),
            tools=self._tools(values.get("tools", {})),
            tiers=_tiers(values.get("tiers", {})),
            run=self._run(values.get("run", {})),
            schedule=_schedule(values.get("schedule")),
            limits=_limits(values.get("limits", {})),
            neighbours=decode_neighbours(values.get("neighbours", {}), folder=self._folder),
            watch=self._watch(values.get("watch", {})),
            defaults=self._layer("defaults", defaults, ("defaults",)),
            profiles=tuple(
                self._layer(f"profile {name}", settings, ("profiles", name))
                for name, settings in profiles.items()
            ),
            rules=tuple(
                self._rule(rule, at) for at, rule in numbered(values.get("rules", []), ("rules",))
            ),
            digest=digest,
        )

    def _key_place(self, at: Path_) -> Place:
        return self.document.key_place(at)

    def _folder(self, text: str) -> Path:
        return Path(os.path.normpath(self.folder / formats.folder(text)))

    def _program(self, text: str) -> str:
        found = formats.program(text)
        return found if isinstance(found, str) else str(self._folder(text))

    def _library(self, values: Values) -> LibrarySpec:
        table: dict[str, tuple[str, Convert]] = {
            **_named(include=_words, exclude=_words, min_size=formats.size, max_lost=formats.share),
            "extensions": ("extensions", _extensions),
            "settle": ("settle_s", formats.duration),
        }
        roots = numbered(values.get("roots", []), ("library", "roots"))
        return LibrarySpec(
            roots=tuple(self._root(root, at) for at, root in roots), **_fields(values, table)
        )

    def _root(self, value: Any, at: Path_) -> Root:
        values = value if isinstance(value, dict) else {"path": value}
        path = self._folder(values.get("path", "."))
        return Root(path=path, name=values.get("name", path.name), place=self.document.place(at))

    def _output(self, values: Values | None) -> OutputSpec:
        table = _named(
            mode=OutputMode,
            root=self._folder,
            suffix=as_it_stands,
            temp_dir=self._folder,
            receipts=ReceiptForm,
            keep_mtime=as_it_stands,
            keep_mode=as_it_stands,
            keep_owner=as_it_stands,
            keep_xattrs=as_it_stands,
            originals=formats.originals,
            orphans=Orphans,
            copies=Copies,
            hard_links=HardLinks,
            side_files=SideFiles,
            rest=Rest,
        )
        if values is None:
            return OutputSpec()
        return OutputSpec(place=self._key_place(("output",)), **_fields(values, table))

    def _tools(self, values: Values) -> ToolsSpec:
        table = _named(
            ffmpeg=self._program,
            ffprobe=self._program,
            mkvpropedit=self._program,
            min_version=self._version,
            preferred_encoder=as_it_stands,
            on_change=OnToolsChange,
        )
        return ToolsSpec(**_fields(values, table))

    def _version(self, value: Any) -> tuple[int, int]:
        """From the spelling: as a number, 8.10 would be 8.1."""
        node = self.document.node(("tools", "min_version"))
        return formats.version(getattr(node, "raw", value))

    def _run(self, values: Values) -> RunSpec:
        table: dict[str, tuple[str, Convert]] = {
            **_named(
                state_dir=self._folder,
                jobs=int,
                threads_per_job=int,
                max_failures=int,
                nice=int,
                io_class=IoClass,
                cpus=_cpus,
                memory_per_job=formats.memory,
                memory=formats.memory,
                segments=_segments,
            ),
            "stall_timeout": ("stall_timeout_s", formats.positive_duration),
            "probe_timeout": ("probe_timeout_s", formats.positive_duration),
            "max_duration": ("max_duration_s", formats.positive_duration),
            "reserve": ("reserve_bytes", formats.size),
        }
        return RunSpec(**({"state_dir": self.folder / STATE_FOLDER} | _fields(values, table)))

    def _watch(self, values: Values) -> WatchSpec:
        table = _named(events=as_it_stands, spool=self._folder)
        interval: dict[str, tuple[str, Convert]] = {
            "interval": ("interval_s", formats.positive_duration)
        }
        return WatchSpec(**_fields(values, table | interval))

    def _layer(self, name: str, values: Values, at: Path_) -> SettingsLayer:
        settings = (
            Setting(field=key, value=value, place=self._key_place((*at, key)))
            for key, value in settings_of(values).items()
        )
        return SettingsLayer(name=name, settings=tuple(settings))

    def _rule(self, values: Values, at: Path_) -> Rule:
        name = printable(values.get("name", ""))
        when, review = values.get("when"), values.get("review")
        return Rule(
            name=name,
            when=None if when is None else self._condition(when, (*at, "when")),
            action=self._action(name, values, at),
            place=self.document.place(at),
            review=None if review is None else self._review(review, (*at, "review")),
            priority=values.get("priority", 0),
            schedule=_schedule(values.get("schedule")),
        )

    def _action(self, rule: str, values: Values, at: Path_) -> Action:
        for kind in (ActionKind.SKIP, ActionKind.HOLD):
            if (value := values.get(kind.value)) is not None:
                return Action(
                    kind=kind, reason=None if value is True else formats.reason(kind, value)
                )
        encode = values.get("encode")
        settings = encode if isinstance(encode, dict) else {}
        return Action(
            kind=ActionKind.ENCODE,
            layer=self._layer(f"rule {rule}", settings, (*at, "encode")),
            profile=settings.get(USE),
        )

    def _review(self, value: Any, at: Path_) -> ReviewSpec:
        values = value if isinstance(value, dict) else {"approve": value}
        approve, clip = values.get("approve"), values.get("clip")
        kind, canary = (None, None) if approve is None else formats.approve(approve)
        return ReviewSpec(
            kind=kind,
            canary=canary,
            clip_s=None if clip is None else formats.clip_length(clip),
            place=self._key_place(at),
        )

    def _condition(self, values: Values, at: Path_) -> Condition | None:
        """None for an empty mapping, which matches every source."""
        parts = tuple(
            part
            for key, value in values.items()
            if (part := self._part(key, value, (*at, key))) is not None
        )
        if len(parts) < 2:
            return parts[0] if parts else None
        return AllOf(parts=parts, place=self.document.place(at))

    def _part(self, key: str, value: Any, at: Path_) -> Condition | None:
        place = self._key_place(at)
        if key == "not":
            inner = self._condition(value, at)
            return None if inner is None else Not(part=inner, place=place)
        if key in ("any", "all"):
            found = (self._condition(item, below) for below, item in numbered(value, at))
            parts = tuple(part for part in found if part is not None)
            kind = AnyOf if key == "any" else AllOf
            return kind(parts=parts, place=place)
        wanted = tuple(wanted_value(key, item) for item in listed(value))
        node = self.document.node(at)
        text = f"{key}: {'' if node is None else flow_text(node)}"
        return Test(fact=key, wanted=wanted, text=text, place=place)


def _extensions(value: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(formats.extension(item) for item in listed(value)))


def _segments(value: Any) -> SegmentRules:
    if not isinstance(value, dict):
        return SegmentRules(from_s=None)  # "never", the only word
    table = {"from": ("from_s", formats.duration), **_named(length=int)}
    return SegmentRules(**_fields(value, table))


def _cpus(value: Any) -> tuple[int, ...]:
    return tuple(sorted(frozenset().union(*(formats.cpus(item) for item in listed(value)))))


def _schedule(values: Values | None) -> Schedule | None:
    """None without hours, too: the schema told that they are missing."""
    hours = tuple(map(parse_hours, listed((values or {}).get("hours", []))))
    table = _named(outside=Outside, timezone=as_it_stands)
    return Schedule(hours=hours, **_fields(values or {}, table)) if hours else None


def _limits(values: Values) -> MachineLimits:
    table = _named(
        load=formats.share,
        temperature=float,
        battery=parse_battery,
        free_memory=formats.memory,
        viewers=int,
        beyond=Outside,
        unknown=Unknown,
    )
    return MachineLimits(**_fields(values, table))


def _tiers(values: Values) -> TierThresholds:
    tables: dict[str, dict[str, tuple[str, Convert]]] = {
        "remux": {
            "bitrate_1080p": ("remux_bitrate_1080p", formats.rate),
            "bitrate_2160p": ("remux_bitrate_2160p", formats.rate),
            "bits_per_pixel": ("remux_bits_per_pixel", as_it_stands),
            "markers": ("remux_markers", _words),
        },
        "low_quality": {
            "bitrate_1080p": ("low_bitrate_1080p", formats.rate),
            "bits_per_pixel": ("low_bits_per_pixel", as_it_stands),
        },
        "web_dl": {"markers": ("web_markers", _words)},
    }
    found: dict[str, Any] = {}
    for section, table in tables.items():
        found |= _fields(values.get(section, {}), table)
    return TierThresholds(**found)


_FACT_FORMATS: dict[FactKind, Convert] = {
    FactKind.SIZE: formats.size,
    FactKind.RATE: formats.rate,
    FactKind.DURATION: formats.duration,
}


def wanted_value(fact: str, value: Any) -> Any:
    """A wanted value in the form of `Facts`."""
    spec = FACTS[fact]
    read: Convert = _FACT_FORMATS.get(spec.kind, as_it_stands)
    if isinstance(value, dict):
        ends: dict[str, Any] = {end: read(limit) for end, limit in value.items()}
        return Range(**ends)
    if spec.kind is FactKind.WORD:
        return fact_word(fact, str(value))
    if spec.tolerance:
        return Range(min=value * (1 - spec.tolerance), max=value * (1 + spec.tolerance))
    return read(value)


def flow_text(node: Node) -> str:
    """A value as in the file, on one line: `[hevc, av1]`, `{min: 1440}`."""
    if isinstance(node, Items):
        return f"[{', '.join(flow_text(item) for item in node.items)}]"
    if isinstance(node, MappingNode):
        inner = ", ".join(f"{entry.key}: {flow_text(entry.value)}" for entry in node.entries)
        return f"{{{inner}}}"
    return printable(node.raw)
