"""Health, stream tokens, pushes and logs."""

import json
import logging

import pytest
import redis as redis_package
from django.contrib.auth import get_user_model
from django.core import signing
from django.db import transaction
from redis.backoff import NoBackoff
from redis.retry import Retry
from rest_framework.test import APIClient

from core import heartbeat, logs, push, selectors, tasks
from core.errors import DomainError, Forbidden
from core.redis import client as redis_client

pytestmark = [pytest.mark.urls("core.tests.urls"), pytest.mark.django_db]
User = get_user_model()
NAMES = {"database", "redis", "worker", "beat", "market", "feed", "stream"}


@pytest.fixture(autouse=True)
def guards(monkeypatch):
    monkeypatch.setattr(push, "_guards", {"account": lambda user, ident: ident == user.pk})


def test_alive(client):
    assert client.get("/healthz").json() == {"ok": True}


def test_ready_only_when_everything_is_live(client):
    response = client.get("/readyz")
    assert response.status_code == 503
    checks = response.json()["checks"]
    assert set(checks) == NAMES
    assert {name for name, check in checks.items() if check["ok"]} == {"database", "redis"}
    for name in heartbeat.PROCESSES:
        heartbeat.beat(name)
    response = client.get("/readyz/")
    assert response.status_code == 200
    assert response.json()["checks"]["worker"] == {"ok": True, "detail": "seen 0 s ago"}


def test_readiness_survives_a_dead_redis(client, monkeypatch):
    dead = redis_package.Redis(port=1, retry=Retry(NoBackoff(), 0))
    monkeypatch.setattr(selectors, "client", lambda: dead)
    monkeypatch.setattr(heartbeat, "client", lambda: dead)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["redis"] == {"ok": False, "detail": "not reachable (ConnectionError)"}


def test_heartbeats_run_out():
    heartbeat.beat("worker", ttl=1)
    assert heartbeat.alive("worker")
    redis_client().delete(heartbeat.key("worker"))
    assert not heartbeat.alive("worker")


def test_beat_and_worker_give_signs_of_life(monkeypatch):
    monkeypatch.setattr(tasks, "_last_worker_beat", 0.0)
    tasks.beat_heartbeat()
    tasks._worker_heartbeat()
    assert heartbeat.alive("beat")
    assert heartbeat.alive("worker")


def entries(channel):
    return [(fields["e"], json.loads(fields["d"])) for _, fields in redis_client().xrange(f"sse:{channel}")]


