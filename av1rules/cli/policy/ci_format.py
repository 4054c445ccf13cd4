"""`--format`, of the commands that CI runs on a policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from av1rules.report.documents.ci import CiForm

_Command = TypeVar("_Command", bound=Callable[..., Any])


def ci_format_option(help_text: str) -> Callable[[_Command], _Command]:
    return click.option(
        "--format",
        "form",
        type=click.Choice(CiForm, case_sensitive=False),
        default=CiForm.TEXT,
        show_default=CiForm.TEXT.value,
        help=help_text,
    )
