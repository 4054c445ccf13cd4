"""Why ffprobe gave no answer, from how it ended and its last words. Pure."""

from __future__ import annotations

import errno
import os

from av1rules.base.process import Completed

_DISK_FAULTS = tuple(
    os.strerror(number)
    for number in (
        errno.EIO, errno.ENOENT, errno.ESTALE, errno.EACCES, errno.EPERM, errno.ENXIO, errno.ENODEV,
        errno.ETIMEDOUT, errno.ENOTCONN, errno.EMFILE, errno.ENFILE, errno.EINTR,
    )
)  # fmt: skip
"""FFmpeg's last word is the system's own. A damaged file may lead to the first of them too; asking
it again costs little."""


def may_pass(done: Completed) -> bool:
    """Whether the file may be well all the same: ffprobe was killed, or could not read on."""
    is_killed = done.returncode < 0 or done.returncode > 128
    return is_killed or any(line.rstrip().endswith(_DISK_FAULTS) for line in done.stderr)


def why_not(done: Completed, path: str) -> str:
    lines = [line.strip() for line in done.stderr if line.strip()]
    refused = next((line for line in lines if "not on whitelist" in line), None)
    if refused is not None:
        kind = refused.partition("[")[2].partition(" ")[0]
        return f"the format {kind!r} is not allowed as a source (a playlist or script?)"
    if any("exceeds max_streams" in line for line in lines):
        return "it has more streams than FFmpeg takes (1000)"
    shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    words = lines[-1].removeprefix(f"file:{shown}: ") if lines else "no message"
    return f"ffprobe failed ({done.describe_exit()}): {words}"
