"""What a backtest came to: one document of plain numbers. Money in major units, percentages named as such. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from ai_strategies.domain.backtest.book import PaperBook
from ai_strategies.domain.backtest.engine import Paper
from ai_strategies.domain.backtest.types import Mark
from core.money import to_major
from marketdata.domain.replay import EXCHANGE_ZONE
from trading.domain.performance import (
    Adjustment,
    EquityPoint,
    Performance,
    RoundTrip,
    TradeFill,
    performance,
    trades_of,
)
from trading.domain.types import plain

MAX_TRADES = 500
MAX_CURVE = 1_000
UNITS = {
    "max_drawdown": "percent of the highest equity before it, on the equity at each session's close",
    "return_pct": "percent of the initial cash",
    "win_rate": "percent of closed trades that won after fees",
    "exposure": "percent of equity that was invested, averaged over time",
    "time_invested": "percent of the time with a position",
    "profit_factor": "gross profit / gross loss, after fees",
    "sharpe, sortino": "daily returns, a year of 252 sessions, no risk-free rate",
    "calmar": "compound annual growth / largest drawdown",
    "annual_return_pct, volatility_pct": "percent a year of 252 sessions",
    "money": "major units of the currency",
}


def closes_of(marks: Sequence[Mark]) -> list[Mark]:
    """The last mark of each session."""
    return list({mark.day_index: mark for mark in marks}.values())


def events_of(book: PaperBook) -> list[TradeFill | Adjustment]:
    """Fills and corporate actions in the order of the books, for the performance figures."""
    changes = list(book.adjustments)
    events: list[TradeFill | Adjustment] = []
    for place in range(len(book.fills) + 1):
        while changes and changes[0][1] == place:
            at, _, row = changes.pop(0)
            if row["kind"] != "dividend":
                events.append(_adjustment(at, row))
        if place < len(book.fills):
            fill = book.fills[place]
            money = fill.notional_minor, fill.fee_minor
            events.append(
                TradeFill(fill.at, fill.listing_id, fill.symbol, fill.side, fill.quantity, fill.price, *money)
            )
    return events


def _adjustment(at: Any, row: Any) -> Adjustment:
    return Adjustment(
        at=at,
        listing_id=row["listing_id"],
        symbol=row["details"]["symbol"],
        quantity=Decimal(row["quantity_after"]) - Decimal(row["quantity_before"]),
        cost_minor=row["cost_after_minor"] - row["cost_before_minor"],
        realized_minor=row["realized_minor"],
    )


def points_of(paper: Paper) -> list[EquityPoint]:
    """Equity before the first session's open and at each session's close."""
    table, account = paper.feed.table, paper.book.account
    first = EquityPoint(table.at(0), account.initial_minor, gross_minor=0)
    return [
        first,
        *(EquityPoint(m.at, m.equity_minor, gross_minor=m.gross_minor) for m in closes_of(paper.book.marks)),
    ]


def document(paper: Paper, *, sessions: Sequence[date]) -> dict[str, Any]:
    """Every figure of a run. `sessions` are the dates of the sessions that it played."""
    book = paper.book
    currency = book.account.currency
    events = events_of(book)
    found = performance(points_of(paper), events, zone=EXCHANGE_ZONE)
    trades = trades_of(events)
    dividends = sum(row["cash_minor"] for _, _, row in book.adjustments if row["kind"] == "dividend")
    return {
        "currency": currency,
        "initial_cash": money(book.account.initial_minor, currency),
        "final_equity": money(book.marks[-1].equity_minor, currency),
        "cash": money(book.account.cash_minor, currency),
        **_returns(found, currency),
        **_trades(found, currency),
        "open_positions": len(book.held()),
        "open_orders": len(book.orders),
        "fills": len(book.fills),
        "fees": money(book.account.fees_minor, currency),
        "charges": _charges(book, currency),
        "dividends": money(dividends, currency),
        "realized": money(book.account.realized_minor, currency),
        "bars": len(sessions),
        "first_date": sessions[0].isoformat(),
        "last_date": sessions[-1].isoformat(),
        "positions": _positions(paper, currency),
        "trades": [_trade(trade, currency) for trade in trades[-MAX_TRADES:]],
        "trades_left_out": max(len(trades) - MAX_TRADES, 0),
        "orders": dict(sorted(book.endings.items())),
        "strategy_failures": paper.failures[:10],
        "units": UNITS,
    }


def money(minor: int | None, currency: str) -> float | None:
    """Minor units as a plain number of major units; exact as it is printed."""
    return None if minor is None else float(to_major(minor, currency))


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else round(fraction * 100, 6)


def _ratio(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _returns(found: Performance, currency: str) -> dict[str, Any]:
    fall = found.drawdown
    return {
        "profit": money(found.profit_minor, currency),
        "return_pct": _percent(found.total_return),
        "annual_return_pct": _percent(found.annual_return),
        "volatility_pct": _percent(found.volatility),
        "max_drawdown": _percent(fall.depth if fall else 0.0),
        "max_drawdown_money": money(fall.depth_minor if fall else 0, currency),
        "max_drawdown_from": fall.peak_at.astimezone(EXCHANGE_ZONE).date().isoformat() if fall and fall.depth else None,
        "max_drawdown_to": fall.trough_at.astimezone(EXCHANGE_ZONE).date().isoformat() if fall and fall.depth else None,
        "sharpe": _ratio(found.sharpe),
        "sortino": _ratio(found.sortino),
        "calmar": _ratio(found.calmar),
        "exposure": _percent(found.exposure),
        "time_invested": _percent(found.time_invested),
        "turnover": _ratio(found.turnover),
    }


def _trades(found: Performance, currency: str) -> dict[str, Any]:
    stats = found.trades
    return {
        "closed_trades": stats.closed_trades,
        "wins": stats.wins,
        "losses": stats.losses,
        "win_rate": _percent(stats.win_rate),
        "profit_factor": _ratio(stats.profit_factor),
        "expectancy": money(stats.expectancy_minor, currency),
        "average_win": money(stats.average_win_minor, currency),
        "average_loss": money(stats.average_loss_minor, currency),
        "best_trade": None if stats.best is None else money(stats.best.net_minor, currency),
        "worst_trade": None if stats.worst is None else money(stats.worst.net_minor, currency),
    }


def _charges(book: PaperBook, currency: str) -> dict[str, float | None]:
    totals: dict[str, int] = {}
    for fill in book.fills:
        for kind, minor in fill.charges.items():
            totals[kind] = totals.get(kind, 0) + minor
    return {kind: money(minor, currency) for kind, minor in sorted(totals.items())}


def _positions(paper: Paper, currency: str) -> list[dict[str, Any]]:
    book = paper.book
    rows = []
    for key, held in book.held():
        quote = book.quotes.get(key)
        rows.append(
            {
                "symbol": paper.instruments.known[key].symbol,
                "quantity": plain(held.quantity),
                "cost": money(held.cost_minor, currency),
                "last": None if quote is None else plain(quote.prices.last),
            }
        )
    return rows


def _trade(trade: RoundTrip, currency: str) -> dict[str, Any]:
    assert trade.closed_at is not None
    return {
        "symbol": trade.symbol,
        "direction": trade.direction,
        "opened": trade.opened_at.astimezone(EXCHANGE_ZONE).date().isoformat(),
        "closed": trade.closed_at.astimezone(EXCHANGE_ZONE).date().isoformat(),
        "quantity": plain(trade.quantity),
        "entry": plain(trade.entry_price),
        "exit": None if trade.exit_price is None else plain(trade.exit_price),
        "fees": money(trade.fees_minor, currency),
        "net": money(trade.net_minor, currency),
    }


def curve(marks: Sequence[Mark], sessions: Sequence[date], currency: str) -> list[list[Any]]:
    """[date, equity] at each session's close."""
    return [[sessions[mark.day_index].isoformat(), money(mark.equity_minor, currency)] for mark in closes_of(marks)]
