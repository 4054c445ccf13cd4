"""Library settings of Tdarr: roots and skips; the rest is listed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from av1rules.base.errors import UsageError
from av1rules.operations.migrate.files import require_valid
from av1rules.operations.migrate.others.imported import ImportedPolicy
from av1rules.operations.migrate.others.tdarr import import_tdarr
from av1rules.operations.migrate.outcome import KeyFate
from av1rules.policy.yaml.layout import laid_out
from tests.conftest import Golden

CARRIED, REPLACED, REFUSED, UNKNOWN = (
    KeyFate.CARRIED, KeyFate.REPLACED, KeyFate.REFUSED, KeyFate.UNKNOWN,
)  # fmt: skip

TV = {"_id": "x", "name": "TV", "folder": "/media/tv/"}
MAKER = {
    "settingsVideo": True,
    "videoExcludeSwitch": True,
    "video_codec_names_exclude": [
        {"codec": "hevc", "checked": True}, {"codec": "h264", "checked": False}, 5,
    ],
}  # fmt: skip


def read(folder: Path, value: Any) -> ImportedPolicy:
    path = folder / "t.json"
    path.write_text(json.dumps(value))
    found = import_tdarr(str(path))
    require_valid(found.text, origin="t.json")
    assert laid_out(found.text) == found.text
    return found


@pytest.mark.parametrize(
    ("key", "value", "fate", "text"),
    [
        ("folder", "/media/tv/", CARRIED, 'path: "/media/tv", name: "TV"'),
        ("foldersToIgnore", "Extras, a/b", CARRIED, '"TV/**/*Extras*/**"'),
        ("foldersToIgnore", "/media/tv/Old [x]", CARRIED, '"TV/**/*Old \\\\[x\\\\]*"'),
        ("foldersToIgnore", "", REPLACED, None),
        ("containerFilter", "mkv,mp4,iso", CARRIED, 'extensions: ["mkv", "mp4"]'),
        ("containerFilter", "iso", REPLACED, None),
        ("filterCodecsSkip", "hevc,AV1", CARRIED, 'video_codec: ["hevc", "av1"]'),
        ("filterResolutionsSkip", "480p,576p,4KUHD", CARRIED, 'resolution: ["2160p", "sd"]'),
        ("filterResolutionsSkip", "Other", REFUSED, None),
        ("filterContainersSkip", "mp4", CARRIED, 'container: ["mp4"]'),
        ("filterContainersSkip", "", REPLACED, None),
        ("decisionMaker", MAKER, CARRIED, 'video_codec: ["hevc"]'),
        ("decisionMaker", {**MAKER, "settingsVideo": False}, REFUSED, None),
        ("decisionMaker", {**MAKER, "videoExcludeSwitch": False}, REFUSED, None),
        ("cache", "/temp", CARRIED, 'temp_dir: "/temp"'),
        ("cache", ".", REPLACED, None),
        ("processLibrary", False, CARRIED, "skip: switched off in Tdarr"),
        ("processLibrary", True, REPLACED, None),
        ("pluginIDs", [{"id": "a"}], REFUSED, None),
        ("pluginIDs", [], REPLACED, None),
        ("flowId", "abc", REFUSED, None),
        ("schedule", [], REPLACED, None),
        ("folderToFolderConversion", True, REFUSED, None),
        ("scanFound", "Files found:0", REPLACED, None),
        ("priority", 3, REFUSED, None),
        ("shiny", 1, UNKNOWN, None),
    ],
)
def test_each_key(tmp_path: Path, key: str, value: Any, fate: KeyFate, text: str | None) -> None:
    found = read(tmp_path, {**TV, key: value})
    (one,) = (one for one in found.keys if one.key == key)
    assert one.fate is fate
    if text is not None:
        assert text in found.text


def test_the_whole_file(tmp_path: Path, golden: Golden) -> None:
    movies = {"name": "Movies", "folder": "/media/movies", "cache": "/temp"}
    whole = {**TV, "cache": "/temp", "foldersToIgnore": "Extras", "filterCodecsSkip": "hevc"}
    found = read(tmp_path, [whole, {**movies, "processLibrary": False}, {**movies}])
    assert found.roots == ("/media/tv", "/media/movies", "/media/movies")
    golden("tdarr.yaml", found.text.replace(str(tmp_path), ""))


def test_a_mapping_by_id_is_understood(tmp_path: Path) -> None:
    assert read(tmp_path, {"x": TV, "other": {"kind": "node"}}).roots == ("/media/tv",)


@pytest.mark.parametrize("value", [{}, [], [1], "x", {"folder": 5}, [{"name": "TV"}], None])
def test_what_has_no_library_is_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(UsageError):
        read(tmp_path, value)
