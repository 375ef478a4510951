"""What tokens and roles alone do not show: sessions of the API, bodies that name what is another's, forged posts."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib import admin
from django.test import Client

from accounts.services.tokens import tokens_issue
from accounts.tests.factories import UserFactory
from contests.tests import factories as arena
from marketdata.tests.factories import advance
from tests.authorization import existing
from tests.authorization.world import routes, undone, world
from trading.models import Order
from trading.tests import factories as make

pytestmark = pytest.mark.django_db


def send(client, method, url, data=None, **more):
    body = {} if method == "GET" else {"data": data if data is not None else {}, "content_type": "application/json"}
    return getattr(client, method.lower())(url, **body, **more)


def bearer(user) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens_issue(user=user).access}"}


def test_a_suspended_persons_session_opens_nothing_of_the_api():
    people = world()
    client = people.client("suspended")
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    people.suspend()
    wanted = [pair for pair in routes() if pair[1].startswith("api/v1/")]
    assert len(wanted) > 100
    # The matrix asks with a token at each; a session is refused by one middleware, before any route.
    for method, route in wanted[::5]:
        with undone():
            client.cookies[settings.SESSION_COOKIE_NAME] = session
            response = send(client, method, people.address(route))
            assert (response.status_code, response.json()["code"]) == (403, "account_suspended"), route


def test_what_belongs_to_others_is_not_there_through_a_body_either(client):
    view = arena.contest()
    account_id, owner = arena.joined(view)
    advance(view.market_id)
    order = make.place(owner, account_id, "buy", 1, limit="90")
    assert order.status == "accepted"
    headers = bearer(make.user())
    body = {"account_id": account_id, "symbol": "AAA", "side": "buy", "quantity": 1}
    words = {"account_id": account_id, "symbol": "AAA", "ticker": "AAA", "action": "buy", "quantity": 1}
    for route, sent in {
        "orders": body,
        "orders/preview": body,
        "trading/execute": words,
        "paper-trading/trades": words,
    }.items():
        response = send(client, "POST", f"/api/v1/{route}", sent, headers=headers)
        assert (response.status_code, response.json()["code"]) == (404, "account_not_found")
    several = send(client, "POST", "/api/v1/orders/bulk", {"orders": [body]}, headers=headers).json()["results"]
    assert [(item["status"], item["error"]["code"]) for item in several] == [(404, "account_not_found")]
    listed = send(client, "GET", f"/api/v1/paper-trading/trades?account_id={account_id}", headers=headers)
    assert (listed.status_code, listed.json()["code"]) == (404, "account_not_found")
    assert Order.objects.get(pk=order.id).status == "accepted"


def test_no_ledger_row_can_be_written_in_the_admin(client):
    client.force_login(UserFactory(is_staff=True, is_superuser=True, role="admin"))
    closed = [model for model in admin.site._registry if model._meta.label_lower not in existing.ADDED]
    assert len(closed) > 30
    for model in closed:
        assert client.post(f"/admin/{model._meta.app_label}/{model._meta.model_name}/add/").status_code == 403, model


def test_pages_that_write_want_a_csrf_token():
    people = world()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(people.owner)
    pages = [route for method, route in routes() if method == "POST" and not route.startswith("api/")]
    assert len(pages) > 50
    for route in pages:
        path = people.address(route)
        # Mail programs post to one, and the token proves it; to the other a browser that comes from the payment's page,
        # without a session, and nothing in it is believed.
        open_to_posts = route in (
            "notifications/unsubscribe/<str:token>",
            "checkout/razorpay/<uuid:public_id>/callback",
        )
        assert (strict.post(path).status_code == 403) is not open_to_posts, route
