"""The accounts API: tokens that rotate, and those who may not use them."""

import base64
import json
from datetime import timedelta

import jwt as pyjwt
import pytest
from django.conf import settings as django_settings
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from accounts import tasks
from accounts.models import User
from accounts.services import tokens, users
from accounts.tests.factories import PASSWORD, UserFactory
from core.models import AuditEntry
from core.tests.threads import race

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def user():
    return UserFactory(email="ann@example.com", display_name="Ann")


def post(client, path, data=None, **headers):
    return client.post(f"{API}/{path}", data or {}, content_type="application/json", headers=headers)


def me(client, access):
    return client.get(f"{API}/auth/me", headers={"Authorization": f"Bearer {access}"})


def obtain(client, password=PASSWORD, email="ann@example.com"):
    return post(client, "auth/token", {"email": email, "password": password})


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def refused(response, status, code):
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_register_then_act(client):
    data = {"email": "Bob@example.com", "password": PASSWORD, "display_name": "Bob"}
    response = post(client, "auth/register", data)
    assert response.status_code == 201
    answer = response.json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 900)
    assert me(client, answer["access"]).json() == answer["user"]
    assert answer["user"]["email"] == "bob@example.com"
    refused(post(client, "auth/register", data), 409, "email_taken")


@pytest.mark.parametrize(
    "change", [{"email": "x"}, {"email": None}, {"password": "short"}, {"display_name": ""}, {"display_name": ["a"]}]
)
def test_bad_registrations_name_the_field(client, change):
    data = {"email": "bob@example.com", "password": PASSWORD, "display_name": "Bob", **change}
    response = post(client, "auth/register", data)
    refused(response, 400, "invalid")
    assert list(response.json()["details"]) == list(change)
    assert not User.objects.exists()


def test_nobody_registers_as_more_than_a_trader(client):
    data = {"email": "b@example.com", "password": PASSWORD, "display_name": "Bob", "role": "admin", "is_staff": True}
    post(client, "auth/register", data)
    user = User.objects.get()
    assert (user.role, user.is_staff, user.is_superuser) == ("trader", False, False)


def test_tokens_hold_nothing_private(client, user):
    pair = obtain(client).json()
    for token in (pair["access"], pair["refresh"]):
        assert set(claims(token)) == {"user_id", "ver", "jti", "iat", "exp", "token_type"}
    assert not OutstandingToken.objects.exclude(token="").exists()


@pytest.mark.parametrize(("email", "password"), [("ann@example.com", "wrong"), ("nobody@example.com", PASSWORD)])
def test_wrong_credentials(client, user, email, password):
    refused(obtain(client, password, email), 401, "invalid_credentials")


def test_the_name_can_be_changed(client, user):
    headers = {"Authorization": f"Bearer {obtain(client).json()['access']}"}
    url = f"{API}/auth/me"
    response = client.patch(url, {"display_name": "Anna", "role": "admin"}, "application/json", headers=headers)
    assert (response.json()["display_name"], response.json()["role"]) == ("Anna", "trader")
    refused(client.patch(url, {"display_name": ""}, "application/json", headers=headers), 400, "invalid")


def test_a_refresh_token_works_once(client, user):
    first = obtain(client).json()
    second = post(client, "auth/token/refresh", {"refresh": first["refresh"]}).json()
    assert second["refresh"] != first["refresh"]
    assert me(client, second["access"]).status_code == 200
    assert post(client, "auth/token/refresh", {"refresh": second["refresh"]}).status_code == 200


def test_a_refresh_token_that_comes_back_revokes_all(client, user):
    first = obtain(client).json()
    second = post(client, "auth/token/refresh", {"refresh": first["refresh"]}).json()
    refused(post(client, "auth/token/refresh", {"refresh": first["refresh"]}), 401, "token_invalid")
    refused(me(client, second["access"]), 401, "token_invalid")
    refused(post(client, "auth/token/refresh", {"refresh": second["refresh"]}), 401, "token_invalid")
    assert AuditEntry.objects.get().action == "refresh_token_reused"
    third = obtain(client).json()
    refused(post(client, "auth/token/refresh", {"refresh": first["refresh"]}), 401, "token_invalid")
    assert me(client, third["access"]).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_racing_refreshes_give_one_pair(user):
    pair = tokens.tokens_issue(user=user)
    results = race(4, lambda _: tokens.tokens_rotate(refresh=pair.refresh))
    assert sum(isinstance(result, tokens.TokenPair) for result in results) == 1


def test_logging_out_uses_the_refresh_token_up(client, user):
    pair = obtain(client).json()
    other = obtain(client).json()
    for _ in range(2):
        assert post(client, "auth/logout", {"refresh": pair["refresh"]}).status_code == 204
    assert post(client, "auth/logout", {"refresh": "rubbish"}).status_code == 204
    assert me(client, other["access"]).status_code == 200
    assert post(client, "auth/logout", {"refresh": other["refresh"], "everywhere": True}).status_code == 204
    refused(me(client, other["access"]), 401, "token_invalid")


def forge(user, key=None, algorithm="HS512", **change):
    now = timezone.now()
    payload = {
        "token_type": "access",
        "exp": now + timedelta(minutes=5),
        "iat": now,
        "jti": "x" * 32,
        "user_id": str(user.pk),
        "ver": 0,
    } | change
    return pyjwt.encode(payload, key or django_settings.SIMPLE_JWT["SIGNING_KEY"], algorithm=algorithm)


