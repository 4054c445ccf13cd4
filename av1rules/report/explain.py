"""Explains the plan for one file, from facts to command, as text."""

from __future__ import annotations

from collections.abc import Iterator

from av1rules.base.text import counted, printable
from av1rules.encode.streams import StreamAction
from av1rules.media.source_text import source_lines
from av1rules.plan.explain import Explanation
from av1rules.plan.items import PlanAction, Prerequisite, work_of
from av1rules.policy.fingerprint import NAMES, shown
from av1rules.policy.match import MatchOutcome, PassedOver, RuleMatch
from av1rules.policy.model import ReviewKind
from av1rules.report.view import PLAIN, Role, View, display_width, fit

_COMMAND = "Command"
_NOTE = "  # "

_MARKS = {True: "yes", False: "no", None: "unknown"}

SETTING_NOTES = {
    "film_grain": "strength of the grain that players add",
    "film_grain_denoise": "removes the grain before coding; without it film_grain only adds",
    "crf": "constant quality, lower is better",
    "preset": "speed, lower is slower and better",
}
"""Settings whose names do not explain themselves."""


def explain_lines(explanation: Explanation, view: View = PLAIN) -> Iterator[str]:
    """All sections, each under its own heading. The command stays one line, to be copied."""
    sections = [
        ("File", [printable(explanation.row.file.path)]),
        ("Facts", list(_facts(explanation))),
        ("Source tier", list(_tier(explanation))),
        ("Rules", list(_rules(explanation))),
        ("Settings", list(_settings(explanation))),
        ("Review", list(_review(explanation))),
        ("Streams", list(_streams(explanation))),
        ("Verdict", list(_verdict(explanation))),
        ("Segments", list(_segments(explanation))),
        (_COMMAND, list(_command(explanation))),
    ]
    is_first = True
    for title, lines in sections:
        if not lines:
            continue
        if not is_first:
            yield ""
        is_first = False
        yield view.painted(title, Role.HEADING)
        if title == _COMMAND:
            yield from (f"  {line}" for line in lines)
        else:
            yield from fit((f"  {piece}" for line in lines for piece in _parts(line, view)), view)


def _parts(line: str, view: View) -> list[str]:
    """A line, with its note on a line of its own where both together are too wide."""
    text, mark, note = line.partition(_NOTE)
    if not mark or view.width is None or display_width(line) + 2 <= view.width:
        return [line]
    return [text, f"    {mark.strip()} {note}"]


def _segments(explanation: Explanation) -> Iterator[str]:
    if explanation.segments is not None:
        yield explanation.segments.text


def _command(explanation: Explanation) -> Iterator[str]:
    if explanation.command is None:
        return
    work = work_of(explanation.row)
    due = () if work is None else work.pending
    unknown = {Prerequisite.MEASURE: "film grain", Prerequisite.SEARCH: "CRF"}
    if found_later := [name for step, name in unknown.items() if step in due]:
        yield f"(not found yet, shown with its start value: {', '.join(found_later)})"
    yield explanation.command


def _facts(explanation: Explanation) -> Iterator[str]:
    if explanation.evaluation is not None:
        yield from source_lines(explanation.evaluation.source)


def _tier(explanation: Explanation) -> Iterator[str]:
    if explanation.evaluation is None:
        return
    found = explanation.evaluation.classification
    name = found.source_tier.value if found.source_tier else "none"
    yield f"{name}, confidence {found.confidence:.2f}"
    for reason in found.reasons:
        yield f"- {printable(reason)}"


def _rules(explanation: Explanation) -> Iterator[str]:
    is_sure = explanation.row.action is not PlanAction.MEASURE
    passed_over = {one.rule: one for one in explanation.row.passed_over}
    for match in explanation.rules:
        yield from _rule(match, passed_over.get(match.rule.name), is_sure=is_sure)
    if explanation.rules and not any(match.is_decisive for match in explanation.rules):
        yield "no rule matches: left alone"


def _rule(match: RuleMatch, passed_over: PassedOver | None, *, is_sure: bool) -> Iterator[str]:
    rule = match.rule
    decisive = "  <- decides" if match.is_decisive else ""
    if passed_over is not None:
        decisive = f"  <- passed over: nobody knows {' and '.join(passed_over.facts)}"
    if decisive and not is_sure:
        decisive += ", unless a rule above matches once the grain is measured"
    head = f"{rule.place.short} {printable(rule.name)}: {_MARKS[match.outcome]}{decisive}"
    yield head
    if match.condition is None:
        yield "    (no condition: matches everything)"
    else:
        yield from _condition(match.condition, 1)


def _condition(condition: MatchOutcome, depth: int) -> Iterator[str]:
    indent = "    " * depth
    seen = f" (is {condition.seen})" if condition.seen else ""
    yield f"{indent}{printable(condition.text)}: {_MARKS[condition.outcome]}{seen}"
    for part in condition.parts:
        yield from _condition(part, depth + 1)


def _settings(explanation: Explanation) -> Iterator[str]:
    recipe = explanation.evaluation.recipe if explanation.evaluation else None
    if recipe is None:
        return
    settings, origins = recipe.settings, dict(recipe.origins)
    work = work_of(explanation.row)
    due = () if work is None else work.pending
    for name in NAMES:
        text = shown(settings, name)
        if name == "crf" and Prerequisite.SEARCH in due:
            text = "by target"
        note = f"{_NOTE}{SETTING_NOTES[name]}" if name in SETTING_NOTES else ""
        origin = printable(str(origins.get(name, "")))
        yield f"{name:<20} {text:<12} {origin}{note}"


def _review(explanation: Explanation) -> Iterator[str]:
    if explanation.evaluation is None or explanation.evaluation.recipe is None:
        return
    decision = explanation.evaluation.decision
    yield f"{'approve':<20} {decision.review.text:<12} {printable(decision.review_origin)}"
    if decision.review.kind is not ReviewKind.NEVER:
        yield f"{'clip':<20} {decision.review.clip_s:g}s"


def _streams(explanation: Explanation) -> Iterator[str]:
    recipe = explanation.evaluation.recipe if explanation.evaluation else None
    if recipe is None:
        return
    copied = 0
    for step in recipe.streams.steps:
        if step.action is StreamAction.COPY and step.flags is None:
            copied += 1
        else:
            yield printable(step.describe())
    if copied:
        yield f"{counted(copied, 'stream')} copied unchanged"
    for remark in recipe.streams.remarks:
        yield f"note: {printable(remark)}"


def _verdict(explanation: Explanation) -> Iterator[str]:
    row = explanation.row
    yield row.action.value
    for cause in row.causes:
        yield f"- {printable(cause)}"
    for note in row.notes:
        yield f"  note: {printable(note)}"
    if row.target:
        yield f"target: {printable(row.target)}"
