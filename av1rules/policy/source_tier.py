"""The source tier of a source, with confidence and reasons. Pure; thresholds are data.

Each piece of evidence suggests one tier. The highest suggested tier wins, since settings that are
too good cost only space, and settings that are too poor cost quality; evidence for other tiers
lowers the confidence.
"""

from __future__ import annotations

import functools
import re
from enum import Enum

import msgspec

from av1rules.base.units import format_rate
from av1rules.media.resolution import Resolution, resolution_of
from av1rules.media.source import Source, VideoStream
from av1rules.policy.model import TierThresholds
from av1rules.policy.settings import SourceTier

MODERN_CODECS = {"hevc": "HEVC", "av1": "AV1", "vp9": "VP9"}
"""Codecs that streaming services use instead of H.264, with their display names."""


_STRONG, _MEDIUM, _WEAK = 3.0, 2.0, 1.0


_DOUBT = 0.5
"""Part of every confidence: one strong sign alone gives 0.86, and no sum of signs reaches 1."""


_NO_EVIDENCE_CONFIDENCE = 0.2


class Sign(Enum):
    """What speaks for a tier: where a figure lies, or what was found."""

    RATE_ABOVE = "video bit rate above the limit"
    RATE_BELOW = "video bit rate below the limit"
    RATE_NOT_ABOVE = "video bit rate not above the limit"
    DENSITY_ABOVE = "bits per pixel above the limit"
    DENSITY_BELOW = "bits per pixel below the limit"
    DENSITY_BETWEEN = "bits per pixel neither high nor low"
    LOSSLESS = "lossless audio"
    MARKER = "marker in the name"
    MODERN = "codec of streaming services"


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """One sign for a tier: `number` in b/s or bits per pixel, its `limit`, and `word` (resolution,
    codec or marker). Only what is shown is put into words: a plan judges every film."""

    sign: Sign
    tier: SourceTier
    weight: float
    number: float = 0.0
    limit: float = 0.0
    word: str = ""
    decides: bool = True  # False: only raises or lowers the confidence

    @property
    def reason(self) -> str:
        match self.sign:
            case Sign.RATE_ABOVE | Sign.RATE_BELOW | Sign.RATE_NOT_ABOVE:
                where = self.sign.name.removeprefix("RATE_").replace("_", " ").lower()
                seen = f"video {format_rate(self.number)} at {self.word}"
                return f"{seen}, {where} {_limit(self.limit)}"
            case Sign.DENSITY_ABOVE | Sign.DENSITY_BELOW:
                where = self.sign.name.removeprefix("DENSITY_").lower()
                return f"{self.number:.3f} bits per pixel, {where} {self.limit:g}"
            case Sign.DENSITY_BETWEEN:
                return f"{self.number:.3f} bits per pixel, neither high nor low"
            case Sign.LOSSLESS:
                return f"lossless audio ({self.word})"
            case Sign.MARKER:
                return f'"{self.word}" in the name'
            case Sign.MODERN:
                return f"{self.word}, a codec of streaming services"


