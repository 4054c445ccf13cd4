"""Checks beyond the schema: conflicts between keys, and valid but unlikely values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from av1rules.base.text import printable
from av1rules.base.units import format_duration, format_rate, format_size
from av1rules.media.discover import VIDEO_EXTENSIONS
from av1rules.policy.decode import numbered, wanted_value
from av1rules.policy.decode_settings import USE, quality_target
from av1rules.policy.facts import FACTS, FactKind
from av1rules.policy.globs import glob_doubts
from av1rules.policy.model import (
    ActionKind,
    OriginalsKind,
    OutputMode,
    OutputSpec,
    Problem,
    Rest,
    ReviewKind,
    Root,
    Rule,
    RuleSet,
    Severity,
)
from av1rules.policy.quality_spec import (
    BEST_POSSIBLE,
    TARGET_CRF_MAX,
    TARGET_CRF_MIN,
    Statistic,
    figure_name,
)
from av1rules.policy.tracks.checks import track_problems
from av1rules.policy.vocabulary import nearest, vocabulary_problem
from av1rules.policy.yaml.nodes import Document, Path_, Scalar, format_path
from av1rules.policy.yaml.nodes import Mapping as MappingNode

Values = Mapping[str, Any]

SHORT_KEEP_S = 86400.0
"""Keeping originals for less than a day is probably a mistake: `3m` is not three months."""

_COMMON = ("mkv", "mp4", "m2ts", "webm", "mpg", "wmv", "mov", "avi")

_EXAMPLE = "write quality_target: {metric: vmaf, p5: 93}"


def cross_problems(document: Document, values: Values, ruleset: RuleSet) -> tuple[Problem, ...]:
    """Conflicts between the keys of a rule set, which was made from `values`."""
    report = _Report(document=document)
    _check_library(report, values.get("library", {}), ruleset)
    _check_output(report, values.get("output", {}), ruleset.output)
    _check_places(report, values, ruleset)
    _check_tiers(report, values.get("tiers", {}), ruleset)
    _check_layers(report, values, ruleset)
    _check_rules(report, values, ruleset)
    return tuple(report.problems)


class _Report(msgspec.Struct, frozen=True, kw_only=True):
    """Problems of one document, by path."""

    document: Document
    problems: list[Problem] = msgspec.field(default_factory=list)

    def error(self, at: Path_, message: str, *, hint: str | None = None) -> None:
        """An error that points at a value."""
        self._note(at, message, hint, Severity.ERROR)

    def warn(self, at: Path_, message: str, *, hint: str | None = None) -> None:
        """A warning that points at a value."""
        self._note(at, message, hint, Severity.WARNING)

    def error_key(self, at: Path_, message: str, *, hint: str | None = None) -> None:
        """An error that points at a key."""
        self._note(at, message, hint, Severity.ERROR, at_key=True)

    def warn_key(self, at: Path_, message: str, *, hint: str | None = None) -> None:
        """A warning that points at a key."""
        self._note(at, message, hint, Severity.WARNING, at_key=True)

    def spelling(self, at: Path_) -> str:
        """A value as in the file."""
        node = self.document.node(at)
        return printable(node.raw, limit=60) if isinstance(node, Scalar) else ""

    def _note(
        self,
        at: Path_,
        message: str,
        hint: str | None,
        severity: Severity,
        *,
        at_key: bool = False,
    ) -> None:
        place = self.document.key_place(at) if at_key else self.document.place(at)
        self.problems.append(
            Problem(
                place=place, path=format_path(at), message=message, severity=severity, hint=hint
            )
        )


def _check_library(report: _Report, values: Values, ruleset: RuleSet) -> None:
    roots = ruleset.library.roots
    _check_roots(report, values.get("roots", []), roots)
    names = tuple(root.name for root in roots)
    for key in ("include", "exclude"):
        for at, glob in numbered(values.get(key, []), ("library", key)):
            for message, hint in glob_doubts(glob, names):
                report.warn(at, message, hint=hint)
    _warn_without_unit(report, ("library", "min_size"), FactKind.SIZE, values.get("min_size"))
    for at, text in numbered(values.get("extensions", []), ("library", "extensions")):
        plain = text.lower()
        if plain not in VIDEO_EXTENSIONS and (meant := nearest("extensions", plain, _COMMON)):
            report.warn(at, f"{plain} is not a known video extension", hint=meant)


def _check_roots(report: _Report, values: Any, roots: Iterable[Root]) -> None:
    names: dict[str, str] = {}
    for (at, value), root in zip(numbered(values, ("library", "roots")), roots, strict=True):
        named = (*at, "name") if isinstance(value, dict) and "name" in value else at
        if not root.name:
            report.error(
                named,
                "expected a name without / for this root",
                hint="write {path: ..., name: movies}",
            )
        elif root.name in names:
            report.error(
                named,
                f"another root has the name {printable(root.name)}; "
                f"the first is {names[root.name]}",
                hint="give it another one: {path: ..., name: ...}",
            )
        else:
            names[root.name] = printable(str(root.path))


def _check_places(report: _Report, values: Values, ruleset: RuleSet) -> None:
    """av1rules must not write its own files where sources are."""
    output, run = values.get("output", {}), values.get("run", {})
    roots = ruleset.library.roots
    if ruleset.output.mode is OutputMode.MIRROR and "root" in output:
        _refuse_above_roots(report, ("output", "root"), ruleset.output.root, roots)
    if "temp_dir" in output:
        _refuse_above_roots(report, ("output", "temp_dir"), ruleset.output.temp_dir, roots)
    if "state_dir" in run:
        _refuse_above_roots(report, ("run", "state_dir"), ruleset.run.state_dir, roots)


def _refuse_above_roots(
    report: _Report, at: Path_, path: Path | None, roots: Iterable[Root]
) -> None:
    """Files written there could replace a source."""
    if path is None:
        return
    held = next((root for root in roots if root.path == path or path in root.path.parents), None)
    if held is None:
        return
    shown = printable(str(held.path))
    if held.path == path:
        message = f"{shown} is a root of the library"
    else:
        message = f"the library's root {shown} is inside this folder"
    report.error(at, message, hint="use a separate folder without sources")


def _check_output(report: _Report, values: Values, output: OutputSpec) -> None:
    """Keys that the mode needs, and keys that it doesn't use."""
    mode, root = output.mode, ("output", "root")
    if mode is OutputMode.MIRROR and report.document.node(root) is None:
        at = ("output", "mode")
        hint = "add root: /path/to/av1 under output:"
        report.error(at, "mode mirror needs a root", hint=hint)
    is_known = "mode" in values or report.document.node(("output", "mode")) is None
    if "root" in values and mode is not OutputMode.MIRROR and is_known:
        where = "would go next to" if mode is OutputMode.BESIDE else "take the place of"
        report.error_key(
            root,
            f"root is not used in mode {mode.value}: targets {where} their sources",
            hint="write mode: mirror, or remove root",
        )
    is_complete = "rest" in values and output.rest is not Rest.LEAVE
    if is_complete and mode is not OutputMode.MIRROR and is_known:
        report.error_key(
            ("output", "rest"),
            f"rest is not used in mode {mode.value}: only a mirror is a library of its own",
            hint="write mode: mirror with a root, or remove rest",
        )
    if is_known:
        _warn_unused(report, values, output)
    keep_s = output.originals.keep_s
    if keep_s is not None and keep_s < SHORT_KEEP_S:
        message = f"originals would be kept for only {format_duration(keep_s)}"
        hint = "m and min are minutes; d is days, w is weeks"
        report.warn(("output", "originals"), message, hint=hint)
    if mode is OutputMode.REPLACE and output.originals.kind is OriginalsKind.DELETE:
        report.warn(
            ("output", "originals"),
            "nothing is kept: an original is deleted for good once its target is verified, "
            "and av1rules undo can't bring it back",
            hint="keep for 30d leaves time to look at the targets",
        )


