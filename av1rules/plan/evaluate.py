"""What the policy says of one source: from probed facts to decision, settings, losses and
fingerprint. Reads caches, approvals and the source, but not the target.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from av1rules.approvals.model import adjustments_for, with_adjustments
from av1rules.base.errors import ToolError
from av1rules.base.memo import by_identity
from av1rules.encode.encoders.registry import choose_encoder
from av1rules.encode.losses import find_losses
from av1rules.encode.matroska.structure import is_structure_kept
from av1rules.encode.streams import plan_streams
from av1rules.media.cache import content_key_of
from av1rules.media.film_cache import known_film
from av1rules.media.film_facts import with_film
from av1rules.media.packed_source import pack_facts
from av1rules.media.source import LibraryFile, Source
from av1rules.plan.items import EncodeRecipe, Evaluation
from av1rules.plan.workspace import Workspace
from av1rules.policy.deinterlacing import makes_fields
from av1rules.policy.facts import facts_of
from av1rules.policy.fingerprint import effective, fingerprint
from av1rules.policy.match import asks_for_grain, unmeasured_rule
from av1rules.policy.model import Place, Setting, SettingsLayer
from av1rules.policy.resolve import (
    BUILT_IN,
    Decision,
    DecisionKind,
    Origin,
    Origins,
    decide,
)
from av1rules.policy.settings import DEINTERLACE_FRAMES, EncodeSettings
from av1rules.policy.source_tier import classify
from av1rules.quality.excerpts import NOISE_VERSION, NoiseEstimate
from av1rules.quality.grain import level_of

_REQUESTED = Place(file="--set", line=1, column=1)


def evaluate(
    workspace: Workspace,
    file: LibraryFile,
    source: Source,
    *,
    content_key: str | None = None,
    changes: Mapping[str, object] | None = None,
) -> Evaluation:
    """Classify, match, resolve, and plan every stream.

    The user's adjustments for this content override its rule, and `changes` override both. The
    content key is computed only if it is not given and something depends on it.

    Raises OSError if the choice of a rule needs the content and the file can't be read.
    """
    ruleset, key, unreadable = workspace.ruleset, content_key, None
    needs_grain = asks_for_grain(ruleset.rules)
    if key is None and needs_grain:
        key = content_key_of(file, workspace.cache, workspace.disk)
    elif (
        key is None and workspace.book.decisions
    ):  # an unreadable file matters only once the key is needed
        key, _ = _content_of(workspace, file)
    noise = known_noise(workspace, key) if key is not None and needs_grain else None
    classification = classify(source, file.library_path, ruleset.tiers)
    grain = None if noise is None else grain_of(noise)
    facts = facts_of(file, source, classification, grain=grain)
    decision = _adjusted(decide(ruleset, facts), _adjustments(workspace, key, changes or {}))
    recipe = _recipe(file, source, decision, workspace)
    if key is None and recipe is not None and recipe.encoder is not None and not recipe.refused:
        key, unreadable = _content_of(workspace, file)
    whole = with_film(source, known_film(workspace.cache, key) if key is not None else None)
    if whole != source:  # what was seen along the film, once it is known
        return evaluate(workspace, file, whole, content_key=key, changes=changes)
    awaits_grain = needs_grain and noise is None
    return Evaluation(
        file=file,
        packed=pack_facts(source),
        source_tier=classification.source_tier,
        tiers=ruleset.tiers,
        grain=grain,
        decision=decision,
        recipe=recipe,
        content_key=key,
        fingerprint=fingerprint(key, recipe.settings) if key and recipe is not None else None,
        unreadable=unreadable,
        grain_rule=unmeasured_rule(ruleset.rules, facts) if awaits_grain else None,
    )


def _content_of(workspace: Workspace, file: LibraryFile) -> tuple[str | None, str | None]:
    """The content key, or why the file can't be read."""
    try:
        return content_key_of(file, workspace.cache, workspace.disk), None
    except OSError as problem:
        return None, f"can't be read: {problem.strerror}"


