"""What one plan starts from: the user's request, and a summary of the ledger."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
from msgspec.structs import replace

from av1rules.base.text import printable
from av1rules.ledger.moved import NOTHING_MOVED, MovedFiles, MovedTarget
from av1rules.media.source import LibraryFile
from av1rules.plan.moved.places import in_library
from av1rules.plan.names.match import WantedName
from av1rules.plan.workspace import Workspace
from av1rules.policy.model import Copies
from av1rules.policy.redo.choice import Redo


class PlanRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked of a plan: films by `names` and by absolute `paths` (neither: the whole
    library), one film or an error (`takes_one`), `only` those of some rules (none: of all), `force`
    to redo them anyway, `accept_missing` to confirm that missing files are really gone. `redo` is
    what an edit of the policy redoes, in place of what the policy says. `target` is
    where one source goes that no rules file speaks of, `overwrites` says that any file there may
    go.

    `build_plan` finds the paths of the films that `names` mean, which may be none."""

    names: tuple[WantedName, ...] = ()
    paths: Collection[str] | None = None
    takes_one: bool = False
    only: tuple[str, ...] = ()
    force: bool = False
    accept_missing: bool = False
    target: str | None = None
    overwrites: bool = False
    redo: Redo | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it is about the whole library."""
        return not self.names and self.paths is None

    @property
    def is_partial(self) -> bool:
        """Whether films of the library may be left out."""
        return not self.is_whole or bool(self.only)

    def wants(self, file: LibraryFile, rule: str | None) -> bool:
        """Whether the plan has a row for this file, which this rule decides."""
        return self.covers(file) and (not self.only or rule in self.only)

    def covers(self, file: LibraryFile) -> bool:
        return self.covers_path(file.path)

    def covers_path(self, path: str) -> bool:
        return self.is_whole or _has_at_or_above(self.paths or (), path)

    def forces(self, file: LibraryFile) -> bool:
        return self.force and self.covers(file)


def _has_at_or_above(paths: Collection[str], path: str) -> bool:
    """Whether `path` or a folder above it is among `paths`: a look for each folder, however many
    paths there are."""
    while path not in paths:
        if path in ("/", ""):
            return False
        path = path.rpartition("/")[0] or "/"
    return True


class PlanContext(msgspec.Struct, frozen=True, kw_only=True):
    """`replaced` are the targets that took the place of their source, `places` all paths where
    av1rules renamed files. `faults` is the damage that `verify` found, by target. `moved` are
    targets that a user renamed or moved, by their place of now: for this plan the ledger has them
    there (`follows`)."""

    workspace: Workspace
    request: PlanRequest
    replaced: frozenset[str]
    places: frozenset[str]
    faults: dict[str, str]
    moved: dict[str, MovedTarget] = msgspec.field(default_factory=dict)
    follows: MovedFiles = NOTHING_MOVED

    @classmethod
    def load(cls, workspace: Workspace, request: PlanRequest) -> PlanContext:
        pairs = workspace.ledger.kept.replaced()
        return cls(
            workspace=workspace,
            request=request,
            replaced=frozenset(pairs.values()),
            places=workspace.ledger.kept.all_places(),
            faults=workspace.ledger.checks.faults(),
        )

    def following(self, moved: MovedFiles) -> PlanContext:
        """What the plan starts from once the ledger follows the `moved` files."""
        if not moved:
            return self
        ledger = self.workspace.ledger.as_moved(moved)
        now = {one.was.target: one.now.target for one in moved.targets}
        return replace(
            self,
            workspace=replace(self.workspace, ledger=ledger),
            replaced=frozenset(ledger.kept.replaced().values()),
            places=ledger.kept.all_places(),
            faults={now.get(target, target): fault for target, fault in self.faults.items()},
            moved={one.now.target: one for one in moved.targets},
            follows=moved,
        )

    def former_name(self, moved: MovedTarget) -> str:
        """Where a target was before a user moved it, by its library path if it has one."""
        home = in_library(self.workspace.ruleset, moved.was.target, self.workspace.disk)
        return printable(moved.was.target if home is None else f"{home[0]}/{home[2]}")

    @property
    def may_copy(self) -> bool:
        """Whether targets are linked or copied for sources of the same content."""
        return self.workspace.ruleset.output.copies is not Copies.ENCODE and not self.request.force

    def is_in_place_of_source(self, file: LibraryFile) -> bool:
        """Whether one of our targets replaced a source here. By now it may be another file."""
        return file.path in self.replaced
