"""The figures of a monitor, from a ledger that another process writes."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from av1rules.ledger.ledger import LEDGER_NAME, Ledger
from av1rules.ledger.records import AttemptResult
from av1rules.operations import control
from av1rules.operations.monitor.figures import LedgerReader, read_figures
from av1rules.policy.load import load_rules
from av1rules.policy.model import RuleSet
from tests.ledger import sample_records as sample

RULES = "version: 1\nlibrary: {roots: [films]}\nrules:\n  - name: all\n    encode: {}\n"


def ruleset(folder: Path) -> RuleSet:
    (folder / "films").mkdir()
    (folder / "rules.yaml").write_text(RULES)
    return load_rules(folder / "rules.yaml")


def test_what_another_process_writes_is_seen(tmp_path: Path) -> None:
    rules = ruleset(tmp_path)
    reader = LedgerReader(rules)
    assert read_figures(reader.ledger(), rules).totals.count == 0
    with closing(Ledger.open(rules.run.state_dir)) as ledger:
        sample.fill(ledger)
        ledger.queue.put([sample.QUEUED], is_whole=True)
        control.skip(rules.run.state_dir, ["films/b.mkv"])
        figures = read_figures(reader.ledger(), rules)
        assert figures.totals.count == 2
        assert figures.queue.films == 1
        assert figures.attempts[AttemptResult.FAILED] == 1
        assert figures.skipped(sample.AT) == 1
        assert (figures.clips_waiting, len(figures.clips)) == (0, 1)
        assert len(figures.saved_shares) == 2
        assert len(figures.forecast_errors) == 1
        assert figures.encode_s > 0
        assert (figures.schedules, figures.neighbours_untold) == ((), ledger.outbox.count_waiting())
    reader.close()


def test_a_ledger_that_is_another_file_is_opened_anew(tmp_path: Path) -> None:
    rules = ruleset(tmp_path)
    with closing(Ledger.open(rules.run.state_dir)) as ledger:
        sample.fill(ledger)
    reader = LedgerReader(rules)
    assert reader.ledger().totals().count == 2
    assert reader.ledger() is reader.ledger()
    (rules.run.state_dir / LEDGER_NAME).unlink()
    assert reader.ledger().totals().count == 0
    reader.close()
