"""What one plan starts from: the user's request, and a summary of the ledger."""

from __future__ import annotations

import msgspec

from av1rules.base.files import is_at_or_below
from av1rules.media.source import LibraryFile
from av1rules.plan.workspace import Workspace
from av1rules.policy.model import Copies

KnownTargets = dict[str, tuple[str, int, int, str]]
"""By target: fingerprint, size in bytes, mtime in ns, tools as JSON."""


class PlanRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked of a plan: absolute `paths` (empty: the whole library), `force` to redo
    them anyway, `accept_missing` to confirm that missing files are really gone."""

    paths: tuple[str, ...] = ()
    force: bool = False
    accept_missing: bool = False

    def covers(self, file: LibraryFile) -> bool:
        return not self.paths or any(is_at_or_below(file.path, path) for path in self.paths)

    def forces(self, file: LibraryFile) -> bool:
        return self.force and self.covers(file)


class PlanContext(msgspec.Struct, frozen=True, kw_only=True):
    """`known` are all valid targets, and `replaced` those that took the place of their source.
    `places` are all paths where av1rules renamed files. `faults` is the damage that `verify` found,
    by target."""

    workspace: Workspace
    request: PlanRequest
    known: KnownTargets
    replaced: frozenset[str]
    places: frozenset[str]
    faults: dict[str, str]

    @classmethod
    def load(cls, workspace: Workspace, request: PlanRequest) -> PlanContext:
        pairs = workspace.ledger.kept.replaced()
        return cls(
            workspace=workspace,
            request=request,
            known=workspace.ledger.known_targets(),
            replaced=frozenset(pairs.values()),
            places=workspace.ledger.kept.all_places(),
            faults=workspace.ledger.checks.faults(),
        )

    @property
    def may_copy(self) -> bool:
        """Whether targets are linked or copied for sources of the same content."""
        return self.workspace.ruleset.output.copies is not Copies.ENCODE and not self.request.force

    def is_target(self, file: LibraryFile) -> bool:
        """Whether this is a target as we wrote it, not merely another file of the same name."""
        row = self.known.get(file.path)
        return row is not None and row[1:3] == (file.stat.size_bytes, file.stat.mtime_ns)

    def is_in_place_of_source(self, file: LibraryFile) -> bool:
        """Whether one of our targets replaced a source here. By now it may be another file."""
        return file.path in self.replaced
