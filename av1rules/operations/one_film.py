"""Encodes one film without a rules file: rules of one rule, and a private state for as long as the
encode lasts. All else is the machinery of a run, its verification and its repair after a kill.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from av1rules.base.errors import UsageError
from av1rules.base.events import Outcome, RunStarted, Sink
from av1rules.base.files import make_folders
from av1rules.base.text import printable, text_digest
from av1rules.execute.job_guard import run_job
from av1rules.execute.session import Session
from av1rules.ledger.receipt import Receipt, parse_receipt
from av1rules.media.cache import ProbeFailure
from av1rules.media.source import FileStat, LibraryFile
from av1rules.plan.context import PlanContext, PlanRequest
from av1rules.plan.evaluate import evaluate
from av1rules.plan.items import Blocked, Encode, Evaluation, Fresh, PlanAction, PlanItem
from av1rules.plan.source_item import plan_file
from av1rules.plan.workspace import Workspace, opened, probe_files
from av1rules.policy.model import (
    Action,
    ActionKind,
    LibrarySpec,
    OutputMode,
    OutputSpec,
    Place,
    ReceiptForm,
    ReviewKind,
    ReviewSpec,
    Root,
    Rule,
    RuleSet,
    RunSpec,
    Setting,
    SettingsLayer,
    TierThresholds,
    ToolsSpec,
)

SUFFIX = OutputSpec().suffix
"""`film.av1.mkv` beside `film.mkv`, as in mode `beside`."""

_ASKED = Place(file="--set", line=1, column=1)

_ANY_CODEC = SettingsLayer(
    name="av1rules encode",
    settings=(Setting(field="force", value=True, place=Place(file="built-in", line=1, column=1)),),
)
"""A film that is named is encoded, whatever its codec."""


class FilmRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One film to encode: real path of the source, absolute path of the target, and the settings
    that are asked for. `overwrites`: a file at the target's path may go."""

    source: str
    target: str
    changes: Mapping[str, object]
    receipts: ReceiptForm = ReceiptForm.NONE
    overwrites: bool = False


def film_request(
    file: str,
    output: str | None,
    changes: Mapping[str, object],
    *,
    receipts: ReceiptForm = ReceiptForm.NONE,
    overwrites: bool = False,
) -> FilmRequest:
    """The request for `file`. Without `output` the target goes beside it; the extension of `output`
    is the container.

    Raises UsageError for a file that is not there, a target that is the source, that exists and may
    not be overwritten, or whose folder is missing.
    """
    if not os.path.isfile(file):
        raise UsageError("no such film", where=printable(file), hint="name one file")
    source = os.path.realpath(file)
    changes = dict(changes)
    target = _target(source, output, changes)
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise UsageError(
            "the folder of the target is missing", where=printable(folder), hint="make it first"
        )
    if os.path.exists(target) and os.path.samefile(source, target):
        raise UsageError(
            "the target would be the source itself",
            where=printable(target),
            hint="name another file with -o: an original is never written to",
        )
    request = FilmRequest(
        source=source, target=target, changes=changes, receipts=receipts, overwrites=overwrites
    )
    if os.path.lexists(target) and not overwrites and not _state_dir(request).exists():
        raise UsageError(
            "the target exists",
            where=printable(target),
            hint="name another file with -o, or overwrite this one with --force",
        )
    return request


_CONTAINERS = {".mkv": "mkv", ".mp4": "mp4"}


def _target(source: str, output: str | None, changes: dict[str, object]) -> str:
    """The absolute path of the target; its container goes into `changes`."""
    stem = os.path.splitext(os.path.basename(source))[0]
    if output is None or os.path.isdir(output):
        folder = os.path.dirname(source) if output is None else os.path.abspath(output)
        return f"{folder}/{stem}{SUFFIX}.{changes.get('container', 'mkv')}"
    container = _CONTAINERS.get(os.path.splitext(output)[1].lower())
    if container is None:
        raise UsageError(
            "the container of the target is not known by its name",
            where=printable(output),
            hint="end it with .mkv or .mp4",
        )
    if changes.setdefault("container", container) != container:
        raise UsageError(
            f"the target is named .{container}, and container={changes['container']} is asked for",
            where=printable(output),
            hint="leave out one of the two",
        )
    # Its folder may be a link; the file itself is what is replaced.
    folder = os.path.realpath(os.path.dirname(output) or ".")
    return os.path.join(folder, os.path.basename(output))


