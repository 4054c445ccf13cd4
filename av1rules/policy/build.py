"""A whole document to a RuleSet, with every fault that the schema can't see as a Problem."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from av1rules.base.text import printable
from av1rules.policy.build_conditions import build_condition, checked_glob
from av1rules.policy.build_output import build_output
from av1rules.policy.build_paths import extensions_of, folder_of, program_of, refuse_above_roots
from av1rules.policy.build_review import build_review
from av1rules.policy.build_run import build_run
from av1rules.policy.build_settings import USE, build_action, build_layer
from av1rules.policy.build_tiers import build_tiers
from av1rules.policy.globs import miscased_root
from av1rules.policy.model import (
    Action,
    ActionKind,
    LibrarySpec,
    OnToolsChange,
    OutputMode,
    OutputSpec,
    Root,
    Rule,
    RuleSet,
    RunSpec,
    SettingsLayer,
    ToolsSpec,
)
from av1rules.policy.reader import Cursor
from av1rules.policy.section import Section, member_of

_VERSION = re.compile(r"(\d{1,4})(?:\.(\d{1,4}))?(?:\.\d{1,4})?")


def build_rules(root: Cursor, *, file: Path, digest: str) -> RuleSet:
    """The rule set that a document means. Faults are added to `root.problems`."""
    folder = file.parent
    profiles = _profiles(root.get("profiles"))
    rules = _rules(root)
    defaults = root.get("defaults")
    if defaults is not None:
        _refuse_use(defaults)
    library = _library(root.get("library"), folder)
    output = build_output(root.get("output"), folder)
    run = build_run(root.get("run"), folder)
    _check_places(root, library, output, run)
    return RuleSet(
        file=file,
        library=library,
        output=output,
        tools=_tools(root.get("tools"), folder),
        tiers=build_tiers(root.get("tiers")),
        run=run,
        defaults=SettingsLayer(name="defaults")
        if defaults is None
        else build_layer(defaults, "defaults"),
        profiles=profiles,
        rules=rules,
        digest=digest,
    )


def _library(cursor: Cursor | None, folder: Path) -> LibrarySpec:
    roots = cursor.get("roots") if cursor is not None else None
    found = () if roots is None else tuple(_roots(roots, folder))
    names = tuple(root.name for root in found)
    values = Section(cursor).fields(
        include=("include", lambda item: _globs(item, names)),
        exclude=("exclude", lambda item: _globs(item, names)),
        extensions=("extensions", extensions_of),
        min_size=("min_size", Cursor.size),
        settle_s=("settle", Cursor.duration),
        max_lost=("max_lost", Cursor.share),
    )
    return LibrarySpec(roots=found, **values)


def _roots(cursor: Cursor, folder: Path) -> Iterator[Root]:
    names: dict[str, str] = {}
    for item in cursor.items():
        named = item.get("name")
        path = folder_of(item if not item.is_mapping else item.get("path"), folder)
        if path is None:
            continue
        name = named.text() if named is not None else path.name
        if not name or "/" in name or name in (".", ".."):
            at = named or item
            at.fault(
                "expected a name without / for this root",
                hint="write {path: ..., name: movies}",
            )
            continue
        if name in names:
            (named or item).fault(
                f"a second root with the name {printable(name)}; the first is {names[name]}",
                hint="give it another one: {path: ..., name: ...}",
            )
            continue
        names[name] = printable(str(path))
        yield Root(path=path, name=name, place=item.place)


def _globs(cursor: Cursor, roots: tuple[str, ...]) -> tuple[str, ...]:
    found = []
    for item in cursor.items():
        glob = checked_glob(item)
        if glob is None:
            continue
        found.append(glob)
        if (fault := miscased_root(glob, roots)) is not None:
            item.warn(fault[0], hint=fault[1])
    return tuple(found)


def _check_places(root: Cursor, library: LibrarySpec, output: OutputSpec, run: RunSpec) -> None:
    """Nothing of ours is written where sources are."""
    out, running = root.get("output"), root.get("run")
    if output.mode is OutputMode.MIRROR and out is not None:
        refuse_above_roots(out.get("root"), output.root, library.roots)
    if out is not None:
        refuse_above_roots(out.get("temp_dir"), output.temp_dir, library.roots)
    if running is not None:
        refuse_above_roots(running.get("state_dir"), run.state_dir, library.roots)


def _tools(cursor: Cursor | None, folder: Path) -> ToolsSpec:
    values = Section(cursor).fields(
        ffmpeg=("ffmpeg", lambda item: program_of(item, folder)),
        ffprobe=("ffprobe", lambda item: program_of(item, folder)),
        min_version=("min_version", _version),
        preferred_encoder=("preferred_encoder", Cursor.text),
        on_change=("on_change", member_of(OnToolsChange)),
    )
    return ToolsSpec(**values)


def _version(cursor: Cursor) -> tuple[int, int] | None:
    found = _VERSION.fullmatch(cursor.raw.strip())
    if found is None:
        cursor.fault('expected a version such as "8.0"')
        return None
    version = (int(found[1]), int(found[2] or 0))
    if version < ToolsSpec().min_version:
        cursor.fault(f"{cursor.raw} is below the oldest FFmpeg that works, 8.0")
    return version


def _profiles(cursor: Cursor | None) -> tuple[SettingsLayer, ...]:
    if cursor is None:
        return ()
    layers = []
    for name, below in cursor.entries():
        _refuse_use(below)
        layers.append(build_layer(below, f"profile {name}"))
    return tuple(layers)


def _refuse_use(cursor: Cursor) -> None:
    use = cursor.get(USE)
    if use is not None:
        use.fault(
            "use stands in a rule's encode only",
            hint="profiles are flat: write the settings themselves",
            at_key=True,
        )


def _rules(root: Cursor) -> tuple[Rule, ...]:
    cursor, profiles = root.get("rules"), root.get("profiles")
    rules: list[Rule] = []
    names: dict[str, int] = {}  # with the line of each
    known: set[str] | None = set()
    if profiles is not None:
        known = {name for name, _ in profiles.entries()} if profiles.is_mapping else None
    for item in cursor.items() if cursor is not None else ():
        rule = _rule(item, known)
        if rule is None:
            continue
        if rule.name in names and (at := item.get("name")) is not None:
            at.fault(
                f"a second rule with the name {printable(rule.name)}; "
                f"the first is in line {names[rule.name]}",
                hint="give it a name of its own",
            )
        names.setdefault(rule.name, rule.place.line)
        rules.append(rule)
    return tuple(rules)


def _rule(cursor: Cursor, profiles: set[str] | None) -> Rule | None:
    named, when = cursor.get("name"), cursor.get("when")
    name = None if named is None else named.text()
    action = build_action(cursor, printable(name or ""))
    condition = None if when is None else build_condition(when)
    review = build_review(cursor.get("review"), action)
    if action is not None and profiles is not None:
        _check_profile(cursor, action, profiles)
    if name is None or action is None:
        return None
    return Rule(
        name=printable(name), when=condition, action=action, place=cursor.place, review=review
    )


def _check_profile(rule: Cursor, action: Action, known: set[str]) -> None:
    if action.kind is not ActionKind.ENCODE or action.profile is None or action.profile in known:
        return
    encode = rule.get("encode")
    use = encode.get(USE) if encode is not None else None
    if use is not None:
        listed = ", ".join(sorted(printable(name) for name in known)) or "none"
        use.fault(
            f"there is no profile {printable(action.profile, limit=60)}",
            hint=f"profiles of this file: {listed}",
        )
