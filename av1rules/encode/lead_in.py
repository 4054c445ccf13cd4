"""What comes before the first key frame of a source that was cut between two of them.

A recording starts whenever somebody pressed the button: up to a few seconds of packets refer to
pictures that were never recorded. No player can show them. They are left out of the encode, so that
their errors are not taken for damage of the film, and counted, so that no other packet is.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

import msgspec

from av1rules.base.process import Children, Limits, run
from av1rules.encode.argv import GLOBAL_ARGS, input_options
from av1rules.ffmpeg.run import INPUT_GUARD, file_url, run_ffmpeg
from av1rules.ffmpeg.tools import Tools
from av1rules.ffmpeg.watchdog import USUAL_LIMITS, RunLimits
from av1rules.media.source import Source

MOST_PACKETS = 1500
"""Looked at for a key frame: half a minute at 50 frames a second. Groups of pictures are shorter;
a stream without key frames (intra refresh) is read as it is."""

MAKES_UP_REFERENCES = frozenset(
    {"hevc", "vvc", "mpeg4", "h263", "flv1", "msmpeg4v2", "msmpeg4v3", "wmv1", "wmv2"}
)
"""Codecs whose decoders show pictures without those that they refer to, made of grey and said to be
errors; all others show none before the first that is whole."""

LOOK_TIMEOUT_S = 120.0

ONLY_ERRORS = ("-v", "level+error")
"""Replaces the level of `GLOBAL_ARGS`. FFmpeg lists its streams in parts of lines, and complaints
that another thread prints in between lose their level: 6 of 25 looks at an AV1 recording counted
too few, so that the encode seemed to report new ones. Without that list 150 of 150 counted all."""


class LeadIn(msgspec.Struct, frozen=True, kw_only=True):
    """`packets` of the main video before its first key frame that decode to nothing whole;
    `complaints` are FFmpeg's about them, with their numbers, where they are only read."""

    packets: int = 0
    complaints: tuple[tuple[str, int], ...] = ()

    def damage_beside(self, damage: Mapping[str, int]) -> dict[str, int]:
        """What of the `damage` that an encode reports is not about these packets."""
        known = dict(self.complaints)
        others = {line: count - known.get(line, 0) for line, count in damage.items()}
        return {line: count for line, count in others.items() if count > 0}


NO_LEAD_IN = LeadIn()


def lead_in_args(lead_in: LeadIn, source: Source) -> tuple[str, ...]:
    """Input options that keep these packets from the decoder of the main video. They replace those
    of `packet_filter`, and so contain them."""
    main = source.main
    if not lead_in.packets or main is None:
        return ()
    filters = (f"noise=drop=lt(n\\,{lead_in.packets})", *main.packet_filter[1:])
    return (f"-bsf:{main.index}", ",".join(filters))


def find_lead_in(
    path: str,
    source: Source,
    folder: str,
    *,
    tools: Tools,
    children: Children,
    limits: RunLimits = USUAL_LIMITS,
) -> LeadIn:
    """What of the main video comes before its first key frame and can't be decoded; nearly always
    nothing, for the price of one packet.

    Packets that do decode are no lead-in, whatever their flags say. They are copied into `folder`
    and decoded there, so that only the beginning of the film is read. Raises RunInterruptedError,
    and OSError if a program can't be started.
    """
    main = source.main
    if main is None or _first_key(path, main.index, 1, tools, children) == 0:
        return NO_LEAD_IN
    packets = _first_key(path, main.index, MOST_PACKETS, tools, children)
    if not packets:
        return NO_LEAD_IN
    taken = os.path.join(folder, "lead-in.nut")
    copied = run_ffmpeg(
        [
            tools.ffmpeg, *input_options(path, source), *ONLY_ERRORS,
            "-map", f"0:{main.index}", "-c", "copy", "-copyinkf", "-frames:v", str(packets),
            "-bsf:v", "setts=ts=N:time_base=1/25",  # the first packet of such a file may have none
            "-f", "nut", file_url(taken),
        ],
        children=children,
        limits=limits,
    )  # fmt: skip
    try:
        if not copied.ok:
            return NO_LEAD_IN
        decoded = run_ffmpeg(
            [
                tools.ffmpeg, *GLOBAL_ARGS, *INPUT_GUARD, "-i", file_url(taken),
                "-map", "0:0", "-fps_mode:v", "passthrough", "-f", "null", "-",
            ],
            children=children,
            limits=limits,
        )  # fmt: skip
    finally:
        with contextlib.suppress(OSError):
            os.unlink(taken)
    is_made_up = main.codec in MAKES_UP_REFERENCES and bool(decoded.log.damage)
    if decoded.frames_read(0) and not is_made_up:
        return NO_LEAD_IN
    return LeadIn(packets=packets, complaints=tuple(copied.log.damage.items()))


def _first_key(path: str, index: int, most: int, tools: Tools, children: Children) -> int | None:
    """The number of the first key packet of the main video; None if none of the first ones is."""
    argv = [
        tools.ffprobe, "-v", "error", *INPUT_GUARD, "-select_streams", str(index),
        "-show_entries", "packet=flags", "-read_intervals", f"%+#{most}", "-of", "csv=p=0",
        file_url(path),
    ]  # fmt: skip
    done = run(argv, children=children, limits=Limits(timeout_s=LOOK_TIMEOUT_S), tether=True)
    children.check()
    if not done.ok:
        return 0  # what is wrong, the encode itself says better
    flags = done.stdout.decode("ascii", "replace").split()
    return next((number for number, flag in enumerate(flags) if "K" in flag), None)
