"""What the plan says of work that stays as it was made. Pure."""

from __future__ import annotations

from msgspec import Struct

from av1rules.ledger.as_made import AsMade


class LeftAsMade(Struct, frozen=True, kw_only=True, gc=False):
    """The policy asks for other settings than a target, or an earlier result, was made with, and
    `choice` (of `on_change` or `--redo`) leaves it. `record`: what a run writes down, so that the
    next plan does not want it either; None: it is written down already, or will be judged anew."""

    choice: str
    record: AsMade | None = None
