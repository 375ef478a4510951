"""How programs sign in: second factors, codes and passkeys on the way to tokens; tokens in cookies."""

import re
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from allauth.mfa.totp.internal.auth import yield_hotp_counters_from_time as counters
from django.core import signing
from django.test import Client
from django.utils import timezone

from accounts.models import SignIn, User
from accounts.services import codes
from accounts.services.signins import signins_revoke_all
from accounts.services.suspension import user_suspend
from accounts.services.tickets import ticket_make, ticket_read
from accounts.tests.factories import PASSWORD, UserFactory
from accounts.tests.passkeys import Passkey
from accounts.tests.test_tokens import API, claims, me, obtain, post, refused
from core.errors import DomainError
from core.models import AuditEntry, OutboxEvent

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _origins_count(settings):
    """As in production: local installations take passkeys from any address of theirs."""
    settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = False


@pytest.fixture
def user():
    return UserFactory(email="ann@example.com", display_name="Ann")


@pytest.fixture
def secret(user):
    found = generate_totp_secret()
    TOTP.activate(user, found)
    return found


def code_of(secret, ahead=0):
    return format_hotp_value(hotp_value(secret, next(iter(counters())) + ahead))


def second(client, ticket, code, **more):
    return post(client, "auth/token/second-factor", {"ticket": ticket, "code": code, **more})


# ---- The second factor ----


def test_a_second_factor_is_asked_for_and_counts_once(client, user, secret):
    asked = obtain(client)
    refused(asked, 401, "second_factor_required")
    assert asked.json()["details"]["methods"] == ["totp"]
    assert not SignIn.objects.exists()
    ticket = asked.json()["details"]["ticket"]
    refused(second(client, ticket, "000000"), 400, "code_wrong")
    pair = second(client, ticket, code_of(secret))
    assert pair.status_code == 200
    assert me(client, pair.json()["access"]).status_code == 200
    assert SignIn.objects.get().method == "password+mfa"
    refused(second(client, ticket, code_of(secret)), 400, "code_wrong")


def test_a_ticket_lets_in_once_even_with_another_code(client, user, secret):
    RecoveryCodes.activate(user)
    ticket = obtain(client).json()["details"]["ticket"]
    assert second(client, ticket, code_of(secret)).status_code == 200
    spare = RecoveryCodes(Authenticator.objects.get(user=user, type="recovery_codes")).get_unused_codes()
    refused(second(client, ticket, spare[0]), 401, "ticket_invalid")


def test_the_code_may_come_with_the_password(client, user, secret):
    data = {"email": user.email, "password": PASSWORD, "code": code_of(secret)}
    assert post(client, "auth/token", data).status_code == 200
    refused(post(client, "auth/token", data), 400, "code_wrong")
    refused(post(client, "auth/token", {**data, "password": "wrong"}), 401, "invalid_credentials")


def test_a_recovery_code_will_do_and_the_person_is_told(client, user, secret):
    RecoveryCodes.activate(user)
    asked = obtain(client).json()["details"]
    assert asked["methods"] == ["recovery_code", "totp"]
    spare = RecoveryCodes(Authenticator.objects.get(user=user, type="recovery_codes")).get_unused_codes()
    assert second(client, asked["ticket"], spare[0]).status_code == 200
    assert AuditEntry.objects.get(action="recovery_code_used").ip == "127.0.0.1"


@pytest.mark.parametrize("ticket", ["x", "", "a:b:c", "u" * 1_999])
def test_made_up_tickets_open_nothing(client, user, secret, ticket):
    response = second(client, ticket, code_of(secret))
    assert response.status_code == (400 if not ticket else 401)
    assert response.json()["code"] == ("invalid" if not ticket else "ticket_invalid")


