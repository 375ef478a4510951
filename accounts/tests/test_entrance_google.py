"""Sign-in with Google, against a server that speaks OpenID Connect as Google does."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialToken
from allauth.socialaccount.providers.google.views import GoogleOAuth2Adapter
from django.contrib.auth import SESSION_KEY
from django.contrib.messages import get_messages

from accounts.models import Notification, Profile, User
from accounts.tests.factories import PASSWORD, UserFactory
from core.flags import SIGNUPS_CLOSED, flags_forget
from core.models import AuditEntry, SystemFlag

pytestmark = pytest.mark.django_db


class Google(BaseHTTPRequestHandler):
    """The token endpoint: a code is worth one answer, to the client whose verifier fits the challenge."""

    challenges: dict[str, str] = {}
    person: dict[str, object] = {}
    refused: list[str] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        expected = type(self).challenges.pop(form["code"], None)
        genuine = expected == challenge and form["client_secret"] == "secret" and form["client_id"] == "client"
        if not genuine:
            type(self).refused.append(form["code"])
        now = int(time.time())
        claims = {"iss": "https://accounts.google.com", "aud": "client", "iat": now, "exp": now + 60}
        token = jwt.encode({**claims, **type(self).person}, "k" * 32, algorithm="HS256")
        answer = {"access_token": "at", "expires_in": 60, "id_token": token} if genuine else {"error": "invalid_grant"}
        self.send_response(200 if genuine else 400)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def google(settings, monkeypatch) -> Iterator[type[Google]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Google)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    Google.challenges, Google.refused = {}, []
    Google.person = {"sub": "g1", "email": "Ann@example.com", "email_verified": True, "given_name": "Ann"}
    settings.GOOGLE_CLIENT_ID = "client"
    provider = {**settings.SOCIALACCOUNT_PROVIDERS["google"], "APPS": [{"client_id": "client", "secret": "secret"}]}
    settings.SOCIALACCOUNT_PROVIDERS = {"google": provider}
    base = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(GoogleOAuth2Adapter, "access_token_url", f"{base}/token")
    monkeypatch.setattr(GoogleOAuth2Adapter, "authorize_url", f"{base}/auth")
    yield Google
    server.shutdown()
    server.server_close()


@pytest.fixture
def closed() -> Iterator[None]:
    """Sign-ups are closed."""
    SystemFlag.objects.create(key=SIGNUPS_CLOSED, is_on=True)
    flags_forget()
    yield
    flags_forget()


def leave(client, query: str = "") -> dict[str, str]:
    """Press the button; what Google is asked."""
    response = client.post(f"/google{query}")
    assert response.status_code == 302, response.content
    return {name: values[0] for name, values in parse_qs(urlsplit(response["Location"]).query).items()}


def come_back(client, google, asked: dict[str, str], **change: str):
    google.challenges["c1"] = asked["code_challenge"]
    return client.get("/google/callback", {"state": asked["state"], "code": "c1", **change})


def visit(client, google, query: str = ""):
    return come_back(client, google, leave(client, query))


def said(response) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def test_google_is_asked_for_a_code_with_pkce_and_state(client, google):
    asked = leave(client)
    assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", "client", "S256")
    assert asked["redirect_uri"] == "http://testserver/google/callback"
    assert len(asked["state"]) >= 16
    assert set(asked["scope"].split()) >= {"email", "profile"}


def test_someone_new_chooses_a_name_and_is_in(client, google):
    response = visit(client, google, "?next=/contests/x")
    assert response["Location"] == "/sign-up/google"
    assert not User.objects.exists()
    page = client.get("/sign-up/google").content.decode()
    assert "Ann@example.com" in page or "ann@example.com" in page
    assert 'value="Ann"' in page
    refused = client.post("/sign-up/google", {"display_name": "Аnn"})
    assert (refused.status_code, list(refused.context["form"].errors)) == (422, ["display_name"])
    response = client.post("/sign-up/google", {"display_name": "Bold Falcon"})
    assert response["Location"] == "/onboarding?next=%2Fcontests%2Fx"
    made = User.objects.get()
    assert (made.email, made.display_name, made.has_usable_password()) == ("ann@example.com", "Bold Falcon", False)
    assert client.session[SESSION_KEY] == str(made.pk)
    assert EmailAddress.objects.get(user=made, email="ann@example.com").verified
    assert Profile.objects.filter(pk=made.pk).exists()
    account = SocialAccount.objects.get(user=made)
    assert (account.uid, account.extra_data) == ("g1", {"email": "ann@example.com"})
    assert not SocialToken.objects.exists()
    assert AuditEntry.objects.filter(action="user_created", subject_id=str(made.pk)).exists()


def test_whoever_is_known_signs_in(client, google):
    someone = UserFactory(email="elsewhere@example.com")
    SocialAccount.objects.create(user=someone, provider="google", uid="g1")
    response = visit(client, google, "?next=/risk")
    assert response["Location"] == "/risk"
    assert client.session[SESSION_KEY] == str(someone.pk)


def test_an_account_with_the_same_address_is_not_taken_over(client, google):
    owner = UserFactory(email="ann@example.com")
    response = visit(client, google, "?next=/risk")
    assert response["Location"] == "/sign-in?next=%2Frisk"
    assert "Sign in to it, then connect" in said(response)
    assert SESSION_KEY not in client.session
    assert not SocialAccount.objects.exists()
    assert owner.check_password(PASSWORD)
    assert client.get("/sign-up/google")["Location"] == "/sign-in"


def test_an_address_that_google_has_not_proved_counts_for_nothing(client, google):
    google.person["email_verified"] = False
    response = visit(client, google)
    assert response["Location"] == "/sign-in"
    assert not User.objects.exists()


def test_suspended_people_do_not_come_in_by_google(client, google):
    someone = UserFactory(status=User.Status.SUSPENDED)
    SocialAccount.objects.create(user=someone, provider="google", uid="g1")
    response = visit(client, google)
    assert response["Location"] == "/sign-in"
    assert SESSION_KEY not in client.session


@pytest.mark.parametrize("change", [{"state": "forged"}, {"state": ""}, {"error": "server_error"}])
def test_an_answer_that_was_not_asked_for_opens_nothing(client, google, change):
    SocialAccount.objects.create(user=UserFactory(), provider="google", uid="g1")
    response = come_back(client, google, leave(client), **change)
    assert "That did not work" in response.content.decode()
    assert SESSION_KEY not in client.session


def test_another_browser_cannot_use_the_answer(client, google):
    from django.test import Client

    SocialAccount.objects.create(user=UserFactory(), provider="google", uid="g1")
    thief = Client()
    response = come_back(thief, google, leave(client))
    assert response.status_code == 401
    assert SESSION_KEY not in thief.session


def test_a_code_without_its_verifier_is_worth_nothing(client, google):
    SocialAccount.objects.create(user=UserFactory(), provider="google", uid="g1")
    asked = leave(client)
    response = come_back(client, google, {**asked, "code_challenge": "of-somebody-else"})
    assert google.refused == ["c1"]
    assert response.status_code == 401
    assert SESSION_KEY not in client.session


@pytest.mark.parametrize("claim", [{"aud": "another"}, {"iss": "https://evil.example"}, {"exp": 1}])
def test_a_token_for_someone_else_is_refused(client, google, claim):
    SocialAccount.objects.create(user=UserFactory(), provider="google", uid="g1")
    google.person.update(claim)
    visit(client, google)
    assert SESSION_KEY not in client.session


def test_closed_sign_ups_are_closed_to_google_too(client, google, closed):
    response = visit(client, google)
    assert "closed" in response.content.decode()
    assert not User.objects.exists()


def test_connecting_takes_a_fresh_proof_and_tells(client, google):
    owner = UserFactory(email="ann@example.com")
    client.force_login(owner)
    assert client.post("/google?process=connect")["Location"].startswith("/reauthenticate?")
    client.post("/sign-out")
    client.post("/sign-in", {"email": owner.email, "password": PASSWORD})
    assert visit(client, google, "?process=connect")["Location"] == "/settings/security/google"
    account = SocialAccount.objects.get(user=owner)
    assert Notification.objects.filter(user=owner, kind="security_changed").count() == 1
    assert AuditEntry.objects.filter(action="social_connected", subject_id=str(owner.pk)).count() == 1
    client.post("/settings/security/google", {"account": account.pk})
    assert not SocialAccount.objects.exists()
    assert AuditEntry.objects.filter(action="social_disconnected").count() == 1


def test_the_last_way_in_is_not_thrown_away(client, google):
    visit(client, google)
    client.post("/sign-up/google", {"display_name": "Ann"})
    account = SocialAccount.objects.get()
    response = client.post("/settings/security/google", {"account": account.pk})
    assert response.status_code in (302, 422)
    assert SocialAccount.objects.exists()


def test_the_connection_of_another_is_not_there(client, google):
    mine, theirs = UserFactory(), UserFactory()
    account = SocialAccount.objects.create(user=theirs, provider="google", uid="g9")
    client.post("/sign-in", {"email": mine.email, "password": PASSWORD})
    assert client.post("/settings/security/google", {"account": account.pk}).status_code == 422
    assert SocialAccount.objects.filter(pk=account.pk).exists()


def test_without_a_client_id_there_is_no_google(client):
    assert "Google" not in client.get("/sign-in").content.decode()
    for path in ("/google", "/google/callback", "/sign-up/google", "/google/cancelled"):
        assert client.get(path).status_code == 404
