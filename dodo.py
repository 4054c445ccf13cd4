"""doit targets: the library's graph (where rules.yaml stands beside this file), and the workshop's.

`doit list` shows all; plain `doit` lints and tests.
"""

import sys
from pathlib import Path

from av1rules.graph.dodo import doit_graph

DOIT_CONFIG, task_encode = doit_graph("rules.yaml")
DOIT_CONFIG |= {"default_tasks": ["lint", "test_fast", "test_real"], "verbosity": 2}

CODE = "av1rules tests dodo.py"


def _tool(name):
    """A program of this environment, whether or not it is activated."""
    return Path(sys.executable).with_name(name)


def task_lint():
    """Form, style, types, and which package may import which."""
    return {
        "actions": [
            f"{_tool('ruff')} format --check {CODE}",
            f"{_tool('ruff')} check {CODE}",
            str(_tool("mypy")),
            f"{_tool('lint-imports')} --no-cache",
        ]
    }


FULL_SETS = "not faults and not powerloss and not claims"


def task_test_fast():
    """The rings without FFmpeg: pure tests, and stub programs through real processes."""
    return {"actions": [f"{_tool('pytest')} -q -n auto -m 'not real and {FULL_SETS}'"]}


def task_test_real():
    """The ring that encodes small clips; tests of real clips are skipped where there are none."""
    return {"actions": [f"{_tool('pytest')} -q -n auto -m 'real and {FULL_SETS}'"]}


def task_test():
    """All rings, the fast ones first."""
    return {"actions": None, "task_dep": ["test_fast", "test_real"]}


def task_faults():
    """Kill -9 at every step, call and transaction of every kind of work; ten minutes or more."""
    return {"actions": [f"{_tool('pytest')} -q -m faults tests/faults"]}


def task_powerloss():
    """Power goes at every moment of every kind of work, on three models of disks; an hour."""
    return {"actions": [f"{_tool('pytest')} -q -m powerloss tests/powerloss"]}


def task_claims():
    """Every command that README and docs show is run, the slow ones too; an hour and more."""
    return {"actions": [f"{_tool('pytest')} -q -m 'claims or not claims' tests/claims"]}


def task_mutants():
    """Small faults in the modules that guard content and decide: who notices? Takes hours."""
    return {"actions": [f"{sys.executable} -m tests.mutants.run"], "verbosity": 2}


def task_docs():
    """The tables of docs/rules.md and the contents of docs/decisions.md, made anew."""
    tests = "tests/policy/test_contract.py tests/test_docs.py"
    return {"actions": [f"{_tool('pytest')} -q {tests} --update-golden"]}


def task_bench():
    """Speed as ratios against what a user would otherwise do; takes some minutes."""
    benches = ("start", "scan", "probe", "encode")
    return {"actions": [f"{sys.executable} -m tests.bench.bench_{name}" for name in benches]}