def test_tickets_die_with_the_tokens_with_time_and_with_the_user(client, user, secret, monkeypatch):
    ticket = obtain(client).json()["details"]["ticket"]
    signins_revoke_all(user_id=user.pk)
    refused(second(client, ticket, code_of(secret)), 401, "ticket_invalid")
    ticket = obtain(client).json()["details"]["ticket"]
    monkeypatch.setattr(signing.time, "time", lambda: timezone.now().timestamp() + 301)
    with pytest.raises(DomainError, match="too long"):
        ticket_read(ticket, user=True)
    monkeypatch.undo()
    user_suspend(actor=None, user_id=user.pk, reason="x")
    user.refresh_from_db()
    refused(second(client, ticket_make(user=user, method="password"), "000000"), 403, "account_suspended")


def test_a_signed_thing_that_is_no_ticket_is_none(client, user, secret):
    for odd in ([], {"u": 1}, {"u": None, "v": 0, "m": "", "s": {}, "n": ""}):
        refused(second(client, signing.dumps(odd, salt="accounts.tickets"), "1"), 401, "ticket_invalid")
    foreign = signing.dumps({"u": user.pk, "v": 0, "m": "p", "s": {}, "n": "n"}, salt="other")
    refused(second(client, foreign, code_of(secret)), 401, "ticket_invalid")


# ---- Codes ----


def sent_code(ticket):
    """The code of a ticket, made as the task makes it; the mail is under test elsewhere."""
    payload = OutboxEvent.objects.get(topic="accounts.code_wanted").payload
    assert payload["ticket"] == ticket
    return codes.code_make(codes._key(ticket), user_id=payload["user_id"], channel=payload["channel"])


def test_signing_in_by_a_mailed_code(client, user):
    asked = post(client, "auth/code", {"email": user.email})
    assert asked.status_code == 202
    ticket = asked.json()["ticket"]
    code = sent_code(ticket)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    refused(post(client, "auth/code/confirm", {"ticket": ticket, "code": wrong}), 400, "code_wrong")
    pair = post(client, "auth/code/confirm", {"ticket": ticket, "code": code})
    assert me(client, pair.json()["access"]).json()["email"] == user.email
    assert SignIn.objects.get().method == "code"
    assert post(client, "auth/code/confirm", {"ticket": ticket, "code": code}).status_code == 400


def test_asking_for_codes_tells_nobody_who_has_an_account(client, user):
    shapes = [
        {**post(client, "auth/code", {"email": email}).json(), "ticket": ""}
        for email in (user.email, "nobody@example.com")
    ]
    assert shapes[0] == shapes[1]
    for odd in ({}, {"email": user.email, "phone": "+12025550123"}, {"email": "x"}):
        refused(post(client, "auth/code", odd), 400, "invalid")
    refused(post(client, "auth/code", {"phone": "12"}), 400, "phone_invalid")


def test_a_code_does_not_replace_the_second_factor(client, user, secret):
    ticket = post(client, "auth/code", {"email": user.email}).json()["ticket"]
    asked = post(client, "auth/code/confirm", {"ticket": ticket, "code": sent_code(ticket)})
    refused(asked, 401, "second_factor_required")
    assert second(client, asked.json()["details"]["ticket"], code_of(secret)).status_code == 200
    assert SignIn.objects.get().method == "code+mfa"


# ---- Passkeys ----


def begin(client, **data):
    return post(client, "auth/passkey/begin", data).json()


def complete(client, begun, credential, **more):
    return post(client, "auth/passkey/complete", {"ticket": begun["ticket"], "credential": credential, **more})


def test_a_passkey_signs_in_alone(client, user):
    passkey = Passkey(user)
    passkey.store()
    begun = begin(client)
    pair = complete(client, begun, passkey.answer(begun["options"]))
    assert pair.status_code == 200, pair.json()
    assert me(client, pair.json()["access"]).json()["id"] == user.pk
    assert SignIn.objects.get().method == "passkey"
    assert Authenticator.objects.get().last_used_at is not None


def test_an_answer_is_good_for_its_challenge_and_once(client, user):
    passkey = Passkey(user)
    passkey.store()
    begun, other = begin(client), begin(client)
    answer = passkey.answer(begun["options"])
    refused(complete(client, other, answer), 401, "passkey_wrong")
    assert complete(client, begun, answer).status_code == 200
    refused(complete(client, begun, answer), 401, "ticket_invalid")