def _warn_unused(report: _Report, values: Values, output: OutputSpec) -> None:
    """Only for values other than the default, such as `originals: keep`, which fits every mode."""
    is_replace = output.mode is OutputMode.REPLACE
    others = "modes mirror and beside" if is_replace else "mode replace"
    for key in ("orphans",) if is_replace else ("originals", "hard_links"):
        if key in values and getattr(output, key) != getattr(OutputSpec(), key):
            report.warn_key(
                ("output", key),
                f"{key} is not used in mode {output.mode.value}",
                hint=f"it is for {others}: remove it",
            )


def _check_tiers(report: _Report, values: Values, ruleset: RuleSet) -> None:
    tiers = ruleset.tiers
    for name, section in values.items():
        for key in [key for key in section if key.startswith("bitrate")]:
            _warn_without_unit(report, ("tiers", name, key), FactKind.RATE, section[key])
    limits: tuple[tuple[str, float, float], ...] = (
        ("bitrate_1080p", tiers.low_bitrate_1080p, tiers.remux_bitrate_1080p),
        ("bits_per_pixel", tiers.low_bits_per_pixel, tiers.remux_bits_per_pixel),
    )
    for what, low, high in limits:
        show = format_rate if what.startswith("bitrate") else "{:g}".format
        if low > high:
            sections = [name for name in ("low_quality", "remux") if what in values.get(name, {})]
            report.error(
                ("tiers", sections[0], what),
                f"the limit of low-quality ({show(low)}) is above that of remux ({show(high)})",
                hint="a source could be of both tiers",
            )


