"""Resting orders meet each print: the pass takes only the orders that the print can touch.

Several workers may run the same pass: each takes the accounts that nobody else holds (SKIP LOCKED) and comes back for
the others at the end. Whoever holds the account judges the order again, so nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from core.push import publish
from marketdata import selectors as market_selectors
from marketdata.domain.types import MarketView, Quote, Tick
from trading import locks
from trading.domain import plan, states
from trading.domain.case import Marks
from trading.domain.plan import Plan
from trading.domain.snapshot import Instrument, QuoteState, Snapshot
from trading.domain.types import SYSTEM, OrderView
from trading.domain.venue import Venue
from trading.models import Order
from trading.services.context import AccountContext, account_context, instrument_of, marks_of, quote_state
from trading.services.corporate import actions_settle

_MINE = """trading_order o
    WHERE o.listing_id = q.listing_id AND o.status IN ('accepted', 'triggered', 'partially_filled')"""
# One index range for each way in which a quote can wake an order (trading.domain.rows.wake).
_CANDIDATES = f"""
SELECT o.id, o.account_id, q.listing_id FROM unnest(
    %s::bigint[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[],
    %s::boolean[], %s::boolean[]
) AS q(listing_id, buys, sells, up, down, last, opens, closes)
CROSS JOIN LATERAL (
    SELECT o.* FROM {_MINE} AND wake = 'bl' AND wake_price >= q.buys
    UNION ALL
    SELECT o.* FROM {_MINE} AND wake = 'sl' AND wake_price <= q.sells
    UNION ALL
    SELECT o.* FROM {_MINE} AND wake = 'up' AND wake_price <= q.up
    UNION ALL
    SELECT o.* FROM {_MINE} AND wake = 'dn' AND wake_price >= q.down
    UNION ALL
    SELECT o.* FROM {_MINE}
        AND (wake = 'tu' AND (wake_price <= q.up OR extreme > q.last)
             OR wake = 'td' AND (wake_price >= q.down OR extreme < q.last))
    UNION ALL
    SELECT o.* FROM {_MINE}
        AND (wake = 'nx' OR wake = 'op' AND q.opens OR wake = 'cl' AND q.closes)
) o WHERE o.seen_tick < %s ORDER BY o.id
"""  # noqa: S608  constants of this file


def _may_trade(snapshot: Snapshot) -> bool:
    """What a new order needs, a resting one needs to fill: an active owner and account, and an open group."""
    is_open = snapshot.group_status in (None, "open")
    return is_open and snapshot.account.status == "active" and snapshot.owner_active


def _over(snapshot: Snapshot, quote: QuoteState, day_tick: int) -> str:
    """The code of the ending that time has brought to the snapshot's order, if any."""
    order = snapshot.order
    assert order is not None
    if order.time_in_force == "day" and (order.accepted_tick or 0) < day_tick:
        return "day_over"
    if order.expires_at is not None and quote.at >= datetime.fromisoformat(order.expires_at):
        return "date_passed"
    return ""


def _decide(
    snapshot: Snapshot, quote: QuoteState, instrument: Instrument, day_tick: int, marks: Marks | None
) -> Plan | None:
    """What the print does to the order, if anything. `day_tick` is the first tick of the print's day."""
    order = snapshot.order
    if order is None or order.status not in states.OPEN or snapshot.market_tick != quote.tick:
        return None
    if order.seen_tick is None or order.seen_tick >= quote.tick:
        return None
    over = _over(snapshot, quote, day_tick)
    if over:
        return plan.end_order(snapshot, order, states.EXPIRED, over, SYSTEM)
    return plan.act(snapshot, quote, instrument, marks) if _may_trade(snapshot) else None


def order_match(*, account_id: int, order_id: int, market_id: int) -> OrderView | None:
    """Let one resting order meet the quote in force, if that came after it. None when it stays as it is."""
    known = Order.objects.filter(pk=order_id).values_list("symbol", "seen_tick").first()
    if known is None or known[1] is None:
        return None
    quote, clock = market_selectors.quote_and_clock(market_id, known[0])
    if quote is None or quote.tick <= known[1]:
        return None
    done = _meet(account_context(account_id), order_id, quote, clock.tick - clock.phase)
    return done.view if done is not None else None


def _marks(context: AccountContext, quotes: Mapping[int, Quote] | None) -> Marks | None:
    if not context.is_margin:
        return None
    found = market_selectors.quotes_all(context.market_id).values() if quotes is None else quotes.values()
    return marks_of(context.market_id, context.currency, found)


def _meet(
    context: AccountContext,
    order_id: int,
    quote: Quote,
    day_tick: int,
    *,
    quotes: Mapping[int, Quote] | None = None,
    skip_locked: bool = False,
) -> Plan | None:
    """Fill (or expire) an order as the print says, under the account's lock; None when it stays."""
    listing = market_selectors.listing_get(context.market_id, quote.symbol)
    if listing is None:
        return None
    instrument = instrument_of(listing, context.currency, quote.at.date())
    marks = _marks(context, quotes)
    # Whoever was still deciding when the tick came may have been overtaken by its corporate actions.
    actions_settle(context, quote.tick, listing.id)
    with transaction.atomic(durable=True):
        snapshot = locks.account_snapshot(account_id=context.id, order_id=order_id, skip_locked=skip_locked)
        if snapshot is None:
            if skip_locked:
                raise BusyError
            return None
        decided = _decide(snapshot, quote_state(quote), instrument, day_tick, marks)
        if decided is None:
            return None
        locks.plan_apply(decided.data)
    filled = (decided.data.get("fill") or {}).get("order_id")
    for view in (decided.view, *decided.others):
        publish(f"account:{context.id}", "fill" if view.id == filled else "order", view.to_json())
    return decided


class BusyError(Exception):
    """Another transaction holds the account."""


def _candidates(market: MarketView, tick: Tick) -> list[tuple[int, int, int]]:
    quotes = list(tick.quotes.values())
    steps = {item.id: item.tick_size for item in market_selectors.listings(market.id)}
    by_quote = Venue.from_json(market.venue).trigger == "quote"
    columns: list[Any] = [
        [quote.listing_id for quote in quotes],
        [min(quote.ask, quote.last + steps[quote.listing_id]) for quote in quotes],
        [max(quote.bid, quote.last - steps[quote.listing_id]) for quote in quotes],
        [quote.ask if by_quote else quote.last for quote in quotes],
        [quote.bid if by_quote else quote.last for quote in quotes],
        [quote.last for quote in quotes],
        [quote.is_open_print for quote in quotes],
        [quote.is_close_print for quote in quotes],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_CANDIDATES, [*columns, tick.index])
        return list(cursor.fetchall())


def match_tick(market: MarketView, tick: Tick) -> int:
    """Match every resting order that this print can touch, oldest first; returns the number of fills.

    Idempotent, and safe beside other workers that run the same pass.
    """
    by_id = {quote.listing_id: quote for quote in tick.quotes.values()}
    day_tick = tick.index - tick.phase
    filled, busy = 0, []
    for order_id, account_id, listing_id in _candidates(market, tick):
        context = account_context(account_id)
        try:
            done = _meet(context, order_id, by_id[listing_id], day_tick, quotes=by_id, skip_locked=True)
        except BusyError:
            busy.append((order_id, context, listing_id))
            continue
        filled += done is not None and "fill" in done.data
    for order_id, context, listing_id in busy:
        done = _meet(context, order_id, by_id[listing_id], day_tick, quotes=by_id)
        filled += done is not None and "fill" in done.data
    return filled
