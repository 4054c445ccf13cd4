"""The rules file and its first tests, made from configurations that agree. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import msgspec

from av1rules.base.errors import Av1rulesError
from av1rules.base.text import printable
from av1rules.base.units import format_size
from av1rules.operations.migrate.av1d.config import Av1dConfig
from av1rules.operations.migrate.av1d.keys import PolicyValues
from av1rules.operations.migrate.systemd.limits import UnitLimits
from av1rules.policy.yaml.layout import laid_out
from av1rules.policy.yaml.scalars import literal_glob, quoted

FIRST_LINE = "# Written by `av1rules migrate av1d`"
"""How a rules file of an earlier migration begins."""

EXTENSIONS = ("mkv", "mp4", "m4v", "avi", "mov", "webm")
"""What av1d takes for films."""

EXCLUDED = ("**/*.orig.mkv", "**/*.tmp.av1.mkv", "**/*.av1-tmp.*")
"""What av1d leaves beside films: originals and unfinished results are no films of the library."""

MOST_MARKED = 500
"""Films that a rule lists by name; more of them are left to their markers."""


class PolicyDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A rules file to be. `roots` are (name, path), `marked` library paths of films that were
    marked by hand."""

    configs: tuple[Av1dConfig, ...]
    values: PolicyValues
    limits: UnitLimits
    roots: tuple[tuple[str, str], ...]
    marked: tuple[str, ...] = ()