_LEAST_MEANT = {FactKind.SIZE: 100_000, FactKind.RATE: 100_000}
"""Bytes, and bits per second: a smaller number without a unit has lost its unit."""


def _warn_without_unit(report: _Report, at: Path_, kind: FactKind, value: Any) -> None:
    """`bitrate: {min: 15000}` means 15 kb/s to this program, and kb/s to its writer."""
    text = str(value).strip()
    if not text.isdecimal() or not 0 < int(text) < _LEAST_MEANT.get(kind, 0):
        return
    number = int(text)
    shown = format_rate(number) if kind is FactKind.RATE else format_size(number)
    units = ("Mb/s", "kb/s") if kind is FactKind.RATE else ("MB", "kB")
    unit = units[0] if number < 1000 else units[1]
    what = "bits per second" if kind is FactKind.RATE else "bytes"
    report.warn(
        at, f"{number} without a unit is in {what}: {shown}", hint=f"with a unit: {number}{unit}"
    )


def _check_layers(report: _Report, values: Values, ruleset: RuleSet) -> None:
    profiles = values.get("profiles", {})
    layers: list[tuple[Path_, Any]] = [(("defaults",), values.get("defaults", {}))]
    layers += [(("profiles", name), settings) for name, settings in profiles.items()]
    for at, settings in layers:
        if USE in settings:
            report.error_key(
                (*at, USE),
                "use is only allowed in a rule's encode",
                hint="profiles are flat: write the settings themselves",
            )
        check_settings(report, at, settings)
    for at, rule in numbered(values.get("rules", []), ("rules",)):
        if isinstance(rule.get("encode"), dict):
            check_settings(report, (*at, "encode"), rule["encode"])


def check_settings(report: _Report, at: Path_, values: Values) -> None:
    """Settings of one mapping that do not go together."""
    if "crf" in values and "quality_target" in values:
        report.error_key(
            (*at, "crf"),
            "crf and quality_target exclude each other: the target finds the CRF",
            hint="put the range into it: quality_target: {p5: 93, crf: {min: 16, max: 40}}",
        )
    for key in ("audio", "subtitles"):
        for problem in track_problems(values.get(key, {})):
            place = (*at, key, problem.key, *(() if problem.place is None else (problem.place,)))
            tell = report.error if problem.is_error else report.warn
            tell(place, problem.message, hint=problem.hint)
    if "quality_target" in values:
        _check_target(report, (*at, "quality_target"), values["quality_target"])


