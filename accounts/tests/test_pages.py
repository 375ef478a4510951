"""Sign-up, sign-in and sign-out pages."""

from importlib import import_module

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.messages import get_messages

from accounts.models import User
from accounts.services import suspension
from accounts.tests.factories import PASSWORD, UserFactory
from core import throttling

pytestmark = pytest.mark.django_db


@pytest.fixture
def user():
    return UserFactory(email="ann@example.com")


def sign_in(client, email="ann@example.com", password=PASSWORD, **extra):
    return client.post("/sign-in", {"email": email, "password": password, **extra})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "nope"}, "email"),
        ({"password": "123"}, "password"),
        ({"password": "password"}, "password"),
        ({"password": "x" * 300}, "password"),
        ({"display_name": "a"}, "display_name"),
        ({"display_name": "a\u202eb"}, "display_name"),
        ({"display_name": "Аnn Smith"}, "display_name"),
        ({"display_name": " "}, "display_name"),
    ],
)
def test_sign_up_shows_what_is_wrong_at_its_field(client, user, change, field):
    data = {"email": "bob@example.com", "display_name": "Bob", "password": PASSWORD, **change}
    response = client.post("/sign-up", data)
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert User.objects.count() == 1


def test_sign_in_ignores_case_and_rotates_the_session(client, user):
    session = client.session
    session["x"] = 1
    session.save()
    before = client.session.session_key
    response = sign_in(client, " ANN@Example.COM ")
    assert (response.status_code, response["Location"]) == (302, "/")
    assert client.session[SESSION_KEY] == str(user.pk)
    assert client.session.session_key != before


@pytest.mark.parametrize(("email", "password"), [("ann@example.com", "wrong"), ("nobody@example.com", PASSWORD)])
def test_wrong_credentials_look_the_same(client, user, email, password):
    response = sign_in(client, email, password)
    assert response.status_code == 422
    assert response.context["form"].non_field_errors() == ["The email or the password is not right."]
    assert SESSION_KEY not in client.session


def test_an_inactive_user_looks_unknown(client, user):
    User.objects.update(is_active=False)
    assert sign_in(client).context["form"].non_field_errors() == ["The email or the password is not right."]


@pytest.mark.parametrize(
    ("target", "goes_to"),
    [
        ("/contests/x?a=1", "/contests/x?a=1"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_next_stays_on_this_site(client, user, target, goes_to):
    assert sign_in(client, next=target)["Location"] == goes_to
    client.logout()
    assert client.get("/sign-in", {"next": target}).status_code == 200


def test_someone_signed_in_is_sent_on(client, user):
    client.force_login(user)
    for path in ("/sign-in", "/sign-up"):
        assert client.get(path, {"next": "/contests"})["Location"] == "/contests"


def test_signing_out_takes_a_post(client, user):
    client.force_login(user)
    assert client.get("/sign-out").status_code == 405
    assert SESSION_KEY in client.session
    assert client.post("/sign-out")["Location"] == "/"
    assert SESSION_KEY not in client.session


def test_forms_need_their_csrf_token(user):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    response = sign_in(client)
    assert response.status_code == 403
    assert SESSION_KEY not in client.session


def test_attempts_are_limited_by_address_and_by_email(client, user, monkeypatch):
    monkeypatch.setattr(throttling._NamedThrottle, "THROTTLE_RATES", {"auth": "3/min"})
    codes = [sign_in(client, password="wrong").status_code for _ in range(4)]
    assert codes == [422, 422, 422, 429]
    elsewhere = client.post("/sign-in", {"email": user.email, "password": PASSWORD}, REMOTE_ADDR="10.0.0.9")
    assert elsewhere.status_code == 429
    other = client.post("/sign-in", {"email": "x@example.com", "password": "y"}, REMOTE_ADDR="10.0.0.9")
    assert other.status_code == 422


def test_a_suspended_user_is_told_so_only_with_the_right_password(client, user):
    suspension.user_suspend(actor=None, user_id=user.pk, reason="cheating")
    assert sign_in(client).context["form"].non_field_errors() == ["Your account is suspended. Reason: cheating."]
    assert "right" in sign_in(client, password="wrong").context["form"].non_field_errors()[0]
    assert SESSION_KEY not in client.session


def test_a_suspension_ends_the_session_at_once(client, user):
    client.force_login(user)
    assert client.get("/settings/security").status_code == 200
    suspension.user_suspend(actor=None, user_id=user.pk, reason="cheating")
    response = client.get("/settings/security")
    assert (response.status_code, response["Location"]) == (302, "/sign-in?next=/settings/security")
    assert SESSION_KEY not in client.session
    assert sign_in(client).context["form"].non_field_errors() == ["Your account is suspended. Reason: cheating."]


@pytest.fixture
def returned(client, user):
    """A session that was put back after its user had been suspended."""
    client.force_login(user)
    User.objects.filter(pk=user.pk).update(status="suspended", suspended_reason="cheating")


def test_a_session_of_a_suspended_user_ends_at_the_next_page(client, returned):
    response = client.get("/contests")
    assert (response.status_code, response["Location"]) == (302, "/sign-in")
    told = [str(message) for message in get_messages(response.wsgi_request)]
    assert told == ["Your account is suspended. Reason: cheating."]
    assert SESSION_KEY not in client.session
    assert client.get("/sign-in").status_code == 200


def test_it_ends_at_partial_pages_too(client, returned):
    response = client.get("/contests", headers={"HX-Request": "true"})
    assert (response.status_code, response["HX-Redirect"]) == (204, "/sign-in")


def test_passwords_are_hashed_with_argon2(settings):
    from django.contrib.auth.hashers import make_password

    real = import_module("config.settings")
    settings.PASSWORD_HASHERS = real.PASSWORD_HASHERS
    assert make_password("x").startswith("argon2$argon2id$")


def test_an_unknown_email_costs_a_hash_too(client, user, monkeypatch):
    hashed: list[str] = []
    real = User.set_password
    monkeypatch.setattr(User, "set_password", lambda self, raw: hashed.append(raw) or real(self, raw))
    sign_in(client, "nobody@example.com", "guess")
    assert hashed == ["guess"]
