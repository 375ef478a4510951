"""The chain over real clients and local vendors: who serves, what is asked next, and what is recorded."""

import time
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta

import pytest

from core.errors import Unavailable
from core.redis import client
from marketdata.adapters.vendors import registry
from marketdata.domain.feed import micro_of
from marketdata.domain.providers import Capabilities, ProviderError
from marketdata.models import FeedEvent
from marketdata.selectors import providers
from marketdata.services import chain_events
from marketdata.services.chain import Chain
from marketdata.tests.factories import InstrumentFactory
from marketdata.tests.vendors.alpaca_server import AlpacaServer
from marketdata.tests.vendors.alpha_vantage_server import AlphaVantageServer
from marketdata.tests.vendors.finnhub_server import FinnhubServer
from marketdata.tests.vendors.polygon_server import PolygonServer

pytestmark = pytest.mark.django_db
OPEN = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
SECONDS = int(OPEN.timestamp())
SWITCH, CIRCUIT = FeedEvent.Kind.SWITCH, FeedEvent.Kind.CIRCUIT


@pytest.fixture(autouse=True)
def vendors(settings):
    """Four vendors on loopback, two of them with keys."""
    with ExitStack() as stack:
        found = {
            "polygon": stack.enter_context(PolygonServer()),
            "alpaca": stack.enter_context(AlpacaServer()),
            "finnhub": stack.enter_context(FinnhubServer()),
            "alpha_vantage": stack.enter_context(AlphaVantageServer()),
        }
        settings.DATA_SOURCE = ["auto"]
        settings.USE_HISTORICAL_AS_REALTIME = False
        settings.VENDOR_TIMEOUT, settings.VENDOR_REST_SECONDS = 0.4, 30.0
        settings.POLYGON_API_KEY = settings.FINNHUB_API_KEY = "right-key"
        settings.ALPACA_API_KEY = settings.ALPACA_API_SECRET = settings.ALPHA_VANTAGE_API_KEY = ""
        settings.POLYGON_REST_URL, settings.POLYGON_STREAM_URL = found["polygon"].url, found["polygon"].stream_url
        settings.FINNHUB_URL, settings.FINNHUB_STREAM_URL = found["finnhub"].url, found["finnhub"].stream_url
        settings.ALPACA_DATA_URL = settings.ALPACA_TRADING_URL = found["alpaca"].url
        settings.ALPHA_VANTAGE_URL = found["alpha_vantage"].url
        providers.vendor_symbols_forget()
        yield found
    registry.forget()
    providers.vendor_symbols_forget()


def polygon_knows(vendors, *symbols, last=100):
    for symbol in symbols:
        trade = {"p": last, "s": 1, "t": SECONDS * 1_000_000_000}
        vendors["polygon"].snapshots[symbol] = {"ticker": symbol, "lastTrade": trade}


def finnhub_knows(vendors, *symbols, last=200):
    for symbol in symbols:
        vendors["finnhub"].quotes[symbol] = {"c": last, "h": last, "l": last, "o": last, "pc": last, "t": SECONDS}


def events(kind):
    return [(event.provider, event.message) for event in FeedEvent.objects.filter(kind=kind).order_by("id")]


def refused(ask):
    with pytest.raises(Unavailable) as found:
        ask()
    assert found.value.code == "no_provider"
    return found.value.details["providers"]


def test_the_first_that_serves_is_asked_alone(vendors):
    polygon_knows(vendors, "AAPL")
    finnhub_knows(vendors, "AAPL")
    chain = Chain()
    assert [quote.provider for quote in chain.quotes(["AAPL"])] == ["polygon"]
    assert (chain.names, chain.served) == (["polygon", "finnhub"], {"quotes": "polygon"})
    assert (vendors["finnhub"].requests, events(SWITCH)) == ([], [])