def test_a_well_made_token_is_the_yardstick(client, user):
    assert me(client, forge(user)).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"key": "k" * 64},
        {"algorithm": "HS256"},
        {"exp": timezone.now() - timedelta(seconds=5)},
        {"token_type": "refresh"},
        {"ver": 1},
        {"ver": None},
        {"user_id": "0"},
        {"user_id": "x"},
        {"user_id": "9" * 40},
        {"user_id": None},
    ],
)
def test_forged_and_stale_tokens_are_refused(client, user, change):
    refused(me(client, forge(user, **change)), 401, "token_invalid")


def test_an_unsigned_token_is_refused(client, user):
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    body = forge(user).split(".")[1]
    for token in (f"{head}.{body}.", "a.b.c", "", "."):
        response = me(client, token)
        assert response.status_code == 401


def test_refresh_and_access_are_not_interchangeable(client, user):
    pair = obtain(client).json()
    refused(me(client, pair["refresh"]), 401, "token_invalid")
    refused(post(client, "auth/token/refresh", {"refresh": pair["access"]}), 401, "token_invalid")


def test_a_genuine_looking_refresh_token_without_a_record_is_refused(client, user):
    refused(post(client, "auth/token/refresh", {"refresh": forge(user, token_type="refresh")}), 401, "token_invalid")


def test_a_suspended_user_is_refused_everywhere(client, user):
    pair = obtain(client).json()
    client.force_login(user)
    users.user_suspend(actor=None, user_id=user.pk, reason="cheating")
    refused(me(client, pair["access"]), 403, "account_suspended")
    refused(post(client, "auth/token/refresh", {"refresh": pair["refresh"]}), 403, "account_suspended")
    refused(obtain(client), 403, "account_suspended")
    refused(obtain(client, "wrong"), 401, "invalid_credentials")
    client.force_login(user)
    refused(client.get(f"{API}/auth/me"), 403, "account_suspended")
    users.user_reinstate(actor=None, user_id=user.pk, reason="appeal")
    refused(me(client, pair["access"]), 401, "token_invalid")
    assert obtain(client).status_code == 200


def test_an_inactive_user_is_refused(client, user):
    pair = obtain(client).json()
    User.objects.update(is_active=False)
    refused(me(client, pair["access"]), 401, "token_invalid")
    refused(post(client, "auth/token/refresh", {"refresh": pair["refresh"]}), 401, "token_invalid")
    refused(obtain(client), 401, "invalid_credentials")


def test_a_token_costs_one_query(client, user, django_assert_num_queries):
    access = obtain(client).json()["access"]
    with django_assert_num_queries(1):
        assert me(client, access).status_code == 200


def test_a_session_works_with_a_csrf_token():
    from django.test import Client

    user = UserFactory()
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.get(f"{API}/auth/me").json()["id"] == user.pk
    url = f"{API}/auth/me"
    refused(client.patch(url, {"display_name": "Eve"}, "application/json"), 403, "csrf_failed")
    client.get("/sign-up")
    client.cookies["csrftoken"] = "a" * 32
    response = client.patch(url, {"display_name": "Eve"}, "application/json", headers={"X-CSRFToken": "a" * 32})
    assert response.status_code == 200


def test_an_expired_token_keeps_nobody_from_signing_in(client, user):
    stale = forge(user, exp=timezone.now() - timedelta(seconds=5))
    data = {"email": user.email, "password": PASSWORD}
    assert post(client, "auth/token", data, Authorization=f"Bearer {stale}").status_code == 200


def test_the_other_names(client):
    data = {"email": "bob@example.com", "password": PASSWORD, "display_name": "Bob"}
    assert client.post("/api/account/register/", data, "application/json").status_code == 201
    pair = client.post("/v1/account/login", data, "application/json").json()
    refreshed = client.post("/api/account/refresh_token/", {"refresh": pair["refresh"]}, "application/json")
    headers = {"Authorization": f"Bearer {refreshed.json()['access']}"}
    assert client.get("/api/account/profile/", headers=headers).json()["display_name"] == "Bob"
    assert client.post("/api/auth/refresh", {"refresh": "x"}, "application/json").status_code == 401


def test_records_of_expired_tokens_are_forgotten(client, user):
    pair = obtain(client).json()
    post(client, "auth/logout", {"refresh": pair["refresh"]})
    obtain(client)
    OutstandingToken.objects.filter(blacklistedtoken__isnull=False).update(expires_at=timezone.now())
    tasks.tokens.tokens_forget_expired.delay()
    assert not BlacklistedToken.objects.exists()
    assert OutstandingToken.objects.count() == 1


def test_permissions_by_role(rf):
    from accounts.permissions import IsAdmin, IsOperator

    for role, operator, admin in (("trader", 0, 0), ("finance", 0, 0), ("moderator", 1, 0), ("admin", 1, 1)):
        request = rf.get("/")
        request.user = User(role=role)
        assert IsOperator().has_permission(request, None) is bool(operator)
        assert IsAdmin().has_permission(request, None) is bool(admin)
