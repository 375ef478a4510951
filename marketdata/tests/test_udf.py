"""TradingView's datafeed: every answer to the contract, run by a client of the protocol and looked at one by one."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from bench.udf_client import ContractError, UdfClient, run
from marketdata.adapters.live_board import live_write
from marketdata.domain.feed import LiveQuote
from marketdata.domain.marks import Mark, register_marks_source, unregister_marks_source
from marketdata.domain.udf import price_scale
from marketdata.models import Instrument, MarketPolicy
from marketdata.selectors.candles import candles
from marketdata.tests.bars import exchange, minute_bars, seconds, sessions
from marketdata.tests.factories import InstrumentFactory, actions_create, bars_create

pytestmark = pytest.mark.django_db
UDF = "/api/v1/udf"
MICRO = 1_000_000


@pytest.fixture
def api():
    return Client()


def fetcher(api):
    return lambda path, query: api.get(f"{UDF}/{path}", query).content.decode()


def stock(symbol="INFY", rows=30, start=date(2024, 1, 8), **more):
    found = InstrumentFactory(symbol=symbol, **{"name": "Infosys", "exchange": "NSE", "currency": "INR", **more})
    bars_create(found, [(100 + n, 104 + n, 98 + n, 101 + n) for n in range(rows)], start=start)
    return found


def live(instrument, *, session, at, last=150, **more):
    values = {"bid": last - 1, "ask": last + 1, "open": 140, "high": 155, "low": 139, "previous_close": 0, **more}
    prices = {name: round(value * MICRO) for name, value in values.items()}
    quote = LiveQuote(
        instrument_id=instrument.pk,
        symbol=instrument.symbol,
        last=last * MICRO,
        bid_size=1,
        ask_size=1,
        at=at * MICRO,
        received=at * MICRO,
        provider="simulated",
        session=session,
        volume=77,
        **prices,
    )
    live_write([quote])
    return quote


@pytest.mark.parametrize("resolution", ["1D", "1W", "1M"])
def test_a_client_run_over_days(api, resolution):
    actions_create(stock(rows=700), [("split", 5, 2), ("dividend", 9, "0.25")], start=date(2024, 1, 8))
    report = run(fetcher(api), "inf", resolution)
    assert report.symbol == "NSE:INFY"
    assert report.first == seconds(2024, 1, 8)
    assert report.bars == {"1D": 700, "1W": 140, "1M": 33}[resolution]
    assert report.marks == 2


@pytest.mark.parametrize("resolution", ["1", "5", "60", "240"])
def test_a_client_run_over_minutes_with_holes(api, resolution):
    found = stock()
    for day in range(3):
        minute_bars(found, seconds(2026, 3, 2 + day * 4, 4, 0), [100 + n % 7 for n in range(375)])
    report = run(fetcher(api), "INFY", resolution)
    assert report.bars == {"1": 1125, "5": 225, "60": 21, "240": 6}[resolution]


@given(step=st.integers(min_value=1, max_value=40))
def test_pages_of_any_size_are_the_whole(step):
    """Without the database: paging by countback and `to` over a list of times, as the view cuts it."""
    times = list(range(0, 4000, 97))
    end, known = 10**6, []
    while page := [at for at in times if at < end][-step:]:
        known[:0] = page
        end = page[0]
    assert known == times


def test_the_client_refuses_what_is_not_to_the_contract():
    bad = [
        {"s": "ok", "t": [2, 1], "o": [1, 1], "h": [1, 1], "l": [1, 1], "c": [1, 1], "v": [0, 0]},
        {"s": "ok", "t": [1], "o": [1], "h": [1], "l": [1], "c": [], "v": [0]},
        {"s": "ok", "t": [1], "o": ["1"], "h": [1], "l": [1], "c": [1], "v": [0]},
        {"s": "ok", "t": [1], "o": [1], "h": [1], "l": [2], "c": [1], "v": [0]},
        {"s": "ok", "t": [99], "o": [1], "h": [1], "l": [1], "c": [1], "v": [0]},
        {"s": "no_data", "nextTime": 99},
        {"s": "error", "errmsg": "no"},
    ]
    import json

    for answer in bad:
        with pytest.raises(ContractError):
            UdfClient(lambda _path, _query, answer=answer: json.dumps(answer)).history("X", "1D", 0, 50)


def test_config_time_and_search(api):
    for symbol, more in (("INFY", {}), ("INF", {"exchange": "NASDAQ"}), ("XINF", {"name": "Inf etf", "kind": "etf"})):
        InstrumentFactory(symbol=symbol, **{"name": "Infosys", "exchange": "NSE", **more})
    config = api.get(f"{UDF}/config").json()
    assert (config["supports_search"], config["supports_group_request"]) == (True, False)
    assert config["supported_resolutions"] == ["1", "5", "15", "30", "60", "240", "1D", "1W", "1M"]
    assert [item["value"] for item in config["exchanges"]] == ["", "NASDAQ", "NSE"]
    response = api.get(f"{UDF}/time/", headers={"Accept": "text/html"})
    assert response["Content-Type"].startswith("text/plain")
    assert abs(int(response.content) - datetime.now(tz=UTC).timestamp()) < 5

    def tickers(query):
        return [row["ticker"] for row in api.get(f"{UDF}/search?{query}").json()]

    assert tickers("query=INF&limit=30") == ["NASDAQ:INF", "NSE:INFY", "NSE:XINF"]
    assert tickers("query=INF&limit=1") == ["NASDAQ:INF"]
    assert tickers("query=NSE:INFY") == ["NSE:INFY"]
    assert tickers("query=&type=etf&exchange=nse") == ["NSE:XINF"]
    assert tickers("query=nothing") == tickers("query=INF&limit=0") == []
    assert api.get(f"{UDF}/search?query=INFY").json()[0] == {
        "symbol": "INFY",
        "full_name": "NSE:INFY",
        "description": "Infosys",
        "exchange": "NSE",
        "ticker": "NSE:INFY",
        "type": "stock",
    }


def test_a_symbol_with_its_hours(api):
    row = exchange("XIND", "Asia/Kolkata", "09:15", "15:30")
    sessions(row, date(2026, 11, 2), 60, early=[date(2026, 11, 27), date(2026, 12, 24)], holidays=[date(2026, 12, 25)])
    found = stock(exchange="XIND", tick_size=Decimal("0.05"))
    info = api.get(f"{UDF}/symbols?symbol=xind:infy").json()
    assert info == api.get(f"{UDF}/symbols?symbol=INFY").json()
    assert "s" not in info
    assert (info["ticker"], info["timezone"], info["session"]) == ("XIND:INFY", "Asia/Kolkata", "0915-1530")
    assert info["session_holidays"] == "20261225"
    assert info["corrections"] == "0915-1300:20261224,20261127"
    assert (info["minmov"], info["pricescale"], info["currency_code"]) == (5, 100, "INR")
    assert (info["has_intraday"], info["has_daily"], info["has_weekly_and_monthly"]) == (False, True, True)
    assert info["supported_resolutions"] == ["1D", "1W", "1M"]
    minute_bars(found, seconds(2026, 11, 2, 4, 0), [100, 101])
    assert api.get(f"{UDF}/symbols?symbol=INFY").json()["supported_resolutions"][:2] == ["1", "5"]
    for symbol in ("BSE:INFY", "NONE", "", "%00", "x" * 33):
        assert api.get(f"{UDF}/symbols?symbol={symbol}").json() == {"s": "error", "errmsg": "unknown_symbol"}
    assert api.get(f"{UDF}/symbols?symbol=INFY&currencyCode=USD").json()["s"] == "error"
    assert api.get(f"{UDF}/symbols?symbol=INFY&currencyCode=inr").json() == api.get(f"{UDF}/symbols?symbol=INFY").json()


def test_ticks_as_the_protocol_says_them():
    said = {"0.01": (1, 100), "0.05": (5, 100), "1": (1, 1), "5": (5, 1), "0.0001": (1, 10_000), "0.25": (25, 100)}
    assert {tick: price_scale(Decimal(f"{tick}")) for tick in said} == said
    assert price_scale(Decimal("0.010000")) == (1, 100)


def test_a_group_is_columns_of_one_length(api):
    for number in range(3):
        stock(f"S{number}", rows=1, name=f"Stock {number}")
    table = api.get(f"{UDF}/symbol_info?group=nse").json()
    assert table["symbol"] == ["S0", "S1", "S2"]
    assert {
        len(value) for name, value in table.items() if isinstance(value, list) and name != "intraday-multipliers"
    } == {3}
    assert table["supported-resolutions"][0] == ["1D", "1W", "1M"]
    assert api.get(f"{UDF}/symbol_info?group=NONE").json() == {"s": "error", "errmsg": "unknown group"}
    assert api.get(f"{UDF}/symbol_info").json()["s"] == "error"


def history(api, **query):
    query = {"symbol": "NSE:INFY", "resolution": "1D", **{name.rstrip("_"): value for name, value in query.items()}}
    return api.get(f"{UDF}/history", query).json()


def test_history_to_the_letter(api):
    stock()
    body = history(api, from_=seconds(2024, 1, 9), to=seconds(2024, 1, 11))
    assert body == {
        "s": "ok",
        "t": [seconds(2024, 1, 9), seconds(2024, 1, 10)],
        "o": [101.0, 102.0],
        "h": [105.0, 106.0],
        "l": [99.0, 100.0],
        "c": [102.0, 103.0],
        "v": [1_000_000, 1_000_000],
    }
    # countback goes before from; fewer only when history ends; `to` is exclusive.
    assert history(api, from_=seconds(2024, 1, 16), to=seconds(2024, 1, 17), countback=3)["t"] == [
        seconds(2024, 1, day) for day in (12, 15, 16)
    ]
    assert len(history(api, from_=0, to=seconds(2024, 1, 10), countback=99)["t"]) == 2
    # Nothing in the range: the closest earlier candle, where there is one.
    assert history(api, from_=seconds(2024, 1, 13), to=seconds(2024, 1, 15)) == {
        "s": "no_data",
        "nextTime": seconds(2024, 1, 12),
    }
    assert history(api, from_=seconds(2030, 1, 1), to=seconds(2031, 1, 1))["nextTime"] == seconds(2024, 2, 16)
    assert history(api, from_=0, to=seconds(2024, 1, 8)) == {"s": "no_data"}
    assert history(api, from_=-5_000, to=seconds(2024, 1, 8), countback=10) == {"s": "no_data"}
    # A `to` in the future asks for the newest.
    assert history(api, from_=0, to=9_999_999_999, countback=1)["t"] == [seconds(2024, 2, 16)]
    assert history(api, resolution="D", from_=0, to=9_999_999_999) == history(api, from_=0, to=9_999_999_999)
    assert history(api, resolution="60", from_=0, to=9_999_999_999) == {"s": "no_data"}


@pytest.mark.parametrize(
    "query",
    [
        {"symbol": "NONE"},
        {"resolution": "2"},
        {"resolution": ""},
        {"from_": "x"},
        {"to": "1e9"},
        {"to": "9" * 16},
        {"from_": 20, "to": 10},
        {"countback": "many"},
        {"symbol": "y" * 34},
    ],
)
def test_bad_requests_are_errors_in_the_body(api, query):
    stock()
    url_query = {"symbol": "INFY", "resolution": "1D", "from": 0, "to": 10}
    response = api.get(f"{UDF}/history", url_query | {name.rstrip("_"): value for name, value in query.items()})
    assert response.status_code == 200
    body = response.json()
    assert (body["s"], set(body)) == ("error", {"s", "errmsg"})
    assert response["Cache-Control"] == "no-store"


def test_both_spellings_of_addresses_and_other_methods(api):
    stock()
    query = "symbol=INFY&resolution=1D&from=0&to=1710000000"
    bodies = {
        api.get(f"{base}/udf/history{end}?{query}").content for base in ("/api/v1", "/api", "/v1") for end in ("", "/")
    }
    assert len(bodies) == 1
    assert api.post(f"{UDF}/history").json()["s"] == "error"


def test_answers_can_be_asked_for_conditionally(api, django_assert_num_queries):
    stock()
    url = f"{UDF}/history?symbol=INFY&resolution=1D&from=0&to={seconds(2024, 1, 20)}"
    first = api.get(url)
    assert first["Cache-Control"] == "public, max-age=3600"
    with django_assert_num_queries(0):  # what is hot comes from Redis
        again = api.get(url, headers={"If-None-Match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert api.get(url).content == first.content
    newest = api.get(f"{UDF}/history?symbol=INFY&resolution=1D&from=0&to=9999999999")
    assert newest["Cache-Control"] == "public, max-age=2"
    assert api.get(f"{UDF}/history?symbol=INFY&resolution=1D&from=0&to=5")["Cache-Control"] == "public, max-age=2"


def test_a_redis_that_is_down_hinders_no_one(api, settings, monkeypatch):
    import redis

    from marketdata.api import common

    stock()
    dead = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.1)
    monkeypatch.setattr(common, "client", lambda: dead)
    assert history(api, from_=0, to=seconds(2024, 1, 10))["s"] == "ok"


def test_the_forming_day_and_minute_come_from_the_feed(api):
    found = stock(rows=5, start=date(2026, 3, 2))
    day, at = date(2026, 3, 9), seconds(2026, 3, 9, 5, 0) + 30
    minute_bars(found, at - 30 - 120, [100, 101])
    live(found, session=day, at=at)
    now = datetime.fromtimestamp(at + 5, tz=UTC)
    days = candles(found.pk, "1D", now=now)
    assert days.table[-1].tolist() == [seconds(2026, 3, 9), *(value * MICRO for value in (140, 155, 139, 150)), 77]
    assert days.is_forming
    week = candles(found.pk, "1W", now=now)
    assert (week.times[-1], week.is_forming) == (seconds(2026, 3, 9), True)
    minutes = candles(found.pk, "1", now=now)
    assert minutes.times == [at - 150, at - 90, at - 30]
    assert minutes.table[-1].tolist()[1:] == [150 * MICRO] * 4 + [0]
    assert minutes.is_forming
    assert candles(found.pk, "1", end=at - 30, now=now).times == [at - 150, at - 90]
    assert candles(found.pk, "1D", end=seconds(2026, 3, 9), now=now).times[-1] == seconds(2026, 3, 6)
    quote = api.get(f"{UDF}/quotes?symbols=NSE:INFY,NONE").json()
    assert quote["d"][1] == {"s": "error", "n": "NONE", "v": {}}
    assert quote["d"][0] == {
        "s": "ok",
        "n": "NSE:INFY",
        "v": {
            "lp": 150.0,
            "ch": 45.0,
            "chp": 42.86,
            "bid": 149.0,
            "ask": 151.0,
            "spread": 2.0,
            "open_price": 140.0,
            "high_price": 155.0,
            "low_price": 139.0,
            "prev_close_price": 105.0,
            "volume": 77,
            "short_name": "INFY",
            "exchange": "NSE",
            "description": "Infosys",
        },
    }
    body = api.get("/api/v1/stocks/INFY/quote").json()
    assert (body["last"], body["source"], body["is_live"], body["at"]) == (
        "150.00",
        "simulated",
        True,
        "2026-03-09T05:00:30Z",
    )


def test_an_exchange_that_does_not_let_anyone_see_live_prices(api):
    from marketdata.selectors.sessions import sessions_forget

    row = exchange("XIND", "Asia/Kolkata", "09:15", "15:30")
    MarketPolicy.objects.create(
        exchange=row, allows_money=False, live_by="own_broker", reason="Not allowed", valid_from=date(2020, 1, 1)
    )
    sessions_forget()
    now = datetime.now(tz=UTC)
    today = (now + timedelta(hours=5, minutes=30)).date()
    found = stock(rows=3, start=date(2024, 1, 8), exchange="XIND")
    midnight = int(datetime(today.year, today.month, today.day, tzinfo=UTC).timestamp()) - 19_800
    minute_bars(found, midnight - 60, [100, 101, 102])
    live(found, session=today, at=int(now.timestamp()))
    assert candles(found.pk, "1").times == [midnight - 60]
    assert candles(found.pk, "1D").times[-1] == seconds(2024, 1, 10)
    assert api.get("/api/v1/stocks/INFY/quote").json()["is_live"] is False
    assert api.get(f"{UDF}/quotes?symbols=INFY").json()["d"][0]["v"]["lp"] == 103.0


def test_marks_of_actions_and_of_whoever_registers(api, django_user_model):
    found = stock()
    actions_create(found, [("split", 5, 2), ("dividend", 9, "0.25"), ("symbol_change", 12, 0, "NEWS")])
    url = f"{UDF}/marks?symbol=INFY&resolution=1D&from={seconds(2024, 1, 8)}&to="
    body = api.get(f"{url}{seconds(2024, 3, 1)}").json()
    assert body["time"] == [seconds(2024, 1, 15), seconds(2024, 1, 19), seconds(2024, 1, 24)]
    assert (body["label"], body["text"][1]) == (["S", "D", "N"], "Dividend: 0.25 INR a share")
    assert api.get(f"{url}{seconds(2024, 1, 19)}").json()["label"] == ["S"]
    axis = api.get(f"{url.replace('marks', 'timescale_marks')}{seconds(2024, 3, 1)}")
    assert axis.json()[0]["tooltip"] == ["Split", "2 new shares for each old one"]
    assert axis["Cache-Control"] == "public, max-age=60"
    asked = []

    def fills(request):
        asked.append(request)
        return [Mark("7", seconds(2024, 1, 10), "B", ("Bought 5",), on_scale=False), Mark("8", 1, "B", ("Too early",))]

    register_marks_source("fills", fills)
    try:
        user = django_user_model.objects.create_user("m@example.com", "secret-pass-1", display_name="M")
        api.force_login(user)
        mine = api.get(f"{url}{seconds(2024, 3, 1)}")
        assert mine.json()["id"][0] == "fills-7"
        assert mine["Cache-Control"].startswith("private")
        assert len(mine.json()["id"]) == 4
        assert (asked[0].user_id, asked[0].instrument_id, asked[0].resolution) == (user.pk, found.pk, "1D")
        assert len(api.get(f"{url.replace('marks', 'timescale_marks')}{seconds(2024, 3, 1)}").json()) == 3
    finally:
        unregister_marks_source("fills")


def test_the_number_of_questions_does_not_grow_with_the_list(api, django_assert_max_num_queries):
    for number in range(12):
        stock(f"S{number}", rows=2)
    names = ",".join(Instrument.objects.values_list("symbol", flat=True))
    for path in (f"quotes?symbols={names}", "search?query=S&limit=30", "symbol_info?group=NSE"):
        with django_assert_max_num_queries(9):
            api.get(f"{UDF}/{path}")
    assert api.get(f"{UDF}/quotes?symbols={','.join(['X'] * 51)}").json()["s"] == "error"
    assert api.get(f"{UDF}/quotes").json()["s"] == "error"


def test_too_many_requests_are_said_in_the_protocols_words(api, monkeypatch):
    from core import throttling

    monkeypatch.setattr(throttling.AnonThrottle, "THROTTLE_RATES", {"anon": "2/min"})
    answers = [api.get(f"{UDF}/config") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["s"] == "error"
    assert int(answers[2]["Retry-After"]) > 0
