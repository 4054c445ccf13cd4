"""What must be known of a film before it is encoded, and what of it is known: the noise for
`film_grain: auto`, the CRF for a target, how large samples come out. Reads ledger and cache only.

The fingerprint of a target holds the wish, so that a row is judged without any of this.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from av1rules.graph.look import Making
from av1rules.graph.planned import PlanAction, PlanRow, Step, Work
from av1rules.graph.sample_table import SampleEncode, SearchResult
from av1rules.graph.stale import tools_used
from av1rules.graph.workspace import Workspace
from av1rules.review.gate import hopeless, is_worth_sampling
from av1rules.review.grain import film_grain_for, noise_level
from av1rules.review.passages import NOISE_VERSION, NoiseEstimate
from av1rules.review.projection import projected_bytes
from av1rules.rules.quality import Otherwise, QualityTarget
from av1rules.rules.settings import EncodeSettings


def noise_key(content_key: str) -> str:
    """Where the cache has the noise of a content, whichever FFmpeg saw it: another one must not
    have rules choose otherwise."""
    return f"noise:{NOISE_VERSION}:{content_key}"


def known_noise(space: Workspace, content_key: str) -> NoiseEstimate | None:
    """What was measured of this content; None: not yet."""
    text = space.cache.get(noise_key(content_key))
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=NoiseEstimate)
    except msgspec.MsgspecError:
        return None  # another version wrote it


def grain_of(space: Workspace, content_key: str | None) -> float | None:
    """The fact `grain` of a content; None where it is not measured, or can't be told."""
    noise = None if content_key is None else known_noise(space, content_key)
    return None if noise is None else noise_level(noise.sigma_p10, noise.sigma_p50)


def known_settings(
    space: Workspace, content_key: str, making: Making, fingerprint: str
) -> EncodeSettings:
    """The settings with all numbers that are found out by now."""
    settings = making.settings
    if settings.film_grain_auto and (noise := known_noise(space, content_key)) is not None:
        settings = replace(settings, film_grain=film_grain_for(noise)[0])
    if settings.target is not None and making.encoder is not None:
        tools = tools_used(making.encoder, space.tools)
        found = space.ledger.searches.find(fingerprint, tools)
        if found is not None:
            settings = replace(settings, crf=_crf_of(settings.target, found))
    return settings


def _crf_of(target: QualityTarget, found: SearchResult) -> float:
    """The CRF that a search came to; the lowest of the range where none is good enough."""
    return target.crf_min if found.crf is None else found.crf


def prepared(space: Workspace, row: PlanRow, *, forced: bool = False) -> PlanRow:
    """The row of an encode with all that is known put into its settings, and what is still to be
    done for it; or held, or left alone, where a search found nothing good enough."""
    work = row.work
    if row.action not in (PlanAction.ENCODE, PlanAction.CLIP) or work is None:
        return row
    due: list[Step] = []
    row, work = _with_grain(space, row, work, due)
    found = _search(space, work)
    if work.making.settings.target is not None and found is None:
        due.append(Step.SEARCH)
        row = _noted(row, f"its CRF is searched for first: {work.making.settings.target.text}")
    elif found is not None:
        withheld = _withheld(row, work.making.settings, found)
        if withheld is not None and not forced:
            return withheld
        row, work = _with_crf(row, work, found)
    if row.action is PlanAction.ENCODE and _wants_sample(
        space, work, is_unsure=bool(due), is_forced=forced
    ):
        due.append(Step.SAMPLE)
    return replace(row, work=replace(work, due=tuple(due), is_forced=forced))


def _with_grain(
    space: Workspace, row: PlanRow, work: Work, due: list[Step]
) -> tuple[PlanRow, Work]:
    if not work.making.settings.film_grain_auto:
        return row, work
    noise = known_noise(space, work.content_key)
    if noise is None:
        due.append(Step.MEASURE)
        return _noted(row, "its grain is measured first: film_grain auto"), work
    strength, why = film_grain_for(noise)
    settings = replace(work.making.settings, film_grain=strength)
    return _noted(row, f"film_grain auto is {strength}: {why}"), _with_settings(work, settings)


def _search(space: Workspace, work: Work) -> SearchResult | None:
    if work.making.settings.target is None:
        return None
    return space.ledger.searches.find(work.fingerprint, tools_used(work.encoder, space.tools))


def _with_crf(row: PlanRow, work: Work, found: SearchResult) -> tuple[PlanRow, Work]:
    target = work.making.settings.target
    assert target is not None
    crf = _crf_of(target, found)
    text = found.text if found.crf is not None else f"{found.text}: the best there is, CRF {crf:g}"
    return _noted(row, text), _with_settings(work, replace(work.making.settings, crf=crf))


def _withheld(row: PlanRow, settings: EncodeSettings, found: SearchResult) -> PlanRow | None:
    """What becomes of a film that no CRF is good enough for."""
    if found.crf is not None or settings.target is None:
        return None
    if settings.target.otherwise is Otherwise.HOLD:
        advice = "a lower floor, a lower crf min, or otherwise: best or skip decides it"
        cause = f"{found.text}; {advice}"
        return replace(row, action=PlanAction.HELD, causes=(cause,), work=None, has_verdict=True)
    if settings.target.otherwise is Otherwise.SKIP:
        cause = f"{found.text}: left alone until source, target or tools change"
        return replace(
            row, action=PlanAction.LEFT_ALONE, causes=(cause,), work=None, has_verdict=True
        )
    return None


def _wants_sample(space: Workspace, work: Work, *, is_unsure: bool, is_forced: bool) -> bool:
    """Whether its size is to be sampled, or a sample judged that was made under another policy.
    `is_unsure`: its settings are not known yet."""
    if not is_worth_sampling(work.look.source):
        return False
    if is_unsure:
        return True
    tools = tools_used(work.encoder, space.tools)
    settings = as_encoded(work.making.settings)
    sample = space.ledger.samples.find(work.content_key, settings, tools)
    return sample is None or (not is_forced and too_large(work, sample) is not None)


def too_large(work: Work, sample: SampleEncode) -> str | None:
    """Why a film with such samples is not begun, by the policy of today; None: it is."""
    return hopeless(
        projection_of(work, sample),
        source_bytes=work.origin.stat.size_bytes,
        max_size_ratio=work.making.settings.max_size_ratio,
    )


def projection_of(work: Work, sample: SampleEncode) -> int | None:
    """Bytes of the whole film, sound and all, as far as its samples tell."""
    return projected_bytes(
        work.look.source,
        work.making.streams.kept,
        clip_bytes=sample.size_bytes,
        clip_s=sample.duration_s,
    )


def as_encoded(settings: EncodeSettings) -> EncodeSettings:
    """The settings with the numbers alone, whichever wish they come from."""
    return replace(settings, target=None, film_grain_auto=False)


def _with_settings(work: Work, settings: EncodeSettings) -> Work:
    return replace(work, making=replace(work.making, settings=settings))


def _noted(row: PlanRow, note: str) -> PlanRow:
    return row if note in row.notes else replace(row, notes=(*row.notes, note))
