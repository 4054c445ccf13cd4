"""The source tier of a source, with confidence and reasons. Pure; thresholds are data.

Each piece of evidence suggests one tier. The highest suggested tier wins, since settings that are
too good cost only space, and settings that are too poor cost quality; evidence for other tiers
lowers the confidence.
"""

from __future__ import annotations

import functools
import re

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


class Classification(msgspec.Struct, frozen=True, kw_only=True):
    """A tier (None without video), the confidence from 0 to 1, and the reasons as text."""

    source_tier: SourceTier | None
    confidence: float
    reasons: tuple[str, ...]


class _Evidence(msgspec.Struct, frozen=True):
    tier: SourceTier
    weight: float
    reason: str
    decides: bool = True  # False: only raises or lowers the confidence


def classify(source: Source, name: str, thresholds: TierThresholds) -> Classification:
    """The tier of a source. `name` is its library path; only its last parts count."""
    main = source.main
    if main is None:
        return Classification(source_tier=None, confidence=0.0, reasons=("no video",))
    evidence = [
        *_rate_evidence(source, main, thresholds),
        *_audio_evidence(source),
        *_name_evidence(name, thresholds),
    ]
    evidence += _codec_evidence(main, evidence)
    if not evidence:
        return _without_evidence()
    deciding = {item.tier for item in evidence if item.decides}
    tier = next(tier for tier in SourceTier if tier in deciding)
    agreeing = sum(item.weight for item in evidence if item.tier is tier)
    against = sum(item.weight for item in evidence if item.tier is not tier)
    return Classification(
        source_tier=tier,
        confidence=round(agreeing / (agreeing + against + _DOUBT), 2),
        reasons=tuple(
            item.reason if item.tier is tier else f"{item.reason} (suggests {item.tier.value})"
            for item in sorted(evidence, key=lambda item: (item.tier is not tier, -item.weight))
        ),
    )


def _without_evidence() -> Classification:
    # Not REMUX: "in doubt the higher tier" is for conflicting signs; without any, the most common.
    return Classification(
        source_tier=SourceTier.WEB_DL,
        confidence=_NO_EVIDENCE_CONFIDENCE,
        reasons=("no evidence for any tier: treated as web-dl, the most common",),
    )


def _rate_evidence(
    source: Source, main: VideoStream, thresholds: TierThresholds
) -> list[_Evidence]:
    """Bit rate decides at 1080p and 2160p, bits per pixel at other sizes.

    Where the bit rate decides, bits per pixel only support or contradict it: 1920x800 at 12 Mb/s
    has many bits per pixel but is still a streaming file.
    """
    resolution = resolution_of(main.width, main.height)
    rate, density = main.bitrate_bps or None, source.bits_per_pixel
    found: list[_Evidence] = []
    by_rate = rate is not None and resolution in (Resolution.HD_1080, Resolution.UHD_2160)
    if rate is not None and resolution in (Resolution.HD_1080, Resolution.UHD_2160):
        found.append(_by_rate(rate, resolution, thresholds))
    if density is not None:
        found += _by_density(density, thresholds, is_alone=not by_rate)
    return found


def _by_rate(rate: int, resolution: Resolution, thresholds: TierThresholds) -> _Evidence:
    is_uhd = resolution is Resolution.UHD_2160
    high = thresholds.remux_bitrate_2160p if is_uhd else thresholds.remux_bitrate_1080p
    seen = f"video {format_rate(rate)} at {resolution.value}"
    if rate > high:
        return _Evidence(SourceTier.REMUX, _STRONG, f"{seen}, above {_limit(high)}")
    if not is_uhd and rate < thresholds.low_bitrate_1080p:
        low = _limit(thresholds.low_bitrate_1080p)
        return _Evidence(SourceTier.LOW_QUALITY, _STRONG, f"{seen}, below {low}")
    return _Evidence(SourceTier.WEB_DL, _WEAK, f"{seen}, not above {_limit(high)}")


def _limit(rate_bps: int) -> str:
    """A threshold in Mb/s without needless digits: `15 Mb/s`."""
    return f"{rate_bps / 1e6:g} Mb/s"


