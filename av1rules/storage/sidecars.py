"""Files beside a video that belong to it by name: subtitles, notes, images, extra audio.

They are found in its folder, renamed where the video's extension changes, and carried to a target
elsewhere. Nothing that exists is ever overwritten.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from av1rules.base.files import fsync_folder, is_temp_name
from av1rules.media.discover import VIDEO_EXTENSIONS
from av1rules.media.folders import OWN_SUFFIXES
from av1rules.policy.languages import is_language_code, named_language
from av1rules.storage.replace import copy_compared

_SUBTITLES = "srt|ass|ssa|sub|idx|sup|vtt|smi|sami|ttml|dfxp|usf|mks"
_AUDIO = "mka|ac3|eac3|ec3|dts|dtshd|thd|truehd|flac|aac|m4a|opus|mp3"
_NOTES = "nfo|xml|edl|cue|txt|chp|json|lrc"
_IMAGES = "jpg|jpeg|png|webp|tbn|gif|avif"

_IMAGE_WORDS = (
    "poster|thumb|thumbnail|fanart|backdrop|background|banner|landscape|cover|folder|keyart|art|"
    "logo|clearlogo|clearart|disc|discart|cdart|box|back|characterart|art|square|wide"
)
"""Words that Kodi, Jellyfin, Emby and Plex put between a video's name and an image's extension."""

_SIDE = re.compile(
    rf"(?P<words>(?:[.][^.]+)*?)[.](?:{_SUBTITLES}|{_AUDIO})"
    rf"|(?:[.-](?:{_IMAGE_WORDS})\d*)?[.](?:{_IMAGES})"
    rf"|(?:[.-]chapters?)?[.](?:{_NOTES})"
    r"|(?:-\d+){0,2}[.]bif",  # thumbnails for seeking: width, interval in seconds
    re.IGNORECASE,
)
"""What may follow the video's stem (or whole name)."""

_FLAGS = frozenset(
    {
        "forced", "foreign", "default", "full", "sdh", "cc", "hi", "hoh", "signs", "songs",
        "commentary", "comments", "director", "original", "lyrics", "karaoke", "dub",
        "dubbed", "stereo", "mono", "surround", "atmos",
    }
)  # fmt: skip
_TAG = re.compile(r"[a-z]{2,3}(?:[-_](?:[a-z]{2}|[a-z]{4}|\d{3}))?")  # en, pt-br, zh-hans, es-419


def side_files_of(path: str) -> tuple[str, ...]:
    """Regular files in the video's folder that belong to it by name, sorted. Raises OSError.

    A file that also fits another video there by a longer name (`Alien.en.srt` beside
    `Alien.en.mkv`) belongs to that video.
    """
    folder, name = os.path.split(path)
    names = _files_of(folder)
    rivals = [other for other in names if _is_video(other) and _stem(other) != _stem(name)]
    return tuple(
        os.path.join(folder, side)
        for side in names
        if _rest(side, name) is not None
        and not any(
            len(_stem(rival)) > len(_stem(name)) and _rest(side, rival) is not None
            for rival in rivals
        )
    )


def renamed_for_extension(old_path: str, new_path: str) -> tuple[tuple[str, str], ...]:
    """The renames, as (from, to), of files named after the video's whole name when that changes:
    `film.mp4.nfo` becomes `film.mkv.nfo`. Files named after the stem alone keep their names, and so
    do those whose new name is taken. Raises OSError.
    """
    pairs = (
        (side, f"{new_path}{os.path.basename(side)[len(os.path.basename(old_path)) :]}")
        for side in side_files_of(old_path)
        if os.path.basename(side).startswith(os.path.basename(old_path))
    )
    return tuple((old, new) for old, new in pairs if not os.path.lexists(new))


def carry(source_path: str, target_path: str) -> tuple[str, ...]:
    """Give the target side files of its own: hard links to those of the source, or copies where
    links are impossible. Existing files stay. Returns the new names. Raises OSError, and
    Av1rulesError if a copy differs.
    """
    carried = tuple(_carried(source_path, target_path))
    if carried:
        fsync_folder(Path(target_path).parent)
    return carried


def _carried(source_path: str, target_path: str) -> Iterator[str]:
    source_name = os.path.basename(source_path)
    for side in side_files_of(source_path):
        name = os.path.basename(side)
        if name.startswith(f"{source_name}."):
            goal = target_path + name[len(source_name) :]
        else:
            goal = _stem(target_path) + name[len(_stem(source_name)) :]
        with contextlib.suppress(FileExistsError, FileNotFoundError):
            _link_or_copy(side, goal)
            yield goal


def _link_or_copy(side: str, goal: str) -> None:
    try:
        os.link(side, goal, follow_symlinks=False)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError:  # another file system, no hard links, or another user's file
        copy_compared(side, goal)


def _files_of(folder: str) -> list[str]:
    with os.scandir(folder or ".") as entries:
        return sorted(
            entry.name
            for entry in entries
            if entry.is_file(follow_symlinks=False)
            and not is_temp_name(entry.name)
            and not entry.name.endswith(OWN_SUFFIXES)
        )


def _rest(side: str, video: str) -> str | None:
    """What follows the video's whole name or stem in the name of a side file; None if the file is
    not a side file of it."""
    if _is_video(side):
        return None
    for start in (video, _stem(video)):
        if side.startswith(start) and _is_side(side[len(start) :]):
            return side[len(start) :]
    return None


def _is_side(rest: str) -> bool:
    found = _SIDE.fullmatch(rest)
    return found is not None and all(map(_is_known_word, _words(found["words"])))


def _words(text: str | None) -> list[str]:
    return [word for word in (text or "").split(".") if word]


def _is_known_word(word: str) -> bool:
    """Whether a word describes a track: a language, a kind of track, or a number."""
    lower = word.lower()
    if lower in _FLAGS or lower.isdecimal() or named_language(lower) is not None:
        return True
    return _TAG.fullmatch(lower) is not None and is_language_code(lower)


def _is_video(name: str) -> bool:
    return os.path.splitext(name)[1][1:].lower() in VIDEO_EXTENSIONS


def _stem(path: str) -> str:
    return os.path.splitext(path)[0]
