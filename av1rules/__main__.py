"""`python -m av1rules`: the same as the `av1rules` program."""

from av1rules.cli.main import run

run()
