"""Returns and risk from a series of equity. Pure; floats, for statistics only.

Every figure works on time-weighted returns, so that deposits and withdrawals are neither gain nor loss. Daily figures
use the sessions' returns, a year has 252 sessions, and fewer than LEAST_SESSIONS returns say nothing about it (None).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

import numpy as np
import numpy.typing as npt

SESSIONS_PER_YEAR = 252
LEAST_SESSIONS = 5
# A spread of returns below this is rounding noise of floats, not risk.
_NOISE = 1e-12
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """Equity at a moment, minor units, after `flow_minor`: deposits less withdrawals since the point before.

    A flow counts as made just before its point: take a point at each flow. `gross_minor`: sum of the positions'
    absolute values, None when not known.
    """

    at: datetime
    equity_minor: int
    flow_minor: int = 0
    gross_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall of the time-weighted index from a peak, as a fraction of the peak.

    `depth_minor` is the deepest fall of equity without flows, in money (it may be another fall than the deepest
    fraction). `recovered_at`: when the index was back at the peak; None: not yet. `lasted`: from the peak to then, or
    to the last point.
    """

    depth: float
    depth_minor: int
    peak_at: datetime
    trough_at: datetime
    recovered_at: datetime | None
    lasted: timedelta


def growth(points: Sequence[EquityPoint]) -> Floats:
    """The growth from each point to the next, (E_i - F_i) / E_(i-1); it ends where equity is no longer positive."""
    if len(points) < 2:
        return np.empty(0)
    equity = np.array([point.equity_minor for point in points], dtype=np.float64)
    flows = np.array([point.flow_minor for point in points], dtype=np.float64)
    dead = np.flatnonzero(equity[:-1] <= 0)
    last = int(dead[0]) if len(dead) else len(points) - 1
    return np.asarray((equity[1 : last + 1] - flows[1 : last + 1]) / equity[:last], dtype=np.float64)


def time_weighted_return(points: Sequence[EquityPoint]) -> float | None:
    """TWR = product of (E_i - F_i) / E_(i-1), minus 1 (GIPS Standards 2020, time-weighted return).

    None with fewer than two points, or when equity was zero or less before the last point.
    """
    factors = growth(points)
    if not len(factors) or len(factors) < len(points) - 1:
        return None
    return float(np.prod(factors)) - 1


def _session(at: datetime, zone: tzinfo, sessions: Sequence[date] | None) -> date:
    day = at.astimezone(zone).date()
    if not sessions:
        return day
    # What a weekend adds belongs to the session after it.
    return sessions[min(bisect_left(sessions, day), len(sessions) - 1)]


def session_returns(
    points: Sequence[EquityPoint], zone: tzinfo = UTC, sessions: Sequence[date] | None = None
) -> dict[date, float]:
    """Time-weighted return of each session: the product of its factors, minus 1.

    A point belongs to its day in `zone` (aware datetimes); with `sessions` (ascending dates) to that session or the
    next one.
    """
    chained: dict[date, float] = {}
    for point, factor in zip(points[1:], growth(points), strict=False):
        day = _session(point.at, zone, sessions)
        chained[day] = chained.get(day, 1.0) * float(factor)
    return {day: factor - 1 for day, factor in chained.items()}


def drawdown(points: Sequence[EquityPoint]) -> Drawdown | None:
    """Maximum drawdown: max over t of 1 - I_t / max_(s<=t) I_s, for the time-weighted index I.

    (M. Magdon-Ismail, A. Atiya, Maximum Drawdown, Risk 2004.) None with fewer than two points.
    """
    factors = growth(points)
    if not len(factors):
        return None
    index = np.concatenate(([1.0], np.cumprod(factors)))
    falls = 1 - index / np.maximum.accumulate(index)
    trough = int(np.argmax(falls))
    depth = float(falls[trough])
    money = _fall_minor(points)
    if depth <= _NOISE:
        first = points[0].at
        return Drawdown(0.0, money, first, first, first, timedelta(0))
    # The last moment at the peak: standing still on a peak is not yet a fall.
    peak = int(np.flatnonzero(index[: trough + 1] == np.max(index[: trough + 1]))[-1])
    back = np.flatnonzero(index[trough:] >= index[peak] * (1 - _NOISE))
    recovered = points[trough + int(back[0])].at if len(back) else None
    end = recovered or points[-1].at
    return Drawdown(depth, money, points[peak].at, points[trough].at, recovered, end - points[peak].at)


def _fall_minor(points: Sequence[EquityPoint]) -> int:
    flows, peak, deepest = 0, points[0].equity_minor, 0
    for point in points[1:]:
        flows += point.flow_minor
        own = point.equity_minor - flows
        peak = max(peak, own)
        deepest = max(deepest, peak - own)
    return deepest


def current_drawdown(points: Sequence[EquityPoint]) -> float | None:
    """How far the time-weighted index now stands below its highest, as a fraction of the highest."""
    factors = growth(points)
    if not len(factors):
        return None
    index = np.concatenate(([1.0], np.cumprod(factors)))
    fall = float(1 - index[-1] / np.max(index))
    return fall if fall > _NOISE else 0.0


def _enough(returns: Sequence[float]) -> Floats | None:
    return np.array(returns, dtype=np.float64) if len(returns) >= LEAST_SESSIONS else None


def volatility(returns: Sequence[float]) -> float | None:
    """Annualised volatility: sample standard deviation (n - 1) of session returns x sqrt(252)."""
    values = _enough(returns)
    return None if values is None else float(np.std(values, ddof=1)) * math.sqrt(SESSIONS_PER_YEAR)


def sharpe(returns: Sequence[float], risk_free: float = 0.0) -> float | None:
    """Sharpe ratio: mean excess session return / its sample standard deviation x sqrt(252) (W. Sharpe, 1994).

    `risk_free`: a year's rate as a fraction, spread evenly over 252 sessions. None when returns do not vary.
    """
    values = _enough(returns)
    if values is None:
        return None
    spread = float(np.std(values, ddof=1))
    excess = float(np.mean(values)) - risk_free / SESSIONS_PER_YEAR
    return excess / spread * math.sqrt(SESSIONS_PER_YEAR) if spread > _NOISE else None


def sortino(returns: Sequence[float], risk_free: float = 0.0) -> float | None:
    """Sortino ratio: mean excess session return / downside deviation x sqrt(252) (F. Sortino, L. Price, 1994).

    Downside deviation = sqrt(mean over all sessions of min(r - target, 0)^2), target = the risk-free session return.
    None when no session fell below the target.
    """
    values = _enough(returns)
    if values is None:
        return None
    excess = values - risk_free / SESSIONS_PER_YEAR
    downside = math.sqrt(float(np.mean(np.minimum(excess, 0.0) ** 2)))
    return float(np.mean(excess)) / downside * math.sqrt(SESSIONS_PER_YEAR) if downside > _NOISE else None


def annual_return(returns: Sequence[float]) -> float | None:
    """Compound annual growth: (product of (1 + r))^(252 / n) - 1, over n session returns."""
    values = _enough(returns)
    if values is None:
        return None
    grown = float(np.prod(1 + values))
    if grown <= 0:
        return -1.0
    power = math.log(grown) * SESSIONS_PER_YEAR / len(values)
    # Beyond e^50 a year the figure means nothing.
    return math.expm1(power) if power < 50 else None


def calmar(returns: Sequence[float], depth: float | None) -> float | None:
    """Calmar ratio: compound annual growth / maximum drawdown (T. Young, 1991), here over the whole period."""
    grown = annual_return(returns)
    return grown / depth if grown is not None and depth else None
