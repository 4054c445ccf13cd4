"""The provenance tag inside an output: source digest, settings and tools as JSON. Pure.

Deterministic, without dates, rule names or paths: same source, settings and tools, same bytes.
"""

from __future__ import annotations

import msgspec
import msgspec.structs

from av1rules.encode.streams import StreamStep
from av1rules.ledger.records import ToolsUsed
from av1rules.policy.fingerprint import only_output_affecting
from av1rules.policy.settings import EncodeSettings

FORMAT = 1


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the AV1RULES tag. `left_out` names the tracks that rules left out, `segments`
    is how many pictures a segment has where the target was encoded in segments."""

    av1rules: int = FORMAT
    source_digest: str
    content_key: str
    source_bytes: int
    settings: EncodeSettings
    tools: ToolsUsed
    left_out: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    segments: int | msgspec.UnsetType = msgspec.UNSET


_ENCODER = msgspec.json.Encoder(order="deterministic")


def provenance_json(
    *,
    digest: str,
    content_key: str,
    size_bytes: int,
    settings: EncodeSettings,
    tools: ToolsUsed,
    left_out: tuple[StreamStep, ...] = (),
) -> str:
    return _ENCODER.encode(
        Provenance(
            source_digest=digest,
            content_key=content_key,
            source_bytes=size_bytes,
            settings=only_output_affecting(settings),
            tools=tools,
            left_out=tuple(step.describe() for step in left_out) or msgspec.UNSET,
        )
    ).decode()


def segmented_provenance(text: str, pictures: int) -> str:
    """The tag of the same target, encoded in segments of so many pictures. Raises
    msgspec.MsgspecError."""
    return _ENCODER.encode(
        msgspec.structs.replace(parse_provenance(text), segments=pictures)
    ).decode()


def parse_provenance(text: str) -> Provenance:
    """Raises msgspec.MsgspecError if `text` is not a provenance tag."""
    return msgspec.json.decode(text, type=Provenance)
