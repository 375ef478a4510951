"""The accounts API: tokens that rotate, and those who may not use them."""

import base64
import json
from datetime import timedelta
from time import sleep

import jwt as pyjwt
import pytest
from allauth.account.models import EmailAddress
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from accounts import tasks
from accounts.models import Notification, SignIn, User
from accounts.services import suspension, tokens
from accounts.services.letters import reset_url, verify_url
from accounts.tests.factories import PASSWORD, UserFactory
from core.errors import DomainError
from core.models import AuditEntry
from core.services.flags import flag_set
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


def mailed_key(user):
    """The last part of the link that is mailed to a user."""
    return verify_url(EmailAddress.objects.get(user=user)).rpartition("/")[2]


def test_sign_up_verify_sign_in(client):
    data = {"email": "Bob@example.com", "password": PASSWORD, "display_name": "Bob"}
    response = post(client, "auth/register", data)
    assert (response.status_code, response.json()) == (202, {"status": "verification_sent"})
    refused(obtain(client, email="bob@example.com"), 403, "email_unverified")
    user = User.objects.get(email="bob@example.com")
    key = mailed_key(user)
    refused(post(client, "auth/verify-email", {"key": key + "x"}), 410, "link_invalid")
    assert post(client, "auth/verify-email", {"key": key}).json() == {"status": "verified"}
    refused(post(client, "auth/verify-email", {"key": key}), 410, "link_invalid")
    answer = obtain(client, email="bob@example.com").json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 900)
    assert me(client, answer["access"]).json() == answer["user"]


def test_signing_up_tells_nobody_who_has_an_account(client, user):
    answers = []
    for email in ("ann@example.com", "new@example.com"):
        response = post(client, "auth/register", {"email": email, "password": PASSWORD, "display_name": "Eve"})
        again = post(client, "auth/verify-email/resend", {"email": email})
        reset = post(client, "auth/password/reset", {"email": email})
        answers.append([(each.status_code, each.json()) for each in (response, again, reset)])
    assert answers[0] == answers[1]
    assert [status for status, _ in answers[0]] == [202, 202, 202]
    user.refresh_from_db()
    assert user.display_name == "Ann"
    assert user.check_password(PASSWORD)


def test_sign_ups_can_be_closed(client):
    flag_set(actor=None, key="signups_closed", is_on=True, reason="full")
    response = post(client, "auth/register", {"email": "b@example.com", "password": PASSWORD, "display_name": "Bob"})
    refused(response, 403, "signups_closed")
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "change", [{"email": "x"}, {"email": None}, {"password": "short"}, {"display_name": ""}, {"display_name": ["a"]}]
)
def test_bad_registrations_name_the_field(client, change):
    data = {"email": "bob@example.com", "password": PASSWORD, "display_name": "Bob", **change}
    response = post(client, "auth/register", data)
    refused(response, 400, "invalid")
    assert list(response.json()["details"]) == list(change)
    assert not User.objects.exists()


def test_a_password_that_has_leaked_is_refused(client):
    data = {"email": "bob@example.com", "password": "qwertyuiop", "display_name": "Bob"}
    response = post(client, "auth/register", data)
    refused(response, 400, "password_breached")
    assert list(response.json()["details"]) == ["password"]


def test_nobody_registers_as_more_than_a_trader(client):
    data = {"email": "b@example.com", "password": PASSWORD, "display_name": "Bob", "role": "admin", "is_staff": True}
    post(client, "auth/register", data)
    user = User.objects.get()
    assert (user.role, user.is_staff, user.is_superuser) == ("trader", False, False)


def test_tokens_hold_nothing_private(client, user):
    pair = obtain(client).json()
    for token in (pair["access"], pair["refresh"]):
        assert set(claims(token)) == {"user_id", "ver", "sid", "jti", "iat", "exp", "token_type", "aud", "iss"}
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


def test_a_refresh_token_that_comes_back_ends_its_sign_in_only(client, user):
    other = obtain(client).json()
    first = obtain(client).json()
    second = post(client, "auth/token/refresh", {"refresh": first["refresh"]}).json()
    refused(post(client, "auth/token/refresh", {"refresh": first["refresh"]}), 401, "token_reused")
    refused(me(client, second["access"]), 401, "token_invalid")
    refused(post(client, "auth/token/refresh", {"refresh": second["refresh"]}), 401, "token_invalid")
    refused(post(client, "auth/token/refresh", {"refresh": first["refresh"]}), 401, "token_reused")
    ended = SignIn.objects.get(ended_at__isnull=False)
    assert (str(ended.pk), ended.ended_because) == (claims(first["access"])["sid"], "refresh_reused")
    entry = AuditEntry.objects.get(action="refresh_token_reused")
    assert (entry.subject_id, entry.after) == (str(user.pk), {"sign_in": str(ended.pk)})
    assert Notification.objects.filter(user=user, kind="security_changed").count() == 1
    assert me(client, other["access"]).status_code == 200
    assert post(client, "auth/token/refresh", {"refresh": other["refresh"]}).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_racing_refreshes_give_one_pair(user):
    pair = tokens.tokens_issue(user=user)
    results = race(4, lambda _: tokens.tokens_rotate(refresh=pair.refresh))
    assert sum(isinstance(result, tokens.TokenPair) for result in results) == 1
    assert {result.code for result in results if isinstance(result, DomainError)} == {"token_reused"}


