"""What `verify_books` proves about trading: every cached figure equals what the fills, orders and ledger say.

Each query gives (what, the figures as cached, the figures as they should be) as text; NULL differs from anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from django.db import connection

from core.books import CheckResult, Mismatch, register_balance_check
from core.money import exponent

_CASH = """
SELECT a.id, a.cash_minor::text, coalesce(p.total, 0)::text FROM trading_account a
LEFT JOIN (SELECT account_id, sum(amount_minor) AS total FROM core_posting GROUP BY account_id) p
    ON p.account_id = a.ledger_account_id
"""
_FUNDED = """
SELECT a.id, a.initial_minor::text, p.amount_minor::text FROM trading_account a
LEFT JOIN core_journal j ON j.reference = 'fund:account:' || a.id
LEFT JOIN core_posting p ON p.journal_id = j.id AND p.account_id = a.ledger_account_id
"""
_RESERVED = """
SELECT a.id, a.reserved_minor || ' in ' || a.open_orders_count, coalesce(o.total, 0) || ' in ' || coalesce(o.n, 0)
FROM trading_account a LEFT JOIN (
    SELECT account_id, sum(reserved_minor) AS total, count(*) AS n FROM trading_order
    WHERE status IN ('held', 'accepted', 'triggered', 'partially_filled') GROUP BY account_id) o ON o.account_id = a.id
"""
_TOTALS = """
SELECT a.id, concat_ws(' ', a.fills_count, a.realized_minor, a.fees_minor, a.other_minor, a.cash_minor),
    concat_ws(' ', coalesce(f.n, 0), coalesce(f.realized, 0) + coalesce(j.realized, 0), coalesce(f.fees, 0),
        coalesce(j.other, 0), a.initial_minor + coalesce(f.cash, 0) + coalesce(j.cash, 0))
FROM trading_account a LEFT JOIN (
    SELECT account_id, count(*) AS n, sum(realized_minor) AS realized, sum(fee_minor) AS fees,
        sum(CASE side WHEN 'sell' THEN notional_minor ELSE -notional_minor END - fee_minor) AS cash
    FROM trading_fill GROUP BY account_id) f ON f.account_id = a.id
LEFT JOIN (
    SELECT account_id, sum(cash_minor) AS cash, sum(realized_minor) AS realized,
        sum(cash_minor - realized_minor + cost_after_minor - cost_before_minor) AS other
    FROM trading_adjustment GROUP BY account_id) j ON j.account_id = a.id
"""
# A fill changes cost by its signed notional plus what it realised: that holds for longs, shorts and turns alike.
_POSITIONS = """
SELECT account_id || '/' || listing_id, concat_ws(' ', coalesce(p.quantity, 0)::numeric(20, 6),
        coalesce(p.realized_minor, 0), coalesce(p.cost_minor, 0)),
    concat_ws(' ', coalesce(f.quantity, 0)::numeric(20, 6), coalesce(f.realized, 0), coalesce(f.cost, 0))
FROM trading_position p FULL JOIN (
    SELECT account_id, listing_id, sum(quantity) AS quantity, sum(realized) AS realized, sum(cost) AS cost
    FROM (
        SELECT account_id, listing_id, CASE side WHEN 'buy' THEN quantity ELSE -quantity END AS quantity,
            realized_minor AS realized,
            CASE side WHEN 'buy' THEN notional_minor ELSE -notional_minor END + realized_minor AS cost
        FROM trading_fill
        UNION ALL
        SELECT account_id, listing_id, quantity_after - quantity_before, realized_minor,
            cost_after_minor - cost_before_minor
        FROM trading_adjustment WHERE listing_id IS NOT NULL) e
    GROUP BY account_id, listing_id) f USING (account_id, listing_id)
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
    concat_ws(' ', coalesce(t.last, 'no trail'), coalesce(f.quantity, 0)::numeric(20, 6), f.price,
        CASE o.status WHEN 'filled' THEN o.filled_quantity END, nullif(t.gaps, 0) || ' gaps in the trail',
        nullif(f.strays, 0) || ' fills of other accounts, listings or sides')
FROM trading_order o
LEFT JOIN (
    SELECT order_id, (array_agg(to_status ORDER BY id DESC))[1] AS last,
        count(*) FILTER (WHERE from_status <> before) AS gaps
    FROM (SELECT *, lag(to_status, 1, 'initialized') OVER (PARTITION BY order_id ORDER BY id) AS before
          FROM trading_ordertransition) s GROUP BY order_id) t ON t.order_id = o.id
