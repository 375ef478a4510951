"""Resting orders meet each print: the pass takes only the orders that the print can touch."""

from __future__ import annotations

from decimal import Decimal

from django.db import connection, transaction

from core.push import publish
from marketdata import selectors as market_selectors
from marketdata.domain.types import MarketView, Quote, Tick
from trading import locks
from trading.domain import plan, states
from trading.domain.fills import costs, resting
from trading.domain.plan import Plan
from trading.domain.snapshot import OrderState, Snapshot
from trading.domain.types import SYSTEM, OrderView, Side
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


def _concerns(snapshot: Snapshot, order: OrderState, quote: Quote) -> bool:
    """Whether the order rested before the print, still rests, and the print is still in force."""
    earlier = order.accepted_tick is not None and order.accepted_tick < quote.tick
    return earlier and order.status in states.OPEN and snapshot.market_tick == quote.tick


def _may_trade(snapshot: Snapshot) -> bool:
    """What a new order needs, a resting one needs to fill: an active owner and account, and an open group."""
    is_open = snapshot.group_status in (None, "open")
    return is_open and snapshot.account.status == "active" and snapshot.owner_active


def _decide(snapshot: Snapshot, quote: Quote, day_tick: int) -> Plan | None:
    """What the print does to the order, if anything. `day_tick` is the first tick of the print's day."""
    order = snapshot.order
    if order is None or order.limit_price is None or not _concerns(snapshot, order, quote):
        return None
    if order.time_in_force == "day" and (order.accepted_tick or 0) < day_tick:
        return plan.end_order(snapshot, order, states.EXPIRED, "day_over", states.ENDINGS["day_over"], SYSTEM)
    if not _may_trade(snapshot):
        return None
    side: Side = "buy" if order.side == "buy" else "sell"
    listing = market_selectors.listing_get(snapshot.account.market_id, order.symbol)
    if listing is None:
        return None
    state = quote_state(quote)
    price = resting(side, order.limit_price, state.prices, listing.tick_size)
    if price is None or not costs(order.remaining, price, snapshot.account.currency, Decimal(0)).notional_minor:
        return None
    return plan.fill_resting(snapshot, order, price, state)


def order_match(*, account_id: int, order_id: int, market_id: int) -> OrderView | None:
    """Let one resting order meet the quote in force, if that came after it. None when it stays as it is."""
    known = Order.objects.filter(pk=order_id).values_list("symbol", "accepted_tick").first()
    if known is None or known[1] is None:
        return None
    quote, clock = market_selectors.quote_and_clock(market_id, known[0])
    if quote is None or quote.tick <= known[1]:
        return None
    return _meet(account_id, order_id, quote, clock.tick - clock.phase)


def _meet(account_id: int, order_id: int, quote: Quote, day_tick: int) -> OrderView | None:
    """Fill (or expire) an order as the print says, under the account's lock; None when it stays."""
    with transaction.atomic(durable=True):
        snapshot = locks.account_snapshot(account_id=account_id, order_id=order_id)
        decided = _decide(snapshot, quote, day_tick) if snapshot is not None else None
        if decided is None:
            return None
        locks.plan_apply(decided.data)
    view = decided.view
    publish(f"account:{account_id}", "fill" if view.status == states.FILLED else "order", view.to_json())
    return view


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
        done = _meet(account_id, order_id, by_id[listing_id], tick.index - tick.phase)
        filled += done is not None and done.status == states.FILLED
    return filled
