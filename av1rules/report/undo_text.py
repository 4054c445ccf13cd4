"""What an undo did, for programs."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from av1rules.base.text import printable_json
from av1rules.graph.undo import Undone
from av1rules.report.plan_export import json_text


def undo_json(results: Iterable[Undone]) -> str:
    """A list with one record for each entry, in the order it was undone."""
    records = [
        {
            "place": json_text(result.kept.place),
            "kind": result.kept.kind.value,
            "run": result.kept.run,
            "undone": result.refusal is None,
            "refusal": None if result.refusal is None else json_text(result.refusal),
        }
        for result in results
    ]
    return printable_json(msgspec.json.format(msgspec.json.encode(records), indent=2).decode())
