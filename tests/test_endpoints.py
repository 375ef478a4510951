"""Every address of the API: who may use it, and that nothing sent to it makes the server fail."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from accounts.services.tokens import tokens_issue
from contests.tests import factories as arena
from marketdata.tests.factories import advance
from trading.models import Order
from trading.tests import factories as make

pytestmark = pytest.mark.django_db

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# What a visitor may read, and how one becomes a user. Everything else wants a sign-in.
PUBLIC = {
    ("GET", "accounts"),
    ("GET", "accounts/<int:account_id>"),
    ("GET", "accounts/<int:account_id>/activities"),
    ("GET", "accounts/<int:account_id>/equity"),
    ("GET", "accounts/<int:account_id>/fees/schedule"),
    ("GET", "accounts/<int:account_id>/orders"),
    ("GET", "accounts/<int:account_id>/performance"),
    ("GET", "accounts/<int:account_id>/portfolio"),
    ("GET", "accounts/<int:account_id>/positions"),
    ("GET", "accounts/<int:account_id>/positions/<str:symbol>"),
    ("GET", "accounts/<int:account_id>/trades"),
    ("GET", "accounts/<int:account_id>/transactions"),
    ("GET", "agents"),
    ("GET", "agents/<int:agent_id>"),
    ("GET", "assets/<str:asset>"),
    ("GET", "assets/<str:asset>/candles_v2"),
    ("GET", "competition/status"),
    ("GET", "core/assets"),
    ("GET", "contests"),
    ("GET", "contests/<slug:slug>"),
    ("GET", "contests/<slug:slug>/decisions"),
    ("GET", "contests/<slug:slug>/leaderboard"),
    ("GET", "contests/<slug:slug>/status"),
    ("GET", "market-status"),
    ("GET", "markets"),
    ("GET", "markets/<slug:slug>"),
    ("GET", "stream-token"),
    ("GET", "stocks/<str:ticker>/history"),
    ("GET", "stocks/<str:ticker>/quote"),
    ("GET", "stocks/metrics"),
    ("GET", "stocks/prices"),
    *(("GET", f"udf/{name}") for name in ("config", "symbols", "symbol_info", "search", "history", "quotes")),
    *(("GET", f"udf/{name}") for name in ("marks", "timescale_marks", "time")),
    ("GET", "trading/strategies/<int:account_id>"),
    ("GET", "trading/strategy/<int:account_id>"),
    ("POST", "account/login"),
    ("POST", "account/refresh_token"),
    ("POST", "account/register"),
    ("POST", "auth/logout"),
    ("POST", "auth/refresh"),
    ("POST", "auth/register"),
    ("POST", "auth/token"),
    ("POST", "auth/token/refresh"),
}
OPERATORS = {
    ("POST", "contests"),
    *(("POST", f"contests/<slug:slug>/{verb}") for verb in ("schedule", "start", "pause", "resume", "cancel", "end")),
    *(("POST", f"competition/{verb}") for verb in ("start", "pause", "resume")),
}


def routes() -> list[tuple[str, str]]:
    """(method, address below /api/v1/) of everything the API answers to."""
    found: list[tuple[str, str]] = []

    def walk(patterns, prefix):
        for item in patterns:
            path = prefix + str(item.pattern)
            if isinstance(item, URLResolver):
                walk(item.url_patterns, path)
            elif isinstance(item, URLPattern) and path.startswith("api/v1/"):
                methods = [name for name in METHODS if hasattr(item.callback.cls, name.lower())]
                found.extend((method, path.removeprefix("api/v1/")) for method in methods)

    walk(get_resolver().url_patterns, "")
    return found


def address(route: str, *, account: object = 1, order: object = 1, slug: object = "no-such") -> str:
    values = {"<int:account_id>": account, "<int:order_id>": order, "<slug:slug>": slug}
    values |= {"<int:agent_id>": 1, "<str:ticker>": "AAA", "<str:symbol>": "AAA", "<int:trade_id>": order}
    values |= {"<int:verdict_id>": 1, "<str:asset>": "AAA", "<int:watchlist_id>": 1, "<int:instrument_id>": 1}
    for name, value in values.items():
        route = route.replace(name, str(value))
    assert "<" not in route, f"teach this test about {route}"
    return f"/api/v1/{route}"


def send(client, method, url, data=None, **more):
    body = {} if method == "GET" else {"data": data if data is not None else {}, "content_type": "application/json"}
    return getattr(client, method.lower())(url, **body, **more)


def bearer(user) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens_issue(user=user).access}"}


def test_there_are_no_other_public_addresses(client):
    known = set(routes())
    assert known >= PUBLIC | OPERATORS
    for method, route in sorted(known):
        response = send(client, method, address(route))
        refused = response.status_code == 401
        assert refused is ((method, route) not in PUBLIC), (method, route, response.status_code)
        assert response.status_code < 500
        if refused:
            assert response.json()["code"] == "not_authenticated"


def test_what_operators_do_a_trader_may_not(client):
    view = arena.contest()
    _, who = arena.joined(view)
    headers = bearer(User.objects.get(pk=who.user_id))
    for method, route in OPERATORS:
        response = send(client, method, address(route, slug=view.slug), headers=headers)
        assert (response.status_code, response.json()["code"]) == (403, "forbidden"), route


def test_a_suspended_user_is_refused_at_every_address_that_wants_a_sign_in(client):
    user = make.user()
    headers = bearer(user)
    session = Client()
    session.force_login(user)
    User.objects.filter(pk=user.pk).update(status="suspended")
    for method, route in set(routes()) - PUBLIC:
        response = send(client, method, address(route), headers=headers)
        assert (response.status_code, response.json()["code"]) == (403, "account_suspended"), route
    for method, route in set(routes()) - PUBLIC:
        session.force_login(user)
        response = send(session, method, address(route))
        assert (response.status_code, response.json()["code"]) == (403, "account_suspended"), route


def test_what_belongs_to_others_is_not_there(client):
    view = arena.contest()
    account_id, owner = arena.joined(view)
    advance(view.market_id)
    order = make.place(owner, account_id, "buy", 1, limit="90")
    assert order.status == "accepted"
    headers = bearer(make.user())
    about = [pair for pair in set(routes()) if re.search("account_id|order_id|trade_id", pair[1])]
    assert len(about) > 20
    for method, route in about:
        for who in ({}, headers):
            response = send(client, method, address(route, account=account_id, order=order.id), headers=who)
            assert response.status_code in (404, 401), (method, route, response.status_code)
            assert response.status_code == 404 or not who
    body = {"account_id": account_id, "symbol": "AAA", "side": "buy", "quantity": 1}
    words = {"account_id": account_id, "symbol": "AAA", "ticker": "AAA", "action": "buy", "quantity": 1}
    for route, sent in {
        "orders": body,
        "orders/preview": body,
        "trading/execute": words,
        "paper-trading/trades": words,
    }.items():
        response = send(client, "POST", address(route), sent, headers=headers)
        assert (response.status_code, response.json()["code"]) == (404, "account_not_found")
    several = send(client, "POST", address("orders/bulk"), {"orders": [body]}, headers=headers).json()["results"]
    assert [(item["status"], item["error"]["code"]) for item in several] == [(404, "account_not_found")]
    listed = send(client, "GET", address(f"paper-trading/trades?account_id={account_id}"), headers=headers)
    assert (listed.status_code, listed.json()["code"]) == (404, "account_not_found")
    assert Order.objects.get(pk=order.id).status == "accepted"


def test_the_admin_is_for_staff(client):
    trader = make.user()
    suspended = make.user(is_staff=True, is_superuser=True, role="admin")
    User.objects.filter(pk=suspended.pk).update(status="suspended")
    places = [f"/admin/{model._meta.app_label}/{model._meta.model_name}/" for model in admin.site._registry]
    for place in ["/admin/", *places]:
        assert client.get(place)["Location"].startswith("/admin/login/")
        for user, answers in ((trader, "/admin/login/"), (suspended, "/sign-in")):
            signed_in = Client()
            signed_in.force_login(user)
            assert signed_in.get(place)["Location"].startswith(answers), place
    client.force_login(trader)
    assert client.get("/admin/login/").status_code == 403


def test_no_ledger_row_can_be_written_in_the_admin(client):
    client.force_login(make.user(is_staff=True, is_superuser=True, role="admin"))
    written = {"core", "trading", "accounts"}
    for model, page in admin.site._registry.items():
        # A version of a rule set is added, and never changed.
        if model._meta.app_label in written and model._meta.model_name != "ruleset":
            assert client.post(f"/admin/{model._meta.app_label}/{model._meta.model_name}/add/").status_code == 403
            assert not page.has_change_permission(None)
            assert not page.has_delete_permission(None)


def test_pages_that_write_want_a_sign_in_and_a_csrf_token(client):
    view = arena.contest()
    account_id, who = arena.joined(view)
    pages = [str(item.pattern) for item in _pages(get_resolver().url_patterns)]
    assert "accounts/<int:account_id>/orders" in pages
    open_to_all = {"sign-in", "sign-up", "sign-out"}
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(pk=who.user_id))
    for page in pages:
        path = page.replace("<int:account_id>", str(account_id)).replace("<slug:slug>", view.slug)
        path = "/" + re.sub(r"<int:\w+>", "1", re.sub(r"<str:\w+>", "AAA", path))
        response = client.post(path)
        wants = response.status_code == 302 and response["Location"].startswith("/sign-in")
        assert wants or response.status_code in (404, 405) or page in open_to_all, (page, response.status_code)
        assert strict.post(path).status_code in (403, 404, 405), page


def _pages(patterns):
    """Addresses outside the API and the admin."""
    for item in patterns:
        if isinstance(item, URLPattern):
            if not str(item.pattern).startswith(("api/", "admin/")):
                yield item
        elif str(item.pattern) == "":
            yield from _pages(item.url_patterns)
