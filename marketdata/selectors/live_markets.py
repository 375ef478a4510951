"""Live and simulated markets as they stand: clock, tick in force, daily bars, closes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from marketdata.domain.feed import LiveQuote, price_of
from marketdata.domain.splits import split_ratio
from marketdata.domain.types import BarView, MarketClock, Quote, Tick
from marketdata.models import CorporateAction, DailyBar, LiveBoard, Market
from marketdata.selectors.history import listing_map, listing_named, listings_seen
from marketdata.selectors.live import live_quotes
from marketdata.selectors.sessions import session_on
from marketdata.selectors.timelines import timeline


def live_clock(market: Market) -> MarketClock:
    """The clock of a live market's row, published now. Before its first tick it stands at the wall's time."""
    now = datetime.now(tz=UTC)
    board = LiveBoard.objects.filter(pk=market.pk).only("is_close", "tick").first() if market.tick >= 0 else None
    return MarketClock(
        market_id=market.pk,
        slug=market.slug,
        kind=market.kind,
        status=market.status,
        tick=market.tick,
        at=market.tick_at or now,
        day_index=max(market.day_index, 0),
        days_total=0,
        phase=max(market.tick - max(market.session_tick, 0), 0),
        ticks_total=0,
        session_date=market.session_date or now.date(),
        source_label=market.source_label,
        is_simulated=market.is_simulated,
        wall=now,
        listings_version=market.listings_version,
        is_close=board is not None and board.tick == market.tick and board.is_close,
    )


def live_tick(market: Market) -> Tick:
    """The tick in force of a live market that has begun, as it was taken; halts of operators as they are now."""
    listings_seen(market.pk, market.listings_version)
    row = LiveBoard.objects.get(pk=market.pk)
    return tick_of_board(row, market)


def tick_of_board(row: LiveBoard, market: Market) -> Tick:
    """A stored board as a tick."""
    halted = {view.id for view in listing_map(market.pk).values() if view.is_halted}
    quotes: dict[str, Quote] = {}
    for document in row.quotes:
        quote = Quote.from_json(document | {"halted": document["halted"] or document["listing_id"] in halted})
        quotes[quote.symbol] = quote
    first = row.tick == row.session_tick
    return Tick(
        index=row.tick,
        at=row.at,
        day_index=row.day_index,
        phase=row.tick - row.session_tick,
        is_new_day=first,
        is_last=False,
        quotes=quotes,
        is_session_close=row.is_close,
        actions=timeline(market.pk).actions(row.day_index) if first else (),
        is_kept=row.is_kept,
    )


def live_bars(market: Market, symbol: str, limit: int, *, adjusted: bool) -> list[BarView]:
    """The last sessions: stored daily bars before the market's session, then the forming one from the feed."""
    view, today = listing_named(market.pk, symbol), market.session_date or datetime.now(tz=UTC).date()
    columns = ("date", "open", "high", "low", "close", "volume")
    rows = DailyBar.objects.filter(instrument_id=view.instrument_id, date__lt=today).order_by("-date")
    found = list(rows.values_list(*columns)[: max(limit, 0)])[::-1]
    factors = _factors(view.instrument_id, [row[0] for row in found], today) if adjusted else [Fraction(1)] * len(found)
    bars = [_bar(market.exchange, row, factor) for row, factor in zip(found, factors, strict=True)]
    forming = live_quotes([view.instrument_id]).get(view.instrument_id)
    if market.tick >= 0 and forming is not None and forming.session == today and forming.open:
        bars.append(_forming(market.exchange, forming))
    return bars[-limit:] if limit > 0 else []


def _factors(instrument_id: int, days: Sequence[date], today: date) -> list[Fraction]:
    splits = _splits([instrument_id], today).get(instrument_id, [])
    return [split_ratio(splits, day, today) for day in days]


_PLACES = Decimal("0.000001")


def _bar(exchange: str, row: tuple, ratio: Fraction) -> BarView:
    day, open_, high, low, close, volume = row
    if ratio != 1:
        up, down = ratio.numerator, ratio.denominator
        open_, high, low, close = ((price * up / down).quantize(_PLACES) for price in (open_, high, low, close))
        volume = volume * down // up
    return BarView(day, _opens(exchange, day), open_, high, low, close, volume)


def _opens(exchange: str, day: date) -> datetime:
    session = session_on(exchange, day)
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if session is None else session.opens_at


def _forming(exchange: str, live: LiveQuote) -> BarView:
    prices = (price_of(value) for value in (live.open, live.high, live.low, live.last))
    open_, high, low, last = prices
    return BarView(live.session, _opens(exchange, live.session), open_, high, low, last, live.volume, False)


def live_closes(market: Market, lookback: int) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """(symbols, [sessions, symbols]): closes of stored sessions in today's shares and the last prices in force."""
    views, today = list(listing_map(market.pk).values()), market.session_date or datetime.now(tz=UTC).date()
    ids = [view.instrument_id for view in views]
    days = list(
        DailyBar.objects.filter(instrument_id__in=ids, date__lt=today).order_by("-date").values_list("date", flat=True)
        .distinct()[:lookback]
    )[::-1]  # fmt: skip
    place = {day: row for row, day in enumerate(days)}
    table = np.full((len(days), len(views)), np.nan)
    column = {ident: index for index, ident in enumerate(ids)}
    if days:
        rows = DailyBar.objects.filter(instrument_id__in=ids, date__gte=days[0], date__lt=today)
        for ident, day, close in rows.values_list("instrument_id", "date", "close"):
            table[place[day], column[ident]] = float(close)
    for ident, splits in _splits(ids, today).items():
        table[:, column[ident]] *= np.array([float(split_ratio(splits, day, today)) for day in days])
    lasts = {view.id: np.nan for view in views}
    if market.tick >= 0:
        lasts |= {quote.listing_id: float(quote.last) for quote in live_tick(market).quotes.values()}
        table = np.vstack([table, [lasts[view.id] for view in views]])
    return tuple(view.symbol for view in views), np.asarray(table[-lookback:], dtype=np.float64)


def _splits(ids: Sequence[int], today: date) -> dict[int, list[tuple[date, Decimal]]]:
    rows = CorporateAction.objects.filter(instrument_id__in=ids, kind="split", ex_date__lte=today).order_by("ex_date")
    found: dict[int, list[tuple[date, Decimal]]] = {}
    for ident, day, value in rows.values_list("instrument_id", "ex_date", "value"):
        found.setdefault(ident, []).append((day, value))
    return found
