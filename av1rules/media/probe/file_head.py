"""A first look into a file by ourselves, before a program is asked about it."""

from __future__ import annotations

import contextlib
import os

import msgspec

from av1rules.base.errors import ProbeError, UnansweredProbeError
from av1rules.base.files import open_regular
from av1rules.base.system.opening import pread
from av1rules.media.encryption import looks_along
from av1rules.media.probe.container_scan import HEAD_BYTES, is_text, next_box, plain_h264_tracks


class FileHead(msgspec.Struct, frozen=True, kw_only=True):
    """`data` are the first bytes, for MP4 also those of a moov behind the pictures; `plain_tracks`
    is how many plain H.264 tracks they describe; `sectors` are some of a DVD's file."""

    plain_tracks: int
    data: bytes
    sectors: tuple[bytes, ...] = ()


def read_head(path: str) -> FileHead:
    """Raises ProbeError for what needs no program to tell that it is no film, of the kind
    UnansweredProbeError for a file that can't be read."""
    try:
        with open_regular(path) as file:
            descriptor = file.fileno()
            head = pread(descriptor, HEAD_BYTES, 0)
            if is_text(head):
                raise ProbeError("it is a text (a playlist or script?), not a film")
            found = plain_h264_tracks(head)
            if not found and (place := next_box(head)) is not None:
                with contextlib.suppress(OSError, OverflowError):  # a box may claim any length
                    moov = pread(descriptor, HEAD_BYTES, place)
                    found, head = plain_h264_tracks(moov), head + moov
            size = os.fstat(descriptor).st_size if path.lower().endswith(".vob") else 0
            return FileHead(plain_tracks=found, data=head, sectors=looks_along(descriptor, size))
    except OSError as problem:
        raise UnansweredProbeError(f"can't be read: {problem.strerror}") from problem
