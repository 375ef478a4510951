"""Orders of every kind over HTTP: placed one by one and together, looked for, changed and cancelled."""

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from marketdata.tests.factories import advance, replay_market
from trading.models import Order
from trading.tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def market():
    return replay_market(ticks=1, spread_bps=0)


@pytest.fixture
def book(market):
    account_id, who = make.account(market)
    client = APIClient()
    client.force_authenticate(User.objects.get(pk=who.user_id))
    return account_id, client


def body(account_id, **more):
    return {"account_id": account_id, "symbol": "AAA", "side": "buy", "quantity": "2", **more}


def post(client, data, path="orders", **headers):
    return client.post(f"/api/v1/{path}", data, format="json", **headers)


@pytest.mark.parametrize(
    "more",
    [
        {"type": "stop", "stop_price": "110"},
        {"type": "stop_limit", "stop_price": "110", "limit_price": "111"},
        {"type": "trailing_stop", "trail_amount": "3"},
        {"type": "trailing_stop", "trail_percent": "2.5"},
        {"type": "limit", "limit_price": "90", "time_in_force": "gtd", "expires_at": "2024-01-10T21:00:00Z"},
        {"type": "market", "time_in_force": "cls"},
    ],
)
def test_every_field_of_an_order_is_taken_and_shown(book, more):
    account_id, client = book
    placed = post(client, body(account_id, client_order_id="mine", **more))
    assert placed.status_code == 201, placed.data
    shown = client.get(f"/api/v1/orders/{placed.data['id']}").data
    for name, value in {**more, "client_order_id": "mine"}.items():
        assert shown[name].replace("+00:00", "Z") == value, name
    assert shown["status"] == "accepted"


@pytest.mark.parametrize(
    "legs",
    [
        {"take_profit_price": "120", "stop_loss_price": "80", "stop_loss_limit_price": "79"},
        {"take_profit": {"limit_price": "120"}, "stop_loss": {"stop_price": "80", "limit_price": "79"}},
    ],
)
def test_a_bracket_in_both_forms_shows_its_legs(book, legs):
    account_id, client = book
    placed = post(client, body(account_id, order_class="bracket", **legs)).data
    detail = client.get(f"/api/v1/orders/{placed['id']}").data
    assert [leg["id"] for leg in detail["leg_orders"]] == detail["legs"]
    profit, loss = detail["leg_orders"]
    assert (profit["role"], profit["limit_price"], profit["status"]) == ("take_profit", "120", "accepted")
    assert (loss["role"], loss["type"], loss["stop_price"], loss["limit_price"]) == (
        ("stop_loss", "stop_limit", "80", "79")
    )
    assert {leg["parent_id"] for leg in detail["leg_orders"]} == {placed["id"]}


def test_an_oco_pair_as_other_platforms_send_it(book):
    account_id, client = book
    post(client, body(account_id))
    pair = {"order_class": "oco", "take_profit": {"limit_price": "120"}, "stop_loss": {"stop_price": "80"}}
    placed = post(client, body(account_id, side="sell", **pair))
    assert placed.status_code == 201, placed.data
    assert (placed.data["type"], placed.data["limit_price"], len(placed.data["legs"])) == ("limit", "120", 1)


@pytest.mark.parametrize(
    ("more", "code", "field"),
    [
        ({"expires_at": "tomorrow"}, "invalid", "expires_at"),
        ({"expires_at": "2024-01-10T21:00:00"}, "invalid", "expires_at"),
        ({"expires_at": "0001-01-01T00:00:00+14:00"}, "invalid", "expires_at"),
        ({"reduce_only": "yes"}, "invalid", "reduce_only"),
        ({"order_class": "mleg"}, "invalid", "order_class"),
        ({"take_profit": "120"}, "invalid", "take_profit"),
        ({"stop_loss": {"price": "1"}}, "invalid", "stop_loss"),
        ({"order_class": "bracket", "take_profit_price": "120", "take_profit": {"limit_price": "121"}}, "invalid", ""),
        ({"take_profit": {"limit_price": "120"}}, "legs_not_allowed", ""),
        ({"type": "stop"}, "stop_price_required", ""),
        ({"trail_amount": "1"}, "trail_not_allowed", ""),
    ],
)
def test_what_is_wrong_with_an_order_is_said(book, more, code, field):
    account_id, client = book
    answer = post(client, body(account_id, **more))
    assert (answer.status_code, answer.data["code"]) == (400, code)
    assert field in answer.data["details"] or not field
    assert not Order.objects.exists()


