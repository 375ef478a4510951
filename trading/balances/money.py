"""Cash, totals, positions, fills and what was posted for them.

Each query gives (what, the figures as cached, the figures as they should be) as text; NULL differs from anything.
"""

from trading.balances.run import add, places

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
# Every change of cash is realised, in the cost of what is open, a charge, or cash that no trade brought.
_IDENTITY = """
SELECT a.id, a.cash_minor::text,
    (a.initial_minor + a.realized_minor - coalesce(p.cost, 0) - a.fees_minor + a.other_minor)::text
FROM trading_account a LEFT JOIN (
    SELECT account_id, sum(cost_minor) AS cost FROM trading_position GROUP BY account_id) p ON p.account_id = a.id
"""
_NOT_SHORT = """
SELECT p.account_id || '/' || p.listing_id, p.quantity::text, greatest(p.quantity, 0)::numeric(20, 6)::text
FROM trading_position p JOIN trading_account a ON a.id = p.account_id WHERE NOT a.is_margin
"""
_ADJUSTED = """
SELECT j.account_id || '/' || j.reference, j.cash_minor::text, coalesce(sum(p.amount_minor), 0)::text
FROM trading_adjustment j JOIN trading_account a ON a.id = j.account_id
LEFT JOIN core_journal g ON g.book = 'virtual' AND g.reference = 'account:' || j.account_id || ':' || j.reference
LEFT JOIN core_posting p ON p.journal_id = g.id AND p.account_id = a.ledger_account_id
GROUP BY j.id, a.id
"""
# Fills of before charges were kept by kind have paid commission alone.
_KINDS = """
SELECT f.id, concat_ws(' ', f.fee_minor, c.kinds), concat_ws(' ', coalesce(c.total, 0), p.kinds)
FROM trading_fill f JOIN trading_account a ON a.id = f.account_id
LEFT JOIN LATERAL (
    SELECT sum(value::bigint) AS total,
        string_agg(key || '=' || value, ' ' ORDER BY key) FILTER (WHERE value <> '0') AS kinds
    FROM jsonb_each_text(CASE WHEN f.charges = '{}' THEN jsonb_build_object('commission', f.fee_minor)
        ELSE f.charges END)) c ON true
LEFT JOIN LATERAL (
    SELECT string_agg(kind || '=' || total, ' ' ORDER BY kind) AS kinds FROM (
        SELECT CASE WHEN l.id = a.fees_account_id THEN 'commission' ELSE split_part(l.code, ':', 4) END AS kind,
            sum(s.amount_minor) AS total
        FROM core_journal j JOIN core_posting s ON s.journal_id = j.id JOIN core_ledgeraccount l ON l.id = s.account_id
        WHERE j.reference = 'fill:' || f.id AND l.kind = 'fees' GROUP BY 1) k) p ON true
"""


def register() -> None:
    """Add these checks to `verify_books`."""
    add("account cash = ledger", "account", _CASH)
    add("starting balance = funding journal", "account", _FUNDED)
    add("account totals = fills and adjustments", "account", _TOTALS)
    add("cash = initial + realised - open cost - fees + other", "account", _IDENTITY)
    add("positions = fills and adjustments", "position", _POSITIONS)
    add("cash accounts are not short", "position", _NOT_SHORT)
    add("fills are worth quantity x price x rate, and cash follows", "fill", _WORTH, places)
    add("every fill is posted in its journal", "fill", _POSTED)
    add("charges by kind = fee = postings by kind", "fill", _KINDS)
    add("every adjustment is posted in its journal", "adjustment", _ADJUSTED)
