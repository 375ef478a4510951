"""Pages and partials of trading: whose account it is, what the ticket answers, how many statements a page costs."""

from decimal import Decimal

import pytest
from django.test import Client

from marketdata.tests.factories import advance, replay_market
from trading import selectors
from trading.models import Order
from trading.pages import curve_points
from trading.tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def market():
    return replay_market(ticks=2)


def signed_in(owner) -> Client:
    """A browser with htmx; `headers={"HX-Request": "false"}` in a call is one without it."""
    client = Client(headers={"HX-Request": "true"})
    client.force_login(owner, backend="accounts.backends.EmailBackend")
    return client


@pytest.fixture
def mine(market):
    owner = make.user()
    account_id, who = make.account(market, owner=owner)
    return account_id, who, signed_in(owner)


def ticket(**fields):
    values = {"symbol": "AAA", "side": "buy", "type": "market", "quantity": "10", "time_in_force": "day"}
    return {**values, "idempotency_key": "key-1", **fields}


def test_a_buy_from_the_ticket_fills_and_gives_the_next_key(mine):
    account_id, _, client = mine
    answer = client.post(f"/accounts/{account_id}/orders", ticket())
    assert answer.status_code == 200
    assert answer["HX-Trigger"] == "account-changed"
    text = answer.content.decode()
    assert "Bought 10 AAA" in text
    assert 'id="ticket-key"' in text
    assert "key-1" not in text
    assert selectors.positions(account_id)[0].quantity == 10


def test_the_same_ticket_twice_is_one_order(mine):
    account_id, _, client = mine
    for _ in range(2):
        assert client.post(f"/accounts/{account_id}/orders", ticket()).status_code == 200
    assert Order.objects.filter(account_id=account_id).count() == 1


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"quantity": "1000000"}, 422, "Not enough buying power"),
        ({"side": "sell"}, 422, "AAA"),
        ({"quantity": "ten"}, 400, "as a number"),
        ({"quantity": "NaN"}, 400, "number"),
        ({"quantity": "-1"}, 400, "above zero"),
        ({"type": "limit"}, 400, "limit price"),
        ({"symbol": "NOPE"}, 422, "NOPE"),
        ({"side": "hold"}, 400, "buy or sell"),
    ],
)
def test_a_refused_ticket_says_why_and_changes_nothing(mine, fields, status, words):
    account_id, _, client = mine
    answer = client.post(f"/accounts/{account_id}/orders", ticket(**fields))
    assert answer.status_code == status
    assert words in answer.content.decode()
    assert 'role="alert"' in answer.content.decode()
    assert "HX-Trigger" not in answer
    assert selectors.positions(account_id) == []


def test_the_estimate_shows_cost_and_the_refusal_before_it_is_sent(mine):
    account_id, _, client = mine
    good = client.post(f"/accounts/{account_id}/orders/preview", ticket()).content.decode()
    assert "data-notional" in good
    assert "data-denial" not in good
    bad = client.post(f"/accounts/{account_id}/orders/preview", ticket(quantity="1000000")).content.decode()
    assert "data-denial" in bad
    assert not Order.objects.exists()


def test_closing_sells_what_is_held_and_only_that(mine):
    account_id, who, client = mine
    make.place(who, account_id, "buy", 10)
    answer = client.post(f"/accounts/{account_id}/positions/AAA/close", {"idempotency_key": "close-1"})
    assert "Sold 10 AAA" in answer.content.decode()
    assert selectors.positions(account_id) == []
    again = client.post(f"/accounts/{account_id}/positions/AAA/close", {"idempotency_key": "close-2"})
    assert again.status_code == 422
    assert "no position in AAA" in again.content.decode()


def test_a_resting_order_is_listed_and_cancelled_once(mine):
    account_id, who, client = mine
    order = make.place(who, account_id, "buy", 5, limit=Decimal("60"), time_in_force="gtc")
    assert "Cancel order" in client.get(f"/accounts/{account_id}/orders/open").content.decode()
    assert "Cancelled" in client.post(f"/orders/{order.id}/cancel").content.decode()
    assert selectors.orders(account_id, open_only=True) == []


def test_anothers_account_and_orders_are_not_there(market, mine):
    account_id, who, _ = mine
    order = make.place(who, account_id, "buy", 1)
    stranger = signed_in(make.user())
    for path in (f"/accounts/{account_id}", f"/accounts/{account_id}/positions", f"/orders/{order.id}/trail"):
        assert stranger.get(path).status_code == 404
    for path in (f"/accounts/{account_id}/orders", f"/accounts/{account_id}/positions/AAA/close"):
        assert stranger.post(path, ticket()).status_code == 404
    assert signed_in(make.user(is_staff=True, role="moderator")).get(f"/accounts/{account_id}").status_code == 200
    assert Client().get(f"/accounts/{account_id}").status_code == 404
    assert Order.objects.filter(account_id=account_id).count() == 1


def test_an_agents_account_is_public_but_nobody_elses_to_trade(market):
    account_id, who = make.account(market, owner=make.user(kind="agent"))
    make.place(who, account_id, "buy", 1)
    assert Client().get(f"/accounts/{account_id}").status_code == 200
    stranger = signed_in(make.user())
    answer = stranger.post(f"/accounts/{account_id}/orders", ticket())
    assert answer.status_code == 404
    assert Order.objects.filter(account_id=account_id).count() == 1


def test_a_post_without_the_csrf_token_is_refused(market):
    owner = make.user()
    account_id, _ = make.account(market, owner=owner)
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner, backend="accounts.backends.EmailBackend")
    assert client.post(f"/accounts/{account_id}/orders", ticket()).status_code == 403
    assert not Order.objects.exists()


def test_visitors_are_asked_to_sign_in():
    assert Client().get("/account")["Location"].startswith("/sign-in")
    assert Client().post("/accounts/1/orders", ticket())["Location"].startswith("/sign-in")


def test_pages_cost_the_same_number_of_statements_however_long_they_are(market, django_assert_max_num_queries):
    owner = make.user()
    account_id, who = make.account(market, owner=owner)
    client = signed_in(owner)
    for number in range(12):
        make.place(who, account_id, "buy", 1, symbol="AAA" if number % 2 else "BBB")
    advance(market.id)
    for tab in ("positions", "orders", "trades"):
        with django_assert_max_num_queries(14):
            assert client.get(f"/accounts/{account_id}?tab={tab}").status_code == 200
    for _ in range(8):
        make.account(market, owner=owner)
    with django_assert_max_num_queries(4):
        page = client.get("/account")
    assert page.content.decode().count("Test account") == 9


def test_the_order_history_is_paginated_with_its_trail(mine):
    account_id, who, client = mine
    for _ in range(27):
        make.place(who, account_id, "buy", 1)
    first = client.get(f"/accounts/{account_id}?tab=orders").content.decode()
    assert first.count("data-trail") == 25
    assert "page=2" in first
    assert client.get(f"/accounts/{account_id}?tab=orders&page=2").content.decode().count("data-trail") == 2
    order = selectors.orders(account_id, limit=1)[0]
    assert "filled" in client.get(f"/orders/{order.id}/trail").content.decode()


def test_a_curve_starts_with_the_first_print_and_its_times_ascend():
    market = replay_market(ticks=0)
    account_id, _ = make.account(market, owner=make.user())
    assert curve_points(account_id, -1) == []
    advance(market.id)
    advance(market.id)
    times = [moment for moment, _ in curve_points(account_id, 1)]
    assert len(times) == 2
    assert times == sorted(set(times))
