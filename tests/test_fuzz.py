"""Nothing that is sent makes the server fail: a bounded, repeatable storm of odd values over every address."""

from __future__ import annotations

import json
import random
from collections import Counter
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.test.client import MULTIPART_CONTENT as MULTIPART
from drf_spectacular.generators import SchemaGenerator

from accounts.models import User
from contests.tests import factories as arena
from marketdata.tests.factories import advance
from trading.api.wire.orders import BulkOrderInput
from trading.models import Order
from trading.tests import factories as make

pytestmark = pytest.mark.django_db

TEXTS = [
    "",
    " ",
    "a\x00b",
    "\ud800",
    "\u202e",
    "ß",
    "x" * 5_000,
    "' OR 1=1 --",
    "<script>",
    "../../etc",
    "%00",
    "\r\nX: y",
]
NUMBERS = [0, -1, 10**30, 1e300, 2**31, 2**63, 1.5, "1e9", "NaN", "Infinity", "-0", "1" * 5_000, "١", "1_0", "0x1"]
OTHERS = [None, True, False, [], {}, [[]], {"a": {"b": []}}, ["a\x00b"], [1, "x"]]
ALWAYS = ["a\x00b", "\ud800", "x" * 5_000]
IN_PATH = ["0", "-1", str(10**30), "a%00b", "%ED%A0%80", "%FF", "x" * 3_000, "'", "1e9", "%0d%0aX:y", "..%2f", "٣"]
BODIES = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"x"',
    b"NaN",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"1" * 10_000,
    b'{"account_id": 1e400}',
]


dice = random.Random(20260101)


def some(*kinds: list, most: int) -> list:
    """What always belongs, and a few more, the same in every run."""
    return [*ALWAYS, *dice.sample([value for kind in kinds for value in kind], most)]


def encoded(value: object) -> bytes:
    return str(value).encode("utf-8", "surrogatepass")