def test_each_sign_in_is_known_and_lives_on_with_its_refreshes(client, user):
    pair = obtain(client).json()
    signin = SignIn.objects.get()
    assert (signin.kind, signin.method, signin.ip, signin.ended_at) == ("token", "password", "127.0.0.1", None)
    long_ago = timezone.now() - timedelta(days=20)
    SignIn.objects.update(last_seen_at=long_ago, expires_at=long_ago + timedelta(days=30))
    again = post(client, "auth/token/refresh", {"refresh": pair["refresh"]}).json()
    assert claims(again["access"])["sid"] == str(signin.pk)
    signin.refresh_from_db()
    assert signin.last_seen_at > long_ago + timedelta(days=19)
    assert signin.expires_at > timezone.now() + timedelta(days=29)


def test_signing_out_ends_the_sign_in_at_once(client, user):
    pair = obtain(client).json()
    other = obtain(client).json()
    for _ in range(2):
        assert post(client, "auth/logout", {"refresh": pair["refresh"]}).status_code == 204
    refused(me(client, pair["access"]), 401, "token_invalid")
    assert post(client, "auth/logout", {"refresh": "rubbish"}).status_code == 204
    assert me(client, other["access"]).status_code == 200
    third = obtain(client).json()
    assert post(client, "auth/logout", {"refresh": other["refresh"], "everywhere": True}).status_code == 204
    for access in (other["access"], third["access"]):
        refused(me(client, access), 401, "token_invalid")
    assert not SignIn.objects.filter(ended_at__isnull=True).exists()


def test_the_access_token_alone_can_sign_out(client, user):
    first, second = obtain(client).json(), obtain(client).json()
    assert post(client, "auth/logout", Authorization="Bearer a.b.c").status_code == 204
    assert post(client, "auth/logout", Authorization=f"Bearer {first['access']}").status_code == 204
    refused(me(client, first["access"]), 401, "token_invalid")
    refused(post(client, "auth/token/refresh", {"refresh": first["refresh"]}), 401, "token_invalid")
    assert me(client, second["access"]).status_code == 200


def test_signing_out_everywhere_ends_browsers_and_tokens(client, user):
    pair = obtain(client).json()
    browser = Client()
    browser.force_login(user)
    bearer = {"Authorization": f"Bearer {pair['access']}"}
    assert post(client, "auth/logout", {"everywhere": True}, **bearer).status_code == 204
    refused(browser.get(f"{API}/auth/me"), 401, "not_authenticated")
    entry = AuditEntry.objects.get(action="sign_ins_ended")
    assert (entry.after, entry.reason, entry.ip) == ({"ended": 2}, "everywhere", "127.0.0.1")
    refused(me(client, pair["access"]), 401, "token_invalid")
    refused(post(client, "auth/token/refresh", {"refresh": pair["refresh"]}), 401, "token_invalid")
    user.refresh_from_db()
    assert user.token_version == 1


def test_a_changed_password_ends_everything_else(client, user):
    mine, other = obtain(client).json(), obtain(client).json()
    bearer = {"Authorization": f"Bearer {mine['access']}"}
    wrong = post(client, "auth/password", {"current": "nonsense", "new": "another-horse-battery"}, **bearer)
    refused(wrong, 400, "password_wrong")
    weak = post(client, "auth/password", {"current": PASSWORD, "new": "short"}, **bearer)
    refused(weak, 400, "invalid")
    changed = post(client, "auth/password", {"current": PASSWORD, "new": "another-horse-battery"}, **bearer)
    assert changed.status_code == 200
    for stale in (mine, other):
        refused(me(client, stale["access"]), 401, "token_invalid")
        refused(post(client, "auth/token/refresh", {"refresh": stale["refresh"]}), 401, "token_invalid")
    assert me(client, changed.json()["access"]).status_code == 200
    assert claims(changed.json()["access"])["sid"] == claims(mine["access"])["sid"]
    refused(obtain(client), 401, "invalid_credentials")
    assert obtain(client, "another-horse-battery").status_code == 200


