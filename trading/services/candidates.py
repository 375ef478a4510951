"""Which resting orders a tick's quotes can touch: one index range for each way in which a quote can wake an order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection

from marketdata import selectors as market_selectors
from marketdata.domain.types import MarketView, Tick
from trading.domain.venue import Venue

_MINE = """trading_order o
    WHERE o.listing_id = q.listing_id AND o.status IN ('accepted', 'triggered', 'partially_filled')"""
_TAKE = "SELECT id, account_id, side, seen_tick"
# What wakes an order: trading.domain.rows.wake.
_CANDIDATES = f"""
WITH found AS MATERIALIZED (SELECT o.*, q.listing_id FROM unnest(
    %s::bigint[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[],
    %s::boolean[], %s::boolean[]
) AS q(listing_id, buys, sells, up, down, last, opens, closes)
CROSS JOIN LATERAL (
    {_TAKE} FROM {_MINE} AND wake = 'bl' AND wake_price >= q.buys
    UNION ALL
    {_TAKE} FROM {_MINE} AND wake = 'sl' AND wake_price <= q.sells
    UNION ALL
    {_TAKE} FROM {_MINE} AND wake = 'up' AND wake_price <= q.up
    UNION ALL
    {_TAKE} FROM {_MINE} AND wake = 'dn' AND wake_price >= q.down
    UNION ALL
    {_TAKE} FROM {_MINE} AND wake = 'tu' AND (wake_price <= q.up OR extreme > q.last)
    UNION ALL
    {_TAKE} FROM {_MINE} AND wake = 'td' AND (wake_price >= q.down OR extreme < q.last)
    UNION ALL
    {_TAKE} FROM {_MINE} AND wake = 'nx'
    UNION ALL
    {_TAKE} FROM {_MINE} AND q.opens AND wake = 'op'
    UNION ALL
    {_TAKE} FROM {_MINE} AND q.closes AND wake = 'cl'
) o WHERE o.seen_tick < %s)
SELECT o.id, o.account_id, o.listing_id, o.side, a.currency, a.is_margin
FROM found o JOIN trading_account a ON a.id = o.account_id ORDER BY o.id
"""  # noqa: S608  constants of this file


@dataclass(frozen=True, slots=True)
class Candidate:
    """A resting order that a quote may touch."""

    order_id: int
    account_id: int
    listing_id: int
    side: str
    currency: str
    is_margin: bool


def candidates(market: MarketView, tick: Tick) -> list[Candidate]:
    """The orders that this tick's quotes can touch, oldest first."""
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
        return [Candidate(*row) for row in cursor.fetchall()]
