"""Library exports of Unmanic: roots and skips; the rest is listed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from av1rules.base.errors import UsageError
from av1rules.operations.migrate.files import require_valid
from av1rules.operations.migrate.others.imported import ImportedPolicy
from av1rules.operations.migrate.others.unmanic import import_unmanic
from av1rules.operations.migrate.outcome import KeyFate
from av1rules.policy.yaml.layout import laid_out

LIMIT = "limit_library_search_by_file_extension"

WHOLE = {
    "library_id": 1,
    "library_config": {
        "id": 1, "name": "Movies", "path": "/library/movies", "locked": False,
        "enable_remote_only": False, "enable_scanner": True, "enable_inotify": True,
        "priority_score": 100, "tags": ["fast"], "shiny": 1,
    },
    "plugins": {
        "enabled_plugins": [
            {"plugin_id": LIMIT, "settings": {"allowed_extensions": "mkv, .MP4,srt"}},
            {"plugin_id": "video_transcoder", "settings": {}},
            {"plugin_id": "reject_files_larger_than_original"},
        ],
        "plugin_flow": {"worker.process": []},
    },
}  # fmt: skip


def read(folder: Path, value: Any) -> ImportedPolicy:
    path = folder / "u.json"
    path.write_text(json.dumps(value))
    found = import_unmanic(str(path))
    require_valid(found.text, origin="u.json")
    assert laid_out(found.text) == found.text
    return found


def test_every_key_is_told(tmp_path: Path) -> None:
    found = read(tmp_path, WHOLE)
    assert {one.key: one.fate.value for one in found.keys} == {
        "library_id": "replaced", "id": "replaced", "name": "carried over", "path": "carried over",
        "locked": "replaced", "enable_remote_only": "replaced", "enable_scanner": "replaced",
        "enable_inotify": "replaced", "priority_score": "refused", "tags": "refused",
        "shiny": "unknown", f"plugin {LIMIT}": "carried over", "plugin video_transcoder": "refused",
        "plugin reject_files_larger_than_original": "replaced", "plugins.plugin_flow": "refused",
    }  # fmt: skip
    assert found.roots == ("/library/movies",)
    assert 'extensions: ["mkv", "mp4"]' in found.text


def test_a_list_of_libraries(tmp_path: Path) -> None:
    plain = {"id": 2, "name": "Movies", "path": "/b", "enable_remote_only": True}
    found = read(tmp_path, {"success": True, "libraries": [WHOLE["library_config"], plain]})
    assert found.roots == ("/library/movies", "/b")
    assert 'name: "Movies-2"' in found.text
    assert "skip: switched off in Unmanic" in found.text


def test_extensions_without_settings_are_told(tmp_path: Path) -> None:
    export = {**WHOLE, "plugins": {"enabled_plugins": [{"plugin_id": LIMIT}, 5]}}
    found = read(tmp_path, export)
    assert "  extensions:" not in found.text
    assert next(one.fate for one in found.keys if LIMIT in one.key) is KeyFate.REFUSED


@pytest.mark.parametrize(
    "value", [{}, [], [1], {"library_config": 5}, {"library_config": {"name": "x"}}, "x", None]
)
def test_what_has_no_library_is_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(UsageError):
        read(tmp_path, value)
