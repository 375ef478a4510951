"""The feed process and sessions: previous closes that are the exchange's own, bars that cannot be, halts."""

from datetime import UTC, datetime, timedelta

import pytest

from marketdata.domain.feed import Print, price_of
from marketdata.models import FeedAnomaly, IntradayBar, LatestQuote
from marketdata.services.feed import process as feed_process
from marketdata.tests.factories import InstrumentFactory, bars_create
from marketdata.tests.feed import MINUTE, Told, always_open, feeding, minute_of, now_us, shown, snapshot, trade, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _quick(settings, monkeypatch):
    settings.FEED_FLUSH_SECONDS = 0.02
    settings.FEED_SILENCE_SECONDS = settings.VENDOR_REST_SECONDS = 30.0
    settings.STOCK_POOL = ["AAA"]
    for name in ("FOLLOW_SECONDS", "SPAN_SECONDS", "META_SECONDS"):
        monkeypatch.setattr(feed_process, name, 0.1)


@pytest.fixture
def aaa():
    return InstrumentFactory(symbol="AAA", exchange=always_open().code)


def session_date():
    """Today where the exchange is, whose day is far from its ends: the feed names its sessions by it."""
    now = datetime.now(tz=UTC)
    return (now + timedelta(hours=12 - now.hour)).date()


def kept_from(day, price, **more):
    """A last quote of an earlier day, kept when the feed stopped in the middle of it."""
    return snapshot("AAA", price, at=now_us() - 20 * 3_600_000_000, session=day, **more)


def keep(instrument, quote):
    row = quote.to_row()
    row[0] = instrument.pk
    LatestQuote.objects.create(
        instrument=instrument, document=row, at=datetime.now(tz=UTC), provider="told", stored_at=datetime.now(tz=UTC)
    )


def traded(instrument, price):
    """What the board says once a feed has heard a trade of the new session."""
    one = Told("one")
    with feeding(one):
        until(lambda: one.is_on)
        one.say(trade("AAA", price))
        return until(lambda: (quote := shown(instrument)) and quote.last == price * 1_000_000 and quote)


def test_a_stored_close_of_the_session_before_is_the_previous_close(aaa):
    today = session_date()
    keep(aaa, kept_from(today - timedelta(days=1), 100))
    bars_create(aaa, [(90, 112, 90, 111)], dates=[today - timedelta(days=1)])
    assert price_of(traded(aaa, 115).previous_close) == 111  # and not 100, where the feed stopped


def test_an_older_close_does_not_replace_what_was_heard(aaa):
    today = session_date()
    keep(aaa, kept_from(today - timedelta(days=1), 100))
    bars_create(aaa, [(90, 112, 90, 111)], dates=[today - timedelta(days=2)])
    assert price_of(traded(aaa, 105).previous_close) == 100


def test_a_close_of_the_session_itself_is_not_its_previous_one(aaa):
    today = session_date()
    bars_create(aaa, [(90, 92, 90, 91), (90, 112, 90, 111)], dates=[today - timedelta(days=1), today])
    assert price_of(traded(aaa, 95).previous_close) == 91


def test_bars_that_cannot_be_are_counted_and_never_stored(aaa):
    at = now_us() // MINUTE * MINUTE - MINUTE
    good = minute_of("AAA", at, 100)
    one = Told("one")
    with feeding(one):
        until(lambda: one.is_on)
        one.say_bars(
            good._replace(at=at - 60 * MINUTE, high=good.low - 1),
            good._replace(at=at - 60 * MINUTE, low=good.high + 1),
            good._replace(at=at - 60 * MINUTE, volume=-1),
            good._replace(at=at - 60 * MINUTE, close=float("nan")),
            good._replace(at=at - 60 * MINUTE, trades=-1),
            good._replace(at=at - 60 * MINUTE, minutes=5),
            good,
        )
        until(lambda: IntradayBar.objects.filter(instrument=aaa, minutes=1).exists())
    assert [row.close for row in IntradayBar.objects.filter(instrument=aaa, minutes=1)] == [100_000_000]
    assert list(FeedAnomaly.objects.values_list("provider", "kind", "symbol", "count")) == [
        ("one", "malformed", "AAA", 6)
    ]


def test_a_halt_is_shown_until_its_end(aaa):
    one = Told("one")
    with feeding(one):
        until(lambda: one.is_on)
        one.say(trade("AAA", 100), Print("AAA", now_us(), halted=True))
        until(lambda: (quote := shown(aaa)) and quote.halted)
        one.say(Print("AAA", now_us(), halted=False))
        found = until(lambda: (quote := shown(aaa)) and not quote.halted and quote)
    assert (found.last, found.volume) == (100_000_000, 10)
