"""What an instrument's history says, as lines of figures and bars of volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from marketdata.domain.metrics import RangeMetrics
from marketdata.pages.words import compact, signed
from marketdata.selectors.figures import SymbolMetrics, instrument_metrics

DAYS = 60
MIN_DAYS = 3
TRENDS = {"up": "Up", "down": "Down", "flat": "No trend"}


@dataclass(frozen=True, slots=True)
class Line:
    """A figure with its label; `why` tells why there is none, `tone` colours one with a sign."""

    label: str
    text: str
    tone: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A part of the price range with its share of the volume; `bar` is its length, 0 to 100."""

    low: Decimal
    high: Decimal
    share: str
    bar: int
    in_value_area: bool


@dataclass(frozen=True, slots=True)
class SymbolFigures:
    """The lines, the range of 52 weeks, and the volume by price over `days`, the highest price first."""

    lines: Sequence[Line]
    low_52w: Decimal | None
    high_52w: Decimal | None
    profile: Sequence[Bucket]
    days: int


def symbol_figures(instrument_id: int, decimals: int) -> SymbolFigures:
    """The figures of an instrument, as far as its history goes."""
    found = instrument_metrics(instrument_id, DAYS)
    ranges = found.ranges
    return SymbolFigures(
        lines=_lines(found, decimals) if found.days >= 1 else [],
        low_52w=ranges.low_52w,
        high_52w=ranges.high_52w,
        profile=_profile(ranges) if found.days >= MIN_DAYS else [],
        days=found.days + 1,
    )


def _lines(found: SymbolMetrics, decimals: int) -> list[Line]:
    ranges, days = found.ranges, found.days
    lines = [
        _percent(f"Change, {days} days", found.change_pct),
        Line("Volatility, a day", *_plain(found.volatility_pct, "%", "needs 3 days")),
        Line("Trend", TRENDS.get(found.trend or "", "\N{EN DASH}"), why="" if found.trend else "needs 3 days"),
    ]
    if ranges.atr is None:
        lines.append(Line("True range, 14 days", "\N{EN DASH}", why="needs 15 days"))
    else:
        share = "" if ranges.atr_pct is None else f" ({ranges.atr_pct:.2f}%)"
        lines.append(Line("True range, 14 days", f"{ranges.atr:,.{decimals}f}{share}"))
    if ranges.low is not None and ranges.high is not None:
        lines.append(Line(f"Range, {days + 1} days", f"{ranges.low:,.{decimals}f} to {ranges.high:,.{decimals}f}"))
    if ranges.average_volume is not None:
        lines.append(Line("Volume, a day", compact(ranges.average_volume)))
    if ranges.point_of_control is not None:
        lines.append(Line("Most traded at", f"{ranges.point_of_control:,.{decimals}f}"))
    return lines


def _percent(label: str, value: float | None) -> Line:
    if value is None:
        return Line(label, "\N{EN DASH}", why="needs 2 days")
    tone = "up arrow" if value > 0 else "down arrow" if value < 0 else "flat"
    return Line(label, f"{signed(Decimal(str(value)), 2)}%", tone)


def _plain(value: float | None, unit: str, why: str) -> tuple[str, str, str]:
    return ("\N{EN DASH}", "", why) if value is None else (f"{value:.2f}{unit}", "", "")


def _profile(ranges: RangeMetrics) -> list[Bucket]:
    """Two buckets in one where there are many, so that a bar has a height; the highest price first."""
    pairs = ranges.profile
    step = 2 if len(pairs) > 12 else 1
    most = max((sum(part.share for part in pairs[at : at + step]) for at in range(0, len(pairs), step)), default=0.0)
    found = []
    for at in range(0, len(pairs), step):
        group = pairs[at : at + step]
        share, middle = sum(part.share for part in group), (group[0].low + group[-1].high) / 2
        low, high = ranges.value_area_low, ranges.value_area_high
        inside = low is not None and high is not None and low <= middle <= high
        bar = round(share / most * 100) if most else 0
        found.append(Bucket(group[0].low, group[-1].high, f"{share * 100:.1f}%", bar, inside))
    return found[::-1]