def _adjustments(
    workspace: Workspace, key: str | None, changes: Mapping[str, object]
) -> SettingsLayer | None:
    """The user's adjustments for this content, overridden by `changes`."""
    book = workspace.book
    earlier = adjustments_for(book, key) if key is not None and book.decisions else None
    if not changes:
        return earlier
    settings = {one.field: one for one in (earlier.settings if earlier else ())}
    settings |= {
        name: Setting(field=name, value=value, place=_REQUESTED) for name, value in changes.items()
    }
    return SettingsLayer(name="variant", settings=tuple(settings.values()))


def _adjusted(decision: Decision, layer: SettingsLayer | None) -> Decision:
    if layer is None or decision.settings is None:
        return decision
    origins = dict(decision.origins)
    origins |= {one.field: Origin(one.place.short, layer.name) for one in layer.settings}
    settings = with_adjustments(decision.settings, layer)
    return replace(decision, settings=settings, origins=tuple(origins.items()))


def _recipe(
    file: LibraryFile, source: Source, decision: Decision, workspace: Workspace
) -> EncodeRecipe | None:
    ruleset, tools = workspace.ruleset, workspace.tools
    if decision.kind is not DecisionKind.ENCODE or decision.settings is None:
        return None
    settings = effective(decision.settings, source)
    encoder, problem = None, None
    try:
        encoder = choose_encoder(settings, tools, ruleset.tools.preferred_encoder)
    except ToolError as error:
        problem = error.message
    streams = plan_streams(source, settings)
    return EncodeRecipe(
        settings=settings,
        origins=_origins(decision.origins, decision.settings, settings),
        streams=streams,
        losses=find_losses(
            source,
            settings,
            streams,
            encoder,
            has_mkvpropedit=tools.mkvpropedit is not None,
            linked_by=_linked_by(file, source, settings, workspace),
        ),
        encoder=encoder,
        problem=problem,
        as_before=_as_before(source, decision, settings),
    )


def _linked_by(
    file: LibraryFile, source: Source, settings: EncodeSettings, workspace: Workspace
) -> str | None:
    """A file that plays this one as a part of its own; not looked for where its name is kept."""
    uid = source.matroska.segment_uid if source.matroska else None
    has_mkvpropedit = workspace.tools.mkvpropedit is not None
    if uid is None or is_structure_kept(
        source, settings.container, has_mkvpropedit=has_mkvpropedit
    ):
        return None
    return workspace.disk.linking_file(file.path, uid, workspace.cache)


def _as_before(
    source: Source, decision: Decision, settings: EncodeSettings
) -> EncodeSettings | None:
    """With the rate of frames, which was the built-in one; a rule that names a rate means it."""
    if decision.settings is None or not makes_fields(settings):
        return None
    if dict(decision.origins)["deinterlace_rate"].where != BUILT_IN:
        return None
    return effective(replace(decision.settings, deinterlace_rate=DEINTERLACE_FRAMES), source)


@by_identity
def _origins(origins: Origins, requested: EncodeSettings, made: EncodeSettings) -> Origins:
    """The origin of each setting, with a note where the source changed its value."""
    noted = dict(origins)
    for name, origin in origins:
        before, after = getattr(requested, name), getattr(made, name)
        is_idle = after is msgspec.UNSET  # also where a rule says what unset means
        if before != after and not is_idle:
            change = f": {before or 'as the source'}, for this source {after}"
            noted[name] = origin._replace(change=change)
    return tuple(noted.items())


def noise_key(content_key: str) -> str:
    """The cache key for the noise of a content. It leaves out the version of FFmpeg, which must not
    change the choice of a rule."""
    return f"noise:{NOISE_VERSION}:{content_key}"


def known_noise(workspace: Workspace, content_key: str) -> NoiseEstimate | None:
    """The measured noise of this content; None if it was not measured yet."""
    return workspace.cache.get_value(noise_key(content_key), NoiseEstimate)


def grain_of(noise: NoiseEstimate) -> float | None:
    """The fact `grain` of a measured source; None if the measurement is inconclusive."""
    return level_of(noise)
