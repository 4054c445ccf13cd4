"""The scenarios of the fault tests: a small library in some state, and one command on it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from av1rules.base.files import TEMP_PREFIX
from av1rules.ledger.ledger import Ledger
from tests.faults.live import undo_last
from tests.sample_library import FAST, SampleLibrary

OTHER = FAST.replace("crf: 50", "crf: 45")


@dataclass(frozen=True)
class Stage:
    """A library on one file system, a folder on another, and clips for both."""

    library: SampleLibrary
    far: Path
    clips: Mapping[str, Path]

    def rules(self, output: str, *, settings: str = FAST, roots: str = "films") -> None:
        self.library.rules(
            f"version: 1\nlibrary: {{roots: [{roots}], settle: 0}}\n"
            f"output: {{{output}}}\nrun: {{reserve: 0}}\n"
            f"rules: [{{name: all, encode: {{{settings}}}, review: never}}]\n"
        )

    def add(self, *names: str) -> None:
        """Each name gets the clip of its first letter."""
        for name in names:
            self.library.add(name, self.clips[name[0] + Path(name).suffix])

    def film(self, name: str) -> Path:
        return self.library.folder / "films" / name

    def run(self) -> None:
        finished = self.library.run()
        assert finished.failed == finished.dropped == 0, self.library.output()

    def undo(self) -> None:
        undo_last(self.library)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """`prepare` makes the state before the command. `is_toggle`: a repeated run does not repeat the
    command (an undo). `may_go`: the command deletes originals whose targets are verified."""

    prepare: Callable[[Stage], None]
    command: tuple[str, ...] = ("run",)
    is_toggle: bool = False
    may_go: bool = False


MIRROR = "mode: mirror, root: out, receipts: both, side_files: carry"
REPLACE = "mode: replace, receipts: both, side_files: carry"


def _encode(stage: Stage, output: str = MIRROR) -> None:
    stage.rules(output)
    stage.add("a.mkv")
    stage.film("a.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nword\n")


def _encode_far_temp(stage: Stage) -> None:
    _encode(stage, f"{MIRROR}, temp_dir: {stage.far}/temp")


def _redo(stage: Stage) -> None:
    _encode(stage)
    stage.run()
    stage.rules(MIRROR, settings=OTHER)


def _replace(stage: Stage) -> None:
    _encode(stage, REPLACE)


def _replace_far_temp(stage: Stage) -> None:
    _encode(stage, f"{REPLACE}, temp_dir: {stage.far}/temp")


def _replace_extension(stage: Stage) -> None:
    stage.rules(REPLACE)
    stage.add("a.mp4")
    for name in ("a.mp4.nfo", "a.srt"):
        stage.film(name).write_text(name)


def _rebuild(stage: Stage) -> None:
    _replace(stage)
    stage.run()
    stage.rules(REPLACE, settings=OTHER)


def _replaced_extension(stage: Stage) -> None:
    _replace_extension(stage)
    stage.run()


def _undone(stage: Stage) -> None:
    _replaced_extension(stage)
    stage.undo()


def _replaced(stage: Stage) -> None:
    _replace(stage)
    stage.run()


def _replaced_undone(stage: Stage) -> None:
    _replaced(stage)
    stage.undo()


def _delete(stage: Stage) -> None:
    _encode(stage, f"{REPLACE}, originals: delete after verify")


def _delete_extension(stage: Stage) -> None:
    stage.rules(f"{REPLACE}, originals: delete after verify")
    stage.add("a.mp4")


def _copies(stage: Stage, output: str = f"{MIRROR}, copies: link") -> None:
    stage.rules(output)
    stage.add("a.mkv", "a2.mkv")


def _copies_copied(stage: Stage) -> None:
    _copies(stage, f"{MIRROR}, copies: copy")


def _copies_replaced(stage: Stage) -> None:
    _copies(stage, REPLACE)


def _three(stage: Stage) -> None:
    stage.rules(MIRROR)
    stage.add("a.mkv", "b.mkv", "c.mkv")
    stage.film("a.srt").write_text("a")
    stage.run()


def _chain(stage: Stage) -> None:
    _three(stage)
    for old, new in (("c", "d"), ("b", "c"), ("a", "b")):
        stage.film(f"{old}.mkv").rename(stage.film(f"{new}.mkv"))
    stage.film("a.srt").rename(stage.film("b.srt"))


def _swap(stage: Stage) -> None:
    _three(stage)
    for old, new in (("a", "x"), ("b", "a"), ("x", "b")):
        stage.film(f"{old}.mkv").rename(stage.film(f"{new}.mkv"))


def _folder(stage: Stage) -> None:
    stage.rules(MIRROR)
    stage.library.add("season 1/a.mkv", stage.clips["a.mkv"])
    stage.run()
    stage.film("season 1").rename(stage.film("Season 01"))


def _move_and_redo(stage: Stage) -> None:
    _three(stage)
    stage.film("a.mkv").rename(stage.film("z.mkv"))
    stage.rules(MIRROR, settings=OTHER)


def _move_far(stage: Stage) -> None:
    (stage.far / "more").mkdir()
    roots = f"films, '{stage.far}/more'"
    stage.rules("mode: beside, receipts: both", roots=roots)
    stage.add("a.mkv", "b.mkv")
    shutil.copy(stage.clips["c.mkv"], stage.far / "more" / "c.mkv")
    stage.run()
    shutil.move(stage.film("a.mkv"), stage.far / "more" / "a.mkv")
    shutil.move(stage.far / "more" / "c.mkv", stage.film("c.mkv"))


def _displace(stage: Stage) -> None:
    _three(stage)
    stage.film("a.mkv").replace(stage.film("b.mkv"))


def _orphan(stage: Stage) -> None:
    _three(stage)
    stage.rules(f"{MIRROR}, orphans: trash")
    stage.film("a.mkv").unlink()


def _orphan_in_trash(stage: Stage) -> None:
    _orphan(stage)
    stage.run()
    stage.rules(MIRROR)


def _expired(stage: Stage) -> None:
    _replace(stage)
    stage.run()
    with sqlite3.connect(stage.library.state_dir / "ledger.sqlite3") as ledger:
        ledger.execute("UPDATE kept SET at='2020-01-01T00:00:00+00:00'")
    ledger.close()
    stage.rules(f"{REPLACE}, originals: keep for 30d")


def _better_release(stage: Stage) -> None:
    _replaced(stage)
    shutil.copy(stage.clips["b.mkv"], stage.film("a.mkv"))


def _moved_results(stage: Stage) -> None:
    """A user renamed the folder of a replaced film, and put another in the place of a third."""
    stage.rules(REPLACE)
    stage.add("a.mkv", "b.mkv", "a3.mp4")
    stage.run()
    stage.film("new").mkdir()
    for old, new in (("a.mkv", "x.mkv"), ("b.mkv", "a.mkv"), ("x.mkv", "b.mkv")):
        stage.film(old).rename(stage.film(new))
    stage.film("a3.mkv").rename(stage.film("new/c.mkv"))


def _moved_targets(stage: Stage) -> None:
    """A user moved the targets of a mirror: one away, two into each other's places."""
    _three(stage)
    out = stage.library.folder / "out" / "films"
    for old, new in (("a", "x"), ("b", "a"), ("x", "b"), ("c", "mine")):
        (out / f"{old}.mkv").rename(out / f"{new}.mkv")


