"""What the last sessions of a symbol say, in three figures: change, volatility, trend. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# A trend is called one when the fitted drift over the window is more than half of what chance alone would make of it.
_TREND_SHARE = 0.5


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
    bound = _TREND_SHARE * deviation * np.sqrt(days)
    trend = "up" if slope * days > bound else "down" if slope * days < -bound else "flat"
    return WindowMetrics(symbol, days, change, round(deviation * 100, 2), trend)
