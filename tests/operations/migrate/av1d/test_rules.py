"""The rules made of a configuration: valid, in one layout, tested by themselves, and the same
decisions as av1d's."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from av1rules.base.errors import UsageError
from av1rules.operations.migrate.av1d.config import Av1dConfig, ConfigForm
from av1rules.operations.migrate.av1d.keys import policy_values
from av1rules.operations.migrate.av1d.rules import (
    EXCLUDED,
    PolicyDraft,
    cpu_text,
    first_tests_text,
    named_roots,
    rules_text,
)
from av1rules.operations.migrate.files import require_valid
from av1rules.operations.migrate.systemd.limits import UnitLimits
from av1rules.operations.rule_tests.files import run_test_files
from av1rules.policy.globs import compile_globs
from av1rules.policy.load import check_rules
from av1rules.policy.model import OriginalsKind, OutputMode, RuleSet
from av1rules.policy.yaml.layout import laid_out
from tests.conftest import Golden


def draft(
    config: Av1dConfig | None = None,
    *,
    limits: UnitLimits | None = None,
    marked: tuple[str, ...] = (),
) -> PolicyDraft:
    config = config or Av1dConfig(file="config.json", form=ConfigForm.NATIVE, members={})
    return PolicyDraft(
        configs=(config,),
        values=policy_values(config),
        limits=limits or UnitLimits(),
        roots=named_roots(config.library_roots),
        marked=marked,
    )


def loaded(folder: Path, made: PolicyDraft) -> RuleSet:
    path = folder / "rules.yaml"
    path.write_text(rules_text(made))
    ruleset, problems = check_rules(path)
    assert problems == ()
    assert ruleset is not None
    return ruleset


FULL = Av1dConfig(
    file="/etc/av1d/config.json",
    form=ConfigForm.NATIVE,
    members={},
    library_roots=("/media/movies", "/media/tv", "/mnt/b/tv"),
    temp_output_dir="/nvme/av1d-temp",
    ffmpeg_bin="/opt/ffmpeg",
    ffprobe_bin="/opt/ffprobe",
    preferred_encoder="libsvtav1",
)
LIMITS = UnitLimits(nice=10, io_class="idle", cpus=(0, 1, 2, 3, 6), memory=16 * 1024**3)


def test_the_whole_file(golden: Golden) -> None:
    made = draft(FULL, limits=LIMITS, marked=("movies/A [x]*.mkv",))
    golden("rules.yaml", rules_text(made))
    golden("rules.tests.yaml", first_tests_text(made))


@pytest.mark.parametrize(
    ("force", "clips", "encoder", "temp"),
    list(itertools.product((False, True), (False, True), (None, "libaom-av1"), (None, "/t"))),
)
def test_rules_are_valid_laid_out_and_pass_their_own_tests(
    tmp_path: Path, force: bool, clips: bool, encoder: str | None, temp: str | None
) -> None:
    made = draft(
        Av1dConfig(
            file="c.json",
            form=ConfigForm.DOCKER,
            members={},
            force_reencode=force,
            enable_test_clip_workflow=clips,
            preferred_encoder=encoder,
            temp_output_dir=temp,
        )
    )
    text = rules_text(made)
    assert laid_out(text) == text
    assert laid_out(first_tests_text(made)) == first_tests_text(made)
    loaded(tmp_path, made)
    (tmp_path / "rules.tests.yaml").write_text(first_tests_text(made))
    (checked,) = run_test_files([tmp_path / "rules.tests.yaml"], tmp_path / "rules.yaml")
    assert checked.failed == ()
    assert len(checked.results) == 5


def test_values_arrive(tmp_path: Path) -> None:
    ruleset = loaded(tmp_path, draft(FULL, limits=LIMITS))
    assert [(root.name, str(root.path)) for root in ruleset.library.roots] == [
        ("movies", "/media/movies"), ("tv", "/media/tv"), ("tv-2", "/mnt/b/tv"),
    ]  # fmt: skip
    assert ruleset.library.min_size == 2 * 1024**3 + 1
    assert ruleset.library.exclude == EXCLUDED
    assert ruleset.output.mode is OutputMode.REPLACE
    assert ruleset.output.originals.kind is OriginalsKind.KEEP
    assert str(ruleset.output.temp_dir) == "/nvme/av1d-temp"
    assert (ruleset.tools.ffmpeg, ruleset.tools.preferred_encoder) == ("/opt/ffmpeg", "libsvtav1")
    run = ruleset.run
    assert (run.nice, run.io_class.value, run.cpus) == (10, "idle", (0, 1, 2, 3, 6))
    assert run.memory == 16 * 1024**3
    assert run.stall_timeout_s == 600


def test_a_name_with_signs_of_globs_is_listed_as_it_is(tmp_path: Path) -> None:
    name = "movies/A [x] {b} *?!.mkv"
    ruleset = loaded(tmp_path, draft(marked=(name,)))
    rule = next(rule for rule in ruleset.rules if rule.name == "marked for av1d")
    text = rules_text(draft(marked=(name,)))
    assert "skip: marked with .av1skip" in text
    assert rule.action.reason == "marked with .av1skip"
    glob = text.split('- "movies/A')[1].split('"\n')[0].replace("\\\\", "\\")
    matcher = compile_globs((f"movies/A{glob}",))
    assert matcher(name)
    assert not matcher("movies/A x {b} *?!.mkv")
    assert not matcher("movies/A [x] {b} other!.mkv")


def test_roots_have_names_of_their_own() -> None:
    assert named_roots(["/a/tv", "/b/tv/", "/c/tv", "/a/tv", "/"]) == (
        ("tv", "/a/tv"), ("tv-2", "/b/tv/"), ("tv-3", "/c/tv"), ("films", "/"),
    )  # fmt: skip


def test_hostile_names_are_written_as_text(tmp_path: Path) -> None:
    root = '/media/a"b\\c: {d}\n# \x1b[2J'
    config = Av1dConfig(
        file="c\n- evil.json", form=ConfigForm.NATIVE, members={}, library_roots=(root,)
    )
    ruleset = loaded(tmp_path, draft(config))
    assert str(ruleset.library.roots[0].path) == root


def test_a_root_that_yaml_can_not_name_is_refused() -> None:
    config = Av1dConfig(
        file="c.json", form=ConfigForm.NATIVE, members={}, library_roots=("/media/\udcff",)
    )
    with pytest.raises(UsageError, match="not UTF-8"):
        rules_text(draft(config))


def test_what_a_policy_may_not_say_is_told_before_it_is_written() -> None:
    config = Av1dConfig(
        file="c.json", form=ConfigForm.NATIVE, members={}, library_roots=("/$HOME/x",)
    )
    with pytest.raises(UsageError, match="not valid") as caught:
        require_valid(rules_text(draft(config)), origin="c.json")
    assert "library.roots" in caught.value.message
    assert caught.value.where == "c.json"


def test_cpus_are_written_as_ranges() -> None:
    assert cpu_text((0, 1, 2, 5, 7, 8)) == "0-2,5,7-8"