@contextlib.contextmanager
def film_workspace(request: FilmRequest) -> Iterator[Workspace]:
    """The workspace of one film. Its state is removed at the end; after a kill it stays, and the
    next encode of the same target goes on from it."""
    state = _state_dir(request)
    try:
        make_folders(state, mode=0o700)
    except OSError:  # no home, or one that can't be written to
        state = Path(tempfile.mkdtemp(prefix="av1rules-"))
    try:
        with opened(_rules(request, state), write=False) as workspace:
            yield workspace
    finally:
        shutil.rmtree(state, ignore_errors=True)
        for parent in (state.parent, state.parent.parent):
            with contextlib.suppress(OSError):
                parent.rmdir()  # only if nothing else is there


def _state_dir(request: FilmRequest) -> Path:
    home = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    name = text_digest(f"{request.source}\n{request.target}")[:16]
    return Path(home) / "av1rules" / "encode" / name


def _rules(request: FilmRequest, state: Path) -> RuleSet:
    """What `encode: {}` gives, with the settings asked for, no test clip, and no codec left
    alone."""
    folder = Path(request.source).parent
    layer = SettingsLayer(
        name="asked for",
        settings=tuple(
            Setting(field=name, value=value, place=_ASKED)
            for name, value in request.changes.items()
        ),
    )
    rule = Rule(
        name="this film",
        when=None,
        action=Action(kind=ActionKind.ENCODE, layer=layer),
        place=_ASKED,
        review=ReviewSpec(kind=ReviewKind.NEVER, place=_ASKED),
    )
    target_folder = Path(request.target).parent
    return RuleSet(
        file=Path("av1rules encode"),
        library=LibrarySpec(roots=(Root(path=folder, name=folder.name or "film", place=_ASKED),)),
        output=OutputSpec(mode=OutputMode.MIRROR, root=target_folder, receipts=request.receipts),
        tools=ToolsSpec(),
        tiers=TierThresholds(),
        run=RunSpec(state_dir=state),
        defaults=_ANY_CODEC,
        profiles=(),
        rules=(rule,),
        digest="",
    )


def plan_film(
    workspace: Workspace, request: FilmRequest, sink: Sink
) -> tuple[PlanItem, Evaluation | None]:
    """What would be done with the film, and the evaluation of it if it can be read."""
    folder, name = os.path.split(request.source)
    (root,) = workspace.ruleset.library.roots
    stat = FileStat.of(os.stat(request.source))
    file = LibraryFile(root_name=root.name, root=folder, relative_path=name, stat=stat)
    ((_, source),) = probe_files(workspace, [file], sink)
    if isinstance(source, ProbeFailure):
        return Blocked(file=file, causes=(f"can't be read as video: {source.message}",)), None
    asked = PlanRequest(
        paths=(request.source,), target=request.target, overwrites=request.overwrites
    )
    item = plan_file(PlanContext.load(workspace, asked), file, source)
    return item, evaluate(workspace, file, source)


class FilmOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the film; `receipt` is there if its target is. `acceptable` are the losses
    that hold it and may be accepted."""

    item: PlanItem
    outcome: Outcome | None = None
    receipt: Receipt | None = None
    acceptable: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        return self.receipt is not None


def encode_film(session: Session, request: FilmRequest) -> FilmOutcome:
    """Encode, verify and publish the film; progress and failures are events of the session."""
    workspace, started = session.workspace, time.monotonic()
    item, evaluation = plan_film(workspace, request, session.sink)
    outcome = None
    if isinstance(item, Encode):
        session.sink(
            RunStarted(jobs=1, stale=1, fresh=0, held=0, blocked=0, size_bytes=item.size_bytes)
        )
        outcome = run_job(item, session)
        session.sink(session.finished(elapsed_s=time.monotonic() - started))
    recipe = evaluation.recipe if evaluation is not None else None
    losses = recipe.losses if recipe is not None and item.action is PlanAction.HELD else ()
    refused = (loss for loss in losses if not loss.accepted and loss.acceptable)
    is_there = outcome is Outcome.DONE or isinstance(item, Fresh)
    stored = workspace.ledger.receipt(request.target) if is_there else None
    return FilmOutcome(
        item=item,
        outcome=outcome,
        receipt=None if stored is None else parse_receipt(stored),
        acceptable=tuple(dict.fromkeys(loss.loss.value for loss in refused)),
    )
