"""Alpha Vantage through its real client, against a server on loopback."""

import time
from datetime import UTC, date, datetime, timedelta
from threading import Event

import pytest

from marketdata.adapters.vendors.alpha_vantage import AlphaVantage
from marketdata.adapters.vendors.symbols import Symbols
from marketdata.domain.feed import micro_of
from marketdata.domain.providers import ProviderError
from marketdata.tests.vendors.alpha_vantage_server import NOTE, PREMIUM, RATE_LIMIT, AlphaVantageServer
from marketdata.tests.vendors.heard import Heard


@pytest.fixture
def server():
    with AlphaVantageServer() as server:
        yield server


def vendor(server, *, key="right-key", timeout=1.0):
    symbols = Symbols("alpha_vantage", lambda _: {"RELIANCE": "RELIANCE.BSE"}, class_sign="-")
    return AlphaVantage(key=key, url=server.url, timeout=timeout, symbols=symbols)


def failure(ask):
    with pytest.raises(ProviderError) as found:
        ask()
    assert found.value.provider == "alpha_vantage"
    return found.value


def quote_row(**values):
    return {
        **{"01. symbol": "AAPL", "02. open": "99.5000", "03. high": "102.2500", "04. low": "99.0000"},
        **{"05. price": "101.0100", "06. volume": "5000", "07. latest trading day": "2026-11-20"},
        **{"08. previous close": "98.7600", "09. change": "2.25", **values},
    }


def test_quotes_and_what_is_unknown_left_out(server):
    server.quotes |= {"AAPL": quote_row(), "BRK-B": quote_row(), "RELIANCE.BSE": quote_row()}
    found = vendor(server).quotes(["AAPL", "NONE", "BRK.B", "RELIANCE"])
    assert [quote.symbol for quote in found] == ["AAPL", "BRK.B", "RELIANCE"]
    quote = found[0]
    assert (quote.last, quote.bid, quote.ask, quote.volume) == (101_010_000, 0, 0, 5_000)
    assert (quote.previous_close, quote.session) == (98_760_000, date(2026, 11, 20))
    assert quote.at == micro_of(datetime(2026, 11, 20, 21, tzinfo=UTC))


@pytest.mark.parametrize(
    ("document", "code", "wait"),
    [
        ({"Note": NOTE}, ProviderError.RATE_LIMITED, 60),
        ({"Information": RATE_LIMIT.format(key="right-key")}, ProviderError.RATE_LIMITED, 3_600),
        ({"Information": PREMIUM}, ProviderError.NOT_ENTITLED, None),
        ({"Error Message": "Invalid API call."}, ProviderError.NOT_FOUND, None),
        ({"Error Message": "the parameter apikey is invalid or missing."}, ProviderError.UNAUTHORIZED, None),
    ],
)
def test_errors_that_come_with_status_200(server, document, code, wait):
    server.fail_next((200, document))
    error = failure(lambda: vendor(server).quotes(["AAPL"]))
    assert (error.code, error.retry_after) == (code, wait)
    assert "right-key" not in str(error)


@pytest.mark.parametrize(
    ("how", "code"),
    [
        (500, ProviderError.UNAVAILABLE),
        ("html", ProviderError.MALFORMED),
        ("half", ProviderError.MALFORMED),
        ("close", ProviderError.UNAVAILABLE),
        ("hang", ProviderError.UNAVAILABLE),
        ("trickle", ProviderError.UNAVAILABLE),
        (b"{}", ProviderError.MALFORMED),
        (b"[1]", ProviderError.MALFORMED),
        ((200, {"Global Quote": quote_row(**{"05. price": "-1"})}), ProviderError.MALFORMED),
        ((200, {"Global Quote": quote_row(**{"05. price": "NaN"})}), ProviderError.MALFORMED),
        ((200, {"Global Quote": quote_row(**{"07. latest trading day": "never"})}), ProviderError.MALFORMED),
        ((200, {"Other": 1}), ProviderError.MALFORMED),
    ],
)
def test_what_goes_wrong_is_told_apart(server, how, code):
    server.fail_next(how)
    began = time.monotonic()
    error = failure(lambda: vendor(server, timeout=0.3).quotes(["AAPL"]))
    assert (error.code, time.monotonic() - began < 2) == (code, True)
    assert "right-key" not in str(error)


