"""The feed process over providers that fail, fall silent, talk nonsense and come back."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from core import heartbeat
from core.errors import Unavailable
from core.redis import client
from marketdata.adapters import live_board
from marketdata.adapters.bars_copy import bars_copy
from marketdata.domain.feed import Print, at_of, price_of
from marketdata.models import FeedAnomaly, FeedEvent, IntradayBar, LatestQuote, Watchlist, WatchlistItem
from marketdata.selectors.live import feed_health
from marketdata.services.feed import process as feed_process
from marketdata.tests.factories import InstrumentFactory
from marketdata.tests.feed import MINUTE, Told, always_open, feeding, minute_of, now_us, shown, snapshot, trade, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _quick(settings, monkeypatch):
    settings.FEED_FLUSH_SECONDS = 0.02
    settings.FEED_SILENCE_SECONDS = 30.0
    settings.VENDOR_REST_SECONDS = 30.0
    settings.STOCK_POOL = ["AAA", "BBB"]
    monkeypatch.setattr(feed_process, "FOLLOW_SECONDS", 0.1)
    monkeypatch.setattr(feed_process, "SPAN_SECONDS", 0.1)
    monkeypatch.setattr(feed_process, "META_SECONDS", 0.1)


@pytest.fixture
def pool():
    exchange = always_open()
    return [InstrumentFactory(symbol=symbol, exchange=exchange.code) for symbol in ("AAA", "BBB")]


def events(kind):
    return list(FeedEvent.objects.filter(kind=kind).order_by("id").values_list("provider", "message"))


def test_what_is_said_is_shown_kept_and_told(pool):
    aaa, _ = pool
    one = Told("one")
    with feeding(one):
        until(lambda: one.is_on)
        one.say(trade("AAA", 100, bid=99_990_000, ask=100_010_000), trade("AAA", 102), trade("AAA", 101))
        found = until(lambda: (quote := shown(aaa)) and quote.volume == 30 and quote)
        assert [price_of(value) for value in (found.open, found.high, found.low, found.last)] == [100, 102, 100, 101]
        assert (found.bid, found.ask, found.provider, found.session) == (
            *(99_990_000, 100_010_000, "one"),
            datetime.now(tz=UTC).date(),
        )
        health = until(lambda: (state := feed_health()) and state.last_message and state)
        assert (health.state, health.provider, health.symbols) == ("running", "one", 2)
        assert heartbeat.alive("feed")
        assert one.subscribed == [("AAA", "BBB")]
    kept = LatestQuote.objects.get(pk=aaa.pk)
    assert (kept.provider, kept.document[6]) == ("one", 101_000_000)
    minutes = IntradayBar.objects.filter(instrument=aaa, minutes=1)
    assert sum(minutes.values_list("volume", flat=True)) == 30  # stored as it stood when the feed stopped
    assert sum(IntradayBar.objects.filter(instrument=aaa, minutes=60).values_list("volume", flat=True)) == 30


def test_nonsense_never_reaches_the_board_and_is_counted(pool):
    aaa, bbb = pool
    one = Told("one")
    with feeding(one):
        until(lambda: one.is_on)
        one.say(trade("AAA", 100))
        until(lambda: shown(aaa))
        one.say(
            *(trade("AAA", 1_000), trade("AAA", 0.01), trade("AAA", 100, size=-5), trade("ZZZ", 5)),
            *(trade("AAA", 100, at=now_us() + 60_000_000), Print("AAA", now_us(), last=float("nan"), size=1)),
            *(Print("AAA", now_us(), bid=101_000_000, ask=100_000_000), Print("AAA", now_us(), bid=1)),
        )
        one.say_bars(minute_of("AAA", now_us(), 100), minute_of("ZZZ", MINUTE, 1))
        one.say(trade("BBB", 7))
        until(lambda: shown(bbb))
        found = shown(aaa)
        assert (found.last, found.bid, found.ask, found.volume, found.high) == (100_000_000, 0, 0, 10, 100_000_000)
    counted = {(row.kind, row.symbol): row.count for row in FeedAnomaly.objects.all()}
    assert counted == {
        ("jump", "AAA"): 3,
        ("not_positive", "AAA"): 1,
        ("unknown_symbol", "ZZZ"): 2,
        ("future", "AAA"): 1,
        ("not_a_number", "AAA"): 1,
        ("crossed", "AAA"): 1,
        ("malformed", "AAA"): 1,
    }


class TestFailover:
    def test_a_lost_stream_is_followed_by_the_next_vendor(self, pool):
        aaa, _ = pool
        one, two = Told("one"), Told("two")
        with feeding(one, two):
            until(lambda: one.is_on)
            one.say(trade("AAA", 100))
            until(lambda: shown(aaa))
            began = time.monotonic()
            one.lose()
            until(lambda: two.is_on)
            assert time.monotonic() - began < 2.0
            two.say(trade("AAA", 101))
            until(lambda: shown(aaa).last == 101_000_000)
            assert shown(aaa).provider == "two"
            health = until(lambda: (state := feed_health()).switches and state)
            assert health.provider == "two"
            until(lambda: events("switch"))
        assert events("switch")[0][0] == "two"
        assert [provider for provider, _ in events("disconnect")] == ["one"]

    def test_a_silent_stream_is_left_while_the_exchange_is_open(self, pool, settings):
        settings.FEED_SILENCE_SECONDS = 0.5
        one, two = Told("one"), Told("two")
        with feeding(one, two):
            until(lambda: one.is_on)
            one.say(trade("AAA", 100))
            until(lambda: two.is_on)
            assert not one.is_on or until(lambda: not one.is_on)

    def test_the_preferred_vendor_serves_again_when_it_has_rested(self, pool, settings):
        settings.VENDOR_REST_SECONDS = 0.5
        one, two = Told("one"), Told("two")
        one.refuses = one.error("not today")
        with feeding(one, two):
            until(lambda: two.is_on)
            one.refuses = None
            until(lambda: one.is_on and not two.is_on)
            until(lambda: len(events("switch")) >= 2)
        assert [provider for provider, _ in events("switch")][:2] == ["two", "one"]

    def test_the_only_vendor_is_tried_again_soon(self, pool):
        one = Told("one")
        with feeding(one):
            until(lambda: one.is_on)
            one.lose()
            until(lambda: len(one.subscribed) == 2 and one.is_on)

    def test_a_vendor_that_is_not_set_up_is_passed_over(self, pool):
        two = Told("two")

        class Missing(Told):
            @property
            def capabilities(self):
                raise Unavailable("provider_not_configured", "one is not set up: ONE_KEY is not set.")

            @capabilities.setter
            def capabilities(self, _value):
                pass

        with feeding(Missing("one"), two):
            until(lambda: two.is_on)


def test_a_vendor_without_a_stream_is_asked_for_quotes(pool):
    _, bbb = pool
    one = Told("one", stream=False, snapshot=[snapshot("AAA", 100), snapshot("BBB", 50)])
    with feeding(one):
        found = until(lambda: shown(bbb))
    assert (found.last, found.provider) == (50_000_000, "one")


def test_a_gap_is_filled_without_holes_by_who_serves(pool):
    aaa, bbb = pool
    current = now_us() // MINUTE * MINUTE
    minutes = [current - MINUTE * ago for ago in range(30, 0, -1)]
    history = [minute_of(symbol, at, 100) for at in minutes for symbol in ("AAA", "BBB")]
    for instrument in pool:
        bars_copy([(instrument.pk, 1, at, 5, 5, 5, 5, 1, 1) for at in minutes[:10]])
    one, two = Told("one"), Told("two", history=history)
    one.refuses = one.error()
    with feeding(one, two):
        until(lambda: IntradayBar.objects.filter(minutes=1, at=at_of(minutes[-1])).count() == 2)
        until(lambda: events("backfill"))
    for instrument in pool:
        rows = IntradayBar.objects.filter(instrument=instrument, minutes=1).order_by("at")
        stored = list(rows.values_list("at", flat=True))
        assert [at for at in stored if at < at_of(current)] == [at_of(at) for at in minutes]
        # The last stored minute may have been heard in part only: it is asked for again.
        assert rows[9].close == 100_000_000
        assert rows[8].close == 5
    assert events("backfill")[0][0] == "two"


def test_a_new_start_goes_on_from_what_was_kept(pool):
    aaa, _ = pool
    with feeding(one := Told("one")):
        until(lambda: one.is_on)
        one.say(trade("AAA", 100), trade("AAA", 110))
        until(lambda: (quote := shown(aaa)) and quote.volume == 20)
    live_board.live_drop()
    with feeding(two := Told("one")):
        until(lambda: two.is_on)
        two.say(trade("AAA", 500))  # what was known still decides what can be
        two.say(trade("AAA", 105))
        found = until(lambda: (quote := shown(aaa)) and quote.last == 105_000_000 and quote)
    assert (found.open, found.high, found.volume) == (100_000_000, 110_000_000, 30)


def test_what_is_watched_or_listed_is_followed_within_moments(pool, django_user_model):
    ccc, ddd = (InstrumentFactory(symbol=symbol, exchange="NOON") for symbol in ("CCC", "DDD"))
    one = Told("one")
    with feeding(one):
        until(lambda: one.is_on)
        client().zadd(live_board.WATCHED, {str(ccc.pk): time.time() + 60})
        until(lambda: one.subscribed[-1] == ("AAA", "BBB", "CCC") and one.is_on)
        owner = django_user_model.objects.create(email="w@example.com", display_name="W", password="!")
        WatchlistItem.objects.create(watchlist=Watchlist.objects.create(owner=owner, name="L"), instrument=ddd)
        until(lambda: one.subscribed[-1] == ("AAA", "BBB", "CCC", "DDD") and one.is_on)
        one.say(trade("DDD", 3))
        until(lambda: shown(ddd))


def test_a_vendors_bound_keeps_the_most_wanted(pool):
    one = Told("one", most=1)
    with feeding(one):
        until(lambda: one.is_on)
    assert one.subscribed == [("AAA",)]


def pushed():
    from orjson import loads

    return [loads(entry["d"]) for _, entry in client().xrange("sse:quotes")]


def test_only_what_is_watched_is_pushed(pool):
    aaa, bbb = pool
    client().zadd(live_board.WATCHED, {str(aaa.pk): time.time() + 60})
    one = Told("one")
    with feeding(one) as process:
        until(lambda: one.is_on and process._watched)
        one.say(trade("AAA", 100), trade("BBB", 50))
        until(pushed)
        until(lambda: shown(bbb))
    assert {event["symbol"] for event in pushed()} == {"AAA"}


def test_it_stops_at_once(pool):
    one = Told("one")
    began = 0.0
    with feeding(one):
        until(lambda: one.is_on)
        began = time.monotonic()
    assert time.monotonic() - began < 2.0


def test_a_lost_database_connection_stops_nothing(pool):
    aaa, _ = pool
    one = Told("one")
    with feeding(one):
        until(lambda: one.is_on)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        one.say(trade("AAA", 100))
        until(lambda: shown(aaa))
        one.say(trade("AAA", 101))
        until(lambda: shown(aaa).last == 101_000_000)
    assert LatestQuote.objects.get(pk=aaa.pk).document[6] == 101_000_000


def test_the_present_minutes_are_stored_once_they_are_over(pool):
    aaa, _ = pool
    before = now_us() // MINUTE * MINUTE - MINUTE
    one = Told("one")
    with feeding(one):
        until(lambda: one.is_on)
        one.say(trade("AAA", 100, at=before + 1_000_000), trade("AAA", 103, at=before + 59_000_000))
        until(lambda: IntradayBar.objects.filter(instrument=aaa, minutes=1, at=at_of(before)).exists(), 8.0)
    row = IntradayBar.objects.get(instrument=aaa, minutes=1, at=at_of(before))
    assert (row.open, row.close, row.volume, row.trades) == (100_000_000, 103_000_000, 20, 2)
    assert row.at == datetime.fromtimestamp(before / 1_000_000, tz=UTC)
    assert timedelta(0) < datetime.now(tz=UTC) - row.at < timedelta(minutes=5)
