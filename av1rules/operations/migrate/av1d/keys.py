"""What becomes of each key of av1d's configuration. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

from av1rules.base.files import is_at_or_below
from av1rules.base.text import counted
from av1rules.base.units import format_size
from av1rules.operations.migrate.av1d.config import (
    DOCKER_KEYS,
    KEYS,
    Av1dConfig,
    ConfigForm,
)
from av1rules.operations.migrate.outcome import KeyFate, KeyOutcome, shown_value
from av1rules.policy.formats import OLDEST_FFMPEG
from av1rules.policy.model import LONGEST_CLIP_S, SHORTEST_CLIP_S

ENCODERS = ("libsvtav1", "libaom-av1", "librav1e")

LEAST_INTERVAL_S = 900
"""Of the timer: av1d kept the library in memory, a run walks it. What was written to a moment ago
waits for the next run anyway."""

_VERSION = re.compile(r"(\d{1,4})(?:\.(\d{1,4}))?(?:\.\d{1,4})*")


class PolicyValues(msgspec.Struct, frozen=True, kw_only=True):
    """What a configuration says in our words; None: nothing, so our default counts. Sizes in bytes,
    times in seconds. Configurations that agree in all of it share one rules file."""

    min_size: int
    max_size_ratio: float | None
    temp_dir: str | None
    stall_timeout_s: int | None
    ffmpeg: str | None
    ffprobe: str | None
    min_version: str
    preferred_encoder: str | None
    force: bool
    clip_s: int | None  # None: never reviewed


class _Fate(msgspec.Struct, frozen=True):
    """The fate of one key, and the value that goes with it."""

    fate: KeyFate
    ours: str | None
    why: str
    value: object = None


def _carried(ours: str, why: str, value: object) -> _Fate:
    return _Fate(KeyFate.CARRIED, ours, why, value)


def _replaced(ours: str | None, why: str, value: object = None) -> _Fate:
    return _Fate(KeyFate.REPLACED, ours, why, value)


def _refused(why: str, value: object = None) -> _Fate:
    return _Fate(KeyFate.REFUSED, None, why, value)


def _library_roots(_: Av1dConfig) -> _Fate:
    return _carried("library.roots", "the same folders; neither follows links below them", 0)


def _min_bytes(config: Av1dConfig) -> _Fate:
    size = config.min_bytes + 1
    why = f"av1d left out files of up to this size, min_size takes its own size: {size} bytes"
    return _carried("library.min_size", why, size)


def _max_size_ratio(config: Av1dConfig) -> _Fate:
    ratio = config.max_size_ratio
    if ratio <= 0:
        return _refused("no result is as small as that: the built-in 0.9 counts")
    why = "a larger result is thrown away and not tried again, until source or settings change"
    return _carried("defaults.max_size_ratio", why, ratio)


def _job_state_dir(_: Av1dConfig) -> _Fate:
    return _replaced(
        "run.state_dir",
        "the ledger beside the rules knows films by their content; the job files were read into it",
    )


def _scan_interval(config: Av1dConfig) -> _Fate:
    every = counted(max(config.scan_interval_secs, LEAST_INTERVAL_S) // 60, "minute")
    return _replaced(
        "the timer",
        f"a timer starts a run, {every} after the last one ended; nothing waits between",
    )


def _temp_output_dir(config: Av1dConfig) -> _Fate:
    folder = config.temp_output_dir
    if folder is None:
        return _replaced(
            None,
            "av1d's default is in /tmp, often memory: unfinished files stand beside the target",
        )
    if any(is_at_or_below(root, folder) for root in config.library_roots):
        return _refused("it holds a root of the library: unfinished files could meet films there")
    return _carried("output.temp_dir", "unfinished files stand there", folder)


def _stuck_timeout(_: Av1dConfig) -> _Fate:
    return _replaced(
        "run.stall_timeout",
        "an encode is watched from its start, not only after this time; a limit for whole encodes "
        "would be run.max_duration, which a long film exceeds while all is well",
    )


def _stuck_inactivity(config: Av1dConfig) -> _Fate:
    seconds = config.stuck_job_file_inactivity_secs
    if not config.stuck_job_check_enable_file_activity:
        return _replaced("run.stall_timeout", "the check was off: the built-in 10 minutes count")
    if not seconds:
        return _refused("no encode makes progress all the time: the built-in 10 minutes count")
    why = "an encode that makes no progress for this long is stopped and counts as failed"
    return _carried("run.stall_timeout", why, seconds)


def _stuck_process(_: Av1dConfig) -> _Fate:
    return _replaced(None, "a run is the parent of its FFmpeg and sees it end at once")


def _stuck_activity(config: Av1dConfig) -> _Fate:
    off = "" if config.stuck_job_check_enable_file_activity else ", and can't be switched off"
    return _replaced(
        "run.stall_timeout", f"progress is read from FFmpeg, not from the size of a file{off}"
    )


def _command_dir(_: Av1dConfig) -> _Fate:
    return _replaced(
        None, "commands take the place of files there: `av1rules retry`, `av1rules run --force`"
    )


def _docker(config: Av1dConfig) -> _Fate:
    ran = " (the native av1d did not read it either)" if config.form is ConfigForm.NATIVE else ""
    return _refused(f"FFmpeg runs as a program of this machine, in no container{ran}")


def _gpu_device(_: Av1dConfig) -> _Fate:
    return _refused("there are no hardware encoders yet; SVT-AV1 needs no graphics device")


def _tool(name: str) -> Callable[[Av1dConfig], _Fate]:
    def read(config: Av1dConfig) -> _Fate:
        program: str = getattr(config, f"{name}_bin")
        if program == name:
            why = (
                f"the first good {name} is taken: that of PATH, or the one installed with av1rules"
            )
            return _replaced(f"tools.{name}", why)
        return _carried(f"tools.{name}", "the same program", program)

    return read


def _min_version(config: Av1dConfig) -> _Fate:
    found = _VERSION.fullmatch(config.require_ffmpeg_version.strip())
    oldest = ".".join(map(str, OLDEST_FFMPEG))
    if found is None:
        return _refused(f"it is no version: {oldest} is the oldest FFmpeg that is taken", oldest)
    version = (int(found[1]), int(found[2] or 0))
    if version < OLDEST_FFMPEG:
        return _replaced(
            "tools.min_version", f"{oldest} is the oldest FFmpeg that is taken", oldest
        )
    text = ".".join(map(str, version))
    return _carried("tools.min_version", "an older FFmpeg is refused before anything starts", text)


def _force(config: Av1dConfig) -> _Fate:
    if config.force_reencode:
        why = "clean web files in HEVC and VP9 are encoded too; AV1 is left alone all the same"
        return _carried("rules[].encode.force", why, value=True)
    why = "clean web files in HEVC and VP9 are left alone by a rule"
    if config.form is ConfigForm.DOCKER:
        why += ", which the Docker form did encode"
    return _carried("rules[].skip", why, value=False)


def _clip_workflow(config: Av1dConfig) -> _Fate:
    if not config.enable_test_clip_workflow:
        return _carried("rules[].review", "never: no film waits for a test clip", value=None)
    why = "a REMUX waits until its clip is approved (`av1rules clips`); everything else goes on"
    return _carried("rules[].review", why, value=True)


def _clip_duration(config: Av1dConfig) -> _Fate:
    wanted = config.test_clip_duration
    seconds = min(max(wanted, int(SHORTEST_CLIP_S)), int(LONGEST_CLIP_S))
    if not config.enable_test_clip_workflow:
        return _replaced(None, "no clips are made", seconds)
    if seconds != wanted:
        bounds = f"{SHORTEST_CLIP_S:.0f} to {LONGEST_CLIP_S:.0f} s"
        return _replaced("rules[].review.clip", f"a clip has {bounds}: {seconds} s", seconds)
    why = "the clip is made of the hardest excerpts of the film, this long in all"
    return _carried("rules[].review.clip", why, seconds)


def _preferred_encoder(config: Av1dConfig) -> _Fate:
    encoder = config.preferred_encoder
    if encoder is None:
        return _replaced(
            "encoder: auto", "the best encoder that works here is taken, SVT-AV1 first"
        )
    if encoder not in ENCODERS:
        known = ", ".join(ENCODERS)
        return _refused(f"no such encoder here ({known}): the best one that works is taken")
    return _carried("tools.preferred_encoder", "taken if it works here", encoder)


_FATES: dict[str, Callable[[Av1dConfig], _Fate]] = {
    "library_roots": _library_roots,
    "min_bytes": _min_bytes,
    "max_size_ratio": _max_size_ratio,
    "job_state_dir": _job_state_dir,
    "scan_interval_secs": _scan_interval,
    "temp_output_dir": _temp_output_dir,
    "stuck_job_timeout_secs": _stuck_timeout,
    "stuck_job_file_inactivity_secs": _stuck_inactivity,
    "stuck_job_check_enable_process": _stuck_process,
    "stuck_job_check_enable_file_activity": _stuck_activity,
    "command_dir": _command_dir,
    "docker_image": _docker,
    "docker_bin": _docker,
    "gpu_device": _gpu_device,
    "ffmpeg_bin": _tool("ffmpeg"),
    "ffprobe_bin": _tool("ffprobe"),
    "require_ffmpeg_version": _min_version,
    "force_reencode": _force,
    "enable_test_clip_workflow": _clip_workflow,
    "test_clip_duration": _clip_duration,
    "preferred_encoder": _preferred_encoder,
}


def key_outcomes(config: Av1dConfig) -> Iterator[KeyOutcome]:
    """Every key: those of the file in its order, unknown ones too, then those that it leaves out,
    by the default that av1d has for them. Keys of the Docker form have none."""
    for name, member in config.members.items():
        if name in _FATES:
            yield _outcome(config, name, shown_value(member.value), member.place)
        else:
            yield KeyOutcome(
                key=name,
                value=shown_value(member.value),
                fate=KeyFate.UNKNOWN,
                ours=None,
                why="av1d has no such key, and took no notice of it",
                place=member.place,
            )
    for name in KEYS:
        if name not in config.members and name not in DOCKER_KEYS:
            yield _outcome(config, name, None, None)


def _outcome(config: Av1dConfig, name: str, value: str | None, place: str | None) -> KeyOutcome:
    found = _FATES[name](config)
    return KeyOutcome(
        key=name,
        value=value,
        fate=found.fate,
        ours=found.ours,
        why=found.why,
        place=place,
        default=default_text(name) if value is None else None,
    )


_DEFAULTS = {
    "command_dir": "commands beside job_state_dir",
    "min_bytes": format_size(Av1dConfig(file="", form=ConfigForm.NATIVE, members={}).min_bytes),
    "temp_output_dir": "/tmp/av1d-temp",  # noqa: S108 - av1d's own default, which is only named
}


def default_text(name: str) -> str:
    """The value that av1d takes where a key is left out."""
    if name in _DEFAULTS:
        return _DEFAULTS[name]
    value = msgspec.structs.asdict(Av1dConfig(file="", form=ConfigForm.NATIVE, members={}))[name]
    return "none" if value is None else shown_value(value)


def policy_values(config: Av1dConfig) -> PolicyValues:
    """The configuration in our words."""

    def value(name: str) -> object:
        return _FATES[name](config).value

    clip_s = value("test_clip_duration") if config.enable_test_clip_workflow else None
    return msgspec.convert(
        {
            "min_size": value("min_bytes"),
            "max_size_ratio": value("max_size_ratio"),
            "temp_dir": value("temp_output_dir"),
            "stall_timeout_s": value("stuck_job_file_inactivity_secs"),
            "ffmpeg": value("ffmpeg_bin"),
            "ffprobe": value("ffprobe_bin"),
            "min_version": value("require_ffmpeg_version"),
            "preferred_encoder": value("preferred_encoder"),
            "force": value("force_reencode"),
            "clip_s": clip_s,
        },
        PolicyValues,
    )
