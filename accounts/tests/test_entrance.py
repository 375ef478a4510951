"""From sign-up to the first session: links, codes, passwords, and what strangers can learn of it (nothing)."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import SESSION_KEY
from django.contrib.messages import get_messages
from django.core import mail

from accounts.models import Notification, User
from accounts.services import attempts, emails, letters, passwords, users
from accounts.services.credentials import credentials_verify
from accounts.tests.factories import PASSWORD, UserFactory
from core import throttling
from core.errors import DomainError
from core.flags import SIGNUPS_CLOSED, flags_forget
from core.models import AuditEntry, OutboxEvent, SystemFlag
from core.services import outbox

pytestmark = pytest.mark.django_db

SIGN_UP = {"email": " Bob@Example.com ", "display_name": "Bob  B", "password": PASSWORD}
OTHER = "another-good-password-1"


@pytest.fixture
def user():
    return UserFactory(email="ann@example.com")


@pytest.fixture
def closed() -> Iterator[None]:
    """Sign-ups are closed."""
    SystemFlag.objects.create(key=SIGNUPS_CLOSED, is_on=True)
    flags_forget()
    yield
    flags_forget()


def post():
    """Deliver what is waiting; returns the last mail."""
    outbox.drain()
    return mail.outbox[-1] if mail.outbox else None


def link(message) -> str:
    """The path of the link in a mail."""
    return re.search(r"http://\S+?(/(?:verify|password/reset)/\S+)", message.body).group(1)


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def signed_in(client) -> str | None:
    return client.session.get(SESSION_KEY)


# ---- Sign-up ----


def test_sign_up_waits_for_the_link_and_then_signs_in(client):
    response = client.post("/sign-up", {**SIGN_UP, "next": "/contests/x"})
    assert (response.status_code, response["Location"]) == (302, "/verify")
    made = User.objects.get()
    assert (made.email, made.display_name, made.role, made.clearance) == ("bob@example.com", "Bob B", "trader", 0)
    assert signed_in(client) is None
    assert "bob@example.com" in client.get("/verify").content.decode()
    message = post()
    assert message.to == ["bob@example.com"]
    page = client.get(link(message))
    assert page.status_code == 200
    assert signed_in(client) is None, "looking at a link proves nothing"
    assert not EmailAddress.objects.get().verified
    response = client.post(link(message))
    assert response["Location"] == "/onboarding?next=%2Fcontests%2Fx"
    assert signed_in(client) == str(made.pk)
    assert EmailAddress.objects.get().verified
    assert AuditEntry.objects.filter(action="email_verified", subject_id=str(made.pk)).exists()
    assert OutboxEvent.objects.filter(topic="accounts.email_verified").count() == 1


def test_a_link_works_once(client):
    client.post("/sign-up", SIGN_UP)
    path = link(post())
    client.post(path)
    client.logout()
    assert client.get(path).status_code == 410
    assert client.post(path).status_code == 410
    assert signed_in(client) is None


@pytest.mark.parametrize("key", ["x", "MQ:1abc:forged", "a" * 3_000])
def test_a_forged_link_opens_nothing(client, key):
    assert client.get(f"/verify/{key}").status_code == 410
    with pytest.raises(DomainError) as refusal:
        emails.email_verify_by_key(key)
    assert refusal.value.code == "link_invalid"


def test_a_link_expires(client, settings):
    client.post("/sign-up", SIGN_UP)
    path = link(post())
    settings.ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 0
    time.sleep(1.1)
    assert client.post(path).status_code == 410


def test_a_link_in_another_browser_confirms_but_opens_no_session(client):
    from django.test import Client

    client.post("/sign-up", SIGN_UP)
    path, elsewhere = link(post()), Client()
    response = elsewhere.post(path)
    assert response["Location"].startswith("/sign-in?next=")
    assert EmailAddress.objects.get().verified
    assert signed_in(elsewhere) is None


def test_a_known_address_is_answered_the_same_and_its_owner_told(client, user):
    new = client.post("/sign-up", SIGN_UP)
    new_page = client.get("/verify").content.decode().replace("bob@example.com", "X")
    client.cookies.clear()
    known = client.post("/sign-up", {**SIGN_UP, "email": "ANN@example.com"})
    known_page = client.get("/verify").content.decode().replace("ann@example.com", "X")
    assert (known.status_code, known["Location"]) == (new.status_code, new["Location"])
    strip = re.compile(r'(value="[^"]{64}"|"X-CSRFToken": "[^"]+")')
    assert strip.sub("", known_page) == strip.sub("", new_page)
    outbox.drain()
    told = {message.to[0]: message.subject for message in mail.outbox}
    assert told == {"bob@example.com": "Confirm your email address", "ann@example.com": "You already have an account"}
    assert User.objects.count() == 2
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    assert user.display_name != "Bob B"


def test_both_answers_cost_a_hash(client, user, monkeypatch):
    hashed: list[str] = []
    real = User.set_password
    monkeypatch.setattr(User, "set_password", lambda self, raw: hashed.append(raw) or real(self, raw))
    client.post("/sign-up", SIGN_UP)
    assert len(hashed) == 1
    client.post("/sign-up", {**SIGN_UP, "email": user.email})
    assert len(hashed) == 2


def test_closed_sign_ups_are_closed_to_all(client, closed):
    assert "closed" in client.get("/sign-up").content.decode()
    response = client.post("/sign-up", SIGN_UP)
    assert response.status_code == 422
    assert not User.objects.exists()
    with pytest.raises(DomainError) as refusal:
        users.user_register(email="a@example.com", password=PASSWORD, display_name="Ann")
    assert refusal.value.code == "signups_closed"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"display_name": "Pаypal Support"}, "name_confusable"),
        ({"display_name": "Αlpha One"}, "name_confusable"),
        ({"password": "password123"}, "password_breached"),
        ({"password": "iloveyou12"}, "password_breached"),
        ({"password": "k7!xQ"}, "invalid"),
        ({"password": "8172635408"}, "invalid"),
    ],
)
def test_what_a_sign_up_is_refused_for_has_a_code(change, code):
    data = {"email": "bob@example.com", "display_name": "Bob B", "password": PASSWORD, **change}
    with pytest.raises(DomainError) as refusal:
        users.user_register(**data)
    assert refusal.value.code == code
    assert set(refusal.value.details) == set(change)
    assert not User.objects.exists()


@pytest.mark.parametrize("name", ["Ann Smith", "Zoë", "Сергей", "田中 太郎", "Łukasz 7", "Ann_07"])
def test_names_of_one_script_are_names(name):
    assert users.display_name_clean(name) == name


def test_the_link_goes_out_again_but_not_without_limit(client, monkeypatch):
    client.post("/sign-up", SIGN_UP)
    monkeypatch.setattr(throttling._NamedThrottle, "THROTTLE_RATES", {"auth": "99/min", "codes": "2/hour"})
    assert [client.post("/verify").status_code for _ in range(3)] == [302, 302, 429]
    outbox.drain()
    assert len(mail.outbox) == 3


# ---- Sign-in ----


def test_an_unproved_address_may_not_sign_in_and_gets_the_link_again(client):
    UserFactory(email="new@example.com", verified=False)
    EmailAddress.objects.create(user=User.objects.get(), email="new@example.com", primary=True)
    with pytest.raises(DomainError) as refusal:
        credentials_verify(email="new@example.com", password=PASSWORD)
    assert refusal.value.code == "email_unverified"
    response = client.post("/sign-in", {"email": "NEW@example.com", "password": PASSWORD, "next": "/risk"})
    assert response["Location"] == "/verify"
    assert signed_in(client) is None
    response = client.post(link(post()))
    assert response["Location"] == "/onboarding?next=%2Frisk"
    assert signed_in(client) == str(User.objects.get().pk)


def test_with_a_wrong_password_an_unproved_address_looks_unknown(client):
    UserFactory(email="new@example.com", verified=False)
    response = client.post("/sign-in", {"email": "new@example.com", "password": "wrong"})
    assert response.context["form"].non_field_errors() == ["The email or the password is not right."]
    outbox.drain()
    assert not mail.outbox


def test_a_suspension_says_until_when():
    until = datetime(2031, 5, 4, 12, tzinfo=UTC)
    UserFactory(email="bad@example.com", status=User.Status.SUSPENDED, suspended_until=until)
    with pytest.raises(DomainError) as refusal:
        credentials_verify(email="bad@example.com", password=PASSWORD)
    assert refusal.value.code == "account_suspended"
    assert "04 May 2031, 12:00 UTC" in refusal.value.message


def test_guessing_takes_ever_longer_for_known_and_unknown_addresses(user):
    for email in (user.email, "nobody@example.com"):
        for _ in range(attempts.FREE):
            with pytest.raises(DomainError) as refusal:
                credentials_verify(email=email, password="wrong")
            assert refusal.value.code == "invalid_credentials"
        with pytest.raises(DomainError) as refusal:
            credentials_verify(email=email.upper(), password=PASSWORD)
        assert (refusal.value.code, refusal.value.status) == ("rate_limited", 429)
        assert 0 < refusal.value.details["retry_after"] <= attempts.FIRST_WAIT


def test_the_right_password_starts_the_count_afresh(user):
    for _ in range(attempts.FREE - 1):
        with pytest.raises(DomainError):
            credentials_verify(email=user.email, password="wrong")
    credentials_verify(email=user.email, password=PASSWORD)
    with pytest.raises(DomainError) as refusal:
        credentials_verify(email=user.email, password="wrong")
    assert refusal.value.code == "invalid_credentials"
    assert credentials_verify(email=user.email, password=PASSWORD) == user


def test_waits_double_up_to_a_quarter_of_an_hour():
    waits = [attempts.wait_after(attempts.FREE + n) for n in range(7)]
    assert waits == [30, 60, 120, 240, 480, 900, 900]
    assert attempts.wait_after(10**6) == attempts.LONGEST_WAIT


def test_someone_without_a_password_looks_unknown_and_costs_a_hash(monkeypatch):
    UserFactory(email="google@example.com", password=None)
    hashed: list[str] = []
    real = User.set_password
    monkeypatch.setattr(User, "set_password", lambda self, raw: hashed.append(raw) or real(self, raw))
    with pytest.raises(DomainError) as refusal:
        credentials_verify(email="google@example.com", password="guess")
    assert refusal.value.code == "invalid_credentials"
    assert hashed == ["guess"]


# ---- Forgotten and new passwords ----


def test_a_password_is_reset_by_a_link_once(client, user):
    assert client.post("/password/reset", {"email": "ANN@example.com"})["Location"] == "/password/reset/sent"
    path = link(post())
    assert client.get(path).status_code == 200
    weak = client.post(path, {"password": "password123"})
    assert weak.status_code == 422
    assert "leaked" in weak.context["form"].errors["password"][0]
    before = user.token_version
    assert client.post(path, {"password": OTHER})["Location"] == "/password/reset/done"
    assert client.get("/password/reset/done").status_code == 200
    user.refresh_from_db()
    assert user.check_password(OTHER)
    assert user.token_version > before
    assert client.post(path, {"password": "yet-another-password"}).status_code == 410
    assert signed_in(client) is None
    assert Notification.objects.filter(user=user, kind="security_changed").count() == 1
    assert AuditEntry.objects.filter(action="password_reset", subject_id=str(user.pk)).count() == 1


def test_a_reset_ends_every_session(client, user):
    client.force_login(user)
    passwords.password_reset_by_key(letters.reset_url(user).rpartition("/")[2], OTHER)
    assert client.get("/settings/security/password")["Location"].startswith("/sign-in")


def test_a_reset_proves_the_address_and_opens_the_waits():
    new = UserFactory(email="new@example.com", verified=False)
    for _ in range(attempts.FREE):
        attempts.attempt_failed(new.email)
    passwords.password_reset_by_key(letters.reset_url(new).rpartition("/")[2], OTHER)
    assert credentials_verify(email=new.email, password=OTHER) == new


def test_reset_links_die_after_an_hour_and_with_a_sign_in(client, user, settings):
    key = letters.reset_url(user).rpartition("/")[2]
    assert settings.PASSWORD_RESET_TIMEOUT == 3_600
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert passwords.password_reset_user(key) is None
    settings.PASSWORD_RESET_TIMEOUT = 3_600
    assert passwords.password_reset_user(key) == user
    client.post("/sign-in", {"email": user.email, "password": PASSWORD})
    assert passwords.password_reset_user(key) is None


@pytest.mark.parametrize("key", ["", "-", "zz-x", "1-c0ffee-abc", "zzzzzzzzzzzzzzzzzzzzzzzz-x", "1-" + "a" * 500])
def test_forged_reset_links_open_nothing(client, user, key):
    assert passwords.password_reset_user(key) is None
    with pytest.raises(DomainError) as refusal:
        passwords.password_reset_by_key(key, OTHER)
    assert refusal.value.code == "link_invalid"


def test_an_unknown_address_gets_no_mail_and_the_same_answer(client, user):
    response = client.post("/password/reset", {"email": "nobody@example.com"})
    assert response["Location"] == "/password/reset/sent"
    outbox.drain()
    assert not mail.outbox


def test_changing_the_password_keeps_this_session_only(client, user):
    from django.test import Client

    elsewhere = Client()
    for browser in (client, elsewhere):
        browser.post("/sign-in", {"email": user.email, "password": PASSWORD})
    wrong = client.post("/settings/security/password", {"current": "nope", "password": OTHER})
    assert (wrong.status_code, list(wrong.context["form"].errors)) == (422, ["current"])
    same = client.post("/settings/security/password", {"current": PASSWORD, "password": PASSWORD})
    assert (same.status_code, list(same.context["form"].errors)) == (422, ["password"])
    done = client.post("/settings/security/password", {"current": PASSWORD, "password": OTHER})
    assert done.status_code == 302
    assert client.get("/settings/security/email").status_code == 200
    assert elsewhere.get("/settings/security/email").status_code == 302


def test_someone_without_a_password_sets_one_after_proving_again(client):
    someone = UserFactory(email="google@example.com", password=None)
    client.force_login(someone)
    asked = client.post("/settings/security/password", {"password": OTHER})
    assert asked["Location"].startswith("/reauthenticate/code")
    client.post("/reauthenticate/code?next=/settings/security/password", {"recipient": someone.email})
    code = re.search(r"\b\d{6}\b", mail.outbox[-1].body).group()
    client.post("/reauthenticate/code/confirm?next=/settings/security/password", {"code": code, "action": "verify"})
    assert client.get("/settings/security/password").status_code == 200
    client.post("/settings/security/password", {"password": OTHER})
    someone.refresh_from_db()
    assert someone.check_password(OTHER)


# ---- Change of address ----


def test_a_new_address_counts_once_it_is_proved_and_the_old_one_is_told(client, user):
    client.post("/sign-in", {"email": user.email, "password": PASSWORD})
    assert client.post("/settings/security/email", {"email": "New@example.com"}).status_code == 302
    message = post()
    assert message.to == ["new@example.com"]
    user.refresh_from_db()
    assert user.email == "ann@example.com"
    assert "new@example.com" in client.get("/settings/security/email").content.decode()
    assert client.post(link(message))["Location"] == "/settings/security/email"
    user.refresh_from_db()
    assert user.email == "new@example.com"
    assert list(EmailAddress.objects.values_list("email", "verified", "primary")) == [("new@example.com", True, True)]
    assert mail.outbox[-1].to == ["ann@example.com"]
    assert AuditEntry.objects.filter(action="email_changed").count() == 1
    assert not AuditEntry.objects.filter(reason__contains="@").exists()


def test_an_address_of_someone_else_is_answered_the_same(client, user):
    other = UserFactory(email="carol@example.com")
    client.post("/sign-in", {"email": user.email, "password": PASSWORD})
    assert client.post("/settings/security/email", {"email": other.email}).status_code == 302
    message = post()
    assert (message.to, message.subject) == (["carol@example.com"], "You already have an account")
    assert "/verify/" not in message.body


def test_an_address_that_was_taken_meanwhile_is_refused(user):
    emails.email_change_request(user_id=user.pk, email="wanted@example.com")
    key = letters.verify_url(EmailAddress.objects.get(email="wanted@example.com")).rpartition("/")[2]
    UserFactory(email="wanted@example.com")
    with pytest.raises(DomainError) as refusal:
        emails.email_verify_by_key(key)
    assert refusal.value.code == "email_taken"
    user.refresh_from_db()
    assert user.email == "ann@example.com"


def test_a_change_that_is_called_off_leaves_no_link(client, user):
    client.post("/sign-in", {"email": user.email, "password": PASSWORD})
    client.post("/settings/security/email", {"email": "new@example.com"})
    path = link(post())
    client.post("/settings/security/email/cancel")
    assert client.get(path).status_code == 410


# ---- Proving again ----


def test_what_is_sensitive_asks_again_after_a_while(client, user):
    client.force_login(user)
    asked = client.post("/settings/security/email", {"email": "new@example.com"})
    assert asked["Location"].startswith("/reauthenticate?")
    wrong = client.post(asked["Location"], {"password": "nope"})
    assert wrong.status_code == 422
    done = client.post("/reauthenticate?next=/settings/security/email", {"password": PASSWORD})
    assert done.status_code == 302
    assert (
        client.post("/settings/security/email", {"email": "new@example.com"})["Location"] == "/settings/security/email"
    )


def test_guesses_at_proving_again_are_limited(client, user, monkeypatch):
    client.force_login(user)
    monkeypatch.setattr(throttling._NamedThrottle, "THROTTLE_RATES", {"auth": "2/min", "codes": "9/min"})
    for _ in range(2):
        client.post("/reauthenticate", {"password": "nope"})
    refused = client.post("/reauthenticate", {"password": PASSWORD})
    assert refused.status_code == 422
    assert "Too many" in refused.context["form"].errors["password"][0]


# ---- Pages ----


@pytest.mark.parametrize("path", ["/sign-in", "/sign-up", "/password/reset", "/password/reset/sent", "/sign-in/code"])
def test_entrance_pages_render_within_the_policy(client, path):
    response = client.get(path)
    html = response.content.decode()
    assert response.status_code == 200
    assert "<script>" not in html
    assert " style=" not in html
    assert html.count("<h1") == 1


@pytest.mark.parametrize("name", ["email", "password", "phone", "google"])
def test_settings_pages_render_and_need_a_user(client, user, name):
    path = f"/settings/security/{name}"
    assert client.get(path)["Location"] == f"/sign-in?next={path}"
    client.force_login(user)
    assert client.get(path).status_code == 200


def test_no_address_token_or_password_is_in_events_or_audit(client, user):
    client.post("/sign-up", SIGN_UP)
    client.post("/password/reset", {"email": user.email})
    client.post("/sign-in/code", {"to": user.email})
    outbox.drain()
    told = [str(row) for row in OutboxEvent.objects.values_list("payload", flat=True)]
    told += [str(row) for row in AuditEntry.objects.values_list("before", "after", "reason")]
    keys = [link(message).rpartition("/")[2] for message in mail.outbox if "http://" in message.body]
    assert len(keys) >= 2
    assert not [row for row in told for secret in ("@", PASSWORD, *keys) if secret in row]


def test_a_stale_stash_is_not_the_way_in(client, user):
    """Whoever waits for one link is not signed in by another's."""
    client.post("/sign-up", SIGN_UP)
    other = UserFactory(email="eve@example.com", verified=False)
    address = EmailAddress.objects.create(user=other, email=other.email, primary=True)
    response = client.post(letters.verify_url(address).partition("8000")[2])
    assert response["Location"].startswith("/sign-in")
    assert signed_in(client) is None
