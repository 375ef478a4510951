"""What a process and Redis keep of markets is bounded, and what is asked for stays."""

import pytest
from django.test import Client

from core.redis import client
from marketdata import selectors
from marketdata.adapters import board
from marketdata.selectors import history
from marketdata.services.markets import market_pause
from marketdata.tests.factories import replay_market

pytestmark = pytest.mark.django_db


def test_old_markets_do_not_push_out_one_that_is_asked_for(monkeypatch):
    monkeypatch.setattr(history, "MARKETS_KEPT", 2)
    live, *old = [replay_market(running=False).id for _ in range(4)]
    kept = history.market_slice(live)
    for market_id in old:
        selectors.bars(market_id, "AAA")
        assert history.market_slice(live) is kept
    assert len(history._slices) == 2
    assert len(history._listings) == 2


def test_a_board_that_nobody_writes_goes_and_comes_back():
    market = replay_market(ticks=1)
    key = board.key(market.id)
    assert 0 < client().ttl(key) <= board.BOARD_TTL
    client().persist(key)
    market_pause(actor=None, market_id=market.id)
    assert client().ttl(key) > 0
    client().delete(key)
    assert selectors.market_clock(market.id).status == "paused"
    assert selectors.quote_get(market.id, "AAA").tick == 0
    assert client().ttl(key) > 0


def test_a_page_of_markets_reads_only_its_rows(django_assert_num_queries):
    for _ in range(3):
        replay_market(running=False)
    with django_assert_num_queries(2):
        body = Client().get("/api/v1/markets?pageSize=2&page=2").json()
    assert (len(body["results"]), body["total"]) == (1, 3)
