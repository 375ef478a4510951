"""The list of contests, joining, and the operator's form."""

import pytest
from django.test import Client

from contests import selectors
from contests.models import Contest, Participant
from contests.tests.factories import bars_load, contest
from core import throttling
from trading.tests import factories as make

pytestmark = pytest.mark.django_db


def signed_in(**fields) -> Client:
    client = Client()
    client.force_login(make.user(**fields), backend="accounts.backends.EmailBackend")
    return client


def test_the_list_says_what_to_do_when_it_is_empty():
    assert "There is no contest yet" in Client().get("/contests").content.decode()
    assert "Create the first" in signed_in(is_staff=True, role="moderator").get("/contests").content.decode()


def test_the_list_costs_the_same_number_of_statements_however_long_it_is(django_assert_max_num_queries):
    for _ in range(8):
        contest()
    client = signed_in()
    # Of these, four are of the person: who, last seen, what is unread, what is missing before the first order.
    with django_assert_max_num_queries(7):
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
    assert draft.slug in signed_in(is_staff=True, role="moderator").get("/contests").content.decode()


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
    limits = {"max_position_pct": "25", "max_trades_per_day": "9", "commission_bps": "2.5"}
    answer = signed_in(is_staff=True, role="moderator").post("/contests/new", form(**limits))
    assert answer["Location"] == "/contests/spring"
    view = selectors.contest_by_id(Contest.objects.get(slug="spring").pk)
    assert view.status == "scheduled"
    assert view.initial_balance_minor == 5_000_000
    assert view.constraints == {"max_position_pct": "25", "max_trades_per_day": 9, "commission_bps": "2.5"}
    rules = signed_in().get("/contests/spring").content.decode()
    assert '<dt>Trades a market day</dt><dd class="num">9</dd>' in rules
    assert "Commission: 0.025%" in rules


def test_an_operator_makes_a_private_contest_and_gets_its_link():
    client = signed_in(is_staff=True, role="moderator")
    page = client.post("/contests/new", form(visibility="private"), follow=True)
    row = Contest.objects.get(slug="spring")
    assert row.visibility == "private"
    assert len(row.invite_code) >= 12
    assert f"/contests/spring?code={row.invite_code}" in page.content.decode()
    assert signed_in().get("/contests/spring").status_code == 404


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
    answer = signed_in(is_staff=True, role="moderator").post("/contests/new", form(**fields))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Contest.objects.exists()


def test_only_operators_see_the_form():
    assert signed_in().get("/contests/new").status_code == 403
    assert Client().get("/contests/new").status_code == 302


def test_a_private_contest_asks_for_its_invite_code_and_lets_in_who_has_it():
    view = contest(visibility="private", invite_code="secret")
    client = signed_in()
    page = client.get(f"/contests/{view.slug}")
    assert page.status_code == 404
    assert 'name="code"' in page.content.decode()
    assert view.name not in page.content.decode()
    wrong = client.get(f"/contests/{view.slug}?code=guess").content.decode()
    assert "answers to that code" in wrong
    shown = client.get(f"/contests/{view.slug}?code=secret").content.decode()
    assert view.name in shown
    assert 'name="invite_code" value="secret"' in shown
    assert "answers to that code" in client.post(f"/contests/{view.slug}/join", {"invite_code": "no"}).content.decode()
    assert not Participant.objects.filter(contest_id=view.id).exists()
    joined = client.post(f"/contests/{view.slug}/join", {"invite_code": "secret"}, follow=True)
    assert "You are in" in joined.content.decode()
    assert client.get(f"/contests/{view.slug}").status_code == 200


def test_an_address_without_a_contest_looks_like_one_with_a_private_contest():
    hidden = contest(visibility="private", invite_code="secret")
    pages = [Client().get(f"/contests/{slug}") for slug in (hidden.slug, "x" * len(hidden.slug))]
    first, second = (page.content.decode().replace(hidden.slug, "x" * len(hidden.slug)) for page in pages)
    assert [page.status_code for page in pages] == [404, 404]
    assert len(first) == len(second)


def test_an_operator_who_joins_a_private_contest_is_asked_for_the_code_too():
    view = contest(visibility="private", invite_code="secret")
    client = signed_in(is_staff=True, role="moderator")
    assert 'name="invite_code"' in client.get(f"/contests/{view.slug}").content.decode()
    answer = client.post(f"/contests/{view.slug}/join", {"invite_code": ""}, follow=True)
    assert "Enter its invite code to join." in answer.content.decode()


def test_guesses_of_an_invite_code_are_counted(monkeypatch):
    monkeypatch.setattr(throttling._NamedThrottle, "THROTTLE_RATES", {"auth": "20/min"})
    view = contest(visibility="private", invite_code="secret")
    client = Client()
    answers = [client.get(f"/contests/{view.slug}?code=guess{number}").status_code for number in range(30)]
    assert answers[0] == 404
    assert answers[-1] == 429
    assert "Too many attempts" in client.get(f"/contests/{view.slug}?code=guess").content.decode()


def test_the_viewers_own_row_of_the_standings():
    view = contest()
    client = signed_in()
    assert client.get(f"/contests/{view.slug}/standing").json() == {"row": None}
    client.post(f"/contests/{view.slug}/join")
    row = client.get(f"/contests/{view.slug}/standing").json()["row"]
    assert (row["value"], row["trades"], row["rank"]) == ("100000.00", 0, None)
    assert Client().get(f"/contests/{view.slug}/standing").status_code == 302
