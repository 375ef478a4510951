"""LEAN's daily layout: bars times 10,000, and the splits and dividends that its factor files imply. Pure."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from itertools import pairwise

from marketdata.domain.imports import BAR_COLUMNS, EIGHT_PLACES, PLACES, Notes, ParsedSeries, read_bar, series_of
from marketdata.domain.rows import lean_date, number, numbered, rows_read
from marketdata.domain.types import Action, Bar

LEAN_SCALE = Decimal(10_000)


def lean_bars(bars_text: str, factors_text: str | None, *, today: date) -> ParsedSeries:
    """Bars of LEAN's daily CSV and the splits and dividends that its factor file implies.

    Bars before the factor file's first row belonged to another company under the same ticker and are left out.
    """
    notes = Notes()

    def read(row: list[str]) -> Bar:
        if len(row) != len(BAR_COLUMNS):
            raise ValueError(f"{len(row)} columns instead of {len(BAR_COLUMNS)}")
        return read_bar(lean_date(row[0]), row[1:], LEAN_SCALE, today, notes)

    series = series_of(rows_read(numbered(bars_text), read), notes)
    if factors_text is None:
        return series
    factors = [row for _, row in rows_read(numbered(factors_text), _factor)]
    if not factors:
        return series
    kept = [bar for bar in series.bars if bar.date >= factors[0].until]
    dropped = len(series.bars) - len(kept)
    left_out = [f"{dropped} bars before {factors[0].until} left out: the factor file begins there"] if dropped else []
    return ParsedSeries(kept, factor_actions(factors, [bar.date for bar in kept]), series.warnings + left_out)


@dataclass(frozen=True, slots=True)
class Factor:
    """A row of a LEAN factor file: holds up to and including `until`; `reference` is that day's close as traded."""

    until: date
    price: Decimal
    split: Decimal
    reference: Decimal


def factor_actions(factors: Sequence[Factor], sessions: Sequence[date]) -> list[Action]:
    """Splits and dividends from changes between factor rows, effective at the session after the earlier row.

    Where the bars have a hole, that session is the next weekday. Several actions on one day become one.
    """
    merged: dict[tuple[str, date], Decimal] = {}
    for before, after in pairwise(factors):
        if not sessions or not sessions[0] <= before.until < sessions[-1]:
            continue
        ex_date = _session_after(before.until, sessions)
        ratio = _neat_ratio(after.split / before.split)
        if before.split != after.split:
            merged["split", ex_date] = merged.get(("split", ex_date), Decimal(1)) * ratio
        cash = (
            _neat_cash(before, after) / ratio
        )  # of a share as it is counted on the ex-date, after a split of that day
        if cash > 0:
            merged["dividend", ex_date] = merged.get(("dividend", ex_date), Decimal(0)) + cash
    return [
        Action(kind, ex_date, value.quantize(EIGHT_PLACES, rounding=ROUND_HALF_EVEN))
        for (kind, ex_date), value in merged.items()
    ]


def _session_after(day: date, sessions: Sequence[date]) -> date:
    following = sessions[bisect_right(sessions, day)]
    weekday = day + timedelta(days=max(1, 7 - day.weekday() if day.weekday() >= 4 else 1))
    return following if following - day <= timedelta(days=7) else weekday


def _neat_cash(before: Factor, after: Factor) -> Decimal:
    """The dividend, on the coarsest grid that the factors' seven places allow: 2.649939 is 2.65."""
    cash = before.reference * (1 - before.price / after.price)
    blur = before.reference * Decimal("3e-7") / min(after.price, Decimal(1))
    for step in (Decimal("0.01"), Decimal("0.005"), Decimal("0.001"), Decimal("0.0001")):
        neat = (cash / step).to_integral_value(rounding=ROUND_HALF_EVEN) * step
        if abs(neat - cash) <= blur:
            return neat
    return cash.quantize(PLACES, rounding=ROUND_HALF_EVEN)


def _neat_ratio(ratio: Decimal) -> Decimal:
    """A split ratio freed of the factor file's rounding: 6.99999 is 7 for 1."""
    neat = Fraction(ratio).limit_denominator(20)
    if neat and abs(Fraction(ratio) / neat - 1) < Fraction(1, 20_000):
        ratio = Decimal(neat.numerator) / Decimal(neat.denominator)
    return ratio


def _factor(row: list[str]) -> Factor:
    if len(row) != 4:
        raise ValueError(f"{len(row)} columns instead of 4")
    factor = Factor(lean_date(row[0]), *(number(cell, "factor") for cell in row[1:]))
    if factor.price <= 0 or factor.split <= 0:
        raise ValueError("a factor is not above zero")
    return factor
