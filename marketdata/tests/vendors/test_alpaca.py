"""Alpaca through its real clients, against a server on loopback."""

import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgpack
import pytest

from marketdata.adapters.vendors.alpaca import Alpaca
from marketdata.adapters.vendors.symbols import Symbols
from marketdata.domain.feed import FeedBar, micro_of
from marketdata.domain.providers import ProviderError
from marketdata.domain.types import Action
from marketdata.tests.vendors.alpaca_server import AlpacaServer, stamp
from marketdata.tests.vendors.heard import Heard, streaming

OPEN = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
AT = micro_of(OPEN)


@pytest.fixture
def server():
    with AlpacaServer() as server:
        yield server


def vendor(server, *, key="right-key", feed="iex", timeout=1.0):
    return Alpaca(
        key=key,
        secret="right-secret",
        feed=feed,
        data_url=server.url,
        trading_url=server.url,
        stream_url=server.stream_url,
        timeout=timeout,
        symbols=Symbols("alpaca"),
    )


def row(at, price=100.0, **values):
    when = (OPEN + timedelta(minutes=at)).isoformat().replace("+00:00", "Z")
    return {"t": when, "o": price, "h": price + 1, "l": price - 1, "c": price, "v": 10, "n": 3, "vw": price, **values}


def failure(ask):
    with pytest.raises(ProviderError) as found:
        ask()
    assert found.value.provider == "alpaca"
    return found.value


def all_bars(server, **options):
    pages = vendor(server, **options).bars("AAPL", minutes=1, start=OPEN, end=OPEN + timedelta(hours=2))
    return [bar for page in pages for bar in page]


def test_bars_come_raw_over_all_pages(server):
    server.page = 2
    server.bars["AAPL"] = [row(at, 100.05 + at) for at in range(5)]
    bars = all_bars(server)
    assert bars[0] == FeedBar("AAPL", 1, AT, 100_050_000, 101_050_000, 99_050_000, 100_050_000, 10, 3)
    assert [bar.at - AT for bar in bars] == [at * 60_000_000 for at in range(5)]
    query = server.requests[0][1]
    assert (query["adjustment"], query["feed"], query["timeframe"]) == ("raw", "iex", "1Min")
    assert len(server.requests) == 3


def test_a_window_larger_than_a_request_is_asked_in_parts(server, monkeypatch):
    monkeypatch.setattr("marketdata.adapters.vendors.alpaca.BARS_A_PAGE", 3)
    server.bars["AAPL"] = [row(at) for at in range(7)]
    pages = list(vendor(server).bars("AAPL", minutes=1, start=OPEN, end=OPEN + timedelta(hours=2)))
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [bar.at - AT for page in pages for bar in page] == [at * 60_000_000 for at in range(7)]


def test_a_day_is_its_trade_date(server):
    server.bars["AAPL"] = [{**row(0), "t": f"2026-11-{day}T05:00:00Z"} for day in (19, 20, 23)]
    start, end = datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 20, 1, tzinfo=UTC)
    (page,) = vendor(server).bars("AAPL", minutes=1440, start=start, end=end)
    assert [bar.at for bar in page] == [micro_of(start)]


def test_an_hour_is_asked_as_an_hour(server):
    list(vendor(server).bars("AAPL", minutes=60, start=OPEN, end=OPEN + timedelta(hours=2)))
    assert server.requests[0][1]["timeframe"] == "1Hour"


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ((403, {"message": "forbidden."}), ProviderError.UNAUTHORIZED),
        ((401, {"message": "unauthorized"}), ProviderError.UNAUTHORIZED),
        (
            (403, {"message": "subscription does not permit querying recent SIP data"}),
            ProviderError.NOT_ENTITLED,
        ),
        ((422, {"message": "subscription does not permit it"}), ProviderError.NOT_ENTITLED),
        ((400, {"message": "invalid symbol: A-B"}), ProviderError.NOT_FOUND),
        ((422, {"message": "limit is too large"}), ProviderError.UNSUPPORTED),
        (404, ProviderError.NOT_FOUND),
        ((429, {"code": 42910000, "message": "rate limit exceeded"}), ProviderError.RATE_LIMITED),
        (500, ProviderError.UNAVAILABLE),
        (504, ProviderError.UNAVAILABLE),
        (301, ProviderError.MALFORMED),
        ("html", ProviderError.MALFORMED),
        ("html500", ProviderError.UNAVAILABLE),
        ("half", ProviderError.MALFORMED),
        ("close", ProviderError.UNAVAILABLE),
        ("hang", ProviderError.UNAVAILABLE),
        ("trickle", ProviderError.UNAVAILABLE),
        (b'{"trades": {}, "bars": {}}', ProviderError.MALFORMED),
        (b'{"bars": {"AAPL": [{"t": "2026-11-20T14:30:00Z", "o": NaN}]}}', ProviderError.MALFORMED),
        (b'{"bars": {"AAPL": 7}}', ProviderError.MALFORMED),
        (b'{"bars": []}', ProviderError.MALFORMED),
    ],
)
def test_what_goes_wrong_is_told_apart_and_asked_once(server, how, code):
    server.fail_next(how)
    began = time.monotonic()
    assert failure(lambda: all_bars(server, timeout=0.3)).code == code
    assert (len(server.requests), time.monotonic() - began < 2) == (1, True)


