"""The trading API over HTTP: each bad input is a clear 4xx with its own code, and nothing changes."""

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from marketdata.tests.factories import advance, replay_market
from trading.models import Account, Order
from trading.tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def book():
    account_id, who = make.account(replay_market(ticks=1))
    client = APIClient()
    client.force_authenticate(User.objects.get(pk=who.user_id))
    return account_id, client


def order(account_id, **more):
    return {"account_id": account_id, "symbol": "AAA", "side": "buy", "quantity": "2", **more}


def test_place_look_cancel(book):
    account_id, client = book
    placed = client.post("/api/v1/orders", order(account_id), format="json")
    assert placed.status_code == 201
    assert placed.data["status"] == "filled"
    resting = client.post("/api/v1/orders", order(account_id, type="limit", limit_price="90"), format="json").data
    assert client.get(f"/api/v1/orders/{resting['id']}").data["status"] == "accepted"
    assert client.delete(f"/api/v1/orders/{resting['id']}").data["status"] == "canceled"
    steps = client.get(f"/api/v1/orders/{resting['id']}/transitions").data
    assert [step["to_status"] for step in steps] == ["accepted", "canceled"]
    assert client.get(f"/api/v1/accounts/{account_id}/positions").data[0]["quantity"] == "2"
    transactions = client.get(f"/api/v1/accounts/{account_id}/transactions").data
    assert transactions["total"] == 1
    assert transactions["results"][0]["quote"]["symbol"] == "AAA"
    card = client.get(f"/api/v1/accounts/{account_id}").data
    assert card["trades"] == 1
    assert client.get(f"/api/v1/accounts/{account_id}/orders?open=true").data["total"] == 0


def test_execute_speaks_the_first_briefs_words(book):
    account_id, client = book
    body = {"account_id": account_id, "ticker": "AAA", "action": "BUY", "quantity": 10}
    assert client.post("/api/trading/execute/", body, format="json").status_code == 201
    assert client.post("/v1/trading/execute", {**body, "action": "HOLD"}, format="json").status_code == 400


def test_replayed_key_answers_200_with_the_same_body_and_409_with_another(book):
    account_id, client = book
    headers = {"HTTP_IDEMPOTENCY_KEY": "abc"}
    first = client.post("/api/v1/orders", order(account_id), format="json", **headers)
    again = client.post("/api/v1/orders", order(account_id), format="json", **headers)
    other = client.post("/api/v1/orders", order(account_id, quantity="3"), format="json", **headers)
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert again.data == first.data
    assert other.data["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"symbol": "NOPE"}, 422, "unknown_symbol"),
        ({"symbol": "drop table"}, 400, "invalid_symbol"),
        ({"quantity": "0"}, 400, "invalid_quantity"),
        ({"quantity": "-5"}, 400, "invalid_quantity"),
        ({"quantity": "NaN"}, 400, "invalid_quantity"),
        ({"quantity": "1e99"}, 400, "invalid_quantity"),
        ({"quantity": True}, 400, "invalid"),
        ({"quantity": {"a": 1}}, 400, "invalid"),
        ({"quantity": "many"}, 400, "invalid"),
        ({"side": "hold"}, 400, "invalid"),
        ({"type": "limit"}, 400, "limit_price_required"),
        ({"limit_price": "5"}, 400, "limit_price_not_allowed"),
        ({"account_id": "mine"}, 400, "invalid"),
        ({"account_id": 999_999_999}, 404, "account_not_found"),
        ({"quantity": "1000"}, 422, "not_enough_buying_power"),
        ({"side": "sell"}, 422, "not_enough_shares"),
        ({"time_in_force": "forever"}, 400, "invalid"),
    ],
)
def test_bad_orders(book, change, status, code):
    account_id, client = book
    before = Account.objects.values().get(pk=account_id)
    answer = client.post("/api/v1/orders", {**order(account_id), **change}, format="json")
    assert (answer.status_code, answer.data["code"]) == (status, code)
    assert set(answer.data) == {"code", "message", "details"}
    assert Account.objects.values().get(pk=account_id) == before
    assert not Order.objects.exclude(status="denied").exists()


def test_bodies_that_are_not_orders(book):
    client = book[1]
    for body in ("[1, 2]", '"text"', "{", "null", "12"):
        answer = client.post("/api/v1/orders", body, content_type="application/json")
        assert answer.status_code == 400, body
        assert set(answer.json()) == {"code", "message", "details"}


def test_strangers_see_and_do_nothing(book):
    account_id, client = book
    order_id = client.post("/api/v1/orders", order(account_id, type="limit", limit_price="90"), format="json").data[
        "id"
    ]
    stranger = APIClient()
    paths = [
        f"/api/v1/accounts/{account_id}{tail}" for tail in ("", "/positions", "/transactions", "/orders", "/equity")
    ]
    assert [stranger.get(path).status_code for path in paths] == [404] * 5
    assert stranger.get(f"/api/v1/orders/{order_id}").status_code == 401
    stranger.force_authenticate(make.user())
    assert [stranger.get(path).status_code for path in paths] == [404] * 5
    assert stranger.get(f"/api/v1/orders/{order_id}").status_code == 404
    assert stranger.delete(f"/api/v1/orders/{order_id}").status_code == 404
    assert stranger.post("/api/v1/orders", order(account_id), format="json").status_code == 404
    assert Order.objects.get(pk=order_id).status == "accepted"


def test_lists_cost_the_same_statements_however_long(django_assert_num_queries):
    market = replay_market(ticks=1)
    agent = make.user(kind="agent")
    account_id, who = make.account(market, owner=agent)
    client = APIClient()
    urls = ["/api/v1/accounts", *(f"/api/v1/accounts/{account_id}/{name}" for name in ("orders", "transactions"))]

    def counts():
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        found = []
        for url in [*urls, f"/api/v1/accounts/{account_id}/positions"]:
            with CaptureQueriesContext(connection) as queries:
                assert client.get(url).status_code == 200
            found.append(len(queries))
        return found

    make.place(who, account_id, "buy", 1)
    few = counts()
    for _ in range(5):
        make.account(market, owner=agent)
        make.place(who, account_id, "buy", 1)
    make.place(who, account_id, "buy", 1, symbol="BBB")
    assert counts() == few
    advance(market.id, 1)
