"""Metrics for Prometheus, as a file of the textfile collector of node_exporter. Without paths."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from av1rules.base.files import temp_name
from av1rules.base.system.opening import CLOEXEC
from av1rules.integrations.http import NeighbourError
from av1rules.ledger.ledger import Ledger

_Samples = Mapping[tuple[tuple[str, str], ...], float]


def metrics_text(ledger: Ledger, *, now_s: float) -> str:
    """The whole file. Raises LedgerError."""
    return "".join(_families(ledger, now_s))


def _families(ledger: Ledger, now_s: float) -> Iterator[str]:
    totals, queue = ledger.totals(), ledger.queue.totals()
    yield _family("av1rules_targets", "gauge", "Targets in the ledger.", {(): totals.count})
    yield _family(
        "av1rules_saved_bytes",
        "gauge",
        "Bytes of all sources less those of their targets.",
        {(): totals.source_bytes - totals.target_bytes},
    )
    seconds = ledger.films.encode_seconds()
    yield _family("av1rules_encode_seconds_total", "counter", "Time of all encodes.", {(): seconds})
    attempts: _Samples = {
        (("cause", kind.value),): float(count) for kind, count in ledger.attempt_counts().items()
    }
    yield _family("av1rules_attempts", "gauge", "Films that gave no target, by cause.", attempts)
    yield _family("av1rules_queue_films", "gauge", "Films in the queue.", {(): queue.films})
    yield _family(
        "av1rules_queue_seconds_estimate",
        "gauge",
        "Estimated time of the queue.",
        {(): queue.seconds or 0},
    )
    waiting: _Samples = {
        (("neighbour", one.neighbour),): float(one.waiting) for one in ledger.outbox.backlogs()
    }
    yield _family("av1rules_outbox_waiting", "gauge", "Events a neighbour was not told.", waiting)
    yield _family(
        "av1rules_last_run_timestamp_seconds",
        "gauge",
        "When the last run ended.",
        {(): round(now_s)},
    )


def _family(name: str, kind: str, meaning: str, samples: _Samples) -> str:
    if not samples:
        return ""
    lines = [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
    for labels, value in samples.items():
        inner = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
        lines.append(f"{name}{f'{{{inner}}}' if inner else ''} {value:.15g}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def write_metrics(ledger: Ledger, path: Path) -> None:
    """Replace the file as a whole: the collector reads it at any moment. Raises NeighbourError."""
    temp = temp_name(path)
    try:
        descriptor = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | CLOEXEC, 0o644)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(metrics_text(ledger, now_s=time.time()))
        os.replace(temp, path)
    except OSError as problem:
        raise NeighbourError(
            f"its file can't be written: {problem.strerror}", hint="may this user write there?"
        ) from None
    finally:
        temp.unlink(missing_ok=True)
