"""Resting orders meet each print: the pass takes only the orders that the print can touch."""

from __future__ import annotations

from django.db import connection, transaction

from core.push import publish
from marketdata import selectors as market_selectors
from marketdata.domain.types import MarketView, Quote, Tick
from trading import locks
from trading.domain import plan, states
from trading.domain.fills import resting
from trading.domain.plan import Plan
from trading.domain.snapshot import Snapshot
from trading.domain.types import OrderView, Side
from trading.models import Order
from trading.services.context import quote_state

_CANDIDATES = """
SELECT o.id, o.account_id, o.listing_id
FROM unnest(%s::bigint[], %s::numeric[], %s::numeric[]) AS q(listing_id, buy_at_least, sell_at_most)
JOIN trading_order o ON o.listing_id = q.listing_id
WHERE o.status IN ('accepted', 'partially_filled') AND o.accepted_tick < %s
  AND ((o.side = 'buy' AND o.limit_price >= q.buy_at_least) OR (o.side = 'sell' AND o.limit_price <= q.sell_at_most))
ORDER BY o.id
"""


def _decide(snapshot: Snapshot, quote: Quote) -> Plan | None:
    order = snapshot.order
    if order is None or order.status not in states.OPEN or order.limit_price is None:
        return None
    if order.accepted_tick is None or order.accepted_tick >= quote.tick or snapshot.market_tick != quote.tick:
        return None
    side: Side = "buy" if order.side == "buy" else "sell"
    listing = market_selectors.listing_get(snapshot.account.market_id, order.symbol)
    if listing is None:
        return None
    state = quote_state(quote)
    price = resting(side, order.limit_price, state.prices, listing.tick_size)
    return None if price is None else plan.fill_resting(snapshot, order, price, state)


def order_match(*, account_id: int, order_id: int, market_id: int, quote: Quote | None = None) -> OrderView | None:
    """Fill one resting order if the quote in force trades through it; under the account's lock. None when it stays."""
    if quote is None:
        symbol = Order.objects.filter(pk=order_id).values_list("symbol", "accepted_tick").first()
        if symbol is None:
            return None
        quote, _ = market_selectors.quote_and_clock(market_id, symbol[0])
        if quote is None or symbol[1] is None or quote.tick <= symbol[1]:
            return None
    with transaction.atomic(durable=True):
        snapshot = locks.account_snapshot(account_id=account_id, order_id=order_id)
        decided = _decide(snapshot, quote) if snapshot is not None else None
        if decided is None:
            return None
        locks.plan_apply(decided.data)
    publish(f"account:{account_id}", "fill", decided.view.to_json())
    return decided.view


def _candidates(market: MarketView, tick: Tick) -> list[tuple[int, int, int]]:
    quotes = list(tick.quotes.values())
    steps = {item.id: item.tick_size for item in market_selectors.listings(market.id)}
    buys = [min(quote.ask, quote.last + steps[quote.listing_id]) for quote in quotes]
    sells = [max(quote.bid, quote.last - steps[quote.listing_id]) for quote in quotes]
    with connection.cursor() as cursor:
        cursor.execute(_CANDIDATES, [[quote.listing_id for quote in quotes], buys, sells, tick.index])
        return list(cursor.fetchall())


def match_tick(market: MarketView, tick: Tick) -> int:
    """Match every resting order that this print can touch, oldest first; returns the number of fills. Idempotent."""
    by_id = {quote.listing_id: quote for quote in tick.quotes.values()}
    filled = 0
    for order_id, account_id, listing_id in _candidates(market, tick):
        done = order_match(account_id=account_id, order_id=order_id, market_id=market.id, quote=by_id[listing_id])
        filled += done is not None
    return filled
