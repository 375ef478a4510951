"""Instruments, candles and quotes over HTTP: what is answered, refused, and kept by whom."""

from datetime import date
from decimal import Decimal

import pytest
from django.test import Client

from core.redis import client
from marketdata.models import DailyBar, Instrument
from marketdata.tests.bars import minute_bars, seconds
from marketdata.tests.factories import MONDAY, InstrumentFactory, bars_create, replay_market

V1 = "/api/v1"
HIDDEN_BARS = {"FUT": [(100 + n, 104 + n, 98 + n, 101 + n) for n in range(10)]}
pytestmark = pytest.mark.django_db


@pytest.fixture
def api():
    return Client()


def daily(symbol="DDD", rows=10, start=MONDAY, **more):
    found = InstrumentFactory(symbol=symbol, **more)
    bars_create(found, [(100 + n, 104 + n, 98 + n, 101 + n) for n in range(rows)], start=start)
    return found


def hidden(running=False, **more):
    view = replay_market(HIDDEN_BARS, warmup=4, running=running, instrument={"exchange": "SIM"}, **more)
    return view, Instrument.objects.get(symbol="FUT")


def refusal(response, status, code):
    assert response.status_code == status
    body = response.json()
    assert (body["code"], set(body)) == (code, {"code", "message", "details"})


def test_assets(api, django_assert_num_queries):
    for symbol, name, more in (
        ("INFY", "Infosys", {"exchange": "NSE", "currency": "INR"}),
        ("INF", "Informed Inc", {}),
        ("ZINF", "Zinc, not inf", {"kind": "etf"}),
        ("GONE", "Infinite but gone", {"is_active": False}),
    ):
        InstrumentFactory(symbol=symbol, name=name, **more)
    url = f"{V1}/core/assets"

    def symbols(query):
        return [row["symbol"] for row in api.get(url + query).json()["results"]]

    assert symbols("?search=inf") == ["INF", "INFY", "ZINF"]
    assert symbols("?search=INF&exchange=nse") == symbols("?search=nse:inf") == ["INFY"]
    assert symbols("?kind=ETF") == ["ZINF"]
    assert symbols("?search=%25") == symbols("?search=nothing") == []
    page = api.get(f"{url}?pageSize=2").json()
    assert (page["total"], page["next"], [row["ticker"] for row in page["results"]]) == (3, 2, ["TEST:INF", "NSE:INFY"])
    with django_assert_num_queries(2):
        api.get(f"{url}?search=i&pageSize=100")
    refusal(api.get(f"{url}?search={'x' * 61}"), 400, "invalid")
    refusal(api.get(f"{url}?search=%00"), 400, "invalid")
    row = Instrument.objects.get(symbol="INFY")
    for asset in ("infy", "NSE:INFY", str(row.pk)):
        got = api.get(f"{V1}/assets/{asset}").json()
        assert (got["id"], got["tick_size"], got["has_intraday"], got["is_active"]) == (row.pk, "0.01", False, True)
    for asset in ("BSE:INFY", "NONE", "0", "9" * 30, "@", "%00"):
        refusal(api.get(f"{V1}/assets/{asset}"), 404, "unknown_symbol")


def test_candles_view(api):
    found = daily()
    url = f"{V1}/assets/{found.pk}/candles_v2"
    body = api.get(url).json()
    assert (len(body["candles"]), body["earlier"], body["resolution"]) == (10, None, "1D")
    assert body["candles"][0] == {
        "time": seconds(2024, 1, 8),
        "at": "2024-01-08T00:00:00Z",
        "open": "100.00",
        "high": "104.00",
        "low": "98.00",
        "close": "101.00",
        "volume": 1_000_000,
        "is_forming": False,
    }
    page = api.get(f"{url}?to=2024-01-17&limit=3").json()
    assert [row["at"][:10] for row in page["candles"]] == ["2024-01-12", "2024-01-15", "2024-01-16"]
    assert page["earlier"] == seconds(2024, 1, 11)
    older = api.get(f"{url}?to={page['earlier'] + 1}&limit=2").json()
    assert [row["at"][:10] for row in older["candles"]] == ["2024-01-10", "2024-01-11"]
    ranged = api.get(f"{url}?from=2024-01-09T00:00:00Z&to={seconds(2024, 1, 11)}").json()
    assert [row["at"][:10] for row in ranged["candles"]] == ["2024-01-09", "2024-01-10"]
    assert api.get(f"{url}?from=2030-01-01").json()["candles"] == []
    assert api.get(f"/api/assets/TEST:{found.symbol}/candles_v2/?resolution=W").json()["resolution"] == "1W"
    refusal(api.get(f"{url}?resolution=7"), 400, "unsupported_resolution")
    refusal(api.get(f"{url}?from=2&to=1"), 400, "bad_range")
    for query in ("from=x", "to=2024-13-01", "limit=0", "limit=5001", "limit=1e3", "adjusted=perhaps"):
        refusal(api.get(f"{url}?{query}"), 400, "invalid")
    refusal(api.get(f"{V1}/assets/NONE/candles_v2"), 404, "unknown_symbol")


