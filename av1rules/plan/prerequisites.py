"""What must be known of a film before it is encoded, and what of it is known: the noise for
`film_grain: auto`, the CRF for a target, how large samples come out. Reads ledger and cache only.

The fingerprint of a target holds the wish, so that a row is judged without any of this.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from av1rules.ledger.records import tools_used
from av1rules.ledger.samples import SampleEncode, SearchResult
from av1rules.plan.evaluate import EncodeRecipe
from av1rules.plan.items import PlanAction, PlannedEncode, PlanRow, Prerequisite
from av1rules.plan.workspace import Workspace
from av1rules.policy.quality_spec import Otherwise, QualityTarget
from av1rules.policy.settings import EncodeSettings
from av1rules.quality.excerpts import NOISE_VERSION, NoiseEstimate
from av1rules.quality.grain import film_grain_for, noise_level
from av1rules.quality.sampling import hopeless, is_worth_sampling, projected_bytes


def noise_key(content_key: str) -> str:
    """Where the cache has the noise of a content, whichever FFmpeg saw it: another one must not
    have rules choose otherwise."""
    return f"noise:{NOISE_VERSION}:{content_key}"


def known_noise(workspace: Workspace, content_key: str) -> NoiseEstimate | None:
    """What was measured of this content; None: not yet."""
    text = workspace.cache.get(noise_key(content_key))
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=NoiseEstimate)
    except msgspec.MsgspecError:
        return None  # another version wrote it


def grain_of(workspace: Workspace, content_key: str | None) -> float | None:
    """The fact `grain` of a content; None where it is not measured, or can't be told."""
    noise = None if content_key is None else known_noise(workspace, content_key)
    return None if noise is None else noise_level(noise.sigma_p10, noise.sigma_p50)


def known_settings(
    workspace: Workspace, content_key: str, recipe: EncodeRecipe, fingerprint: str
) -> EncodeSettings:
    """The settings with all numbers that are found out by now."""
    settings = recipe.settings
    if settings.film_grain_auto and (noise := known_noise(workspace, content_key)) is not None:
        settings = replace(settings, film_grain=film_grain_for(noise)[0])
    if settings.target is not None and recipe.encoder is not None:
        tools = tools_used(recipe.encoder, workspace.tools)
        found = workspace.ledger.searches.find(fingerprint, tools)
        if found is not None:
            settings = replace(settings, crf=_crf_of(settings.target, found))
    return settings


def _crf_of(target: QualityTarget, found: SearchResult) -> float:
    """The CRF that a search came to; the lowest of the range where none is good enough."""
    return target.crf_min if found.crf is None else found.crf


def with_known_results(workspace: Workspace, row: PlanRow, *, forced: bool = False) -> PlanRow:
    """The row of an encode with all that is known put into its settings, and what is still to be
    done for it; or held, or left alone, where a search found nothing good enough."""
    work = row.work
    if row.action not in (PlanAction.ENCODE, PlanAction.CLIP) or work is None:
        return row
    due: list[Prerequisite] = []
    row, work = _with_grain(workspace, row, work, due)
    found = _search(workspace, work)
    if work.recipe.settings.target is not None and found is None:
        due.append(Prerequisite.SEARCH)
        row = _noted(row, f"its CRF is searched for first: {work.recipe.settings.target.text}")
    elif found is not None:
        withheld = _withheld(row, work.recipe.settings, found)
        if withheld is not None and not forced:
            return withheld
        row, work = _with_crf(row, work, found)
    if row.action is PlanAction.ENCODE and _wants_sample(
        workspace, work, is_unsure=bool(due), is_forced=forced
    ):
        due.append(Prerequisite.SAMPLE)
    return replace(row, work=replace(work, due=tuple(due), is_forced=forced))


def _with_grain(
    workspace: Workspace, row: PlanRow, work: PlannedEncode, due: list[Prerequisite]
) -> tuple[PlanRow, PlannedEncode]:
    if not work.recipe.settings.film_grain_auto:
        return row, work
    noise = known_noise(workspace, work.content_key)
    if noise is None:
        due.append(Prerequisite.MEASURE)
        return _noted(row, "its grain is measured first: film_grain auto"), work
    strength, why = film_grain_for(noise)
    settings = replace(work.recipe.settings, film_grain=strength)
    return _noted(row, f"film_grain auto is {strength}: {why}"), _with_settings(work, settings)


def _search(workspace: Workspace, work: PlannedEncode) -> SearchResult | None:
    if work.recipe.settings.target is None:
        return None
    return workspace.ledger.searches.find(
        work.fingerprint, tools_used(work.encoder, workspace.tools)
    )


def _with_crf(
    row: PlanRow, work: PlannedEncode, found: SearchResult
) -> tuple[PlanRow, PlannedEncode]:
    target = work.recipe.settings.target
    assert target is not None
    crf = _crf_of(target, found)
    text = found.text if found.crf is not None else f"{found.text}: the best there is, CRF {crf:g}"
    return _noted(row, text), _with_settings(work, replace(work.recipe.settings, crf=crf))


def _withheld(row: PlanRow, settings: EncodeSettings, found: SearchResult) -> PlanRow | None:
    """What becomes of a film that no CRF is good enough for."""
    if found.crf is not None or settings.target is None:
        return None
    if settings.target.otherwise is Otherwise.HOLD:
        advice = "a lower floor, a lower crf min, or otherwise: best or skip decides it"
        cause = f"{found.text}; {advice}"
        return replace(
            row, action=PlanAction.HELD, causes=(cause,), work=None, is_settled_by_attempt=True
        )
    if settings.target.otherwise is Otherwise.SKIP:
        cause = f"{found.text}: left alone until source, target or tools change"
        return replace(
            row,
            action=PlanAction.LEFT_ALONE,
            causes=(cause,),
            work=None,
            is_settled_by_attempt=True,
        )
    return None


def _wants_sample(
    workspace: Workspace, work: PlannedEncode, *, is_unsure: bool, is_forced: bool
) -> bool:
    """Whether its size is to be sampled, or a sample judged that was made under another policy.
    `is_unsure`: its settings are not known yet."""
    if not is_worth_sampling(work.look.source):
        return False
    if is_unsure:
        return True
    tools = tools_used(work.encoder, workspace.tools)
    settings = as_encoded(work.recipe.settings)
    sample = workspace.ledger.samples.find(work.content_key, settings, tools)
    return sample is None or (not is_forced and too_large(work, sample) is not None)


def too_large(work: PlannedEncode, sample: SampleEncode) -> str | None:
    """Why a film with such samples is not begun, by the policy of today; None: it is."""
    return hopeless(
        projection_of(work, sample),
        source_bytes=work.origin.stat.size_bytes,
        max_size_ratio=work.recipe.settings.max_size_ratio,
    )


def projection_of(work: PlannedEncode, sample: SampleEncode) -> int | None:
    """Bytes of the whole film, sound and all, as far as its samples tell."""
    return projected_bytes(
        work.look.source,
        work.recipe.streams.kept,
        clip_bytes=sample.size_bytes,
        clip_s=sample.duration_s,
    )


def as_encoded(settings: EncodeSettings) -> EncodeSettings:
    """The settings with the numbers alone, whichever wish they come from."""
    return replace(settings, target=None, film_grain_auto=False)


def _with_settings(work: PlannedEncode, settings: EncodeSettings) -> PlannedEncode:
    return replace(work, recipe=replace(work.recipe, settings=settings))


def _noted(row: PlanRow, note: str) -> PlanRow:
    return row if note in row.notes else replace(row, notes=(*row.notes, note))
