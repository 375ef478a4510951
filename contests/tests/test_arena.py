"""The replay arena: starting one's own, its limits, and what the page and the API show."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from contests import selectors
from contests.domain.templates import DAILY, Facts
from contests.models import Contest, Participant
from contests.services.arena import arena_start
from contests.services.closing import contest_end
from contests.services.contests import contest_cancel
from contests.services.joins import contest_join
from contests.services.lifecycle import lifecycle_run
from contests.services.templates import TemplateOrder, template_create, template_deactivate, templates_run
from contests.tests.factories import OPERATOR, spec
from core import throttling
from core.errors import Conflict, DomainError, Forbidden, NotFound
from core.models import AuditEntry
from marketdata import selectors as market_selectors
from marketdata.services.ticks import market_step
from trading.tests.factories import actor, place, user

pytestmark = pytest.mark.django_db
MASKED = {"mask": True, "seconds_per_tick": "3"}


def template(slug="crash", **fields):
    values = {"name": "Trade a crash", "blurb": "It falls.", "is_arena": True, "facts": Facts(5, 3500)}
    values["spec"] = spec(market=MASKED, name="Trade a crash", capacity=500)
    return template_create(actor=OPERATOR, slug=slug, order=TemplateOrder(**{**values, **fields}))


def ended(run):
    contest_end(contest_id=run.contest.id)


def signed_in(who: User) -> Client:
    client = Client()
    client.force_login(who, backend="accounts.backends.EmailBackend")
    return client


def test_anyone_starts_one_of_their_own_and_is_in_it():
    template()
    who = actor(user())
    before = datetime.now(tz=UTC)
    run = arena_start(actor=who, template_slug="crash")
    view = run.contest
    assert (view.status, view.visibility, view.is_masked, view.capacity) == ("scheduled", "private", True, 50)
    assert timedelta(seconds=55) < view.starts_at - before < timedelta(seconds=65)
    assert not view.stakes
    place_of = Participant.objects.get(contest_id=view.id)
    assert (place_of.user_id, place_of.account_id) == (who.user_id, run.account_id)
    lifecycle_run(view.starts_at)
    assert selectors.contest_by_id(view.id).status == "active"
    # Others come by its code only.
    other = actor(user())
    with pytest.raises(Forbidden):
        contest_join(actor=other, contest_id=view.id)
    assert contest_join(actor=other, contest_id=view.id, invite_code=run.invite_code)
    assert AuditEntry.objects.filter(action="contest.create", actor_id=who.user_id).exists()


def test_one_at_a_time_and_three_in_a_day():
    template()
    who = actor(user())
    for _ in range(3):
        run = arena_start(actor=who, template_slug="crash")
        with pytest.raises(Conflict) as caught:
            arena_start(actor=who, template_slug="crash")
        assert (caught.value.code, caught.value.details["url"]) == ("arena_running", f"/contests/{run.contest.slug}")
        contest_cancel(actor=OPERATOR, contest_id=run.contest.id)
    with pytest.raises(DomainError) as refused:
        arena_start(actor=who, template_slug="crash")
    assert (refused.value.code, refused.value.status) == ("arena_limit", 429)
    Contest.objects.filter(pk=run.contest.id).update(created_at=datetime.now(tz=UTC) - timedelta(hours=25))
    arena_start(actor=who, template_slug="crash")
    arena_start(actor=actor(user()), template_slug="crash")  # another person's are their own


def test_who_may_not_trade_may_not_start_either():
    template()
    asked = actor(user(clearance=0))
    for who, code in (
        (OPERATOR, "not_a_user"),
        (asked, None),
        (actor(user(status="suspended")), "account_suspended"),
        (actor(user(kind="agent")), "account_suspended"),
    ):
        with pytest.raises(Forbidden) as caught:
            arena_start(actor=who, template_slug="crash")
        assert code in (None, caught.value.code)
    assert not Contest.objects.exists()


def test_only_what_the_arena_offers():
    template("kept-back", is_arena=False)
    template("gone")
    template_deactivate(actor=OPERATOR, slug="gone")
    for slug in ("kept-back", "gone", "nonsense"):
        with pytest.raises(NotFound):
            arena_start(actor=actor(user()), template_slug=slug)


@pytest.mark.django_db(transaction=True)
def test_many_clicks_at_once_start_one():
    template()
    who = actor(user())

    def click(_):
        try:
            return arena_start(actor=who, template_slug="crash").contest.slug
        except DomainError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        results = list(pool.map(click, range(5)))
    assert sorted(results)[:4] == ["arena_running"] * 4
    assert Contest.objects.count() == Participant.objects.count() == 1


def test_the_page_says_what_each_is_like_and_not_what_happens():
    template()
    page = Client().get("/arena").content.decode()
    for words in ("Trade a crash", "It falls.", "Rough", "Masked", "5 market days", "Sign in to start", "1 minute<"):
        assert words in page, words
    assert "AAA" not in page
    assert "2024" not in page
    mine = signed_in(user()).get("/arena").content.decode()
    assert "Start now" in mine
    assert "You may start 3 of your own" in mine
    assert "You have finished none yet" in mine


def test_the_page_without_any_template_says_what_to_do():
    assert "Nothing is set up here yet" in Client().get("/arena").content.decode()


def test_starting_leads_to_the_contest_and_the_arena_keeps_the_invitation():
    template()
    who = user()
    client = signed_in(who)
    answer = client.post("/arena/crash/start")
    slug = Contest.objects.get().slug
    assert answer["Location"] == f"/contests/{slug}"
    code = Contest.objects.get().invite_code
    page = client.get("/arena").content.decode()
    assert "Your own run" in page
    assert f"/contests/{slug}?code={code}" in page
    assert "Start now" not in page
    assert client.post("/arena/crash/start")["Location"] == f"/contests/{slug}"
    assert code not in signed_in(user()).get("/arena").content.decode()
    assert Client().post("/arena/crash/start")["Location"].startswith("/sign-in")
    assert client.get("/arena/crash/start").status_code == 405


def test_who_has_something_to_set_up_first_is_sent_there():
    template()
    answer = signed_in(user(clearance=0)).post("/arena/crash/start")
    assert answer.status_code == 302
    assert "next=%2Farena" in answer["Location"]


def test_starts_are_limited(monkeypatch):
    template()
    monkeypatch.setitem(throttling._NamedThrottle.THROTTLE_RATES, "uploads", "1/hour")
    client = signed_in(user())
    client.post("/arena/nonsense/start")
    assert "Too many attempts" in client.post("/arena/crash/start", follow=True).content.decode()
    assert not Contest.objects.exists()


def test_public_runs_are_offered_and_watched(django_assert_max_num_queries):
    for number in range(4):
        template(f"crash-{number}", cadence=DAILY, next_at=datetime.now(tz=UTC) + timedelta(hours=number + 1))
    assert len(templates_run()) == 4
    who = user()
    client = signed_in(who)
    first = Contest.objects.get(slug__startswith="crash-0")
    contest_join(actor=actor(who), contest_id=first.pk)
    page = client.get("/arena").content.decode()
    assert page.count("Play with everyone") == 4
    assert page.count("Join the next public run") == 3
    lifecycle_run(first.starts_at)
    with django_assert_max_num_queries(5):
        page = Client().get("/arena").content.decode()
    assert page.count("Watch Trade a crash") == 1
    with django_assert_max_num_queries(13):
        client.get("/arena")


def test_how_ones_own_came_out():
    template()
    who = actor(user())
    run = arena_start(actor=who, template_slug="crash")
    lifecycle_run(run.contest.starts_at)
    market_step(market_id=run.contest.market_id, ticks=2)
    listed = market_selectors.listings(run.contest.market_id)[0].symbol
    assert place(who, run.account_id, "buy", 10, symbol=listed).status == "filled"
    market_step(market_id=run.contest.market_id, ticks=30)
    ended(run)
    page = signed_in(User.objects.get(pk=who.user_id)).get("/arena").content.decode()
    assert "1 of 1" in page
    assert f"/contests/{run.contest.slug}/rewatch" in page
    assert "You may start 2 of your own" in page


def test_the_api_says_the_same():
    template()
    who = user()
    client = APIClient()
    found = client.get("/api/v1/arena").data
    assert (found["templates"][0]["slug"], found["templates"][0]["difficulty"]) == ("crash", "Rough")
    assert "AAA" not in str(found)
    assert client.post("/api/v1/arena/crash/start").status_code == 401
    client.force_authenticate(who)
    made = client.post("/api/v1/arena/crash/start")
    assert made.status_code == 201, made.data
    assert made.data["contest"]["account_id"] == made.data["account_id"]
    assert made.data["invite_code"] == Contest.objects.get().invite_code
    assert client.post("/api/v1/arena/crash/start").data["code"] == "arena_running"
    assert client.get("/api/v1/arena").data["own"]["contest"] == made.data["contest"]["slug"]
