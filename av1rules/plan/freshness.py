"""Whether a target is fresh, and if not, why. Pure."""

from __future__ import annotations

from enum import Enum

import msgspec

from av1rules.base.memo import by_identity
from av1rules.ledger.records import TargetRow, ToolsUsed
from av1rules.plan.target_state import TargetState, is_as_written
from av1rules.policy.fingerprint import changed_settings, fingerprint
from av1rules.policy.resolve import Origins
from av1rules.policy.settings import EncodeSettings


class StaleReason(Enum):
    NEW = "new"
    SOURCE_CHANGED = "source changed"
    SETTING_CHANGED = "setting changed"
    TARGET_MISSING = "target missing"
    TARGET_DAMAGED = "target damaged"
    TOOLS_CHANGED = "tools changed"
    FORGOTTEN = "forgotten"
    FORCED = "forced"


class Cause(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One reason why a target is stale, with the setting, its values and their origin."""

    reason: StaleReason
    setting: str | None = None
    before: str | None = None
    after: str | None = None
    origin: str | None = None

    @property
    def text(self) -> str:
        if self.reason is StaleReason.SETTING_CHANGED:
            place = f" ({self.origin})" if self.origin else ""
            return f"{self.setting} {self.before} -> {self.after}{place}"
        if self.before and self.after:
            return f"{self.reason.value}: {self.before} -> {self.after}"
        return f"{self.reason.value}: {self.after}" if self.after else self.reason.value


def stale_causes(
    row: TargetRow | None,
    *,
    content_key: str,
    settings: EncodeSettings,
    origins: Origins,
    found: TargetState | None,
    tools: ToolsUsed | None,
    redo_on_tools_change: bool,
    forced: bool,
    fault: str | None = None,
    as_before: EncodeSettings | None = None,
) -> tuple[Cause, ...]:
    """Why the target must be built; empty if it is fresh. `settings` are the effective ones.
    `fault` is the damage that `verify` found in a target with the recorded size and mtime.
    `as_before`: a target with these settings is fresh too (see `EncodeRecipe`)."""
    if row is None:
        return (Cause(reason=StaleReason.NEW),)
    causes: list[Cause] = []
    if forced:
        causes.append(Cause(reason=StaleReason.FORCED))
    if row.forgotten:
        causes.append(Cause(reason=StaleReason.FORGOTTEN))
    if row.content_key != content_key:
        causes.append(Cause(reason=StaleReason.SOURCE_CHANGED))
    good = {fingerprint(row.content_key, one) for one in (settings, as_before) if one is not None}
    if row.fingerprint not in good:
        causes += setting_causes(row.settings, settings, origins)
    damage = _damage(row, found)
    if damage is not None:
        causes.append(damage)
    elif fault is not None:
        causes.append(Cause(reason=StaleReason.TARGET_DAMAGED, after=fault))
    if redo_on_tools_change and tools is not None and tools != row.tools:
        causes.append(
            Cause(reason=StaleReason.TOOLS_CHANGED, before=row.tools.text, after=tools.text)
        )
    return tuple(causes)


@by_identity
def setting_causes(
    before: EncodeSettings, after: EncodeSettings, origins: Origins
) -> tuple[Cause, ...]:
    """One cause for each setting that differs and affects the output."""
    places = dict(origins)
    return tuple(
        Cause(
            reason=StaleReason.SETTING_CHANGED,
            setting=name,
            before=old,
            after=new,
            origin=places[name].where if name in places else None,
        )
        for name, old, new in changed_settings(before, after)
    )


def _damage(row: TargetRow, found: TargetState | None) -> Cause | None:
    if found is None:
        return Cause(reason=StaleReason.TARGET_MISSING)
    if is_as_written(row, found):
        return None
    if found.size_bytes != row.target_bytes:
        sizes = f"{found.size_bytes} bytes, not {row.target_bytes}"
        return Cause(reason=StaleReason.TARGET_DAMAGED, after=sizes)
    return Cause(reason=StaleReason.TARGET_DAMAGED, after="its content is not what was written")
