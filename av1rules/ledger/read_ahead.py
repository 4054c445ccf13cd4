"""The rows of many films read together: a plan asks for a few rows of each film, and a query of its
own for each costs more than all that is done with the answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from av1rules.ledger.database import pages_of
from av1rules.ledger.records import Attempt, AttemptTable, TargetRow, TargetTable
from av1rules.ledger.samples import SampleTable


class ReadAhead(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the ledger has on some contents: targets by content and by path, attempts by
    content and fingerprint, contents without samples. `contents` tells "no row" from "not read".
    `has_targets`: the ledger has any at all, which that of a first plan has not."""

    contents: frozenset[str]
    by_content: dict[str, tuple[TargetRow, ...]]
    by_target: dict[str, TargetRow]
    attempts: dict[tuple[str, str], Attempt]
    without_samples: frozenset[str]
    has_targets: bool


def read_ahead(
    content_keys: Iterable[str],
    targets: TargetTable,
    attempts: AttemptTable,
    samples: SampleTable,
    *,
    moved: Mapping[str, TargetRow],
) -> ReadAhead:
    """`moved`: rows that take the place of recorded ones, by recorded target. Raises
    LedgerError."""
    sampled: set[str] = set()
    keys = list(dict.fromkeys(content_keys))
    by_content: dict[str, list[TargetRow]] = defaultdict(list)
    tried: dict[tuple[str, str], Attempt] = {}
    for part in pages_of(keys):
        some = f"WHERE content_key IN ({','.join('?' * len(part))})"
        for row in targets.select(f"{some} ORDER BY target", *part):
            by_content[row.content_key].append(moved.get(row.target, row))
        for attempt in attempts.select(some, *part):
            tried[attempt.content_key, attempt.fingerprint] = attempt
        sampled |= samples.of_contents(part)
    return ReadAhead(
        contents=frozenset(keys),
        by_content={key: tuple(rows) for key, rows in by_content.items()},
        by_target={row.target: row for rows in by_content.values() for row in rows},
        attempts=tried,
        without_samples=frozenset(keys) - sampled,
        has_targets=next(targets.select("LIMIT 1"), None) is not None,
    )
