"""`verify_books` finds whatever is changed behind the order path's back."""

import pytest
from django.db import connection, transaction

from core.services.books import verify
from marketdata.tests.factories import advance, replay_market
from trading.tests import factories as make
from trading.tests.test_order_kinds import margin_account, send

pytestmark = pytest.mark.django_db


def trade():
    """An account with a fill of each side, a resting order of each side, a cancelled and a denied one; a bracket that
    waits; a dividend, a split with a fraction; and a short on margin with charges by kind, in a market with sizes.
    """
    actions = {"AAA": [("dividend", 2, "1")], "BBB": [("split", 2, "1.125")]}
    market = replay_market(ticks=1, warmup=1, actions=actions, basis="traded", venue={"sizes": True})
    short, seller = margin_account(market, fees="us")
    send(seller, short, "sell", 5)
    account_id, who = make.account(market, group_id=make.group(market, commission_bps="10"))
    make.place(who, account_id, "buy", 10)
    make.place(who, account_id, "buy", 4, symbol="BBB")
    advance(market.id)
    make.place(who, account_id, "sell", 3)
    make.place(who, account_id, "sell", 2, limit="140", time_in_force="gtc")
    make.place(who, account_id, "buy", 2, limit="60", time_in_force="gtc")
    make.place(who, account_id, "buy", 1, limit="61")
    make.place(who, account_id, "sell", 100)
    send(
        who, account_id, "buy", 1, "limit", limit_price="70", order_class="bracket", take_profit_price="140",
        stop_loss_price="55", time_in_force="gtc",
    )  # fmt: skip
    advance(market.id, 4)


def mismatches():
    return {outcome.name for outcome in verify().outcomes if outcome.mismatches}


