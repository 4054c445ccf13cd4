"""`av1rules fmt`: puts the files of a policy into one layout: a diff then shows only changes."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from msgspec import UNSET

from av1rules.approvals.file import approvals_path
from av1rules.base.files import write_text
from av1rules.base.text import printable
from av1rules.cli.conventions.examples import examples
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_USAGE
from av1rules.cli.options import dry_run_option, found_rules, json_option
from av1rules.policy.find_rules import TESTS_BESIDE
from av1rules.policy.problems import render_all, with_snippets
from av1rules.policy.yaml.document import parse_document, read_bytes
from av1rules.policy.yaml.layout import laid_out
from av1rules.policy.yaml.nodes import Document
from av1rules.report.documents.rules import FormatDocument, FormattedFile
from av1rules.report.json import json_document

STANDARD_INPUT = "-"


@click.command(
    "fmt",
    epilog=examples(
        ("av1rules fmt", "the rules file of this folder, its tests and approvals"),
        ("av1rules fmt --check", "exit code 1 if one would change"),
        ("av1rules fmt --diff rules.yaml", "only show what would change"),
    ),
)
@click.argument("files", nargs=-1, type=click.Path(path_type=str))
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 if a file would change.")
@click.option("--diff", is_flag=True, help="Show what would change, and change nothing.")
@dry_run_option("Change nothing; only name the files that would change.")
@json_option("Print the outcome as JSON.")
def command(
    files: tuple[str, ...],
    check: bool,  # noqa: FBT001 - click passes flags so
    diff: bool,  # noqa: FBT001
    dry_run: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> int:
    """Put FILES into one layout: indents, spaces, blank lines. Comments, the order of keys and all
    values stay. Without FILES: the rules file that every command finds, and the *.tests.yaml and
    approvals.yaml beside it. `-` reads standard input and writes to standard output.
    """
    names = files or tuple(map(str, _policy()))
    is_dry = check or dry_run
    found = [_format(name, is_dry=is_dry, diff=diff, as_json=as_json) for name in names]
    if as_json:
        click.echo(json_document(FormatDocument(files=tuple(found))))
    return max((_code(one, check=check) for one in found), default=EXIT_DONE)


def _policy() -> Iterator[Path]:
    """All that says what is to be done, as files."""
    rules_file = found_rules()
    yield rules_file
    for pattern in TESTS_BESIDE:
        yield from sorted(rules_file.parent.glob(pattern))
    approvals = approvals_path(rules_file)
    if approvals.exists():
        yield approvals


def _code(one: FormattedFile, *, check: bool) -> int:
    if one.problems:
        return EXIT_USAGE
    return EXIT_FAILED if check and one.differs else EXIT_DONE


def _format(name: str, *, is_dry: bool, diff: bool, as_json: bool) -> FormattedFile:
    raw = sys.stdin.buffer.read() if name == STANDARD_INPUT else read_bytes(Path(name))
    shown = "standard input" if name == STANDARD_INPUT else printable(name)
    document = parse_document(raw, file=shown)
    if document.problems:
        click.echo(render_all(with_snippets(document.problems, document.lines)), err=True)
        return FormattedFile(file=name, problems=len(document.problems))
    text = laid_out(document.text)
    if text is None:
        click.echo(f"{shown}: left as it is: its layout can't change without its values", err=True)
        return FormattedFile(file=name)
    done = FormattedFile(
        file=name,
        differs=text.encode() != raw,
        written=text.encode() != raw and not (is_dry or diff or name == STANDARD_INPUT),
        diff=tuple(_difference(document, text, shown)) if diff else UNSET,
        text=text if name == STANDARD_INPUT and not (is_dry or diff) else UNSET,
    )
    if done.written:
        write_text(Path(name), text)
    if not as_json:
        _show(done, shown)
    return done


def _show(done: FormattedFile, shown: str) -> None:
    if done.diff is not UNSET:
        click.echo("".join(done.diff), nl=False)
    elif done.text is not UNSET:
        click.echo(done.text, nl=False)
    elif done.differs:
        click.echo(f"{'changed' if done.written else 'would change'} {shown}")


def _difference(document: Document, text: str, shown: str) -> Iterator[str]:
    old, new = (
        [f"{printable(line)}\n" for line in one.splitlines()] for one in (document.text, text)
    )
    yield from difflib.unified_diff(old, new, shown, shown)
