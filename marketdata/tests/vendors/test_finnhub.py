"""Finnhub through its real client, against a server on loopback."""

import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from marketdata.adapters.vendors.finnhub import Finnhub
from marketdata.adapters.vendors.symbols import Symbols
from marketdata.domain.feed import Print, micro_of
from marketdata.domain.providers import ProviderError
from marketdata.domain.types import Action
from marketdata.tests.vendors.finnhub_server import FinnhubServer
from marketdata.tests.vendors.heard import Heard, streaming

OPEN = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
SECONDS = int(OPEN.timestamp())


@pytest.fixture
def server():
    with FinnhubServer() as server:
        yield server


def vendor(server, *, key="right-key", timeout=1.0):
    return Finnhub(key=key, url=server.url, stream_url=server.stream_url, timeout=timeout, symbols=Symbols("finnhub"))


def failure(ask):
    with pytest.raises(ProviderError) as found:
        ask()
    assert found.value.provider == "finnhub"
    return found.value


def test_quotes_and_what_is_unknown_left_out(server):
    server.quotes["AAPL"] = {"c": 101.01, "d": 1, "dp": 1, "h": 102.25, "l": 99, "o": 99.5, "pc": 98.76, "t": SECONDS}
    (quote,) = vendor(server).quotes(["AAPL", "NONE"])
    assert (quote.last, quote.bid, quote.ask, quote.at) == (101_010_000, 0, 0, SECONDS * 1_000_000)
    assert (quote.open, quote.high, quote.low, quote.previous_close) == (
        99_500_000,
        102_250_000,
        99_000_000,
        98_760_000,
    )


def test_the_key_is_in_no_address(server):
    vendor(server).quotes(["AAPL"])
    assert all("token" not in query for _, query in server.requests)
    error = failure(lambda: vendor(server, key="wrong-key").quotes(["AAPL"]))
    assert error.code == ProviderError.UNAUTHORIZED
    assert "wrong-key" not in str(error)


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ((403, {"error": "You don't have access to this resource."}), ProviderError.NOT_ENTITLED),
        ((429, {"error": "API limit reached."}), ProviderError.RATE_LIMITED),
        (500, ProviderError.UNAVAILABLE),
        ("html", ProviderError.MALFORMED),
        ("half", ProviderError.MALFORMED),
        ("close", ProviderError.UNAVAILABLE),
        ("hang", ProviderError.UNAVAILABLE),
        ("trickle", ProviderError.UNAVAILABLE),
        (b"[]", ProviderError.MALFORMED),
        (b'{"c": NaN, "t": 5}', ProviderError.MALFORMED),
        (b'{"c": -3, "t": 5}', ProviderError.MALFORMED),
        (b'{"c": "many", "t": 5}', ProviderError.MALFORMED),
        ((200, {"c": 1, "t": 5}, {"Content-Type": "image/png"}), ProviderError.MALFORMED),
    ],
)
def test_what_goes_wrong_is_told_apart(server, how, code):
    server.fail_next(how)
    began = time.monotonic()
    assert failure(lambda: vendor(server, timeout=0.3).quotes(["AAPL"])).code == code
    assert time.monotonic() - began < 2


def test_a_long_stretch_of_minutes_is_asked_in_windows(server):
    times = [SECONDS - days * 86_400 for days in (60, 30, 0)]
    server.candles["AAPL", "5"] = [(at, 10, 12, 9, 11, 100) for at in times]
    pages = vendor(server).bars("AAPL", minutes=5, start=OPEN - timedelta(days=61), end=OPEN + timedelta(minutes=5))
    assert [bar.at for page in pages for bar in page] == [at * 1_000_000 for at in times]
    assert len(server.requests) == 3


def test_days_come_as_they_were_traded(server):
    server.splits["AAPL"] = [{"symbol": "AAPL", "date": "2026-11-19", "fromFactor": 1, "toFactor": 4}]
    days = [datetime(2026, 11, day, hour, tzinfo=UTC) for day, hour in ((18, 5), (19, 0), (20, 5))]
    server.candles["AAPL", "D"] = [(int(at.timestamp()), 25.5, 26, 25, 25.75, 400) for at in days]
    start = datetime(2026, 11, 18, tzinfo=UTC)
    pages = vendor(server).bars("AAPL", minutes=1440, start=start, end=start + timedelta(days=3))
    bars = [bar for page in pages for bar in page]
    assert [bar.at for bar in bars] == [micro_of(start + timedelta(days=days)) for days in range(3)]
    assert [(bar.open, bar.close, bar.volume) for bar in bars] == [
        (102_000_000, 103_000_000, 100),
        (25_500_000, 25_750_000, 400),
        (25_500_000, 25_750_000, 400),
    ]


def test_without_the_splits_there_are_no_days(server):
    server.fail_next((403, {"error": "You don't have access to this resource."}))
    error = failure(lambda: list(vendor(server).bars("AAPL", minutes=1440, start=OPEN, end=OPEN + timedelta(days=1))))
    assert error.code == ProviderError.NOT_ENTITLED


@pytest.mark.parametrize(
    "document", [{"s": "ok", "t": [1], "o": [], "h": [1], "l": [1], "c": [1], "v": [1]}, {"s": "error"}, {}]
)
def test_candles_that_do_not_fit_together(server, document):
    server.fail_next((200, document))
    error = failure(lambda: list(vendor(server).bars("AAPL", minutes=1, start=OPEN, end=OPEN + timedelta(hours=1))))
    assert error.code == ProviderError.MALFORMED


