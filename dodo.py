"""doit targets: the library's graph (where rules.yaml stands beside this file), and the workshop's.

`doit list` shows all; plain `doit` lints and tests.
"""

import sys

from av1rules.graph.dodo import doit_graph

DOIT_CONFIG, task_encode = doit_graph("rules.yaml")
DOIT_CONFIG |= {"default_tasks": ["lint", "test"], "verbosity": 2}

CODE = "av1rules tests dodo.py"


def _python(module: str) -> str:
    return f"{sys.executable} -m {module}"


def task_lint():
    """Form, style, types, and the floors of the house."""
    return {
        "actions": [
            f"{_python('ruff')} format --check {CODE}",
            f"{_python('ruff')} check {CODE}",
            _python("mypy"),
            # import-linter has no `python -m` form.
            f"{sys.executable} -c 'from importlinter.cli import lint_imports_command as run; run()'",
        ]
    }


def task_test():
    """All three rings of tests; those that need real clips are skipped where there are none."""
    return {"actions": [f"{_python('pytest')} -q"]}


def task_docs():
    """The tables of docs/rules.md, made anew from the schema."""
    return {"actions": [f"{_python('av1rules.rules.reference')} docs/rules.md"]}


def task_bench():
    """Speed as ratios against what a user would otherwise do; takes some minutes."""
    benches = ("scan", "probe", "encode")
    return {"actions": [_python(f"tests.bench.bench_{name}") for name in benches]}
