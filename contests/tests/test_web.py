"""The list of contests, joining, and the operator's form."""

import pytest
from django.test import Client

from contests import selectors
from contests.models import Contest, Participant
from contests.tests.factories import bars_load, contest
from trading.tests import factories as make

pytestmark = pytest.mark.django_db


def signed_in(**fields) -> Client:
    client = Client()
    client.force_login(make.user(**fields), backend="accounts.backends.EmailBackend")
    return client


def test_the_list_says_what_to_do_when_it_is_empty():
    assert "There is no contest yet" in Client().get("/contests").content.decode()
    assert "Create the first" in signed_in(is_staff=True).get("/contests").content.decode()


def test_the_list_costs_the_same_number_of_statements_however_long_it_is(django_assert_max_num_queries):
    for _ in range(8):
        contest()
    client = signed_in()
    with django_assert_max_num_queries(6):
        page = client.get("/contests")
    assert page.content.decode().count("panel card") == 8
    with django_assert_max_num_queries(3):
        assert Client().get("/contests").status_code == 200


def test_the_list_is_filtered_and_paginated():
    for _ in range(13):
        contest()
    contest(started=False, name="Not yet")
    page = Client().get("/contests").content.decode()
    assert page.count("panel card") == 12
    assert "page=2" in page
    scheduled = Client().get("/contests?status=scheduled").content.decode()
    assert scheduled.count("panel card") == 1
    assert "Not yet" in scheduled
    assert Client().get("/contests?status=nonsense&page=x").status_code == 200


def test_private_contests_and_drafts_are_not_shown():
    hidden = contest(visibility="private", invite_code="secret")
    draft = contest(schedule=False, started=False)
    page = Client().get("/contests").content.decode()
    for view in (hidden, draft):
        assert view.slug not in page
        assert Client().get(f"/contests/{view.slug}").status_code == 404
    assert draft.slug in signed_in(is_staff=True).get("/contests").content.decode()


def test_joining_opens_one_account_and_leads_to_the_contest():
    view = contest()
    client = signed_in()
    for _ in range(2):
        answer = client.post(f"/contests/{view.slug}/join", follow=True)
        assert answer.redirect_chain[-1][0] == f"/contests/{view.slug}"
    assert "You are in, with 100,000.00 USD." in answer.content.decode()
    assert Participant.objects.filter(contest_id=view.id).count() == 1
    assert Client().post(f"/contests/{view.slug}/join")["Location"].startswith("/sign-in")


def test_a_contest_that_is_full_says_so():
    view = contest(capacity=1)
    assert signed_in().post(f"/contests/{view.slug}/join", follow=True).status_code == 200
    page = signed_in().post(f"/contests/{view.slug}/join", follow=True).content.decode()
    assert "This contest is full." in page


def form(**fields):
    market = bars_load()
    values = {"name": "Spring", "slug": "spring", "start": market["start"], "end": market["end"], "seed": "0"}
    values |= {"symbols": ", ".join(market["symbols"]), "seconds_per_tick": "3", "prints": "14", "currency": "USD"}
    values |= {"initial_balance": "50000", "capacity": "10", "agent_interval_minutes": "60"}
    return {**values, **fields}


def test_an_operator_creates_a_contest_with_its_market():
    answer = signed_in(is_staff=True).post("/contests/new", form(max_position_pct="25"))
    assert answer["Location"] == "/contests/spring"
    view = selectors.contest_by_id(Contest.objects.get(slug="spring").pk)
    assert view.status == "scheduled"
    assert view.initial_balance_minor == 5_000_000
    assert view.constraints == {"max_position_pct": "25"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"symbols": "NOPE"}, "NOPE"),
        ({"end": "1999-01-01"}, "The end is before the start."),
        ({"agents": "nobody"}, "nobody"),
        ({"initial_balance": "0"}, "out of range"),
        ({"name": ""}, "required"),
    ],
)
def test_a_contest_that_makes_no_sense_is_refused_at_its_field(fields, words):
    answer = signed_in(is_staff=True).post("/contests/new", form(**fields))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Contest.objects.exists()


def test_only_operators_see_the_form():
    assert signed_in().get("/contests/new").status_code == 403
    assert Client().get("/contests/new").status_code == 302