def test_the_vendor_says_when_to_come_again(server):
    server.fail_next((429, {"message": "slow down"}, {"X-Ratelimit-Reset": str(int(time.time()) + 30)}))
    assert 25 < failure(lambda: all_bars(server)).retry_after < 31


@pytest.mark.parametrize("values", [{"o": -1}, {"c": None}, {"h": 1}, {"t": "yesterday"}, {"t": None}, {"v": -1}])
def test_a_bar_that_cannot_be_is_not_taken(server, values):
    server.fail_next((200, {"bars": {"AAPL": [row(0, **values)]}, "next_page_token": None}))
    assert failure(lambda: all_bars(server)).code == ProviderError.MALFORMED


def snapshot(**values):
    return {
        "latestTrade": {"t": "2026-11-20T14:31:00.123456789Z", "p": 101.01, "s": 5},
        "latestQuote": {"t": "2026-11-20T14:30:59Z", "bp": 101, "bs": 2, "ap": 101.02, "as": 3},
        "minuteBar": row(0, 100.9),
        "dailyBar": {**row(0, 101), "t": "2026-11-20T05:00:00Z"},
        "prevDailyBar": row(-1440, 98.76),
        **values,
    }


def test_quotes_with_a_symbol_that_spoils_the_request(server):
    server.snapshots |= {"AAPL": snapshot(), "MSFT": snapshot(latestTrade=None), "NULL": None}
    server.invalid = {"B@D"}
    found = {quote.symbol: quote for quote in vendor(server).quotes(["AAPL", "B@D", "MSFT", "NULL", "NONE"])}
    quote = found.pop("AAPL")
    assert (quote.bid, quote.ask, quote.last, quote.bid_size) == (101_000_000, 101_020_000, 101_010_000, 2)
    assert (quote.at, quote.session, quote.previous_close) == (AT + 60_123_456, date(2026, 11, 20), 98_760_000)
    assert found.pop("MSFT").last == 100_900_000
    assert found == {}


def asset(symbol, **values):
    return {
        **{"id": "1", "class": "us_equity", "exchange": "NASDAQ", "symbol": symbol, "name": f"{symbol} Inc."},
        **{"status": "active", "tradable": True, **values},
    }


def test_search_asks_for_the_list_once(server):
    server.assets = [asset("AAPL"), asset("AAP", name="Advance Auto"), asset("MSFT", name="Has aap inside")]
    alpaca = vendor(server)
    assert [info.symbol for info in alpaca.search("aap")] == ["AAP", "AAPL", "MSFT"]
    assert [info.symbol for info in alpaca.search("msft")] == ["MSFT"]
    assert len(server.requests) == 1


def test_a_few_instruments_one_by_one_many_from_the_list(server):
    names = [f"S{number}" for number in range(8)]
    server.assets = [asset(name) for name in names]
    server.assets[0] |= {"price_increment": "0.0001", "exchange": "ARCA", "status": "inactive"}
    (info,) = vendor(server).instruments(["S0", "NONE"])
    assert (info.exchange, info.tick_size, info.is_active) == ("ARCA", Decimal("0.0001"), False)
    assert [path for path, _ in server.requests] == ["/v2/assets/S0", "/v2/assets/NONE"]
    assert [info.symbol for info in vendor(server).instruments([*names, "NONE"])] == names
    assert len(server.requests) == 3


def test_actions_status_and_news(server):
    server.splits = [{"symbol": "AAPL", "new_rate": 4, "old_rate": 1, "ex_date": "2026-08-31"}]
    server.dividends = [{"symbol": "AAPL", "rate": 0.205, "ex_date": "2026-05-08"}]
    alpaca = vendor(server)
    assert alpaca.actions("AAPL", start=date(2026, 1, 1), end=date(2026, 12, 31)) == [
        Action("dividend", date(2026, 5, 8), Decimal("0.205")),
        Action("split", date(2026, 8, 31), Decimal(4)),
    ]
    status = alpaca.status("NYSE")
    assert (status.is_open, status.as_of.hour) == (True, 17)
    server.news = [{"id": 5, "headline": "Up", "source": "wire", "url": None, "created_at": "2026-11-20T13:00:00Z"}]
    (item,) = alpaca.news("AAPL")
    assert (item.id, item.title, item.url, item.at) == ("5", "Up", "", datetime(2026, 11, 20, 13, tzinfo=UTC))


