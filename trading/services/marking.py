"""Marks every account of a market at every tick, and rolls the day."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from django.db import connection, transaction

from core.money import exponent
from marketdata import selectors as market_selectors
from marketdata.domain.types import MarketView, Tick
from trading.domain import states
from trading.domain.marking import Ints, equities, values_minor
from trading.domain.types import SYSTEM
from trading.models import Order
from trading.services.changes import order_end
from trading.services.context import instrument_of

# Above this many accounts the equity curve keeps one point a day instead of one a tick.
_EVERY_TICK_UP_TO = 2_000

# One statement is one snapshot of the database: cash and positions of a fill are seen together or not at all.
_BOOK = """
SELECT a.id, a.cash_minor, p.listing_id, p.quantity, a.currency FROM trading_account a
LEFT JOIN trading_accountgroup g ON g.id = a.group_id
LEFT JOIN trading_position p ON p.account_id = a.id AND p.quantity <> 0
WHERE a.market_id = %s AND a.status <> 'closed' AND (g.id IS NULL OR g.status <> 'closed') ORDER BY a.id
"""
# A session's first mark keeps what the account stood at before it: the day's opening equity.
_MARKS = """
INSERT INTO trading_accountmark AS k
    (account_id, equity_minor, cash_minor, tick, market_at, day_index, day_equity_minor)
SELECT m.id, m.equity, m.cash, %s, %s, %s, m.equity
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS m(id, equity, cash)
ON CONFLICT (account_id) DO UPDATE SET equity_minor = excluded.equity_minor, cash_minor = excluded.cash_minor,
    tick = excluded.tick, market_at = excluded.market_at, day_index = excluded.day_index,
    day_equity_minor = CASE WHEN k.day_index = excluded.day_index THEN k.day_equity_minor ELSE k.equity_minor END
"""
_POINTS = """
INSERT INTO trading_equitypoint (account_id, tick, equity_minor, cash_minor, market_at)
SELECT m.id, %s, m.equity, m.cash, %s FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS m(id, equity, cash)
ON CONFLICT (account_id, tick) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class _Held:
    owner: int
    listing_id: int
    quantity: Decimal
    currency: str


def _load(market_id: int) -> tuple[Ints, Ints, list[_Held]]:
    """Account ids (ascending), their cash, and their positions."""
    with connection.cursor() as cursor:
        cursor.execute(_BOOK, [market_id])
        rows = cursor.fetchall()
    cash = {row[0]: row[1] for row in rows}
    positions = [_Held(row[0], row[2], row[3], row[4]) for row in rows if row[2] is not None]
    return np.array(list(cash), dtype=np.int64), np.array(list(cash.values()), dtype=np.int64), positions


def _values(market: MarketView, tick: Tick, held: list[_Held]) -> Ints:
    """Each position at the tick's last price, in minor units of its account's currency."""
    listings = {item.id: item for item in market_selectors.listings(market.id)}
    prices: dict[tuple[int, str], Decimal] = {}
    for quote in tick.quotes.values():
        for currency in {item.currency for item in held}:
            instrument = instrument_of(listings[quote.listing_id], currency, tick.at.date())
            prices[quote.listing_id, currency] = quote.last * instrument.fx
    values = np.zeros(len(held), dtype=np.int64)
    for currency in sorted({item.currency for item in held}):
        mine = [index for index, item in enumerate(held) if item.currency == currency]
        marks = [prices[held[index].listing_id, currency] for index in mine]
        values[mine] = values_minor([held[index].quantity for index in mine], marks, exponent(currency))
    return values


def _store(tick: Tick, columns: list[list[int]], *, points: bool) -> None:
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(_MARKS, [tick.index, tick.at, tick.day_index, *columns])
        if points:
            cursor.execute(_POINTS, [tick.index, tick.at, *columns])


def mark_tick(market: MarketView, tick: Tick) -> int:
    """Mark all open accounts of the market at the tick's last prices; returns how many. Idempotent per tick."""
    ids, cash, positions = _load(market.id)
    if not len(ids):
        return 0
    quoted = {quote.listing_id for quote in tick.quotes.values()}
    held = [item for item in positions if item.listing_id in quoted]
    values = _values(market, tick, held)
    owners = np.array([item.owner for item in held], dtype=np.int64)
    equity = equities(ids, cash, owners, values)
    points = len(ids) <= _EVERY_TICK_UP_TO or tick.is_session_close or tick.is_last
    _store(tick, [ids.tolist(), equity.tolist(), cash.tolist()], points=points)
    return len(ids)


def expire_day_orders(market: MarketView, tick: Tick) -> int:
    """Day orders of earlier days expire before the print can touch them.

    At every print, not only at a day's first: an order whose commit the roll of the day overtook is not left over.
    """
    rows = Order.objects.filter(
        listing__market_id=market.id,
        status__in=states.LIVE,
        time_in_force="day",
        accepted_tick__lt=tick.index - tick.phase,
    ).order_by("id")
    return sum(
        order_end(account_id=account_id, order_id=order_id, status=states.EXPIRED, code="day_over", actor=SYSTEM)
        is not None
        for order_id, account_id in rows.values_list("id", "account_id")
    )
