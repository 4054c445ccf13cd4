"""The options of every command, before it or after it, and what they decide."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from av1rules.base.errors import UsageError
from av1rules.cli.conventions.color import ColorChoice, wants_color

if TYPE_CHECKING:
    from av1rules.cli.conventions.session_log import SessionLog

_DATA_FORMS = ("json", "csv")


@dataclass(slots=True, kw_only=True)
class Conventions:
    """What the options of every command say, as far as the command line is read.

    `verbosity` 1 shows commands that are run and timings, 2 all there is. `color` None means: on a
    terminal.
    """

    rules_file: Path | None = None
    is_quiet: bool = False
    verbosity: int = 0
    color_choice: ColorChoice = ColorChoice.AUTO
    log: SessionLog | None = None

    @property
    def color(self) -> bool | None:
        return wants_color(self.color_choice, os.environ)

    def say(self, text: str) -> None:
        """Print what a user need not know: nothing with --quiet, though a log has it."""
        if not self.is_quiet:
            click.echo(text)
        elif self.log is not None:
            for line in text.splitlines():
                self.log.line(line)

    def close(self, code: int) -> None:
        """The end of the command, with its exit code."""
        if self.log is not None:
            self.log.line(f"exit code {code}")
            self.log.close()
            self.log = None


def conventions() -> Conventions:
    """Those of the command that is running."""
    context = click.get_current_context(silent=True)
    return Conventions() if context is None else of_context(context)


def of_context(context: click.Context) -> Conventions:
    return context.ensure_object(Conventions)


def with_conventions(command: click.Command) -> click.Command:
    """The same command, which now takes the options of every command."""
    taken = {name for param in command.params for name in param.opts}
    command.params += [one for one in _options() if not taken.intersection(one.opts)]
    return command


def rules_before_command() -> click.Option:
    """-f of the program itself; the command's own goes before it."""
    return click.Option(
        ["-f", "--rules"],
        type=click.Path(path_type=Path),
        envvar="AV1RULES_FILE",
        expose_value=False,
        callback=_keep_rules,
        help="The rules file, as after the command.",
    )


def _options() -> list[click.Option]:
    return [
        click.Option(
            ["-q", "--quiet"],
            is_flag=True,
            expose_value=False,
            callback=_keep_quiet,
            help="Say only what failed.",
        ),
        click.Option(
            ["-v", "--verbose"],
            count=True,
            expose_value=False,
            callback=_keep_verbosity,
            help="Say more: programs that are run, timings; -vv: all there is.",
        ),
        click.Option(
            ["--log-file"],
            type=click.Path(),
            metavar="FILE",
            expose_value=False,
            callback=_keep_log,
            help="Append all that is said, and events, to FILE, with dates.",
        ),
        click.Option(
            ["--color"],
            type=click.Choice([choice.value for choice in ColorChoice]),
            expose_value=False,
            callback=_keep_color,
            help="Use colours. Default: auto, on a terminal.",
        ),
    ]


def _keep_rules(context: click.Context, _param: click.Parameter, value: Path | None) -> None:
    if value is not None:
        of_context(context).rules_file = value


def _keep_quiet(context: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001
    if value:
        kept = of_context(context)
        kept.is_quiet = True
        _require_one_loudness(kept)


def _keep_verbosity(context: click.Context, _param: click.Parameter, value: int) -> None:
    if value:
        kept = of_context(context)
        kept.verbosity += value
        _require_one_loudness(kept)
        _log_to_all(kept)


def _require_one_loudness(kept: Conventions) -> None:
    if kept.is_quiet and kept.verbosity:
        raise UsageError("--quiet and --verbose exclude one another", hint="give one of them")


def _keep_log(context: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is None or context.resilient_parsing:
        return
    # Of no use to --help, which loads little.
    from av1rules.cli.conventions.session_log import SessionLog  # noqa: PLC0415

    kept = of_context(context)
    if kept.log is not None:
        raise UsageError("--log-file is given twice", hint="give it once")
    kept.log = SessionLog.open(value)
    kept.log.line(f"$ {_command_line()}")
    kept.log.listen(is_data=_is_data)
    _log_to_all(kept)


def _command_line() -> str:
    import shlex  # noqa: PLC0415 - as above
    import sys  # noqa: PLC0415

    return shlex.join(["av1rules", *sys.argv[1:]])


def _is_data() -> bool:
    """Whether standard output now gets a document for programs."""
    context = click.get_current_context(silent=True)
    given = {} if context is None else context.params
    return bool(given.get("as_json")) or given.get("form") in _DATA_FORMS


def _log_to_all(kept: Conventions) -> None:
    # As above.
    from av1rules.cli.conventions.verbose import log_what_is_done  # noqa: PLC0415

    log_what_is_done(kept.verbosity, kept.log)


def _keep_color(context: click.Context, _param: click.Parameter, value: str | None) -> None:
    kept = of_context(context)
    if value is not None:
        kept.color_choice = ColorChoice(value)
    context.color = kept.color