@pytest.mark.parametrize("how", ["unverified", "origin", "unknown", "stranger", "signature", "rubbish"])
def test_what_proves_no_passkey_is_refused(client, user, how):
    passkey = Passkey(user)
    passkey.store()
    begun = begin(client)
    options = begun["options"]
    answer = passkey.answer(options)
    if how == "unverified":
        answer = passkey.answer(options, verified=False)
    elif how == "origin":
        answer = passkey.answer(options, origin="https://evil.example.com")
    elif how == "unknown":
        answer = Passkey(user, b"u" * 32).answer(options)
    elif how == "stranger":
        answer["response"]["userHandle"] = Passkey(UserFactory()).answer(options)["response"]["userHandle"]
    elif how == "signature":
        answer["response"]["signature"] = Passkey(user).answer(options)["response"]["signature"]
    else:
        answer = {"id": 1, "response": []}
    refused(complete(client, begun, answer), 401, "passkey_wrong")
    assert not SignIn.objects.exists()


def test_a_passkey_as_the_second_factor(client, user):
    passkey = Passkey(user)
    passkey.store()
    asked = obtain(client)
    refused(asked, 401, "second_factor_required")
    assert asked.json()["details"]["methods"] == ["passkey"]
    begun = begin(client, ticket=asked.json()["details"]["ticket"])
    assert len(begun["options"]["publicKey"]["allowCredentials"]) == 1
    other = UserFactory()
    theirs = Passkey(other, b"o" * 32)
    theirs.store()
    refused(complete(client, begun, theirs.answer(begun["options"])), 401, "passkey_wrong")
    begun = begin(client, ticket=asked.json()["details"]["ticket"])
    assert complete(client, begun, passkey.answer(begun["options"], verified=False)).status_code == 200
    assert SignIn.objects.get().method == "password+mfa"


def test_a_challenge_is_no_second_factor_and_the_other_way_round(client, user, secret):
    refused(second(client, begin(client)["ticket"], code_of(secret)), 401, "ticket_invalid")
    asked = obtain(client).json()["details"]["ticket"]
    refused(post(client, "auth/passkey/complete", {"ticket": asked, "credential": {}}), 401, "ticket_invalid")


@pytest.mark.parametrize(("change", "status", "code"), [
    ({"status": "suspended"}, 403, "account_suspended"),
    ({"is_active": False}, 401, "passkey_wrong"),
])  # fmt: skip
def test_a_passkey_of_someone_shut_out(client, user, change, status, code):
    passkey = Passkey(user)
    passkey.store()
    User.objects.filter(pk=user.pk).update(**change)
    begun = begin(client)
    refused(complete(client, begun, passkey.answer(begun["options"])), status, code)


# ---- Tokens in cookies ----


@pytest.fixture
def browser(user):
    """A single-page application's browser, signed in by cookies."""
    found = Client(enforce_csrf_checks=True)
    data = {"email": user.email, "password": PASSWORD, "cookie": True}
    found.answer = found.post(f"{API}/auth/token", data, content_type="application/json")
    return found


def csrf(browser):
    return {"X-CSRFToken": browser.cookies["csrftoken"].value}


def test_tokens_in_cookies_are_told_to_nobody(browser, user, settings):
    assert set(browser.answer.json()) == {"token_type", "expires_in", "user"}
    assert browser.answer.json()["token_type"] == "Cookie"
    access, refresh = browser.cookies["access"], browser.cookies["refresh"]
    for cookie, path in ((access, "/api"), (refresh, "/api/v1/auth")):
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", path)
        assert not cookie["secure"]
    assert (access["max-age"], refresh["max-age"]) == (900, 2_592_000)
    settings.SESSION_COOKIE_SECURE = True
    data = {"email": user.email, "password": PASSWORD, "cookie": True}
    secure = Client().post(f"{API}/auth/token", data, content_type="application/json")
    assert secure.cookies["access"]["secure"]
    assert secure.cookies["refresh"]["secure"]


