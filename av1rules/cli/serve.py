"""`av1rules serve`: a page that shows a library and takes decisions on clips."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from av1rules.base.errors import UsageError
from av1rules.base.text import printable
from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.options import conventions
from av1rules.cli.options import json_option, rules_option
from av1rules.policy.load import load_rules
from av1rules.report.documents.serve import ServeDocument
from av1rules.report.json import json_document

if TYPE_CHECKING:
    from av1rules.ui.web.server import ServedAt, ServeOptions

_PACKAGES = ("jinja2", "markupsafe", "pygal", "starlette", "uvicorn")
"""Those that the extra brings."""


@click.command(
    "serve",
    epilog=examples(
        ("av1rules serve", "a page for the browser of this machine"),
        ("av1rules serve --listen 0.0.0.0:8089", "for every device in the network"),
        ("av1rules serve --host tv.example.org --root-path /av1", "behind a proxy"),
    ),
)
@rules_option
@click.option(
    "--listen",
    default="127.0.0.1:8089",
    show_default=True,
    metavar="ADDRESS",
    help="The address and port to listen on; port 0 takes any that is free.",
)
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A name under which browsers reach it, beside that of this machine; may be given several "
    "times. Requests to other names are refused.",
)
@click.option(
    "--root-path", default="", metavar="PATH", help="The path below which a proxy shows it."
)
@click.option(
    "--tls-cert",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A certificate (PEM), to serve HTTPS.",
)
@click.option(
    "--tls-key", type=click.Path(dir_okay=False, path_type=Path), help="Its private key (PEM)."
)
@click.option("--new-token", is_flag=True, help="Make a new token: who is signed in is signed out.")
@click.option(
    "--no-token", is_flag=True, help="Ask for no token: whoever reaches it sees and decides."
)
@json_option("Print where it is as JSON.")
def command(
    rules_file: Path,
    listen: str,
    hosts: tuple[str, ...],
    root_path: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    new_token: bool,  # noqa: FBT001 - click passes flags so
    no_token: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Show the library in a browser, live: what is encoded now, what waits, the report, and test
    clips beside their sources, to approve, adjust or reject them from the couch.

    It listens for this machine only, and asks for the token in the link that it prints, once in
    each browser. Ends with Ctrl-C.
    """
    state_dir = load_rules(rules_file).run.state_dir
    root = _root(root_path)
    if tls_key is not None and tls_cert is None:
        raise UsageError("--tls-key needs --tls-cert")
    try:
        # Slow to import, and from an optional extra.
        from av1rules.ui.web.server import (  # noqa: PLC0415
            ServeOptions,
            parse_listen,
            serve,
        )
    except ModuleNotFoundError as problem:
        package = (problem.name or "").partition(".")[0]
        if package not in _PACKAGES:
            raise
        raise UsageError(
            f"the page needs {package}, which is not installed",
            hint="pip install 'av1rules[serve]'",
        ) from problem
    options = ServeOptions(
        listen=parse_listen(listen),
        hosts=hosts,
        root=root,
        needs_token=not no_token,
        is_new_token=new_token,
        certificate=tls_cert,
        key=tls_key,
    )

    def ready(served: ServedAt) -> None:
        if as_json:
            document = ServeDocument(address=served.address, sign_in=served.sign_in)
            click.echo(json_document(document))
        else:
            click.echo("\n".join(_lines(options, served)))

    serve(rules_file, state_dir, options, ready)
    conventions().say("the page has ended")


def _root(text: str) -> str:
    """Raises UsageError for what is no plain path."""
    root = f"/{text.strip('/')}" if text.strip("/") else ""
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", root) or "/.." in root:
        raise UsageError(
            "expected a path such as /av1", where=f"--root-path {printable(text, limit=80)}"
        )
    return root


def _lines(options: ServeOptions, served: ServedAt) -> list[str]:
    lines = [f"serving {served.address}"]
    if served.sign_in is not None:
        lines += [f"  sign in once in each browser: {served.sign_in}"]
    if not options.listen.is_local:
        who = "whoever has the token" if options.needs_token else "WHOEVER reaches this address"
        lines.append(f"  open to the network: {who} can see your films and decide on clips")
        if options.certificate is None:
            lines.append("  without --tls-cert the network can read along, the token too")
    elif not options.needs_token:
        lines.append("  without a token: every program and user of this machine can use it")
    lines.append("Ctrl-C ends it")
    return lines
