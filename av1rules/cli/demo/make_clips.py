"""Makes the demo's clips with the given FFmpeg."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from av1rules.base.errors import ToolError
from av1rules.base.process import Children, Completed, Limits, run
from av1rules.cli.demo.library import DURATION_S, ZEROS_BYTES, Clip
from av1rules.media.folders import MARKER

_LIMITS = Limits(timeout_s=120.0)
"""A clip takes about a second; slow machines with a software HEVC encoder take longer."""

_FONT_FOLDERS = (
    "/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts",
    "/Library/Fonts", "/System/Library/Fonts",
)  # fmt: skip
"""Font folders: those of fontconfig's default configuration, then macOS."""

_FONT_MAX_BYTES = 1_000_000
"""Attachments are copied unchanged: a large one would hide the savings of the encode."""


class _Extras(msgspec.Struct, frozen=True, kw_only=True):
    """Files that go into a clip beside the generated video and audio."""

    subtitles: tuple[Path, ...] = ()
    chapters: Path | None = None
    attachment: Path | None = None
    cover: Path | None = None


def make_clip(clip: Clip, library: Path, *, ffmpeg: str, children: Children) -> bool:
    """Make one clip below `library`; False if this FFmpeg has no encoder for its video.

    Raises OSError, RunInterruptedError.
    """
    goal = library / clip.path
    goal.parent.mkdir(parents=True, exist_ok=True)
    if clip.is_marked:
        goal.with_name(f"{goal.name}{MARKER}").touch()
    if clip.picture is None:
        goal.write_bytes(bytes(ZEROS_BYTES))
        return True
    with tempfile.TemporaryDirectory(prefix="av1rules-demo-") as folder:
        extras = _write_extras(clip, Path(folder), ffmpeg=ffmpeg, children=children)
        for encoder in clip.picture.encoders:
            argv = clip_argv(clip, extras, encoder, ffmpeg=ffmpeg, goal=goal)
            if run(argv, limits=_LIMITS, children=children, tether=True).ok:
                return True
            children.check()
    goal.unlink(missing_ok=True)
    return False


def clip_argv(
    clip: Clip, extras: _Extras, encoder: tuple[str, ...], *, ffmpeg: str, goal: Path
) -> list[str]:
    """The command for one clip with one of its encoders. Pure."""
    assert clip.picture is not None
    graphs = [clip.picture.graph, *(f"sine=f={sound.hertz}:r=48000" for sound in clip.sounds)]
    inputs: list[tuple[str, ...]] = [("-f", "lavfi", "-i", graph) for graph in graphs]
    inputs += [("-i", f"file:{path}") for path in extras.subtitles]
    maps = [("-map", str(number)) for number in range(len(inputs))]
    if extras.cover is not None:
        maps.append(("-map", str(len(inputs))))
        inputs.append(("-i", f"file:{extras.cover}"))
    if extras.chapters is not None:
        maps.append(("-map_chapters", str(len(inputs))))
        inputs.append(("-i", f"file:{extras.chapters}"))
    groups = [*inputs, *maps, *_stream_options(clip, extras, encoder)]
    return [
        ffmpeg, "-hide_banner", "-nostdin", "-v", "error", "-y",
        *(word for group in groups for word in group),
        "-t", str(DURATION_S), f"file:{goal}",
    ]  # fmt: skip


def _stream_options(
    clip: Clip, extras: _Extras, encoder: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    yield ("-c:v:0", *encoder)
    for number, sound in enumerate(clip.sounds):
        yield (f"-c:a:{number}", sound.codec, *sound.options)
        yield from _labels(f"a:{number}", sound.language, sound.title, sound.disposition)
    for number, subtitle in enumerate(clip.subtitles):
        yield (f"-c:s:{number}", subtitle.codec)
        yield from _labels(f"s:{number}", subtitle.language, subtitle.title, subtitle.disposition)
    if extras.cover is not None:
        yield ("-c:v:1", "copy", "-disposition:v:1", "attached_pic")
    if extras.attachment is not None:
        mimetype = "font/ttf" if extras.attachment.suffix == ".ttf" else "text/plain"
        yield ("-attach", f"{extras.attachment}", "-metadata:s:t:0", f"mimetype={mimetype}")


def _labels(
    stream: str, language: str, title: str | None, disposition: str | None
) -> Iterator[tuple[str, ...]]:
    yield (f"-metadata:s:{stream}", f"language={language}")
    if title is not None:
        yield (f"-metadata:s:{stream}", f"title={title}")
    if disposition is not None:
        yield (f"-disposition:{stream}", disposition)


def _write_extras(clip: Clip, folder: Path, *, ffmpeg: str, children: Children) -> _Extras:
    subtitles = []
    for number, subtitle in enumerate(clip.subtitles):
        suffix = "ass" if subtitle.codec == "ass" else "srt"
        path = folder / f"{number}.{suffix}"
        path.write_text(subtitle.text, encoding="utf-8")
        subtitles.append(path)
    chapters = folder / "chapters.txt"
    chapters.write_text(_chapters_text(clip.chapters), encoding="utf-8")
    return _Extras(
        subtitles=tuple(subtitles),
        chapters=chapters if clip.chapters else None,
        attachment=_attachment(folder) if clip.has_font else None,
        cover=_cover(folder, ffmpeg=ffmpeg, children=children) if clip.has_cover else None,
    )


def _chapters_text(titles: tuple[str, ...]) -> str:
    length_ms = DURATION_S * 1000 // max(len(titles), 1)
    parts = [";FFMETADATA1"]
    for number, title in enumerate(titles):
        start = number * length_ms
        times = f"START={start}\nEND={start + length_ms}"
        parts.append(f"[CHAPTER]\nTIMEBASE=1/1000\n{times}\ntitle={title}")
    return "\n".join(parts) + "\n"


def _cover(folder: Path, *, ffmpeg: str, children: Children) -> Path:
    path = folder / "cover.jpg"
    graph = "gradients=size=300x450:n=3:seed=7:c0=0x102040:c1=0xd08030:c2=0x205060"
    done: Completed = run(
        [ffmpeg, "-hide_banner", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", graph,
         "-frames:v", "1", "-pix_fmt", "yuvj420p", "-c:v", "mjpeg", "-update", "1", f"file:{path}"],
        limits=_LIMITS,
        children=children,
        tether=True,
    )  # fmt: skip
    if not done.ok:
        said = done.stderr[-1] if done.stderr else "it printed nothing"
        raise ToolError(f"{ffmpeg} could not make a picture ({done.describe_exit()}): {said}")
    return path


def _attachment(folder: Path) -> Path:
    """The smallest font of this system, else a text file."""
    fonts = [found for place in _FONT_FOLDERS for found in _fonts_below(place)]
    if fonts:
        return min(fonts)[1]
    path = folder / "readme.txt"
    path.write_text("No font was found on this system: this text is attached instead.\n")
    return path


def _fonts_below(place: str) -> Iterator[tuple[int, Path]]:
    for folder, _folders, names in os.walk(os.path.expanduser(place)):
        for name in names:
            path = Path(folder, name)
            if name.endswith(".ttf") and path.is_file() and os.access(path, os.R_OK):
                size = path.stat().st_size
                if 0 < size <= _FONT_MAX_BYTES:
                    yield size, path