def named_roots(paths: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Each root once with a name of its own: that of its folder, with a number where two folders
    have the same."""
    found: dict[str, str] = {}
    for path in dict.fromkeys(paths):
        base = _own_name(path) or "films"
        name, number = base, 1
        while name in found:
            number += 1
            name = f"{base}-{number}"
        found[name] = path
    return tuple(found.items())


def _own_name(path: str) -> str:
    return os.path.basename(os.path.expanduser(path).rstrip("/"))


def rules_text(draft: PolicyDraft) -> str:
    """The rules file, in the layout of `av1rules fmt`. Raises UsageError for a folder that YAML
    can't name."""
    text = "".join(f"{line}\n" for line in _lines(draft))
    done = laid_out(text)
    if done is None:
        raise Av1rulesError("the rules made from the configuration are no YAML: a bug in av1rules")
    return done


def _lines(draft: PolicyDraft) -> Iterator[str]:
    names = ", ".join(printable(config.file) for config in draft.configs)
    yield f"{FIRST_LINE} from {names}."
    yield "# MIGRATION.md beside this file says what became of every key."
    yield "version: 1"
    yield ""
    yield from _library(draft)
    yield ""
    yield from _output(draft.values)
    yield from _tools(draft.values)
    yield from _run(draft)
    yield from _defaults(draft.values)
    yield ""
    yield from _rules(draft)


def _library(draft: PolicyDraft) -> Iterator[str]:
    size = draft.values.min_size
    yield "library:"
    yield "  roots:  # library_roots"
    for name, path in draft.roots:
        yield (
            f"    - {quoted(path)}"
            if name == _own_name(path)
            else f"    - {{path: {quoted(path)}, name: {quoted(name)}}}"
        )
    yield f"  extensions: [{', '.join(EXTENSIONS)}]  # the files that av1d took for films"
    yield "  exclude:  # what av1d left beside films: originals, unfinished results"
    yield from (f"    - {quoted(one)}" for one in EXCLUDED)
    yield (
        f"  min_size: {size}B  # min_bytes {size - 1} ({format_size(size - 1)}): av1d left out"
        " files of just that size too"
    )


def _output(values: PolicyValues) -> Iterator[str]:
    yield "output:"
    yield "  mode: replace  # as av1d: the AV1 file takes the place of its film, as .mkv"
    yield "  originals: keep  # av1d deleted them at once; `keep for 30d` frees the space later"
    if values.temp_dir is not None:
        yield f"  temp_dir: {quoted(values.temp_dir)}  # temp_output_dir"


def _tools(values: PolicyValues) -> Iterator[str]:
    yield ""
    yield "tools:"
    if values.ffmpeg is not None:
        yield f"  ffmpeg: {quoted(values.ffmpeg)}  # ffmpeg_bin"
    if values.ffprobe is not None:
        yield f"  ffprobe: {quoted(values.ffprobe)}  # ffprobe_bin"
    yield f"  min_version: {quoted(values.min_version)}  # require_ffmpeg_version"
    if values.preferred_encoder is not None:
        yield f"  preferred_encoder: {values.preferred_encoder}  # preferred_encoder"


def _run(draft: PolicyDraft) -> Iterator[str]:
    limits = draft.limits
    yield ""
    yield "run:"
    yield "  jobs: 1  # av1d encoded one film at a time"
    if (seconds := draft.values.stall_timeout_s) is not None:
        yield f"  stall_timeout: {seconds}s  # stuck_job_file_inactivity_secs"
    if limits.nice is not None:
        yield f"  nice: {limits.nice}  # Nice of the unit"
    if limits.io_class is not None:
        yield f"  io_class: {limits.io_class}  # IOSchedulingClass of the unit"
    if limits.cpus:
        yield f"  cpus: {quoted(cpu_text(limits.cpus))}  # CPUAffinity, AllowedCPUs of the unit"
    if limits.memory is not None:
        yield (
            f"  memory: {limits.memory // 1024**2}MiB  # MemoryMax, MemoryHigh of the unit:"
            " the next encode waits"
        )


def cpu_text(cpus: Sequence[int]) -> str:
    """CPU numbers as ranges: `0-3,6`."""
    parts: list[tuple[int, int]] = []
    for cpu in cpus:
        if parts and cpu == parts[-1][1] + 1:
            parts[-1] = (parts[-1][0], cpu)
        else:
            parts.append((cpu, cpu))
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def _defaults(values: PolicyValues) -> Iterator[str]:
    if values.max_size_ratio is None:
        return
    yield ""
    yield "defaults:"
    yield f"  max_size_ratio: {values.max_size_ratio!r}  # max_size_ratio"


def _rules(draft: PolicyDraft) -> Iterator[str]:
    values = draft.values
    yield "rules:"
    yield "  - name: already AV1  # results of av1d, too"
    yield "    when: {video_codec: av1}"
    yield "    skip: already AV1"
    if draft.marked:
        yield ""
        yield "  - name: marked for av1d  # .av1skip files that no size gate explains"
        yield "    when:"
        yield "      path:"
        yield from (f"        - {quoted(literal_glob(path))}" for path in draft.marked)
        yield "    skip: marked with .av1skip"
    yield ""
    if values.force:
        yield "  - name: modern web files again  # force_reencode: true"
        yield "    when: {source_tier: web-dl, video_codec: [hevc, vp9]}"
        yield "    encode: {force: true}"
        yield from _review(values)
    else:
        yield "  - name: clean web files stay  # force_reencode: false"
        yield "    when: {source_tier: web-dl, video_codec: [hevc, vp9]}"
        yield "    skip: already a modern codec"
    yield ""
    yield "  # CRF, preset and film grain of each source tier are av1d's own numbers."
    yield "  - name: everything else by its source tier"
    yield "    encode: {}"
    yield from _review(values)


def _review(values: PolicyValues) -> Iterator[str]:
    if values.clip_s is None:
        yield "    review: never  # enable_test_clip_workflow: false"
    else:
        yield f"    review: {{clip: {values.clip_s}s}}  # test_clip_duration; each REMUX waits"


def first_tests_text(draft: PolicyDraft) -> str:
    """First tests of the rules: what av1d would have done with a film of each kind."""
    root, _ = draft.roots[0]
    values = draft.values
    remux = "never" if values.clip_s is None else "each"
    web = (
        "{rule: modern web files again, action: encode, settings: {crf: 26, preset: 5}}"
        if values.force
        else "{rule: clean web files stay, action: skip}"
    )
    cases = [
        ("a result of av1d stays", "Done.mkv", "video_codec: av1",
         "{rule: already AV1, action: skip}"),
        ("a REMUX is encoded with care", "Film.REMUX.mkv",
         "video_codec: h264, resolution: 1080p, bitrate: 30Mb/s",
         f"{{action: encode, settings: {{crf: 18, preset: 3, film_grain: 8}}, review: {remux}}}"),
        ("a clean web file", "Show.WEB-DL.mkv", "video_codec: hevc, resolution: 1080p", web),
        ("an older web file", "Show.WEBRip.mkv", "video_codec: h264, resolution: 1080p",
         "{action: encode, settings: {crf: 26, preset: 5, film_grain: 0}, review: never}"),
        ("a rip of low quality", "Old.avi",
         "video_codec: mpeg4, resolution: 1080p, bitrate: 2Mb/s",
         "{action: encode, source_tier: low-quality, settings: {crf: 30, preset: 6}}"),
    ]  # fmt: skip
    lines = [
        f"{FIRST_LINE}: `av1rules test` checks it, without films and without FFmpeg.",
        "version: 1",
        "cases:",
    ]
    for name, file, facts, expected in cases:
        lines += [
            f"  - name: {name}",
            f"    given: {{path: {quoted(f'{root}/{file}')}, {facts}}}",
            f"    expect: {expected}",
        ]
    return "".join(f"{line}\n" for line in lines)
