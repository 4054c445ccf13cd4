"""What must be found out before an encode, and what of it is known: the noise for `film_grain:
auto`, the CRF for a quality target, the size of samples. Reads ledger and cache only.

A fingerprint holds the requested settings, so freshness depends on none of this.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
import msgspec.structs
from msgspec import structs
from msgspec.structs import replace

from av1rules.encode.size_gate import is_worth_sampling, too_large_by_samples
from av1rules.ledger.records import tools_used
from av1rules.ledger.samples import SampleEncode, SearchResult
from av1rules.plan.evaluate import known_noise
from av1rules.plan.items import (
    Encode,
    EncodeRecipe,
    Held,
    LeftAlone,
    MakeClip,
    PlannedEncode,
    Prerequisite,
    with_note,
)
from av1rules.plan.workspace import Workspace
from av1rules.policy.fingerprint import fingerprint, of_pictures
from av1rules.policy.quality_spec import Otherwise, QualityTarget
from av1rules.policy.settings import EncodeSettings
from av1rules.quality.excerpts import NoiseEstimate
from av1rules.quality.grain import CLEAN, film_grain_for, level_of
from av1rules.quality.sampling import projected_bytes


def known_settings(workspace: Workspace, content_key: str, recipe: EncodeRecipe) -> EncodeSettings:
    """The settings with all values that are known by now."""
    settings = recipe.settings
    if settings.film_grain_auto and (noise := known_noise(workspace, content_key)) is not None:
        settings = structs.replace(settings, film_grain=film_grain_for(noise)[0])
    if settings.quality_target is not None and recipe.encoder is not None:
        tools = tools_used(recipe.encoder, workspace.tools)
        key = search_key(content_key, settings)
        found = workspace.ledger.searches.find(key, tools)
        if found is not None:
            settings = structs.replace(settings, crf=_crf_of(settings.quality_target, found))
    return settings


def search_key(content_key: str, settings: EncodeSettings) -> str:
    """The key of a search: the fingerprint of its target if all tracks stay, since other tracks
    change no picture."""
    return fingerprint(content_key, of_pictures(settings))


def _crf_of(target: QualityTarget, found: SearchResult) -> float:
    """The CRF that a search found; the lowest of the range if none is good enough."""
    return target.crf_min if found.crf is None else found.crf


Ready = TypeVar("Ready", bound=Encode | MakeClip)


def with_known_results(
    workspace: Workspace, row: Ready, *, forced: bool = False
) -> Ready | Held | LeftAlone:
    """The encode with the known values in its settings and the pending prerequisites; Held or
    LeftAlone if a search found no CRF that is good enough."""
    pending: list[Prerequisite] = []
    row = _with_grain(workspace, row, pending)
    target, found = row.work.recipe.settings.quality_target, _search(workspace, row.work)
    if target is not None and found is None:
        pending.append(Prerequisite.SEARCH)
        row = with_note(row, f"its CRF is searched for first: {target.text}")
    elif target is not None and found is not None:
        withheld = _withheld(row, target, found)
        if withheld is not None and not forced:
            return withheld
        row = _with_crf(row, target, found)
    if isinstance(row, Encode) and _wants_sample(
        workspace, row.work, is_unsure=bool(pending), is_forced=forced
    ):
        pending.append(Prerequisite.SAMPLE)
    if not pending and row.work.pending == () and row.work.is_forced is forced:
        return row
    return replace(row, work=replace(row.work, pending=tuple(pending), is_forced=forced))


def _with_grain(workspace: Workspace, row: Ready, pending: list[Prerequisite]) -> Ready:
    settings = row.work.recipe.settings
    if not settings.film_grain_auto and not settings.film_grain:
        return row
    noise = known_noise(workspace, row.work.content_key)
    if not settings.film_grain_auto:
        return row if noise is None else _with_doubt(row, settings.film_grain, noise)
    if noise is None:
        pending.append(Prerequisite.MEASURE)
        return with_note(row, "its grain is measured first: film_grain auto")
    row = with_note(row, grain_text(noise))
    return _with_settings(row, film_grain=film_grain_for(noise)[0])


def _with_doubt(row: Ready, strength: int, noise: NoiseEstimate) -> Ready:
    """A note where a film that was measured for another reason has no grain to give back."""
    level = level_of(noise)
    if level is None or level >= CLEAN:
        return row
    text = (
        f"film_grain is {strength}, but the film has no grain (noise {level:.1f}): synthesis costs"
        " time and detail; film_grain: auto leaves it out"
    )
    return with_note(row, text)


def grain_text(noise: NoiseEstimate) -> str:
    """What `film_grain: auto` chooses for this noise, and why."""
    strength, why = film_grain_for(noise)
    return f"film_grain auto is {strength}: {why}"


def _search(workspace: Workspace, work: PlannedEncode) -> SearchResult | None:
    if work.recipe.settings.quality_target is None:
        return None
    key = search_key(work.content_key, work.recipe.settings)
    return workspace.ledger.searches.find(key, tools_used(work.encoder, workspace.tools))


def _with_crf(row: Ready, target: QualityTarget, found: SearchResult) -> Ready:
    crf = _crf_of(target, found)
    text = found.text if found.crf is not None else f"{found.text}: the best there is, CRF {crf:g}"
    return _with_settings(with_note(row, text), crf=crf)


def _withheld(
    row: Encode | MakeClip, target: QualityTarget, found: SearchResult
) -> Held | LeftAlone | None:
    """What becomes of a film that no CRF is good enough for."""
    if found.crf is not None:
        return None
    if target.otherwise is Otherwise.HOLD:
        advice = "a lower floor, a lower crf min, or otherwise: best or skip decides it"
        return Held.of(row, f"{found.text}; {advice}", is_settled_by_attempt=True)
    if target.otherwise is Otherwise.SKIP:
        cause = f"{found.text}: left alone until source, target or tools change"
        return LeftAlone.of(row, cause, is_settled_by_attempt=True)
    return None


def _wants_sample(
    workspace: Workspace, work: PlannedEncode, *, is_unsure: bool, is_forced: bool
) -> bool:
    """Whether its size must be sampled, or an earlier sample is too large by the current policy.
    `is_unsure`: its settings are not known yet."""
    if not is_worth_sampling(work.evaluation.source):
        return False
    if is_unsure:
        return True
    tools = tools_used(work.encoder, workspace.tools)
    settings = as_encoded(work.recipe.settings)
    sample = workspace.ledger.samples.find(work.content_key, settings, tools)
    return sample is None or (not is_forced and too_large(work, sample) is not None)


def too_large(work: PlannedEncode, sample: SampleEncode) -> str | None:
    """Why the current policy does not start an encode with such samples; None if it does, as with
    a film whose length nobody measured: the projection may be several times too large."""
    main = work.evaluation.source.main
    if main is None or main.duration_s is None:
        return None
    return too_large_by_samples(
        projection_of(work, sample),
        source_bytes=work.origin.stat.size_bytes,
        max_size_ratio=work.recipe.settings.max_size_ratio,
    )


def projection_of(work: PlannedEncode, sample: SampleEncode) -> int | None:
    """Projected size of the whole target in bytes, audio included; None if it is unknown."""
    return projected_bytes(
        work.evaluation.source,
        work.recipe.streams.kept,
        clip_bytes=sample.size_bytes,
        clip_s=sample.duration_s,
    )


def as_encoded(settings: EncodeSettings) -> EncodeSettings:
    """The settings of pictures with concrete values only, without the requests they come from."""
    return structs.replace(of_pictures(settings), quality_target=None, film_grain_auto=False)


def _with_settings(row: Ready, **found: Any) -> Ready:
    settings = msgspec.structs.replace(row.work.recipe.settings, **found)
    work = replace(row.work, recipe=replace(row.work.recipe, settings=settings))
    return replace(row, work=work)
