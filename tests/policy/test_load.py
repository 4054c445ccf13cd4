"""A whole rules file to a RuleSet: every section, paths, defaults, digest and trust."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from av1rules.policy.load import check_rules, load_rules
from av1rules.policy.model import (
    Copies,
    HardLinks,
    IoClass,
    LibrarySpec,
    OnToolsChange,
    Originals,
    OriginalsKind,
    Orphans,
    OutputMode,
    OutputSpec,
    ReceiptForm,
    RunSpec,
    SideFiles,
    TierThresholds,
    ToolsSpec,
)
from av1rules.policy.problems import RulesError, render

WriteRules = Callable[[str], Path]


def test_smallest_file_has_the_defaults_of_the_types(write_rules: WriteRules) -> None:
    path = write_rules("rules: []\n")
    found = load_rules(path)
    assert found.file == path
    assert [(str(root.path), root.name) for root in found.library.roots] == [
        ("/media/movies", "movies")
    ]
    assert found.library == LibrarySpec(roots=found.library.roots)
    assert found.output == OutputSpec()
    assert found.tools == ToolsSpec()
    assert found.tiers == TierThresholds()
    assert found.run == RunSpec(state_dir=path.parent / ".av1rules")
    assert (found.profiles, found.rules, found.defaults.settings) == ((), (), ())


def test_all_sections(write_rules: WriteRules) -> None:
    text = """\
