"""One's own limits and the kill switch, over HTTP."""

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from marketdata.tests.factories import advance, replay_market
from trading.models import Order, RiskSettings
from trading.tests import factories as make

pytestmark = pytest.mark.django_db
SETTINGS, SWITCH = "/api/v1/risk/settings", "/api/v1/risk/kill-switch"


@pytest.fixture
def market():
    return replay_market(ticks=1)


@pytest.fixture
def book(market):
    account_id, who = make.account(market)
    client = APIClient()
    client.force_authenticate(User.objects.get(pk=who.user_id))
    return account_id, client


def order(client, account_id, **more):
    body = {"account_id": account_id, "symbol": "AAA", "side": "buy", "quantity": "2", **more}
    return client.post("/api/v1/orders", body, format="json")


def put(client, **body):
    return client.put(SETTINGS, body, format="json")


def test_limits_are_chosen_shown_and_hold(book):
    account_id, client = book
    fresh = client.get(SETTINGS)
    assert (fresh.status_code, fresh.data["is_blocked"], fresh.data["chosen"]["max_order_pct"]) == (200, False, None)
    chosen = put(client, limits={"max_order_pct": "1", "max_open_orders": 3})
    assert (chosen.status_code, chosen.data["limits"]["max_order_pct"]) == (200, "1")
    assert client.get(SETTINGS).data == chosen.data
    denied = order(client, account_id)
    assert (denied.status_code, denied.data["code"]) == (422, "order_share_limit")
    assert put(client, tolerance="conservative").data["tolerance"] == "conservative"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "nothing_to_change"),
        ({"limits": []}, "invalid_limits"),
        ({"limits": {"max_order_pct": "-1"}}, "invalid_limits"),
        ({"limits": {"nonsense": 1}}, "invalid_limits"),
        ({"limits": {"blocked": True}}, "invalid_limits"),
        ({"tolerance": "wild"}, "unknown_tolerance"),
        ({"tolerance": 3}, "unknown_tolerance"),
        ({"limit": {}}, "invalid"),
    ],
)
def test_limits_that_make_no_sense_are_refused(book, body, code):
    answer = put(book[1], **body)
    assert (answer.status_code, answer.data["code"]) == (400, code)
    assert not RiskSettings.objects.exists()


def test_the_kill_switch_stops_all_and_lets_go_on_the_next_day(book, market):
    account_id, client = book
    order(client, account_id)
    resting = order(client, account_id, type="limit", limit_price="90").data["id"]
    for wrong in ({"flatten": "yes"}, {"reason": 3}, {"reason": "x" * 201}, {"now": True}):
        assert client.post(SWITCH, wrong, format="json").status_code == 400, wrong
    done = client.post(SWITCH, {"reason": "enough"}, format="json")
    assert (done.status_code, done.data["is_done"], done.data["was_blocked"]) == (200, True, False)
    [report] = done.data["accounts"]
    assert (report["account_id"], report["canceled"], len(report["closed"])) == (account_id, [resting], 1)
    assert client.get(f"/api/v1/accounts/{account_id}/positions").data == []
    assert order(client, account_id).data["code"] == "kill_switch"
    waits = client.delete(SWITCH)
    assert (waits.status_code, waits.data["is_blocked"], waits.data["pending"]["blocked"]) == (200, True, False)
    assert waits.data["waits_for"] == {str(market.id): 0}
    advance(market.id, 4)
    assert client.get(SETTINGS).data["is_blocked"] is False
    assert order(client, account_id).status_code == 201


def test_the_switch_may_leave_positions_open(book):
    account_id, client = book
    order(client, account_id)
    done = client.post(SWITCH, {"flatten": False}, format="json").data
    assert done["accounts"][0]["closed"] == []
    held = client.get(f"/api/v1/accounts/{account_id}/positions").data
    assert held[0]["quantity"] == "2"
    closed = client.delete(f"/api/v1/accounts/{account_id}/positions/AAA")
    assert (closed.status_code, closed.data["status"]) == (200, "filled")


def test_limits_are_ones_own(book):
    account_id, client = book
    put(client, limits={"max_open_orders": 3})
    other = APIClient()
    assert [other.get(SETTINGS).status_code, other.post(SWITCH).status_code] == [401, 401]
    other.force_authenticate(make.user(is_staff=True, role="moderator"))
    assert other.get(SETTINGS).data["chosen"]["max_open_orders"] is None
    order(client, account_id, type="limit", limit_price="90")
    other.post(SWITCH, {}, format="json")
    assert Order.objects.get().status == "accepted"
