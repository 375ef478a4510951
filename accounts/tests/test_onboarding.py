"""Onboarding: step by step, nothing lost between steps, nobody through who may not, and the gate that it opens."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client as Browser
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.domain.client import Client
from accounts.domain.onboarding import age_on
from accounts.models import Consent, Profile, User
from accounts.selectors.profile import progress_of
from accounts.selectors.standing import standing_of
from accounts.services.clearance import clearance_refresh_in_tx
from accounts.services.consents import text_publish, texts_publish
from accounts.services.onboarding import experience_set, person_set_up, where_set
from accounts.tests.factories import UserFactory, verify
from core.errors import Conflict, DomainError, Forbidden, Invalid
from core.models import AuditEntry, OutboxEvent

pytestmark = pytest.mark.django_db
HOME = Client(ip="203.0.113.9", user_agent="Firefox")
BORN = date(1990, 5, 17)
TODAY = datetime.now(tz=UTC).date()
WHERE = {"country": "DE", "region": "", "birth_date": "1990-05-17"}
EXPERIENCE = {"experience": "some", "risk_tolerance": "moderate"}


@pytest.fixture(autouse=True)
def texts():
    return texts_publish()


@pytest.fixture
def newcomer():
    return UserFactory(clearance=0)


@pytest.fixture
def api(newcomer):
    client = APIClient()
    client.force_authenticate(newcomer)
    return client


@pytest.fixture
def browser(newcomer):
    client = Browser()
    client.force_login(newcomer)
    return client


def years_ago(years, days=0):
    return TODAY.replace(year=TODAY.year - years, day=min(TODAY.day, 28)) + timedelta(days=days)


class TestSteps:
    def test_from_nothing_to_clear(self, api, newcomer):
        start = api.get("/api/v1/me/onboarding").json()
        assert (start["missing"], start["standing"]) == (["where", "experience", "consent"], "onboarding_incomplete")
        assert api.put("/api/v1/me/onboarding/where", WHERE, format="json").json()["missing"] == [
            "experience",
            "consent",
        ]
        assert api.put("/api/v1/me/onboarding/experience", EXPERIENCE, format="json").json()["missing"] == ["consent"]
        shown = [text["id"] for text in start["texts"]]
        end = api.post("/api/v1/me/onboarding/consent", {"texts": shown}, format="json").json()
        assert (end["is_complete"], end["missing"], end["standing"], end["message"]) == (True, [], "", "")
        newcomer.refresh_from_db()
        assert newcomer.clearance == 3
        assert newcomer.profile.onboarded_at is not None
        assert OutboxEvent.objects.filter(topic="accounts.onboarded").count() == 1
        assert AuditEntry.objects.filter(action="onboarded", subject_id=newcomer.pk).count() == 1

    def test_in_any_order(self, api, newcomer):
        shown = [text["id"] for text in api.get("/api/v1/me/onboarding").json()["texts"]]
        api.post("/api/v1/me/onboarding/consent", {"texts": shown}, format="json")
        api.put("/api/v1/me/onboarding/experience", EXPERIENCE, format="json")
        assert standing_of(User.objects.get(pk=newcomer.pk)).code == "onboarding_incomplete"
        assert api.put("/api/v1/me/onboarding/where", WHERE, format="json").json()["is_complete"]

    def test_with_an_unproved_address_nobody_is_clear(self):
        user = UserFactory(clearance=0, verified=False)
        where_set(user_id=user.pk, country="DE", region="", birth_date=BORN, client=HOME)
        experience_set(user_id=user.pk, client=HOME, **EXPERIENCE)
        client = APIClient()
        client.force_authenticate(user)
        shown = [text["id"] for text in client.get("/api/v1/me/onboarding").json()["texts"]]
        body = client.post("/api/v1/me/onboarding/consent", {"texts": shown}, format="json").json()
        assert (body["missing"], body["standing"]) == (["email"], "onboarding_incomplete")
        user.refresh_from_db()
        verify(user)
        assert clearance_refresh_in_tx(user) == 3

    def test_experience_is_told_once_to_who_sets_limits(self, newcomer):
        for _ in range(2):
            experience_set(user_id=newcomer.pk, client=HOME, **EXPERIENCE)
        [event] = OutboxEvent.objects.filter(topic="accounts.profile_changed")
        assert event.payload == {"user_id": newcomer.pk, **EXPERIENCE}

    def test_no_birth_date_leaks_into_audit_or_events(self, newcomer):
        where_set(user_id=newcomer.pk, country="DE", region="", birth_date=BORN, client=HOME)
        told = [
            *AuditEntry.objects.values_list("before", "after", "reason"),
            *OutboxEvent.objects.values_list("payload"),
        ]
        assert "1990" not in repr(told)


class TestBirthDates:
    @pytest.mark.parametrize("born", [TODAY + timedelta(days=1), date(1850, 1, 1), date(1, 1, 1), date(9999, 12, 31)])
    def test_that_cannot_be(self, newcomer, born):
        with pytest.raises(Invalid) as caught:
            where_set(user_id=newcomer.pk, country="DE", region="", birth_date=born, client=HOME)
        assert caught.value.code == "birth_date_impossible"

    @pytest.mark.parametrize("born", [TODAY, years_ago(17), years_ago(18, 1)])
    def test_too_young_stores_nothing_but_that_somebody_tried(self, newcomer, born):
        with pytest.raises(Forbidden) as caught:
            where_set(user_id=newcomer.pk, country="DE", region="", birth_date=born, client=HOME)
        assert caught.value.code == "too_young"
        profile = Profile.objects.get(pk=newcomer.pk)
        assert (profile.birth_date, profile.country) == (None, "")
        assert AuditEntry.objects.get(action="onboarding_refused").reason == "too_young"

    def test_on_the_birthday_itself(self, newcomer):
        assert where_set(
            user_id=newcomer.pk, country="DE", region="", birth_date=years_ago(18), client=HOME
        ).birth_date == years_ago(18)

    def test_is_fixed_once_set_up(self):
        user = person_set_up(user_id=UserFactory(clearance=0).pk, because="test")
        with pytest.raises(Conflict) as caught:
            where_set(user_id=user.pk, country="FR", region="", birth_date=BORN, client=HOME)
        assert caught.value.code == "birth_date_fixed"
        moved = where_set(user_id=user.pk, country="FR", region="", birth_date=date(1990, 1, 1), client=HOME)
        assert moved.country == "FR"

    @given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(0, 130))
    def test_one_is_as_old_as_the_birthdays_that_have_come(self, born, years):
        try:
            birthday = born.replace(year=born.year + years)
        except ValueError:
            return
        assert age_on(born, birthday) == years
        assert age_on(born, birthday - timedelta(days=1)) == years - 1


@pytest.mark.parametrize(
    ("step", "body", "status", "code"),
    [
        ("where", {**WHERE, "country": "XX"}, 400, "country_unknown"),
        ("where", {**WHERE, "region": "US-NY"}, 400, "region_unknown"),
        ("where", {**WHERE, "birth_date": "2090-01-01"}, 400, "birth_date_impossible"),
        ("where", {**WHERE, "birth_date": str(TODAY)}, 403, "too_young"),
        ("where", {**WHERE, "birth_date": "yesterday"}, 400, "invalid"),
        ("where", {"country": "DE"}, 400, "invalid"),
        ("where", [], 400, "invalid"),
        ("experience", {**EXPERIENCE, "experience": "guru"}, 400, "invalid"),
        ("experience", {"experience": "some"}, 400, "invalid"),
    ],
)
def test_the_api_refuses_with_its_code(api, step, body, status, code):
    answer = api.put(f"/api/v1/me/onboarding/{step}", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_agent_has_nothing_to_set_up():
    agent = User.objects.create_user("robot@example.com", None, display_name="Robot", kind="agent")
    client = APIClient()
    client.force_authenticate(agent)
    assert client.get("/api/v1/me/onboarding").status_code == 404
    with pytest.raises(DomainError):
        experience_set(user_id=agent.pk, client=HOME, **EXPERIENCE)


def test_made_up_people_are_set_up_and_stay_so():
    user = UserFactory(clearance=0, verified=False)
    for _ in range(2):
        person_set_up(user_id=user.pk, because="seed_demo")
    user.refresh_from_db()
    assert (user.clearance, progress_of(user).is_complete) == (3, True)
    assert set(Consent.objects.filter(user=user).values_list("user_agent", "ip")) == {("seed_demo", None)}


class TestPages:
    def test_each_page_leads_to_the_next_and_the_end_to_where_one_came_from(self, browser, newcomer):
        assert browser.get("/onboarding?next=/contests").url == "/onboarding/where"
        page = browser.get("/onboarding/where").content.decode()
        assert 'aria-current="step"' in page
        assert "Germany" in page
        assert browser.post("/onboarding/where", WHERE).url == "/onboarding/experience"
        assert "10% of your equity" in browser.get("/onboarding/experience").content.decode()
        assert browser.post("/onboarding/experience", EXPERIENCE).url == "/onboarding/consent"
        page = browser.get("/onboarding/consent")
        boxes = [text.id for text in page.context["form"].texts]
        assert page.content.decode().count('type="checkbox"') == 3
        assert "Version 1" in page.content.decode()
        done = browser.post("/onboarding/consent", {"text": boxes})
        assert done.url == "/onboarding/done"
        assert 'href="/contests"' in browser.get("/onboarding/done").content.decode()
        assert standing_of(User.objects.get(pk=newcomer.pk)).is_clear
        assert browser.get("/onboarding").url == "/onboarding/done"

    def test_answers_are_kept_when_one_goes_back(self, browser):
        browser.post("/onboarding/where", WHERE)
        page = browser.get("/onboarding/where").content.decode()
        assert '<option value="DE" selected>' in page
        assert 'value="1990-05-17"' in page
        browser.post("/onboarding/experience", EXPERIENCE)
        page = browser.get("/onboarding/experience").content.decode()
        assert page.count(" checked") == 2
        assert browser.get("/onboarding").url == "/onboarding/consent"

    @pytest.mark.parametrize("target", ["https://evil.example/x", "//evil.example", "javascript:alert(1)"])
    def test_the_end_leads_nowhere_else(self, browser, target):
        browser.get("/onboarding", {"next": target})
        assert "onboarding_next" not in browser.session

    def test_refusals_are_said_at_the_field(self, browser):
        page = browser.post("/onboarding/where", {**WHERE, "birth_date": str(TODAY)})
        assert page.status_code == 422
        assert "18 or older" in page.content.decode()
        page = browser.post("/onboarding/where", {**WHERE, "country": "XX"})
        assert page.status_code == 422
        page = browser.post("/onboarding/experience", {"experience": "some"})
        assert page.status_code == 422
        assert 'role="alert"' in page.content.decode()

    def test_a_box_that_is_not_ticked_is_pointed_at_and_the_others_stay_ticked(self, browser):
        boxes = [text.id for text in browser.get("/onboarding/consent").context["form"].texts]
        page = browser.post("/onboarding/consent", {"text": boxes[:2]})
        html = page.content.decode()
        assert page.status_code == 422
        assert html.count('aria-invalid="true"') == 1
        assert html.count(" checked") == 2
        assert not Consent.objects.exists()

    def test_a_text_that_changed_while_it_was_read(self, browser):
        boxes = [text.id for text in browser.get("/onboarding/consent").context["form"].texts]
        boss = User.objects.create_superuser("boss@example.com", "correct-horse-battery")
        new = text_publish(actor=boss, kind="terms", title="Terms", body="New.", changes="Fees.", reason="Law.")
        page = browser.post("/onboarding/consent", {"text": boxes})
        assert page.status_code == 422
        assert "newer version" in page.content.decode()
        assert f'value="{new.pk}"' in page.content.decode()

    def test_the_region_appears_where_it_matters(self, browser, settings):
        assert browser.get("/onboarding/regions?country=US").content.strip() == b""
        settings.BLOCKED_REGIONS = ["US-NY"]
        assert b"California" in browser.get("/onboarding/regions?country=US").content
        assert browser.get("/onboarding/regions?country=DE").content.strip() == b""
        assert browser.get("/onboarding/regions?country=%00").status_code == 200
        page = browser.post("/onboarding/where", {**WHERE, "country": "US"})
        assert page.status_code == 422
        assert "region that you live in" in page.content.decode()
        assert browser.post("/onboarding/where", {**WHERE, "country": "US", "region": "US-CA"}).status_code == 302

    def test_a_blocked_place_ends_at_a_page_that_says_so(self, browser, newcomer, settings):
        settings.BLOCKED_REGIONS = ["DE"]
        assert browser.post("/onboarding/where", WHERE).url == "/onboarding/done"
        assert "Not available where you live" in browser.get("/onboarding/done").content.decode()
        assert browser.get("/onboarding").url == "/onboarding/done"
        assert User.objects.get(pk=newcomer.pk).clearance == -1

    def test_every_page_says_what_is_missing(self, browser, newcomer):
        page = browser.get("/contests").content.decode()
        assert 'href="/onboarding?next=/contests"' in page
        person_set_up(user_id=newcomer.pk, because="test")
        assert 'class="standing"' not in browser.get("/contests").content.decode()

    def test_visitors_are_led_to_sign_in(self):
        for path in ("/onboarding", "/onboarding/where", "/onboarding/consent", "/onboarding/done"):
            assert Browser().get(path).url.startswith("/sign-in")