def test_a_forgotten_password_is_chosen_anew_by_the_link(client, user):
    pair = obtain(client).json()
    key = reset_url(user).rpartition("/")[2]
    refused(post(client, "auth/password/reset/confirm", {"key": key, "password": "short"}), 400, "invalid")
    data = {"key": key, "password": "another-horse-battery"}
    assert post(client, "auth/password/reset/confirm", data).json() == {"status": "password_changed"}
    refused(post(client, "auth/password/reset/confirm", data), 410, "link_invalid")
    refused(me(client, pair["access"]), 401, "token_invalid")
    assert obtain(client, "another-horse-battery").status_code == 200


def tokens_family(user):
    return SignIn.objects.create(user=user, kind="token", method="password", expires_at=timezone.now()).pk


def forge(user, key=None, algorithm="HS512", sid=None, **change):
    now = timezone.now()
    signin = sid or str(tokens_family(user))
    payload = {
        "token_type": "access",
        "exp": now + timedelta(minutes=5),
        "iat": now,
        "jti": "x" * 32,
        "user_id": str(user.pk),
        "ver": 0,
        "aud": "arena",
        "iss": "arena",
        "sid": signin,
    } | change
    payload = {name: value for name, value in payload.items() if value is not ...}
    return pyjwt.encode(payload, key or django_settings.SIMPLE_JWT["SIGNING_KEY"], algorithm=algorithm)


def test_a_well_made_token_is_the_yardstick(client, user):
    assert me(client, forge(user)).status_code == 200


LATER = timezone.now() + timedelta(hours=1)


@pytest.mark.parametrize(
    "change",
    [
        {"key": "k" * 64},
        {"algorithm": "HS256"},
        {"token_type": "refresh"},
        {"token_type": ...},
        {"ver": 1},
        {"ver": None},
        {"ver": ...},
        {"user_id": "0"},
        {"user_id": "-1"},
        {"user_id": "x"},
        {"user_id": "9" * 40},
        {"user_id": None},
        {"aud": "elsewhere"},
        {"aud": ["elsewhere"]},
        {"aud": ...},
        {"iss": "elsewhere"},
        {"iss": ...},
        {"nbf": LATER},
        {"iat": LATER},
        {"exp": ...},
        {"jti": ...},
        {"sid": ...},
        {"sid": "x"},
        {"sid": 7},
        {"sid": "00000000-0000-4000-8000-000000000000"},
    ],
)
def test_forged_and_stale_tokens_are_refused(client, user, change):
    refused(me(client, forge(user, **change)), 401, "token_invalid")


def test_an_expired_token_is_told_from_a_bad_one(client, user):
    past = timezone.now() - timedelta(seconds=5)
    expired = me(client, forge(user, exp=past))
    refused(expired, 401, "token_expired")
    assert expired["WWW-Authenticate"] == 'Bearer realm="api"'
    stale = forge(user, exp=past, token_type="refresh")
    refused(post(client, "auth/token/refresh", {"refresh": stale}), 401, "token_expired")
    refused(me(client, forge(user, key="k" * 64, exp=past)), 401, "token_invalid")


def test_a_token_that_was_good_a_moment_ago_expires(client, user):
    access = forge(user, exp=timezone.now() + timedelta(seconds=1.5))
    assert me(client, access).status_code == 200
    sleep(2)
    refused(me(client, access), 401, "token_expired")


def test_nobody_uses_the_sign_in_of_another(client, user):
    theirs = tokens_family(UserFactory())
    refused(me(client, forge(user, sid=str(theirs))), 401, "token_invalid")
    refresh = forge(user, sid=str(theirs), token_type="refresh")
    refused(post(client, "auth/token/refresh", {"refresh": refresh}), 401, "token_invalid")


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
    suspension.user_suspend(actor=None, user_id=user.pk, reason="cheating")
    refused(me(client, pair["access"]), 403, "account_suspended")
    refused(post(client, "auth/token/refresh", {"refresh": pair["refresh"]}), 403, "account_suspended")
    refused(obtain(client), 403, "account_suspended")
    refused(obtain(client, "wrong"), 401, "invalid_credentials")
    client.force_login(user)
    refused(client.get(f"{API}/auth/me"), 403, "account_suspended")
    suspension.user_reinstate(actor=None, user_id=user.pk, reason="appeal")
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


def test_the_other_names(client, user):
    data = {"email": "bob@example.com", "password": PASSWORD, "display_name": "Bob"}
    assert client.post("/api/account/register/", data, "application/json").status_code == 202
    data = {"email": user.email, "password": PASSWORD}
    pair = client.post("/v1/account/login", data, "application/json").json()
    refreshed = client.post("/api/account/refresh_token/", {"refresh": pair["refresh"]}, "application/json")
    headers = {"Authorization": f"Bearer {refreshed.json()['access']}"}
    assert client.get("/api/account/profile/", headers=headers).json()["display_name"] == "Ann"
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
