"""Polygon through its real client, against a server on loopback."""

import time
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from marketdata.adapters.vendors.polygon import Polygon
from marketdata.adapters.vendors.symbols import Symbols
from marketdata.domain.feed import FeedBar, micros
from marketdata.domain.providers import ProviderError
from marketdata.domain.types import Action
from marketdata.tests.vendors.heard import Heard, streaming
from marketdata.tests.vendors.polygon_server import PolygonServer

OPEN = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
OPEN_MS = int(OPEN.timestamp()) * 1_000


@pytest.fixture
def server():
    with PolygonServer() as server:
        yield server


def vendor(server, *, key="right-key", timeout=1.0, table=None):
    return Polygon(
        key=key,
        rest_url=server.url,
        stream_url=server.stream_url,
        timeout=timeout,
        symbols=Symbols("polygon", lambda _: table or {}),
    )


def minute(at, price=100.0, **values):
    return {
        "t": OPEN_MS + at * 60_000,
        "o": price,
        "h": price + 1,
        "l": price - 1,
        "c": price,
        "v": 10,
        "n": 3,
        **values,
    }


def failure(ask):
    with pytest.raises(ProviderError) as found:
        ask()
    assert found.value.provider == "polygon"
    return found.value


def all_bars(server, minutes=1, end=datetime(2026, 11, 21, tzinfo=UTC), **options):
    pages = vendor(server, **options).bars("AAPL", minutes=minutes, start=OPEN, end=end)
    return [bar for page in pages for bar in page]


def test_bars_come_unadjusted_over_all_pages_with_the_last_next_url_null(server):
    server.page = 2
    server.bars["AAPL", "1minute"] = [minute(at, 100.05 + at) for at in range(5)]
    bars = all_bars(server)
    first = FeedBar("AAPL", 1, OPEN_MS * 1_000, *map(micros, ("100.05", "101.05", "99.05", "100.05")), 10, 3)
    assert bars[0] == first
    assert [bar.at for bar in bars] == [(OPEN_MS + at * 60_000) * 1_000 for at in range(5)]
    assert [query.get("cursor") for _, query in server.requests] == [None, "2", "4"]
    assert server.requests[0][1]["adjusted"] == "false"
    assert {headers["authorization"] for headers in server.headers} == {"Bearer right-key"}


def test_bars_outside_of_what_was_asked_are_left_out(server):
    server.bars["AAPL", "1minute"] = [minute(-1), minute(0), minute(1), minute(2)]
    assert len(all_bars(server, end=datetime(2026, 11, 20, 14, 32, tzinfo=UTC))) == 2


@pytest.mark.parametrize(("on", "hour"), [(date(2026, 7, 6), 4), (date(2026, 11, 20), 5)])
def test_a_day_is_its_trade_date_in_summer_and_winter(server, on, hour):
    midnight = datetime(on.year, on.month, on.day, hour, tzinfo=UTC)
    server.bars["AAPL", "1day"] = [{"t": int(midnight.timestamp() * 1_000), "o": 1, "h": 2, "l": 1, "c": 2, "v": 1e9}]
    start = datetime(on.year, on.month, on.day, tzinfo=UTC)
    pages = vendor(server).bars("AAPL", minutes=1440, start=start, end=start.replace(hour=1))
    (bar,) = [bar for page in pages for bar in page]
    assert (bar.at, bar.volume) == (int(start.timestamp()) * 1_000_000, 10**9)


def test_pages_without_an_end_are_given_up(server):
    server.page = 0
    server.bars["AAPL", "1minute"] = [minute(0)]
    error = failure(lambda: all_bars(server))
    assert error.code == ProviderError.MALFORMED
    assert "pages" in error.message


@pytest.mark.parametrize(
    ("how", "code"),
    [
        (403, ProviderError.NOT_ENTITLED),
        (404, ProviderError.NOT_FOUND),
        (429, ProviderError.RATE_LIMITED),
        (500, ProviderError.UNAVAILABLE),
        (503, ProviderError.UNAVAILABLE),
        (302, ProviderError.MALFORMED),
        (400, ProviderError.UNSUPPORTED),
        ("html", ProviderError.MALFORMED),
        ("html500", ProviderError.UNAVAILABLE),
        ("half", ProviderError.MALFORMED),
        ("close", ProviderError.UNAVAILABLE),
        (b'{"results": [{"t": 1, "o": NaN}]}', ProviderError.MALFORMED),
        (b'{"results": {"t": 1}}', ProviderError.MALFORMED),
        (b'{"results": [7]}', ProviderError.MALFORMED),
        (b"[]", ProviderError.MALFORMED),
    ],
)
def test_what_goes_wrong_is_told_apart(server, how, code):
    server.fail_next(how)
    assert failure(lambda: all_bars(server)).code == code


@pytest.mark.parametrize("how", ["hang", "trickle"])
def test_a_vendor_that_does_not_finish_is_given_up_in_time(server, how):
    server.fail_next(how)
    began = time.monotonic()
    error = failure(lambda: all_bars(server, timeout=0.3))
    assert (error.code, time.monotonic() - began < 2) == (ProviderError.UNAVAILABLE, True)


