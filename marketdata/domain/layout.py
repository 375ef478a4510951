"""One instrument's history laid out over a slice's sessions: exact integer tables in price ticks, and its actions.

In the `adjusted` basis prices play in the shares of the slice's first session: after a split inside the slice they are
multiplied by its ratio (and volumes divided), before it, in the warm-up, divided. In the `traded` basis they play as
they were traded. A masked market also rescales each price so that the last close before the slice (else the first open)
is 100 in the shares of its day. No price depends on a split that is yet to come.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np

from core.errors import Invalid
from marketdata.domain.replay import MASKED_BASE, Basis, IntArray, ReplayDefinition
from marketdata.domain.splits import round_ratio, round_rows, scaled_cash, split_ratio
from marketdata.domain.types import ActionKind, TickAction

MICRO = 1_000_000


@dataclass(frozen=True)
class History:
    """One instrument's raw bars in listing order. `ohlc` is [bars, 4] in millionths of the currency, as traded.

    `symbol` is the one before any of `symbol_changes`. Dividends are cash per share as traded on the ex-date. A
    delisting is its first day without trading and the cash per share that holders get (0: the last close).
    """

    symbol: str
    listing_id: int
    tick_size: Decimal
    dates: Sequence[date]
    ohlc: IntArray
    volume: IntArray
    splits: Sequence[tuple[date, Decimal]] = ()
    dividends: Sequence[tuple[date, Decimal]] = ()
    symbol_changes: Sequence[tuple[date, str]] = ()
    delisting: tuple[date, Decimal] | None = None


@dataclass(frozen=True)
class Column:
    """One instrument over the rows of a slice. Prices are in price ticks; 0 where there was no bar yet.

    `ohlc` and `volume` are what plays, `traded` and `traded_volume` are in the shares of each row's day (the mask's
    scale is on both). `ratios` bring a row's traded price to the first session's shares; None: no split. `gone` is the
    first row without trading. `names` are (from row, symbol), and `actions` what takes effect at a row's open.
    """

    ohlc: IntArray
    volume: IntArray
    traded: IntArray
    traded_volume: IntArray
    ratios: tuple[Fraction, ...] | None
    gone: int
    names: tuple[tuple[int, str], ...]
    actions: tuple[tuple[int, TickAction], ...]


def slice_sessions(definition: ReplayDefinition, histories: Sequence[History]) -> tuple[list[date], int]:
    """All sessions shown and how many of them are warm-up. A session is a day on which any of the symbols has a bar."""
    every = sorted({day for history in histories for day in history.dates if day <= definition.end})
    before = [day for day in every if day < definition.start]
    inside = [day for day in every if day >= definition.start]
    if not inside:
        raise Invalid("history_missing", "There is no history between the start and the end.", {"field": "start"})
    warm = before[-definition.warmup_days :] if definition.warmup_days else []
    return warm + inside, len(warm)


def grid(tick_size: Decimal) -> Decimal:
    """A tick size without trailing zeros, so that prices print with its places ("645.57", not "645.570000")."""
    small = tick_size.normalize()
    return small.quantize(Decimal(1)) if int(small.as_tuple().exponent) > 0 else small


def column_build(
    definition: ReplayDefinition, history: History, dates: Sequence[date], warmup: int, shift: timedelta
) -> Column:
    """Lay one instrument out over the sessions; raises Invalid when its history does not cover the slice.

    A session without a bar repeats the last close with no volume. `shift` moves the dates that are shown.
    """
    first = dates[warmup]
    gone = _gone(history, dates)
    position = {day: index for index, day in enumerate(history.dates)}
    rows = [(row, position[day]) for row, day in enumerate(dates[:gone]) if day in position]
    _require_cover(history, dates, warmup, rows, gone)
    scale = _mask_scale(definition, history, dates, warmup, rows)
    traded = np.zeros((len(dates), 4), dtype=np.int64)
    traded_volume = np.zeros(len(dates), dtype=np.int64)
    target, origin = [row for row, _ in rows], [index for _, index in rows]
    in_ticks = scale / (Fraction(history.tick_size) * MICRO)
    traded[target] = np.maximum(round_ratio(history.ohlc[origin], in_ticks), 1)
    traded_volume[target] = round_ratio(history.volume[origin], 1 / scale)
    ohlc, volume, ratios = traded, traded_volume, None
    if history.splits:
        ratios = tuple(split_ratio(history.splits, day, first) for day in dates)
        if definition.basis == Basis.ADJUSTED:
            ohlc, volume = np.zeros_like(traded), np.zeros_like(traded_volume)
            factors = [ratios[row] for row in target]
            ohlc[target] = np.maximum(round_rows(history.ohlc[origin], [own * in_ticks for own in factors]), 1)
            volume[target] = round_rows(history.volume[origin], [1 / (own * scale) for own in factors])
            _carry(ohlc, None)
    _carry(traded, ratios)
    column = Column(ohlc, volume, traded, traded_volume, ratios, gone, _names(history, definition, dates, warmup), ())
    return _with_actions(column, definition, history, dates, warmup, shift, scale)


def _gone(history: History, dates: Sequence[date]) -> int:
    """The first row without trading."""
    if history.delisting is None:
        return len(dates)
    return next((row for row, day in enumerate(dates) if day >= history.delisting[0]), len(dates))


def _require_cover(
    history: History, dates: Sequence[date], warmup: int, rows: Sequence[tuple[int, int]], gone: int
) -> None:
    first, final = dates[warmup], dates[-1]
    ends_well = gone < len(dates) or (bool(history.dates) and history.dates[-1] >= final)
    if not rows or rows[0][0] > warmup or gone <= warmup or not ends_well:
        span = f"{history.dates[0]}..{history.dates[-1]}" if history.dates else "none"
        details = {"symbol": history.symbol, "history": span, "needed": f"{first}..{final}"}
        raise Invalid("history_missing", f"The history of {history.symbol} does not cover the slice.", details)


def _mask_scale(
    definition: ReplayDefinition,
    history: History,
    dates: Sequence[date],
    warmup: int,
    rows: Sequence[tuple[int, int]],
) -> Fraction:
    """What masking multiplies prices by. As traded, the last close before the slice is 100 as it was traded."""
    if not definition.mask:
        return Fraction(1)
    before = [found for found in rows if found[0] < warmup]
    row, index = before[-1] if before else rows[0]
    scale = Fraction(MASKED_BASE * MICRO, int(history.ohlc[index, 3 if before else 0]))
    if definition.basis == Basis.TRADED:
        return scale
    return scale / split_ratio(history.splits, dates[row], dates[warmup])


def _carry(ohlc: IntArray, ratios: Sequence[Fraction] | None) -> None:
    """Fill sessions without a bar with the close before them; rows before the first bar stay 0."""
    for row in np.flatnonzero(ohlc[:, 0] == 0).tolist():
        if row:
            factor = ratios[row - 1] / ratios[row] if ratios else Fraction(1)
            ohlc[row] = round_ratio(ohlc[row - 1 : row, 3], factor)[0]
            if ohlc[row - 1, 3]:
                ohlc[row] = np.maximum(ohlc[row], 1)


def _names(
    history: History, definition: ReplayDefinition, dates: Sequence[date], warmup: int
) -> tuple[tuple[int, str], ...]:
    """(from row, symbol): the one before the slice's first session, then each change at the row that it takes effect.

    A masked market keeps its aliases.
    """
    if definition.mask or not history.symbol_changes:
        return ((-1, history.symbol),)
    eve = _eve(dates, warmup)
    changes = sorted(history.symbol_changes)
    start = [symbol for ex_date, symbol in changes if ex_date <= eve]
    later = [(_row_of(ex_date, dates, warmup), symbol) for ex_date, symbol in changes if eve < ex_date <= dates[-1]]
    return ((-1, start[-1] if start else history.symbol), *later)


def _eve(dates: Sequence[date], row: int) -> date:
    """The session before a row; the calendar day before when there is none."""
    return dates[row - 1] if row else dates[row] - timedelta(days=1)


def _row_of(ex_date: date, dates: Sequence[date], warmup: int) -> int:
    """The row at whose open an action takes effect: its day's, or the next session's."""
    return next(row for row in range(warmup, len(dates)) if ex_date <= dates[row])


def _with_actions(
    column: Column,
    definition: ReplayDefinition,
    history: History,
    dates: Sequence[date],
    warmup: int,
    shift: timedelta,
    scale: Fraction,
) -> Column:
    """The column with what takes effect inside the slice, by row; of one row: splits, dividends, symbol, delisting."""
    found: list[tuple[int, TickAction]] = []
    inside = [_eve(dates, warmup), dates[-1]]
    name = column.names[0][1]

    def add(kind: ActionKind, ex_date: date, value: Decimal, new_symbol: str = "") -> None:
        row = _row_of(ex_date, dates, warmup)
        action = TickAction(kind, history.listing_id, name, value, ex_date + shift, new_symbol)
        if row < column.gone or kind == "delisting":
            found.append((row, action))

    def effective(items: Sequence) -> list:
        return [item for item in sorted(items) if inside[0] < item[0] <= inside[1]]

    as_played = column.ratios if definition.basis == Basis.ADJUSTED else None
    if definition.basis == Basis.TRADED:
        for ex_date, value in effective(history.splits):
            add("split", ex_date, value)
    for ex_date, cash in effective(history.dividends):
        ratio = as_played[_row_of(ex_date, dates, warmup)] if as_played else Fraction(1)
        add("dividend", ex_date, scaled_cash(cash, ratio * scale))
    if not definition.mask:
        for ex_date, symbol in effective(history.symbol_changes):
            add("symbol_change", ex_date, Decimal(0), symbol)
            name = symbol
    if history.delisting is not None and column.gone < len(dates):
        add("delisting", history.delisting[0], _final_value(column, history, as_played, scale))
    return replace(column, actions=tuple(sorted(found, key=lambda item: item[0])))


def _final_value(column: Column, history: History, as_played: Sequence[Fraction] | None, scale: Fraction) -> Decimal:
    """Cash per share for a delisted holding, in the basis of the prices: what was paid, or the last close."""
    assert history.delisting is not None
    cash = history.delisting[1]
    if cash:
        return scaled_cash(cash, (as_played[column.gone] if as_played else Fraction(1)) * scale)
    return int(column.ohlc[column.gone - 1, 3]) * grid(history.tick_size)
