"""Where the platform serves nobody: by the profile, by the request, and when the list changes."""

from datetime import date

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from accounts.domain.client import Client
from accounts.models import Profile, User
from accounts.selectors.regions import countries, region_blocked, region_needed, regions_of
from accounts.selectors.standing import standing_of, standing_require
from accounts.services.clearance import clearances_review
from accounts.services.consents import texts_publish
from accounts.services.onboarding import person_set_up, where_reset, where_set
from accounts.services.regions import request_region_blocked
from accounts.tests.factories import UserFactory
from core.errors import Forbidden, Invalid
from core.models import AuditEntry

HOME = Client(ip="203.0.113.9")
BORN = date(1990, 5, 17)


@pytest.fixture
def blocked(settings):
    settings.BLOCKED_REGIONS = ["KP", "US-NY"]


@pytest.fixture
def newcomer(db):
    return UserFactory(clearance=0)


@pytest.mark.parametrize(
    ("country", "region", "answer"),
    [("KP", "", True), ("kp", "", True), ("US", "US-NY", True), ("US", "us-ny", True), ("US", "US-CA", False),
     ("US", "", False), ("DE", "", False), ("", "", False), ("", "US-NY", False)],
)  # fmt: skip
def test_what_is_blocked(blocked, country, region, answer):
    assert region_blocked(country, region) is answer


def test_the_region_is_asked_only_where_it_matters(blocked):
    assert region_needed("US")
    assert not region_needed("DE")
    assert not region_needed("KP")
    assert ("US-NY", "New York") in regions_of("US")
    assert regions_of("XY") == regions_of("") == ()
    assert ("DE", "Germany") in countries()


def test_a_blocked_country_is_kept_and_refused(blocked, newcomer):
    with pytest.raises(Forbidden) as caught:
        where_set(user_id=newcomer.pk, country="KP", region="", birth_date=BORN, client=HOME)
    assert caught.value.code == "region_blocked"
    newcomer.refresh_from_db()
    assert (newcomer.clearance, newcomer.profile.country) == (-1, "KP")
    assert standing_of(newcomer).code == "region_blocked"
    with pytest.raises(Forbidden) as caught:
        standing_require(newcomer)
    assert caught.value.code == "region_blocked"


def test_a_blocked_place_is_not_left_by_naming_another(blocked, newcomer):
    with pytest.raises(Forbidden):
        where_set(user_id=newcomer.pk, country="US", region="US-NY", birth_date=BORN, client=HOME)
    with pytest.raises(Forbidden) as caught:
        where_set(user_id=newcomer.pk, country="DE", region="", birth_date=BORN, client=HOME)
    assert caught.value.code == "region_blocked"
    assert Profile.objects.get(pk=newcomer.pk).region == "US-NY"


def test_an_operator_lets_somebody_answer_again(blocked, newcomer):
    boss = User.objects.create_superuser("boss@example.com", "correct-horse-battery")
    with pytest.raises(Forbidden):
        where_set(user_id=newcomer.pk, country="KP", region="", birth_date=BORN, client=HOME)
    with pytest.raises(Invalid):
        where_reset(actor=boss, user_id=newcomer.pk, reason=" ")
    where_reset(actor=boss, user_id=newcomer.pk, reason="The person chose the wrong line.")
    entry = AuditEntry.objects.get(action="residence_reset")
    assert (entry.actor_id, entry.before["country"]) == (boss.pk, "KP")
    assert where_set(user_id=newcomer.pk, country="KR", region="", birth_date=BORN, client=HOME).country == "KR"
    newcomer.refresh_from_db()
    assert newcomer.clearance == 0