def test_a_stream_in_messagepack(server):
    trade = {"T": "t", "S": "AAPL", "i": 77, "x": "V", "p": 100.01, "s": 30, "t": stamp(AT), "c": ["@"], "z": "C"}
    with streaming(vendor(server), ["AAPL"]) as heard:
        server.wait_subscribed("AAPL")
        server.push(
            [
                trade,
                trade,
                {**trade, "c": ["W"]},
                {"T": "q", "S": "AAPL", "bp": 100, "bs": 2, "ap": 100.02, "as": 5, "t": stamp(AT + 7)},
                {"T": "b", "S": "AAPL", "o": 1.0, "h": 2.0, "l": 1.0, "c": 2.0, "v": 9, "n": 4, "t": stamp(AT)},
                {"T": "s", "S": "AAPL", "sc": "H", "sm": "Halt", "t": stamp(AT + 8)},
                {"T": "s", "S": "AAPL", "sc": "T", "sm": "Trading", "t": stamp(AT + 9)},
            ]
        )
        heard.wait(prints=5, bars=1)
    first, again, quote, halted, resumed = heard.prints
    assert (first.last, first.size, first.key, first.at) == (100_010_000, 30, "V:77", AT)
    assert again == first
    assert (quote.bid, quote.ask, quote.at) == (100_000_000, 100_020_000, AT + 7)
    assert (halted.halted, resumed.halted, quote.halted) == (True, False, None)
    assert heard.bars == [FeedBar("AAPL", 1, AT, 1_000_000, 2_000_000, 1_000_000, 2_000_000, 9, 4)]
    assert heard.connected == 1


def test_odd_messages_are_told_and_the_rest_is_heard(server):
    good = {"T": "t", "S": "AAPL", "i": 77, "x": "V", "p": 100.01, "s": 30, "t": stamp(AT)}
    with streaming(vendor(server), ["AAPL"]) as heard:
        server.wait_subscribed("AAPL")
        server.push([{**good, "p": float("nan")}, {**good, "p": -1}, {**good, "S": "MSFT"}, {**good, "t": 5}, good])
        heard.wait(prints=1, odd=4)
    assert [kind for kind, _ in heard.odd] == ["not_a_number", "not_positive", "unknown_symbol", "malformed"]


def test_frames_that_are_no_messagepack_cost_the_connection_only(server):
    with streaming(vendor(server), ["AAPL"]) as heard:
        server.wait_subscribed("AAPL")
        server.push(b"\xc1\xc1")
        heard.wait(connected=2)
        server.wait_subscribed("AAPL")
        server.push(msgpack.packb([{"T": "t", "S": "AAPL", "p": 1.0, "s": 1, "t": stamp(AT)}]))
        heard.wait(prints=1)


@pytest.mark.parametrize(
    ("code", "words", "expected"),
    [
        (405, "symbol limit exceeded", ProviderError.UNSUPPORTED),
        (406, "connection limit exceeded", ProviderError.UNAVAILABLE),
        (409, "insufficient subscription", ProviderError.NOT_ENTITLED),
        (500, "internal error", ProviderError.UNAVAILABLE),
    ],
)
def test_errors_that_the_client_only_logs_end_the_stream(server, code, words, expected):
    server.stream_error = (code, words)
    with streaming(vendor(server), ["AAPL"]) as heard:
        error = heard.wait_error()
    assert (error.code, error.message) == (expected, words)
    assert server.connections == 1


def test_a_wrong_key_for_a_stream_is_not_tried_again(server):
    with streaming(vendor(server, key="wrong-key"), ["AAPL"]) as heard:
        assert heard.wait_error().code == ProviderError.UNAUTHORIZED
    assert (server.connections, heard.connected) == (1, 0)


def test_a_stream_that_is_cut_off_comes_back_and_then_gives_up(server):
    with streaming(vendor(server), ["AAPL"]) as heard:
        server.wait_subscribed("AAPL")
        server.drop_connections()
        heard.wait(connected=2)
        server.refuse_streams = True
        server.drop_connections()
        assert heard.wait_error().code == ProviderError.UNAVAILABLE
    assert server.connections == 2


def test_the_free_feed_is_bounded(server):
    names = [f"S{number}" for number in range(31)]
    with streaming(vendor(server), names) as heard:
        assert heard.wait_error().code == ProviderError.UNSUPPORTED
    assert (vendor(server).capabilities.max_symbols, vendor(server, feed="sip").capabilities.max_symbols) == (30, 0)
    with streaming(vendor(server, feed="sip"), names):
        server.wait_subscribed("S30")


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