def test_the_cookie_proves_who_reads_and_with_a_csrf_token_who_writes(browser, user):
    url = f"{API}/auth/me"
    assert browser.get(url).json()["id"] == user.pk
    refused(browser.patch(url, {"display_name": "Eve"}, "application/json"), 403, "csrf_failed")
    wrong = browser.patch(url, {"display_name": "Eve"}, "application/json", headers={"X-CSRFToken": "a" * 32})
    refused(wrong, 403, "csrf_failed")
    done = browser.patch(url, {"display_name": "Anna"}, "application/json", headers=csrf(browser))
    assert done.json()["display_name"] == "Anna"


def test_refreshing_by_cookie(browser, client):
    url = f"{API}/auth/token/refresh"
    before = browser.cookies["refresh"].value
    refused(browser.post(url, {}, "application/json"), 403, "csrf_failed")
    answer = browser.post(url, {}, "application/json", headers=csrf(browser))
    assert (answer.status_code, answer.json()["token_type"]) == (200, "Cookie")
    after = browser.cookies["refresh"].value
    assert claims(before)["sid"] == claims(after)["sid"]
    assert before != after
    browser.cookies["refresh"] = before
    reused = browser.post(url, {}, "application/json", headers=csrf(browser))
    refused(reused, 401, "token_reused")
    assert (reused.cookies["access"].value, reused.cookies["refresh"].value) == ("", "")
    refused(post(client, "auth/token/refresh"), 401, "token_invalid")


def test_a_refresh_may_change_from_body_to_cookie_and_back(browser, client, user):
    pair = obtain(client).json()
    answer = post(client, "auth/token/refresh", {"refresh": pair["refresh"], "cookie": True})
    assert "refresh" not in answer.json()
    assert answer.cookies["refresh"]["httponly"]
    told = browser.post(f"{API}/auth/token/refresh", {"cookie": False}, "application/json", headers=csrf(browser))
    assert me(client, told.json()["access"]).status_code == 200


def test_signing_out_by_cookie(browser, client):
    access = browser.cookies["access"].value
    url = f"{API}/auth/logout"
    refused(browser.post(url, {}, "application/json"), 403, "csrf_failed")
    response = browser.post(url, {}, "application/json", headers=csrf(browser))
    assert response.status_code == 204
    assert (response.cookies["access"].value, response.cookies["refresh"]["path"]) == ("", "/api/v1/auth")
    refused(me(Client(), access), 401, "token_invalid")


def test_a_header_counts_before_the_cookie(browser, client):
    other = UserFactory(email="bob@example.com")
    access = obtain(client, email=other.email).json()["access"]
    assert me(browser, access).json()["id"] == other.pk
    refused(me(browser, "a.b.c"), 401, "token_invalid")
    refused(browser.get(f"{API}/auth/me", headers={"X-API-Key": "rubbish"}), 401, "key_invalid")


def test_an_old_cookie_is_refused_unless_a_session_speaks(browser, user):
    SignIn.objects.update(ended_at=timezone.now() - timedelta(seconds=1))
    refused(browser.get(f"{API}/auth/me"), 401, "token_invalid")
    browser.force_login(user)
    assert browser.get(f"{API}/auth/me").json()["id"] == user.pk


def test_a_changed_password_renews_the_cookies(browser):
    before = browser.cookies["access"].value
    data = {"current": PASSWORD, "new": "another-horse-battery"}
    answer = browser.post(f"{API}/auth/password", data, "application/json", headers=csrf(browser))
    assert answer.json()["token_type"] == "Cookie"
    assert browser.cookies["access"].value != before
    assert browser.get(f"{API}/auth/me").status_code == 200


def test_passkeys_and_codes_end_in_cookies_too(user, client):
    passkey = Passkey(user)
    passkey.store()
    begun = begin(client)
    answer = complete(client, begun, passkey.answer(begun["options"]), cookie=True)
    assert answer.json()["token_type"] == "Cookie"
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", answer.cookies["access"].value)


def test_a_session_changes_its_password_and_goes_on(user):
    browser = Client()
    browser.force_login(user)
    data = {"current": PASSWORD, "new": "another-horse-battery"}
    assert browser.post(f"{API}/auth/password", data, "application/json").status_code == 204
    assert browser.get(f"{API}/auth/me").status_code == 200
