"""Bars for backtests without a database, and a crossover computed on its own: no line of the engine is used here."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import numpy as np

from ai_strategies.domain.backtest.feed import Feed
from marketdata.domain.building import slice_build
from marketdata.domain.layout import History
from marketdata.domain.replay import ReplayDefinition
from marketdata.domain.types import ListingView

LEAN = Path(__file__).resolve().parents[3] / "shared" / "data" / "lean" / "daily" / "goog.zip"
MICRO = Decimal("0.000001")
Row = tuple[Decimal, Decimal, Decimal, Decimal]


def weekdays(number: int) -> list[date]:
    """Weekdays from the first of 2010."""
    days = (date(2010, 1, 1) + timedelta(days=offset) for offset in range(number * 2 + 10))
    return [day for day in days if day.weekday() < 5][:number]


def walk(days: int, seed: int, *, step: str = "0.01") -> list[Row]:
    """A random walk of bars on a grid."""
    rng, grid, rows, last = np.random.default_rng(seed), Decimal(step), [], 100.0
    for _ in range(days):
        opening = last * float(np.exp(rng.normal(0, 0.008)))
        close = opening * float(np.exp(rng.normal(0.0004, 0.02)))
        top, bottom = max(opening, close) * (1 + rng.random() / 50), min(opening, close) * (1 - rng.random() / 50)
        rows.append(tuple(Decimal(str(round(v, 6))).quantize(grid) for v in (opening, top, bottom, close)))
        last = close
    return rows


def lean_rows() -> tuple[list[date], list[Row]]:
    """Real bars, where they lie beside the repository."""
    with zipfile.ZipFile(LEAN) as archive:
        text = io.TextIOWrapper(archive.open(archive.namelist()[0]))
        lines = [line.strip().split(",") for line in text if line.strip()]
    days = [date(int(line[0][:4]), int(line[0][4:6]), int(line[0][6:8])) for line in lines]
    return days, [tuple(Decimal(value) / 10_000 for value in line[1:5]) for line in lines]


def feed(bars: dict[str, Sequence[Row]], *, days: Sequence[date] | None = None, warmup: int = 0, **history) -> Feed:
    """Bars laid out as the service lays them out, with prices exact to the millionth."""
    shown = list(days or weekdays(len(next(iter(bars.values())))))
    histories = [
        History(
            symbol=symbol,
            listing_id=number,
            tick_size=MICRO,
            dates=shown,
            ohlc=np.array([[int(price * 1_000_000) for price in row] for row in rows], dtype=np.int64),
            volume=np.full(len(rows), 1_000_000, dtype=np.int64),
            **(history if number == 1 else {}),
        )
        for number, (symbol, rows) in enumerate(bars.items(), start=1)
    ]
    definition = ReplayDefinition(
        start=shown[warmup], end=shown[-1], symbols=tuple(bars), warmup_days=warmup, spread_bps=Decimal(0)
    )
    table = slice_build(definition, histories)
    listings = tuple(
        ListingView(number, 0, symbol, symbol, "", Decimal("0.01"), Decimal(1), "USD", number, number, "US")
        for number, symbol in enumerate(bars, start=1)
    )
    return Feed(table, listings, lambda index: table.tick(index, "test"), "USD")


@dataclass
class Reference:
    """What the loop came to; money in cents."""

    equity: list[int]
    fees: int
    closed: int
    held: int
    trades: list[tuple[int, str, int]]


def cents(amount: Decimal) -> int:
    """Half-even."""
    return int((amount * 100).to_integral_value(rounding=ROUND_HALF_EVEN))


def crossover(rows: Sequence[Row], *, fast: int, slow: int, cash: int, rate: Decimal, fill: str) -> Reference:
    """All in on a crossing above, all out on a crossing below; whole shares; `rate` a side; `cash` in cents."""
    closes = [row[3] for row in rows]

    def above(t: int) -> int:
        """1, 0 or -1: the fast average against the slow one, exactly."""
        difference = sum(closes[t - fast + 1 : t + 1]) * slow - sum(closes[t - slow + 1 : t + 1]) * fast
        return (difference > 0) - (difference < 0)

    found, held, pending = Reference([], 0, 0, 0, []), 0, ""

    def trade(side: str, price: Decimal, t: int) -> None:
        nonlocal cash, held
        if side == "buy":
            shares = cents(Decimal(cash) / 100) // max(int(price * 100), 1) + 1
            while cents(shares * price) + cents(shares * price * rate) > cash:
                shares -= 1
            if not shares:
                return
            fee = cents(shares * price * rate)
            cash, held = cash - cents(shares * price) - fee, shares
        else:
            shares, fee = held, cents(held * price * rate)
            cash, held = cash + cents(held * price) - fee, 0
            found.closed += 1
        found.fees += fee
        found.trades.append((t, side, shares))

    for t, row in enumerate(rows):
        if pending:
            trade(pending, row[0], t)
            pending = ""
        if t >= slow:
            now, before = above(t), above(t - 1)
            signal = "buy" if not held and now > 0 >= before else "sell" if held and now < 0 <= before else ""
            if signal and fill == "close":
                trade(signal, row[3], t)
            else:
                pending = signal
        found.equity.append(cash + cents(held * row[3]))
    found.held = held
    return found
