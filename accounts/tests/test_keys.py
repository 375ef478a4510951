"""API keys: what they may do, from where, how often, and when no more."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.domain.keys import covers, key_prefix, key_refusal, networks_read
from accounts.models import ApiKey, Notification, User
from accounts.services import keys as service
from accounts.services.suspension import user_suspend
from accounts.services.tokens import tokens_issue
from accounts.tests.factories import PASSWORD, UserFactory
from core import throttling
from core.errors import DomainError
from core.models import AuditEntry, OutboxEvent
from core.tests.threads import race

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def user():
    return UserFactory(email="ann@example.com", display_name="Ann")


def make(user, **fields):
    fields = {"name": f"Bot {user.api_keys.count()}", "scope": "trade", **fields}
    return service.key_create(actor=user, **fields)


def get(client, text, path="accounts", **more):
    return client.get(f"{API}/{path}", headers={"X-API-Key": text}, **more)


def refused(response, status, code):
    assert (response.status_code, response.json()["code"]) == (status, code)


# ---- Letting in ----


def test_a_key_is_its_user(client, user):
    made = make(user, scope="read")
    assert key_prefix(made.text) == made.row.prefix
    assert get(client, made.text).status_code == 200
    header = {"Authorization": f"Api-Key {made.text}"}
    assert client.get(f"{API}/accounts", headers=header).status_code == 200
    assert get(client, made.text)["X-Frame-Options"] == "DENY"


def test_only_a_fingerprint_is_kept(user):
    made = make(user)
    row = ApiKey.objects.values().get()
    assert made.text not in str(row)
    assert made.text.rpartition("_")[2] not in str(row)
    for table in (AuditEntry, OutboxEvent, Notification):
        assert made.text.rpartition("_")[2] not in str(list(table.objects.values()))


@pytest.mark.parametrize(
    "text",
    ["", "x", "ak_00000000_" + "a" * 43, "ak_0000000g_" + "a" * 43, "ak_00000000_" + "a" * 44, "é" * 55, "x" * 5_000],
)
def test_made_up_keys_are_refused(client, user, text):
    refused(get(client, text), 401, "key_invalid")
    assert get(client, text)["WWW-Authenticate"]


def test_the_right_prefix_with_another_secret_is_refused(client, user):
    made, other = make(user), make(UserFactory())
    refused(get(client, f"{made.row.prefix}_{other.text[12:]}"), 401, "key_invalid")
    refused(get(client, made.text[:-1] + ("A" if made.text[-1] != "A" else "B")), 401, "key_invalid")


def test_whoever_sends_wrong_keys_has_to_wait_and_right_ones_still_work(client, user):
    made = make(user)
    wrong = [get(client, "ak_00000000_" + "a" * 43).status_code for _ in range(32)]
    assert wrong == [401] * 30 + [429] * 2
    assert get(client, made.text).status_code == 200


def test_dead_keys_say_why(client, user):
    made = make(user, expires_at=timezone.now() + timedelta(hours=2))
    assert get(client, made.text).status_code == 200
    ApiKey.objects.update(expires_at=timezone.now())
    refused(get(client, made.text), 401, "key_expired")
    service.key_revoke(actor=user, key_id=made.row.pk)
    refused(get(client, made.text), 401, "key_revoked")


@pytest.mark.parametrize(("change", "status", "code"), [
    ({"status": "suspended"}, 403, "account_suspended"),
    ({"is_active": False}, 401, "key_invalid"),
])  # fmt: skip
def test_keys_live_no_longer_than_their_owner(client, user, change, status, code):
    made = make(user)
    assert get(client, made.text).status_code == 200
    User.objects.filter(pk=user.pk).update(**change)
    refused(get(client, made.text), status, code)


def test_a_suspended_owner_makes_no_key(user):
    user_suspend(actor=None, user_id=user.pk, reason="x")
    with pytest.raises(DomainError, match="suspended"):
        make(user)


# ---- From where ----


@pytest.mark.parametrize(("networks", "ip", "status"), [
    (["127.0.0.1"], "127.0.0.1", 200),
    (["10.0.0.0/8", "192.0.2.7"], "192.0.2.7", 200),
    (["10.0.0.0/8"], "10.255.0.1", 200),
    (["10.0.0.0/8"], "::ffff:10.1.2.3", 200),
    (["2001:db8::/32"], "2001:db8:1::5", 200),
    (["10.0.0.0/8"], "11.0.0.1", 403),
    (["2001:db8::/32"], "2001:db9::5", 403),
    (["0.0.0.0/0"], "2001:db8::1", 403),
])  # fmt: skip
def test_networks(client, user, networks, ip, status):
    made = make(user, allowed_ips=networks)
    response = get(client, made.text, REMOTE_ADDR=ip)
    assert response.status_code == status
    if status == 403:
        assert response.json()["code"] == "key_ip"


def test_an_address_cannot_be_made_up(client, user):
    made = make(user, allowed_ips=["203.0.113.7"])
    for name in ("X-Forwarded-For", "X-Real-IP", "CF-Connecting-IP", "Forwarded"):
        response = client.get(f"{API}/accounts", headers={"X-API-Key": made.text, name: "203.0.113.7"})
        refused(response, 403, "key_ip")


def test_behind_a_proxy_its_word_counts_and_not_the_clients(client, user, settings):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    made = make(user, allowed_ips=["203.0.113.7"])

    def came(forwarded):
        return client.get(f"{API}/accounts", headers={"X-API-Key": made.text, "X-Forwarded-For": forwarded})

    assert came("203.0.113.7").status_code == 200
    refused(came("203.0.113.7, 198.51.100.1"), 403, "key_ip")


@given(st.ip_addresses(), st.integers(0, 32))
def test_a_network_covers_its_own(address, bits):
    networks = networks_read([f"{address}/{bits}"])
    assert covers(networks, str(address))
    assert covers((), str(address))
    assert not covers(networks, "nonsense")


# ---- For what ----


def test_scopes_are_three_questions():
    table = {
        ("read", "GET", None, True): "",
        ("read", "HEAD", "trade", True): "",
        ("read", "POST", "trade", True): "key_scope",
        ("read", "POST", None, True): "key_not_allowed",
        ("trade", "POST", "trade", True): "",
        ("trade", "DELETE", None, True): "key_not_allowed",
        ("trade", "GET", None, False): "key_not_allowed",
        ("trade", "POST", "trade", False): "key_not_allowed",
    }
    for (scope, method, view_scope, is_open), code in table.items():
        assert key_refusal(scope=scope, method=method, view_scope=view_scope, is_open=is_open) == code


def send(client, text, method, path):
    call = getattr(client, method)
    return call(f"{API}/{path}", data={}, content_type="application/json", headers={"X-API-Key": text})


TRADING = [
    ("post", "orders"),
    ("post", "orders/preview"),
    ("post", "orders/bulk"),
    ("patch", "orders/1"),
    ("delete", "orders/1"),
    ("post", "trading/execute"),
    ("post", "paper-trading/trades"),
    ("post", "paper-trading/trades/1/close"),
    ("post", "paper-trading/trades/1/cancel"),
    ("delete", "accounts/1/orders"),
    ("delete", "accounts/1/positions"),
    ("delete", "accounts/1/positions/AAPL"),
    ("post", "risk/kill-switch"),
    ("post", "contests/x/join"),
    ("post", "core/watchlists"),
    ("patch", "core/watchlists/1"),
    ("delete", "core/watchlists/1"),
    ("post", "core/watchlists/1/items"),
]


@pytest.mark.parametrize(("method", "path"), TRADING)
def test_trading_wants_the_scope(client, user, method, path):
    refused(send(client, make(user, scope="read").text, method, path), 403, "key_scope")
    allowed = send(client, make(user, scope="trade").text, method, path)
    assert allowed.status_code not in (401, 403, 500)


CLOSED = [
    ("get", "auth/me"),
    ("patch", "auth/me"),
    ("get", "account/profile"),
    ("post", "auth/password"),
    ("get", "me/keys"),
    ("post", "me/keys"),
    ("delete", "me/keys/1"),
    ("get", "me/sessions"),
    ("put", "risk/settings"),
    ("post", "contests"),
    ("post", "contests/x/start"),
    ("post", "competition/start"),
]


@pytest.mark.parametrize(("method", "path"), CLOSED)
@pytest.mark.parametrize("role", ["trader", "admin"])
def test_what_no_key_may_do(client, method, path, role):
    user = UserFactory(role=role, is_staff=role == "admin", is_superuser=role == "admin")
    refused(send(client, make(user).text, method, path), 403, "key_not_allowed")


def test_a_key_may_ask_for_a_stream(client, user):
    found = get(client, make(user, scope="read").text, "stream-token?channels=market:1")
    assert found.status_code == 200


def test_a_key_is_nothing_to_pages(client, user):
    response = client.get("/settings/keys", headers={"X-API-Key": make(user).text})
    assert response.status_code == 302


# ---- How often ----


@pytest.fixture
def within_a_minute():
    """Rates are counted by the minute: no test of them may begin at the end of one."""
    left = 60 - time.time() % 60
    if left < 12:
        time.sleep(left)


def test_a_key_has_a_rate_of_its_own(client, user, within_a_minute):
    slow, other = make(user, rate_per_minute=2), make(user)
    assert [get(client, slow.text).status_code for _ in range(3)] == [200, 200, 429]
    refused_ = get(client, slow.text)
    refused(refused_, 429, "rate_limited")
    assert int(refused_["Retry-After"]) > 0
    assert get(client, other.text).status_code == 200


def test_what_is_refused_counts_as_well(client, user, within_a_minute):
    slow = make(user, scope="read", rate_per_minute=2)
    codes = [send(client, slow.text, "post", "orders").status_code for _ in range(3)]
    assert codes == [403, 403, 429]


# ---- Last used ----


def test_the_last_use_is_noted_once_a_minute(client, user, django_assert_num_queries):
    made = make(user)
    get(client, made.text, REMOTE_ADDR="192.0.2.7")
    row = ApiKey.objects.get()
    assert row.last_used_ip == "192.0.2.7"
    get(client, made.text, REMOTE_ADDR="192.0.2.8")
    assert ApiKey.objects.get().last_used_at == row.last_used_at
    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    get(client, made.text, REMOTE_ADDR="192.0.2.8")
    assert ApiKey.objects.get().last_used_ip == "192.0.2.8"
    with django_assert_num_queries(1):
        get(client, made.text, "stream-token?channels=market:1")


# ---- Making, changing, revoking ----


def test_bounds_of_a_key(user):
    now = timezone.now()
    for wrong in (
        {"name": ""},
        {"name": "x" * 61},
        {"name": "a\u202eb"},
        {"scope": "admin"},
        {"allowed_ips": ["10.0.0.0/33"]},
        {"allowed_ips": ["example.com"]},
        {"allowed_ips": [f"10.0.0.{n}" for n in range(21)]},
        {"rate_per_minute": 0},
        {"rate_per_minute": 1_201},
        {"expires_at": now + timedelta(minutes=59)},
        {"expires_at": now + timedelta(days=731)},
    ):
        with pytest.raises(DomainError) as refusal:
            make(user, **wrong)
        assert list(refusal.value.details) == list(wrong)
    made = make(user, allowed_ips=["10.1.2.3/8", "10.0.0.0/8", "2001:DB8::1"]).row
    assert made.allowed_ips == ["10.0.0.0/8", "2001:db8::1/128"]
    assert timedelta(days=89) < made.expires_at - now < timedelta(days=91)


def test_names_are_ones_own_and_free_again_once_revoked(user):
    first = make(user, name="Grid")
    with pytest.raises(DomainError) as refusal:
        make(user, name="  grid ")
    assert refusal.value.code == "key_name_taken"
    make(UserFactory(), name="Grid")
    service.key_revoke(actor=user, key_id=first.row.pk)
    make(user, name="Grid")


@pytest.mark.django_db(transaction=True)
def test_there_are_never_more_than_twenty(user):
    for n in range(18):
        make(user, name=f"Bot {n}")
    results = race(4, lambda n: make(user, name=f"Racer {n}"))
    assert sum(isinstance(result, service.NewKey) for result in results) == 2
    assert {result.code for result in results if isinstance(result, DomainError)} == {"too_many_keys"}
    service.key_revoke(actor=user, key_id=ApiKey.objects.first().pk)
    make(user, name="Another")


def test_every_change_is_audited_and_told(user):
    made = make(user, name="Grid")
    service.key_edit(actor=user, key_id=made.row.pk, name="Grid 2", allowed_ips=["10.0.0.1"])
    service.key_edit(actor=user, key_id=made.row.pk, name="Grid 2")
    for _ in range(2):
        service.key_revoke(actor=user, key_id=made.row.pk)
    entries = list(AuditEntry.objects.order_by("pk"))
    assert [entry.action for entry in entries] == ["api_key_created", "api_key_changed", "api_key_revoked"]
    assert (entries[1].before["networks"], entries[1].after["networks"]) == ([], ["10.0.0.1/32"])
    told = Notification.objects.filter(user=user, kind="security_changed").order_by("pk")
    assert [each.title for each in told] == [
        "API key “Grid” was created",
        "API key “Grid 2” was changed",
        "API key “Grid 2” was revoked",
    ]
    topics = OutboxEvent.objects.filter(topic__startswith="accounts.api_key").order_by("pk")
    assert [event.topic.rpartition("_")[2] for event in topics] == ["created", "changed", "revoked"]


# ---- The API of keys ----


@pytest.fixture
def bearer(user):
    return {"Authorization": f"Bearer {tokens_issue(user=user).access}"}


def call(client, bearer, method, path, data=None):
    return getattr(client, method)(f"{API}/{path}", data or {}, content_type="application/json", headers=bearer)


def test_keys_by_the_api(client, user, bearer):
    data = {"name": "Grid", "scope": "trade", "allowed_ips": ["127.0.0.0/8"], "password": PASSWORD}
    made = call(client, bearer, "post", "me/keys", data)
    assert made.status_code == 201
    assert made["Cache-Control"] == "no-store"
    assert get(client, made.json()["key"]).status_code == 200
    listed = client.get(f"{API}/me/keys", headers=bearer).json()
    assert listed["total"] == 1
    assert set(listed["results"][0]) == set(made.json()) - {"key"}
    path = f"me/keys/{made.json()['id']}"
    changed = call(client, bearer, "patch", path, {"name": "Grid 2", "scope": "read"}).json()
    assert (changed["name"], changed["scope"]) == ("Grid 2", "trade")
    assert call(client, bearer, "delete", path).json()["state"] == "revoked"
    refused(get(client, made.json()["key"]), 401, "key_revoked")
    refused(call(client, bearer, "patch", path, {"name": "x"}), 409, "key_revoked")


def test_making_a_key_wants_proof(client, user, bearer):
    refused(call(client, bearer, "post", "me/keys", {"name": "Grid"}), 403, "proof_required")
    refused(call(client, bearer, "post", "me/keys", {"name": "Grid", "password": "wrong"}), 403, "password_wrong")
    refused(call(client, bearer, "post", "me/keys", {"name": "Grid", "code": "000000"}), 400, "code_wrong")
    assert not ApiKey.objects.exists()


def test_guessing_the_proof_is_limited(client, user, bearer, monkeypatch):
    monkeypatch.setattr(throttling._NamedThrottle, "THROTTLE_RATES", {"auth": "2/min"})
    data = {"name": "Grid", "password": "wrong"}
    codes = [call(client, bearer, "post", "me/keys", data).status_code for _ in range(3)]
    assert codes == [403, 403, 429]
    refused(call(client, bearer, "post", "me/keys", {**data, "password": PASSWORD}), 429, "rate_limited")


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_the_key_of_another_is_not_there(client, user, bearer, method):
    theirs = make(UserFactory()).row
    for ident in (theirs.pk, 10**30):
        response = call(client, bearer, method, f"me/keys/{ident}", {"name": "mine"})
        refused(response, 404, "key_not_found")
    theirs.refresh_from_db()
    assert (theirs.name, theirs.revoked_at) == ("Bot 0", None)


def test_odd_bodies_are_refused(client, user, bearer):
    for odd in (
        {"name": ["a"]},
        {"name": "x", "allowed_ips": "10.0.0.1"},
        {"name": "x", "allowed_ips": [1]},
        {"name": "x", "rate_per_minute": "many"},
        {"name": "x", "expires_at": "tomorrow"},
        {"name": "x", "scope": "admin"},
    ):
        refused(call(client, bearer, "post", "me/keys", {"password": PASSWORD, **odd}), 400, "invalid")


def test_the_list_costs_the_same_for_any_number(client, user, bearer, django_assert_num_queries):
    for n in range(5):
        make(user, name=f"Bot {n}")
    with django_assert_num_queries(3):
        assert len(client.get(f"{API}/me/keys", headers=bearer).json()["results"]) == 5
