"""Who may enter a contest, and what of it a public page shows."""

import pytest
from django.test import Client as Browser
from rest_framework.test import APIClient

from accounts.models import LegalText, User
from accounts.services.handles import handle_set
from contests.models import Participant
from contests.profile import MAX_ROWS, contests_section
from contests.tests import factories as make
from core.errors import Forbidden
from trading.models import Account
from trading.tests.factories import user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("clearance", "code"), [(0, "onboarding_incomplete"), (-1, "region_blocked"), (1, "consent_due")]
)
class TestGate:
    @pytest.fixture
    def contest(self):
        LegalText.objects.create(kind="terms", version=1, edition=2, title="Terms", body="Be fair.")
        return make.contest()

    def test_nobody_enters_before_onboarding_is_complete(self, contest, clearance, code):
        with pytest.raises(Forbidden) as caught:
            make.joined(contest, clearance=clearance)
        assert caught.value.code == code
        assert not Participant.objects.exists()
        assert not Account.objects.exists()

    def test_the_api_says_why(self, contest, clearance, code):
        client = APIClient()
        client.force_authenticate(user(clearance=clearance))
        answer = client.post(f"/api/v1/contests/{contest.slug}/join", {}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (403, code)

    def test_the_page_leads_to_what_is_missing_and_back(self, contest, clearance, code):
        browser = Browser()
        browser.force_login(user(clearance=clearance))
        answer = browser.post(f"/contests/{contest.slug}/join")
        back = f"/contests/{contest.slug}"
        wanted = {
            "onboarding_incomplete": f"/onboarding?next={back.replace('/', '%2F')}",
            "consent_due": f"/onboarding/consent?next={back.replace('/', '%2F')}",
            "region_blocked": back,
        }
        assert answer.url == wanted[code]
        assert not Participant.objects.exists()


def test_a_request_from_a_blocked_country_does_not_enter(settings):
    settings.BLOCKED_REGIONS, settings.COUNTRY_HEADER = ["KP"], "X-Geo-Country"
    contest, who = make.contest(), user()
    client, browser = APIClient(), Browser()
    client.force_authenticate(who)
    browser.force_login(who)
    answer = client.post(f"/api/v1/contests/{contest.slug}/join", {}, format="json", HTTP_X_GEO_COUNTRY="KP")
    assert (answer.status_code, answer.json()["code"]) == (403, "region_blocked")
    browser.post(f"/contests/{contest.slug}/join", HTTP_X_GEO_COUNTRY="KP")
    assert not Participant.objects.exists()
    answer = client.post(f"/api/v1/contests/{contest.slug}/join", {}, format="json", HTTP_CF_IPCOUNTRY="KP")
    assert answer.status_code == 201


class TestSection:
    def test_public_contests_are_shown_with_place_and_return(self, django_assert_num_queries):
        contest = make.contest(name="Spring Cup")
        _, who = make.joined(contest)
        Participant.objects.update(final_rank=2, final_value_minor=10_123_400)
        with django_assert_num_queries(1):
            section = contests_section(who.user_id)
        [row] = section.rows
        assert (row.title, row.url, row.place, row.figure) == ("Spring Cup", f"/contests/{contest.slug}", "", "")
        contest_row = Participant.objects.get().contest
        contest_row.status = "ended"
        contest_row.save(update_fields=["status"])
        [row] = contests_section(who.user_id).rows
        assert (row.place, row.figure) == ("#2", "1.23")
        Participant.objects.update(final_rank=None)
        [row] = contests_section(who.user_id).rows
        assert (row.place, row.figure) == ("did not trade", "")

    def test_private_ones_are_not(self):
        contest = make.contest(visibility="private", invite_code="secret")
        _, who = make.joined(contest)
        assert contests_section(who.user_id) is None

    def test_it_is_bounded_and_stands_on_the_page(self):
        contest = make.contest(name="Spring Cup")
        _, who = make.joined(contest)
        handle_set(user_id=who.user_id, handle="jane_d")
        assert "Spring Cup" in Browser().get("/people/jane_d").content.decode()
        [section] = APIClient().get("/api/v1/people/jane_d").json()["sections"]
        assert (section["title"], len(section["rows"])) == ("Contests", 1)
        assert MAX_ROWS <= 50
        assert User.objects.get(pk=who.user_id).handle == "jane_d"