LEFT JOIN (
    SELECT order_id, sum(f.quantity) AS quantity, round(sum(f.quantity * price) / sum(f.quantity), 6) AS price,
        count(*) FILTER (WHERE (f.account_id, f.listing_id, f.side) <> (p.account_id, p.listing_id, p.side)) AS strays
    FROM trading_fill f JOIN trading_order p ON p.id = f.order_id GROUP BY order_id) f ON f.order_id = o.id
"""
_WORTH = """
SELECT f.id, concat_ws(' ', f.notional_minor, f.cash_after_minor), concat_ws(' ',
    CASE WHEN abs(f.notional_minor - f.exact) <= 0.5 THEN f.notional_minor ELSE round(f.exact) END, f.cash)
FROM (
    SELECT f.*, f.quantity * f.price * f.fx * 10::numeric ^ (%s::jsonb ->> a.currency)::integer AS exact,
        a.initial_minor + s.cash AS cash
    FROM trading_fill f JOIN trading_account a ON a.id = f.account_id JOIN (
        -- Journals are numbered under the account's lock: their order is the order of its cash.
        SELECT e.id, sum(e.cash) OVER (PARTITION BY e.account_id ORDER BY j.id) AS cash
        FROM (
            SELECT id, account_id, 'fill:' || id AS reference,
                CASE side WHEN 'sell' THEN notional_minor ELSE -notional_minor END - fee_minor AS cash
            FROM trading_fill
            UNION ALL
            SELECT NULL, account_id, 'account:' || account_id || ':' || reference, cash_minor
            FROM trading_adjustment) e
        LEFT JOIN core_journal j ON j.book = 'virtual' AND j.reference = e.reference) s ON s.id = f.id) f
"""
_POSTED = """
SELECT f.id,
    CASE f.side WHEN 'sell' THEN f.notional_minor ELSE -f.notional_minor END - f.fee_minor
        || ' and fee ' || f.fee_minor,
    CASE WHEN j.id IS NULL THEN 'no journal' ELSE p.cash || ' and fee ' || p.fee END
FROM trading_fill f JOIN trading_account a ON a.id = f.account_id
LEFT JOIN core_journal j ON j.reference = 'fill:' || f.id
LEFT JOIN LATERAL (
    SELECT coalesce(sum(amount_minor) FILTER (WHERE account_id = a.ledger_account_id), 0) AS cash,
        coalesce(sum(amount_minor) FILTER (WHERE l.kind = 'fees'), 0) AS fee
    FROM core_posting JOIN core_ledgeraccount l ON l.id = account_id WHERE journal_id = j.id) p ON true
"""


def _check(subject: str, sql: str, *arguments: Callable[[], str]) -> Callable[[], CheckResult]:
    def run() -> CheckResult:
        values = [argument() for argument in arguments]
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH q(id, cached, truth) AS MATERIALIZED ({sql}) "  # noqa: S608  constants of this file
                "SELECT count(*), array(SELECT ARRAY[id::text, cached, truth] FROM q "
                "WHERE cached IS DISTINCT FROM truth ORDER BY id LIMIT 100) FROM q",
                values,
            )
            checked, wrong = cursor.fetchone()
        found = [Mismatch(f"{subject} {name}", str(truth), str(cached)) for name, cached, truth in wrong]
        return CheckResult(checked, found)

    return run


def _places() -> str:
    """The minor-unit exponent of each currency in use, as JSON."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT currency FROM trading_account")
        return json.dumps({currency: exponent(currency) for (currency,) in cursor.fetchall()})


def register() -> None:
    """Add trading's checks to `verify_books`."""
    register_balance_check("account cash = ledger", _check("account", _CASH))
    register_balance_check("starting balance = funding journal", _check("account", _FUNDED))
    register_balance_check("reserved cash and open orders = resting orders", _check("account", _RESERVED))
    register_balance_check("account totals = fills", _check("account", _TOTALS))
    register_balance_check("positions = fills", _check("position", _POSITIONS))
    register_balance_check("promised shares = resting sells", _check("position", _PROMISED))
    register_balance_check("orders that ended hold nothing", _check("order", _RELEASED))
    register_balance_check("order status, quantity and price = audit trail and fills", _check("order", _ORDERS))
    register_balance_check("fills are worth quantity x price, and cash follows", _check("fill", _WORTH, _places))
    register_balance_check("every fill is posted in its journal", _check("fill", _POSTED))
