"""The few columns of valid targets that a plan asks for."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec.structs import replace

from av1rules.ledger.ledger import Ledger
from av1rules.ledger.mapping import canonical_json
from av1rules.ledger.valid_targets import ValidTarget
from tests.plan.test_freshness import ROW

ODD = os.fsdecode(b"/out/\xff\n\xe2\x80\xae.mkv")


def test_valid_targets_are_found_by_path_and_by_folder(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    names = [ODD, "/out/a.mkv", "/out2/b.mkv"]
    for number, name in enumerate(names):
        ledger.commit(replace(ROW, target=name, source=f"films/{number}"), b"{}")
    ledger.commit(replace(ROW, target="/out/gone.mkv", source="films/gone"), b"{}")
    ledger.forget("films/gone")
    paths = [os.fsencode(name) for name in names]
    valid = ledger.valid
    assert list(valid.paths()) == sorted(paths)
    assert valid.count() == 3
    asked = [*paths, b"/out/gone.mkv", b"/never", *(b"/%d" % number for number in range(2000))]
    assert valid.of(asked) == dict.fromkeys(
        paths,
        ValidTarget(
            ROW.fingerprint, ROW.target_bytes, ROW.target_mtime_ns, canonical_json(ROW.tools)
        ),
    )
    folders = ("/out", "/out2", "/ou", "/out/a.mkv", "/", "")
    assert [valid.has_any_below(one) for one in folders] == [True, True, False, False, False, True]
    ledger.close()


def test_a_missing_ledger_has_no_valid_targets(tmp_path: Path) -> None:
    ledger = Ledger.read(tmp_path)
    assert (ledger.valid.of([b"/a"]), ledger.valid.count(), [*ledger.valid.paths()]) == ({}, 0, [])
    assert not ledger.valid.has_any_below("/")
    ledger.close()
