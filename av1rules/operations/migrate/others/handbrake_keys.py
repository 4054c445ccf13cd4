"""What becomes of each key of a HandBrake preset. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from av1rules.base.text import printable
from av1rules.operations.migrate.others.imported import (
    UNKNOWN,
    KeyFinding,
    carried,
    refused,
    replaced,
)
from av1rules.policy.tracks.rules import LanguageWordError, track_language

CHILDREN = "ChildrenArray"

Preset = Mapping[str, Any]

_SVT = ("svt_av1", "svt_av1_10bit")
_CONSTANT_QUALITY = 2
_HIGHEST_CRF = 63
_TUNES = ("vq", "psnr", "ssim")


def is_svt(preset: Preset) -> bool:
    """Whether the preset is for SVT-AV1, the encoder whose numbers are ours."""
    return preset.get("VideoEncoder") in _SVT


def _encoder(value: Any, _: Preset) -> KeyFinding:
    if value == "svt_av1_10bit":
        why = "the same encoder, and 10 bits of every film"
        return carried("encoder, bit_depth", why, encoder="libsvtav1", bit_depth="10")
    if value == "svt_av1":
        why = "the same encoder; HandBrake makes 8 bits of every film, here its depth stays"
        return carried("encoder", why, encoder="libsvtav1")
    name = printable(str(value), limit=40)
    return replaced(f"every encode is AV1 here; the numbers of {name} are on another scale")


def _quality(value: Any, preset: Preset) -> KeyFinding:
    if preset.get("VideoQualityType", _CONSTANT_QUALITY) != _CONSTANT_QUALITY:
        return refused("the preset goes by bit rate, not by quality")
    if not isinstance(value, int | float) or isinstance(value, bool):
        return refused("expected a number")
    if not is_svt(preset):
        return refused(
            "on the scale of another encoder; left out, the CRF of the source tier counts "
            "(or give `crf`, or `quality_target` for a VMAF)"
        )
    if not 0 <= value <= _HIGHEST_CRF:
        return refused(f"a CRF is 0 to {_HIGHEST_CRF}")
    crf = round(float(value) * 4) / 4
    return carried("crf", "SVT-AV1's own scale", crf=f"{crf:g}")


def _quality_type(value: Any, _: Preset) -> KeyFinding:
    if value == _CONSTANT_QUALITY:
        return replaced("quality is always constant here")
    return refused("only constant quality gives the same file again: give a CRF")


def _speed(value: Any, preset: Preset) -> KeyFinding:
    if not is_svt(preset):
        return refused("the speed of another encoder: the preset of the source tier counts")
    found = re.fullmatch(r"-?\d{1,2}", str(value))
    if found is None or int(found[0]) > 13:
        return refused("expected 0 to 13")
    if int(found[0]) < 0:
        return replaced("the slowest preset here is 0", "preset", preset="0")
    return carried("preset", "SVT-AV1's own scale", preset=str(int(found[0])))


def _tune(value: Any, preset: Preset) -> KeyFinding:
    if value in ("", "none", None):
        return replaced("none: the encoder's own choice")
    if not is_svt(preset):
        return refused("a tune of another encoder")
    if value in _TUNES:
        return carried("tune", "the same", tune=str(value))
    if value == "fastdecode":
        return KeyFinding(
            fate=carried("", "").fate,
            ours="params.fast-decode",
            why="a parameter of its own in SVT-AV1",
            settings=(("params.fast-decode", "1"),),
        )
    return refused("no such tune here")


def _option_extra(value: Any, preset: Preset) -> KeyFinding:
    if value in ("", None):
        return replaced("none")
    if not is_svt(preset):
        return refused("options of another encoder")
    return replaced("each option by itself, below")


def _deinterlace(value: Any, preset: Preset) -> KeyFinding:
    if value in ("off", "", None, 0):
        return carried("deinterlace", "off: an interlaced film is held", deinterlace="off")
    if preset.get("PictureDetelecine") not in (None, "off", 0):
        return replaced("PictureDetelecine decides", "deinterlace")
    rate = "fields" if "bob" in str(preset.get("PictureDeinterlacePreset", "")) else "frames"
    why = f"bwdif in place of {printable(str(value), limit=20)}; progressive films stay as they are"
    return carried("deinterlace, deinterlace_rate", why, deinterlace="bwdif", deinterlace_rate=rate)


def _detelecine(value: Any, _: Preset) -> KeyFinding:
    if value in ("off", "", None, 0):
        return replaced("off")
    return carried("deinterlace", "film at 24 pictures again", deinterlace="inverse-telecine")


def _container(value: Any, _: Preset) -> KeyFinding:
    if value in ("av_mp4", "mp4"):
        return carried("container", "the same", container="mp4")
    if value in ("av_mkv", "mkv"):
        return carried("container", "the same", container="mkv")
    return replaced("neither MKV nor MP4: MKV", "container", container="mkv")


def _audio(value: Any, _: Preset) -> KeyFinding:
    encoders = (
        {str(one.get("AudioEncoder")) for one in value if isinstance(one, dict)}
        if isinstance(value, list)
        else set()
    )
    if encoders and all(name.startswith("copy") for name in encoders):
        return replaced("sound is always copied")
    return refused("sound is copied, never encoded again")


def _languages(value: Any) -> tuple[str, ...] | None:
    """Language codes that a preset selects; None: any. Raises LanguageWordError."""
    words = [str(one) for one in value] if isinstance(value, list) else []
    if not words or "any" in words:
        return None
    return tuple(dict.fromkeys(track_language(word, ("und",)) for word in words))


def _audio_languages(value: Any, preset: Preset) -> KeyFinding:
    behaviour = preset.get("AudioTrackSelectionBehavior", "first")
    return _kept("audio", value, "all" if behaviour == "none" else str(behaviour))


def _subtitle_languages(value: Any, preset: Preset) -> KeyFinding:
    behaviour = str(preset.get("SubtitleTrackSelectionBehavior", "none"))
    if behaviour == "none":
        return replaced("SubtitleTrackSelectionBehavior takes none")
    return _kept("subtitles", value, behaviour)


def _kept(kind: str, value: Any, behaviour: str) -> KeyFinding:
    try:
        languages = _languages(value)
    except LanguageWordError as problem:
        return refused(str(problem))
    if languages is None:
        return replaced(f"any language: all {kind} stay")
    first = "; all of a language, not only the first" if behaviour == "first" else ""
    return carried(f"{kind}.keep", f"the same languages{first}", **{kind: _keep(languages)})


def _keep(languages: tuple[str, ...]) -> str:
    return f"{{keep: [{', '.join(languages)}]}}"


def _audio_behaviour(value: Any, _: Preset) -> KeyFinding:
    if value == "none":
        return refused("a target always has the sound of its source")
    return replaced("with AudioLanguageList", "audio.keep")


def _subtitle_behaviour(value: Any, _: Preset) -> KeyFinding:
    if value == "none":
        return carried("subtitles.keep", "no subtitles", subtitles="{keep: none}")
    return replaced("with SubtitleLanguageList", "subtitles.keep")


def _burn(value: Any, _: Preset) -> KeyFinding:
    if value in ("none", "", None, False):
        return replaced("none: nothing is burnt in here")
    return refused("nothing is burnt into the pictures")


def _always(value: Any, _: Preset) -> KeyFinding:
    if value is False:
        return refused("these always stay")
    return replaced("these always stay")


FINDINGS: dict[str, Callable[[Any, Preset], KeyFinding]] = {
    "AudioLanguageList": _audio_languages,
    "AudioList": _audio,
    "AudioTrackSelectionBehavior": _audio_behaviour,
    "ChapterMarkers": _always,
    "FileFormat": _container,
    "MetadataPassthrough": _always,
    "MetadataPassthru": _always,
    "PictureDeinterlaceFilter": _deinterlace,
    "PictureDetelecine": _detelecine,
    "SubtitleBurnBehavior": _burn,
    "SubtitleLanguageList": _subtitle_languages,
    "SubtitleTrackSelectionBehavior": _subtitle_behaviour,
    "VideoEncoder": _encoder,
    "VideoOptionExtra": _option_extra,
    "VideoPreset": _speed,
    "VideoQualitySlider": _quality,
    "VideoQualityType": _quality_type,
    "VideoTune": _tune,
}
"""The keys with a meaning here."""

_OTHERS: tuple[tuple[str, KeyFinding], ...] = (
    ("Audio", replaced("sound is copied as it is")),
    ("Subtitle", refused("subtitles are copied, or left out by `subtitles`")),
    ("PictureDeinterlace|PictureCombDetect", replaced("what is interlaced, the film says")),
    ("PictureDetelecine", replaced("with PictureDetelecine")),
    (
        "Picture(?:Denoise|Sharpen|Deblock|ChromaSmooth|Colorspace)|VideoGrayScale",
        refused("pictures are not filtered, but for interlacing; `film_grain` gives grain back"),
    ),
    ("Picture|UsesPicture", refused("size, edges and aspect of the pictures stay as they are")),
    ("VideoFramerate", refused("every picture keeps its time")),
    ("Video(?:AvgBitrate|MultiPass|TwoPass|Turbo)", refused("only constant quality, in one pass")),
    ("Video(?:QSV|HW|Adapter)", refused("films are decoded by the CPU")),
    ("Video(?:Profile|Level)", replaced("the encoder chooses by the pictures")),
    ("Video(?:Color|Passhtru|Passthru|HDR)", replaced("colours and HDR stay as the film has them")),
    ("VideoScaler", refused("size, edges and aspect of the pictures stay as they are")),
    ("x26|VideoOption", refused("options of another encoder")),
    ("AlignAVStart|InlineParameterSets|Mp4|Optimize", replaced("the container is written for "
                                                               "players as it is")),
    (
        f"Preset|Type|Default|Folder|{CHILDREN}",
        replaced("of HandBrake's list of presets"),
    ),
)  # fmt: skip
"""By the beginning of the key, for all others."""


def finding_of(key: str, value: Any, preset: Preset) -> KeyFinding:
    """What becomes of one key of a preset."""
    if (read := FINDINGS.get(key)) is not None:
        return read(value, preset)
    return next((found for start, found in _OTHERS if re.match(start, key)), UNKNOWN)
