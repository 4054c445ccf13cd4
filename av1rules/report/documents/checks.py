"""The documents of `doctor`, `validate`, `verify`, `health` and `adopt`."""

from __future__ import annotations

from msgspec import Struct

from av1rules.operations.adopt.adopt import AdoptKind
from av1rules.operations.doctor import Finding
from av1rules.operations.source_health import SourceHealth
from av1rules.operations.verify_rest import StandInHealth
from av1rules.operations.verify_targets import TargetHealth
from av1rules.report.json import JsonDocument


class DoctorDocument(JsonDocument, frozen=True, kw_only=True):
    """The findings, section by section. `ok`: nothing is wrong, though there may be warnings."""

    ok: bool
    findings: tuple[Finding, ...]


class VerifiedTarget(Struct, frozen=True, kw_only=True):
    """One target that was checked. `touched`: it has a new modification time but the same
    content."""

    target: str
    source: str
    health: TargetHealth
    detail: str | None
    hint: str | None
    touched: bool


class FaultyStandIn(Struct, frozen=True, kw_only=True):
    """A link or copy in a mirror that is not as it should be."""

    path: str
    source_path: str
    health: StandInHealth
    detail: str
    hint: str


class VerifiedRest(Struct, frozen=True, kw_only=True):
    """What stands in a mirror beside targets: how many were checked, and those with a problem."""

    checked: int
    faults: tuple[FaultyStandIn, ...]


class VerifyDocument(JsonDocument, frozen=True, kw_only=True):
    """Every target that was checked; `skipped` were checked lately, `rest` is of a complete mirror.
    `ok`: nothing has a problem."""

    ok: bool
    checked: int
    skipped: int
    rest: VerifiedRest
    targets: tuple[VerifiedTarget, ...] = ()


class DecodedSource(Struct, frozen=True, kw_only=True):
    """One source that was decoded, now or earlier. `at` (ISO 8601, UTC) is when."""

    path: str
    library_path: str
    health: SourceHealth
    detail: str | None
    at: str | None


class HealthDocument(JsonDocument, frozen=True, kw_only=True):
    """Every source. `problems` say which part of the library could not be read. `ok`: there is no
    problem and no damaged or unclear source."""

    ok: bool
    problems: tuple[str, ...]
    sources: tuple[DecodedSource, ...]


class AdoptedTarget(Struct, frozen=True, kw_only=True):
    """One target that was adopted or refused. `original` is its source in the trash, if it is
    there. `reason` says why it was refused."""

    target: str
    result: AdoptKind
    source: str | None
    original: str | None
    reason: str | None
    notes: tuple[str, ...]


class AdoptDocument(JsonDocument, frozen=True, kw_only=True):
    """What was added to the ledger, or would be (`dry_run`). `known` counts the targets that the
    ledger had unchanged, `stand_ins` the links and copies of a complete mirror that were added.
    `ok`: nothing was refused, and there is no problem."""

    ok: bool
    dry_run: bool
    known: int
    stand_ins: int
    problems: tuple[str, ...]
    targets: tuple[AdoptedTarget, ...]
