"""The public API: prices, history, markets."""

import pytest
from django.test import Client

from marketdata.domain import ports
from marketdata.services import markets
from marketdata.tests.factories import advance, replay_market

pytestmark = pytest.mark.django_db
V1 = "/api/v1"


@pytest.fixture(autouse=True)
def _own_ports(monkeypatch):
    monkeypatch.setattr(ports, "_listeners", {})
    monkeypatch.setattr(ports, "_gates", {})
    monkeypatch.setattr(ports, "_default_market", [])


@pytest.fixture
def api():
    return Client()


def refusal(response, status, code):
    assert response.status_code == status
    body = response.json()
    assert body["code"] == code
    assert set(body) == {"code", "message", "details"}


def test_prices(api):
    market = replay_market(warmup=2, ticks=2)
    body = api.get(f"{V1}/stocks/prices?market={market.slug}").json()
    assert body == api.get(f"{V1}/stocks/prices").json()
    prices = body.pop("stocks")
    assert body == {
        "market": market.slug,
        "status": "running",
        "tick": 1,
        "at": "2024-01-10T16:40:00Z",
        "source_label": "Test bars",
        "is_simulated": False,
    }
    assert [row["symbol"] for row in prices] == ["AAA", "BBB"]
    assert prices[0] == {
        "symbol": "AAA",
        "name": "Test AAA",
        "sector": "",
        "currency": "USD",
        "last": "107.00",
        "bid": "106.97",
        "ask": "107.03",
        "previous_close": "105.00",
        "change_pct": "1.90",
        "volume": 1_000_000,
        "tick_size": "0.01",
        "lot_size": "1",
        "halted": False,
        "band_low": None,
        "band_high": None,
        "bid_size": None,
        "ask_size": None,
    }


def test_prices_before_the_first_tick(api):
    market = replay_market(running=False)
    body = api.get(f"{V1}/stocks/prices?market={market.slug}").json()
    assert (body["tick"], body["status"], body["stocks"]) == (-1, "idle", [])


def test_history_ends_at_the_tick_in_force(api):
    market = replay_market(warmup=2)
    url = f"{V1}/stocks/aaa/history?market={market.slug}"
    assert [bar["date"] for bar in api.get(url).json()["bars"]] == ["2024-01-08", "2024-01-09"]
    for tick in range(12):
        advance(market.id)
        bars = api.get(url).json()["bars"]
        assert len(bars) == 3 + tick // 4
        assert bars[-1]["is_complete"] == (tick % 4 == 3)
    assert len(api.get(f"{url}&limit=2").json()["bars"]) == 2
    assert bars[-1] == {
        "date": "2024-01-12",
        "at": "2024-01-12T14:30:00Z",
        "open": "101.00",
        "high": "110.00",
        "low": "100.00",
        "close": "108.00",
        "volume": 1_000_000,
        "is_complete": True,
    }


def test_history_adjusted_and_as_traded(api):
    bars = {"AAA": [(100, 100, 100, 100), (50, 50, 50, 50)]}
    market = replay_market(
        bars, actions={"AAA": [("split", 1, 2), ("symbol_change", 1, 0, "ZZZ")]}, basis="traded", ticks=5
    )
    url = f"{V1}/stocks/AAA/history?market={market.slug}"
    for query, closes in (("", ["50.00", "50.00"]), ("&adjusted=false", ["100.00", "50.00"])):
        body = api.get(url + query).json()
        assert (body["symbol"], body["adjusted"]) == ("ZZZ", not query)
        assert [bar["close"] for bar in body["bars"]] == closes
    refusal(api.get(url + "&adjusted=perhaps"), 400, "invalid")


def test_sizes_and_bands_are_shown(api):
    market = replay_market(warmup=1, ticks=1, venue={"band_pct": "10", "sizes": True})
    row = api.get(f"{V1}/stocks/prices?market={market.slug}").json()["stocks"][0]
    assert (row["band_low"], row["band_high"]) == ("91.80", "112.20")
    assert int(row["bid_size"]) > 0 < int(row["ask_size"])


def test_markets(api):
    first, second = replay_market(ticks=1), replay_market(mask=True, running=False)
    page = api.get(f"{V1}/markets?pageSize=1").json()
    assert (page["total"], page["next"], page["results"][0]["slug"]) == (2, 2, second.slug)
    assert page["results"][0]["is_masked"] is True
    detail = api.get(f"{V1}/markets/{first.slug}").json()
    assert detail["symbols"] == ["AAA", "BBB"]
    assert (detail["status"], detail["tick"], detail["clock"]["tick"]) == ("running", 0, 0)
    assert (detail["ticks_total"], detail["seconds_per_tick"]) == (20, "5")
    markets.market_pause(actor=None, market_id=first.id)
    assert api.get(f"{V1}/markets/{first.slug}").json()["status"] == "paused"


def test_refusals(api):
    refusal(api.get(f"{V1}/stocks/prices"), 404, "unknown_market")
    market = replay_market(ticks=1)
    refusal(api.get(f"{V1}/stocks/prices?market=nowhere"), 404, "unknown_market")
    refusal(api.get(f"{V1}/markets/nowhere"), 404, "unknown_market")
    refusal(api.get(f"{V1}/stocks/NONE/history"), 404, "unknown_symbol")
    refusal(api.get(f"{V1}/stocks/@/history"), 404, "unknown_symbol")
    for limit in ("0", "-1", "1001", "x", "1e3"):
        refusal(api.get(f"{V1}/stocks/AAA/history?limit={limit}"), 400, "invalid")
    refusal(api.get(f"{V1}/stocks/prices?market={'m' * 81}"), 400, "invalid")
    refusal(api.get(f"{V1}/stocks/prices?market=%00"), 400, "invalid")
    refusal(api.get(f"{V1}/markets?page=99"), 404, "not_found")
    refusal(api.post(f"{V1}/stocks/prices?market={market.slug}"), 405, "method_not_allowed")


def test_a_bad_token_hinders_no_one(api):
    market = replay_market(ticks=1)
    response = api.get(f"{V1}/stocks/prices?market={market.slug}", headers={"Authorization": "Bearer nonsense"})
    assert response.status_code == 200


def test_prices_cost_few_queries(api, django_assert_max_num_queries):
    market = replay_market(ticks=1)
    url = f"{V1}/stocks/prices?market={market.slug}"
    api.get(url)
    with django_assert_max_num_queries(1):
        api.get(url)
