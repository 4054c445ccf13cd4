"""`av1rules service print`, `install`, `status` and `uninstall`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from av1rules.base.errors import UsageError
from av1rules.base.text import printable
from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.options import conventions
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED
from av1rules.cli.options import dry_run_option, json_option, rules_option
from av1rules.cli.service.options import (
    name_option,
    request_options,
    scope_of,
    scope_options,
    unit_folders,
)
from av1rules.operations.units import install as units
from av1rules.operations.units.files import unit_files
from av1rules.operations.units.health import WatcherHealth, check_watcher
from av1rules.operations.units.install import UnitInPlace, require_ours, see_files
from av1rules.operations.units.installed import find_services, places_of
from av1rules.operations.units.model import ServiceRequest, ServiceScope, ServiceSpec
from av1rules.operations.units.spec import spec_of
from av1rules.operations.units.stamp import UnitState
from av1rules.policy.load import load_rules
from av1rules.report.units.text import (
    changes_lines,
    check_json,
    check_text,
    files_lines,
    is_well,
    next_lines,
    service_json,
    services_json,
    services_lines,
)

_RequestOf = Callable[[Path], ServiceRequest]

_yes_option = click.option("-y", "--yes", is_flag=True, help="Don't ask.")


def _prepared(rules_file: Path, request_of: _RequestOf) -> tuple[ServiceSpec, list[UnitInPlace]]:
    request = request_of(rules_file)
    spec = spec_of(request, load_rules(rules_file))
    return spec, list(see_files(unit_files(spec, unit_folders()), request))


@click.command(
    "print",
    epilog=examples(
        ("av1rules service print", "the unit of the watcher"),
        ("av1rules service print --timer --at 02:30", "runs at night in its place"),
        ("av1rules service print --system --name films --cpus 6 --memory 12GiB", "with limits"),
        ("av1rules service print --cron --every 6h", "a line of a crontab"),
    ),
)
@rules_option
@request_options
@json_option("Print the files as JSON.")
def show(rules_file: Path, request_of: _RequestOf, as_json: bool) -> None:  # noqa: FBT001
    """Print the files that `install` would write, and where. Writes nothing.

    The folders that the policy writes to are the only ones that a service of the machine can write
    to.
    """
    request = request_of(rules_file)
    spec = spec_of(request, load_rules(rules_file))
    files = tuple(
        UnitInPlace(file=file, there=None, state=UnitState.ABSENT)
        for file in unit_files(spec, unit_folders())
    )
    if as_json:
        click.echo(service_json(request, files, is_done=False))
    else:
        click.echo("\n".join(files_lines(files)))


@click.command(
    "install",
    epilog=examples(
        ("av1rules service install -n", "what it would write"),
        (
            "av1rules service install --yes --cpus 6 --memory 12GiB",
            "with limits, without a question",
        ),
        ("av1rules service install --cron --at 01:30", "runs from your crontab"),
    ),
)
@rules_option
@request_options
@dry_run_option("Only show what would be written.")
@_yes_option
@click.option("--force", is_flag=True, help="Write over files that were edited since.")
@json_option("Print the outcome as JSON.")
def install(
    rules_file: Path,
    request_of: _RequestOf,
    dry_run: bool,  # noqa: FBT001 - click passes flags so
    yes: bool,  # noqa: FBT001
    force: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> int:
    """Write the files of a service and have it started, now and whenever the machine starts. Shows
    what it will write, and asks.

    A file that somebody else wrote is never touched, one that was edited since only with --force.
    Done again, it brings the files up to date with the policy and the options given.
    """
    spec, seen = _prepared(rules_file, request_of)
    if not as_json:
        conventions().say("\n".join(changes_lines(seen)))
    if dry_run:
        if as_json:
            click.echo(service_json(spec.request, seen, is_done=False))
        return EXIT_DONE
    require_ours(seen, force=force)
    if not yes and not _agreed("Write this and start it?"):
        click.echo("nothing was written", err=True)
        return EXIT_FAILED
    with _rights(spec.request):
        units.install(spec, seen)
    if as_json:
        click.echo(service_json(spec.request, seen, is_done=True))
    else:
        conventions().say("\n".join(next_lines(spec.request)))
    return EXIT_DONE


@click.command(
    "check",
    epilog=examples(
        ("av1rules service check", "for the health check of a container"),
        ("av1rules service check -q", "in a script: the exit code alone"),
    ),
)
@rules_option
@json_option("Print it as JSON.")
def check(rules_file: Path, as_json: bool) -> int:  # noqa: FBT001
    """Say whether the watcher of a policy is alive, whoever started it. Asks nobody, and reads one
    small file.

    Ends with 1 if there is none, or if it has said nothing for three minutes.
    """
    checked = check_watcher(load_rules(rules_file).run.state_dir)
    if as_json:
        click.echo(check_json(checked))
    else:
        conventions().say(check_text(checked))
    return EXIT_DONE if checked.health is WatcherHealth.ALIVE else EXIT_FAILED


@click.command(
    "status",
    epilog=examples(
        ("av1rules service status", "every instance on this machine"),
        ("av1rules service status --json", "for programs"),
    ),
)
@json_option("Print it as JSON.")
def status(as_json: bool) -> int:  # noqa: FBT001
    """Show the services that are installed here: whether they are active, whether their files are
    as `install` would write them now, and the last run of each.

    Ends with 1 if one is not active, was edited, or has rules that can't be read.
    """
    services = tuple(find_services(unit_folders()))
    click.echo(services_json(services) if as_json else "\n".join(services_lines(services)))
    return EXIT_DONE if all(map(is_well, services)) else EXIT_FAILED


@click.command(
    "uninstall",
    epilog=examples(
        ("av1rules service uninstall -n", "what it would remove"),
        ("av1rules service uninstall --name films --yes", "one of several, without a question"),
    ),
)
@name_option
@scope_options
@dry_run_option("Only show what would be removed.")
@_yes_option
@click.option("--force", is_flag=True, help="Remove files that were edited since, too.")
@json_option("Print the outcome as JSON.")
def uninstall(
    name: str,
    scope: str | None,
    dry_run: bool,  # noqa: FBT001
    yes: bool,  # noqa: FBT001
    force: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> int:
    """Stop a service and remove the files that `install` wrote. Rules, ledger, films and drop-ins
    stay.
    """
    request = _installed(name, scope)
    seen = [one for one in places_of(request, unit_folders()) if one.there is not None]
    if not as_json:
        conventions().say("\n".join(f"remove {printable(one.file.path)}" for one in seen))
    if dry_run:
        if as_json:
            click.echo(service_json(request, seen, is_done=False))
        return EXIT_DONE
    require_ours(seen, force=force)
    if not yes and not _agreed("Stop it and remove this?"):
        click.echo("nothing was removed", err=True)
        return EXIT_FAILED
    with _rights(request):
        units.uninstall(request, seen)
    if as_json:
        click.echo(service_json(request, seen, is_done=True))
    return EXIT_DONE


def _installed(name: str, scope: str | None) -> ServiceRequest:
    """Raises UsageError if there is none, or several."""
    found = [
        one.request for one in find_services(unit_folders())
        if one.request.name == name and (scope is None or one.request.scope is scope_of(scope))
    ]  # fmt: skip
    if len(found) != 1:
        raise UsageError(
            f"{len(found) or 'no'} services of this name are installed",
            where=printable(name, limit=60),
            hint="`av1rules service status` lists them; --user and --system tell two apart",
        )
    return found[0]


def _agreed(question: str) -> bool:
    """Raises UsageError where nobody can be asked."""
    if not sys.stdin.isatty():
        raise UsageError(
            "nothing was changed: that needs a confirmation, and there is no terminal to ask",
            hint="give --yes",
        )
    return click.confirm(question, err=True)


@contextlib.contextmanager
def _rights(request: ServiceRequest) -> Iterator[None]:
    """A service of the machine takes the rights of root."""
    try:
        yield
    except OSError as problem:
        is_system = request.scope is ServiceScope.SYSTEM
        raise UsageError(
            f"a file of the service can't be written: {problem.strerror}",
            where=printable(str(problem.filename)),
            hint="with sudo, or --user for a service of yours" if is_system else None,
        ) from problem