def test_what_one_does_not_know_the_next_is_asked_for(vendors):
    polygon_knows(vendors, "AAPL")
    finnhub_knows(vendors, "MSFT")
    found = Chain().quotes(["MSFT", "NONE", "AAPL", "MSFT"])
    assert [(quote.symbol, quote.provider) for quote in found] == [("MSFT", "finnhub"), ("AAPL", "polygon")]
    assert [query["symbol"] for _, query in vendors["finnhub"].requests] == ["MSFT", "NONE"]
    assert events(SWITCH) == []


def test_the_chain_moves_on_records_it_once_and_comes_back(vendors):
    polygon_knows(vendors, "AAPL")
    finnhub_knows(vendors, "AAPL")
    chain = Chain()
    chain.quotes(["AAPL"])
    vendors["polygon"].fail_next("half", times=2)
    assert [chain.quotes(["AAPL"])[0].provider for _ in range(3)] == ["finnhub", "finnhub", "polygon"]
    assert events(SWITCH) == [
        ("finnhub", "quotes: finnhub serves instead of polygon"),
        ("polygon", "quotes: polygon serves instead of finnhub"),
    ]
    event = FeedEvent.objects.filter(kind=SWITCH).order_by("id").first()
    assert event.details["failures"]["polygon"]["code"] == ProviderError.MALFORMED


def test_switches_for_nothing_but_a_used_up_budget_are_told_once_an_hour(vendors, settings):
    settings.POLYGON_REQUESTS_PER_MINUTE = 1
    polygon_knows(vendors, "AAPL")
    finnhub_knows(vendors, "AAPL")
    for _ in range(3):
        chain = Chain()
        assert [chain.quotes(["AAPL"])[0].provider for _ in range(2)] == ["polygon", "finnhub"]
        client().delete("md:budget:polygon")
    told = [provider for provider, _ in events(SWITCH)]
    assert told == ["finnhub", "polygon"]


def test_a_circuit_is_recorded_when_it_opens_and_when_it_closes(vendors, settings):
    settings.VENDOR_REST_SECONDS = 0.3
    polygon_knows(vendors, "AAPL")
    finnhub_knows(vendors, "AAPL")
    vendors["polygon"].fail_next("half", times=5)
    chain = Chain()
    for _ in range(6):
        chain.quotes(["AAPL"])
    assert len(vendors["polygon"].requests) == 5
    chain_events.circuit_changed("polygon", "closed", "open")  # as another process notices it
    assert events(CIRCUIT) == [("polygon", "polygon fails and rests")]
    time.sleep(0.35)
    assert chain.quotes(["AAPL"])[0].provider == "polygon"
    assert events(CIRCUIT)[1:] == [("polygon", "polygon answers again")]


def test_nobody_serves_and_everybodys_reason_is_told(vendors, settings):
    settings.DATA_SOURCE = ["polygon", "alpaca", "alpha_vantage", "finnhub"]
    vendors["polygon"].fail_next(503, times=3)
    vendors["finnhub"].fail_next((403, {"error": "no access"}))
    reasons = refused(lambda: Chain().news("AAPL"))
    assert {name: reason["code"] for name, reason in reasons.items()} == {
        "polygon": "unavailable",
        "alpaca": "provider_not_configured",
        "alpha_vantage": "provider_not_configured",
        "finnhub": "not_entitled",
    }
    assert "ALPACA_API_KEY, ALPACA_API_SECRET" in reasons["alpaca"]["message"]


def test_those_that_do_not_offer_it_are_not_asked(vendors, settings):
    settings.ALPHA_VANTAGE_API_KEY = "right-key"
    reasons = refused(lambda: Chain(["alpha_vantage"]).news("AAPL"))
    assert reasons["alpha_vantage"]["code"] == ProviderError.UNSUPPORTED
    reasons = refused(lambda: Chain(["polygon"]).status("NSE"))
    assert reasons["polygon"]["code"] == ProviderError.UNSUPPORTED
    assert vendors["polygon"].requests == vendors["alpha_vantage"].requests == []