def _check_target(report: _Report, at: Path_, values: Values) -> None:
    """Check that a target has one floor within the scale of its metric, and a valid range."""
    named = [one for one in Statistic if report.document.node((*at, one.value)) is not None]
    if len(named) != 1:
        known = ", ".join(one.value for one in Statistic)
        found = ", ".join(one.value for one in named) or "none"
        report.error_key(at, f"expected one of {known}, found {found}", hint=_EXAMPLE)
        return
    target, (statistic,) = quality_target(values), named
    best = BEST_POSSIBLE[target.floor.metric]
    if statistic.value in values and target.floor.value > best:
        name = figure_name(target.floor.metric, statistic)
        shown = report.spelling((*at, statistic.value))
        report.error((*at, statistic.value), f"{name} goes from 0 to {best:g}, found {shown}")
    if target.crf_min > target.crf_max:
        report.error_key(
            (*at, "crf"),
            f"the lowest CRF {target.crf_min:g} is above the highest {target.crf_max:g}",
            hint=f"without min and max it is {TARGET_CRF_MIN:g} to {TARGET_CRF_MAX:g}",
        )


def _check_rules(report: _Report, values: Values, ruleset: RuleSet) -> None:
    names: dict[str, int] = {}  # with the line of each
    rules = numbered(values.get("rules", []), ("rules",))
    for (at, found), rule in zip(rules, ruleset.rules, strict=True):
        if rule.name in names:
            report.error(
                (*at, "name"),
                f"another rule has the name {rule.name}; the first is on line {names[rule.name]}",
                hint="give it a different name",
            )
        elif rule.name:
            names[rule.name] = rule.place.line
        _check_profile(report, at, rule)
        if "when" in found:
            _check_condition(report, (*at, "when"), found["when"])
        if "review" in found:
            _check_review(report, (*at, "review"), rule, found["review"])


def _check_profile(report: _Report, at: Path_, rule: Rule) -> None:
    name, profiles = rule.action.profile, report.document.node(("profiles",))
    if name is None or not isinstance(profiles, MappingNode | None):
        return
    known = [] if profiles is None else [entry.key for entry in profiles.entries]
    if name not in known:
        listing = ", ".join(sorted(map(printable, known))) or "none"
        report.error(
            (*at, "encode", USE),
            f"there is no profile {printable(name, limit=60)}",
            hint=f"profiles of this file: {listing}",
        )


def _check_review(report: _Report, at: Path_, rule: Rule, value: Any) -> None:
    kind, review = rule.action.kind, rule.review
    if kind is not ActionKind.ENCODE:
        message = f"review has no effect: this rule says {kind.value}"
        report.warn_key(at, message, hint="only rules with encode have a review")
    is_never = review is not None and review.kind is ReviewKind.NEVER
    if is_never and isinstance(value, dict) and "clip" in value:
        report.warn_key((*at, "clip"), "no clip is made with approve: never", hint="leave clip out")


def _check_condition(report: _Report, at: Path_, values: Values) -> None:
    for key, value in values.items():
        below = (*at, key)
        if key in ("any", "all"):
            for item_at, item in numbered(value, below):
                if key == "any" and _is_empty(report, item_at):
                    message = "an empty condition is always true, and makes any always true"
                    report.error(item_at, message)
                _check_condition(report, item_at, item)
        elif key == "not":
            if _is_empty(report, below):
                message = "an empty condition is always true, so not never matches"
                report.error(below, message)
            _check_condition(report, below, value)
        else:
            _check_wanted(report, below, key, value)


def _is_empty(report: _Report, at: Path_) -> bool:
    node = report.document.node(at)
    return isinstance(node, MappingNode) and not node.entries


def _check_wanted(report: _Report, at: Path_, fact: str, value: Any) -> None:
    bounds = value.items() if isinstance(value, dict) else ()
    for value_at, one in [((*at, key), one) for key, one in bounds] or numbered(value, at):
        _warn_without_unit(report, value_at, FACTS[fact].kind, one)
    if isinstance(value, dict):
        wanted = wanted_value(fact, value)
        if wanted.min is not None and wanted.max is not None and wanted.min > wanted.max:
            low, high = report.spelling((*at, "min")), report.spelling((*at, "max"))
            message = f"min {low} is above max {high}: nothing is in between"
            report.error((*at, "min"), message, hint="swap the two")
    elif FACTS[fact].kind is FactKind.WORD:
        for word_at, word in numbered(value, at):
            problem = vocabulary_problem(fact, printable(str(word), limit=60))
            if problem is not None:  # a certain one was refused by its format
                report.warn(word_at, problem.message, hint=problem.hint)
