"""Reads files of another revision of a git repository. Revisions and paths are never options."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from av1rules.base.errors import ToolError, UsageError
from av1rules.base.git import ask_git
from av1rules.base.process import Completed
from av1rules.base.text import printable
from av1rules.policy.vocabulary import nearest

_LINK_MODE = b"120000"


class GitRevision(msgspec.Struct, frozen=True, kw_only=True):
    """One commit, as seen from a folder of its repository: `name` as the user gave it."""

    folder: Path
    name: str
    commit: str

    @property
    def short(self) -> str:
        return self.commit[:7]

    def shown(self, path: str) -> str:
        """A path of this revision as git writes it."""
        return f"{self.short}:{path}"

    def files(self, below: str = "") -> tuple[str, ...]:
        """The names in the folder, or in one below it; empty where there is none."""
        listed = _git(self.folder, "ls-tree", "-z", self.commit, f"./{below}/" if below else "./")
        entries = (line.partition(b"\t") for line in listed.stdout.split(b"\0") if line)
        return tuple(os.path.basename(os.fsdecode(name)) for _, _, name in entries)

    def read(self, path: str) -> bytes | None:
        """The content of a file below the folder; None where there is none. Raises UsageError for
        what is no file."""
        listed = _git(self.folder, "ls-tree", "-z", self.commit, f"./{path}")
        if not listed.ok or not listed.stdout:
            return None
        if listed.stdout.startswith(_LINK_MODE):
            raise UsageError(
                "can't read the rules of another revision: there it is a symbolic link",
                where=printable(self.shown(path)),
                hint="compare with a file in place of a revision: --against FILE",
            )
        found = _git(self.folder, "cat-file", "blob", f"{self.commit}:./{path}")
        if not found.ok:
            raise UsageError(
                f"can't read the file from git: {_said(found)}", where=printable(self.shown(path))
            )
        return found.stdout

    def places_of(self, name: str) -> tuple[str, ...]:
        """Where in the whole repository this revision has files of this name."""
        listed = _git(self.folder, "ls-tree", "-rz", "--full-tree", "--name-only", self.commit)
        paths = (os.fsdecode(path) for path in listed.stdout.split(b"\0"))
        return tuple(path for path in paths if os.path.basename(path) == name)


def find_revision(folder: Path, name: str) -> GitRevision:
    """The commit that a user means by `name`. Raises ToolError without git, UsageError where the
    folder is in no repository or `name` is no revision of it."""
    if not name or name.startswith("-"):
        raise UsageError(f"no revision begins so: {printable(name)!r}", where="--against")
    found = _git(folder, "rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")
    if found.ok:
        return GitRevision(folder=folder, name=name, commit=found.stdout.decode().strip())
    inside = _git(folder, "rev-parse", "--git-dir")
    if not inside.ok:
        raise UsageError(
            f"can't compare with the revision {printable(name)}: {_said(inside)}",
            where=printable(str(folder)),
            hint="the rules file must be in a git repository; --against also takes a rules file "
            "or a folder",
        )
    raise UsageError(
        f"the repository has no such revision: {printable(name)}",
        where="--against",
        hint=_revision_hint(folder, name),
    )


def _revision_hint(folder: Path, name: str) -> str:
    listed = _git(folder, "for-each-ref", "--format=%(refname:short)")
    known = listed.stdout.decode("utf-8", "replace").split()
    if (meant := nearest("revision", name, known)) is not None:
        return printable(meant)
    shallow = _git(folder, "rev-parse", "--is-shallow-repository")
    if shallow.stdout.strip() == b"true":
        return "this clone is shallow, and has the newest commits only: `git fetch` the other one"
    return "a branch, a tag, a commit, HEAD~1, origin/main; or the path of a rules file or folder"


def _said(ended: Completed) -> str:
    """What git itself says is wrong."""
    said = " ".join(line.removeprefix("fatal: ") for line in ended.stderr[:1])
    return printable(said) or ended.describe_exit()


def _git(folder: Path, *arguments: str) -> Completed:
    try:
        return ask_git(folder, *arguments)
    except OSError as problem:
        raise ToolError(
            f"can't compare with a revision: git can't be started ({problem.strerror})",
            hint="install git; --against also takes a rules file or a folder",
        ) from problem
