"""Orders with an API key take the short way too, and are as strictly looked at on it."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ApiKey, User
from accounts.services.keys import key_create, key_edit, key_revoke
from accounts.services.tokens import tokens_issue
from core import throttling
from marketdata.tests.factories import replay_market
from trading.api.orders import OrderListView
from trading.models import Order
from trading.tests import factories as make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def book():
    account_id, who = make.account(replay_market(ticks=1))
    return account_id, User.objects.get(pk=who.user_id)


@pytest.fixture
def long(monkeypatch):
    """Which requests took the long way."""
    found: list[str] = []
    initial = OrderListView.initial

    def noted(self, request, *args, **kwargs):
        found.append(request.method)
        initial(self, request, *args, **kwargs)

    monkeypatch.setattr(OrderListView, "initial", noted)
    return found


def send(account_id, headers, **more):
    body = {"account_id": account_id, "symbol": "AAA", "side": "buy", "quantity": "1"}
    return Client().post("/api/v1/orders", json.dumps(body), content_type="application/json", headers=headers, **more)


def key_of(user, **fields):
    made = key_create(actor=user, name="Grid", **{"scope": "trade", **fields})
    return made.row, {"X-API-Key": made.text}


def refused(response, status, code):
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_the_second_order_takes_the_short_way_and_costs_what_one_with_a_token_costs(book, long):
    account_id, user = book
    _, header = key_of(user)
    bearer = {"Authorization": f"Bearer {tokens_issue(user=user).access}"}
    assert send(account_id, header).status_code == 201
    assert long == ["POST"]
    counts = []
    for headers in (bearer, header, {"Authorization": f"Api-Key {header['X-API-Key']}"}):
        with CaptureQueriesContext(connection) as queries:
            assert send(account_id, headers).status_code == 201
        counts.append(len(queries))
    assert counts[0] == counts[1] == counts[2]
    assert long == ["POST"]
    assert Order.objects.count() == 4


def test_the_last_use_is_noted_by_a_longer_request_each_minute(book, long, monkeypatch):
    account_id, user = book
    _, header = key_of(user)
    send(account_id, header)
    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    assert send(account_id, header).status_code == 201
    assert ApiKey.objects.get().last_used_at < timezone.now() - timedelta(seconds=60)
    from accounts import authentication

    later = authentication.time() + 61
    monkeypatch.setattr(authentication, "time", lambda: later)
    assert send(account_id, header).status_code == 201
    assert ApiKey.objects.get().last_used_at > timezone.now() - timedelta(seconds=60)
    assert long == ["POST", "POST"]


@pytest.mark.parametrize(("what", "status", "code"), [
    ("revoked", 401, "key_revoked"),
    ("expired", 401, "key_expired"),
    ("scope", 403, "key_scope"),
    ("networks", 403, "key_ip"),
    ("suspended", 403, "account_suspended"),
    ("inactive", 401, "key_invalid"),
    ("gone", 401, "key_invalid"),
])  # fmt: skip
def test_what_has_changed_a_moment_ago_counts_and_nothing_is_done(book, what, status, code):
    account_id, user = book
    row, header = key_of(user)
    assert send(account_id, header).status_code == 201
    assert send(account_id, header).status_code == 201
    if what == "revoked":
        key_revoke(actor=user, key_id=row.pk)
    elif what == "networks":
        key_edit(actor=user, key_id=row.pk, allowed_ips=["10.0.0.0/8"])
    elif what == "suspended":
        User.objects.update(status="suspended")
    elif what == "inactive":
        User.objects.update(is_active=False)
    elif what == "gone":
        ApiKey.objects.all().delete()
    else:
        ApiKey.objects.update(**{"expired": {"expires_at": timezone.now()}, "scope": {"scope": "read"}}[what])
    refused(send(account_id, header), status, code)
    assert Order.objects.count() == 2


def test_a_change_that_lets_more_in_counts_at_once_too(book):
    account_id, user = book
    row, header = key_of(user, allowed_ips=["127.0.0.1"])
    assert send(account_id, header).status_code == 201
    refused(send(account_id, header, REMOTE_ADDR="10.0.0.1"), 403, "key_ip")
    key_edit(actor=user, key_id=row.pk, allowed_ips=[])
    assert send(account_id, header, REMOTE_ADDR="10.0.0.1").status_code == 201


def test_a_key_that_reads_places_nothing(book):
    account_id, user = book
    _, header = key_of(user, scope="read")
    for _ in range(2):
        refused(send(account_id, header), 403, "key_scope")
    assert not Order.objects.exists()


def test_the_rate_of_the_key_comes_before_the_users(book, monkeypatch):
    account_id, user = book
    _, header = key_of(user, rate_per_minute=3)
    answers = [send(account_id, header) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429, 429]
    assert int(answers[-1]["Retry-After"]) > 0
    monkeypatch.setattr(throttling.ScopedThrottle, "THROTTLE_RATES", {"orders": "4/min"})
    bearer = {"Authorization": f"Bearer {tokens_issue(user=user).access}"}
    assert send(account_id, bearer).status_code == 201  # What the key was refused did not count for the user.


def test_a_token_in_the_header_decides_alone(book):
    account_id, user = book
    _, header = key_of(user)
    send(account_id, header)
    refused(send(account_id, {**header, "Authorization": "Bearer a.b.c"}), 401, "token_invalid")
    refused(send(account_id, {**header, "Authorization": "Bearer a b"}), 401, "token_invalid")


def test_nobody_orders_on_the_account_of_another(book):
    account_id, _ = book
    stranger = make.user()
    _, header = key_of(stranger)
    for _ in range(2):
        assert send(account_id, header).status_code == 404
    assert not Order.objects.exists()
