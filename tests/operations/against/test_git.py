"""Reading another revision: by plain objects alone, whatever the repository is made to do."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from av1rules.base.errors import ToolError, UsageError
from av1rules.operations.against.git import find_revision

AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "A User"), ("EMAIL", "user@example.org"))
}


def git(folder: Path, *arguments: str, **env: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        env={**os.environ, **AUTHOR, "GIT_CONFIG_GLOBAL": os.devnull, **env},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def commit(folder: Path, **files: str) -> str:
    """Write the files, where `__` in a name stands for a dot, and commit all."""
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "-qm", "a change")
    return git(folder, "rev-parse", "HEAD").strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository" / "policy"
    folder.mkdir(parents=True)
    git(folder.parent, "init", "-q", "-b", "main")
    (folder / "tests").mkdir()
    (folder / "tests" / "b.yaml").write_text("b")
    commit(folder, rules__yaml="first", a__txt="a")
    return folder


def test_branch_tag_commit_and_ancestor_are_revisions(repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD").strip()
    git(repository, "tag", "-am", "a tag", "v1")
    git(repository, "branch", "feature/one")
    commit(repository, rules__yaml="second")
    for name in ("v1", "feature/one", first, first[:8], "HEAD~1", "main^"):
        revision = find_revision(repository, name)
        assert (revision.commit, revision.read("rules.yaml")) == (first, b"first"), name
    assert find_revision(repository, "main").read("rules.yaml") == b"second"


def test_files_are_those_of_the_folder(repository: Path) -> None:
    revision = find_revision(repository, "main")
    assert revision.files() == ("a.txt", "rules.yaml", "tests")
    assert revision.files("tests") == ("b.yaml",)
    assert revision.files("none") == ()
    assert revision.read("tests/b.yaml") == b"b"
    assert revision.read("none.yaml") is None
    assert revision.places_of("rules.yaml") == ("policy/rules.yaml",)
    assert revision.shown("rules.yaml") == f"{revision.commit[:7]}:rules.yaml"


def test_bytes_come_as_they_are(repository: Path) -> None:
    """A checkout would convert them."""
    (repository / ".gitattributes").write_text("* text eol=crlf ident\n")
    commit(repository, rules__yaml="$Id$\n")
    git(repository, "rm", "-q", "--cached", "rules.yaml")
    (repository / "rules.yaml").unlink()
    git(repository, "checkout", "-q", "HEAD", "--", "rules.yaml")
    assert (repository / "rules.yaml").read_bytes() != b"$Id$\n"
    assert find_revision(repository, "main").read("rules.yaml") == b"$Id$\n"


@pytest.mark.parametrize("name", ["--upload-pack=touch x", "-p", "", "--all"])
def test_an_option_is_no_revision(repository: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no revision begins so"):
        find_revision(repository, name)


def test_an_unknown_revision_gets_the_nearest_name(repository: Path) -> None:
    git(repository, "branch", "release-2026")
    with pytest.raises(UsageError) as caught:
        find_revision(repository, "relaese-2026")
    assert str(caught.value) == (
        "--against: the repository has no such revision: relaese-2026\n"
        "  hint: did you mean release-2026?"
    )
    with pytest.raises(UsageError, match="a branch, a tag, a commit, HEAD~1"):
        find_revision(repository, "xyzzy\x1b[31m")


def test_a_shallow_clone_says_so(repository: Path, tmp_path: Path) -> None:
    commit(repository, rules__yaml="second")
    url = f"file://{repository.parent}"
    git(tmp_path, "clone", "-q", "--depth", "1", url, "shallow")
    with pytest.raises(UsageError, match="this clone is shallow"):
        find_revision(tmp_path / "shallow" / "policy", "HEAD~1")


def test_outside_of_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UsageError) as caught:
        find_revision(tmp_path, "main")
    assert "can't compare with the revision main: not a git repository" in str(caught.value)
    assert "--against also takes a rules file or a folder" in str(caught.value)


def test_without_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    with pytest.raises(ToolError, match="git can't be started"):
        find_revision(repository, "main")


def test_a_link_is_not_followed(repository: Path) -> None:
    (repository / "link.yaml").symlink_to("/etc/passwd")
    commit(repository)
    with pytest.raises(UsageError, match="there it is a symbolic link"):
        find_revision(repository, "main").read("link.yaml")


def test_a_git_hook_does_not_send_us_to_its_own_repository(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q", "-b", "main")
    commit(other, rules__yaml="of the other")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    assert find_revision(repository, "main").read("rules.yaml") == b"first"


PROGRAMS = (
    "core.fsmonitor", "core.pager", "pager.cat-file", "core.sshCommand", "core.gitProxy",
    "diff.external", "diff.evil.textconv", "diff.evil.command", "filter.evil.smudge",
    "filter.evil.process", "core.editor", "credential.helper", "alias.cat-file", "alias.rev-parse",
    "uploadpack.packObjectsHook", "gpg.program",
)  # fmt: skip
"""Where the configuration of a repository names programs."""


def test_no_program_of_a_hostile_repository_runs(repository: Path, tmp_path: Path) -> None:
    trap, sprung = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch '{sprung}'\ncat\n")
    trap.chmod(0o755)
    (repository / ".gitattributes").write_text("* diff=evil filter=evil\n")
    commit(repository, rules__yaml="second")
    for name in PROGRAMS:
        git(repository, "config", name, f"!{trap}" if name.startswith("alias") else str(trap))
    git(repository, "config", "core.hooksPath", str(tmp_path))
    for hook in ("post-index-change", "reference-transaction", "post-checkout"):
        (tmp_path / hook).symlink_to(trap)
    revision = find_revision(repository, "HEAD~1")
    assert revision.read("rules.yaml") == b"first"
    assert revision.files()
    with pytest.raises(UsageError):
        find_revision(repository, "nothing")
    assert not sprung.exists()


def test_nothing_is_fetched(repository: Path, tmp_path: Path) -> None:
    """A partial clone asks its remote for what it lacks, by any program that it names."""
    git(repository, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--filter=blob:none", "--no-checkout",
        f"file://{repository.parent}", "partial")  # fmt: skip
    clone, sprung = tmp_path / "partial", tmp_path / "sprung"
    (clone / "policy").mkdir()
    git(clone, "config", "remote.origin.url", f"ext::touch {sprung}")
    git(clone, "config", "protocol.ext.allow", "always")
    revision = find_revision(clone / "policy", "main")
    with pytest.raises(UsageError, match="can't read the file from git"):
        revision.read("rules.yaml")
    assert not sprung.exists()
