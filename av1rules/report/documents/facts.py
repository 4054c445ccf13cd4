"""The documents of `facts export` and `facts show`."""

from __future__ import annotations

from pathlib import Path

from msgspec import UNSET, UnsetType

from av1rules.plan.facts.lines import FactsHeader, path_of_text
from av1rules.report.json import JsonDocument, json_document


class FactsDocument(JsonDocument, frozen=True, kw_only=True):
    """What a file of facts says of itself: its version, the av1rules that wrote it, and when (ISO
    8601, UTC); the names of the roots, how many films and targets there are. `private`: names are
    hidden. `complete`: nothing that a plan would probe or read first was left out.
    `planned_otherwise` (after `facts export --private` only): how many films the policy sees
    otherwise under their hidden names."""

    path: str
    size_bytes: int
    version: int
    av1rules: str
    exported_at: str
    private: bool
    complete: bool
    roots: tuple[str, ...]
    films: int
    targets: int
    planned_otherwise: int | UnsetType = UNSET


def facts_json(
    path: Path, size_bytes: int, header: FactsHeader, *, planned_otherwise: int | None = None
) -> str:
    return json_document(
        FactsDocument(
            path=str(path),
            size_bytes=size_bytes,
            version=header.facts,
            av1rules=header.av1rules,
            exported_at=header.exported_at,
            private=header.is_private,
            complete=header.is_complete,
            roots=tuple(path_of_text(root.name) for root in header.roots),
            films=header.films,
            targets=header.targets,
            planned_otherwise=UNSET if planned_otherwise is None else planned_otherwise,
        )
    )
