"""Why files could not be put into the mirror: each reason is told once, with its remedy."""

from __future__ import annotations

import errno
import os

from av1rules.base.events import Note, Outcome
from av1rules.base.text import counted, printable
from av1rules.execute.session import Session
from av1rules.policy.model import Rest

_UNSUPPORTED = frozenset(
    {errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOTTY, errno.ENOSYS, errno.EINVAL}
)

_HOPELESS = _UNSUPPORTED | {errno.EXDEV, errno.ENOSPC, errno.EDQUOT, errno.EROFS}
"""What holds for all files: the others are not tried."""

_OTHERS = {
    Rest.HARDLINK: "output.rest: symlink or copy",
    Rest.SYMLINK: "output.rest: hardlink or copy",
    Rest.REFLINK: "output.rest: hardlink, symlink or copy",
    Rest.COPY: "another output.root",
}
"""What to use instead."""


def no_space(path: str) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)


class RestFailures:
    """Collects what could not be done with one kind of stand-in."""

    def __init__(self, kind: Rest) -> None:
        self._kind = kind
        self._found: dict[tuple[int, bool], tuple[OSError, str, int]] = {}
        self._last: tuple[int, bool] | None = None

    def add(self, path: str, problem: OSError, *, is_removal: bool = False) -> None:
        key = (problem.errno or 0, is_removal)
        first, where, count = self._found.get(key, (problem, path, 0))
        self._found[key] = (first, where, count + 1)
        self._last = key

    def is_hopeless(self, kind: Rest) -> bool:
        """Whether a failure before holds for all other files of this kind too."""
        return kind is self._kind and any(
            number in _HOPELESS and not is_removal for number, is_removal in self._found
        )

    def count_again(self, path: str) -> None:
        """A file that was not tried, for the same reason as the last one."""
        assert self._last is not None
        self.add(path, self._found[self._last][0])

    def report(self, session: Session) -> None:
        """Tell each reason once, and count the files."""
        for (number, is_removal), (problem, path, count) in self._found.items():
            done = "not removed from" if is_removal else "not put into"
            files = counted(count, "file")
            message = (
                f"{files} {done} the mirror (the first: {printable(path)}): "
                f"{self._reason(number, problem)}"
            )
            session.sink(Note(message=message))
            for _ in range(count):
                session.counters.add(Outcome.NOT_PLACED)

    def _reason(self, number: int, problem: OSError) -> str:
        """What is wrong, and what to do."""
        kind, instead = self._kind, _OTHERS.get(self._kind, "output.rest: leave")
        if number == errno.EEXIST:
            return "a file of somebody else came there meanwhile: move it away"
        if number == errno.EXDEV:
            return f"a {kind.value} can't lead to another file system: use {instead}"
        if number == errno.EPERM and kind is Rest.HARDLINK:
            return (
                "the system refuses the hard link: the file system has none, or "
                "fs.protected_hardlinks forbids links to files of another user: run as their "
                f"owner, or use {instead}"
            )
        if number == errno.EMLINK:
            return f"the source has as many hard links as its file system allows: use {instead}"
        if kind is Rest.REFLINK and number in _UNSUPPORTED:
            return (
                "the file system can't share blocks between files (Btrfs can, and XFS made with "
                f"reflink=1): use {instead}"
            )
        if kind is Rest.SYMLINK and number in (errno.EPERM, *_UNSUPPORTED):
            return f"the file system of the mirror has no symbolic links: use {instead}"
        if number in (errno.ENOSPC, errno.EDQUOT):
            return "not enough space: free some, lower run.reserve, or use a link as output.rest"
        return f"{problem.strerror or problem}: may this user write there?"
