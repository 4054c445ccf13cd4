"""Items of a plan as values, for tests that need no library on disk."""

from __future__ import annotations

from av1rules.encode.streams import plan_streams
from av1rules.media.packed_source import pack_facts
from av1rules.media.source import FileStat, LibraryFile, Source
from av1rules.plan.items import (
    Copy,
    Encode,
    EncodeRecipe,
    Evaluation,
    Fresh,
    PlanItem,
    PlannedEncode,
    work_of,
)
from av1rules.policy.model import TierThresholds
from av1rules.policy.resolve import Decision, DecisionKind
from av1rules.policy.settings import SourceTier
from tests.encode.make import SVT, settings
from tests.encode.make import source as source_of


def library_file(name: str) -> LibraryFile:
    stat = FileStat(device=1, inode=1, size_bytes=10**9, mtime_ns=1, ctime_ns=1)
    return LibraryFile(root_name="films", root="/films", relative_path=name, stat=stat)


def planned_encode(file: LibraryFile, source: Source | None = None) -> PlannedEncode:
    source, wanted = source or source_of(), settings()
    recipe = EncodeRecipe(
        settings=wanted, origins=(), streams=plan_streams(source, wanted), losses=(), encoder=SVT
    )
    evaluation = Evaluation(
        file=file,
        packed=pack_facts(source),
        source_tier=SourceTier.WEB_DL,
        tiers=TierThresholds(),
        decision=Decision(kind=DecisionKind.ENCODE, settings=wanted),
        recipe=recipe,
    )
    return PlannedEncode(
        evaluation=evaluation,
        recipe=recipe,
        encoder=SVT,
        content_key="key",
        fingerprint="print",
        origin=file,
    )


def encode(name: str) -> Encode:
    file = library_file(name)
    return Encode(file=file, causes=("new",), target=f"/out/{name}", work=planned_encode(file))


def copy(name: str) -> Copy:
    file = library_file(name)
    return Copy(file=file, causes=("new",), target=f"/out/{name}", work=planned_encode(file))


def fresh(name: str) -> Fresh:
    return Fresh(file=library_file(name), causes=("new",), target=f"/out/{name}")


def work_in(item: PlanItem) -> PlannedEncode:
    """What is planned for an item that a run acts on."""
    work = work_of(item)
    assert work is not None
    return work
