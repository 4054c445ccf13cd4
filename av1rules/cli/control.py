"""`av1rules pause`, `resume` and `stop`: what a run at work does at once, and the next one too."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from av1rules.base.errors import UsageError
from av1rules.base.units import UnitError, now_text, parse_duration
from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.names import names_argument, wanted_names
from av1rules.cli.conventions.options import conventions
from av1rules.cli.options import json_option, rules_option
from av1rules.execute.resources.run_lock import lock_holder
from av1rules.ledger.controls import ALL_FILMS, HOLDING, Control, ControlKind
from av1rules.ledger.ledger import Ledger
from av1rules.operations import control
from av1rules.operations.control_names import controlled_films
from av1rules.policy.load import load_rules
from av1rules.report.controls.text import control_lines, controls_json

_Command = TypeVar("_Command", bound=Callable[..., Any])


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    """What was changed, and the words for it."""

    state_dir: Path
    changed: tuple[Control, ...]
    words: str


def _end_options(command: _Command) -> _Command:
    command = click.option("--reason", metavar="TEXT", help="Why, for whoever asks.")(command)
    command = click.option(
        "--until", metavar="TIME", help='End it then: 22:00, or "2026-11-28 22:00", local time.'
    )(command)
    return click.option("--for", "duration", metavar="TIME", help="End it after 30min, 2h, 1d.")(
        command
    )


@click.command(
    "pause",
    epilog=examples(
        ("av1rules pause", "all of it, until `av1rules resume`"),
        ("av1rules pause --for 2h --reason guests", "for the evening"),
        ("av1rules pause movies/Short.mkv", "one film; the others go on"),
    ),
)
@rules_option
@names_argument
@_end_options
@json_option("Print what is in force now as JSON.")
def pause(
    rules_file: Path,
    names: tuple[str, ...],
    duration: str | None,
    until: str | None,
    reason: str | None,
    as_json: bool,  # noqa: FBT001 - click passes flags so
) -> None:
    """Pause the films NAMEd, or all: encodes stand still where they are, and nothing is begun.

    A paused encode keeps its memory and its place among the jobs, and goes on after `resume` as if
    nothing had been; none of its limits of time counts meanwhile. It holds for runs to come too.
    """
    said = _put(ControlKind.PAUSE, rules_file, names, _end(duration, until), reason)
    _show(said, as_json=as_json)


@click.command(
    "stop",
    epilog=examples(
        ("av1rules stop", "end the run; nothing begins before `av1rules resume`"),
        ("av1rules stop movies/Short.mkv", "give up one encode and leave its film alone"),
    ),
)
@rules_option
@names_argument
@_end_options
@json_option("Print what is in force now as JSON.")
def stop(
    rules_file: Path,
    names: tuple[str, ...],
    duration: str | None,
    until: str | None,
    reason: str | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Stop the encodes of the films NAMEd, or end the run as Ctrl-C does: half an encode is of no
    use and is thrown away, what is done is kept.

    Nothing of it begins again before `resume`: a watcher stays idle, and `run` refuses to start.
    """
    said = _put(ControlKind.STOP, rules_file, names, _end(duration, until), reason)
    _show(said, as_json=as_json)


@click.command(
    "resume",
    epilog=examples(
        ("av1rules resume", "what `pause` or `stop` held as a whole"),
        ("av1rules resume movies/Short.mkv", "one film that was paused, stopped or skipped"),
        ("av1rules resume --all", "the whole, and every single film too"),
    ),
)
@rules_option
@names_argument
@click.option("--all", "is_all", is_flag=True, help="Every film that is held, too.")
@json_option("Print what is in force now as JSON.")
def resume(
    rules_file: Path,
    names: tuple[str, ...],
    is_all: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Let the films NAMEd go on, or all that was paused or stopped as a whole."""
    if is_all and names:
        raise UsageError("--all is for all films: name none")
    state_dir, films = _meant(rules_file, names)
    if is_all:
        films += tuple(one.film for one in control.read_controls(state_dir).entries)
    changed = control.resume(state_dir, tuple(dict.fromkeys(films)))
    words = "\n".join(f"goes on; it was {line}" for line in _texts(changed))
    _show(
        _Said(state_dir=state_dir, changed=changed, words=words or "nothing was held"),
        as_json=as_json,
    )


def _texts(changed: tuple[Control, ...]) -> tuple[str, ...]:
    return tuple(control_lines(changed))


def _meant(rules_file: Path, names: tuple[str, ...]) -> tuple[Path, tuple[str, ...]]:
    """The state folder, and the films or all."""
    ruleset = load_rules(rules_file)
    state_dir = ruleset.run.state_dir
    if not names:
        return state_dir, (ALL_FILMS,)
    with closing(Ledger.read(state_dir)) as ledger:
        return state_dir, controlled_films(ledger, ruleset, wanted_names(names))


def _put(
    kind: ControlKind,
    rules_file: Path,
    names: tuple[str, ...],
    until: str | None,
    reason: str | None,
) -> _Said:
    state_dir, films = _meant(rules_file, names)
    act = control.pause if kind is ControlKind.PAUSE else control.stop
    act(state_dir, films, until=until, reason=reason)
    controls = control.read_controls(state_dir)
    now = now_text()
    found = (controls.find(kind, film, now) for film in films)
    changed = tuple(one for one in found if one is not None)
    return _Said(state_dir=state_dir, changed=changed, words="\n".join(_texts(changed)))


def _end(duration: str | None, until: str | None) -> str | None:
    if duration is not None and until is not None:
        raise UsageError("--for and --until are two ways to say one thing: give one")
    now = datetime.now().astimezone()
    if until is not None:
        return control.as_stored(control.end_of(until, now))
    if duration is None:
        return None
    try:
        seconds = parse_duration(duration)
    except UnitError as problem:
        raise UsageError(str(problem), where="--for") from problem
    return control.as_stored(now + timedelta(seconds=seconds))


def _show(said: _Said, *, as_json: bool) -> None:
    controls = control.read_controls(said.state_dir)
    holder = _holder(said.state_dir)
    if as_json:
        click.echo(controls_json(said.changed, controls, holder))
        return
    say = conventions().say
    say(said.words)
    now = now_text()
    others = tuple(
        one
        for one in controls.entries
        if one.kind in HOLDING and one not in said.changed and one.holds_at(now)
    )
    for line in control_lines(others):
        say(f"also held: {line}")
    if holder is None:
        say("no run is active: it is for the next one")


def _holder(state_dir: Path) -> str | None:
    try:
        return lock_holder(state_dir)
    except OSError:  # a state folder that this user may only read
        return None
