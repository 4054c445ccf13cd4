"""Exports facts with hidden names, and counts the films that a policy sees otherwise under them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from av1rules.media.packed_source import source_from_json
from av1rules.media.source import LibraryFile, Source
from av1rules.plan.facts.hidden import Hider
from av1rules.plan.facts.hidden_names import NameHider
from av1rules.plan.facts.lines import FactsLine, FilmLine, path_of_text
from av1rules.plan.workspace import Workspace
from av1rules.policy.facts import facts_of
from av1rules.policy.globs import path_matcher
from av1rules.policy.model import RuleSet
from av1rules.policy.resolve import decide
from av1rules.policy.source_tier import classify
from av1rules.policy.tracks.kinds import kinds_of


class PrivateExport:
    """Lines with hidden names. `planned_otherwise` counts the films, of those that passed, that the
    policy tells apart from what they are: by another tier, another rule, or other tracks."""

    def __init__(self, workspace: Workspace, *, key: bytes | None = None) -> None:
        self._ruleset = workspace.ruleset
        self._hider = Hider(NameHider(workspace.ruleset, key), workspace.tools.ffmpeg)
        self.planned_otherwise = 0

    def lines(self, lines: Iterable[FactsLine]) -> Iterator[FactsLine]:
        for line in lines:
            hidden = self._hider.line(line)
            if isinstance(line, FilmLine) and isinstance(hidden, FilmLine):
                self.planned_otherwise += _seen(line, self._ruleset) != _seen(hidden, self._ruleset)
            yield hidden


def _seen(line: FilmLine, ruleset: RuleSet) -> object:
    """All that a policy makes of the names and titles of a film."""
    text = line.source_json
    file = LibraryFile(
        root_name=path_of_text(line.root),
        root="",
        relative_path=path_of_text(line.path),
        stat=line.stat.file_stat,
    )
    names = (file.relative_path, file.library_path)
    library = ruleset.library
    globs = tuple(
        bool(globs) and bool(path_matcher(globs)(names))
        for globs in (library.include, library.exclude)
    )
    if text is None:
        return globs
    return globs, _decided(file, source_from_json(text), ruleset)


def _decided(file: LibraryFile, source: Source, ruleset: RuleSet) -> object:
    classification = classify(source, file.library_path, ruleset.tiers)
    decision = decide(ruleset, facts_of(file, source, classification))
    rule = None if decision.rule is None else decision.rule.name
    kinds = (tuple(map(kinds_of, source.audio)), tuple(map(kinds_of, source.subtitles)))
    tier = (classification.source_tier, classification.confidence)
    return tier, decision.kind, rule, decision.settings, kinds
