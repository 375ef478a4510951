"""Where one is signed in, as pages and API: sessions end at once, those of others are not there."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.test import Client as Browser
from django.utils import timezone

from accounts import middleware
from accounts.models import SignIn, User
from accounts.services import signins
from accounts.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
API = "/api/v1"


@pytest.fixture
def user():
    return UserFactory(email="ann@example.com", display_name="Ann")


def browser(agent=CHROME, email="ann@example.com"):
    """A browser of its own that is signed in."""
    made = Browser(headers={"User-Agent": agent})
    response = made.post("/sign-in", {"email": email, "password": PASSWORD})
    assert response.status_code == 302
    return made


def is_in(client):
    return client.get("/settings/sessions").status_code == 200


def this(client):
    return SignIn.objects.get(session_key=client.session.session_key)


def test_signing_in_opens_one_and_signing_out_ends_it(user):
    client = browser()
    signin = this(client)
    assert (signin.kind, signin.method, signin.ip, signin.user_agent) == ("web", "password", "127.0.0.1", CHROME)
    assert signin.expires_at > timezone.now() + timedelta(days=13)
    cookie = client.cookies["device"]
    assert cookie["httponly"]
    assert (cookie["samesite"], cookie["max-age"]) == ("Lax", 400 * 86_400)
    client.post("/sign-out")
    signin.refresh_from_db()
    assert signin.ended_because == "signed_out"
    client.post("/sign-in", {"email": "ann@example.com", "password": PASSWORD})
    assert this(client).device == signin.device
    assert client.cookies["device"].value == cookie.value


def test_the_device_cookie_is_secure_in_production(user, settings):
    settings.SESSION_COOKIE_SECURE = True
    assert browser().cookies["device"]["secure"]


def test_the_list_shows_where_and_how(user):
    client, other = browser(), browser("curl/8.0")
    page = client.get("/settings/sessions").content.decode()
    assert "Chrome on Linux" in page
    assert "curl" in page
    assert page.count(">This one<") == 1
    assert str(this(other).pk) in page
    assert "127.0.0.1" in page


def test_the_list_costs_the_same_however_long_it_is(user, django_assert_max_num_queries):
    client = browser()
    for _ in range(30):
        signins.signin_open(
            user_id=user.pk, kind="token", method="password", client=middleware.client_of(client.get("/").wsgi_request),
            expires_at=timezone.now() + timedelta(days=1),
        )  # fmt: skip
    with django_assert_max_num_queries(8):
        page = client.get("/settings/sessions")
    assert len(page.context["sign_ins"]) == 31


def test_an_ended_session_is_out_at_its_next_request(user):
    client, other = browser(), browser("curl/8.0")
    assert is_in(other)
    response = client.post(f"/settings/sessions/{this(other).pk}/end")
    assert response.url == "/settings/sessions"
    assert not is_in(other)
    assert is_in(client)
    client.post(f"/settings/sessions/{this(client).pk}/end")
    assert not is_in(client)


def test_everywhere_else_and_everywhere(user):
    client, second, third = browser(), browser("a/1"), browser("b/1")
    client.post("/settings/sessions/end-others")
    assert [is_in(one) for one in (client, second, third)] == [True, False, False]
    fourth = browser("c/1")
    assert client.post("/settings/sessions/end-all").url == "/sign-in"
    assert [is_in(one) for one in (client, fourth)] == [False, False]
    assert not SignIn.objects.filter(ended_at__isnull=True).exists()


def test_sessions_of_others_are_not_there(user):
    UserFactory(email="bob@example.com")
    ann, bob = browser(), browser(email="bob@example.com")
    assert ann.post(f"/settings/sessions/{this(bob).pk}/end").status_code == 404
    assert ann.post(f"/settings/sessions/{uuid4()}/end").status_code == 404
    assert ann.delete(f"{API}/me/sessions/{this(bob).pk}").status_code == 404
    assert is_in(bob)
    ann.post("/settings/sessions/end-all")
    assert is_in(bob)


def test_a_changed_password_keeps_this_session_and_ends_the_others(user):
    client, other = browser(), browser("curl/8.0")
    before = client.session.session_key
    client.post("/settings/security/password", {"current": PASSWORD, "password": "another-horse-staple"})
    assert client.session.session_key != before
    assert is_in(client)
    assert this(client).ended_at is None
    assert not is_in(other)


def test_last_seen_is_written_once_a_minute(user, django_assert_num_queries):
    client = browser()
    long_ago = timezone.now() - timedelta(hours=2)

    def seen():
        return timezone.now() - SignIn.objects.get().last_seen_at < timedelta(minutes=1)

    client.get("/settings/sessions")
    SignIn.objects.update(last_seen_at=long_ago)
    client.get("/settings/sessions")
    assert not seen()
    middleware._seen.clear()
    client.get("/settings/sessions")
    assert not seen()
    middleware.client().delete(f"signin:seen:{SignIn.objects.get().pk}")
    middleware._seen.clear()
    client.get("/settings/sessions")
    assert seen()


def test_a_session_that_came_back_is_out_within_a_minute(user):
    client = browser()
    SignIn.objects.update(ended_at=timezone.now())
    middleware._seen.clear()
    middleware.client().delete(f"signin:seen:{SignIn.objects.get().pk}")
    assert not is_in(client)


def test_a_session_without_a_sign_in_is_none(user):
    client = browser()
    session = client.session
    del session["sign_in"]
    session.save()
    assert not is_in(client)


def test_someone_else_in_the_same_browser_ends_the_first(user):
    UserFactory(email="bob@example.com")
    client = browser()
    first = this(client)
    client.post("/sign-in", {"email": "bob@example.com", "password": PASSWORD})
    first.refresh_from_db()
    assert first.ended_at is not None
    assert this(client).device == first.device


def test_a_suspended_person_is_told_until_when(user):
    client = browser()
    until = timezone.now() + timedelta(days=3)
    User.objects.filter(pk=user.pk).update(status="suspended", suspended_until=until)
    response = client.get("/settings/sessions", follow=True)
    assert f"suspended until {until:%d %B %Y}" in response.content.decode()
    client.force_login(user)
    answer = client.get(f"{API}/me/sessions")
    assert (answer.status_code, answer.json()["code"]) == (403, "account_suspended")
    assert answer.json()["details"]["until"]


def tokens(client, **data):
    data = {"email": "ann@example.com", "password": PASSWORD, **data}
    agent = {"User-Agent": "bot/1.0"}
    response = client.post(f"{API}/auth/token", data, content_type="application/json", headers=agent)
    assert response.status_code == 200
    return response.json()


def bearer(pair):
    return {"Authorization": f"Bearer {pair['access']}"}


def test_the_api_lists_and_ends(user, client):
    web, pair = browser(), tokens(client)
    answer = client.get(f"{API}/me/sessions", headers=bearer(pair)).json()
    assert answer["total"] == 2
    mine = next(one for one in answer["results"] if one["is_this"])
    assert (mine["kind"], mine["device"]) == ("token", "bot")
    other = next(one for one in answer["results"] if not one["is_this"])
    assert client.delete(f"{API}/me/sessions/{other['id']}", headers=bearer(pair)).status_code == 204
    assert not is_in(web)
    assert client.delete(f"{API}/me/sessions/{mine['id']}", headers=bearer(pair)).status_code == 204
    assert client.get(f"{API}/me/sessions", headers=bearer(pair)).status_code == 401
    refresh = client.post(f"{API}/auth/refresh", {"refresh": pair["refresh"]}, content_type="application/json")
    assert refresh.status_code == 401


@pytest.mark.parametrize("keep", [True, False])
def test_the_api_ends_all(user, client, keep):
    web, pair, second = browser(), tokens(client), tokens(client)
    url, data = f"{API}/me/sessions/end-all", {"keep_this": keep}
    answer = client.post(url, data, content_type="application/json", headers=bearer(pair))
    assert answer.json() == {"ended": 2 if keep else 3}
    assert not is_in(web)
    assert client.get(f"{API}/me/sessions", headers=bearer(second)).status_code == 401
    assert client.get(f"{API}/me/sessions", headers=bearer(pair)).status_code == (200 if keep else 401)


def test_a_browser_ends_its_own_over_the_api(user):
    client = browser()
    assert client.delete(f"{API}/me/sessions/{this(client).pk}").status_code == 204
    assert not is_in(client)


def test_retention_is_a_rule():
    from accounts.services.retention import rules

    assert {"sign_ins", "sightings", "leads"} <= {rule.key for rule in rules()}
    assert django_settings.RETENTION_DAYS["sign_ins"] == 180
