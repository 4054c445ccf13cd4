"""All exit codes of the program."""

from __future__ import annotations

EXIT_DONE = 0
EXIT_FAILED = 1  # some targets failed
EXIT_USAGE = 2  # bad usage, bad rules, a missing tool
EXIT_WORK = 2  # `plan --detailed-exitcode`: there is work
EXIT_BUG = 3  # a bug in av1rules
EXIT_INTERRUPTED = 130
