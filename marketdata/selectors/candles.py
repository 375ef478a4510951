"""Candles of an instrument at any resolution, up to now and never beyond what may be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np

from core.errors import Invalid, NotFound
from marketdata.adapters.bars_binary import table_read
from marketdata.domain.candles_query import (
    COLUMNS,
    DAY,
    MAX_CANDLES,
    TIME,
    Candles,
    Resolution,
    bucket_keys,
    empty_table,
    resolution_of,
    rolled,
    undo_splits,
    with_price,
)
from marketdata.domain.feed import MICRO, LiveQuote
from marketdata.domain.replay import IntArray
from marketdata.models import CorporateAction, Instrument
from marketdata.selectors.horizon import horizon
from marketdata.selectors.prices import is_live_public, live_of
from marketdata.selectors.sessions import exchange_view, session_containing, sessions_between

EARLIEST, LATEST = 0, 253_370_764_800  # 1970 and 9999: what a request may name
TAIL_ROWS = 200_000
_DAYS = f"""
SELECT (date - DATE '1970-01-01')::bigint * {DAY}, (open * {MICRO})::bigint, (high * {MICRO})::bigint,
       (low * {MICRO})::bigint, (close * {MICRO})::bigint, volume
FROM marketdata_dailybar WHERE instrument_id = %s AND date >= %s AND date < %s ORDER BY date DESC LIMIT %s
"""  # noqa: S608
_MINUTES = """
SELECT extract(epoch FROM at)::bigint, open, high, low, close, volume FROM marketdata_intradaybar
WHERE instrument_id = %s AND minutes = %s AND at >= %s AND at < %s ORDER BY at DESC LIMIT %s
"""
_ANY = "SELECT 1::bigint FROM marketdata_intradaybar WHERE instrument_id = %s LIMIT 1"


@dataclass(frozen=True, slots=True)
class Facts:
    """What reading an instrument's candles needs to know of it. `limit` is the first day that is not to be seen."""

    instrument_id: int
    exchange: str
    zone: ZoneInfo
    splits: tuple[tuple[date, Fraction], ...]
    limit: date | None

    def midnight(self, day: date) -> int:
        """The second at which a day begins at the exchange."""
        return int(datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp())


@dataclass(frozen=True, slots=True)
class Window:
    """Candles with start <= time < end, or (with `count`) the last so many before `end`."""

    start: int
    end: int
    count: int | None
    now: datetime

    @property
    def most(self) -> int:
        """How many candles are wanted at most."""
        return self.count or MAX_CANDLES


def candles(
    instrument_id: int,
    resolution: str,
    *,
    start: int | None = None,
    end: int | None = None,
    countback: int | None = None,
    adjusted: bool = True,
    now: datetime | None = None,
) -> Candles:
    """Candles with start <= time < end in seconds since the epoch; with `countback` the last so many before `end`.

    At most 5,000, the latest. `adjusted`: in today's shares, else as traded. The last may be forming: a day's from the
    feed's latest quote, a minute's with its last price on top. Of invented history that a replay contest plays nothing
    is told from its session in force on. Raises NotFound and Invalid.
    """
    unit = resolution_of(resolution)
    if countback is not None and not 0 < countback <= MAX_CANDLES:
        raise Invalid("bad_request", f"Ask for 1 to {MAX_CANDLES} candles.", {"field": "countback"})
    window = Window(
        start=_bounded(start, EARLIEST) if countback is None else EARLIEST,
        end=_bounded(end, LATEST),
        count=countback,
        now=now or datetime.now(tz=UTC),
    )
    facts = facts_of(instrument_id)
    splits = facts.splits if adjusted else ()
    if unit.is_intraday:
        table, is_forming = _of_minutes(facts, unit, window, splits)
    else:
        table, is_forming = _of_days(facts, unit, window, splits)
    table = table[(table[:, TIME] >= window.start) & (table[:, TIME] < window.end)]
    kept = table[-window.most :]
    return Candles(
        instrument_id=instrument_id,
        resolution=unit.name,
        adjusted=adjusted,
        table=kept,
        is_forming=is_forming and len(kept) > 0,
        is_capped=countback is None and len(table) > len(kept),
    )


def candle_before(instrument_id: int, resolution: str, before: int) -> int | None:
    """The time of the closest candle that begins before a second; None when there is none."""
    found = candles(instrument_id, resolution, end=before, countback=1)
    return found.times[0] if len(found) else None


def has_intraday(instrument_id: int) -> bool:
    """Whether there is any bar shorter than a day."""
    return len(table_read(_ANY, [instrument_id], 1)) > 0


def facts_of(instrument_id: int) -> Facts:
    """An instrument's exchange, zone, splits that may be seen, and limit; raises NotFound."""
    exchange = Instrument.objects.filter(pk=instrument_id).values_list("exchange", flat=True).first()
    if exchange is None:
        raise NotFound("unknown_instrument", "There is no such instrument.", {"instrument": instrument_id})
    zone, limit = zone_of(exchange), horizon(instrument_id)
    today = datetime.now(tz=zone).date()
    if not is_live_public(exchange, today):  # nothing of a day that is not over
        limit = min(limit, today) if limit else today
    rows = CorporateAction.objects.filter(
        instrument_id=instrument_id, kind=CorporateAction.Kind.SPLIT, ex_date__lte=today, value__gt=0
    )
    if limit is not None:
        rows = rows.filter(ex_date__lt=limit)
    splits = tuple((day, Fraction(value)) for day, value in rows.values_list("ex_date", "value"))
    return Facts(instrument_id, exchange, zone, splits, limit)