def test_candles_can_be_asked_for_conditionally(api):
    found = daily()
    url = f"{V1}/assets/{found.pk}/candles_v2"
    over = api.get(f"{url}?to=2024-01-13")
    assert over["Cache-Control"] == "public, max-age=3600"
    assert api.get(url)["Cache-Control"] == "public, max-age=2"
    for header in (over["ETag"], f"W/{over['ETag']}", f'"other", {over["ETag"]}', "*"):
        again = api.get(f"{url}?to=2024-01-13", headers={"If-None-Match": header})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", over["ETag"])
    assert api.get(f"{url}?to=2024-01-13", headers={"If-None-Match": '"other"'}).status_code == 200
    DailyBar.objects.filter(instrument=found, date=date(2024, 1, 12)).update(close=Decimal("103.5"))
    client().flushdb()  # else it is kept for a minute
    assert api.get(f"{url}?to=2024-01-13", headers={"If-None-Match": over["ETag"]}).status_code == 200


def test_a_range_that_a_contest_has_yet_to_play_is_not_kept_by_anyone(api):
    _, found = hidden()
    url = f"{V1}/assets/{found.pk}/candles_v2?to="
    assert api.get(f"{url}2024-01-11")["Cache-Control"] == "public, max-age=3600"
    for end in ("2024-01-12", "2024-01-13", "2025-01-01"):
        assert api.get(url + end)["Cache-Control"] == "public, max-age=2"


def test_a_stored_close_says_whose_and_how_old_it_is(api):
    found = daily()
    body = api.get(f"{V1}/stocks/ddd/quote").json()
    assert (body["last"], body["previous_close"], body["change_pct"]) == ("110.00", "109.00", "0.92")
    assert (body["source"], body["is_live"], body["at"], body["bid"]) == (
        "Test bars",
        False,
        "2024-01-20T00:00:00Z",
        None,
    )
    assert body["age_seconds"] > 86_400
    assert api.get(f"{V1}/stocks/{found.exchange}:DDD/quote").json()["symbol"] == "DDD"
    refusal(api.get(f"{V1}/stocks/NONE/quote"), 404, "unknown_symbol")
    InstrumentFactory(symbol="BARE")
    refusal(api.get(f"{V1}/stocks/BARE/quote"), 404, "no_price")
    market = replay_market(ticks=2)
    body = api.get(f"{V1}/stocks/AAA/quote?market={market.slug}").json()
    assert (body["market"], body["last"], body["source"], body["is_live"]) == (market.slug, "98.00", "Test bars", False)
    assert body == {**api.get(f"{V1}/stocks/AAA/quote").json(), "age_seconds": body["age_seconds"]}
    assert 0 <= body["age_seconds"] < 60
    refusal(api.get(f"{V1}/stocks/DDD/quote?market={market.slug}"), 404, "unknown_symbol")
    refusal(api.get(f"{V1}/stocks/AAA/quote?market=nowhere"), 404, "unknown_market")
    idle = replay_market(running=False)
    refusal(api.get(f"{V1}/stocks/AAA/quote?market={idle.slug}"), 404, "no_price")


def test_history_at_a_resolution(api):
    market = replay_market(ticks=2)
    url = f"{V1}/stocks/AAA/history?market={market.slug}"
    assert api.get(f"{url}&resolution=1D").json() == api.get(url).json()
    assert api.get(url).json()["resolution"] == "1D"
    refusal(api.get(f"{url}&resolution=5"), 400, "unsupported_resolution")
    refusal(api.get(f"{url}&resolution=7"), 400, "invalid")
    found = InstrumentFactory(symbol="MIN")
    minute_bars(found, seconds(2026, 3, 2, 14, 0), [100, 101, 102])
    body = api.get(f"{V1}/stocks/min/history?resolution=1&limit=2").json()
    assert [(bar["at"], bar["close"], bar["is_complete"]) for bar in body["bars"]] == [
        ("2026-03-02T14:01:00Z", "101.00", True),
        ("2026-03-02T14:02:00Z", "102.00", True),
    ]
    assert (body["market"], body["bars"][0]["date"]) == ("", "2026-03-02")