version: 1
library:
  roots: [media/tv, {path: /mnt/films, name: movies}]
  include: "**/*.mkv"
  exclude: [a/**, "**/b"]
  extensions: [MKV, mp4]
  min_size: 2GiB
  settle: 5min
  max_lost: 12.5%
output:
  {mode: mirror, root: ../av1, suffix: .new, temp_dir: ./tmp, receipts: both, keep_mtime: false,
   keep_mode: false, keep_owner: false, keep_xattrs: false, originals: keep for 30d,
   orphans: trash, copies: copy, hard_links: replace, side_files: carry}
tools:
  ffmpeg: bin/ffmpeg
  ffprobe: ffprobe8
  min_version: 8.10
  preferred_encoder: librav1e
  on_change: redo
run:
  state_dir: state
  jobs: 3
  stall_timeout: 1h
  probe_timeout: 1.5
  threads_per_job: 2
  reserve: 5GB
  max_failures: 7
  max_duration: 2d
  nice: 19
  io_class: best-effort
  cpus: 0-2,5
  memory_per_job: 12GiB
  memory: 24GB
tiers:
  remux: {bitrate_1080p: 12Mb/s, bitrate_2160p: 30000000, bits_per_pixel: 1, markers: [disc]}
  low_quality: {bitrate_1080p: 900kb/s, bits_per_pixel: 0.01}
  web_dl: {markers: web}
rules: []
"""
    path = write_rules(text)
    folder = path.parent
    found = load_rules(path)
    assert [(root.path, root.name) for root in found.library.roots] == [
        (folder / "media/tv", "tv"),
        (Path("/mnt/films"), "movies"),
    ]
    assert found.library == LibrarySpec(
        roots=found.library.roots,
        include=("**/*.mkv",),
        exclude=("a/**", "**/b"),
        extensions=("mkv", "mp4"),
        min_size=2 * 1024**3,
        settle_s=300.0,
        max_lost=0.125,
    )
    assert found.output == OutputSpec(
        mode=OutputMode.MIRROR,
        root=folder.parent / "av1",
        suffix=".new",
        temp_dir=folder / "tmp",
        receipts=ReceiptForm.BOTH,
        keep_mtime=False,
        keep_mode=False,
        keep_owner=False,
        keep_xattrs=False,
        originals=Originals(kind=OriginalsKind.KEEP_FOR, keep_s=30 * 86400.0),
        orphans=Orphans.TRASH,
        copies=Copies.COPY,
        hard_links=HardLinks.REPLACE,
        side_files=SideFiles.CARRY,
        place=found.output.place,
    )
    assert str(found.output.place).endswith("rules.yaml:10:1")
    assert found.tools == ToolsSpec(
        ffmpeg=str(folder / "bin/ffmpeg"),
        ffprobe="ffprobe8",
        min_version=(8, 10),
        preferred_encoder="librav1e",
        on_change=OnToolsChange.REDO,
    )
    assert found.run == RunSpec(
        state_dir=folder / "state",
        jobs=3,
        stall_timeout_s=3600.0,
        probe_timeout_s=1.5,
        threads_per_job=2,
        reserve_bytes=5 * 1000**3,
        max_failures=7,
        max_duration_s=172_800.0,
        nice=19,
        io_class=IoClass.BEST_EFFORT,
        cpus=(0, 1, 2, 5),
        memory_per_job=12 * 1024**3,
        memory=24 * 1000**3,
    )
    assert found.tiers == TierThresholds(
        remux_bitrate_1080p=12_000_000,
        remux_bitrate_2160p=30_000_000,
        remux_bits_per_pixel=1,
        remux_markers=("disc",),
        low_bitrate_1080p=900_000,
        low_bits_per_pixel=0.01,
        web_markers=("web",),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("keep", Originals()),
        ("keep for 36h", Originals(kind=OriginalsKind.KEEP_FOR, keep_s=129_600.0)),
        ("keep for 1.5 d", Originals(kind=OriginalsKind.KEEP_FOR, keep_s=129_600.0)),
        ("'keep for  2w '", Originals(kind=OriginalsKind.KEEP_FOR, keep_s=1_209_600.0)),
        ("delete after verify", Originals(kind=OriginalsKind.DELETE)),
    ],
)
def test_originals_of_replace_mode(text: str, expected: Originals, write_rules: WriteRules) -> None:
    path = write_rules(f"output: {{mode: replace, originals: {text}}}\nrules: []\n")
    output = load_rules(path).output
    assert (output.mode, output.originals) == (OutputMode.REPLACE, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", (3,)),
        ("[6, 0-2, 1]", (0, 1, 2, 6)),
        ("'1 , 0'", (0, 1)),
        ("['7,5-6', 1023]", (5, 6, 7, 1023)),
        ("2 - 4", (2, 3, 4)),
    ],
)
def test_cpus(text: str, expected: tuple[int, ...], write_rules: WriteRules) -> None:
    assert load_rules(write_rules(f"run: {{cpus: {text}}}\nrules: []\n")).run.cpus == expected


@pytest.mark.parametrize(("text", "expected"), [("0", 0), ("1", 1), ("0.1", 0.1), ("10%", 0.1)])
def test_share_that_may_be_lost(text: str, expected: float, write_rules: WriteRules) -> None:
    path = write_rules(f"version: 1\nlibrary: {{roots: [/a], max_lost: {text}}}\nrules: []\n")
    assert load_rules(path).library.max_lost == expected


@pytest.mark.parametrize(
    "output",
    [
        "originals: keep, hard_links: hold",
        "mode: mirror, root: /x, originals: keep, hard_links: hold, orphans: trash",
        "mode: replace, originals: keep for 30d, hard_links: replace, orphans: leave",
    ],
)
def test_what_is_true_in_a_mode_is_no_warning(output: str, write_rules: WriteRules) -> None:
    ruleset, problems = check_rules(write_rules(f"output: {{{output}}}\nrules: []\n"))
    assert (ruleset is not None, problems) == (True, ())


def test_state_and_temp_folders_keep_off_the_roots_in_replace_mode(write_rules: WriteRules) -> None:
    text = "output: {mode: replace, temp_dir: /media}\nrun: {state_dir: /media/movies}\nrules: []\n"
    found, problems = check_rules(write_rules(text))
    assert found is None
    assert [problem.path for problem in problems] == ["output.temp_dir", "run.state_dir"]


def test_home_is_expanded_and_variables_are_not(
    write_rules: WriteRules, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("MEDIA", "/elsewhere")
    path = write_rules("version: 1\nlibrary: {roots: [~/films, a$/b]}\nrules: []\n")
    assert [str(root.path) for root in load_rules(path).library.roots] == [
        "/home/me/films",
        f"{path.parent}/a$/b",
    ]
    found, problems = check_rules(write_rules("output: {temp_dir: $MEDIA/tmp}\nrules: []\n"))
    assert found is None
    assert problems[0].message == "environment variables are not supported: $MEDIA"


def test_relative_file_name_gives_absolute_paths(
    write_rules: WriteRules, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_rules("version: 1\nlibrary: {roots: [tv]}\nrules: []\n")
    monkeypatch.chdir(path.parent)
    found = load_rules(Path("rules.yaml"))
    assert found.file == path
    assert found.library.roots[0].path == path.parent / "tv"
    assert found.digest == load_rules(path).digest
    assert found.library.roots[0].place.file == "rules.yaml"


def test_digest_covers_text_and_place(write_rules: WriteRules, tmp_path: Path) -> None:
    digest = load_rules(write_rules("rules: []\n")).digest
    assert load_rules(write_rules("rules: []  # a comment\n")).digest != digest
    moved = tmp_path / "other.yaml"
    moved.write_text((tmp_path / "rules.yaml").read_text())
    assert load_rules(moved).digest != load_rules(tmp_path / "rules.yaml").digest


def test_trusted_file_loads_equal_and_without_jsonschema(write_rules: WriteRules) -> None:
    path = write_rules("rules:\n  - {name: x, when: {height: {min: 3}}, encode: {crf: 20}}\n")
    found = load_rules(path)
    assert load_rules(path, trusted_digest=found.digest) == found
    code = (
        "import sys; from pathlib import Path; from av1rules.policy.load import load_rules;"
        f"load_rules(Path({str(path)!r}), trusted_digest={found.digest!r});"
        "print('jsonschema' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


def test_trust_ends_with_the_first_change(write_rules: WriteRules) -> None:
    digest = load_rules(write_rules("rules: []\n")).digest
    with pytest.raises(RulesError):
        load_rules(write_rules("rules: [{name: x, skp: true}]\n"), trusted_digest=digest)


def test_warnings_do_not_stop_loading(write_rules: WriteRules) -> None:
    path = write_rules("rules:\n  - {name: a, skip: true}\n  - {name: b, skip: true}\n")
    assert len(load_rules(path).rules) == 2
    found, problems = check_rules(path)
    assert found is not None
    assert "warning: rules[1]: rule b never decides" in render(problems[0])


def test_names_and_reasons_lose_control_characters(write_rules: WriteRules) -> None:
    path = write_rules('rules:\n  - {name: "a\\e[31m", skip: "old\\n news\\e[0m"}\n')
    rule = load_rules(path).rules[0]
    assert (rule.name, rule.action.reason) == ("a\\x1b[31m", "old news\\x1b[0m")
