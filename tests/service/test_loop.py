"""The watcher as a process of its own, on a real library with fake encodes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from av1rules.cli.exit_codes import EXIT_BUSY, EXIT_DONE, EXIT_INTERRUPTED, EXIT_USAGE
from av1rules.ledger.ledger import Ledger
from tests.service.watched import WatchedLibrary


@pytest.fixture
def library(tmp_path: Path) -> Iterator[WatchedLibrary]:
    with WatchedLibrary(tmp_path / "library") as library:
        yield library


def test_it_makes_what_is_there_and_what_comes_by_file_events(library: WatchedLibrary) -> None:
    library.add("a.mkv")
    library.start()
    library.until_idle()
    assert library.targets() == {"a.mkv"}
    library.add("b.mkv")
    library.until(lambda: "b.mkv" in library.targets(), "the target of a new film")
    library.until_idle(2)
    assert library.stop() == EXIT_DONE
    assert library.state() is None


def test_without_events_a_word_in_the_spool_or_the_interval_wakes_it(
    library: WatchedLibrary,
) -> None:
    library.start("--no-events")
    library.until_idle()
    path = library.add("told.mkv")
    spoken = library.call("notify", Sonarr_EventType="Download", Sonarr_EpisodeFile_Path=str(path))
    assert spoken.returncode == EXIT_DONE, spoken.stderr
    library.until(lambda: "told.mkv" in library.targets(), "the film that Sonarr told of")
    library.until_idle(2)
    assert not list((library.state_dir / "spool").iterdir())
    library.stop()
    library.start("--no-events", "--interval", "1s")
    library.until_idle()
    library.add("seen.mkv")
    library.until(lambda: "seen.mkv" in library.targets(), "the film that the walk found")


def test_a_word_outlives_a_killed_watcher(library: WatchedLibrary) -> None:
    word = library.call("notify", "changed", str(library.add("a.mkv")))
    assert word.returncode == EXIT_DONE
    library.encode_s = 30
    library.start()
    library.until_logged("films/a.mkv")
    library.kill()
    assert len(list((library.state_dir / "spool").iterdir())) == 1
    library.encode_s = 0
    library.start()
    library.until_idle()
    assert library.targets() == {"a.mkv"}
    assert not list((library.state_dir / "spool").iterdir())


def test_edited_rules_take_effect_and_broken_ones_are_told_once(library: WatchedLibrary) -> None:
    library.add("a.mkv")
    library.start("--no-events")
    library.until_idle()
    before = library.target("a.mkv").read_bytes()
    good = (library.folder / "rules.yaml").read_text()
    (library.folder / "rules.yaml").write_text(f"{good}surprise: [1\n")
    library.until_logged("the edited policy is broken")
    library.signal(signal.SIGHUP)
    library.until_idle(2)
    assert library.target("a.mkv").read_bytes() == before
    assert library.log.count("the edited policy is broken") == 1
    library.rules(crf=40)
    library.until(lambda: library.target("a.mkv").read_bytes() != before, "the other setting")
    assert library.log.count("the policy can be read again") == 1


def test_a_rules_file_edited_in_a_round_ends_it_after_the_film_at_work(
    library: WatchedLibrary,
) -> None:
    for name in ("a.mkv", "b.mkv"):
        library.add(name)
    library.encode_s = 4
    library.start("--no-events")
    library.until_logged("films/a.mkv")
    library.rules(crf=40)
    library.until(lambda: library.targets() == {"a.mkv", "b.mkv"}, "both films")
    library.until_idle(2)
    ledger = Ledger.read(library.state_dir)
    settings = {row.source_path: row.settings.crf for row in ledger.rows()}
    ledger.close()
    assert set(settings.values()) == {40}, settings


def test_a_missing_root_is_waited_for(library: WatchedLibrary) -> None:
    for number in range(8):
        library.add(f"{number}.mkv")
    library.start()
    library.until_idle()
    films, away = library.folder / "films", library.folder / "away"
    films.rename(away)
    library.signal(signal.SIGHUP)
    library.until_logged("no round now")
    assert len(library.targets()) == 8
    away.rename(films)
    library.until_logged("goes on")
    library.add("new.mkv")
    library.until(lambda: "new.mkv" in library.targets(), "a film after the disk came back")
    assert len(library.targets()) == 9


def test_a_second_watcher_ends_and_a_run_works_beside(library: WatchedLibrary) -> None:
    library.start("--no-events")
    library.until_idle()
    second = library.call("watch")
    assert second.returncode == EXIT_BUSY
    assert f"process {library.process.pid} " in second.stderr if library.process else False
    library.add("a.mkv")
    run = library.call("run")
    assert run.returncode == EXIT_DONE, run.stderr
    assert library.targets() == {"a.mkv"}


def test_it_waits_while_another_run_is_at_work(library: WatchedLibrary) -> None:
    library.add("a.mkv")
    from av1rules.execute.resources.run_lock import run_lock

    with run_lock(library.state_dir):
        library.start()
        library.until_logged(f"another run uses this ledger: process {os.getpid()} ")
        assert library.targets() == set()
    library.until_idle()
    assert library.targets() == {"a.mkv"}
    assert library.log.count("another run uses this ledger") == 1


def test_a_source_that_goes_while_it_is_encoded_ends_its_job(library: WatchedLibrary) -> None:
    path = library.add("a.mkv")
    library.encode_s = 50
    library.start("--no-events")
    library.until_logged("films/a.mkv")
    library.until(lambda: "encode" in (library.state_dir / "events.ndjson").read_text(), "encode")
    path.unlink()
    library.until_logged("its source is gone")
    library.until_idle()
    assert library.targets() == set()


def test_a_user_who_stops_all_holds_the_watcher_until_resume(library: WatchedLibrary) -> None:
    library.add("a.mkv")
    assert library.call("stop").returncode == EXIT_DONE
    library.start()
    library.until_logged("held: stopped by a user")
    assert library.targets() == set()
    assert library.call("resume").returncode == EXIT_DONE
    library.until(lambda: library.targets() == {"a.mkv"}, "what was held")


def test_sigterm_in_a_round_ends_gently_and_ctrl_c_says_so(library: WatchedLibrary) -> None:
    library.add("a.mkv")
    library.encode_s = 50
    process = library.start()
    library.until_logged("films/a.mkv")
    assert library.stop() == EXIT_DONE
    process = library.start()
    library.until(lambda: library.log.count("encoding with") > 1, "the second try")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == EXIT_INTERRUPTED
    library.process = None
    assert library.targets() == set()
    assert not [path for path in library.folder.rglob(".av1rules-*") if "trash" not in path.name]


def test_it_does_not_begin_with_broken_rules(library: WatchedLibrary) -> None:
    (library.folder / "rules.yaml").write_text("rules: 7\n")
    done = library.call("watch")
    assert done.returncode == EXIT_USAGE
    assert "rules.yaml:1" in done.stderr


def test_rounds_without_work_say_nothing(library: WatchedLibrary) -> None:
    library.add("a.mkv")
    library.start("--interval", "1s")
    library.until_idle(4)
    assert library.log.count("to encode") == 1
    assert library.log.count("finished") <= 1


def test_outside_its_hours_the_ledger_is_free(library: WatchedLibrary) -> None:
    library.add("a.mkv")
    now = datetime.now().astimezone()
    hours = f"{now + timedelta(hours=3):%H:%M}-{now + timedelta(hours=4):%H:%M}"
    library.rules(more=f"schedule: {{hours: '{hours}'}}\n")
    library.start("--no-events")
    library.until_logged("held: ")
    assert library.call("adopt").returncode != EXIT_BUSY
    assert library.targets() == set()
    library.rules()
    library.until(lambda: library.targets() == {"a.mkv"}, "what was held")
