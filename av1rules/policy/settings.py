"""The settings an encode is made with, the numbers each source tier starts from, and why.

The one place for numbers that change pictures. Pure.
"""

from __future__ import annotations

from enum import Enum, StrEnum

import msgspec

from av1rules.policy.quality_spec import QualityGate, QualityTarget
from av1rules.policy.redo.choice import REDO_ALL, Redo, parse_redo
from av1rules.policy.tracks.rules import AudioRules, SubtitleRules, TrackChoice


class SourceTier(Enum):
    """Class of source quality; in doubt the higher tier (first here) wins."""

    REMUX = "remux"
    WEB_DL = "web-dl"
    LOW_QUALITY = "low-quality"


class Loss(StrEnum):
    """Something AV1 through this encoder or container can't keep; held until a rule accepts it."""

    HDR10_PLUS = "hdr10plus"
    DOLBY_VISION = "dolby-vision"
    CHROMA = "chroma"  # 4:2:2, 4:4:4 or RGB becomes 4:2:0
    BIT_DEPTH = "bit-depth"  # 12 bit or more becomes 10
    ALPHA = "alpha"
    SECOND_LAYER = "second-layer"  # the other eye (MV-HEVC, MVC), a finer layer (SVC, SHVC)
    STEREO_3D = "stereo-3d"  # the mark of how two views lie in each picture
    SPHERICAL = "spherical"  # the mark of 360 and 180 degree pictures
    CAPTIONS = "captions"  # CEA-608/708 inside the pictures
    INTERLACED = "interlaced"  # combed pictures kept as they are
    STREAMS = "streams"  # streams the container can't hold (data, some subtitles)
    MP4_STRUCTURE = "mp4-structure"  # an edit list that FFmpeg does not play as players do
    MATROSKA_STRUCTURE = "matroska-structure"  # ordered editions, links between files, and such
    CHANGES = "changes"  # size, aspect or colours that change on the way become the first ones
    DAMAGE = "damage"  # the source decodes with errors; what can be decoded is kept


DEINTERLACE_FIELDS, DEINTERLACE_FRAMES = "fields", "frames"
"""Pictures that `bwdif` makes of an interlaced frame: one of each of its two fields, or one in all.
Rules that say nothing get fields; effective and stored settings without a word of it mean frames,
as those of earlier versions do, or a film where nothing is deinterlaced."""

STORED_NAMES = {"quality_target": "target", "quality_gate": "verify"}
"""Fields with another name in everything stored: ledger rows, tags, fingerprints. The stored name
never changes, else every target would go stale."""


class EncodeSettings(msgspec.Struct, frozen=True, kw_only=True, rename=STORED_NAMES):
    """The resolved settings of one encode.

    `crf` 0-70 in quarter steps on SVT-AV1's scale, lower is better; `preset` 0-13 on SVT-AV1's
    scale, lower is slower and better: other encoders get the nearest speed of their own.
    `film_grain` 0-50 is the synthesis strength; `film_grain_denoise` takes the grain out of the
    pictures before they are coded. `keyint` is frames (`"240"`), seconds (`"10s"`) or None for
    the encoder's own. `bit_depth` 0 means: as the source (unknown becomes 10). `force` encodes
    sources that already have a modern codec and would be left alone. `deinterlace_rate` counts
    only with `bwdif`, and is unset for the rate of frames: so earlier versions stored it.

    With a `quality_target`, `crf` is where the search for it starts, and what it found once it is
    done; with `film_grain_auto`, `film_grain` is 0 until the film is measured, then what was
    measured.
    Both belong to the request and not to the fingerprint: a target stays fresh when a later search
    or measurement would come to another number. `quality_gate` is the gate before publication.

    `audio` and `subtitles` are what a rule says of tracks; `tracks` is what that comes to for the
    source, in effective and stored settings. All three are unset where every track stays as it is.
    `on_change` says which finished targets an edit redoes (`parse_redo`); unset: all.
    """

    encoder: str = "auto"
    crf: float
    preset: int
    film_grain: int = 0
    film_grain_denoise: bool = True
    tune: str | None = None
    keyint: str | None = None
    bit_depth: int = 0
    deinterlace: str = "off"  # "off", "bwdif" or "inverse-telecine"
    deinterlace_rate: str | msgspec.UnsetType = msgspec.UNSET
    params: tuple[tuple[str, str], ...] = ()
    container: str = "mkv"  # "mkv" or "mp4"
    accept: frozenset[Loss] = frozenset()
    max_size_ratio: float = 0.90
    force: bool = False
    quality_target: QualityTarget | None = None
    film_grain_auto: bool = False
    quality_gate: QualityGate | None = None
    audio: AudioRules | msgspec.UnsetType = msgspec.UNSET
    subtitles: SubtitleRules | msgspec.UnsetType = msgspec.UNSET
    tracks: TrackChoice | msgspec.UnsetType = msgspec.UNSET
    on_change: str | msgspec.UnsetType = msgspec.UNSET

    @property
    def redo(self) -> Redo:
        """Whether an edit of these settings makes a finished target stale."""
        return REDO_ALL if self.on_change is msgspec.UNSET else parse_redo(self.on_change)


AUTO = "auto"
"""`film_grain: auto` in rules and adjustments."""


NOT_IN_FINGERPRINT = frozenset(
    {"accept", "max_size_ratio", "force", "quality_gate", "audio", "subtitles", "on_change"}
)
"""Fields that decide whether a file is encoded, not what the result looks like, and rules for
tracks, since what they come to counts."""


class TierDefaults(msgspec.Struct, frozen=True, kw_only=True):
    """What a tier starts from; `crf_uhd` holds above 1080p."""

    crf: float
    crf_uhd: float
    preset: int
    film_grain: int
    reason: str


TIER_DEFAULTS: dict[SourceTier, TierDefaults] = {
    SourceTier.REMUX: TierDefaults(
        crf=18,
        crf_uhd=20,
        preset=3,
        film_grain=8,
        reason="disc quality: keep grain and texture; 2160p hides a little more per pixel",
    ),
    SourceTier.WEB_DL: TierDefaults(
        crf=26,
        crf_uhd=28,
        preset=5,
        film_grain=0,
        reason="already coded once: finer settings would only preserve its artefacts",
    ),
    SourceTier.LOW_QUALITY: TierDefaults(
        crf=30,
        crf_uhd=30,
        preset=6,
        film_grain=0,
        reason="little detail is left to protect: size and speed count",
    ),
}
"""The table of av1d, the predecessor (product.md): its numbers are our promise."""


def show_value(value: object) -> str:
    """A setting's value as a user writes it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return ", ".join(f"{key}={item}" for key, item in value) or "none"
    if value is msgspec.UNSET:
        return "none"
    if isinstance(value, QualityTarget | QualityGate | AudioRules | SubtitleRules | TrackChoice):
        return value.text
    if isinstance(value, frozenset):
        return ", ".join(sorted(map(str, value))) or "none"
    return "default" if value is None else str(value)
