"""One envelope for every refusal; addresses that forgive; bodies that are bounded."""

import json
import logging
from io import BytesIO

import pytest
from django.db import InterfaceError, OperationalError
from django.test import Client, RequestFactory
from redis.exceptions import RedisError
from rest_framework.exceptions import ParseError

from core import throttling
from core.middleware import BodyLimitMiddleware, canonical_path
from core.tests.factories import LedgerAccountFactory

pytestmark = [pytest.mark.urls("core.tests.urls"), pytest.mark.django_db]


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


def body(response) -> dict:
    found = json.loads(response.content)
    assert set(found) == {"code", "message", "details"}
    assert found["message"]
    assert "secret" not in response.content.decode()
    return found


@pytest.mark.parametrize(
    ("name", "status", "code", "details"),
    [
        ("conflict", 409, "taken", {"by": 1}),
        ("denied", 422, "insufficient_funds", {}),
        ("unavailable", 503, "stale_price", {}),
        ("field", 400, "invalid", {"qty": ["Must be positive."], "legs": [{"price": ["Required."]}]}),
        ("nofield", 400, "invalid", {"non_field_errors": ["Nonsense."]}),
        ("throttled", 429, "rate_limited", {"retry_after": 7}),
        ("missing", 404, "not_found", {}),
        ("http404", 404, "not_found", {}),
        ("denied403", 403, "forbidden", {}),
        ("teapot", 500, "teapot", {}),
    ],
)
def test_errors_of_api_views(client, name, status, code, details):
    response = client.get(f"/api/v1/fail/{name}")
    assert response.status_code == status
    assert body(response) | {"message": ""} == {"code": code, "message": "", "details": details}


def test_a_crash_tells_only_its_request_id(client, caplog):
    with caplog.at_level(logging.ERROR):
        response = client.get("/api/v1/fail/crash", headers={"X-Request-ID": "caller-id-12345"})
    assert response.status_code == 500
    assert body(response)["details"] == {"request_id": "caller-id-12345"}
    assert response["X-Request-ID"] == "caller-id-12345"
    assert "secret detail" in caplog.text


def test_a_malformed_request_id_is_replaced(client):
    assert len(client.get("/here", headers={"X-Request-ID": "<script>"})["X-Request-ID"]) == 36


def test_retry_after_is_a_header_too(client):
    assert client.get("/api/v1/fail/throttled")["Retry-After"] == "7"


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("get", "/api/v1/private", {}, 401, "not_authenticated"),
        ("get", "/api/v1/private", {"headers": {"Authorization": "Bearer rubbish"}}, 401, "token_invalid"),
        ("get", "/api/v1/private", {"headers": {"Authorization": "Bearer a b"}}, 401, "token_invalid"),
        ("delete", "/api/v1/echo", {}, 405, "method_not_allowed"),
        ("post", "/api/v1/echo", {"data": "{", "content_type": "application/json"}, 400, "malformed"),
        ("post", "/api/v1/echo", {"data": "a", "content_type": "text/csv"}, 415, "unsupported_media_type"),
        ("get", "/api/v1/nowhere", {}, 404, "not_found"),
        ("get", "/api/nowhere", {}, 404, "not_found"),
        ("get", "/api/v1/page/crash", {}, 500, "internal_error"),
        ("get", "/api/v1/page/bad", {}, 400, "malformed"),
        ("get", "/api/v1/page/no", {}, 403, "forbidden"),
    ],
)
def test_refusals_before_and_beside_api_views(client, method, path, options, status, code):
    response = getattr(client, method)(path, **options)
    assert response.status_code == status
    assert body(response)["code"] == code


def test_a_refused_token_says_how_to_authenticate(client):
    assert client.get("/api/v1/private")["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("path", "status"), [("/page/crash", 500), ("/page/bad", 400), ("/page/no", 403), ("/no", 404)]
)
def test_pages_get_pages(client, path, status):
    response = client.get(path)
    assert response.status_code == status
    assert response["Content-Type"].startswith("text/")
    assert b"secret" not in response.content


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("/api/orders", "/api/v1/orders"),
        ("/api/orders/", "/api/v1/orders"),
        ("/v1/orders/5/", "/api/v1/orders/5"),
        ("/api/v1/orders/", "/api/v1/orders"),
        ("/api/v1/orders", "/api/v1/orders"),
        ("/api/schema/", "/api/schema"),
        ("/api/docs", "/api/docs"),
        ("/api/schemas", "/api/v1/schemas"),
        ("/contests/", "/contests"),
        ("/", "/"),
        ("//", "/"),
        ("/admin/", "/admin/"),
        ("/admin/core/journal/", "/admin/core/journal/"),
        ("/static/x/", "/static/x/"),
        ("/v1", "/v1"),
    ],
)
def test_canonical_paths(path, canonical):
    assert canonical_path(path) == canonical


