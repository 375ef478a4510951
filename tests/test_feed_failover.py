"""The feed on two vendors' real clients: one is killed, the other serves, nothing is missing, the first comes back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest
from django.test import Client

from marketdata.adapters.vendors import registry
from marketdata.domain.candles import MINUTE
from marketdata.domain.feed import FeedHealth, LiveQuote, at_of, micro_of, micros
from marketdata.models import CalendarRange, Exchange, ExchangeSession, FeedEvent, Instrument, IntradayBar
from marketdata.selectors.live import feed_health, live_quote
from marketdata.selectors.sessions import sessions_forget
from marketdata.services.exchanges import exchanges_seed
from marketdata.services.feed import store
from marketdata.services.feed.process import REAL, FeedProcess
from marketdata.tests.factories import InstrumentFactory
from marketdata.tests.vendors.alpaca_server import AlpacaServer, stamp
from marketdata.tests.vendors.polygon_server import PolygonServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

SILENCE, REST, TIMEOUT = 2.0, 2.0, 1.5
SYMBOL = "AAPL"


class Tape:
    """Trades as they happen: each vendor that is not silent tells those who listen to it."""

    def __init__(self, polygon: PolygonServer, alpaca: AlpacaServer) -> None:
        self.polygon, self.alpaca = polygon, alpaca
        self.is_polygon_silent = False
        self.number = 0

    def run(self, stop: Event) -> None:
        """Twenty trades a second."""
        while not stop.wait(0.05):
            self.number += 1
            now, price = time.time_ns() // 1_000, 200 + self.number % 7 / 100
            trade = {"x": "4", "i": str(self.number), "p": price, "s": 10}
            if not self.is_polygon_silent:
                self.polygon.push([{**trade, "ev": "T", "sym": SYMBOL, "t": now // 1_000}])
            self.alpaca.push([{**trade, "T": "t", "S": SYMBOL, "t": stamp(now)}])


@pytest.fixture
def apple() -> Instrument:
    """A stock of an exchange that is open around the clock today."""
    exchanges_seed()
    now = datetime.now(tz=UTC)
    us, day, hours = Exchange.objects.get(code="US"), timedelta(days=1), timedelta(hours=12)
    CalendarRange.objects.create(exchange=us, first=now.date() - day, last=now.date() + day, source="test")
    ExchangeSession.objects.create(
        exchange=us, date=now.date(), opens_at=now - hours, closes_at=now + hours, source="test"
    )
    sessions_forget()
    return InstrumentFactory(symbol=SYMBOL, exchange="US")


@pytest.fixture
def tape(settings) -> Iterator[Tape]:
    """Two vendors on loopback that the settings name, and the trades that they tell."""
    with PolygonServer() as polygon, AlpacaServer() as alpaca:
        settings.DATA_SOURCE = ["polygon", "alpaca"]
        settings.POLYGON_API_KEY = settings.ALPACA_API_KEY = "right-key"
        settings.ALPACA_API_SECRET = "right-secret"
        settings.POLYGON_REST_URL, settings.POLYGON_STREAM_URL = polygon.url, polygon.stream_url
        settings.ALPACA_DATA_URL = settings.ALPACA_TRADING_URL = alpaca.url
        settings.ALPACA_STREAM_URL = alpaca.stream_url
        settings.VENDOR_TIMEOUT, settings.VENDOR_REST_SECONDS = TIMEOUT, REST
        settings.FEED_SILENCE_SECONDS, settings.FEED_FLUSH_SECONDS = SILENCE, 0.05
        settings.STOCK_POOL = [SYMBOL]
        for name in settings.DATA_SOURCE:
            registry.provider(name)  # importing a vendor's library takes its time
        yield Tape(polygon, alpaca)


@contextmanager
def running(tape: Tape) -> Iterator[FeedProcess]:
    """The feed at work while trades happen."""
    stop, quiet = Event(), Event()
    process = FeedProcess(stop)
    threads = [Thread(target=process.run, daemon=True), Thread(target=tape.run, args=(quiet,), daemon=True)]
    for thread in threads:
        thread.start()
    try:
        yield process
    finally:
        stop.set()
        threads[0].join(10.0)
        quiet.set()
        threads[1].join(2.0)
        assert not any(thread.is_alive() for thread in threads), "the feed does not stop"


def until(what: str, holds: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)


def quote_of(instrument: Instrument, provider: str) -> LiveQuote | None:
    """The board's quote, when it is a vendor's."""
    quote = live_quote(instrument.pk)
    return quote if quote is not None and quote.provider == provider else None


def health_of(provider: str, switches: int) -> FeedHealth | None:
    """How the feed says it is doing, when it says so of a vendor."""
    health = feed_health()
    return health if health is not None and (health.provider, health.switches) == (provider, switches) else None


def events(kind: str) -> list[str]:
    """The vendors that a kind of event was recorded of, in order."""
    return list(FeedEvent.objects.filter(kind=kind).order_by("id").values_list("provider", flat=True))


def minutes_known(tape: Tape, instrument: Instrument) -> int:
    """What there is of the last minutes: three are stored, Polygon has two more (the last of them half), Alpaca all."""
    base = time.time_ns() // 1_000 // MINUTE * MINUTE
    dollar = micros("199")
    store.minutes_store([(instrument.pk, 1, base - number * MINUTE, *[dollar] * 4, 5, 1) for number in (8, 7, 6)])
    row = {"o": 199, "h": 199.5, "l": 198.5}
    tape.polygon.bars[SYMBOL, "1minute"] = [
        {"t": (base - number * MINUTE) // 1_000, **row, "c": 199.1, "v": 7, "n": 2} for number in (5, 4)
    ]
    tape.alpaca.bars[SYMBOL] = [
        {"t": f"{at_of(base + number * MINUTE):%Y-%m-%dT%H:%M:%SZ}", **row, "c": 199.2, "v": 9, "n": 3}
        for number in range(-30, 3)
    ]
    return base


def closes_from(instrument: Instrument, base: int) -> dict[int, int]:
    """The closes of stored minutes by how many minutes before `base` they are."""
    bars = IntradayBar.objects.filter(instrument=instrument, minutes=1, at__gte=at_of(base - 8 * MINUTE))
    found = {(base - micro_of(at)) // MINUTE: close for at, close in bars.values_list("at", "close")}
    return {number: close for number, close in found.items() if number > 0}


def test_a_vendor_that_is_killed_is_replaced_without_a_gap_and_serves_again_when_it_is_back(apple, tape):
    base = minutes_known(tape, apple)
    with running(tape):
        until("Polygon serves", lambda: quote_of(apple, "polygon"))
        until("Polygon's minutes are stored", lambda: len(closes_from(apple, base)) == 5)
        until("the feed says so", lambda: health_of("polygon", 0))

        tape.polygon.die()
        killed = micro_of(datetime.now(tz=UTC))
        until("Alpaca serves", lambda: quote_of(apple, "alpaca"), SILENCE + TIMEOUT + 2.0)
        until("what was missed is stored", lambda: len(closes_from(apple, base)) == 8)
        # The half minute that Polygon had told of is whole now, what was stored before is as it was.
        half, told = micros("199.2"), micros("199.1")
        assert closes_from(apple, base) == {
            **dict.fromkeys((8, 7, 6), micros("199")),
            5: told,
            **dict.fromkeys((4, 3, 2, 1), half),
        }
        until("a switch is recorded", lambda: events("switch") == ["alpaca"])
        until("the fill is recorded", lambda: events("backfill")[-1:] == ["alpaca"])
        assert events("disconnect") == ["polygon"]

        until("the feed says so", lambda: health_of("alpaca", 1))
        health = health_of("alpaca", 1)
        assert health.state == "running"
        assert abs(micro_of(health.since) - killed) < (SILENCE + TIMEOUT + 2.0) * 1_000_000
        page = Client().get("/markets").content.decode()
        assert "The feed switched from Polygon.io to Alpaca at" in page

        # Polygon is tried again meanwhile, in vain: nobody notices.
        refused = tape.polygon.refused
        until("Polygon is tried again", lambda: tape.polygon.refused > refused, REST + TIMEOUT + 3.0)
        heard = quote_of(apple, "alpaca").sequence
        until("Alpaca serves all the while", lambda: quote_of(apple, "alpaca").sequence > heard + 5)
        assert events("switch") == ["alpaca"]

        tape.polygon.revive()
        until("Polygon serves again", lambda: quote_of(apple, "polygon"), REST + TIMEOUT + 3.0)
        until("the feed says so", lambda: health_of("polygon", 2))
        assert events("switch") == ["alpaca", "polygon"]
        assert tape.polygon.connections == 2
    assert set(closes_from(apple, base)) == set(range(1, 9))


def test_a_vendor_that_says_nothing_is_replaced_and_does_not_take_over_while_it_is_silent(apple, tape):
    with running(tape) as process:
        until("Polygon serves", lambda: quote_of(apple, "polygon"))
        tape.is_polygon_silent = True
        until("Alpaca serves", lambda: quote_of(apple, "alpaca"), SILENCE + TIMEOUT + 2.0)
        until("Polygon is let in again", lambda: tape.polygon.connections == 2, REST + TIMEOUT + 3.0)
        until("it is given up", lambda: process.sources[REAL].trial is None, SILENCE + 3.0)
        assert process.sources[REAL].serving == "alpaca"
        assert events("switch") == ["alpaca"]
        tape.is_polygon_silent = False
        until("Polygon serves again", lambda: quote_of(apple, "polygon"), REST + TIMEOUT + 3.0)