def test_bars_that_the_vendor_has_not(server):
    error = failure(lambda: list(vendor(server).bars("AAPL", minutes=7, start=OPEN, end=OPEN + timedelta(hours=1))))
    assert (error.code, server.requests) == (ProviderError.UNSUPPORTED, [])


def test_search_and_instruments(server):
    server.matches = [
        {"description": "APPLE INC", "displaySymbol": "AAPL", "symbol": "AAPL", "type": "Common Stock"},
        {"description": "BERKSHIRE B", "displaySymbol": "BRK.B", "symbol": "BRK.B", "type": "Common Stock"},
        {"description": "RELIANCE", "displaySymbol": "RELIANCE.NS", "symbol": "RELIANCE.NS", "type": "Common Stock"},
        {"description": "APPLE", "displaySymbol": "APC.DE", "symbol": "APC.DE", "type": "Common Stock"},
        {"description": "SPDR", "displaySymbol": "SPY", "symbol": "SPY", "type": "ETP"},
    ]
    found = vendor(server).search("a")
    assert [(info.symbol, info.exchange, info.kind) for info in found] == [
        *(("AAPL", "US", "stock"), ("BRK.B", "US", "stock"), ("RELIANCE.NS", "NSE", "stock"), ("SPY", "US", "etf"))
    ]
    server.profiles["AAPL"] = {
        **{"ticker": "AAPL", "name": "Apple Inc", "exchange": "NASDAQ NMS - GLOBAL MARKET", "currency": "USD"},
        "finnhubIndustry": "Technology",
    }
    apple, spy = vendor(server).instruments(["AAPL", "SPY", "NONE"])
    assert (apple.exchange, apple.sector, apple.name) == ("NASDAQ", "Technology", "Apple Inc")
    assert (spy.symbol, spy.kind) == ("SPY", "etf")


def test_actions_status_and_news(server):
    server.splits["AAPL"] = [{"symbol": "AAPL", "date": "2026-08-31", "fromFactor": 1, "toFactor": 4}]
    server.dividends["AAPL"] = [{"symbol": "AAPL", "date": "2026-05-08", "amount": 0.205}]
    finnhub = vendor(server)
    assert finnhub.actions("AAPL", start=date(2026, 1, 1), end=date(2026, 12, 31)) == [
        Action("dividend", date(2026, 5, 8), Decimal("0.205")),
        Action("split", date(2026, 8, 31), Decimal(4)),
    ]
    assert finnhub.status("NASDAQ").is_open
    assert failure(lambda: finnhub.status("SIMX")).code == ProviderError.UNSUPPORTED
    article = {"id": 1, "headline": "Up", "url": "https://example.test/", "source": "wire", "summary": "s"}
    server.news = [{**article, "datetime": SECONDS}, {**article, "id": 2, "datetime": SECONDS + 5}]
    assert [item.id for item in finnhub.news("AAPL", limit=1)] == ["2"]


def test_a_stream_of_trades(server):
    with streaming(vendor(server), ["AAPL"]) as heard:
        server.wait_subscribed("AAPL")
        good = {"s": "AAPL", "p": 100.01, "t": SECONDS * 1_000, "v": 30, "c": ["1"]}
        server.push({"type": "ping"})
        server.push("{")
        server.push({"type": "error", "msg": "Subscribing to too many symbols"})
        server.push({"type": "trade", "data": [good, {**good, "p": 0}, {**good, "s": "MSFT"}, 7, good]})
        heard.wait(prints=2, odd=5)
    assert heard.prints == [Print("AAPL", SECONDS * 1_000_000, last=100_010_000, size=30)] * 2
    assert [kind for kind, _ in heard.odd] == [
        *("malformed", "malformed", "not_positive", "unknown_symbol", "malformed")
    ]


def test_a_wrong_key_for_a_stream_is_not_tried_again(server):
    with streaming(vendor(server, key="wrong-key"), ["AAPL"]) as heard:
        assert heard.wait_error().code == ProviderError.UNAUTHORIZED
    assert (server.connections, heard.connected) == (0, 0)
    with streaming(vendor(server), ["AAPL"]) as heard:
        server.wait_subscribed("AAPL")
        server.push({"type": "error", "msg": "Invalid API key right-key"})
        error = heard.wait_error()
    assert (error.code, error.message) == (ProviderError.UNAUTHORIZED, "Invalid API key ***")


def test_a_stream_that_is_cut_off_comes_back_and_then_gives_up(server):
    with streaming(vendor(server), ["AAPL"]) as heard:
        server.wait_subscribed("AAPL")
        server.drop_connections()
        heard.wait(connected=2)
        server.refuse_streams = True
        server.drop_connections()
        assert heard.wait_error().code == ProviderError.UNAVAILABLE


def test_more_symbols_than_the_feed_takes(server):
    with streaming(vendor(server), [f"S{number}" for number in range(51)]) as heard:
        assert heard.wait_error().code == ProviderError.UNSUPPORTED


def test_a_stream_stops_within_a_second(server):
    heard = Heard()
    with streaming(vendor(server), ["AAPL"], heard):
        server.wait_subscribed("AAPL")
    assert heard.stopped_after < 1
    assert heard.error is None


def test_a_stream_that_is_still_connecting_stops_within_a_second(server):
    server.hang_streams = True
    heard = Heard()
    with streaming(vendor(server, timeout=3), ["AAPL"], heard):
        time.sleep(0.2)
    assert heard.stopped_after < 1
    assert (heard.error, heard.connected) == (None, 0)
