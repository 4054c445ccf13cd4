"""The entry point: imports a command's module when it is called, turns errors into exit codes."""

from __future__ import annotations

import contextlib
import errno
import importlib
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import click

from av1rules import __version__
from av1rules.base.errors import Av1rulesError, RunInterruptedError
from av1rules.base.standard_streams import end_output, open_missing, silence
from av1rules.cli.exit_codes import EXIT_BUG, EXIT_DONE, EXIT_INTERRUPTED, EXIT_USAGE

COMMANDS = {
    "adopt": "Add targets found on disk to the ledger, after a loss or a move.",
    "clips": "Test clips: list, show, open, compare, try variants; approve, adjust or reject.",
    "demo": "Make a small library, plan and encode it, change a rule, see what is redone.",
    "doctor": "Check tools, encoders, folders and space, and say how to fix problems.",
    "explain": "Explain the plan for one file: facts, tier, every rule, settings, command.",
    "forecast": "Compare past forecasts with actual results.",
    "health": "Decode the sources and list damaged ones. Changes nothing.",
    "init": "Write a first rules file and a dodo.py for a library.",
    "originals": "List the trash (originals, undone results, orphans), or purge it.",
    "plan": "Show what a run would do, and why. Changes nothing.",
    "receipt": "Show the conversion report of a target.",
    "report": "Report work done, savings and failures: text, Markdown, CSV, JSON or HTML.",
    "retry": "Retry files that failed too often.",
    "run": "Encode, verify and publish stale targets.",
    "status": "Show the status: targets, trash, failures, the last runs.",
    "undo": "Put verified originals back; an undo can be undone.",
    "validate": "Check a rules file; runs nothing else.",
    "verify": "Check whether targets still exist, are as written, and decode.",
}


class _UnreadError(Exception):
    """Nobody reads the output on: `av1rules plan | head`."""


@contextlib.contextmanager
def _readers_may_leave() -> Iterator[None]:
    """click would end with exit code 1, as if something had failed."""
    try:
        yield
    except BrokenPipeError as left:
        raise _UnreadError from left


class _LazyGroup(click.Group):
    """Imports `av1rules.cli.NAME` only when that command is called: `--help` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"av1rules.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def make_context(self, *given: Any, **more: Any) -> click.Context:
        with _readers_may_leave():
            return super().make_context(*given, **more)

    def invoke(self, ctx: click.Context) -> Any:
        with _readers_may_leave():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="av1rules")
def cli() -> None:
    """Re-encode a video library to AV1 by policy: rules in YAML, redoing only what changed."""


def run() -> None:
    """The entry point of the `av1rules` program."""
    open_missing()
    code = _exit_code(sys.argv[1:])
    failure = end_output()
    if failure is not None and code == EXIT_DONE and not isinstance(failure, BrokenPipeError):
        code = _unwritten(failure)
    sys.exit(code)


def _exit_code(arguments: list[str]) -> int:
    try:
        result: Any = cli.main(arguments, prog_name="av1rules", standalone_mode=False)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as problem:
        with _unread():
            problem.show()
        return problem.exit_code
    except (click.Abort, KeyboardInterrupt, RunInterruptedError):
        _say("interrupted")
        return EXIT_INTERRUPTED
    except _UnreadError:
        silence(sys.stdout)
        return EXIT_DONE
    except OSError as problem:
        if problem.filename is not None or problem.errno not in (errno.ENOSPC, errno.EIO):
            return _report_bug()
        return _unwritten(problem)
    except Av1rulesError as problem:
        _say(f"av1rules: {problem}")
        return EXIT_USAGE
    except Exception:  # noqa: BLE001 - every outcome needs an exit code
        return _report_bug()
    return result if isinstance(result, int) else 0


def _say(text: str) -> None:
    with _unread():
        click.echo(text, err=True)


@contextlib.contextmanager
def _unread() -> Iterator[None]:
    """A message that nobody takes changes no exit code: a closed pipe, a full disk under a log."""
    try:
        yield
    except OSError:
        silence(sys.stderr)


def _unwritten(problem: OSError) -> int:
    _say(f"av1rules: the output could not be written: {problem.strerror}")
    return EXIT_USAGE


def _report_bug() -> int:
    _say(traceback.format_exc())
    python = sys.version.split()[0]
    _say(
        f"av1rules {__version__}, Python {python}, {sys.platform}: this is a bug in av1rules; "
        "please report it with the lines above"
    )
    return EXIT_BUG
