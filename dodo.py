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


def _elsewhere(system):
    """Types as another system has them: whatever `os` lacks there is an error."""
    return f"--platform {system} --cache-dir .mypy_cache/{system} av1rules"


def task_lint():
    """Form, style, types, and which package may import which."""
    return {
        "actions": [
            f"{_tool('ruff')} format --check {CODE}",
            f"{_tool('ruff')} check {CODE}",
            str(_tool("mypy")),
            *(f"{_tool('mypy')} {_elsewhere(system)}" for system in ("darwin", "win32")),
            f"{_tool('lint-imports')} --no-cache",
        ]
    }


FULL_SETS = "not faults and not powerloss and not claims and not soak and not container"


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
    """Kill -9 at every step, call and transaction of every kind of work; a quarter of an hour."""
    return {"actions": [f"{_tool('pytest')} -q -m faults tests/faults"]}


def task_container():
    """The steps of the container in a plain Debian root; needs root and debootstrap."""
    return {"actions": [f"{_tool('pytest')} -q -m container tests/container"]}


def task_powerloss():
    """Power goes at every moment of all work, on three models of disks; an hour or more."""
    parallel = "-n auto --dist worksteal"
    return {"actions": [f"{_tool('pytest')} -q {parallel} -m powerloss tests/powerloss"]}


def task_soak():
    """The watcher through hours of a library's life, in 20 minutes: killed, renamed, edited."""
    return {"actions": [f"{_tool('pytest')} -q -n auto -m soak tests/soak"]}


def task_claims():
    """Every command that README and docs show is run, the slow ones too; an hour and more."""
    return {"actions": [f"{_tool('pytest')} -q -m 'claims or not claims' tests/claims"]}


def task_mutants():
    """Small faults in the modules that guard content and decide: who notices? Takes hours."""
    return {"actions": [f"{sys.executable} -m tests.mutants.run"], "verbosity": 2}


def task_docs():
    """Tables, contents, schemas and man pages, made anew."""
    made = (
        "policy/test_contract", "policy/rule_tests/test_cases", "test_docs", "test_recipes",
        "output/test_schemas", "man/test_pages",
    )  # fmt: skip
    tests = " ".join(f"tests/{name}.py" for name in made)
    return {"actions": [f"{_tool('pytest')} -q {tests} --update-golden"]}


def task_screens():
    """The pictures in docs/screens, from real runs of the program; a test compares them."""
    return {"actions": [f"{sys.executable} -m tests.screens.take"]}


def task_site():
    """The documentation as a site in build/site; every link in it leads somewhere."""
    return {"actions": [f"{sys.executable} -m tests.site.make"]}


def task_lock():
    """The packages of development, CI and releases, locked anew where pyproject.toml asks."""
    return {"actions": [f"{sys.executable} -m tests.release.lock"]}


def task_lock_upgrade():
    """The same with the newest versions that pyproject.toml allows."""
    return {"actions": [f"{sys.executable} -m tests.release.lock --upgrade"]}


def task_lock_check():
    """Whether the locked packages still fit pyproject.toml."""
    return {"actions": [f"{sys.executable} -m tests.release.lock --check"]}


def task_release():
    """All of a release but the upload, for the tag at this commit: build/release."""
    return {"actions": [f"{sys.executable} -m tests.release.make"]}


def task_release_rehearse():
    """The same for this commit, whatever its tags."""
    return {"actions": [f"{sys.executable} -m tests.release.make --rehearse"]}


def task_bench():
    """Speed as ratios against what a user would otherwise do; takes some minutes."""
    benches = ("start", "scan", "scale", "probe", "encode")
    return {"actions": [f"{sys.executable} -m tests.bench.bench_{name}" for name in benches]}
