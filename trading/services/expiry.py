"""Orders whose time has passed: day orders of earlier sessions, orders good till a date, and the legs that wait."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from django.db import connection, transaction

from core.push import publish
from marketdata import selectors as market_selectors
from marketdata.domain.types import MarketView, Tick
from trading import locks
from trading.domain import states
from trading.domain.draft import Draft
from trading.domain.links import entry_ended
from trading.domain.snapshot import OrderState, Snapshot, order_state

# Each (account, listing) with orders whose time has passed, in the order in which accounts are locked.
_DUE = """
SELECT DISTINCT o.account_id, o.listing_id FROM trading_order o
WHERE o.listing_id = ANY(%s) AND o.status IN ('held', 'accepted', 'triggered', 'partially_filled')
    AND (o.time_in_force = 'day' AND o.accepted_tick < %s OR o.expires_at <= %s)
ORDER BY 1, 2
"""
_LIVE = """
SELECT jsonb_agg(to_jsonb(o) ORDER BY o.id)::text FROM trading_order o WHERE o.account_id = %s AND o.listing_id = %s
    AND o.status IN ('held', 'accepted', 'triggered', 'partially_filled')
"""


def _code(order: OrderState, day_tick: int, at: datetime) -> str:
    """Why an order ends now, or empty."""
    if order.time_in_force == "day" and (order.accepted_tick or 0) < day_tick:
        return "day_over"
    if order.expires_at is not None and datetime.fromisoformat(order.expires_at) <= at:
        return "date_passed"
    return ""


def _draft(snapshot: Snapshot, day_tick: int, at: datetime) -> Draft:
    """All orders of the snapshot whose time has passed, ended; legs that wait for one of them end with it."""
    draft = Draft(snapshot)
    for found in snapshot.companions:
        order = draft.orders[found.id]
        code = _code(order, day_tick, at)
        if code and order.status in states.LIVE:
            draft.end(order.id, states.EXPIRED, code)
            entry_ended(draft, order.id)
            draft.emit("order_expired", order.id, code=code)
    return draft


def _expire(account_id: int, listing_id: int, day_tick: int, at: datetime) -> int:
    with transaction.atomic(durable=True):
        snapshot = locks.account_snapshot(account_id=account_id, listing_id=listing_id)
        if snapshot is None:
            return 0
        with connection.cursor() as cursor:
            cursor.execute(_LIVE, [account_id, listing_id])
            text = cursor.fetchone()[0]
        rows = json.loads(text, parse_float=Decimal) if text else []
        draft = _draft(replace(snapshot, companions=tuple(order_state(row) for row in rows)), day_tick, at)
        ended = draft.touched()
        if ended:
            locks.plan_apply(draft.data())
    for order_id in ended:
        publish(f"account:{account_id}", "order", draft.view(order_id).to_json())
    return len(ended)


def due(*, market_id: int) -> list[tuple[int, int]]:
    """(account, listing) pairs with orders whose time has passed by the market's clock."""
    clock = market_selectors.market_clock(market_id)
    return _due(market_id, clock.tick - clock.phase, clock.at) if clock.tick >= 0 else []


def _due(market_id: int, day_tick: int, at: datetime) -> list[tuple[int, int]]:
    listings = [item.id for item in market_selectors.listings(market_id)]
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [listings, day_tick, at])
        return list(cursor.fetchall())


def orders_expire(*, market_id: int) -> int:
    """End every order whose time has passed by the market's clock; returns how many orders ended, legs included."""
    clock = market_selectors.market_clock(market_id)
    if clock.tick < 0:
        return 0
    return _sweep(market_id, clock.tick - clock.phase, clock.at)


def _sweep(market_id: int, day_tick: int, at: datetime) -> int:
    """One transaction for each account and listing, whatever the number of its orders."""
    pairs = _due(market_id, day_tick, at)
    return sum(_expire(account_id, listing_id, day_tick, at) for account_id, listing_id in pairs)


def orders_expire_tick(market: MarketView, tick: Tick) -> int:
    """Orders whose time has passed end before the print can touch them.

    At every print, not only at a day's first: an order whose commit the roll of the day overtook is not left over.
    """
    return _sweep(market.id, tick.index - tick.phase, tick.at)