def _leftover(stage: Stage) -> None:
    """A private folder that no ledger knows, of a run that died long ago."""
    _encode(stage)
    private = stage.library.folder / "out" / f"{TEMP_PREFIX}0123456789abcdef"
    private.mkdir(parents=True)
    (private / "part.mkv").write_bytes(b"half")
    for path in (private / "part.mkv", private):
        os.utime(path, (0, 0))
    ledger = Ledger.open(stage.library.state_dir)
    ledger.runs.begin("2020-01-01T00:00:00+00:00")
    ledger.close()


_REST = """\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: mirror, root: out, rest: {rest}}}
run: {{reserve: 0}}
rules:
  - {{name: kept, when: {{path: "{kept}"}}, skip: true}}
  - {{name: all, encode: {{{settings}}}, review: never}}
"""


def _rest(stage: Stage, rest: str = "hardlink", kept: str = "**/b*") -> None:
    """A film that is encoded under another name, one that is left alone, and a side file."""
    stage.library.rules(_REST.format(rest=rest, kept=kept, settings=FAST))
    stage.add("a.mp4", "b.mkv")
    stage.film("b.srt").write_text("b")


def _rest_copied(stage: Stage) -> None:
    _rest(stage, "copy")


def _rest_gives_way(stage: Stage) -> None:
    _rest(stage, kept="**")
    stage.run()
    stage.library.rules(_REST.format(rest="hardlink", kept="none", settings=FAST))