class Classification(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A tier (None without video), the confidence from 0 to 1, and the evidence for and against."""

    source_tier: SourceTier | None
    confidence: float
    evidence: tuple[Evidence, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """The evidence in words: what agrees with the tier first, the weightiest of it first."""
        tier = self.source_tier
        if tier is None:
            return ("no video",)
        if not self.evidence:
            return ("no evidence for any tier: treated as web-dl, the most common",)
        ordered = sorted(self.evidence, key=lambda item: (item.tier is not tier, -item.weight))
        return tuple(
            item.reason if item.tier is tier else f"{item.reason} (suggests {item.tier.value})"
            for item in ordered
        )


def classify(source: Source, name: str, thresholds: TierThresholds) -> Classification:
    """The tier of a source. `name` is its library path; only its last parts count."""
    main = source.main
    if main is None:
        return Classification(source_tier=None, confidence=0.0)
    evidence = [
        *_rate_evidence(source, main, thresholds),
        *_audio_evidence(source),
        *_name_evidence(name, thresholds),
    ]
    evidence += _codec_evidence(main, evidence)
    if not evidence:
        # Not REMUX: "in doubt the higher tier" is for conflicting signs; without any, the most
        # common.
        return Classification(source_tier=SourceTier.WEB_DL, confidence=_NO_EVIDENCE_CONFIDENCE)
    deciding = {item.tier for item in evidence if item.decides}
    tier = next(tier for tier in SourceTier if tier in deciding)
    agreeing = sum(item.weight for item in evidence if item.tier is tier)
    against = sum(item.weight for item in evidence if item.tier is not tier)
    return Classification(
        source_tier=tier,
        confidence=round(agreeing / (agreeing + against + _DOUBT), 2),
        evidence=tuple(evidence),
    )


def _rate_evidence(source: Source, main: VideoStream, thresholds: TierThresholds) -> list[Evidence]:
    """Bit rate decides at 1080p and 2160p, bits per pixel at other sizes.

    Where the bit rate decides, bits per pixel only support or contradict it: 1920x800 at 12 Mb/s
    has many bits per pixel but is still a streaming file.
    """
    resolution = resolution_of(main.width, main.height)
    rate, density = main.bitrate_bps or None, source.bits_per_pixel
    found: list[Evidence] = []
    by_rate = rate is not None and resolution in (Resolution.HD_1080, Resolution.UHD_2160)
    if rate is not None and resolution in (Resolution.HD_1080, Resolution.UHD_2160):
        found.append(_by_rate(rate, resolution, thresholds))
    if density is not None:
        found += _by_density(density, thresholds, is_alone=not by_rate)
    return found


def _by_rate(rate: int, resolution: Resolution, thresholds: TierThresholds) -> Evidence:
    is_uhd = resolution is Resolution.UHD_2160
    high = thresholds.remux_bitrate_2160p if is_uhd else thresholds.remux_bitrate_1080p
    if rate > high:
        sign, tier, weight, limit = Sign.RATE_ABOVE, SourceTier.REMUX, _STRONG, high
    elif not is_uhd and rate < thresholds.low_bitrate_1080p:
        low = thresholds.low_bitrate_1080p
        sign, tier, weight, limit = Sign.RATE_BELOW, SourceTier.LOW_QUALITY, _STRONG, low
    else:
        sign, tier, weight, limit = Sign.RATE_NOT_ABOVE, SourceTier.WEB_DL, _WEAK, high
    return Evidence(sign, tier, weight, rate, limit, resolution.value)


def _limit(rate_bps: float) -> str:
    """A threshold in Mb/s without needless digits: `15 Mb/s`."""
    return f"{rate_bps / 1e6:g} Mb/s"


def _by_density(density: float, thresholds: TierThresholds, *, is_alone: bool) -> list[Evidence]:
    weight = _MEDIUM if is_alone else _WEAK
    high, low = thresholds.remux_bits_per_pixel, thresholds.low_bits_per_pixel
    if density > high:
        sign, tier = Sign.DENSITY_ABOVE, SourceTier.REMUX
        return [Evidence(sign, tier, weight, density, high, decides=is_alone)]
    if density < low:
        sign, tier = Sign.DENSITY_BELOW, SourceTier.LOW_QUALITY
        return [Evidence(sign, tier, weight, density, low, decides=is_alone)]
    if is_alone:
        return [Evidence(Sign.DENSITY_BETWEEN, SourceTier.WEB_DL, _WEAK, density)]
    return []


def _audio_evidence(source: Source) -> list[Evidence]:
    lossless = next((stream for stream in source.audio if stream.is_lossless), None)
    if lossless is None:
        return []
    shown = lossless.profile if lossless.codec == "dts" and lossless.profile else lossless.codec
    return [Evidence(Sign.LOSSLESS, SourceTier.REMUX, _MEDIUM, word=shown)]


def _codec_evidence(main: VideoStream, others: list[Evidence]) -> list[Evidence]:
    codec = main.codec.lower()
    if codec not in MODERN_CODECS:
        return []
    is_large = resolution_of(main.width, main.height) in (Resolution.UHD_2160, Resolution.UHD_4320)
    if codec == "hevc" and is_large and any(item.tier is SourceTier.REMUX for item in others):
        return []  # UHD discs are HEVC too, so the codec is no evidence
    return [Evidence(Sign.MODERN, SourceTier.WEB_DL, _MEDIUM, word=MODERN_CODECS[codec])]


def _name_evidence(name: str, thresholds: TierThresholds) -> list[Evidence]:
    parts = _name_parts(name)
    found: list[Evidence] = []
    for tier, markers in (
        (SourceTier.REMUX, thresholds.remux_markers),
        (SourceTier.WEB_DL, thresholds.web_markers),
    ):
        first_words = _first_words(markers)
        marker = next(
            (
                marker
                for part in parts
                if not first_words.isdisjoint(part.words)  # nearly always: no marker at all
                for marker in markers
                if _has(part, marker)
            ),
            None,
        )
        if marker is not None:
            found.append(Evidence(Sign.MARKER, tier, _MEDIUM, word=marker))
    return found


_SEPARATORS = re.compile(r"[\s._\-+,;()\[\]{}]+")


_RELEASE_PART = re.compile(r"(?:19|20)\d\d|\d{3,4}[pi]|s\d{1,3}(?:e\d{1,4})*|4k|uhd")


_SHORT_WORD = 4
"""Markers up to this length may be English words or initials: they count in the release part
only."""


class _Words(msgspec.Struct, frozen=True):
    """The words of one name, separated and surrounded by single spaces."""

    words: tuple[str, ...]
    whole: str
    release: str  # from the first year, resolution or episode number on; without one, everything


def _name_parts(name: str) -> tuple[_Words, ...]:
    """The file name and its folder; for a disc's `BDMV/STREAM` also the folders above."""
    parts = name.split("/")
    wanted = parts[-2:]
    if len(parts) > 3 and parts[-2].lower() == "stream":
        wanted = parts[-4:]
    return (*map(_folder_words, wanted[:-1]), _words(wanted[-1]))


def _words(part: str) -> _Words:
    words = [word for word in _SEPARATORS.split(part.lower()) if word]
    start = next((i for i, word in enumerate(words) if i and _RELEASE_PART.fullmatch(word)), 0)
    return _Words(tuple(words), f" {' '.join(words)} ", f" {' '.join(words[start:])} ")


_folder_words = functools.lru_cache(maxsize=64)(_words)
"""A folder holds many films."""


@functools.lru_cache(maxsize=256)
def _marker(marker: str) -> str:
    return f" {' '.join(word for word in _SEPARATORS.split(marker.lower()) if word)} "


@functools.lru_cache(maxsize=16)
def _first_words(markers: tuple[str, ...]) -> frozenset[str]:
    """A name with none of these words has none of the markers."""
    return frozenset(word for marker in markers for word in _marker(marker).split()[:1])


def _has(words: _Words, marker: str) -> bool:
    wanted = _marker(marker)
    return wanted in (words.release if len(wanted) - 2 <= _SHORT_WORD else words.whole)
