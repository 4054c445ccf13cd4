"""The names that conditions accept, and common misspellings. Pure.

A word that no source has would silently match nothing, so each is checked against these tables.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import msgspec

from av1rules.policy import codec_names
from av1rules.policy.languages import UNDETERMINED, is_language_code, named_language

SIMILAR = 0.6
"""Similarity from which a name is suggested; the default of difflib."""

SYNONYMS: dict[str, dict[str, str]] = {
    "video_codec": {
        "h265": "hevc", "h.265": "hevc", "x265": "hevc", "h264": "h264", "h.264": "h264",
        "x264": "h264", "avc": "h264", "mpeg2": "mpeg2video", "mpeg-2": "mpeg2video",
        "mpeg1": "mpeg1video", "mpeg-1": "mpeg1video", "xvid": "mpeg4", "divx": "mpeg4",
        "mpeg-4": "mpeg4", "vc-1": "vc1", "h266": "vvc", "h.266": "vvc", "dv": "dvvideo",
    },
    "audio_codec": {
        "ac-3": "ac3", "e-ac-3": "eac3", "eac-3": "eac3", "dd": "ac3", "dd+": "eac3",
        "ddp": "eac3", "dts-hd": "dts-hd-ma", "dca": "dts", "lpcm": "pcm", "wav": "pcm",
    },
    "container": {
        "matroska": "mkv", "mk3d": "mkv", "m4v": "mp4", "f4v": "mp4", "3gp": "mp4", "3g2": "mp4",
        "mpegts": "ts", "m2ts": "ts", "mts": "ts", "m2t": "ts", "asf": "wmv", "mpeg": "mpg",
        "vob": "mpg", "ogv": "ogg", "ogm": "ogg", "quicktime": "mov", "qt": "mov", "divx": "avi",
        "rmvb": "rm", "y4m": "yuv4mpegpipe",
    },
}  # fmt: skip
"""Other accepted names, with the name that the probe uses."""

_KNOWN = {
    "video_codec": frozenset(codec_names.VIDEO.split()),
    "audio_codec": frozenset(codec_names.AUDIO.split()),
    "container": frozenset(codec_names.CONTAINERS.split()),
}

_COMMON = {
    "video_codec": (
        "h264", "hevc", "av1", "vp9", "vp8", "mpeg2video", "mpeg1video", "mpeg4", "vc1", "vvc",
        "prores", "dnxhd", "ffv1", "mjpeg", "theora", "wmv3", "h263",
    ),
    "audio_codec": (
        "aac", "ac3", "eac3", "dts", "dts-hd-ma", "truehd", "atmos", "flac", "alac", "opus",
        "vorbis", "mp3", "mp2", "pcm",
    ),
    "container": ("mkv", "webm", "mp4", "mov", "avi", "ts", "mpg", "wmv", "flv", "ogg"),
    "language": (
        "eng", "deu", "fra", "spa", "ita", "jpn", "zho", "kor", "rus", "por", "pol", "nld", "swe",
        "nor", "dan", "fin", "tur", "ara", "hin", "ces", "hun", "ukr",
    ),
}  # fmt: skip
"""Names worth suggesting: among hundreds of names, something is always similar."""

_FAMILIES = {"audio_codec": ("pcm_", "adpcm_")}
"""Prefixes of families of names that are too many to list."""

_MEANT: dict[str, dict[str, str]] = {
    "hdr": {
        "dv": "dolby-vision", "dovi": "dolby-vision", "dolby": "dolby-vision",
        "dolby vision": "dolby-vision", "dolbyvision": "dolby-vision", "hdr10+": "hdr10plus",
        "hdr10p": "hdr10plus", "hdr-10": "hdr10", "smpte2084": "pq", "none": "sdr", "no": "sdr",
        "arib-std-b67": "hlg",
    },
    "resolution": {
        "4k": "2160p", "uhd": "2160p", "2k": "1080p", "fhd": "1080p", "full hd": "1080p",
        "fullhd": "1080p", "hd": "720p", "qhd": "1440p", "8k": "4320p", "480p": "sd",
        "480i": "sd", "576p": "sd", "576i": "sd", "480": "sd", "576": "sd", "1080i": "1080p",
        "dvd": "sd",
    },
    "source_tier": {
        "bluray": "remux", "blu-ray": "remux", "bdremux": "remux", "bd": "remux", "web": "web-dl",
        "webrip": "web-dl", "web_dl": "web-dl", "low": "low-quality", "lq": "low-quality",
    },
    "chroma": {"yuv420p": "420", "yuv422p": "422", "yuv444p": "444", "gray": "400", "mono": "400"},
    "container": {"matroska,webm": "mkv"},
    "audio_codec": {
        "acc": "aac", "dolby digital": "ac3", "dolby digital plus": "eac3", "dolby atmos": "atmos",
        "dolby truehd": "truehd", "he-aac": "aac", "m4a": "aac", "dts:x": "dts-hd-ma",
        "dts-x": "dts-hd-ma", "dtsx": "dts-hd-ma", "dts-hd ma": "dts-hd-ma",
        "dts-hd-hr": "dts-hd-hra", "dts hd ma": "dts-hd-ma", "true-hd": "truehd",
    },
    "encoder": {
        "svt": "libsvtav1", "svt-av1": "libsvtav1", "svtav1": "libsvtav1", "aom": "libaom-av1",
        "libaom": "libaom-av1", "rav1e": "librav1e",
    },
    "orphans": {"delete": "trash", "remove": "trash", "keep": "leave", "list": "leave"},
    "copies": {"hardlink": "link", "hard-link": "link", "reencode": "encode"},
    "hard_links": {"break": "replace", "skip": "hold", "keep": "hold", "leave": "hold"},
    "side_files": {
        "move": "carry", "copy": "carry", "rename": "carry", "keep": "leave", "skip": "leave",
    },
    "io_class": {"besteffort": "best-effort", "be": "best-effort", "low": "idle"},
    "extensions": {"mvk": "mkv", "mp": "mp4"},
    "accept": {"hdr10+": "hdr10plus", "dv": "dolby-vision", "dovi": "dolby-vision"},
}  # fmt: skip
_MEANT["preferred_encoder"] = _MEANT["encoder"]
"""Common other spellings of the names in the schema or above."""

_KEYS_MEANT: dict[str, tuple[str, ...]] = {
    # conditions
    "codec": ("video_codec", "encoder"), "vcodec": ("video_codec", "encoder"),
    "acodec": ("audio_codec",), "tier": ("source_tier",), "source": ("source_tier",),
    "quality_tier": ("source_tier",), "fps": ("frame_rate",), "framerate": ("frame_rate",),
    "vfr": ("variable_frame_rate",), "lang": ("audio_language",), "language": ("audio_language",),
    "audio_lang": ("audio_language",), "subtitles": ("subtitle_language",),
    "subs": ("subtitle_language",), "subtitle": ("subtitle_language",), "filesize": ("size",),
    "file_size": ("size",), "length": ("duration",), "runtime": ("duration",),
    "res": ("resolution",), "glob": ("path",), "file": ("path",), "folder": ("path", "root"),
    "dolby_vision": ("dolby_vision_profile",), "dv_profile": ("dolby_vision_profile",),
    "noise": ("grain", "film_grain"), "pix_fmt": ("bit_depth",), "pixel_format": ("bit_depth",),
    "bits": ("bit_depth",), "depth": ("bit_depth",), "format": ("container",),
    "or": ("any",), "and": ("all",), "none": ("not",),
    # settings
    "grain": ("film_grain", "grain"), "film_grain_synthesis": ("film_grain",),
    "denoise": ("film_grain_denoise",), "quality": ("crf",), "rf": ("crf",), "cq": ("crf",),
    "qp": ("crf",), "q": ("crf",), "speed": ("preset",), "cpu_used": ("preset",),
    "gop": ("keyint",), "keyframes": ("keyint",), "keyframe_interval": ("keyint",),
    "deinterlacer": ("deinterlace",), "deint": ("deinterlace",), "svtav1_params": ("params",),
    "svt_params": ("params",), "extra_params": ("params",), "vmaf": ("quality_target",),
    "target_vmaf": ("quality_target",), "min_vmaf": ("quality_gate",), "profile": ("use",),
    "extends": ("use",), "max_size": ("max_size_ratio",), "allow": ("accept",),
    # rules
    "if": ("when",), "match": ("when",), "where": ("when",), "condition": ("when",),
    "conditions": ("when",), "action": ("encode",), "then": ("encode",), "ignore": ("skip",),
    "title": ("name",), "id": ("name",), "approve": ("review",), "approval": ("review",),
    # sections
    "paths": ("roots",), "path": ("roots",), "folders": ("roots",), "ignored": ("exclude",),
    "dest": ("root",), "destination": ("root",), "dir": ("root",), "output_dir": ("root",),
    "tmp": ("temp_dir",), "temp": ("temp_dir",), "tmpdir": ("temp_dir",), "trash": ("originals",),
    "sidecars": ("side_files",), "keep_permissions": ("keep_mode",),
    "keep_attributes": ("keep_xattrs",), "workers": ("jobs",), "parallel": ("jobs",),
    "concurrency": ("jobs",), "threads": ("threads_per_job",), "ionice": ("io_class",),
    "max_time": ("max_duration",), "timeout": ("max_duration",), "affinity": ("cpus",),
    "memory_limit": ("memory_per_job",), "max_memory": ("memory",),
    "max_retries": ("max_failures",), "retries": ("max_failures",), "state": ("state_dir",),
}  # fmt: skip
"""The keys of a rules file that other tools call otherwise, the likelier one first."""

_UNKNOWN = ("unknown", "unspecified", "undefined", "missing", "null")

_CHROMA = ("420", "422", "444", "400", "rgb")
_LANGUAGES = ("audio_language", "subtitle_language")


class VocabularyProblem(msgspec.Struct, frozen=True, kw_only=True):
    """A word that no source has: an error if `is_certain`, else a warning."""

    message: str
    hint: str | None
    is_certain: bool


def vocabulary_problem(fact: str, word: str) -> VocabularyProblem | None:
    """The problem with a word in a condition on `fact`, else None."""
    plain = word.strip().lower()
    if fact in _LANGUAGES:
        return _language_problem(plain, word)
    if fact == "chroma":
        if plain.replace(":", "") in _CHROMA:
            return None
        message = f"expected one of {', '.join(_CHROMA)}, found {word}"
        return VocabularyProblem(
            message=message, hint=nearest(fact, word, _CHROMA), is_certain=True
        )
    known = _KNOWN.get(fact)
    if known is None or plain in known or plain in SYNONYMS.get(fact, {}):
        return None
    if plain.startswith(_FAMILIES.get(fact, ())):
        return None
    bare = plain.lstrip("*.")
    if fact == "container" and plain != bare:
        hint = f"write {bare}" if bare in known else nearest(fact, bare, _COMMON[fact])
        message = f"expected a container such as mkv, found {word}"
        return VocabularyProblem(message=message, hint=hint, is_certain=True)
    what = fact.replace("_", " ")
    return VocabularyProblem(
        message=f"unknown {what} {word}: it matches nothing unless FFmpeg uses this name",
        hint=nearest(fact, word, _COMMON[fact]),
        is_certain=False,
    )


def _language_problem(plain: str, word: str) -> VocabularyProblem | None:
    if plain in UNDETERMINED:
        message = f"{word} means an unknown language, which no condition matches"
        return VocabularyProblem(message=message, hint="leave it out", is_certain=True)
    if (code := named_language(plain)) is not None and not is_language_code(plain):
        message = f"expected a language code such as en or eng, found {word}"
        return VocabularyProblem(message=message, hint=f"write {code}", is_certain=True)
    if is_language_code(plain):
        return None
    hint = nearest("", word, _COMMON["language"]) if len(plain) < 4 else None
    return VocabularyProblem(
        message=f"unknown language code {word}: it matches only tracks tagged exactly so",
        hint=hint or "use codes of ISO 639, such as en or eng",
        is_certain=False,
    )


def nearest(key: str, word: str, known: Iterable[str]) -> str | None:
    """`did you mean hevc?` with the known name that was probably meant, by meaning or letters."""
    plain = {item.lower().replace("_", "-"): item for item in known}
    meant = meant_by(key, word)
    if meant in plain.values():
        return f"did you mean {meant}?"
    if word.strip().lower() in _UNKNOWN:
        return "no condition matches an unknown fact; av1rules explain shows which are"
    wanted = word.lower().strip().replace("_", "-").replace(" ", "-")
    close = difflib.get_close_matches(wanted, plain, n=1, cutoff=SIMILAR)
    return f"did you mean {plain[close[0]]}?" if close else None


def meant_by(key: str, word: str) -> str | None:
    """The name for a common other spelling: `DV` under `hdr` is `dolby-vision`."""
    return _MEANT.get(key, {}).get(word.strip().lower())


def keys_meant_by(word: str) -> tuple[str, ...]:
    """The keys that a word of other tools may mean: `codec` is `video_codec` or `encoder`."""
    return _KEYS_MEANT.get(word.strip().lower().replace("-", "_"), ())
