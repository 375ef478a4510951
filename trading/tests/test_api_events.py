"""What an account's live channel tells (docs/api.md): every fill and every change of an order, as the order stands."""

import json
from decimal import Decimal

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from core.redis import client as redis
from marketdata.tests.factories import advance, replay_market
from trading.domain.snapshot import moment
from trading.domain.types import OrderRequest
from trading.selectors import order_get
from trading.services.orders import order_place
from trading.tests import factories as make

pytestmark = pytest.mark.django_db(transaction=True)


def told(account_id):
    """(event, order as told) of the channel so far, oldest first."""
    rows = redis().xrange(f"sse:account:{account_id}")
    text = [{key.decode() if isinstance(key, bytes) else key: value for key, value in row.items()} for _, row in rows]
    return [(item["e"].decode() if isinstance(item["e"], bytes) else item["e"], json.loads(item["d"])) for item in text]


def steps(account_id):
    return [(event, order["id"], order["status"], order["code"]) for event, order in told(account_id)]


def sent(who, account_id, **fields):
    request = OrderRequest("AAA", "sell", Decimal(5), **fields)
    return order_place(actor=who, account_id=account_id, request=request)


@pytest.fixture
def market():
    return replay_market(ticks=1)


def test_a_fill_and_a_triggered_stop_arrive(market):
    account_id, who = make.account(market)
    bought = make.place(who, account_id, "buy", 5)
    stop = sent(who, account_id, type="stop", stop_price=Decimal(99))
    advance(market.id, 2)  # The low of 98 reaches it.
    assert steps(account_id) == [
        ("fill", bought.id, "filled", ""),
        ("order", stop.id, "accepted", ""),
        ("fill", stop.id, "filled", ""),
    ]
    client = APIClient()
    client.force_authenticate(User.objects.get(pk=who.user_id))
    shown = client.get(f"/api/v1/orders/{stop.id}").json()
    # An event carries the order as the API shows it.
    assert told(account_id)[-1][1] == {name: shown[name] for name in shown if name != "leg_orders"}


def test_a_stop_limit_that_is_triggered_and_rests_is_told(market):
    account_id, who = make.account(market)
    make.place(who, account_id, "buy", 5)
    prices = {"stop_price": Decimal(99), "limit_price": Decimal("98.50")}
    stop = sent(who, account_id, type="stop_limit", **prices)
    advance(market.id, 2)
    assert ("order", stop.id, "triggered", "") in steps(account_id)


def test_the_other_leg_of_a_pair_is_told_cancelled(market):
    account_id, who = make.account(market)
    make.place(who, account_id, "buy", 5)
    pair = make.place(who, account_id, "sell", 5, limit="103", order_class="oco", stop_loss_price=Decimal(95))
    advance(market.id, 2)  # The high of 104 fills the take profit.
    found = steps(account_id)
    assert ("fill", pair.id, "filled", "") in found
    assert ("order", pair.legs[0], "canceled", "oco_filled") in found


def test_each_part_of_a_fill_is_told():
    market = replay_market(ticks=1, warmup=1, volume=100, venue={"max_volume_share": "0.05"})
    account_id, who = make.account(market)
    order = make.place(who, account_id, "buy", 12)
    advance(market.id, 4)
    found = [(event, told_order["filled_quantity"], told_order["status"]) for event, told_order in told(account_id)]
    fills = [item for item in found if item[0] == "fill"]
    assert ("fill", "5", "partially_filled") in fills
    assert fills[-1][0] == "fill"
    assert {item[1]["id"] for item in told(account_id)} == {order.id}


def test_replaced_and_bulk_orders_are_told(market):
    account_id, who = make.account(market)
    client = APIClient()
    client.force_authenticate(User.objects.get(pk=who.user_id))
    order = {"account_id": account_id, "symbol": "AAA", "side": "buy", "quantity": "1"}
    resting = {**order, "type": "limit", "limit_price": "90"}
    client.post("/api/v1/orders/bulk", {"orders": [order, resting]}, format="json")
    old = told(account_id)[-1][1]["id"]
    client.patch(f"/api/v1/orders/{old}", {"limit_price": "91"}, format="json")
    client.delete(f"/api/v1/accounts/{account_id}/positions")
    statuses = [(event, status) for event, _, status, _ in steps(account_id)]
    assert statuses[:2] == [("fill", "filled"), ("order", "accepted")]
    assert ("order", "replaced") in statuses
    assert statuses[-2:] == [("order", "canceled"), ("fill", "filled")]


def test_times_keep_the_last_zeros_of_a_fraction():
    # PostgreSQL writes .06661 in JSON for .066610; the API spells all six, so that one order reads the same everywhere.
    assert moment("2026-11-21T05:35:33.06661+00:00") == "2026-11-21T05:35:33.066610+00:00"
    assert moment("2026-11-21T05:35:33+00:00") == "2026-11-21T05:35:33+00:00"


def test_the_answer_to_an_order_and_a_later_read_say_the_same_time(market):
    account_id, who = make.account(market)
    placed = make.place(who, account_id, "buy", 5)
    assert order_get(placed.id, who).created_at == placed.created_at