def test_a_server_that_is_not_there(server):
    gone = vendor(server)
    gone._client.BASE = "http://127.0.0.1:9"
    error = failure(lambda: gone.quotes(["AAPL"]))
    assert error.code == ProviderError.UNAVAILABLE


def test_a_wrong_key_is_said_and_is_in_no_message(server):
    error = failure(lambda: vendor(server, key="wrong-key").status("NYSE"))
    assert (error.code, error.message) == (ProviderError.UNAUTHORIZED, "HTTP 401: Unknown API Key")
    server.fail_next((401, {"error": "The key right-key is no good"}))
    assert "right-key" not in str(failure(lambda: vendor(server).status("NYSE")))


def test_how_long_to_wait_is_passed_on(server):
    server.fail_next((429, {"error": "exceeded"}, {"Retry-After": "7"}))
    assert failure(lambda: vendor(server).status("NYSE")).retry_after == 7.0


@pytest.mark.parametrize(
    "values", [{"o": -1}, {"o": 0}, {"c": None}, {"h": 1}, {"v": -5}, {"o": "x"}, {"t": None}, {"o": True}, {"o": 1e12}]
)
def test_a_bar_that_cannot_be_is_not_taken(server, values):
    server.bars["AAPL", "1minute"] = [minute(0, **values)]
    assert failure(lambda: all_bars(server)).code == ProviderError.MALFORMED


def snapshot(ticker="AAPL", **values):
    at = OPEN_MS * 1_000_000
    return {
        "ticker": ticker,
        "day": {"o": 99.5, "h": 102.25, "l": 99, "c": 101, "v": 5000},
        "min": {"c": 100.9, "t": OPEN_MS, "o": 1, "h": 1, "l": 1, "v": 1},
        "prevDay": {"c": 98.76, "o": 1, "h": 1, "l": 1, "v": 1},
        "lastTrade": {"p": 101.01, "s": 100, "t": at + 2_000_000_000, "x": 4, "i": "7"},
        "lastQuote": {"P": 101.02, "S": 3, "p": 101.0, "s": 2, "t": at + 1_000_000_000},
        "updated": at + 3_000_000_000,
        **values,
    }


def test_quotes_and_what_is_unknown_left_out(server):
    server.snapshots["AAPL"] = snapshot()
    (quote,) = vendor(server).quotes(["AAPL", "NONE"])
    assert (quote.symbol, quote.bid, quote.ask, quote.last) == ("AAPL", 101_000_000, 101_020_000, 101_010_000)
    assert (quote.bid_size, quote.ask_size, quote.volume, quote.previous_close) == (2, 3, 5_000, 98_760_000)
    assert (quote.open, quote.high, quote.low) == (99_500_000, 102_250_000, 99_000_000)
    assert (quote.at, quote.session, quote.provider) == ((OPEN_MS + 2_000) * 1_000, date(2026, 11, 20), "polygon")
    assert server.requests[0][1]["tickers"] == "AAPL,NONE"


def test_a_cheap_plan_has_the_minutes_close_and_no_bid_and_ask(server):
    cheap = snapshot()
    del cheap["lastTrade"], cheap["lastQuote"]
    server.snapshots["AAPL"] = cheap
    (quote,) = vendor(server).quotes(["AAPL"])
    assert (quote.bid, quote.ask, quote.last, quote.at) == (0, 0, 100_900_000, OPEN_MS * 1_000)


def test_an_instrument_that_never_traded_has_no_quote(server):
    server.snapshots["NEW"] = {"ticker": "NEW", "updated": 0}
    assert vendor(server).quotes(["NEW"]) == []


def test_many_symbols_are_asked_in_parts(server):
    names = [f"S{number}" for number in range(450)]
    server.snapshots |= {name: snapshot(name) for name in names}
    assert [quote.symbol for quote in vendor(server).quotes(names)] == names
    assert len(server.requests) == 3


def test_our_symbols_are_translated_and_come_back_as_ours(server):
    server.snapshots["BRK.B"] = snapshot("BRK.B")
    (quote,) = vendor(server, table={"BERKB": "BRK.B"}).quotes(["BERKB"])
    assert quote.symbol == "BERKB"


def test_search_and_instruments(server):
    server.tickers = [
        {"ticker": "AAPL", "name": "Apple Inc.", "primary_exchange": "XNAS", "type": "CS", "currency_name": "usd"},
        {"ticker": "APLE", "name": "Apple Hospitality", "primary_exchange": "XNYS", "type": "ETF", "active": False},
    ]
    found = vendor(server).search("apple", limit=5)
    assert [(info.symbol, info.exchange, info.kind) for info in found] == [
        ("AAPL", "NASDAQ", "stock"),
        ("APLE", "NYSE", "etf"),
    ]
    (info,) = vendor(server).instruments(["AAPL", "NONE"])
    assert (info.name, info.currency, info.is_active, info.vendor_symbol) == ("Apple Inc.", "USD", True, "AAPL")