SOLD = "(SELECT id FROM trading_fill WHERE side = 'sell')"
FIRST = "(SELECT min(id) FROM trading_fill)"
TAMPERINGS = {
    "cash": "UPDATE trading_account SET cash_minor = cash_minor + 1",
    "initial": "UPDATE trading_account SET initial_minor = initial_minor + 1",
    "reserved": "UPDATE trading_account SET reserved_minor = reserved_minor + 1",
    "open orders": "UPDATE trading_account SET open_orders_count = open_orders_count + 1",
    "fees": "UPDATE trading_account SET fees_minor = fees_minor + 1",
    "realized": "UPDATE trading_account SET realized_minor = realized_minor + 1",
    "fill count": "UPDATE trading_account SET fills_count = fills_count + 1",
    "position quantity": "UPDATE trading_position SET quantity = quantity + 1",
    "position cost": "UPDATE trading_position SET cost_minor = cost_minor + 1",
    "position reserved": "UPDATE trading_position SET reserved_quantity = reserved_quantity + 1",
    "position gone": "DELETE FROM trading_position WHERE reserved_quantity = 0",
    "position with promises gone": "DELETE FROM trading_position WHERE reserved_quantity > 0",
    "order status": "UPDATE trading_order SET status = 'canceled' WHERE status = 'filled'",
    "order filled quantity": "UPDATE trading_order SET filled_quantity = filled_quantity - 1 WHERE status = 'filled'",
    "order quantity": "UPDATE trading_order SET quantity = quantity + 1 WHERE status = 'filled'",
    "order average price": "UPDATE trading_order SET average_price = average_price + 1 WHERE status = 'filled'",
    "order reservation": "UPDATE trading_order SET reserved_minor = reserved_minor + 1 WHERE side = 'buy'",
    "order reservation of the dead": "UPDATE trading_order SET reserved_minor = 5 WHERE status = 'expired'",
    "order revived": "UPDATE trading_order SET status = 'accepted' WHERE status = 'expired'",
    "order account": "UPDATE trading_order SET account_id = account_id + 1 WHERE status = 'filled'",
    "trail gone": "DELETE FROM trading_ordertransition WHERE to_status = 'denied'",
    "trail middle gone": "DELETE FROM trading_ordertransition WHERE from_status = 'initialized'",
    "fill gone": f"DELETE FROM trading_fill WHERE id IN {SOLD}",
    "fill price": f"UPDATE trading_fill SET price = price + 1 WHERE id = {FIRST}",
    "fill quantity": f"UPDATE trading_fill SET quantity = quantity + 1 WHERE id = {FIRST}",
    "fill notional": f"UPDATE trading_fill SET notional_minor = notional_minor + 1 WHERE id = {FIRST}",
    "fill fee": f"UPDATE trading_fill SET fee_minor = fee_minor + 1 WHERE id = {FIRST}",
    "fill realized": f"UPDATE trading_fill SET realized_minor = realized_minor + 1 WHERE id IN {SOLD}",
    "fill cash after": f"UPDATE trading_fill SET cash_after_minor = cash_after_minor + 1 WHERE id = {FIRST}",
    "fill side": f"UPDATE trading_fill SET side = 'buy' WHERE id IN {SOLD}",
    "fill listing": f"UPDATE trading_fill SET listing_id = listing_id + 1 WHERE id = {FIRST}",
    "journal gone": f"DELETE FROM core_journal WHERE reference = 'fill:' || {FIRST}",
    "journal of nothing": "UPDATE core_journal SET reference = 'lost:' || id WHERE kind = 'funding'",
    "fees posted as proceeds": (
        "UPDATE core_posting p SET amount_minor = amount_minor + CASE a.kind WHEN 'fees' THEN 1 ELSE -1 END"
        " FROM core_ledgeraccount a WHERE a.id = p.account_id AND a.kind IN ('fees', 'clearing')"
    ),
    "other cash": "UPDATE trading_account SET other_minor = other_minor + 1",
    "short in a cash account": "UPDATE trading_account SET is_margin = false",
    "position realized": "UPDATE trading_position SET realized_minor = realized_minor + 1",
    "position with its account's cash": (
        "WITH p AS (UPDATE trading_position SET cost_minor = cost_minor - 1 RETURNING account_id)"
        " UPDATE trading_account a SET cash_minor = cash_minor + 1 FROM p WHERE p.account_id = a.id"
    ),
    "order fees": "UPDATE trading_order SET fees_minor = fees_minor + 1 WHERE status = 'filled'",
    "order notional": "UPDATE trading_order SET notional_minor = notional_minor + 1 WHERE status = 'filled'",
    "charges": "UPDATE trading_fill SET charges = charges || '{\"sec\": 7}' WHERE charges ? 'sec'",
    "charges of another kind": (
        "UPDATE trading_fill SET charges = (charges - 'sec') || jsonb_build_object('x', charges -> 'sec')"
        " WHERE charges ->> 'sec' <> '0'"
    ),
    "rate": "UPDATE trading_fill SET fx = 1.1",
    "adjustment gone": "DELETE FROM trading_adjustment WHERE kind = 'dividend'",
    "split gone": "DELETE FROM trading_adjustment WHERE kind = 'split'",
    "adjustment cash": "UPDATE trading_adjustment SET cash_minor = cash_minor + 1",
    "split of another ratio": (
        "UPDATE trading_adjustment SET details = details || '{\"ratio\": \"2\"}' WHERE kind = 'split'"
    ),
    "split before its position": (
        "UPDATE trading_adjustment SET market_at = market_at - interval '9 days' WHERE kind = 'split'"
    ),
    "journal of an adjustment gone": "DELETE FROM core_journal WHERE kind = 'split'",
    "a move that is none": "UPDATE trading_ordertransition SET to_status = 'held' WHERE to_status = 'denied'",
    "leg of nothing": "UPDATE trading_order SET link_id = 0 WHERE role <> ''",
    "leg that opens": "UPDATE trading_order SET reduce_only = false WHERE role <> ''",
    "leg of an order that has ended": (
        "UPDATE trading_order SET link_id = (SELECT max(id) FROM trading_order WHERE status = 'denied')"
        " WHERE role <> ''"
    ),
    "size taken": "UPDATE trading_quoteuse SET taken = taken + 1 WHERE taken > 0",
    "size": 'UPDATE trading_fill SET quote = quote || \'{"ask_size": "1", "bid_size": "1"}\'',
    "cash account swapped": "UPDATE trading_account SET ledger_account_id = clearing_account_id WHERE NOT is_margin",
}


@pytest.fixture
def unguarded():
    """A session in which no trigger, foreign key or check holds anything; all of it is rolled back."""
    trade()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("trading_account", "trading_position", "trading_order"):
            query = "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = %s::regclass"
            cursor.execute(query, [table])
            for (constraint,) in cursor.fetchall():
                cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{constraint}"')
        cursor.execute("SET LOCAL session_replication_role = replica")


def test_every_tampering_is_found(unguarded):
    assert mismatches() == set()
    unseen = []
    for name, sql in TAMPERINGS.items():
        point = transaction.savepoint()
        with connection.cursor() as cursor:
            cursor.execute(sql)
            if not cursor.rowcount or not mismatches():
                unseen.append((name, cursor.rowcount))
        transaction.savepoint_rollback(point)
    assert not unseen
