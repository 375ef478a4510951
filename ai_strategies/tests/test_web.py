"""The landing page, the page of one contest, and an agent's page."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client

from ai_strategies import selectors
from ai_strategies.pages import feed
from ai_strategies.selectors import DecisionView
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
    assert "/contests/new" in signed_in(make.user(is_staff=True, role="moderator")).get("/").content.decode()


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
    with django_assert_max_num_queries(40):
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


def decided(account_id: int, action: str, tick: int) -> DecisionView:
    at = datetime(2020, 1, 1, tzinfo=UTC)
    none = {"agent_id": 1, "agent_key": "a", "agent_name": "A", "symbol": "", "quantity": 0, "reason": "", "code": ""}
    return DecisionView(
        **none, id=tick, contest_id=1, account_id=account_id, tick=tick, action=action, confidence=Decimal(0),
        status="none", price=None, order_id=None, market_at=at + timedelta(hours=tick), created_at=at,
    )  # fmt: skip


def test_a_run_of_holds_is_one_row_of_the_feed():
    newest_first = [(1, "hold"), (2, "hold"), (1, "hold"), (2, "buy"), (1, "hold"), (1, "sell"), (1, "hold")]
    count = len(newest_first)
    rows = feed([decided(account, action, count - n) for n, (account, action) in enumerate(newest_first)], 4)
    seen = [(row.decision.account_id, row.decision.action, row.turns, row.decision.tick) for row in rows]
    assert seen == [(1, "hold", 3, 7), (2, "hold", 1, 6), (2, "buy", 1, 4), (1, "sell", 1, 2)]
    assert rows[0].since == datetime(2020, 1, 1, 3, tzinfo=UTC)


def test_an_agents_page_moves_with_its_market_and_says_how_long_it_held(running):
    found = selectors.agents_list()[0]
    page = Client().get(f"/agents/{found.id}").content.decode()
    assert f"market:{running.market_id},contest:{running.id}" in page
    assert 'id="figures"' in page
    figures = Client().get(f"/accounts/{found.seats[0].account_id}/figures")
    assert figures.status_code == 200
    assert "data-holdings" in figures.content.decode()


def test_links_to_agents_are_read_once_a_minute(running, django_assert_num_queries):
    with django_assert_num_queries(1):
        known = selectors.agent_ids_by_user()
    with django_assert_num_queries(0):
        assert selectors.agent_ids_by_user() == known
    assert known == {agent.user_id: agent.id for agent in selectors.agents_list()}