def test_days_ascend_and_are_their_trade_dates(server):
    server.daily["AAPL"] = {f"2026-11-{day}": ("10", "12", "9.5", "11.25", "100") for day in (18, 19, 20)}
    start = datetime(2026, 11, 19, tzinfo=UTC)
    (page,) = vendor(server).bars("AAPL", minutes=1440, start=start, end=start + timedelta(days=2))
    assert [bar.at for bar in page] == [micro_of(start), micro_of(start + timedelta(days=1))]
    assert (page[0].close, page[0].volume) == (11_250_000, 100)


@pytest.mark.parametrize(("days", "size"), [(30, "compact"), (900, "full")])
def test_only_a_long_history_is_asked_in_full(server, days, size):
    server.daily["AAPL"] = {}
    end = datetime.now(tz=UTC)
    assert list(vendor(server).bars("AAPL", minutes=1440, start=end - timedelta(days=days), end=end)) == []
    assert server.requests[0][1]["outputsize"] == size


def test_minutes_are_asked_by_month_as_traded_in_new_york_time(server):
    rows = {"2026-06-30 19:55:00": 1, "2026-07-01 09:30:00": 2, "2026-11-20 09:30:00": 3}
    server.intraday["AAPL"] = {at: (str(price), str(price), str(price), str(price), "5") for at, price in rows.items()}
    start, end = datetime(2026, 6, 30, tzinfo=UTC), datetime(2026, 12, 1, 5, tzinfo=UTC)
    bars = [bar for page in vendor(server).bars("AAPL", minutes=5, start=start, end=end) for bar in page]
    hours = ("2026-06-30T23:55Z", "2026-07-01T13:30Z", "2026-11-20T14:30Z")
    assert [bar.at for bar in bars] == [micro_of(datetime.fromisoformat(at)) for at in hours]
    assert [query["month"] for _, query in server.requests] == [f"2026-{month:02}" for month in range(6, 12)]
    assert {(query["adjusted"], query["interval"]) for _, query in server.requests} == {("false", "5min")}


def test_search_instruments_and_status(server):
    apple = {"1. symbol": "AAPL", "2. name": "Apple Inc", "3. type": "Equity", "4. region": "United States"}
    server.matches = [
        {**apple, "8. currency": "USD"},
        {**apple, "1. symbol": "APC.FRK", "4. region": "Frankfurt", "8. currency": "EUR"},
        {
            **apple,
            "1. symbol": "RELIANCE.BSE",
            "2. name": "Appalling",
            "4. region": "India/Bombay",
            "8. currency": "INR",
        },
    ]
    found = vendor(server).search("AP")
    assert [(info.symbol, info.exchange, info.currency) for info in found] == [
        ("AAPL", "US", "USD"),
        ("RELIANCE", "BSE", "INR"),
    ]
    assert [info.symbol for info in vendor(server).instruments(["AAPL", "AAP"])] == ["AAPL"]
    assert vendor(server).status("NYSE").is_open
    server.status = "closed"
    assert not vendor(server).status("NSE").is_open


def test_a_symbol_cannot_change_the_question(server):
    assert vendor(server).quotes(["A&function=X#"]) == []
    assert server.requests == [
        ("/query", {"function": "GLOBAL_QUOTE", "symbol": "A&FUNCTION=X#", "apikey": "right-key", "datatype": "json"})
    ]


def test_what_the_vendor_does_not_offer(server):
    alpha = vendor(server)
    day = date(2026, 1, 1)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for ask in (
        lambda: alpha.actions("AAPL", start=day, end=day),
        lambda: alpha.news("AAPL"),
        lambda: alpha.stream(["AAPL"], Heard().sink(), Event()),
        lambda: alpha.status("SIMX"),
        lambda: list(alpha.bars("AAPL", minutes=7, start=start, end=start + timedelta(days=1))),
    ):
        assert failure(ask).code == ProviderError.UNSUPPORTED
    assert server.requests == []