def test_replace_makes_a_new_order_and_a_denied_one_leaves_the_old(book):
    account_id, client = book
    old = post(client, body(account_id, type="limit", limit_price="90")).data
    url = f"/api/v1/orders/{old['id']}"
    denied = client.patch(url, {"quantity": "10000"}, format="json")
    assert (denied.status_code, denied.data["code"]) == (422, "not_enough_buying_power")
    assert client.get(url).data["status"] == "accepted"
    assert client.patch(url, {}, format="json").data["code"] == "nothing_to_change"
    assert client.patch(url, {"limit_price": "many"}, format="json").status_code == 400
    for name, value in (("quantity", "0"), ("limit_price", "-1"), ("quantity", "NaN"), ("limit_price", "sNaN")):
        wrong = client.patch(url, {name: value}, format="json")
        assert (wrong.status_code, wrong.data["code"]) == (400, f"invalid_{name}")
    new = client.patch(url, {"limit_price": "91", "quantity": "3"}, format="json")
    assert (new.status_code, new.data["limit_price"], new.data["quantity"]) == (200, "91", "3")
    assert new.data["replaces_id"] == old["id"]
    assert client.get(url).data["status"] == "replaced"
    again = client.patch(url, {"limit_price": "92"}, format="json")
    assert (again.status_code, again.data["code"]) == (409, "order_not_open")


def test_orders_are_found_by_what_they_are(book, market):
    account_id, client = book
    post(client, body(account_id, client_order_id="first"))
    post(client, body(account_id, type="limit", limit_price="90", symbol="AAA"))
    advance(market.id)
    post(client, body(account_id, type="limit", limit_price="40", symbol="BBB"))
    url = f"/api/v1/accounts/{account_id}/orders"
    later = Order.objects.latest("id").market_at

    def found(**query):
        return [item["symbol"] + item["status"][0] for item in client.get(url, query).data["results"]]

    assert found() == ["BBBa", "AAAa", "AAAf"]
    assert found(status="open") == found(open="true") == ["BBBa", "AAAa"]
    assert found(status="closed") == ["AAAf"]
    assert found(symbol="aaa") == ["AAAa", "AAAf"]
    assert found(client_order_id="first") == ["AAAf"]
    assert found(since=later.isoformat()) == ["BBBa"]
    assert found(until=later.isoformat(), status="open") == ["AAAa"]
    for query in ({"status": "some"}, {"since": "x"}, {"symbol": "x" * 17}):
        assert client.get(url, query).status_code == 400


def test_cancel_all_or_one_symbol_tells_what_it_ended(book):
    account_id, client = book
    for symbol, limit in (("AAA", "90"), ("AAA", "91"), ("BBB", "45")):
        assert post(client, body(account_id, type="limit", limit_price=limit, symbol=symbol)).status_code == 201
    url = f"/api/v1/accounts/{account_id}/orders"
    first = client.delete(f"{url}?symbol=aaa")
    assert [(item["symbol"], item["status"]) for item in first.data] == [("AAA", "canceled")] * 2
    assert [item["symbol"] for item in client.delete(url).data] == ["BBB"]
    assert client.delete(url).data == []