@pytest.mark.parametrize("path", ["/api/where", "/api/where/", "/v1/where", "/v1/where/", "/api/v1/where/"])
def test_aliases_answer_without_a_redirect(client, path):
    response = client.get(path)
    assert response.status_code == 200
    assert response.json() == {"path": "/api/v1/where"}


@pytest.mark.parametrize("path", ["/here", "/here/", "/api/schema", "/api/schema/"])
def test_slashes_make_no_difference(client, path):
    assert client.get(path).json() == {"path": path.rstrip("/")}


def test_a_body_that_says_it_is_too_large(client, settings):
    response = client.post("/api/v1/echo", data=b"[" + b"1," * settings.MAX_BODY_BYTES, content_type="application/json")
    assert response.status_code == 413
    assert body(response)["code"] == "body_too_large"


def test_a_body_at_the_limit_passes(client, settings):
    text = '"' + "x" * (settings.MAX_BODY_BYTES - 2) + '"'
    assert client.post("/api/v1/echo", data=text, content_type="application/json").status_code == 200


def chunked(data: bytes, *, terminated: bool = True):
    request = RequestFactory().post("/api/v1/echo", content_type="application/json")
    request.META |= {
        "HTTP_TRANSFER_ENCODING": "chunked",
        "CONTENT_LENGTH": "",
        "wsgi.input": BytesIO(data),
        "wsgi.input_terminated": terminated,
    }
    seen = []
    response = BodyLimitMiddleware(lambda inner: seen.append(inner.body))(request)
    return response.status_code if response is not None else seen[0]


def test_bodies_without_a_length(settings):
    assert chunked(b'{"a": 1}') == b'{"a": 1}'
    assert chunked(b"x" * settings.MAX_BODY_BYTES) == b"x" * settings.MAX_BODY_BYTES
    assert chunked(b"x" * (settings.MAX_BODY_BYTES + 1)) == 413
    assert chunked(b"{}", terminated=False) == 411


def test_a_length_that_is_no_number():
    request = RequestFactory().get("/", CONTENT_LENGTH="-5")
    assert BodyLimitMiddleware(lambda _: None)(request).status_code == 400


def test_pages_of_lists(client):
    LedgerAccountFactory.create_batch(5)
    first = client.get("/api/v1/list?pageSize=2").json()
    assert [first[key] for key in ("page", "pageSize", "total", "next")] == [1, 2, 5, 2]
    last = client.get("/api/v1/list?page=3&pageSize=2").json()
    assert (len(last["results"]), last["next"]) == (1, None)
    assert client.get("/api/v1/list?pageSize=9999").json()["pageSize"] == 200
    assert body(client.get("/api/v1/list?page=99"))["code"] == "not_found"


def test_limits_slide():
    assert [throttling.hit("k", 3, 60, now=600.0) for _ in range(3)] == [None] * 3
    assert throttling.hit("k", 3, 60, now=610.0) == 50
    # Three quarters into the next window a quarter of the last one still counts.
    assert throttling.hit("k", 3, 60, now=705.0) is None
    assert throttling.hit("k", 3, 60, now=705.0) is None
    assert throttling.hit("k", 3, 60, now=705.0) is not None
    assert throttling.hit("k", 3, 60, now=705.0) is not None
    assert throttling.hit("other", 3, 60, now=705.0) is None


def test_a_limited_view_answers_429(client, monkeypatch):
    monkeypatch.setattr(throttling.ScopedThrottle, "THROTTLE_RATES", {"auth": "2/min"})
    codes = [client.post("/api/v1/limited", data="1", content_type="application/json").status_code for _ in range(3)]
    assert codes == [200, 200, 429]
    response = client.post("/api/v1/limited", data="1", content_type="application/json")
    assert body(response)["code"] == "rate_limited"
    assert int(response["Retry-After"]) >= 1


@pytest.mark.parametrize("error", [OperationalError("lock timeout"), InterfaceError("closed"), RedisError("down")])
def test_a_service_that_does_not_answer_is_for_the_client_to_try_again(rf, error):
    from core.api import exception_handler

    response = exception_handler(error, {"view": None})
    assert (response.status_code, response.data["code"], response["Retry-After"]) == (503, "busy", "1")


def test_json_nested_too_deep_is_malformed():
    from core.parsers import BoundedJSONParser

    for body in (b"[" * 100_000, b'{"a":' * 50_000):
        with pytest.raises(ParseError):
            BoundedJSONParser().parse(BytesIO(body), "application/json", {})
