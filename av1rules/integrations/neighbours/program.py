"""A program gets each event in its environment and as JSON on its standard input."""

from __future__ import annotations

import msgspec

from av1rules.base.process import Children, Limits, run
from av1rules.integrations.client import NeighbourClient
from av1rules.integrations.http import NeighbourError
from av1rules.integrations.neighbours.message import document, variables
from av1rules.ledger.outbox.table import OutboxEntry

OUTPUT_BYTES = 1 << 20


def tell_program(
    client: NeighbourClient, entry: OutboxEntry, *, hidden: tuple[str, ...], children: Children
) -> None:
    """Run it, without the `hidden` variables, which hold secrets. Raises NeighbourError unless it
    ends with 0 in time."""
    neighbour = client.neighbour
    env = dict.fromkeys(hidden) | variables(neighbour, entry)
    try:
        ended = run(
            neighbour.command,
            children=children,
            limits=Limits(timeout_s=neighbour.timeout_s, output_bytes=OUTPUT_BYTES),
            env=env,
            given=msgspec.json.encode(document(neighbour, entry)),
        )
    except OSError as problem:
        raise NeighbourError(
            f"its program can't be started: {problem.strerror}", hint="is the path right?"
        ) from None
    if not ended.ok:
        said = f": {client.scrub(ended.stderr[-1])}" if ended.stderr else ""
        raise NeighbourError(f"its program ended with {ended.describe_exit()}{said}")