def _rest_copies_give_way(stage: Stage) -> None:
    _rest(stage, "copy", kept="**")
    stage.run()
    stage.library.rules(_REST.format(rest="copy", kept="none", settings=FAST))


def _rest_turned_off(stage: Stage) -> None:
    _rest(stage, kept="**")
    stage.run()
    stage.library.rules(_REST.format(rest="leave", kept="**", settings=FAST))


_UNDO = ("undo", "last")

SCENARIOS: dict[str, Scenario] = {
    "encode": Scenario(prepare=_encode),
    "encode, temp_dir elsewhere": Scenario(prepare=_encode_far_temp),
    "redo over a target": Scenario(prepare=_redo),
    "replace": Scenario(prepare=_replace),
    "replace, new extension": Scenario(prepare=_replace_extension),
    "replace, temp_dir elsewhere": Scenario(prepare=_replace_far_temp),
    "replace, better release": Scenario(prepare=_better_release),
    "rebuild from the original": Scenario(prepare=_rebuild),
    "undo": Scenario(prepare=_replaced, command=_UNDO, is_toggle=True),
    "undo, new extension": Scenario(prepare=_replaced_extension, command=_UNDO, is_toggle=True),
    "undo of an undo": Scenario(prepare=_replaced_undone, command=_UNDO, is_toggle=True),
    "undo of an undo, new extension": Scenario(prepare=_undone, command=_UNDO, is_toggle=True),
    "undo of an orphan": Scenario(prepare=_orphan_in_trash, command=_UNDO, is_toggle=True),
    "delete after verify": Scenario(prepare=_delete, may_go=True),
    "delete after verify, new extension": Scenario(prepare=_delete_extension, may_go=True),
    "copies linked": Scenario(prepare=_copies),
    "copies copied": Scenario(prepare=_copies_copied),
    "copies replaced": Scenario(prepare=_copies_replaced),
    "moves in a chain": Scenario(prepare=_chain),
    "moves that swap": Scenario(prepare=_swap),
    "move of a folder": Scenario(prepare=_folder),
    "move and redo": Scenario(prepare=_move_and_redo),
    "moves to another file system": Scenario(prepare=_move_far),
    "move onto a deleted film": Scenario(prepare=_displace),
    "films that a user moved": Scenario(prepare=_moved_results),
    "targets that a user moved": Scenario(prepare=_moved_targets),
    "orphan to the trash": Scenario(prepare=_orphan),
    "purge": Scenario(prepare=_expired, may_go=True),
    "rest of a mirror linked": Scenario(prepare=_rest),
    "rest of a mirror copied": Scenario(prepare=_rest_copied),
    "rest gives way to targets": Scenario(prepare=_rest_gives_way),
    "copies give way to targets": Scenario(prepare=_rest_copies_give_way),
    "rest taken out": Scenario(prepare=_rest_turned_off),
    "leftover of a lost ledger": Scenario(prepare=_leftover),
}
