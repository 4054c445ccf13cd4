"""Presets of HandBrake: numbers of SVT-AV1 are taken over, those of other encoders are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from av1rules.base.errors import UsageError
from av1rules.operations.migrate.files import require_valid
from av1rules.operations.migrate.others import handbrake
from av1rules.operations.migrate.others.handbrake import import_handbrake
from av1rules.operations.migrate.others.imported import ImportedPolicy
from av1rules.operations.migrate.outcome import KeyFate
from av1rules.policy.yaml.layout import laid_out
from tests.conftest import Golden

CARRIED, REPLACED, REFUSED, UNKNOWN = (
    KeyFate.CARRIED, KeyFate.REPLACED, KeyFate.REFUSED, KeyFate.UNKNOWN,
)  # fmt: skip

SVT = {"PresetName": "Mine", "VideoEncoder": "svt_av1", "VideoQualityType": 2}


def read(folder: Path, value: Any) -> ImportedPolicy:
    path = folder / "p.json"
    path.write_text(json.dumps(value))
    found = import_handbrake(str(path), "movies")
    require_valid(found.text, origin="p.json")
    assert laid_out(found.text) == found.text
    return found


def settings(found: ImportedPolicy) -> str:
    return found.text.partition("profiles:")[2].partition("rules:")[0]


@pytest.mark.parametrize(
    ("key", "value", "fate", "line"),
    [
        ("VideoEncoder", "svt_av1", CARRIED, "encoder: libsvtav1"),
        ("VideoEncoder", "svt_av1_10bit", CARRIED, "bit_depth: 10"),
        ("VideoQualitySlider", 26, CARRIED, "crf: 26"),
        ("VideoQualitySlider", 24.13, CARRIED, "crf: 24.25"),
        ("VideoQualitySlider", 99, REFUSED, None),
        ("VideoQualitySlider", "x", REFUSED, None),
        ("VideoQualityType", 2, REPLACED, None),
        ("VideoQualityType", 1, REFUSED, None),
        ("VideoPreset", "5", CARRIED, "preset: 5"),
        ("VideoPreset", "-1", REPLACED, "preset: 0"),
        ("VideoPreset", "99", REFUSED, None),
        ("VideoPreset", "slow", REFUSED, None),
        ("VideoTune", "ssim", CARRIED, "tune: ssim"),
        ("VideoTune", "fastdecode", CARRIED, "fast-decode: 1"),
        ("VideoTune", "", REPLACED, None),
        ("VideoTune", "film", REFUSED, None),
        ("VideoAvgBitrate", 5000, REFUSED, None),
        ("VideoMultiPass", True, REFUSED, None),
        ("VideoFramerate", "30", REFUSED, None),
        ("VideoGrayScale", True, REFUSED, None),
        ("VideoProfile", "main", REPLACED, None),
        ("VideoColorRange", "auto", REPLACED, None),
        ("PictureDeinterlaceFilter", "decomb", CARRIED, "deinterlace: bwdif"),
        ("PictureDeinterlaceFilter", "off", CARRIED, "deinterlace: off"),
        ("PictureDetelecine", "default", CARRIED, "deinterlace: inverse-telecine"),
        ("PictureDetelecine", "off", REPLACED, None),
        ("PictureWidth", 1280, REFUSED, None),
        ("PictureCropMode", 0, REFUSED, None),
        ("PictureDenoiseFilter", "nlmeans", REFUSED, None),
        ("PictureRotate", "angle=0", REFUSED, None),
        ("AudioList", [{"AudioEncoder": "copy:ac3"}], REPLACED, None),
        ("AudioList", [{"AudioEncoder": "opus"}], REFUSED, None),
        ("AudioLanguageList", ["eng", "jpn"], CARRIED, "audio: {keep: [eng, jpn]}"),
        ("AudioLanguageList", ["any"], REPLACED, None),
        ("AudioLanguageList", ["Klingonish"], REFUSED, None),
        ("AudioTrackSelectionBehavior", "all", REPLACED, None),
        ("AudioTrackSelectionBehavior", "none", REFUSED, None),
        ("SubtitleTrackSelectionBehavior", "none", CARRIED, "subtitles: {keep: none}"),
        ("SubtitleTrackSelectionBehavior", "all", REPLACED, None),
        ("SubtitleLanguageList", ["eng"], REPLACED, None),
        ("SubtitleBurnBehavior", "foreign", REFUSED, None),
        ("SubtitleBurnBehavior", "none", REPLACED, None),
        ("SubtitleAddCC", True, REFUSED, None),
        ("FileFormat", "av_mp4", CARRIED, "container: mp4"),
        ("FileFormat", "av_mkv", CARRIED, "container: mkv"),
        ("FileFormat", "av_webm", REPLACED, "container: mkv"),
        ("ChapterMarkers", True, REPLACED, None),
        ("ChapterMarkers", False, REFUSED, None),
        ("MetadataPassthru", True, REPLACED, None),
        ("PresetDescription", "x", REPLACED, None),
        ("AlignAVStart", True, REPLACED, None),
        ("x264Option", "", REFUSED, None),
        ("Shiny", [1], UNKNOWN, None),
    ],
)
def test_each_key(tmp_path: Path, key: str, value: Any, fate: KeyFate, line: str | None) -> None:
    found = read(tmp_path, {"PresetList": [{**SVT, key: value}]})
    (one,) = (one for one in found.keys if one.key == key)
    assert one.fate is fate
    if line is not None:
        assert f"    {line}\n" in settings(found)


def test_numbers_of_another_encoder_are_left_out(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {"PresetName": "H", "VideoEncoder": "x265", "VideoQualitySlider": 22, "VideoPreset": "5",
         "VideoTune": "grain", "VideoOptionExtra": "film-grain=8"},
    )  # fmt: skip
    fates = {one.key: one for one in found.keys}
    assert fates["VideoQualitySlider"].fate is REFUSED
    assert "scale" in fates["VideoQualitySlider"].why
    assert "quality_target" in fates["VideoQualitySlider"].why
    assert settings(found).split() == ['"H":', "container:", "mkv"]


def test_languages_of_subtitles_count_where_tracks_are_selected(tmp_path: Path) -> None:
    preset = {**SVT, "SubtitleTrackSelectionBehavior": "first", "SubtitleLanguageList": ["deu"]}
    assert "subtitles: {keep: [deu]}" in settings(read(tmp_path, preset))


def test_fields_or_frames(tmp_path: Path) -> None:
    bob = {**SVT, "PictureDeinterlaceFilter": "yadif", "PictureDeinterlacePreset": "bob"}
    assert "deinterlace_rate: fields" in settings(read(tmp_path, bob))
    assert "deinterlace_rate: frames" in settings(
        read(tmp_path, {**bob, "PictureDeinterlacePreset": "default"})
    )


def test_options_of_svt_av1_one_by_one(tmp_path: Path) -> None:
    options = (
        "film-grain=8:film-grain-denoise=0:tune=1:keyint=240:enable-qm=1:sharpness=99:qm-min=1.5:"
        "lp=4:variance-boost-strength=3::film-grain:rm -r=1"
    )
    found = read(tmp_path, {**SVT, "VideoOptionExtra": options})
    fates = {
        one.key.removeprefix("VideoOptionExtra "): one.fate
        for one in found.keys
        if one.key.startswith("VideoOptionExtra ")
    }
    assert fates == {
        "film-grain": REFUSED, "film-grain-denoise": CARRIED, "tune": CARRIED, "keyint": CARRIED,
        "enable-qm": CARRIED, "sharpness": REFUSED, "qm-min": REFUSED, "lp": UNKNOWN,
        "variance-boost-strength": CARRIED, "rm -r": REFUSED,
    }  # fmt: skip
    for line in ("film_grain: 8", "film_grain_denoise: false", "tune: psnr", "keyint: 240"):
        assert f"    {line}\n" in settings(found)
    assert "      enable-qm: 1\n" in settings(found)


def test_folders_are_opened_and_the_default_preset_is_the_rules(
    tmp_path: Path, golden: Golden
) -> None:
    found = read(
        tmp_path,
        {
            "PresetList": [
                {"Folder": True, "PresetName": "A", "ChildrenArray": [{**SVT, "VideoPreset": "3"}]},
                {"Folder": True, "PresetName": "empty", "ChildrenArray": []},
                {**SVT, "Default": True, "VideoPreset": "8"},
            ],
            "VersionMajor": 72,
        },
    )
    assert found.profiles == ("Mine", "Mine 2")
    assert 'encode: {use: "Mine 2"}' in found.text
    assert {one.key.partition(":")[0] for one in found.keys} == {"Mine", "Mine 2"}
    golden("handbrake.yaml", found.text.replace(str(tmp_path), ""))


@pytest.mark.parametrize("value", [{}, [], {"PresetList": []}, {"PresetList": [1]}, [[]], 5, None])
def test_what_has_no_presets_is_refused(tmp_path: Path, value: Any) -> None:
    if value == {}:
        assert read(tmp_path, value).profiles == ("preset 1",)
        return
    with pytest.raises(UsageError):
        read(tmp_path, value)


def test_no_file_has_presets_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handbrake, "MOST_ENTRIES", 2)
    with pytest.raises(UsageError, match="at most 2"):
        read(tmp_path, [SVT, SVT, SVT])


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    name = 'a"b: {c}\n- d # \x1b[2J'
    found = read(tmp_path, [{**SVT, "PresetName": name}])
    assert "\x1b" not in found.text
    assert len(found.profiles) == 1
