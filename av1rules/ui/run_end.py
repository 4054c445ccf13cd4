"""The last lines of a run: which films have no target and why, and the command that comes next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from av1rules.base.findings import FilmFinding, FindingKind
from av1rules.base.text import printable
from av1rules.report.runs import next_command
from av1rules.report.view import PLAIN, Role, View, fit, more_line

FILMS_SHOWN = 3
"""Films of one kind that are named; a command lists the others."""

REASON_WIDTH = 200

_UNTOLD = (FindingKind.LEFT, FindingKind.UNREADABLE)
"""What is left needs no user; what could not be read was told when the run began."""

_LISTED_BY = {
    FindingKind.BLOCKED: "plan",
    FindingKind.HELD: "plan",
    FindingKind.HELD_BY_USER: "status",
    FindingKind.CLIP_WAITING: "clips list",
    FindingKind.DISCARDED: "plan --all",
    FindingKind.WITHHELD: "plan --all",
}
"""The commands that list all films of a kind. Failures: `runs show last`."""


def end_lines(findings: Iterable[FilmFinding], view: View = PLAIN) -> Iterator[str]:
    """A short list for each kind of finding of a run, with the commands that come next."""
    every = tuple(dict.fromkeys(findings))
    for kind in FindingKind:
        found = [one for one in every if one.kind is kind]
        if found and kind not in _UNTOLD:
            yield from _group(kind, found, view)


def _group(kind: FindingKind, found: Sequence[FilmFinding], view: View) -> Iterator[str]:
    title = f"{kind.text} ({len(found):,})"
    yield view.painted(title, Role.BAD if kind.is_failure else Role.WAITING)
    for one in found[:FILMS_SHOWN]:
        reason = printable("; ".join(one.detail.splitlines()), limit=REASON_WIDTH)
        yield from fit([f"  {printable(one.film)}: {reason}"], view)
        if (command := next_command(one)) is not None:
            yield from fit([f"    next: {command}"], view)
    if len(found) > FILMS_SHOWN:
        listed_by = _LISTED_BY.get(kind, "runs show last")
        yield f"  {more_line(len(found) - FILMS_SHOWN, f'av1rules {listed_by}')}"