def zone_of(exchange: str) -> ZoneInfo:
    """An exchange's zone; UTC for a code that is not an exchange's."""
    try:
        return ZoneInfo(exchange_view(exchange).zone)
    except NotFound:
        return ZoneInfo("UTC")


def _bounded(value: int | None, default: int) -> int:
    return default if value is None else min(max(value, EARLIEST), LATEST)


def _of_days(
    facts: Facts, unit: Resolution, window: Window, splits: Sequence[tuple[date, Fraction]]
) -> tuple[IntArray, bool]:
    """Days, weeks or months, and whether the last is forming."""
    most = (window.most + 2) * unit.per_candle(0)
    first = _day(window.start - unit.seconds if window.count is None else EARLIEST)
    last = _day(window.end + unit.seconds - 1)
    if facts.limit is not None:
        last = min(last, facts.limit)
    table = table_read(_DAYS, [facts.instrument_id, first, last, most], COLUMNS)[::-1]
    is_cut = len(table) == most
    table = undo_splits(table, [(_second(day), ratio) for day, ratio in splits])
    live = _live(facts)
    is_live = False
    if live is not None and live.open and live.last:
        at = _second(live.session)
        is_live = (not len(table) or table[-1, TIME] < at) and at < window.end and live.session < last
        if is_live:
            row = [
                at,
                live.open,
                max(live.high, live.last),
                min(live.low or live.last, live.last),
                live.last,
                live.volume,
            ]
            table = np.concatenate((table, np.array([row], dtype=np.int64)))
    if unit.days == 1:
        return table, is_live
    keys = bucket_keys(table[:, TIME], unit)
    result = rolled(table, keys, by_key=False)
    current = bucket_keys(np.array([int(window.now.timestamp())], dtype=np.int64), unit)
    is_forming = len(keys) > 0 and keys[-1] == current[0]
    return (result[1:] if is_cut else result), bool(is_forming)


def _of_minutes(
    facts: Facts, unit: Resolution, window: Window, splits: Sequence[tuple[date, Fraction]]
) -> tuple[IntArray, bool]:
    """Candles shorter than a day, and whether the last is forming."""
    first = max(window.start - unit.seconds, EARLIEST)
    last = window.end + unit.seconds
    if facts.limit is not None:
        last = min(last, facts.midnight(facts.limit))
    table, base, is_cut = _stored_minutes(facts.instrument_id, unit, first, last, window.most + 2)
    table = undo_splits(table, [(facts.midnight(day), ratio) for day, ratio in splits])
    live = _live(facts)
    at = live.at // MICRO if live is not None and live.last and _in_session(facts.exchange, live) else None
    opens: list[int] = []
    if unit.is_anchored and base < unit.minutes:
        edges = [*table[[0, -1], TIME].tolist()] if len(table) else []
        opens = _opens(facts, edges + ([at] if at is not None else []))
    result = rolled(table, bucket_keys(table[:, TIME], unit, opens), by_key=True)
    if is_cut and base != unit.minutes:
        result = result[1:]
    if live is not None and at is not None and at < last:
        key = int(bucket_keys(np.array([at], dtype=np.int64), unit, opens)[0])
        if key < window.end:
            result = with_price(result, key, live.last)
    is_forming = len(result) > 0 and result[-1, TIME] + unit.seconds > window.now.timestamp()
    return result, bool(is_forming)


def _stored_minutes(
    instrument_id: int, unit: Resolution, first: int, last: int, wanted: int
) -> tuple[IntArray, int, bool]:
    """The best stored bars of a range and their minutes, with minutes on top of the last; whether older were left out.

    Coarser bars are rolled when they are over: what came since is in the bars of one minute.
    """
    table, base, is_cut = empty_table(), 1, False
    for base in unit.bases:
        most = wanted * unit.per_candle(base)
        table = _minutes(instrument_id, base, first, last, min(most, TAIL_ROWS) if base == 1 else most)
        is_cut = len(table) == most or len(table) == TAIL_ROWS
        if len(table):
            break
    if base == 1 or not len(table):
        return table, base, is_cut
    edge = int(table[-1, TIME])
    tail = _minutes(instrument_id, 1, edge, last, TAIL_ROWS)
    if not len(tail):
        return table, base, is_cut
    kept = table[:-1] if tail[0, TIME] < edge + base * 60 else table
    return np.concatenate((kept, tail)), base, is_cut


def _minutes(instrument_id: int, minutes: int, first: int, last: int, most: int) -> IntArray:
    bounds = [datetime.fromtimestamp(min(second, LATEST), tz=UTC) for second in (first, last)]
    return table_read(_MINUTES, [instrument_id, minutes, *bounds, most], COLUMNS)[::-1]


def _opens(facts: Facts, seconds: Sequence[int]) -> list[int]:
    """The opens of the sessions from the first to the last of these seconds, and of the one before."""
    if not seconds:
        return []
    first, last = (datetime.fromtimestamp(each, tz=facts.zone).date() for each in (min(seconds), max(seconds)))
    try:
        found = sessions_between(facts.exchange, first - timedelta(days=10), last)
    except NotFound:
        return []
    return [int(session.opens_at.timestamp()) for session in found]


def _live(facts: Facts) -> LiveQuote | None:
    """The feed's latest; nothing of an instrument whose future is hidden."""
    return live_of([facts.instrument_id]).get(facts.instrument_id) if facts.limit is None else None


def _in_session(exchange: str, live: LiveQuote) -> bool:
    """Whether a quote was made while the exchange traded; a code that is not an exchange's always trades."""
    try:
        return session_containing(exchange, datetime.fromtimestamp(live.at // MICRO, tz=UTC)) is not None
    except NotFound:
        return True


def _day(second: int) -> date:
    """The date that begins at or before a second."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=min(max(second, EARLIEST), LATEST))).date()


def _second(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY
