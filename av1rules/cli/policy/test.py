"""`av1rules test`: runs the cases that say what the rules are to decide, without films."""

from __future__ import annotations

from pathlib import Path

import click

from av1rules import __version__
from av1rules.base.files import write_text
from av1rules.base.text import printable
from av1rules.cli.conventions.examples import examples
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_USAGE
from av1rules.cli.options import (
    dry_run_option,
    facts_option,
    is_rules_file_named,
    json_option,
    rules_option,
)
from av1rules.cli.policy.ci_format import ci_format_option
from av1rules.operations.rule_tests.files import (
    FileResult,
    coverage_of,
    find_test_files,
    run_test_files,
    update,
)
from av1rules.policy.model import Problem
from av1rules.report.documents.ci import CiForm, problems_for
from av1rules.report.rule_tests.junit import results_junit
from av1rules.report.rule_tests.results import all_problems, results_json, results_text


@click.command(
    "test",
    epilog=examples(
        ("av1rules test", "all cases beside the rules file"),
        ("av1rules test --coverage", "and what no case reached"),
        ("av1rules test --update rules.tests.yaml", "write what was found into them"),
    ),
)
@rules_option
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--coverage", "is_covered", is_flag=True, help="Name what no case reached.")
@click.option(
    "--update", "is_updated", is_flag=True, help="Write what was found into the cases' `expect`."
)
@dry_run_option("With --update: only name the files that would be updated.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write the results as JUnit XML.")
@ci_format_option("How failures are told.")
@facts_option
@json_option("Print the cases and their outcomes as JSON.")
def command(
    rules_file: Path,
    files: tuple[Path, ...],
    is_covered: bool,  # noqa: FBT001 - click passes flags so
    is_updated: bool,  # noqa: FBT001
    dry_run: bool,  # noqa: FBT001
    junit: Path | None,
    form: CiForm,
    facts_file: Path | None,
    as_json: bool,  # noqa: FBT001
) -> int:
    """Check what the rules say of stated films: the cases in FILES, else in *.tests.yaml and
    tests/*.yaml beside the rules file. Needs neither films nor FFmpeg.

    FILES are compared with the rules beside them, or in the nearest folder above, unless -f names
    others.

    Exit code 0 if all cases passed, 1 if one failed, 2 if a file has mistakes.
    """
    paths = files or find_test_files(rules_file.parent)
    is_named = not files or is_rules_file_named(click.get_current_context())
    results = run_test_files(paths, rules_file, facts_file, is_named=is_named)
    if is_updated:
        for one in results:
            if update(one, is_dry=dry_run):
                word = "would update" if dry_run else "updated"
                click.echo(f"{word} {printable(str(one.path))}", err=as_json)
        results = run_test_files(paths, rules_file, facts_file, is_named=is_named)
    if junit is not None:
        write_text(junit, f"{results_junit(results)}\n")
    covered = coverage_of(results) if is_covered else None
    if as_json:
        click.echo(results_json(results, covered))
    elif form is CiForm.TEXT:
        click.echo(results_text(results, covered or ()))
    else:
        click.echo(problems_for(form, _problems(results), version=__version__), nl=False)
    if any(one.tests.problems for one in results):
        return EXIT_USAGE
    return EXIT_FAILED if any(one.failed for one in results) else EXIT_DONE


def _problems(results: tuple[FileResult, ...]) -> list[Problem]:
    return [problem for one in results for problem in all_problems(one)]
