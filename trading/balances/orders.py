"""Orders: what they hold, their trail, their fills, the orders they hang together with, and the quotes they used.

Each query gives (what, the figures as cached, the figures as they should be) as text; NULL differs from anything.
"""

import json

from trading.balances.run import add, places
from trading.domain.states import MOVES

_RESERVED = """
SELECT a.id, a.reserved_minor || ' in ' || a.open_orders_count, coalesce(o.total, 0) || ' in ' || coalesce(o.n, 0)
FROM trading_account a LEFT JOIN (
    SELECT account_id, sum(reserved_minor) AS total, count(*) AS n FROM trading_order
    WHERE status IN ('held', 'accepted', 'triggered', 'partially_filled') GROUP BY account_id) o ON o.account_id = a.id
"""
_PROMISED = """
SELECT p.account_id || '/' || p.listing_id, p.reserved_quantity::text, coalesce(o.quantity, 0)::numeric(20, 6)::text
FROM trading_position p LEFT JOIN (
    SELECT account_id, listing_id, sum(reserved_quantity) AS quantity FROM trading_order
    WHERE status IN ('accepted', 'triggered', 'partially_filled') GROUP BY account_id, listing_id) o
    ON o.account_id = p.account_id AND o.listing_id = p.listing_id
"""
_RELEASED = """
SELECT id, reserved_minor || ' and ' || reserved_quantity, '0 and 0.000000'
FROM trading_order WHERE status NOT IN ('accepted', 'triggered', 'partially_filled')
"""
_ORDERS = """
SELECT o.id,
    concat_ws(' ', o.status, o.filled_quantity, o.average_price, CASE o.status WHEN 'filled' THEN o.quantity END),
    concat_ws(' ', coalesce(t.last, 'no trail'), coalesce(f.quantity, 0)::numeric(20, 6),
        -- The stored average is rounded at each of its fills.
        CASE WHEN abs(o.average_price - f.price) <= 0.000001 * f.n THEN o.average_price ELSE f.price END,
        CASE o.status WHEN 'filled' THEN o.filled_quantity END, nullif(t.gaps, 0) || ' gaps in the trail',
        nullif(f.strays, 0) || ' fills of other accounts, listings or sides')
FROM trading_order o
LEFT JOIN (
    SELECT order_id, (array_agg(to_status ORDER BY id DESC))[1] AS last,
        count(*) FILTER (WHERE from_status <> before) AS gaps
    FROM (SELECT *, lag(to_status, 1, 'initialized') OVER (PARTITION BY order_id ORDER BY id) AS before
          FROM trading_ordertransition) s GROUP BY order_id) t ON t.order_id = o.id
LEFT JOIN (
    SELECT order_id, count(*) AS n, sum(f.quantity) AS quantity,
        round(sum(f.quantity * price) / sum(f.quantity), 6) AS price,
        count(*) FILTER (WHERE (f.account_id, f.listing_id, f.side) <> (p.account_id, p.listing_id, p.side)) AS strays
    FROM trading_fill f JOIN trading_order p ON p.id = f.order_id GROUP BY order_id) f ON f.order_id = o.id
"""
# What an order has paid, and its notional in the instrument's currency, each fill rounded once.
_PAID = """
SELECT o.id, concat_ws(' ', o.fees_minor, o.notional_minor), concat_ws(' ', coalesce(f.fees, 0),
    CASE WHEN abs(o.notional_minor - coalesce(f.exact, 0)) <= coalesce(f.n, 0) * 0.5 THEN o.notional_minor
        ELSE round(coalesce(f.exact, 0)) END)
FROM trading_order o LEFT JOIN (
    SELECT f.order_id, count(*) AS n, sum(f.fee_minor) AS fees,
        sum(f.quantity * f.price * 10::numeric ^ (%s::jsonb ->> i.currency)::integer) AS exact
    FROM trading_fill f JOIN marketdata_listing l ON l.id = f.listing_id
    JOIN marketdata_instrument i ON i.id = l.instrument_id GROUP BY f.order_id) f ON f.order_id = o.id
"""
_MOVES = """
SELECT t.id, t.from_status || ' to ' || t.to_status,
    CASE WHEN %s::jsonb ? (t.from_status || ' to ' || t.to_status) THEN t.from_status || ' to ' || t.to_status
        ELSE 'no such move' END
FROM trading_ordertransition t
"""
# A leg reduces the position of its entry's account and listing; it waits no longer than its entry does.
_LEGS = """
SELECT o.id, 'linked', CASE
    WHEN e.id IS NULL THEN 'linked to nothing'
    WHEN (e.account_id, e.listing_id) IS DISTINCT FROM (o.account_id, o.listing_id)
        THEN 'linked to an order of another account or listing'
    WHEN NOT o.reduce_only THEN 'opens'
    WHEN o.status = 'held' AND e.status NOT IN ('accepted', 'triggered', 'partially_filled')
        THEN 'waits for an entry that is ' || e.status
    WHEN o.status = 'held' AND e.filled_quantity > 0 THEN 'waits although its entry has filled'
    ELSE 'linked' END
FROM trading_order o LEFT JOIN trading_order e ON e.id = o.link_id WHERE o.role <> '' OR o.status = 'held'
"""
# Where a market carries sizes, the fills of one side of a quote stay within it, and what was taken is kept count of.
_SIZES = """
SELECT f.listing_id || '@' || f.tick || ' ' || f.side, 'within its size, taken ' || u.taken,
    CASE WHEN f.total <= f.size THEN 'within its size' ELSE 'beyond its size of ' || f.size END
        || ', taken ' || f.total::numeric(20, 6)
FROM (
    SELECT f.listing_id, (f.quote ->> 'tick')::integer AS tick, f.side, sum(f.quantity) AS total,
        min((f.quote ->> CASE f.side WHEN 'buy' THEN 'ask_size' ELSE 'bid_size' END)::numeric) AS size
    FROM trading_fill f JOIN trading_account a ON a.id = f.account_id JOIN marketdata_market m ON m.id = a.market_id
    WHERE m.venue ->> 'sizes' = 'true'
        AND f.quote ->> CASE f.side WHEN 'buy' THEN 'ask_size' ELSE 'bid_size' END IS NOT NULL
    GROUP BY 1, 2, 3) f
LEFT JOIN trading_quoteuse u ON u.listing_id = f.listing_id AND u.tick = f.tick AND u.side = f.side
"""


def _moves() -> str:
    """The moves of the state table, as JSON."""
    return json.dumps([f"{before} to {after}" for before, after in MOVES])


def register() -> None:
    """Add these checks to `verify_books`."""
    add("reserved cash and open orders = resting orders", "account", _RESERVED)
    add("promised shares = resting sells", "position", _PROMISED)
    add("orders that ended hold nothing", "order", _RELEASED)
    add("order status, quantity and price = audit trail and fills", "order", _ORDERS)
    add("order fees and notional = fills", "order", _PAID, places)
    add("every move of an order is in the state table", "step", _MOVES, _moves)
    add("legs belong to an entry that is there", "order", _LEGS)
    add("one quote's size fills once", "quote", _SIZES)
