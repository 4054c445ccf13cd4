"""The entry point: imports a command's module when it is called, turns errors into exit codes."""

from __future__ import annotations

import contextlib
import errno
import gc
import importlib
import os
import sys
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from av1rules import __version__
from av1rules.base.errors import Av1rulesError, RunInterruptedError
from av1rules.base.standard_streams import end_output, open_missing, silence
from av1rules.cli.complete import COMPLETE_VARIABLE
from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.groups import CommandGroup
from av1rules.cli.conventions.options import Conventions, rules_before_command, with_conventions
from av1rules.cli.exit_codes import (
    DETAILED_EXITCODE,
    EXIT_BUG,
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    exit_code_of,
)

COMMANDS = {
    "adopt": "Add targets found on disk to the ledger, after a loss or a move.",
    "completion": "Print the script that completes commands and films in bash, zsh or fish.",
    "clips": "Test clips: list, show, open, compare, try variants; approve, adjust or reject.",
    "demo": "Make a small library, plan and encode it, change a rule, see what is redone.",
    "doctor": "Check tools, encoders, folders and space, and say how to fix problems.",
    "encode": "Encode one film without a rules file, verified like every target.",
    "explain": "Explain the plan for one file: facts, tier, every rule, settings, command.",
    "facts": "Write all that a plan reads of a library into one file, for --facts.",
    "fmt": "Put rules files into one layout; comments, order and values stay.",
    "forecast": "Show what a run would take, by rule; --check: how good past forecasts were.",
    "health": "Decode the sources and list damaged ones. Changes nothing.",
    "init": "Write a first rules file, a test of it and a dodo.py for a library.",
    "migrate": "Make a policy from the configuration of av1d, HandBrake, Tdarr or Unmanic.",
    "notify": "Tell the watcher of changed files: for Sonarr, Radarr and other programs.",
    "originals": "List the trash (originals, undone results, orphans), or purge it.",
    "pause": "Pause encodes, of single films or of all, until `resume`.",
    "plan": "Show what a run would do, and why. Changes nothing.",
    "receipt": "Show the conversion report of a target.",
    "report": "Report work done, savings and failures: text, Markdown, CSV, JSON or HTML.",
    "resume": "Let paused or stopped films go on.",
    "retry": "Retry files that failed too often.",
    "runs": "List the runs, or show one: what it made, failures, what comes next.",
    "run": "Encode, verify and publish stale targets.",
    "service": "Have systemd, launchd or cron start av1rules: print, install, status, uninstall.",
    "serve": "Show the library in a browser, live, and decide on clips there.",
    "show": "Show a saved plan, as `plan` showed it; needs neither films nor FFmpeg.",
    "top": "Watch the library and the run at work, and act on it, in the terminal.",
    "status": "Show the status: targets, trash, failures, the last runs.",
    "stop": "Stop encodes, of single films or the whole run, until `resume`.",
    "test": "Check what the rules say of stated films; needs neither films nor FFmpeg.",
    "undo": "Put verified originals back; an undo can be undone.",
    "validate": "Check a rules file; runs nothing else.",
    "verify": "Check whether targets still exist, are as written, and decode.",
    "watch": "Plan and run again and again: when files change, when told, and each interval.",
}

MODULES = {
    "completion": "complete.command",
    "fmt": "policy.fmt",
    "init": "policy.init",
    "notify": "watch.notify",
    "pause": "control:pause",
    "resume": "control:resume",
    "show": "saved.show",
    "stop": "control:stop",
    "test": "policy.test",
    "validate": "policy.validate",
    "watch": "watch.command",
}
"""Where a command stands that is not in the module of its name, or one of several in it."""


if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class _UnreadError(Exception):
    """Nobody reads the output on: `av1rules plan | head`."""


@contextlib.contextmanager
def _readers_may_leave() -> Iterator[None]:
    """click would end with exit code 1, as if something had failed."""
    try:
        yield
    except BrokenPipeError as left:
        raise _UnreadError from left


class _LazyGroup(CommandGroup):
    """Imports `av1rules.cli.NAME` only when that command is called: `--help` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def load_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        place, _, attribute = MODULES.get(name, name).partition(":")
        module = importlib.import_module(f"av1rules.cli.{place}")
        command: click.Command = getattr(module, attribute or "command")
        return command

    def names_meant(self, ctx: click.Context) -> Iterator[str]:
        """Those of groups too: whoever types `approve` means `clips approve`."""
        for name in COMMANDS:
            yield name
            command = self.load_command(ctx, name)
            if isinstance(command, click.Group):
                yield from (f"{name} {below}" for below in command.list_commands(ctx))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Without loading any command."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only to complete

        return [
            CompletionItem(name, help=about)
            for name, about in sorted(COMMANDS.items())
            if name.startswith(incomplete)
        ]

    def make_context(self, *given: Any, **more: Any) -> click.Context:
        with _readers_may_leave():
            return super().make_context(*given, **more)

    def invoke(self, ctx: click.Context) -> Any:
        with _readers_may_leave():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.command(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        ("av1rules init /media/movies", "write a first rules file here"),
        ("av1rules plan", "what would happen, and why"),
        ("av1rules run -j 2", "do it, two encodes at a time"),
        ("av1rules explain movies/Film.mkv", "why for one film"),
    ),
)
@click.version_option(__version__, prog_name="av1rules")
def cli() -> None:
    """Re-encode a video library to AV1 by policy: rules in YAML, redoing only what changed."""


cli.params.insert(0, rules_before_command())
with_conventions(cli)


def run() -> None:
    """The entry point of the `av1rules` program."""
    open_missing()
    # A plan holds many values and no cycles: to look for those takes 5 % of its time otherwise.
    gc.set_threshold(50_000, 20, 100)
    if (instruction := os.environ.get(COMPLETE_VARIABLE)) is not None:
        # Only for the scripts of `av1rules completion`.
        from av1rules.cli.complete.shells import answer  # noqa: PLC0415

        sys.exit(answer(cli, instruction))
    kept = Conventions()
    code = _exit_code(sys.argv[1:], kept)
    failure = end_output()
    if failure is not None and code == EXIT_DONE and not isinstance(failure, BrokenPipeError):
        code = _unwritten(failure)
    kept.close(code)
    sys.exit(code)


def _exit_code(arguments: list[str], kept: Conventions) -> int:
    try:
        result: Any = cli.main(arguments, prog_name="av1rules", standalone_mode=False, obj=kept)
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
        # There 2 means work: what goes wrong before the command itself is a failure all the same.
        return EXIT_FAILED if DETAILED_EXITCODE in arguments else exit_code_of(problem)
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