@pytest.mark.parametrize(
    ("country", "region", "code"),
    [("XX", "", "country_unknown"), ("", "", "country_unknown"), ("Germany", "", "country_unknown"),
     ("US", "", "region_required"), ("US", "DE-BY", "region_unknown"), ("DE", "US-NY", "region_unknown"),
     ("DE", "nonsense", "region_unknown")],
)  # fmt: skip
def test_places_that_are_none_are_refused(blocked, newcomer, country, region, code):
    with pytest.raises(Invalid) as caught:
        where_set(user_id=newcomer.pk, country=country, region=region, birth_date=BORN, client=HOME)
    assert caught.value.code == code
    assert not Profile.objects.get(pk=newcomer.pk).country


def test_a_request_from_a_blocked_country_is_refused_before_anything_is_stored(blocked, newcomer):
    away = Client(ip="203.0.113.9", country="KP")
    assert request_region_blocked(away)
    assert not request_region_blocked(HOME)
    with pytest.raises(Forbidden) as caught:
        where_set(user_id=newcomer.pk, country="DE", region="", birth_date=BORN, client=away)
    assert caught.value.code == "region_blocked"
    assert not Profile.objects.get(pk=newcomer.pk).country


SPOOFED = {
    "HTTP_CF_IPCOUNTRY": "DE", "HTTP_X_COUNTRY": "DE", "HTTP_X_FORWARDED_FOR": "203.0.113.9",
    "HTTP_X_REAL_IP": "203.0.113.9", "HTTP_X_APPENGINE_COUNTRY": "DE",
}  # fmt: skip
WHERE = {"country": "DE", "birth_date": "1990-05-17"}


def api_as(user):
    client = APIClient()
    client.force_authenticate(user)
    return client


def test_headers_of_a_client_neither_open_nor_close_the_door(blocked, newcomer, settings):
    client = api_as(newcomer)
    assert client.put("/api/v1/me/onboarding/where", WHERE, format="json", HTTP_CF_IPCOUNTRY="KP").status_code == 200
    settings.COUNTRY_HEADER = "X-Geo-Country"
    answer = client.put("/api/v1/me/onboarding/where", WHERE, format="json", **{**SPOOFED, "HTTP_X_GEO_COUNTRY": "KP"})
    assert (answer.status_code, answer.json()["code"]) == (403, "region_blocked")
    answer = client.put("/api/v1/me/onboarding/where", WHERE, format="json", HTTP_X_GEO_COUNTRY="DE")
    assert answer.status_code == 200


class TestReview:
    @pytest.fixture
    def people(self, db):
        texts_publish()
        found = {}
        for country, region in (("DE", ""), ("FR", ""), ("US", "US-NY"), ("US", "")):
            user = UserFactory(clearance=0)
            Profile.objects.filter(pk=user.pk).update(region=region)
            person_set_up(user_id=user.pk, because="test", country=country)
            found[country + region] = user
        return found

    @staticmethod
    def clearances(people):
        return {key: User.objects.get(pk=user.pk).clearance for key, user in people.items()}

    def test_clearances_follow_the_list(self, people, settings):
        assert self.clearances(people) == {"DE": 3, "FR": 3, "USUS-NY": 3, "US": 3}
        assert clearances_review() == 0
        settings.BLOCKED_REGIONS = ["FR", "US-NY"]
        call_command("review_clearances")
        # In a country that is served in part, who has not said where in it is asked again.
        assert self.clearances(people) == {"DE": 3, "FR": -1, "USUS-NY": -1, "US": 0}
        assert AuditEntry.objects.filter(action="clearance_changed").count() == 3
        assert clearances_review() == 0
        settings.BLOCKED_REGIONS = []
        assert clearances_review() == 3
        assert self.clearances(people) == {"DE": 3, "FR": 3, "USUS-NY": 3, "US": 3}

    def test_whoever_is_asked_again_says_where_and_goes_on(self, people, settings):
        settings.BLOCKED_REGIONS = ["US-NY"]
        clearances_review()
        user = people["US"]
        where_set(user_id=user.pk, country="US", region="US-CA", birth_date=date(1990, 1, 1), client=HOME)
        assert User.objects.get(pk=user.pk).clearance == 3