def _by_density(density: float, thresholds: TierThresholds, *, is_alone: bool) -> list[_Evidence]:
    weight = _MEDIUM if is_alone else _WEAK
    seen = f"{density:.3f} bits per pixel"
    if density > thresholds.remux_bits_per_pixel:
        reason = f"{seen}, above {thresholds.remux_bits_per_pixel:g}"
        return [_Evidence(SourceTier.REMUX, weight, reason, is_alone)]
    if density < thresholds.low_bits_per_pixel:
        reason = f"{seen}, below {thresholds.low_bits_per_pixel:g}"
        return [_Evidence(SourceTier.LOW_QUALITY, weight, reason, is_alone)]
    if is_alone:
        return [_Evidence(SourceTier.WEB_DL, _WEAK, f"{seen}, neither high nor low")]
    return []


def _audio_evidence(source: Source) -> list[_Evidence]:
    lossless = next((stream for stream in source.audio if stream.is_lossless), None)
    if lossless is None:
        return []
    shown = lossless.profile if lossless.codec == "dts" and lossless.profile else lossless.codec
    return [_Evidence(SourceTier.REMUX, _MEDIUM, f"lossless audio ({shown})")]


def _codec_evidence(main: VideoStream, others: list[_Evidence]) -> list[_Evidence]:
    codec = main.codec.lower()
    if codec not in MODERN_CODECS:
        return []
    is_large = resolution_of(main.width, main.height) in (Resolution.UHD_2160, Resolution.UHD_4320)
    if codec == "hevc" and is_large and any(item.tier is SourceTier.REMUX for item in others):
        return []  # UHD discs are HEVC too, so the codec is no evidence
    reason = f"{MODERN_CODECS[codec]}, a codec of streaming services"
    return [_Evidence(SourceTier.WEB_DL, _MEDIUM, reason)]


def _name_evidence(name: str, thresholds: TierThresholds) -> list[_Evidence]:
    parts = _name_parts(name)
    found: list[_Evidence] = []
    for tier, markers in (
        (SourceTier.REMUX, thresholds.remux_markers),
        (SourceTier.WEB_DL, thresholds.web_markers),
    ):
        marker = next((marker for part in parts for marker in markers if _has(part, marker)), None)
        if marker is not None:
            found.append(_Evidence(tier, _MEDIUM, f'"{marker}" in the name'))
    return found


_SEPARATORS = re.compile(r"[\s._\-+,;()\[\]{}]+")


_RELEASE_PART = re.compile(r"(?:19|20)\d\d|\d{3,4}[pi]|s\d{1,3}(?:e\d{1,4})*|4k|uhd")


_SHORT_WORD = 4
"""Markers up to this length may be English words or initials: they count in the release part
only."""


class _Words(msgspec.Struct, frozen=True):
    """The words of one name, separated and surrounded by single spaces."""

    whole: str
    release: str  # from the first year, resolution or episode number on; without one, everything


def _name_parts(name: str) -> tuple[_Words, ...]:
    """The file name and its folder; for a disc's `BDMV/STREAM` also the folders above."""
    parts = name.split("/")
    wanted = parts[-2:]
    if len(parts) > 3 and parts[-2].lower() == "stream":
        wanted = parts[-4:]
    return tuple(_words(part) for part in wanted)


def _words(part: str) -> _Words:
    words = [word for word in _SEPARATORS.split(part.lower()) if word]
    start = next((i for i, word in enumerate(words) if i and _RELEASE_PART.fullmatch(word)), 0)
    return _Words(f" {' '.join(words)} ", f" {' '.join(words[start:])} ")


@functools.lru_cache(maxsize=256)
def _marker(marker: str) -> str:
    return f" {' '.join(word for word in _SEPARATORS.split(marker.lower()) if word)} "


def _has(words: _Words, marker: str) -> bool:
    wanted = _marker(marker)
    return wanted in (words.release if len(wanted) - 2 <= _SHORT_WORD else words.whole)