class Storm:
    """Sends, and remembers what made the server fail."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.failures: list[tuple[object, ...]] = []
        self.sent = 0

    def send(self, method: str, url: str, data: object = None, **more: object) -> None:
        self.sent += 1
        more = {"content_type": "application/json", **more} if method != "get" else more
        try:
            if isinstance(data, bytes):
                response = self.client.generic(method.upper(), url, data, **more)
            else:
                response = getattr(self.client, method)(url, data=data, **more)
        except Exception as error:
            self.failures.append((method, url[:100], str(data)[:100], repr(error)[:200]))
            return
        if response.status_code >= 500 and b"_not_set_up" not in response.content[:200]:
            self.failures.append((method, url[:100], str(data)[:100], response.status_code, response.content[:200]))


@pytest.fixture
def world(client, settings):
    """An operator who has traded in a running contest, signed in by session; (storm, values that are right)."""
    view = arena.contest()
    account_id, who = arena.joined(view, is_staff=True, role="admin")
    advance(view.market_id)
    order = make.place(who, account_id, "buy", 1, limit="90")
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(pk=who.user_id))
    right = {
        "account_id": account_id,
        "order_id": order.id,
        "slug": view.slug,
        "ticker": "AAA",
        "agent_id": 1,
        "market_id": view.market_id,
        "trade_id": order.id,
        "symbol": "AAA",
    }
    return Storm(client), right


def operations():
    """(method, path, parameters, properties of the body) of the documented API."""
    schema = SchemaGenerator().get_schema(request=None, public=True)
    parts = schema["components"]["schemas"]
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            name = body.get("$ref", "").rsplit("/", 1)[-1]
            yield method, path, operation.get("parameters", []), parts.get(name, {}).get("properties", {})


def right_body(properties, right):
    """A plausible value for every property."""
    known = {"symbol": "AAA", "side": "buy", "action": "buy", "quantity": "1", "type": "limit", "limit_price": "90"}
    kinds = {"integer": 1, "boolean": False, "array": [], "object": {}, "number": 1}
    known |= right | {"orders": [dict(known, account_id=right["account_id"])], "time_in_force": "gtc"}
    return {
        name: known.get(name, about.get("enum", [kinds.get(about.get("type"), "text")])[0])
        for name, about in properties.items()
    }


def test_odd_values_over_the_whole_api(world):
    storm, right = world
    for method, path, parameters, properties in operations():
        url = path
        for name, value in right.items():
            url = url.replace("{" + name + "}", str(value))
        for parameter in parameters:
            if parameter["in"] == "path":
                for value in dice.sample(IN_PATH, 6):
                    target = path.replace("{" + parameter["name"] + "}", value)
                    for name, good in right.items():
                        target = target.replace("{" + name + "}", str(good))
                    storm.send(method, target)
            elif parameter["in"] == "query":
                for value in some(TEXTS, NUMBERS, most=4):
                    if method == "get":
                        storm.send("get", url, {parameter["name"]: encoded(value)})
                    else:
                        storm.send(method, f"{url}?{urlencode({parameter['name']: encoded(value)})}")
        if method == "get":
            for value in some(NUMBERS, most=6):
                storm.send("get", url, {"page": encoded(value), "pageSize": encoded(dice.choice(NUMBERS))})
            continue
        good = right_body(properties, right)
        for name in properties:
            for value in some(TEXTS, NUMBERS, OTHERS, most=6):
                storm.send(method, url, json.dumps({**good, name: value}))
        for body in dice.sample(BODIES, 6):
            storm.send(method, url, body)
        storm.send(method, url, b"a=b", content_type="application/x-www-form-urlencoded")
        storm.send(method, url, b"x", content_type="text/plain; charset=nonsense")
        storm.send(method, url, b"--x", content_type="multipart/form-data; boundary=x")
    assert storm.sent > 1_000
    assert storm.failures == []


def test_odd_values_inside_several_orders_and_their_legs(world):
    storm, right = world
    good = {"account_id": right["account_id"], "symbol": "AAA", "side": "buy", "quantity": "1"}
    legs = {"order_class": "bracket", "take_profit": {"limit_price": "120"}, "stop_loss": {"stop_price": "80"}}
    odd = [*TEXTS, *NUMBERS, *OTHERS]
    items = [{**good, name: value} for name in BulkOrderInput().fields for value in some(odd, most=10)]
    for leg, name in (("take_profit", "limit_price"), ("stop_loss", "stop_price"), ("stop_loss", "limit_price")):
        items += [{**good, **legs, leg: {**legs[leg], name: value}} for value in some(odd, most=15)]
        items += [{**good, **legs, leg: value} for value in some(odd, most=10)]
    for start in range(0, len(items), 40):
        storm.send("post", "/api/v1/orders/bulk", json.dumps({"orders": items[start : start + 40]}))
    for item in items:
        storm.send("post", "/api/v1/orders", json.dumps(item))
        storm.send("post", "/api/v1/orders/preview", json.dumps(item))
    for value in odd:
        storm.send("put", "/api/v1/risk/settings", json.dumps({"limits": {"max_order_pct": value}}))
        storm.send("post", "/api/v1/orders/bulk", json.dumps({"account_id": value, "orders": [{}, value]}))
    assert storm.failures == []
    counts = Counter(Order.objects.values_list("status", flat=True))
    assert counts["filled"], counts


FORMS = {
    "sign-in": ["email", "password", "next"],
    "sign-up": ["display_name", "email", "password", "next"],
    "accounts/{account_id}/orders": [
        "symbol",
        "side",
        "type",
        "quantity",
        "limit_price",
        "time_in_force",
        "idempotency_key",
    ],
    "accounts/{account_id}/orders/preview": ["symbol", "side", "type", "quantity", "limit_price", "time_in_force"],
    "accounts/{account_id}/positions/AAA/close": ["idempotency_key"],
    "contests/{slug}/join": ["invite_code"],
}
PAGES = {
    "": ["page"],
    "stream-token": ["channels"],
    "account": ["page"],
    "accounts/{account_id}": ["tab", "page"],
    "contests": ["status", "page"],
    "contests/{slug}": ["symbol", "invite_code", "tab", "page"],
    "contests/{slug}/leaderboard": ["page", "around", "invite_code"],
    "markets/{market_id}/candles/AAA": ["limit"],
    "admin/trading/order/": ["q", "p", "o", "status", "account__id__exact"],
    "admin/accounts/user/": ["q", "p", "role__exact"],
}
GOOD = {"symbol": "AAA", "side": "buy", "type": "limit", "quantity": "1", "limit_price": "90", "time_in_force": "day"}


def test_odd_values_over_the_pages(world):
    storm, right = world
    for place, fields in FORMS.items():
        for name in fields:
            for value in some(TEXTS, NUMBERS, most=4):
                data = {**GOOD, name: encoded(value)}
                storm.send("post", "/" + place.format(**right), data, content_type=MULTIPART)
    for place, names in PAGES.items():
        for name in names:
            for value in some(TEXTS, NUMBERS, most=5):
                storm.send("get", "/" + place.format(**right), {name: encoded(value)})
    for path in (
        "contests/{}",
        "accounts/{}",
        "markets/{}/candles/AAA",
        "orders/{}/trail",
        "admin/trading/order/{}/change/",
    ):
        for value in IN_PATH:
            storm.send("get", "/" + path.format(value))
    assert storm.failures == []
