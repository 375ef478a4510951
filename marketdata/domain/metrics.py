"""What the last sessions of a symbol say: change, volatility, trend, true range, where its volume was traded. Pure."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

# A trend is called one when the fitted drift over the window is more than half of what chance alone would make of it.
_TREND_SHARE = 0.5
ATR_DAYS = 14
YEAR_SESSIONS = 252
PROFILE_BUCKETS = 24
VALUE_AREA = 0.7


@dataclass(frozen=True, slots=True)
class WindowMetrics:
    """Figures over the last `days` sessions up to the tick in force.

    `change_pct`: from the close before the window to the last price, percent. `volatility_pct`: sample standard
    deviation of the daily log returns, percent a day. `trend`: up, down or flat, by the least-squares slope of the log
    prices against volatility times the square root of the days. None where there is too little history.
    """

    symbol: str
    days: int
    change_pct: float | None
    volatility_pct: float | None
    trend: str | None


def window_metrics(symbols: tuple[str, ...], closes: NDArray[np.float64]) -> list[WindowMetrics]:
    """Metrics of each column of `closes` ([days + 1, symbols], oldest first; NaN before an instrument's first bar)."""
    return [_column(symbol, closes[:, index]) for index, symbol in enumerate(symbols)]


def _column(symbol: str, prices: NDArray[np.float64]) -> WindowMetrics:
    known = prices[~np.isnan(prices)]
    days = len(known) - 1
    if days < 1:
        return WindowMetrics(symbol, max(days, 0), None, None, None)
    logs = np.log(known)
    change = round(float(known[-1] / known[0] - 1) * 100, 2)
    if days < 2:
        return WindowMetrics(symbol, days, change, None, None)
    deviation = float(np.diff(logs).std(ddof=1))
    slope = float(np.polyfit(np.arange(days + 1), logs, 1)[0])
    bound = max(_TREND_SHARE * deviation * np.sqrt(days), 1e-9)  # a price that stands still has no trend
    trend = "up" if slope * days > bound else "down" if slope * days < -bound else "flat"
    return WindowMetrics(symbol, days, change, round(deviation * 100, 2), trend)


@dataclass(frozen=True, slots=True)
class ProfileBucket:
    """Prices from `low` to below `high`, and which share of the window's volume was traded there (0 to 1)."""

    low: Decimal
    high: Decimal
    share: float


@dataclass(frozen=True, slots=True)
class RangeMetrics:
    """What the bars of the last sessions say beyond their closes. None where there is too little history.

    `atr`: Wilder's average true range over 14 sessions, `atr_pct` in percent of the last price. `high` and `low` are of
    the window, `high_52w` and `low_52w` of the last 252 sessions. `average_volume` is that of the window's complete
    sessions. `profile` spreads each session's volume evenly over its range; the value area is the prices around the
    busiest bucket (`point_of_control`, its middle) in which 70 % of the volume was traded.
    """

    atr: Decimal | None = None
    atr_pct: float | None = None
    average_volume: int | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    high_52w: Decimal | None = None
    low_52w: Decimal | None = None
    value_area_low: Decimal | None = None
    value_area_high: Decimal | None = None
    point_of_control: Decimal | None = None
    profile: tuple[ProfileBucket, ...] = ()


def range_metrics(
    ohlc: NDArray[np.int64], volume: NDArray[np.int64], days: int, *, size: Decimal, is_forming: bool = False
) -> RangeMetrics:
    """Figures of bars, oldest first: `ohlc` is [sessions, 4] in whole `size`s, the last row forming or complete."""
    if not len(ohlc):
        return RangeMetrics()
    window, traded = ohlc[-days:], volume[-days:]
    year = ohlc[-YEAR_SESSIONS:]
    atr = average_true_range(ohlc[-4 * YEAR_SESSIONS :])
    complete = traded[:-1] if is_forming else traded
    return RangeMetrics(
        atr=None if atr is None else _rounded(atr, size),
        atr_pct=None if atr is None else round(atr / float(ohlc[-1, 3]) * 100, 2),
        average_volume=int(complete.sum() // len(complete)) if len(complete) else None,
        high=int(window[:, 1].max()) * size,
        low=int(window[:, 2].min()) * size,
        high_52w=int(year[:, 1].max()) * size,
        low_52w=int(year[:, 2].min()) * size,
        **_profile(window, traded, size),
    )


def average_true_range(ohlc: NDArray[np.int64], length: int = ATR_DAYS) -> float | None:
    """Wilder's: the mean of the first `length` true ranges, then each next one weighs 1 / length."""
    if len(ohlc) <= length:
        return None
    highs, lows, before = ohlc[1:, 1], ohlc[1:, 2], ohlc[:-1, 3]
    ranges = np.maximum(highs, before) - np.minimum(lows, before)
    average = float(ranges[:length].mean())
    for value in ranges[length:].tolist():
        average += (value - average) / length
    return average


def _profile(ohlc: NDArray[np.int64], volume: NDArray[np.int64], size: Decimal) -> dict[str, Any]:
    """The volume profile and its value area; nothing where nothing was traded."""
    lows, highs, weights = ohlc[:, 2].astype(float), ohlc[:, 1].astype(float), volume.astype(float)
    bottom, top, total = lows.min(), highs.max(), weights.sum()
    if total <= 0:
        return {}
    count = PROFILE_BUCKETS if top > bottom else 1
    edges = np.linspace(bottom, top if top > bottom else bottom + 1, count + 1)
    spans = highs - lows
    inside = np.minimum(highs[:, None], edges[1:]) - np.maximum(lows[:, None], edges[:-1])
    parts = np.clip(inside, 0, None) / np.where(spans > 0, spans, 1)[:, None]
    flat = np.flatnonzero(spans <= 0)
    parts[flat, np.clip(np.searchsorted(edges, lows[flat], side="right") - 1, 0, count - 1)] = 1
    shares = (parts * weights[:, None]).sum(axis=0) / total
    first, last = value_area(shares)
    busiest = int(shares.argmax())
    borders = [_rounded(float(edge), size) for edge in edges]
    return {
        "profile": tuple(
            ProfileBucket(borders[index], borders[index + 1], round(float(share), 4))
            for index, share in enumerate(shares)
        ),
        "value_area_low": borders[first],
        "value_area_high": borders[last + 1],
        "point_of_control": _rounded(float(edges[busiest] + edges[busiest + 1]) / 2, size),
    }


def value_area(shares: NDArray[np.float64], part: float = VALUE_AREA) -> tuple[int, int]:
    """The first and the last bucket around the busiest that together hold `part`: the busier neighbour joins next."""
    first = last = int(shares.argmax())
    held = float(shares[first])
    while held < part - 1e-9 and (first > 0 or last < len(shares) - 1):
        below = float(shares[first - 1]) if first > 0 else -1.0
        above = float(shares[last + 1]) if last < len(shares) - 1 else -1.0
        if above >= below:
            last += 1
            held += above
        else:
            first -= 1
            held += below
    return first, last


def _rounded(value: float, size: Decimal) -> Decimal:
    """A statistic in sizes as a price with at most six places."""
    exact = Decimal(repr(value)) * size
    return exact.quantize(Decimal("0.000001"), rounding=ROUND_HALF_EVEN).normalize() + Decimal("0.00")
