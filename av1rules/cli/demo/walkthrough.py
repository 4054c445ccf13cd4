"""The steps of the demo: each runs the command that it prints, then checks the result.

Everything is real: rules file, plans, encodes and ledger are as in any library, and the folder
stays for further use.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from av1rules.base.errors import RunInterruptedError
from av1rules.base.files import write_text
from av1rules.base.process import Children
from av1rules.base.text import printable
from av1rules.base.units import format_size
from av1rules.cli import clips as clips_command
from av1rules.cli import plan, run
from av1rules.cli.demo.library import (
    CLIPS,
    CRF_AFTER,
    CRF_BEFORE,
    CRF_CLIP,
    CRF_LINE,
    REVIEWED_CLIP,
    RULES,
    Clip,
)
from av1rules.cli.demo.make_clips import make_clip
from av1rules.cli.exit_codes import EXIT_FAILED, EXIT_INTERRUPTED
from av1rules.cli.policy.init import DODO
from av1rules.ffmpeg.tools import Tools
from av1rules.forecast.decided import decided_plan
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import TargetRow
from av1rules.plan.items import Plan, PlanAction, clip_of
from av1rules.plan.workspace import open_workspace
from av1rules.policy.find_rules import DEFAULT_RULES
from av1rules.policy.load import load_rules
from av1rules.report.view import fit
from av1rules.ui.terminal import view_of

LIBRARY = "library"

_RULES_FILE = Path(DEFAULT_RULES)

Surprises = list[str]
"""Unexpected results, as text; empty if all is well."""

Built = dict[str, tuple[TargetRow, tuple[int, int, int]]]
"""Ledger row, and inode, size and mtime on disk, of every target."""


_PAGED = (("plan",), ("clips", "list"))
"""Commands of the demo that show long text in a pager."""


def walk_through(folder: Path, tools: Tools) -> Surprises:
    """The whole demo in `folder`, an empty one. Raises Av1rulesError, OSError.

    Ends at the first step with an unexpected result, which later steps would only repeat.
    """
    clips = _make_library(folder, tools)
    write_text(folder / DEFAULT_RULES, RULES)
    write_text(folder / "dodo.py", DODO)
    _say(f"\nwrote {folder / DEFAULT_RULES} and {folder / 'dodo.py'}; now in that folder:")
    _say(f"\n$ cd {shlex.quote(str(folder))}")
    with contextlib.chdir(folder):
        surprises = _plan_and_run(clips) or _approve_the_clip(clips) or _change_one_rule()
    if not surprises:
        _say(_farewell(folder))
    return surprises


def _make_library(folder: Path, tools: Tools) -> list[Clip]:
    _head(f"1. A small library in {folder / LIBRARY}")
    _say(f"made with {tools.ffmpeg} ({tools.ffmpeg_version})")
    children = Children()
    made = []
    for clip in CLIPS:
        if not make_clip(clip, folder / LIBRARY, ffmpeg=tools.ffmpeg, children=children):
            _say(f"  left out, this FFmpeg has no encoder for it: {clip.path}")
            continue
        size = format_size((folder / LIBRARY / clip.path).stat().st_size)
        _say(f"  {clip.path}, {size}\n      {clip.about}")
        made.append(clip)
    return made


def _plan_and_run(clips: list[Clip]) -> Surprises:
    _head("2. The plan: what a run would do with each file, and why. It changes nothing")
    _command("plan")
    surprises = list(_compare(clips, _current_plan()))
    if surprises:
        return surprises
    _head("3. The run: a test clip of the disc, then encode, verify by a full decode, publish")
    _command("run")
    return _not_encoded(clips, PlanAction.ENCODE)


def _not_encoded(clips: list[Clip], action: PlanAction) -> Surprises:
    """Clips with this action in the first plan but without a target."""
    wanted = {clip.path for clip in clips if clip.action is action}
    built = {_clip_path(row.source) for row, _stat in _built().values()}
    return [f"{path} was not encoded" for path in sorted(wanted - built)]


def _approve_the_clip(clips: list[Clip]) -> Surprises:
    _head("4. The disc waits: its clip is reviewed (`clips compare`, `clips open`) and approved")
    _command("clips", "list")
    row = next(
        (row for row in _current_plan().rows if _clip_path(row.file.library_path) == REVIEWED_CLIP),
        None,
    )
    clip = None if row is None else clip_of(row)
    if clip is None or not clip.is_made:
        return [f"there is no clip of {REVIEWED_CLIP}"]
    _command("clips", "approve", f"{LIBRARY}/{REVIEWED_CLIP}")
    _command("run")
    return _not_encoded(clips, PlanAction.CLIP)


def _change_one_rule() -> Surprises:
    before = _built()
    text = _RULES_FILE.read_text(encoding="utf-8")
    write_text(_RULES_FILE, text.replace(CRF_LINE.format(CRF_BEFORE), CRF_LINE.format(CRF_AFTER)))
    line = text.partition(CRF_LINE.format(CRF_BEFORE))[0].count("\n") + 1
    _head(f"5. Change one rule: {DEFAULT_RULES}:{line}, crf {CRF_BEFORE} -> {CRF_AFTER}")
    _command("plan")
    planned = _current_plan().of(PlanAction.ENCODE)
    if [_clip_path(row.file.library_path) for row in planned] != [CRF_CLIP]:
        return [f"only {CRF_CLIP} should be stale, the plan says {len(planned)} files"]
    _head("6. Run again: only files of that rule are redone")
    _command("run")
    after = _built()
    surprises = _compare_built(before, after)
    if surprises:
        return surprises
    _say(f"\nchecked: {CRF_CLIP} was redone; the other {len(after) - 1} targets are the same files")
    _say("with the same ledger rows as before.")
    _head("7. Now there is nothing left to do")
    _command("plan")
    return ["the last plan still has work to do"] if _current_plan().has_work else []


def _compare(clips: list[Clip], seen: Plan) -> Iterator[str]:
    rows = {_clip_path(row.file.library_path): row for row in seen.rows}
    for clip in clips:
        row = rows.get(clip.path)
        if row is None:
            yield f"{clip.path} is not in the plan"
            continue
        tier = clip.source_tier.value if clip.source_tier else None
        if (row.action, row.source_tier) != (clip.action, tier):
            causes = "; ".join(printable(cause) for cause in row.causes)
            yield (
                f"{clip.path}: expected {clip.action.value}, tier {tier}; "
                f"the plan says {row.action.value}, tier {row.source_tier} ({causes})"
            )


def _compare_built(before: Built, after: Built) -> Surprises:
    if before.keys() != after.keys():
        return ["the targets are not the same as before"]
    redone = {target for target in after if after[target] != before[target]}
    wanted = {
        target for target, (row, _stat) in after.items() if _clip_path(row.source) == CRF_CLIP
    }
    untouched = {target for target in after if after[target][1] == before[target][1]}
    return [
        *(f"{target} was redone, its rule was not changed" for target in sorted(redone - wanted)),
        *(f"{target} was not redone" for target in sorted(wanted & untouched)),
    ]


def _clip_path(library_path: str) -> str:
    return library_path.removeprefix(f"{LIBRARY}/")


def _current_plan() -> Plan:
    with open_workspace(_RULES_FILE, write=False) as workspace:
        return decided_plan(workspace)


def _built() -> Built:
    ledger = Ledger.read(load_rules(_RULES_FILE).run.state_dir)
    try:
        return {row.target: (row, _identity(row.target)) for row in ledger.rows()}
    finally:
        ledger.close()


def _identity(path: str) -> tuple[int, int, int]:
    seen = os.stat(path)
    return seen.st_ino, seen.st_size, seen.st_mtime_ns


def _command(name: str, *arguments: str) -> None:
    """Print a command and run it with the same function as the program."""
    _say(f"\n$ {shlex.join(['av1rules', name, *arguments])}\n")
    command = {"plan": plan.command, "run": run.command, "clips": clips_command.command}[name]
    # A pager would stop the demo in its middle.
    options = ["--no-pager"] if (name, *arguments) in _PAGED else []
    code = command.main([*arguments, *options], prog_name=f"av1rules {name}", standalone_mode=False)
    if code == EXIT_INTERRUPTED:
        raise RunInterruptedError("the demo was interrupted")
    if code == EXIT_FAILED:
        _say(f"\n(exit code {EXIT_FAILED}: one file is blocked)")


def _head(text: str) -> None:
    lines = list(fit([text], view_of(sys.stdout)))
    _say("\n".join(["", *lines, "-" * max(map(len, lines))]))


def _say(text: str) -> None:
    for line in fit([text], view_of(sys.stdout)):
        click.echo(line)


def _farewell(folder: Path) -> str:
    return f"""
All results are as expected. The folder is yours to try things in: {folder}
  {LIBRARY}/     the sources, none of them changed
  av1/         the AV1 files; `av1rules receipt FILE` shows how each was made
  rules.yaml   the policy; dodo.py provides the same graph to plain doit
  approvals.yaml   decisions on clips; belongs in git, beside the rules
  .av1rules/   the ledger, the test clips and the caches

Try next:
  av1rules explain "{LIBRARY}/{CRF_CLIP}"
  av1rules clips compare "{LIBRARY}/{REVIEWED_CLIP}" -o page.html, and open it in a browser
  rename a rule or add a comment, then `av1rules plan`: nothing is redone
  change a crf, a preset or film_grain, then plan: see what is redone, and which line caused it
  delete or truncate a target: only that one is redone
  accept the interlaced one: its rule is in rules.yaml as a comment
  doit list --all, doit info TASK, or plain doit"""
