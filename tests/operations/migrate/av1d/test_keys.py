"""Each key of av1d's configuration, in both forms and in both languages: what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from av1rules.base.errors import UsageError
from av1rules.operations.migrate.av1d.config import (
    DOCKER_KEYS,
    KEYS,
    NATIVE_KEYS,
    Av1dConfig,
    ConfigForm,
    read_config,
)
from av1rules.operations.migrate.av1d.keys import PolicyValues, key_outcomes, policy_values
from av1rules.operations.migrate.outcome import KeyFate, KeyOutcome

CARRIED, REPLACED, REFUSED = KeyFate.CARRIED, KeyFate.REPLACED, KeyFate.REFUSED

DOCKER: dict[str, Any] = {
    "docker_image": "lscr.io/linuxserver/ffmpeg:version-8.0-cli",
    "docker_bin": "docker",
    "gpu_device": "/dev/dri",
}
NATIVE: dict[str, Any] = {"ffmpeg_bin": "ffmpeg"}


def as_toml(value: Any) -> str:
    return json.dumps(value)  # of the values that configurations have, both languages say the same


def read(folder: Path, values: dict[str, Any], *, suffix: str = "json") -> Av1dConfig:
    path = folder / f"config.{suffix}"
    lines = (f"{key} = {as_toml(value)}" for key, value in values.items())
    path.write_text(json.dumps(values, indent=2) if suffix == "json" else "\n".join(lines))
    return read_config(str(path))


def outcome(config: Av1dConfig, key: str) -> KeyOutcome:
    (found,) = (one for one in key_outcomes(config) if one.key == key)
    return found


BOTH_FORMS = [
    ("library_roots", ["/media/movies", "/media/tv"], CARRIED, "library.roots"),
    ("min_bytes", 2147483648, CARRIED, "library.min_size"),
    ("max_size_ratio", 0.9, CARRIED, "defaults.max_size_ratio"),
    ("max_size_ratio", 0, REFUSED, None),
    ("job_state_dir", "/var/lib/av1d/jobs", REPLACED, "run.state_dir"),
    ("scan_interval_secs", 60, REPLACED, "the timer"),
    ("temp_output_dir", "/nvme/av1d-temp", CARRIED, "output.temp_dir"),
    ("temp_output_dir", "/", REFUSED, None),  # holds the roots
    ("stuck_job_timeout_secs", 3600, REPLACED, "run.stall_timeout"),
    ("stuck_job_file_inactivity_secs", 900, CARRIED, "run.stall_timeout"),
    ("stuck_job_file_inactivity_secs", 0, REFUSED, None),
    ("stuck_job_check_enable_process", True, REPLACED, None),
    ("stuck_job_check_enable_file_activity", True, REPLACED, "run.stall_timeout"),
    ("stuck_job_check_enable_file_activity", False, REPLACED, "run.stall_timeout"),
    ("command_dir", "/var/lib/av1d/commands", REPLACED, None),
]
DOCKER_FORM = [
    ("docker_image", DOCKER["docker_image"], REFUSED, None),
    ("docker_bin", "docker", REFUSED, None),
    ("gpu_device", "/dev/dri", REFUSED, None),
]
NATIVE_FORM = [
    ("ffmpeg_bin", "ffmpeg", REPLACED, "tools.ffmpeg"),
    ("ffmpeg_bin", "/opt/ffmpeg/bin/ffmpeg", CARRIED, "tools.ffmpeg"),
    ("ffprobe_bin", "ffprobe", REPLACED, "tools.ffprobe"),
    ("ffprobe_bin", "/opt/ffmpeg/bin/ffprobe", CARRIED, "tools.ffprobe"),
    ("require_ffmpeg_version", "8.1", CARRIED, "tools.min_version"),
    ("require_ffmpeg_version", "7.0", REPLACED, "tools.min_version"),
    ("require_ffmpeg_version", "newest", REFUSED, None),
    ("force_reencode", False, CARRIED, "rules[].skip"),
    ("force_reencode", True, CARRIED, "rules[].encode.force"),
    ("enable_test_clip_workflow", True, CARRIED, "rules[].review"),
    ("enable_test_clip_workflow", False, CARRIED, "rules[].review"),
    ("test_clip_duration", 45, CARRIED, "rules[].review.clip"),
    ("test_clip_duration", 20, REPLACED, "rules[].review.clip"),
    ("preferred_encoder", "libaom-av1", CARRIED, "tools.preferred_encoder"),
    ("preferred_encoder", "SVT-AV1-PSY", REFUSED, None),
]
TABLE = [
    *((ConfigForm.DOCKER, *row) for row in (*BOTH_FORMS, *DOCKER_FORM)),
    *((ConfigForm.NATIVE, *row) for row in (*BOTH_FORMS, *NATIVE_FORM)),
]


def test_the_table_has_every_key_of_both_forms() -> None:
    assert {row[0] for row in (*BOTH_FORMS, *DOCKER_FORM, *NATIVE_FORM)} == set(KEYS)
    assert {row[0] for row in DOCKER_FORM} == set(DOCKER_KEYS)
    assert {row[0] for row in NATIVE_FORM} == set(NATIVE_KEYS)


@pytest.mark.parametrize("suffix", ["json", "toml"])
@pytest.mark.parametrize(("form", "key", "value", "fate", "ours"), TABLE)
def test_each_key_is_carried_over_replaced_or_refused(
    tmp_path: Path,
    form: ConfigForm,
    key: str,
    value: Any,
    fate: KeyFate,
    ours: str | None,
    suffix: str,
) -> None:
    own = DOCKER if form is ConfigForm.DOCKER else NATIVE
    config = read(tmp_path, {"library_roots": ["/media/movies"], **own, key: value}, suffix=suffix)
    assert config.form is form
    found = outcome(config, key)
    assert (found.fate, found.ours) == (fate, ours)
    assert found.why
    assert found.place is not None
    assert found.place.startswith(f"{config.file}:")


@pytest.mark.parametrize("form", [DOCKER, NATIVE])
def test_no_key_is_left_out_of_the_list(tmp_path: Path, form: dict[str, Any]) -> None:
    config = read(tmp_path, {**form, "colour": [1], "min_bytes": 5})
    keys = [one.key for one in key_outcomes(config)]
    assert len(keys) == len(set(keys))
    absent = set() if form is DOCKER else set(DOCKER_KEYS)
    assert set(keys) == set(KEYS) - absent | {"colour"}
    unknown = outcome(config, "colour")
    assert unknown.fate is KeyFate.UNKNOWN
    assert unknown.value == "[1]"


def test_keys_that_are_not_there_have_av1ds_defaults(tmp_path: Path) -> None:
    values = policy_values(read(tmp_path, {"docker_bin": "docker"}))
    assert values == PolicyValues(
        min_size=2 * 1024**3 + 1,
        max_size_ratio=0.9,
        temp_dir=None,
        stall_timeout_s=600,
        ffmpeg=None,
        ffprobe=None,
        min_version="8.0",
        preferred_encoder=None,
        force=False,
        clip_s=45,
    )


@pytest.mark.parametrize(
    ("key", "value", "field", "ours"),
    [
        ("min_bytes", 0, "min_size", 1),
        ("min_bytes", 1000, "min_size", 1001),
        ("max_size_ratio", 1, "max_size_ratio", 1.0),
        ("max_size_ratio", -1, "max_size_ratio", None),
        ("temp_output_dir", "/fast", "temp_dir", "/fast"),
        ("stuck_job_file_inactivity_secs", 0, "stall_timeout_s", None),
        ("stuck_job_check_enable_file_activity", False, "stall_timeout_s", None),
        ("ffmpeg_bin", "/a/ffmpeg", "ffmpeg", "/a/ffmpeg"),
        ("require_ffmpeg_version", "9", "min_version", "9.0"),
        ("require_ffmpeg_version", "8.1.2", "min_version", "8.1"),
        ("require_ffmpeg_version", "6.1", "min_version", "8.0"),
        ("preferred_encoder", "librav1e", "preferred_encoder", "librav1e"),
        ("preferred_encoder", None, "preferred_encoder", None),
        ("force_reencode", True, "force", True),
        ("enable_test_clip_workflow", False, "clip_s", None),
        ("test_clip_duration", 5, "clip_s", 30),
        ("test_clip_duration", 500, "clip_s", 60),
        ("test_clip_duration", 50, "clip_s", 50),
    ],
)
def test_values_are_exact(tmp_path: Path, key: str, value: Any, field: str, ours: Any) -> None:
    assert getattr(policy_values(read(tmp_path, {key: value})), field) == ours


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("library_roots", []),
        ("library_roots", "/media"),
        ("library_roots", [1]),
        ("library_roots", ["/a\0b"]),
        ("min_bytes", -1),
        ("min_bytes", 2.5),
        ("min_bytes", True),
        ("min_bytes", "2GiB"),
        ("min_bytes", 2**64),
        ("max_size_ratio", "0.9"),
        ("max_size_ratio", True),
        ("temp_output_dir", ""),
        ("scan_interval_secs", None),
        ("stuck_job_check_enable_process", "yes"),
        ("force_reencode", 1),
        ("test_clip_duration", [45]),
        ("preferred_encoder", 3),
    ],
)
def test_a_value_of_a_wrong_type_is_refused_with_its_place(
    tmp_path: Path, key: str, value: Any
) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, {"docker_bin": "docker", key: value})
    assert f"config.json:3:3: {key}: expected " in caught.value.message


def test_all_wrong_values_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, {"min_bytes": "x", "force_reencode": "y", "max_size_ratio": 0.5})
    assert [line.split(": ")[1] for line in caught.value.message.splitlines()[1:]] == [
        "min_bytes",
        "force_reencode",
    ]


def test_a_file_with_keys_of_both_forms_is_a_native_one(tmp_path: Path) -> None:
    """So the newer program reads it."""
    config = read(tmp_path, {**DOCKER, **NATIVE})
    assert config.form is ConfigForm.NATIVE
    assert "did not read it" in outcome(config, "docker_image").why


def test_relative_folders_are_made_absolute_and_home_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = read(tmp_path, {"library_roots": ["movies", "~/tv", "movies"]})
    assert config.library_roots == (str(tmp_path / "movies"), "~/tv")
