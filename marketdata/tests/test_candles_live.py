"""Candles, history and figures of live markets, and the real hours of exchanges in the datafeed's words."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client

from marketdata.selectors.figures import market_metrics
from marketdata.tests.bars import minute_bars
from marketdata.tests.factories import InstrumentFactory, actions_create, bars_create
from marketdata.tests.live import exchanges, live_market, simulated, step, tell

pytestmark = pytest.mark.django_db
V1 = "/api/v1"


@pytest.fixture
def api():
    return Client()


def test_minutes_and_figures_of_a_live_market(api, django_assert_max_num_queries):
    now = datetime.now(tz=UTC).replace(microsecond=0)
    today = now.date()
    found, other = simulated("LIVE", "MORE")
    first = today - timedelta(days=21)
    bars_create(found, [(100, 110, 90, 100)] * 10 + [(50, 55, 45, 50)] * 5, start=first, volume=1000)
    actions_create(found, [("split", 10, 2)], start=first)
    minute_bars(found, int(now.timestamp()) // 60 * 60 - 180, [50, 51])
    tell(found, 52, now, open=50_000_000, high=60_000_000, low=49_000_000, volume=70)
    tell(other, 10, now)
    market = live_market(found, other)
    step(market)
    url = f"{V1}/stocks/LIVE/history?market={market.slug}"
    minutes = api.get(f"{url}&resolution=1").json()
    assert [bar["close"] for bar in minutes["bars"]] == ["50.00", "51.00", "52.00"]
    assert [bar["is_complete"] for bar in minutes["bars"][:2]] == [True, True]
    assert minutes["bars"][2]["is_complete"] is False or datetime.now(tz=UTC).minute != now.minute
    assert (minutes["market"], minutes["resolution"]) == (market.slug, "1")
    days = api.get(url).json()["bars"]
    assert (days[-1]["high"], days[-1]["is_complete"], len(days)) == ("60.00", False, 16)
    figures = {item.symbol: item.ranges for item in market_metrics(market.id, 10)}
    assert (figures["LIVE"].high, figures["LIVE"].low, figures["LIVE"].high_52w) == (
        Decimal(60),
        Decimal(45),
        Decimal(60),
    )
    assert figures["LIVE"].average_volume == (4 * 2000 + 5 * 1000) // 9  # the forming session does not count
    assert (figures["MORE"].high, figures["MORE"].atr) == (Decimal(10), None)
    quote = api.get(f"{V1}/stocks/LIVE/quote").json()
    assert (quote["last"], quote["market"], quote["source"], quote["is_live"]) == ("52.00", "", "test", True)
    named = api.get(f"{V1}/stocks/LIVE/quote?market={market.slug}").json()
    assert (named["last"], named["market"], named["is_live"]) == ("52.00", market.slug, True)


def test_the_real_hours_of_exchanges(api):
    exchanges()
    InstrumentFactory(symbol="AAPL", exchange="NASDAQ")
    InstrumentFactory(symbol="RELI", exchange="NSE")
    InstrumentFactory(symbol="SIMY", exchange="SIMX")
    apple = api.get(f"{V1}/udf/symbols?symbol=NASDAQ:AAPL").json()
    assert (apple["session"], apple["timezone"]) == ("0930-1600", "America/New_York")
    assert "20261225" in apple["session_holidays"].split(",")
    assert apple["corrections"] == "0930-1300:20261224,20261127"
    reliance = api.get(f"{V1}/udf/symbols?symbol=RELI").json()
    assert (reliance["session"], reliance["timezone"]) == ("0915-1530", "Asia/Kolkata")
    invented = api.get(f"{V1}/udf/symbols?symbol=SIMY").json()
    assert (invented["session"], invented["timezone"]) == ("24x7", "Etc/UTC")
    status = api.get(f"{V1}/market-status?exchange=NASDAQ&at=2026-12-24T17:59:00Z").json()
    assert status["markets"][0]["is_open"] is True
    assert date(2026, 12, 24).isoformat() == status["markets"][0]["session_date"]
