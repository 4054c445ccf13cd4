"""The section `tiers`: limits of the classifier of source tiers."""

from __future__ import annotations

from av1rules.base.units import format_rate
from av1rules.policy.model import TierThresholds
from av1rules.policy.reader import Cursor
from av1rules.policy.section import Section


def build_tiers(cursor: Cursor | None) -> TierThresholds:
    """The section."""

    def section(key: str) -> Section:
        return Section(None if cursor is None else cursor.get(key))

    thresholds = TierThresholds(
        **section("remux").fields(
            remux_bitrate_1080p=("bitrate_1080p", Cursor.rate),
            remux_bitrate_2160p=("bitrate_2160p", Cursor.rate),
            remux_bits_per_pixel=("bits_per_pixel", Cursor.number),
            remux_markers=("markers", Cursor.texts),
        ),
        **section("low_quality").fields(
            low_bitrate_1080p=("bitrate_1080p", Cursor.rate),
            low_bits_per_pixel=("bits_per_pixel", Cursor.number),
        ),
        **section("web_dl").fields(web_markers=("markers", Cursor.texts)),
    )
    if cursor is not None:
        _check_order(cursor, thresholds)
    return thresholds


def _check_order(cursor: Cursor, thresholds: TierThresholds) -> None:
    limits: tuple[tuple[str, float, float], ...] = (
        ("bitrate_1080p", thresholds.low_bitrate_1080p, thresholds.remux_bitrate_1080p),
        ("bits_per_pixel", thresholds.low_bits_per_pixel, thresholds.remux_bits_per_pixel),
    )
    for what, low, high in limits:
        show = format_rate if what.startswith("bitrate") else "{:g}".format
        if low > high:
            sections = (cursor.get("low_quality"), cursor.get("remux"))
            at = next((found for s in sections if s is not None and (found := s.get(what))), cursor)
            at.fault(
                f"the limit of low-quality ({show(low)}) is above that of remux ({show(high)})",
                hint="a source could be of both tiers",
            )
