"""Performance of an account: returns, risk, trades. Statistics are floats and decide no money; money is exact ints.

A figure that is not defined (too few points, nothing to divide by) is None, never 0 or NaN.
"""

from trading.domain.performance.report import Performance, performance
from trading.domain.performance.returns import (
    LEAST_SESSIONS,
    SESSIONS_PER_YEAR,
    Drawdown,
    EquityPoint,
    annual_return,
    calmar,
    drawdown,
    session_returns,
    sharpe,
    sortino,
    time_weighted_return,
    volatility,
)
from trading.domain.performance.trades import (
    Adjustment,
    RoundTrip,
    TradeFill,
    TradeStats,
    trade_stats,
    trades_and_open,
    trades_of,
)

__all__ = [
    "LEAST_SESSIONS",
    "SESSIONS_PER_YEAR",
    "Adjustment",
    "Drawdown",
    "EquityPoint",
    "Performance",
    "RoundTrip",
    "TradeFill",
    "TradeStats",
    "annual_return",
    "calmar",
    "drawdown",
    "performance",
    "session_returns",
    "sharpe",
    "sortino",
    "time_weighted_return",
    "trade_stats",
    "trades_and_open",
    "trades_of",
    "volatility",
]
