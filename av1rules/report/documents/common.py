"""Parts that several documents have."""

from __future__ import annotations

import msgspec

from av1rules.policy.quality_spec import QualityGate, QualityTarget
from av1rules.policy.settings import EncodeSettings


class ShownSettings(EncodeSettings, frozen=True, kw_only=True, rename=lambda name: name):
    """The resolved settings of one encode, by the names of rules files. `crf` 0-70, lower is
    better; `preset` 0-13, lower is slower and better; `film_grain` 0-50. `keyint` is frames
    (`"240"`), seconds (`"10s"`) or null for the encoder's own; `bit_depth` 0 means: as the source.

    With a `quality_target`, `crf` is where the search for it starts until it is found; with
    `film_grain_auto`, `film_grain` is 0 until the film is measured. `deinterlace_rate` is left out
    for one picture a frame. `audio` and `subtitles` are what rules say of tracks, `tracks` what
    that comes to for the source; each is left out where every track stays as it is.
    """

    quality_target: QualityTarget | None = None
    quality_gate: QualityGate | None = None


def shown_settings(settings: EncodeSettings) -> ShownSettings:
    """The settings under their names in rules files; the ledger has two of them by older names."""
    return ShownSettings(**msgspec.structs.asdict(settings))


class FilesAndBytes(msgspec.Struct, frozen=True, kw_only=True):
    """A number of files and their size."""

    files: int
    size_bytes: int
