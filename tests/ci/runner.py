"""What GitHub's and GitLab's runners do with the scripts that this repository offers them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML

from tests.ui import library

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "action.yml"
GITLAB = ROOT / "docs" / "ci" / "gitlab.yml"

RULES = """\
version: 1
library: {roots: [movies]}
output: {mode: mirror, root: movies-av1}
rules:
  - name: all
    encode: {crf: 26}
"""

TESTS = """\
version: 1
cases:
  - name: a film is encoded
    given: {path: movies/A.mkv}
    expect: {rule: all, settings: {crf: 26}}
"""

_EXPRESSION = re.compile(r"\$\{\{ (.+?) \}\}")


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    return loaded


def program(folder: Path) -> Path:
    """A folder for PATH with the `av1rules` and the `python` of this checkout."""
    folder.mkdir()
    for name, words in (("av1rules", "-m av1rules"), ("python", "")):
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        path.chmod(0o755)
    return folder


def git(folder: Path, *words: str) -> str:
    """What a git without the settings of this machine prints."""
    done = subprocess.run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", *words],
        cwd=folder,
        env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def policy(folder: Path) -> Path:
    """A repository with a policy, committed on its branch `main`."""
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "rules.yaml").write_text(RULES)
    (folder / "rules.tests.yaml").write_text(TESTS)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "a policy")
    return folder


def policy_branch(folder: Path, facts: Path) -> Path:
    """A repository with the policy of that library, on a branch on which one CRF is another."""
    policy(folder)
    rules, tests = folder / "rules.yaml", folder / "rules.tests.yaml"
    rules.write_text(library.RULES)
    case = TESTS.replace("movies/A.mkv", "films/A.mkv").replace(
        "rule: all", "rule: everything else"
    )
    tests.write_text(case.replace("26", "30"))
    shutil.copy(facts, folder)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "a library")
    git(folder, "switch", "--quiet", "-c", "smaller")
    rules.write_text(library.RULES.replace("crf: 30", "crf: 34"))
    tests.write_text(case.replace("26", "34"))
    git(folder, "commit", "--quiet", "-am", "smaller")
    return folder


class Ended(msgspec.Struct, frozen=True):
    """How the steps of a job ended, by name; those that did not run are not there."""

    codes: dict[str, int]
    output: str
    summary: str


class GithubRunner(msgspec.Struct, frozen=True):
    """Runs the steps of `action.yml` in a checkout, as GitHub does. Steps named in `left_out` are
    taken as done."""

    folder: Path  # of the runner's own files
    checkout: Path
    path: Path  # a folder that comes first in PATH
    left_out: tuple[str, ...] = ("Install av1rules",)

    def run(self, **inputs: str) -> Ended:
        self.folder.mkdir()
        action = load(ACTION)
        given = {
            f"inputs.{name}": inputs.get(name, str(one.get("default", "")))
            for name, one in action["inputs"].items()
        }
        given = {name: _filled(value, {"github.base_ref": ""}) for name, value in given.items()}
        known = given | {"github.action_path": str(ROOT)}
        codes: dict[str, int] = {}
        said = ""
        for step in action["runs"]["steps"]:
            if "run" not in step or step["name"] in self.left_out:
                continue
            if self._is_due(step, known, codes):
                done = self._step(step, known)
                codes[step.get("id", step["name"])] = done.returncode
                said += done.stdout
        summary = self.folder / "summary"
        return Ended(codes, said, summary.read_text() if summary.exists() else "")

    def _is_due(
        self, step: dict[str, Any], known: Mapping[str, str], codes: dict[str, int]
    ) -> bool:
        """The one condition that the action has is compared as a text, so that it can't change
        without this."""
        if "if" not in step:
            return not any(codes.values())
        condition = "!cancelled() && steps.validate.outcome == 'success' && inputs.facts != ''"
        assert _EXPRESSION.fullmatch(step["if"])[1] == condition  # type: ignore[index]
        return codes["validate"] == 0 and known["inputs.facts"] != ""

    def _step(
        self, step: dict[str, Any], known: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        script = self.folder / "script.sh"
        assert not _EXPRESSION.search(step["run"]), "text of others within a script"
        script.write_text(step["run"])
        added = self.folder / "path"
        before = reversed(added.read_text().split()) if added.exists() else ()
        assert step["shell"] == "bash"
        own = {
            "PATH": os.pathsep.join([*before, str(self.path), os.environ["PATH"]]),
            "RUNNER_TEMP": str(self.folder),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "GITHUB_PATH": str(added),
        }
        env = {name: _filled(value, known) for name, value in step.get("env", {}).items()}
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
            cwd=self.checkout,
            env=os.environ | own | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


def _filled(text: str, known: Mapping[str, str]) -> str:
    return _EXPRESSION.sub(lambda found: known[found[1]], text)


def gitlab_job(
    name: str, checkout: Path, path: Path, *, is_installed: bool = True, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs a job of `docs/ci/gitlab.yml` in a checkout, as GitLab does."""
    template = load(GITLAB)
    job = template[name]
    for base in [job.get("extends")] * ("extends" in job):
        job = template[base] | job
    lines = [*([] if is_installed else job["before_script"]), *job["script"]]
    own = {"PATH": os.pathsep.join([str(path), os.environ["PATH"]])}
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join(lines)],
        cwd=checkout,
        env=os.environ | template["variables"] | own | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
