from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from av1rules.base.errors import UsageError
from av1rules.cli.main import cli
from av1rules.service.spool import read_words, waiting_words

RULES = "version: 1\nlibrary: {roots: [films]}\nrules: [{name: all, encode: {}}]\n"


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "rules.yaml").write_text(RULES)
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".av1rules" / "spool"


def notify(*words: str, **environment: str) -> str:
    done = CliRunner().invoke(cli, ["notify", *words], env=environment, standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done.output


def test_an_import_of_sonarr_leaves_a_word(spool: Path) -> None:
    said = notify(
        Sonarr_EventType="Download",
        Sonarr_EpisodeFile_Path="/tv/\x1b[31ma.mkv",
        Sonarr_DeletedPaths="/tv/old.mkv",
    )
    assert "told of 2 files" in said
    (word,) = read_words(waiting_words(spool))
    assert word.entry is not None
    assert (word.entry.sender, word.entry.event) == ("Sonarr", "Download")
    assert word.entry.changed == ("/tv/\x1b[31ma.mkv",)
    assert word.entry.deleted == ("/tv/old.mkv",)


@pytest.mark.parametrize("event", ["Test", "Grab", "HealthIssue"])
def test_a_test_is_well_and_leaves_nothing(event: str, spool: Path) -> None:
    assert "nothing to tell" in notify(Radarr_EventType=event)
    assert not spool.exists()


def test_without_an_environment_it_says_what_to_do(spool: Path) -> None:
    with pytest.raises(UsageError, match="neither Sonarr nor Radarr") as raised:
        notify()
    assert "notify changed PATH" in str(raised.value)


def test_paths_by_hand(spool: Path) -> None:
    document = json.loads(notify("changed", "--json", "films/a.mkv"))
    assert document["changed"] == [str(Path.cwd() / "films" / "a.mkv")]
    assert Path(document["word"]).parent == spool
    gone = json.loads(notify("changed", "--json", "--deleted", "/films/b.mkv"))
    assert gone["deleted"] == ["/films/b.mkv"]


def test_a_path_alone_is_enough(spool: Path) -> None:
    assert "told of 1 file" in notify("/films/a.mkv")


def test_a_spool_of_the_rules_file(tmp_path: Path, spool: Path) -> None:
    (tmp_path / "rules.yaml").write_text(f"{RULES}watch: {{spool: inbox}}\n")
    notify("changed", "/films/a.mkv")
    assert len(waiting_words(tmp_path / "inbox")) == 1
    assert not spool.exists()
