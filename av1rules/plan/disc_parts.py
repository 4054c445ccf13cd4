"""What a plan says of a film that is a part of a disc or of a camera card. Pure."""

from __future__ import annotations

from av1rules.media.disc import disc_layout
from av1rules.plan.items import Held, PlannedFile
from av1rules.policy.model import OutputMode


def held_as_disc(planned: PlannedFile, mode: OutputMode) -> Held | None:
    """Held where another file would take the place of one that an index names; else None."""
    layout = disc_layout(planned.file.path)
    if layout is None or mode is not OutputMode.REPLACE:
        return None
    return Held.of(
        planned,
        f"part of a disc ({layout.folder.upper()}): replaced, {layout.index} would point at "
        f"nothing; {layout.way_out} and `skip` the disc in a rule, or use `output.mode: mirror`",
        is_lasting=True,
    )


def disc_note(path: str) -> tuple[str, ...]:
    """What an encode of one part of a disc is not; nothing for any other film."""
    layout = disc_layout(path)
    if layout is None:
        return ()
    note = (
        f"part of a disc ({layout.folder.upper()}): encoded as a film of its own; menus, angles "
        f"and the order of its parts stay on the disc (for one whole film: {layout.way_out})"
    )
    return (note,)
