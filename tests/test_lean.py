"""The short way through the API answers what the long way answers."""

import json

import pytest
from django.test import Client
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import CLEARED_ALWAYS, User
from accounts.services.tokens import tokens_issue
from core import throttling
from core.errors import Denied
from core.lean import Answer, LeanView
from core.models import IdempotencyRecord

pytestmark = [pytest.mark.urls("tests.test_lean"), pytest.mark.django_db]
served: list[bool] = []


class Echo(LeanView):
    throttle_scope = "orders"

    def act(self, user_id: int, data: object, key: str | None) -> Answer:
        if data == "deny":
            raise Denied("no", "No.", {"because": 1})
        if data == "fail":
            raise ZeroDivisionError
        if data == "write":
            IdempotencyRecord.objects.create(scope="t", key="k", status=200, response={})
        return 201, {"user": user_id, "data": data, "key": key}

    def initial(self, request, *args, **kwargs):
        served.append(True)
        super().initial(request, *args, **kwargs)


class Whoami(APIView):
    def get(self, request):
        return Response({"id": request.user.pk})


urlpatterns = [path("api/v1/echo", Echo.as_view()), path("api/v1/whoami", Whoami.as_view())]


@pytest.fixture
def user():
    served.clear()
    return User.objects.create_user("ann@example.com", display_name="Ann", clearance=CLEARED_ALWAYS)


def bearer(user) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens_issue(user=user).access}"}


def post(user, body: object, *, client: Client | None = None, raw: bytes | None = None, **more: str):
    content = json.dumps(body).encode() if raw is None else raw
    kind = more.pop("content_type", "application/json")
    headers = bearer(user) | {name.replace("_", "-"): value for name, value in more.items()}
    sender = client or Client(raise_request_exception=False)
    return sender.post("/api/v1/echo", content, content_type=kind, headers=headers)


def told(response) -> tuple[int, object, dict[str, str]]:
    headers = {name: value for name, value in response.headers.items() if name != "X-Request-ID"}
    headers["Vary"] = ",".join(sorted(part.strip() for part in headers["Vary"].lower().split(",")))
    found = json.loads(response.content)
    if isinstance(found.get("details"), dict):
        found["details"].pop("request_id", None)
    return response.status_code, found, headers


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b'{"a": [1, 2.5, "\xc3\xa9\\u2028"]}', 201),
        (b'"deny"', 422),
        (b'"fail"', 500),
        (b"{", 400),
        (b"\xff", 400),
        (b'{"a": NaN}', 400),
        (b"[" * 100_000, 400),
        (b'{"a": 123456789012345678901234567890}', 201),
    ],
)
def test_both_ways_answer_the_same(user, raw, status):
    short = post(user, None, raw=raw, Idempotency_Key="k")
    assert (short.status_code, served) == (status, [])
    long = post(user, None, raw=raw, Idempotency_Key="k", Accept="application/json; q=0.9")
    assert served == [True]
    assert told(short) == told(long)


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"Accept": "application/json; indent=2"}, 201),
        ({"Accept": "text/html"}, 406),
        ({"content_type": "text/plain"}, 415),
        ({"content_type": "application/json; charset=utf-16"}, 201),
    ],
)
def test_special_wishes_go_the_long_way(user, more, status):
    assert post(user, "x", **more).status_code == status
    assert served == [True]


@pytest.mark.parametrize(("change", "code"), [
    ({"status": "suspended"}, "account_suspended"),
    ({"is_active": False}, "token_invalid"),
    ({"token_version": 5}, "token_invalid"),
])  # fmt: skip
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("body", ["write", "deny", {"a": 1}])
def test_who_was_shut_out_a_moment_ago_does_nothing_and_is_told_why(user, change, code, body):
    headers = bearer(user)
    client = Client(raise_request_exception=False)

    def send():
        return client.post("/api/v1/echo", json.dumps(body), content_type="application/json", headers=headers)

    assert send().status_code in (201, 422)
    IdempotencyRecord.objects.all().delete()
    User.objects.filter(pk=user.pk).update(**change)
    response = send()
    assert (response.status_code, response.json()["code"]) == (403 if "status" in change else 401, code)
    assert response.headers.get("WWW-Authenticate") == (None if "status" in change else 'Bearer realm="api"')
    assert not IdempotencyRecord.objects.exists()


def test_the_limit_is_one_for_both_ways(user, monkeypatch):
    monkeypatch.setattr(throttling.ScopedThrottle, "THROTTLE_RATES", {"orders": "2/min"})
    assert post(user, 1).status_code == 201
    assert post(user, 1, Accept="text/html, */*").status_code == 201
    for more in ({}, {"Accept": "text/html, */*"}):
        refused = post(user, 1, **more)
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert int(refused["Retry-After"]) > 0


def test_no_user_no_answer(client):
    response = client.post("/api/v1/echo", "1", content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")
    forged = {"Authorization": "Bearer a.b.c"}
    response = client.post("/api/v1/echo", "1", content_type="application/json", headers=forged)
    assert (response.status_code, response.json()["code"]) == (401, "token_invalid")


def test_a_cookie_takes_the_way_of_browsers(user):
    assert Client().get("/api/v1/whoami").status_code == 401
    signed_in = Client()
    signed_in.force_login(user)
    response = signed_in.get("/api/v1/whoami")
    assert response.json() == {"id": user.pk}
    assert (response["X-Frame-Options"], "Cookie" in response["Vary"]) == ("DENY", True)


def test_a_foreign_host_is_refused(user, settings):
    settings.ALLOWED_HOSTS = ["arena.example.com"]
    assert post(user, 1, Host="evil.example.com").status_code == 400
    assert post(user, 1, Host="arena.example.com").status_code == 201


def test_limits_and_permissions_of_its_own_would_hold_on_one_way_only():
    with pytest.raises(TypeError, match="every signed-in user"):
        type("Odd", (LeanView,), {"permission_classes": ()})