def test_orders_together_stand_and_fall_alone(book):
    account_id, client = book
    orders = [
        {"symbol": "AAA", "side": "buy", "quantity": "1"},
        {"symbol": "AAA", "side": "buy", "quantity": "100000"},
        {"symbol": "NOPE", "side": "buy", "quantity": "1"},
        {"symbol": "AAA", "side": "hold", "quantity": "1"},
        "what",
        {"account_id": 999_999, "symbol": "AAA", "side": "buy", "quantity": "1"},
        {"symbol": "BBB", "side": "buy", "quantity": "1"},
    ]
    data = {"account_id": account_id, "orders": orders}
    found = post(client, data, "orders/bulk", HTTP_IDEMPOTENCY_KEY="k")
    assert found.status_code == 207
    results = found.data["results"]
    assert [item["status"] for item in results] == [201, 422, 422, 400, 400, 404, 201]
    assert [item["index"] for item in results] == list(range(7))
    assert (found.data["placed"], found.data["refused"]) == (2, 5)
    assert results[1]["order"]["status"] == "denied"
    assert results[1]["error"]["code"] == "not_enough_buying_power"
    assert results[3]["error"]["details"] == {"side": ["Send one of: buy, sell."]}
    again = post(client, data, "orders/bulk", HTTP_IDEMPOTENCY_KEY="k").data["results"]
    assert [item["status"] for item in again] == [200, 422, 422, 400, 400, 404, 200]
    assert again[0]["order"] == results[0]["order"]
    assert Order.objects.filter(status="filled").count() == 2


def test_an_order_among_several_may_bring_its_own_key(book):
    account_id, client = book
    order = {**body(account_id), "idempotency_key": "own"}
    first = post(client, {"orders": [order, order]}, "orders/bulk").data["results"]
    assert [item["status"] for item in first] == [201, 200]
    assert (
        post(client, {"orders": [{**order, "idempotency_key": 3}]}, "orders/bulk").data["results"][0]["status"] == 400
    )


@pytest.mark.parametrize("data", [[], {}, {"orders": []}, {"orders": {}}, {"orders": [{}] * 51}])
def test_several_orders_are_one_to_fifty(book, data):
    answer = post(book[1], data, "orders/bulk")
    assert (answer.status_code, answer.data["code"]) == (400, "invalid_orders")


def test_a_body_of_orders_is_bounded_and_so_is_its_key(book):
    account_id, client = book
    long = post(client, {"orders": [body(account_id, client_order_id="x" * 110_000)]}, "orders/bulk")
    assert (long.status_code, long.data["code"]) == (413, "too_large")
    key = post(client, {"orders": [body(account_id)]}, "orders/bulk", HTTP_IDEMPOTENCY_KEY="k" * 126)
    assert (key.status_code, key.data["code"]) == (400, "invalid_idempotency_key")


def test_each_of_several_orders_counts_against_the_limit(book, settings, monkeypatch):
    from core.throttling import ScopedThrottle

    account_id, client = book
    monkeypatch.setitem(ScopedThrottle.THROTTLE_RATES, "orders", "3/min")
    found = post(client, {"orders": [body(account_id, quantity="1")] * 5}, "orders/bulk").data["results"]
    assert [item["status"] for item in found] == [201, 201, 201, 429, 429]
    assert found[-1]["error"]["code"] == "rate_limited"


def test_a_preview_shows_charges_by_kind_and_the_denial(market):
    account_id, who = make.account(market, group_id=make.group(market, commission_bps=10))
    client = APIClient()
    client.force_authenticate(User.objects.get(pk=who.user_id))
    found = post(client, body(account_id, quantity="10"), "orders/preview").data
    assert (found["fees"], found["fee"], found["total"]) == ({"commission": "1.00"}, "1.00", "1001.10")
    assert (found["would_fill"], found["fill_quantity"], found["margin"]) == (True, "10", None)
    refused = post(client, body(account_id, quantity="1000"), "orders/preview").data["denial"]
    assert refused["code"] == "not_enough_buying_power"
    assert not Order.objects.exists()


def test_a_field_that_does_not_exist_is_refused_not_passed_over(book):
    account_id, client = book
    answer = post(client, body(account_id, stop_lost_price="90"))
    assert (answer.status_code, answer.data["details"]) == (400, {"stop_lost_price": ["There is no such field."]})