def test_actions_are_exact(server):
    server.splits = [{"ticker": "AAPL", "execution_date": "2026-08-31", "split_from": 1, "split_to": 4}]
    server.dividends = [
        {"ticker": "AAPL", "ex_dividend_date": "2026-05-08", "cash_amount": 0.205},
        {"ticker": "AAPL", "ex_dividend_date": "2027-05-08", "cash_amount": 0.3},
    ]
    assert vendor(server).actions("AAPL", start=date(2026, 1, 1), end=date(2026, 12, 31)) == [
        Action("dividend", date(2026, 5, 8), Decimal("0.205")),
        Action("split", date(2026, 8, 31), Decimal(4)),
    ]


def test_status_and_news(server):
    server.market = "extended-hours"
    status = vendor(server).status("NASDAQ")
    assert (status.is_open, status.note, status.as_of) == (
        False,
        "extended-hours",
        datetime(2026, 11, 20, 17, tzinfo=UTC),
    )
    server.news = [
        {
            "id": "n1",
            "published_utc": "2026-11-20T13:00:00Z",
            "title": "Up",
            "article_url": "https://example.test/1",
            "publisher": {"name": "The Paper"},
            "tickers": ["AAPL"],
        }
    ]
    (item,) = vendor(server).news("AAPL")
    assert (item.title, item.publisher, item.at) == ("Up", "The Paper", datetime(2026, 11, 20, 13, tzinfo=UTC))


def test_a_stream_of_trades_quotes_and_minutes(server):
    with streaming(vendor(server), ["AAPL"]) as heard:
        server.wait_subscribed("AAPL")
        trade = {"ev": "T", "sym": "AAPL", "x": 4, "i": "77", "p": 100.01, "s": 30, "t": OPEN_MS, "c": [14]}
        server.push(
            [
                trade,
                trade,
                {**trade, "c": [2], "i": "78"},
                {"ev": "Q", "sym": "AAPL", "bp": 100, "bs": 2, "ap": 100.02, "as": 5, "t": OPEN_MS + 1},
                {
                    "ev": "AM",
                    "sym": "AAPL",
                    "o": 1,
                    "h": 2,
                    "l": 1,
                    "c": 2,
                    "v": 9,
                    "s": OPEN_MS,
                    "e": OPEN_MS + 60_000,
                },
            ]
        )
        heard.wait(prints=3, bars=1)
    first, again, quote = heard.prints
    assert (first.last, first.size, first.key, first.at) == (100_010_000, 30, "4:77", OPEN_MS * 1_000)
    assert again == first
    assert (quote.bid, quote.ask, quote.bid_size, quote.ask_size) == (100_000_000, 100_020_000, 2, 5)
    assert heard.bars == [FeedBar("AAPL", 1, OPEN_MS * 1_000, 1_000_000, 2_000_000, 1_000_000, 2_000_000, 9)]
    assert heard.connected == 1


def test_odd_messages_are_told_and_the_rest_is_heard(server):
    with streaming(vendor(server), ["AAPL"]) as heard:
        server.wait_subscribed("AAPL")
        good = {"ev": "T", "sym": "AAPL", "x": 4, "i": "77", "p": 100.01, "s": 30, "t": OPEN_MS}
        server.push("<html>")
        server.push('[{"ev":"T","sym":"AAPL","p":NaN,"t":1}]')
        server.push(["text", {**good, "p": -1}, {**good, "sym": "MSFT"}, {**good, "t": None}, {"sym": "AAPL"}, good])
        heard.wait(prints=1, odd=6)
    assert [kind for kind, _ in heard.odd] == [
        *("malformed", "malformed", "malformed", "not_positive", "unknown_symbol", "malformed")
    ]


def test_a_stream_that_is_cut_off_comes_back_and_then_gives_up(server):
    with streaming(vendor(server), ["AAPL"]) as heard:
        server.wait_subscribed("AAPL")
        server.drop_connections()
        heard.wait(connected=2)
        server.wait_subscribed("AAPL")
        server.push([{"ev": "T", "sym": "AAPL", "x": 4, "i": "1", "p": 1, "s": 1, "t": OPEN_MS}])
        heard.wait(prints=1)
        server.refuse_streams = True
        server.drop_connections()
        error = heard.wait_error()
    assert error.code == ProviderError.UNAVAILABLE
    assert server.connections == 2


def test_a_wrong_key_for_a_stream_is_not_tried_again(server):
    with streaming(vendor(server, key="wrong-key"), ["AAPL"]) as heard:
        assert heard.wait_error().code == ProviderError.UNAUTHORIZED
    assert (server.connections, heard.connected) == (1, 0)


def test_a_plan_without_the_stream(server):
    server.not_authorized = True
    with streaming(vendor(server), ["AAPL"]) as heard:
        assert heard.wait_error().code == ProviderError.NOT_ENTITLED


def test_a_stream_that_nobody_answers(server):
    server.refuse_streams = True
    with streaming(vendor(server, timeout=0.4), ["AAPL"]) as heard:
        assert heard.wait_error().code == ProviderError.UNAVAILABLE


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