def test_pushes_wait_for_the_commit(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        push.publish("market:1", "tick", {"n": 1})
        push.publish_many([("market:1", "tick", {"n": 2}), ("account:5", "fill", {"id": 3})])
        assert entries("market:1") == []
    assert entries("market:1") == [("tick", {"n": 1}), ("tick", {"n": 2})]
    assert entries("account:5") == [("fill", {"id": 3})]
    assert 0 < redis_client().ttl("sse:market:1") <= push.STREAM_TTL


@pytest.mark.django_db(transaction=True)
def test_a_push_of_a_failed_transaction_is_never_sent():
    with transaction.atomic():
        push.publish("market:1", "tick", {})
        transaction.set_rollback(True)
    assert entries("market:1") == []


@pytest.mark.django_db(transaction=True)
def test_a_push_without_redis_harms_nobody(monkeypatch, caplog):
    monkeypatch.setattr(push, "client", lambda: redis_package.Redis(port=1, retry=Retry(NoBackoff(), 0)))
    push.publish("market:1", "tick", {})
    assert "push failed" in caplog.text


def test_streams_stay_short(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        push.publish_many([("market:1", "tick", {"n": n}) for n in range(1000)])
    assert redis_client().xlen("sse:market:1") < 500


NINE = ",".join(f"market:{number}" for number in range(9))


@pytest.mark.parametrize(
    "raw",
    ["", ",", "account", "account:", "account:x", "account:-1", "user:1;x", "a b:1", "ä:1", NINE, "a:" + "9" * 30],
)
def test_malformed_channels_are_refused(client, raw):
    response = client.get("/stream-token", {"channels": raw})
    assert response.status_code == 400


def test_public_channels_need_no_session(client):
    answer = client.get("/stream-token", {"channels": "market:1,contest:2,market:1"}).json()
    assert answer["channels"] == ["market:1", "contest:2"]
    assert push.stream_token_read(answer["token"]) == (frozenset({"market:1", "contest:2"}), 0)


def test_a_program_gets_its_stream_token_over_the_api(client, settings):
    settings.STREAM_PUBLIC_URL = "https://live.example/"
    api = APIClient()
    user = User.objects.create_user("api@example.com")
    where = "/api/v1/stream-token"
    assert api.get(where, {"channels": f"account:{user.pk}"}).status_code == 401
    assert api.get(where, {"channels": ""}).json()["code"] == "channels_invalid"
    api.force_authenticate(user)
    answer = api.get(where, {"channels": f"account:{user.pk}"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.data["url"] == "https://live.example/events"
    assert push.stream_token_read(answer.data["token"]) == (frozenset({f"account:{user.pk}"}), user.pk)
    assert api.get(where, {"channels": f"account:{user.pk + 1}"}).status_code == 403


def test_what_a_view_does_not_find_has_our_own_page_in_local_mode_too(client, settings):
    settings.DEBUG = True
    response = client.get("/page/gone")
    assert response.status_code == 404
    assert b"Django" not in response.content
    assert client.get("/api/v1/page/gone").json()["code"] == "not_found"


def test_private_channels_are_for_those_the_guard_lets(client):
    user = User.objects.create_user("bob@example.com")
    own = f"account:{user.pk}"
    assert client.get("/stream-token", {"channels": own}).status_code == 401
    client.force_login(user)
    answer = client.get("/stream-token", {"channels": f"{own},market:1"}).json()
    assert push.stream_token_read(answer["token"]) == (frozenset({own, "market:1"}), user.pk)
    for channel in (f"account:{user.pk + 1}", f"user:{user.pk}", "secret:1"):
        response = client.get("/stream-token", {"channels": channel})
        assert response.status_code == 403
        assert response.json()["code"] == "channel_forbidden"


def test_tokens_cannot_be_forged_or_kept(monkeypatch):
    token = push.stream_token(["account:1"], 7)
    other = signing.TimestampSigner(salt="another").sign_object({"c": ["account:1"], "u": 7})
    for bad in ("", "x", token[:-2], token + "x", other):
        with pytest.raises(Forbidden):
            push.stream_token_read(bad)
    monkeypatch.setattr(push, "TOKEN_MAX_AGE", -1)
    with pytest.raises(DomainError):
        push.stream_token_read(token)


def test_logs_keep_private_things_out():
    event = logs.mask_private(None, "", {"event": "sent to ann@example.com, ok", "password": "x", "n": 1})
    assert event == {"event": "sent to ***, ok", "password": "***", "n": 1}


def test_a_request_is_logged_without_its_query(client, caplog):
    with caplog.at_level(logging.DEBUG, logger="django_structlog"):
        client.get("/here?email=ann@example.com&token=abc")
    assert "GET /here" in caplog.text
    assert "ann@example.com" not in caplog.text
    assert "token=abc" not in caplog.text
    assert "127.0.0.1" not in caplog.text


def test_a_signed_in_request_is_logged_with_the_users_id(client, caplog):
    user = User.objects.create_user("ann@example.com")
    client.force_login(user)
    with caplog.at_level(logging.DEBUG, logger="django_structlog"):
        client.get("/here")
    finished = caplog.records[-1].msg
    assert finished["user_id"] == user.pk
    assert len(finished["request_id"]) == 36
    assert "ann@" not in caplog.text


def test_quotes_share_a_stream_whose_entries_name_their_channel(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        push.publish_many([("quote:7", "quote", {"n": 1}), ("market:1", "tick", {"n": 2}), ("quote:8", "quote", {})])
    fields = [fields for _, fields in redis_client().xrange("sse:quotes")]
    assert [(entry["c"], entry["e"], entry["d"]) for entry in fields] == [
        ("quote:7", "quote", '{"n":1}'),
        ("quote:8", "quote", "{}"),
    ]
    assert redis_client().ttl("sse:quotes") > 0
    assert entries("market:1") == [("tick", {"n": 2})]


def test_a_token_does_not_name_quotes():
    user = User.objects.create_user(email="quotes@example.com", password=None)
    channels = ",".join(["account:0", *(f"quote:{number}" for number in range(60))]).replace(
        "account:0", f"account:{user.pk}"
    )
    answer = push.stream_permission(user, channels)
    assert len(answer["channels"]) == 61
    assert push.stream_token_read(answer["token"])[0] == {f"account:{user.pk}"}
