"""All figures of an account's performance in one frozen value. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from itertools import pairwise

from trading.domain.performance import returns as r
from trading.domain.performance.returns import Drawdown, EquityPoint
from trading.domain.performance.trades import Adjustment, TradeFill, TradeStats, trade_stats, trades_and_open


@dataclass(frozen=True, slots=True)
class Performance:
    """An account's performance over its equity points. Money in minor units, ratios as fractions (0.1 is 10 %).

    profit_minor = last equity - first equity - flows. total_return = profit / first equity. `twr`: time-weighted.
    realized_minor: P&L of fills before fees, closed and open round trips. fees_minor: all fees of the fills.
    time_invested: share of time with a position. exposure: time-weighted mean of gross position value / equity.
    turnover = (value bought + value sold) / 2 / mean equity of the points, over the period, not annualised.
    """

    first_at: datetime | None
    last_at: datetime | None
    sessions: int
    first_equity_minor: int | None
    last_equity_minor: int | None
    flows_minor: int
    profit_minor: int | None
    total_return: float | None
    twr: float | None
    annual_return: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    drawdown: Drawdown | None
    current_drawdown: float | None
    best_session: tuple[date, float] | None
    worst_session: tuple[date, float] | None
    trades: TradeStats
    open_trades: int
    fills: int
    realized_minor: int
    fees_minor: int
    traded_minor: int
    time_invested: float | None
    exposure: float | None
    turnover: float | None


def _exposure(points: Sequence[EquityPoint]) -> tuple[float | None, float | None]:
    """Share of time with a position, and time-weighted gross / equity. A point's positions hold until the next one."""
    if any(point.gross_minor is None for point in points[:-1]):
        return None, None
    total = invested = 0.0
    weighted: float | None = 0.0
    for point, after in pairwise(points):
        seconds = (after.at - point.at).total_seconds()
        gross = point.gross_minor or 0
        total += seconds
        invested += seconds if gross else 0.0
        if point.equity_minor <= 0:
            weighted = None
        elif weighted is not None:
            weighted += seconds * gross / point.equity_minor
    if not total:
        return None, None
    return invested / total, None if weighted is None else weighted / total


def _turnover(traded_minor: int, points: Sequence[EquityPoint]) -> float | None:
    """Half of what was traded, buys and sells, over the mean equity."""
    mean_equity = sum(point.equity_minor for point in points) / len(points) if points else 0.0
    return traded_minor / 2 / mean_equity if mean_equity > 0 else None


def _flows_and_profit(points: Sequence[EquityPoint]) -> tuple[int, int | None]:
    """What came in from outside after the first point, and what the account made itself. Minor units."""
    flows = sum(point.flow_minor for point in points[1:])
    return flows, points[-1].equity_minor - points[0].equity_minor - flows if points else None


def performance(
    points: Sequence[EquityPoint],
    fills: Iterable[TradeFill | Adjustment] = (),
    *,
    zone: tzinfo = UTC,
    sessions: Sequence[date] | None = None,
    risk_free: float = 0.0,
) -> Performance:
    """Every figure from equity points (ascending) and fills (in the order of the books).

    `zone` and `sessions` say which session a point belongs to (`session_returns`); `risk_free` is a year's rate.
    """
    events = list(fills)
    only = [event for event in events if isinstance(event, TradeFill)]
    closed, still_open = trades_and_open(events)
    daily = r.session_returns(points, zone, sessions)
    values, by_return = list(daily.values()), sorted(daily.items(), key=lambda item: item[1])
    fall = r.drawdown(points)
    first, last = (points[0], points[-1]) if points else (None, None)
    flows, profit = _flows_and_profit(points)
    traded, invested = sum(fill.notional_minor for fill in only), _exposure(points)
    return Performance(
        first_at=first.at if first else None,
        last_at=last.at if last else None,
        sessions=len(daily),
        first_equity_minor=first.equity_minor if first else None,
        last_equity_minor=last.equity_minor if last else None,
        flows_minor=flows,
        profit_minor=profit,
        total_return=profit / first.equity_minor if first and profit is not None and first.equity_minor > 0 else None,
        twr=r.time_weighted_return(points),
        annual_return=r.annual_return(values),
        volatility=r.volatility(values),
        sharpe=r.sharpe(values, risk_free),
        sortino=r.sortino(values, risk_free),
        calmar=r.calmar(values, fall.depth if fall else None),
        drawdown=fall,
        current_drawdown=r.current_drawdown(points),
        best_session=by_return[-1] if by_return else None,
        worst_session=by_return[0] if by_return else None,
        trades=trade_stats(closed),
        open_trades=len(still_open),
        fills=len(only),
        realized_minor=sum(trip.realized_minor for trip in (*closed, *still_open)),
        fees_minor=sum(fill.fee_minor for fill in only),
        traded_minor=traded,
        time_invested=invested[0],
        exposure=invested[1],
        turnover=_turnover(traded, points),
    )