def bar(at):
    return {"t": (SECONDS + at * 60) * 1_000, "o": 10, "h": 12, "l": 9, "c": 11, "v": 5}


def bars(chain, **options):
    pages = chain.bars("AAPL", **{"minutes": 1, "start": OPEN, "end": OPEN + timedelta(hours=1), **options})
    return [(one.at - micro_of(OPEN)) // 60_000_000 for page in pages for one in page]


def test_bars_go_on_with_the_next_vendor_half_way(vendors, monkeypatch):
    monkeypatch.setattr("marketdata.adapters.vendors.polygon.BARS_A_PAGE", 2)
    polygon, finnhub = vendors["polygon"], vendors["finnhub"]
    polygon.page = 2
    polygon.bars["AAPL", "1minute"] = [bar(at) for at in range(6)]
    finnhub.candles["AAPL", "1"] = [(SECONDS + at * 60, 20, 20, 20, 20, 1) for at in range(6)]
    chain = Chain()
    pages = chain.bars("AAPL", minutes=1, start=OPEN, end=OPEN + timedelta(hours=1))
    found = list(next(pages))
    polygon.fail_next("html")
    for page in pages:
        found += page
    assert [one.open for one in found] == [10_000_000] * 2 + [20_000_000] * 4
    assert [(one.at - micro_of(OPEN)) // 60_000_000 for one in found] == list(range(6))
    assert events(SWITCH) == [("finnhub", "bars: finnhub serves instead of polygon")]


def test_a_vendor_without_bars_is_not_believed_while_there_is_another(vendors):
    vendors["finnhub"].candles["AAPL", "1"] = [(SECONDS, 20, 20, 20, 20, 1)]
    assert bars(Chain()) == [0]
    assert bars(Chain(["polygon"])) == []
    vendors["polygon"].fail_next(404)
    assert refused(lambda: bars(Chain(["polygon"])))["polygon"]["code"] == ProviderError.NOT_FOUND


def test_search_instruments_actions_and_status(vendors):
    vendors["finnhub"].matches = [{"description": "APPLE", "symbol": "AAPL", "type": "Common Stock"}]
    vendors["polygon"].splits = [{"ticker": "AAPL", "execution_date": "2026-08-31", "split_from": 1, "split_to": 4}]
    chain = Chain()
    assert [info.symbol for info in chain.search("apple")] == ["AAPL"]
    assert [info.symbol for info in chain.instruments(["AAPL", "NONE"])] == ["AAPL"]
    (split,) = chain.actions("AAPL", start=date(2026, 1, 1), end=date(2026, 12, 31))
    assert split.value == 4
    assert chain.status("NYSE").is_open
    assert chain.served == {"search": "finnhub", "instruments": "finnhub", "actions": "polygon", "status": "polygon"}


class Own:
    """A provider of our own, of which the chain sees its name and what it offers."""

    def __init__(self, name, *, is_simulated):
        self.name = name
        self.capabilities = Capabilities(is_simulated=is_simulated)
        self.asked = []

    def quotes(self, symbols):
        self.asked += symbols
        return []


def test_invented_prices_are_never_given_for_a_real_instrument(vendors):
    InstrumentFactory(symbol="AAPL", exchange="NASDAQ")
    InstrumentFactory(symbol="QZXV", exchange="SIMX", is_simulated=True)
    polygon_knows(vendors, "QZXV")
    simulated = Own("simulated", is_simulated=True)
    known = {"polygon": registry.provider("polygon"), "simulated": simulated}
    chain = Chain(["polygon", "simulated"], provide=known.__getitem__)
    assert chain.quotes(["AAPL", "QZXV"]) == []
    assert (simulated.asked, vendors["polygon"].requests[0][1]["tickers"]) == (["QZXV"], "AAPL")
    assert set(refused(lambda: Chain(["simulated"], provide=lambda _: simulated).quotes(["AAPL"]))) == {"simulated"}


@pytest.mark.parametrize(
    ("source", "as_realtime", "asked"),
    [(["polygon"], False, []), (["replay"], False, ["AAPL"]), (["auto"], True, ["AAPL"])],
)
def test_the_past_is_played_as_the_present_only_when_told(settings, source, as_realtime, asked):
    settings.DATA_SOURCE, settings.USE_HISTORICAL_AS_REALTIME = source, as_realtime
    InstrumentFactory(symbol="AAPL", exchange="NASDAQ")
    replay = Own("replay", is_simulated=False)
    chain = Chain(["replay"], provide=lambda _: replay)
    if asked:
        assert chain.quotes(["AAPL"]) == []
    else:
        refused(lambda: chain.quotes(["AAPL"]))
    assert replay.asked == asked


def test_an_instruments_own_symbol_at_a_vendor_is_used(vendors):
    InstrumentFactory(symbol="BERKB", exchange="NYSE", vendor_symbols={"polygon": "BRK.B"})
    polygon_knows(vendors, "BRK.B")
    assert [quote.symbol for quote in Chain().quotes(["BERKB"])] == ["BERKB"]


@pytest.mark.parametrize(
    ("source", "as_realtime", "names"),
    [
        (["auto"], False, ["polygon", "finnhub"]),
        (["auto"], True, ["replay"]),
        (["alpaca", "massive", "alpaca"], False, ["alpaca", "polygon"]),
        (["finnhub", "auto", "simulated"], False, ["finnhub", "polygon", "simulated"]),
    ],
)
def test_names_of_the_chain(settings, source, as_realtime, names):
    settings.DATA_SOURCE, settings.USE_HISTORICAL_AS_REALTIME = source, as_realtime
    assert registry.chain_names() == names


def test_without_any_key_the_exchange_is_simulated(settings):
    settings.POLYGON_API_KEY = settings.FINNHUB_API_KEY = ""
    assert (registry.configured(), registry.chain_names()) == ([], ["simulated"])
    settings.DATA_SOURCE = ["bloomberg"]
    with pytest.raises(Unavailable, match="bloomberg"):
        registry.chain_names()


def test_a_vendor_is_built_once_and_anew_when_its_settings_change(settings):
    one = registry.provider("polygon")
    assert registry.provider("massive") is one
    settings.POLYGON_API_KEY = "another"
    assert registry.provider("polygon") is not one
    with pytest.raises(Unavailable) as found:
        registry.provider("alpha_vantage")
    assert (found.value.code, found.value.details["missing"]) == ("provider_not_configured", "ALPHA_VANTAGE_API_KEY")


@pytest.mark.parametrize("name", registry.VENDORS)
def test_every_vendor_can_be_built_and_answers(settings, vendors, name):
    settings.ALPACA_API_KEY, settings.ALPACA_API_SECRET = "right-key", "right-secret"
    settings.ALPHA_VANTAGE_API_KEY = "right-key"
    registry.forget()
    assert Chain([name]).status("NYSE").is_open
    assert len(vendors[name].requests) == 1


def test_how_the_providers_are_doing(vendors, settings):
    settings.POLYGON_REQUESTS_PER_MINUTE = 10
    vendors["polygon"].fail_next(404)
    chain = Chain()
    chain.status("NYSE")
    states = {state.name: state for state in providers.provider_states()}
    assert list(states) == ["polygon", "finnhub", "alpaca", "alpha_vantage", "replay", "simulated"]
    polygon, finnhub, alpaca = states["polygon"], states["finnhub"], states["alpaca"]
    assert (polygon.place, polygon.error_code, polygon.budget_left, polygon.is_well) == (0, "not_found", 9, False)
    assert (finnhub.place, finnhub.circuit, finnhub.calls, finnhub.is_well) == (1, "closed", 1, True)
    assert finnhub.ok_age < 5
    assert (alpaca.is_configured, alpaca.missing) == (False, "ALPACA_API_KEY, ALPACA_API_SECRET")
