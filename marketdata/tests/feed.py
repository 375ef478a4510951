"""A feed for tests: small providers that say what a test tells them, and the real process over them."""

import time
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from threading import Event, Lock, Thread

from core.errors import Unavailable
from marketdata.adapters.live_board import live_many
from marketdata.domain.feed import FeedBar, LiveQuote, Print
from marketdata.domain.providers import Capabilities, ProviderError
from marketdata.models import Exchange
from marketdata.services.feed.process import FeedProcess

MINUTE = 60_000_000
CENT = 10_000
_keys = count(1)


def now_us():
    """Now, in microseconds."""
    return time.time_ns() // 1_000


def always_open(code="NOON"):
    """An exchange that never closes and whose day is far from its ends just now."""
    away = 12 - datetime.now(tz=UTC).hour
    zone = f"Etc/GMT{-away:+d}" if away else "Etc/GMT"
    return Exchange.objects.create(code=code, name=code, country="ZZ", zone=zone, currency="USD", is_always_open=True)


def trade(symbol, price, *, at=None, size=10, bid=0, ask=0, key=None):
    """A print with a price in whole units, now unless told otherwise."""
    last = round(price * 1_000_000)
    key = str(next(_keys)) if key is None else key
    return Print(symbol, now_us() if at is None else at, bid, ask, 1, 1, last, size, key)


def minute_of(symbol, at, price, volume=100):
    """A vendor's bar of one minute."""
    value = round(price * 1_000_000)
    return FeedBar(symbol, 1, at, value, value + CENT, value - CENT, value, volume, 3)


class Told:
    """A provider whose stream says what `say` is given, and ends when told so."""

    def __init__(self, name, *, stream=True, history=(), snapshot=(), most=0):
        self.name = name
        self.capabilities = Capabilities(stream=stream, max_symbols=most)
        self.history, self.snapshot = list(history), list(snapshot)
        self.subscribed: list[tuple[str, ...]] = []
        self.asked: list[tuple[str, datetime, datetime]] = []
        self.refuses: ProviderError | None = None
        self.no_bars: ProviderError | None = None
        self._broken, self._sinks, self._lock = Event(), [], Lock()

    @property
    def is_on(self):
        return bool(self._sinks)

    def say(self, *prints):
        for sink in list(self._sinks):
            sink.prints(list(prints))

    def say_bars(self, *bars):
        for sink in list(self._sinks):
            sink.bars(list(bars))

    def lose(self):
        """The connection breaks."""
        self._broken.set()

    def error(self, message="gone", code=ProviderError.UNAVAILABLE):
        return ProviderError(self.name, code, message)

    def stream(self, symbols, sink, stop):
        if self.refuses is not None:
            raise self.refuses
        self._broken.clear()
        with self._lock:
            self.subscribed.append(tuple(symbols))
            self._sinks.append(sink)
        try:
            sink.connected()
            while not stop.wait(0.01):
                if self._broken.is_set():
                    raise self.error()
        finally:
            with self._lock:
                self._sinks.remove(sink)

    def quotes(self, symbols):
        if self.refuses is not None:
            raise self.refuses
        return [quote for quote in self.snapshot if quote.symbol in symbols]

    def bars(self, symbol, *, minutes, start, end):
        self.asked.append((symbol, start, end))
        if self.no_bars is not None or self.refuses is not None:
            raise self.no_bars or self.refuses
        assert minutes == 1
        first, last = int(start.timestamp() * 1_000_000), int(end.timestamp() * 1_000_000)
        yield [bar for bar in self.history if bar.symbol == symbol and first <= bar.at < last]


def snapshot(symbol, price, *, at=None, session=None, volume=0):
    """What a vendor's quote says of a symbol."""
    at, value = now_us() if at is None else at, round(price * 1_000_000)
    day = session or datetime.now(tz=UTC).date()
    return LiveQuote(
        0, symbol, value - CENT, value + CENT, value, 5, 5, at, at, "told", day, value, value, value, volume, 0
    )


def within_a_minute(seconds=12.0):
    """Wait for the next minute when this one ends sooner than a test is over: what it says then lies in one minute."""
    left = 60.0 - time.time() % 60.0
    if left < seconds:
        time.sleep(left + 0.05)


def until(condition, seconds=40.0):
    """Wait until a condition holds, and return what it answers; fail when it does not."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds} s")


@contextmanager
def feeding(*providers, names=None, group="real"):
    """The feed process over these providers, in a thread; it is stopped at the end. `names`: others are not set up."""
    named = {provider.name: provider for provider in providers}

    def provide(name):
        if name not in named:
            raise Unavailable("provider_not_configured", f"{name} is not set up.")
        return named[name]

    stop = Event()
    process = FeedProcess(stop, provide=provide, chains={group: names or list(named)})
    thread = Thread(target=process.run)
    thread.start()
    try:
        yield process
    finally:
        stop.set()
        thread.join(10.0)
        assert not thread.is_alive()


def shown(instrument):
    """What the board has of an instrument."""
    return live_many([instrument.pk]).get(instrument.pk)
