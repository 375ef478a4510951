"""The settings page of API keys."""

import pytest
from django.test import Client

from accounts.models import ApiKey
from accounts.services import keys as service
from accounts.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def user():
    return UserFactory(email="ann@example.com", display_name="Ann")


def make(user, **fields):
    fields = {"name": f"Bot {user.api_keys.count()}", "scope": "trade", **fields}
    return service.key_create(actor=user, **fields)


def refused(response, status, code):
    assert (response.status_code, response.json()["code"]) == (status, code)


def signed_in(user):
    client = Client()
    client.post("/sign-in", {"email": user.email, "password": PASSWORD})
    return client


def test_the_page_shows_a_key_once(user):
    client = signed_in(user)
    assert b"You have no API key" in client.get("/settings/keys").content
    data = {
        "name": "Grid",
        "scope": "trade",
        "life": "30",
        "rate_per_minute": "60",
        "allowed_ips": "127.0.0.1\n10.0.0.0/8",
    }
    made = client.post("/settings/keys/new", data)
    text = made.context["text"]
    assert made.status_code == 200
    assert "no-store" in made["Cache-Control"]
    assert made.content.decode().count(text) == 1
    row = ApiKey.objects.get()
    assert (row.scope, row.rate_per_minute, row.allowed_ips) == ("trade", 60, ["127.0.0.1/32", "10.0.0.0/8"])
    page = client.get("/settings/keys").content.decode()
    assert row.prefix in page
    assert text not in page
    again = client.post("/settings/keys/new", data)
    assert again.status_code == 422
    assert "You have a key of this name" in again.content.decode()


def test_the_page_takes_two_years(user):
    client = signed_in(user)
    data = {"name": "Grid", "scope": "read", "life": "730", "rate_per_minute": "60"}
    assert client.post("/settings/keys/new", data).status_code == 200


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"scope": "admin"}, {"life": "1"}, {"rate_per_minute": "0"}, {"allowed_ips": "x"}]
)
def test_the_page_says_what_is_wrong(user, wrong):
    data = {"name": "Grid", "scope": "read", "life": "30", "rate_per_minute": "60", **wrong}
    response = signed_in(user).post("/settings/keys/new", data)
    assert response.status_code == 422
    assert list(response.context["form"].errors) == list(wrong)
    assert not ApiKey.objects.exists()


def test_the_page_changes_and_revokes(user):
    client = signed_in(user)
    key = make(user, name="Grid", allowed_ips=["10.0.0.1"]).row
    path = f"/settings/keys/{key.pk}"
    assert b"10.0.0.1/32" in client.get(path).content
    assert client.post(path, {"name": "", "allowed_ips": ""}).status_code == 422
    assert client.post(path, {"name": "Grid 2", "allowed_ips": ""}).status_code == 302
    key.refresh_from_db()
    assert (key.name, key.allowed_ips) == ("Grid 2", [])
    assert client.post(f"{path}/revoke").status_code == 302
    assert client.get(path).status_code == 404
    page = client.get("/settings/keys").content.decode()
    assert "Keys that do not work any more" in page
    assert "Revoked" in page


def test_the_page_is_ones_own(user, client):
    theirs = make(UserFactory()).row
    mine = signed_in(user)
    for response in (
        mine.get(f"/settings/keys/{theirs.pk}"),
        mine.post(f"/settings/keys/{theirs.pk}", {"name": "x"}),
        mine.post(f"/settings/keys/{theirs.pk}/revoke"),
        mine.get(f"/settings/keys/{10**30}"),
        mine.post(f"/settings/keys/{10**30}/revoke"),
    ):
        assert response.status_code == 404
    assert client.get("/settings/keys").status_code == 302


def test_a_key_is_made_by_who_has_just_proved_to_be_the_one(user):
    client = Client()
    client.force_login(user)
    for response in (client.get("/settings/keys/new"), client.post("/settings/keys/new", {"name": "Grid"})):
        assert response.status_code == 302
        assert response["Location"].startswith("/reauthenticate")
    assert not ApiKey.objects.exists()


def test_the_page_costs_the_same_for_any_number(user, django_assert_max_num_queries):
    client = signed_in(user)
    for n in range(20):
        make(user, name=f"Bot {n}")
    client.get("/settings/keys")
    with django_assert_max_num_queries(12):
        page = client.get("/settings/keys").content.decode()
    assert "New key" not in page
    assert "20 of 20" in page
