"""The landing page, the page of one contest, and an agent's page."""

import pytest
from django.test import Client

from ai_strategies.tests.factories import agent, arena, wavy_bars
from contests.services.contests import contest_feature, contest_pause
from contests.services.joins import contest_join
from contests.tests.factories import OPERATOR
from marketdata.services.ticks import market_step
from trading.tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def running():
    view = arena(agent(), agent("random"), bars=wavy_bars(days=30))
    contest_feature(actor=OPERATOR, contest_id=view.id, featured=True)
    market_step(market_id=view.market_id, ticks=6)
    return view


def signed_in(owner) -> Client:
    client = Client()
    client.force_login(owner, backend="accounts.backends.EmailBackend")
    return client


def test_without_a_contest_the_landing_page_says_what_to_do():
    assert "No contest is running" in Client().get("/").content.decode()
    assert "/contests/new" in signed_in(make.user(is_staff=True)).get("/").content.decode()


def test_the_landing_page_shows_the_running_contest(running):
    page = Client().get("/").content.decode()
    for words in ("Agent ", 'id="race-data"', "REPLAY", f"market:{running.market_id}", "TradingView", "Join the arena"):
        assert words in page


def test_a_visitor_watches_and_is_told_how_to_join(running):
    page = Client().get(f"/contests/{running.slug}").content.decode()
    assert "You are watching" in page
    assert 'id="ticket"' not in page
    assert "Sign up to trade" in page


def test_a_participant_gets_the_ticket_with_a_key_of_its_own(running):
    owner = make.user()
    account_id = contest_join(actor=make.actor(owner), contest_id=running.id)
    client = signed_in(owner)
    page = client.get(f"/contests/{running.slug}").content.decode()
    assert 'id="ticket"' in page
    assert f"account:{account_id}" in page
    assert "is-me" in page
    contest_pause(actor=OPERATOR, contest_id=running.id)
    paused = client.get(f"/contests/{running.slug}").content.decode()
    assert 'id="ticket"' not in paused
    assert "The contest is paused." in paused


def test_nothing_inline_is_in_any_page(running):
    owner = make.user()
    contest_join(actor=make.actor(owner), contest_id=running.id)
    client = signed_in(owner)
    for path in ("/", "/contests", f"/contests/{running.slug}", "/account", "/sign-up"):
        page = client.get(path, follow=True)
        text = page.content.decode()
        assert " style=" not in text
        assert "<style" not in text
        assert " onclick=" not in text
        policy = page["Content-Security-Policy"]
        assert "unsafe" not in policy


def test_the_contest_page_costs_a_bounded_number_of_statements(running, django_assert_max_num_queries):
    owner = make.user()
    contest_join(actor=make.actor(owner), contest_id=running.id)
    client = signed_in(owner)
    client.get(f"/contests/{running.slug}")
    with django_assert_max_num_queries(24):
        assert client.get(f"/contests/{running.slug}").status_code == 200
    with django_assert_max_num_queries(14):
        assert Client().get("/").status_code == 200


def test_the_candles_end_at_the_market_clock(running):
    symbol = next(iter(wavy_bars(days=30)))
    bars = Client().get(f"/markets/{running.market_id}/candles/{symbol}").json()["bars"]
    assert len(bars) == 2
    assert Client().get(f"/markets/{running.market_id}/candles/NOPE").status_code == 404
    assert Client().get("/markets/999999/candles/NOPE").status_code == 404


def test_an_agents_page_explains_how_it_decides(running):
    found = agent("momentum")
    page = Client().get(f"/agents/{found.pk}").content.decode()
    assert "lookback" in page
    assert "has not traded" in page
    assert Client().get("/agents/999999").status_code == 404
