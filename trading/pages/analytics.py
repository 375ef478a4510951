"""The figures of an account's analytics page, each with why it is not there while it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from core.templatetags.arena import DASH, MINUS, signed_money
from trading import selectors
from trading.domain.performance import LEAST_SESSIONS, EquityPoint, Performance, session_returns
from trading.selectors.books import Entry, entries, performance_of

CHART_POINTS = 1200
MAX_POINTS = 20_000
# More sessions than this are shown as months.
MOST_DAYS = 66


@dataclass(frozen=True, slots=True)
class Card:
    """One figure: its name, its text, what it means or why it is not there yet, and its sign where it has one."""

    name: str
    text: str
    note: str
    sign: float | int | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One session or month: its return in percent and how strongly it is coloured, from -4 to 4."""

    label: str
    percent: float
    level: int

    @property
    def css(self) -> str:
        """The class of its colour."""
        if not self.level:
            return "heat-0"
        return f"heat-u{self.level}" if self.level > 0 else f"heat-d{-self.level}"


def _percent(value: float, *, signed: bool = False) -> str:
    text = f"{abs(value) * 100:,.2f}%"
    if round(value * 100, 2) == 0:
        return text
    return f"{MINUS}{text}" if value < 0 else f"+{text}" if signed else text


def _ratio(value: float) -> str:
    return f"{MINUS if value < 0 else ''}{abs(value):,.2f}"


def _sessions_left(found: Performance) -> str:
    return f"needs {LEAST_SESSIONS} market days, has {found.sessions}"


def _risk(found: Performance) -> list[Card]:
    few = found.sessions < LEAST_SESSIONS

    def card(name: str, value: float | None, note: str, without: str) -> Card:
        if value is None:
            return Card(name, DASH, _sessions_left(found) if few else without)
        return Card(name, _ratio(value), note)

    volatility = found.volatility
    return [
        card("Sharpe ratio", found.sharpe, "return for its variation, a year", "days do not vary"),
        card("Sortino ratio", found.sortino, "return for its falls, a year", "no day has lost"),
        card("Calmar ratio", found.calmar, "yearly return for its worst fall", "nothing has fallen"),
        Card("Volatility", DASH, _sessions_left(found))
        if volatility is None
        else Card("Volatility", _percent(volatility), "of daily returns, a year"),
    ]


def _returns(found: Performance) -> list[Card]:
    fall = found.drawdown
    cards = [
        Card("Return", DASH, "needs two prints")
        if found.twr is None
        else Card("Return", _percent(found.twr, signed=True), "time-weighted", found.twr)
    ]
    if fall is None:
        cards.append(Card("Maximum drawdown", DASH, "needs two prints"))
    elif not fall.depth:
        cards.append(Card("Maximum drawdown", "0.00%", "never below its high"))
    else:
        back = "recovered" if fall.recovered_at else "not recovered yet"
        cards.append(Card("Maximum drawdown", f"{MINUS}{fall.depth * 100:.2f}%", f"high to low, {back}", -fall.depth))
    return cards


def _unexposed(found: Performance) -> str:
    if not found.fills:
        return "needs a trade"
    return "needs two prints" if found.twr is None else "not known once a short was held"


def _trading(found: Performance) -> list[Card]:
    stats = found.trades
    none = "needs a closed trade"
    factor = Card("Profit factor", DASH, none if not stats.closed_trades else "no trade has lost")
    if stats.profit_factor is not None:
        factor = Card("Profit factor", _ratio(stats.profit_factor), "won for each unit lost")
    return [
        Card("Win rate", DASH, none)
        if stats.win_rate is None
        else Card("Win rate", _percent(stats.win_rate), f"{stats.wins} of {stats.closed_trades} trades"),
        factor,
        Card("Exposure", DASH, _unexposed(found))
        if found.exposure is None
        else Card("Exposure", _percent(found.exposure), "mean value of positions in equity"),
        Card("Turnover", DASH, "needs two prints")
        if found.turnover is None
        else Card("Turnover", f"{_ratio(found.turnover)}\u00d7", "equity traded over, each way"),
    ]


def _extremes(found: Performance, currency: str) -> list[Card]:
    cards = []
    for name, trip in (("Best trade", found.trades.best), ("Worst trade", found.trades.worst)):
        if trip is None:
            cards.append(Card(name, DASH, "needs a closed trade"))
        else:
            words = f"{trip.symbol}, {trip.direction}, closed {trip.closed_at:%d %b %Y}"
            cards.append(Card(name, signed_money(trip.net_minor, currency), words, trip.net_minor))
    return cards


def cards(found: Performance, currency: str) -> list[Card]:
    """All figures, in the order of the page."""
    return [*_returns(found), *_risk(found), *_trading(found), *_extremes(found, currency)]


def heat(points: Sequence[EquityPoint]) -> tuple[str, list[Cell]]:
    """Returns by session, or by month where there are many sessions, oldest first; and what a cell is."""
    daily = session_returns(points)
    if len(daily) <= MOST_DAYS:
        return "market day", _cells([(f"{day:%d %b}", value) for day, value in daily.items()])
    months: dict[date, float] = {}
    for day, value in daily.items():
        month = day.replace(day=1)
        months[month] = (1 + months.get(month, 0.0)) * (1 + value) - 1
    return "month", _cells([(f"{month:%b %Y}", value) for month, value in months.items()])


def _cells(rows: list[tuple[str, float]]) -> list[Cell]:
    most = max((abs(value) for _, value in rows), default=0.0)
    found = []
    for label, value in rows:
        level = 0 if not most or abs(value) < 5e-5 else max(1, round(4 * abs(value) / most))
        found.append(Cell(label, value * 100, level if value > 0 else -level))
    return found


def chart(points: Sequence[EquityPoint]) -> list[list[int | float]]:
    """[epoch seconds, equity in minor units, drawdown in percent (not above 0)], strictly ascending, thinned out.

    Of each bunch of points that becomes one, the drawdown shown is the deepest.
    """
    step = max(1, -(-len(points) // CHART_POINTS))
    rows: list[list[int | float]] = []
    peak = 0
    deepest = 0.0
    for index, point in enumerate(points):
        peak = max(peak, point.equity_minor)
        deepest = min(deepest, point.equity_minor / peak - 1 if peak > 0 else 0.0)
        if index % step and index != len(points) - 1:
            continue
        moment = int(point.at.timestamp())
        row: list[int | float] = [moment, point.equity_minor, round(deepest * 100, 4)]
        if rows and moment <= rows[-1][0]:
            rows[-1] = [rows[-1][0], point.equity_minor, min(rows[-1][2], row[2])]
        else:
            rows.append(row)
        deepest = 0.0
    return rows


def context(account_id: int, currency: str, *, has_begun: bool) -> dict[str, Any]:
    """Everything that the page computes from the books and the curve."""
    book: list[Entry] = entries(account_id)
    found = performance_of(account_id, book=book)
    rows = selectors.equity_points(account_id, limit=MAX_POINTS) if has_begun else []
    points = [EquityPoint(at, equity) for at, equity, _ in rows]
    unit, cells = heat(points)
    return {
        "performance": found,
        "cards": cards(found, currency),
        "cells": cells,
        "cell_unit": unit,
        "chart": chart(points),
    }
