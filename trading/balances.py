"""What `verify_books` proves about trading: every cached figure equals what the fills, orders and ledger say."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection

from core.books import CheckResult, Mismatch, register_balance_check

_CASH = """
SELECT a.id, a.cash_minor, coalesce(p.total, 0) FROM trading_account a
LEFT JOIN (SELECT account_id, sum(amount_minor) AS total FROM core_posting GROUP BY account_id) p
    ON p.account_id = a.ledger_account_id
"""
_RESERVED = """
SELECT a.id, a.reserved_minor || ' in ' || a.open_orders_count, coalesce(o.total, 0) || ' in ' || coalesce(o.n, 0)
FROM trading_account a LEFT JOIN (
    SELECT account_id, sum(reserved_minor) AS total, count(*) AS n FROM trading_order
    WHERE status IN ('accepted', 'partially_filled') GROUP BY account_id) o ON o.account_id = a.id
"""
_FILLS = """
SELECT a.id, concat_ws(' ', a.fills_count, a.realized_minor, a.fees_minor, a.cash_minor),
    concat_ws(' ', coalesce(f.n, 0), coalesce(f.realized, 0), coalesce(f.fees, 0),
        a.initial_minor + coalesce(f.cash, 0))
FROM trading_account a LEFT JOIN (
    SELECT account_id, count(*) AS n, sum(realized_minor) AS realized, sum(fee_minor) AS fees,
        sum(CASE side WHEN 'sell' THEN notional_minor ELSE -notional_minor END - fee_minor) AS cash
    FROM trading_fill GROUP BY account_id) f ON f.account_id = a.id
"""
_POSITIONS = """
SELECT p.id, concat_ws(' ', p.quantity, p.realized_minor, p.cost_minor),
    concat_ws(' ', coalesce(f.quantity, 0)::numeric(20, 6), coalesce(f.realized, 0),
        coalesce(f.bought - (f.sold - f.realized), 0))
FROM trading_position p LEFT JOIN (
    SELECT account_id, listing_id, sum(CASE side WHEN 'buy' THEN quantity ELSE -quantity END) AS quantity,
        sum(realized_minor) AS realized, coalesce(sum(notional_minor) FILTER (WHERE side = 'buy'), 0) AS bought,
        coalesce(sum(notional_minor) FILTER (WHERE side = 'sell'), 0) AS sold
    FROM trading_fill GROUP BY account_id, listing_id) f ON f.account_id = p.account_id AND f.listing_id = p.listing_id
"""
_PROMISED = """
SELECT p.id, p.reserved_quantity::text, coalesce(o.quantity, 0)::numeric(20, 6)::text
FROM trading_position p LEFT JOIN (
    SELECT account_id, listing_id, sum(reserved_quantity) AS quantity FROM trading_order
    WHERE status IN ('accepted', 'partially_filled') GROUP BY account_id, listing_id) o
    ON o.account_id = p.account_id AND o.listing_id = p.listing_id
"""
_ORDERS = """
SELECT o.id, o.status || ' ' || o.filled_quantity, t.to_status || ' ' || coalesce(f.quantity, 0)::numeric(20, 6)
FROM trading_order o
JOIN LATERAL (SELECT to_status FROM trading_ordertransition WHERE order_id = o.id ORDER BY id DESC LIMIT 1) t ON true
LEFT JOIN (SELECT order_id, sum(quantity) AS quantity FROM trading_fill GROUP BY order_id) f ON f.order_id = o.id
"""
_POSTED = """
SELECT f.id, 'fill:' || f.id, coalesce(j.reference, 'no journal') FROM trading_fill f
LEFT JOIN core_journal j ON j.reference = 'fill:' || f.id
"""


def _check(subject: str, sql: str) -> Callable[[], CheckResult]:
    def run() -> CheckResult:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM ({sql}) q(id, cached, truth)")  # noqa: S608  constants of this file
            checked: int = cursor.fetchone()[0]
            cursor.execute(
                f"SELECT id, cached::text, truth::text FROM ({sql}) q(id, cached, truth) "  # noqa: S608
                "WHERE cached::text <> truth::text ORDER BY id LIMIT 100"
            )
            return CheckResult(checked, [Mismatch(f"{subject} {row[0]}", row[2], row[1]) for row in cursor.fetchall()])

    return run


def register() -> None:
    """Add trading's checks to `verify_books`."""
    register_balance_check("account cash = ledger", _check("account", _CASH))
    register_balance_check("reserved cash and open orders = resting orders", _check("account", _RESERVED))
    register_balance_check("account totals = fills", _check("account", _FILLS))
    register_balance_check("positions = fills", _check("position", _POSITIONS))
    register_balance_check("promised shares = resting sells", _check("position", _PROMISED))
    register_balance_check("order status and quantity = audit trail and fills", _check("order", _ORDERS))
    register_balance_check("every fill has its journal", _check("fill", _POSTED))
