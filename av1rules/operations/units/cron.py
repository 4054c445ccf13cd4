"""Lines of crontabs. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from av1rules.base.errors import UsageError
from av1rules.base.units import format_duration
from av1rules.operations.units.model import ServiceRequest, ServiceScope, ServiceSpec

_HOUR_S, _DAY_S = 3600, 86400

_LINE = re.compile(r"[^\n]*\n|[^\n]+")


def cron_lines(spec: ServiceSpec) -> Iterator[str]:
    """The lines of a user's crontab, or those of a file in /etc/cron.d, which names the user."""
    request = spec.request
    who = ""
    if request.scope is ServiceScope.SYSTEM:
        account = (request.account or "root").partition(":")[0]
        who = f"{account} "
    yield f"{_when(request)} {who}{_command(request)}"


def _command(request: ServiceRequest) -> str:
    """One line for /bin/sh. A `%` would end it and begin the input of the command."""
    words = ["env", f"PATH={request.path}", "nice", "-n", str(request.limits.nice)]
    if request.limits.cpu_affinity:
        cpus = ",".join(map(str, request.limits.cpu_affinity))
        words += ["taskset", "-c", cpus]
    return shlex.join([*words, *request.command]).replace("%", "\\%")


def _when(request: ServiceRequest) -> str:
    every = request.every_s
    if every is None:
        hour, _, minute = (request.at or "01:00").partition(":")
        return f"{int(minute)} {int(hour)} * * *"
    if every % 60 == 0 and every < _HOUR_S and _HOUR_S % every == 0:
        return f"*/{every // 60} * * * *"
    if every % _HOUR_S == 0 and _DAY_S % every == 0:
        hours = every // _HOUR_S
        return "0 1 * * *" if every == _DAY_S else f"0 */{hours} * * *"
    raise UsageError(
        f"cron can't start a run every {format_duration(every)}",
        where="--every",
        hint="give a part of an hour or of a day: 15min, 30min, 2h, 6h, 24h; or --at 01:00",
    )


BEGIN, END = "# av1rules begin: {stem}", "# av1rules end: {stem}"


def with_block(crontab: str, stem: str, block: str | None) -> str:
    """A user's crontab with the lines of one service exchanged, added, or taken out (None); all
    other lines stay as they are."""
    begin, end = BEGIN.format(stem=stem), END.format(stem=stem)
    kept: list[str] = []
    is_ours = False
    for line in _LINE.findall(crontab):
        if line.rstrip("\n") == begin:
            is_ours = True
        if not is_ours:
            kept.append(line if line.endswith("\n") else f"{line}\n")
        if line.rstrip("\n") == end:
            is_ours = False
    if is_ours:
        raise UsageError(
            f"the crontab has the line {begin!r}, and none that ends it",
            hint="`crontab -e`: remove what is left of it",
        )
    if block is not None:
        kept.append(f"{begin}\n{block}{end}\n")
    return "".join(kept)


def stems_of(crontab: str) -> Iterator[str]:
    """The services that a user's crontab has lines of."""
    start = BEGIN.format(stem="")
    lines = (line for line in crontab.split("\n") if line.startswith(start))
    return (line.removeprefix(start) for line in lines)


def block_of(crontab: str, stem: str) -> str | None:
    """The lines of one service in a user's crontab; None: it has none."""
    begin, end = BEGIN.format(stem=stem), END.format(stem=stem)
    _, sign, rest = f"\n{crontab}".partition(f"\n{begin}\n")
    return f"\n{rest}".partition(f"\n{end}\n")[0][1:] + "\n" if sign else None
