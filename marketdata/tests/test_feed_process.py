"""The feed process over providers that fail, fall silent, talk nonsense and come back."""

import subprocess
import time
from datetime import UTC, datetime

import pytest
from django.db import connection

from core import heartbeat
from core.embedded.redis_server import RedisServer
from core.redis import client
from marketdata.adapters import live_board
from marketdata.adapters.bars_copy import bars_copy
from marketdata.domain.feed import Print, at_of, price_of
from marketdata.domain.providers import ProviderError
from marketdata.models import FeedAnomaly, FeedEvent, IntradayBar, LatestQuote, Watchlist, WatchlistItem
from marketdata.selectors.live import feed_health
from marketdata.services.feed import board as feed_board
from marketdata.services.feed import gaps as feed_gaps
from marketdata.services.feed import process as feed_process
from marketdata.tests.factories import InstrumentFactory
from marketdata.tests.feed import (
    MINUTE,
    Told,
    always_open,
    feeding,
    minute_of,
    now_us,
    shown,
    snapshot,
    trade,
    until,
    within_a_minute,
)

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
    within_a_minute()


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
    assert (kept.provider, kept.document[4]) == ("one", 101_000_000)
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
            two.say(trade("AAA", 100))
            one.refuses = None
            until(lambda: one.is_on)  # on trial beside the one that serves
            both = trade("AAA", 101)
            two.say(both)
            one.say(both._replace(key="the same, by another name"))
            until(lambda: not two.is_on)
            one.say(trade("AAA", 102))
            found = until(lambda: (quote := shown(pool[0])) and quote.last == 102_000_000 and quote)
            until(lambda: len(events("switch")) >= 2)
        assert (found.provider, found.volume) == ("one", 30)  # what both said is counted once
        assert [provider for provider, _ in events("switch")][:2] == ["two", "one"]

    def test_the_only_vendor_is_tried_again_soon(self, pool):
        one = Told("one")
        with feeding(one):
            until(lambda: one.is_on)
            one.lose()
            until(lambda: len(one.subscribed) == 2 and one.is_on)

    def test_a_vendor_that_is_not_set_up_is_passed_over(self, pool):
        two = Told("two")
        with feeding(two, names=["one", "two"]):
            until(lambda: two.is_on)


def test_a_vendor_without_a_stream_is_asked_for_quotes(pool):
    _, bbb = pool
    one = Told("one", stream=False, snapshot=[snapshot("AAA", 100), snapshot("BBB", 50)])
    with feeding(one):
        found = until(lambda: shown(bbb))
    assert (found.last, found.provider) == (50_000_000, "one")


def test_a_gap_is_filled_without_holes_by_who_serves(pool):
    current = now_us() // MINUTE * MINUTE
    minutes = [current - MINUTE * ago for ago in range(30, 0, -1)]
    history = [minute_of(symbol, at, 100) for at in minutes for symbol in ("AAA", "BBB")]
    for instrument in pool:
        bars_copy([(instrument.pk, 1, at, 5, 5, 5, 5, 1, 1) for at in minutes[:10]])
    one, two = Told("one"), Told("two", history=history)
    one.refuses = one.error()
    with feeding(one, two):
        last = IntradayBar.objects.filter(instrument__in=pool, minutes=1, at=at_of(minutes[-1]))
        until(lambda: last.count() == 2)
        until(lambda: events("backfill"))
    for instrument in pool:
        rows = IntradayBar.objects.filter(instrument=instrument, minutes=1).order_by("at")
        stored = list(rows.values_list("at", flat=True))
        assert [at for at in stored if at < at_of(current)] == [at_of(at) for at in minutes]
        # The last stored minute may have been heard in part only: it is asked for again.
        assert rows[9].close == 100_000_000
        assert rows[8].close == 5
    assert events("backfill")[0][0] == "two"


def test_what_the_serving_vendor_does_not_have_is_asked_of_the_next(pool):
    aaa, _ = pool
    current = now_us() // MINUTE * MINUTE
    bars_copy([(aaa.pk, 1, current - 5 * MINUTE, 5, 5, 5, 5, 1, 1)])
    one, two = Told("one"), Told("two", history=[minute_of("AAA", current - MINUTE * ago, 7) for ago in (5, 4, 2, 1)])
    one.no_bars = one.error("not in the plan", ProviderError.NOT_ENTITLED)
    with feeding(one, two):
        until(lambda: IntradayBar.objects.filter(instrument=aaa, minutes=1).count() == 4)
        until(lambda: events("backfill"))
    assert events("backfill")[0][0] == "two"
    assert not events("gap")


def test_a_gap_that_nobody_fills_is_told_and_asked_for_until_somebody_does(pool, monkeypatch):
    aaa, _ = pool
    monkeypatch.setattr(feed_gaps, "RETRY_SECONDS", 0.2)
    current = now_us() // MINUTE * MINUTE
    bars_copy([(aaa.pk, 1, current - 5 * MINUTE, 5, 5, 5, 5, 1, 1)])
    one = Told("one", history=[minute_of("AAA", current - MINUTE * ago, 7) for ago in (5, 4, 3, 2, 1)])
    one.no_bars = one.error("out of order")
    with feeding(one) as process:
        until(lambda: events("gap") and process.gaps.missing == 1)
        one.no_bars = None
        until(lambda: IntradayBar.objects.filter(instrument=aaa, minutes=1).count() == 5)
        until(lambda: process.gaps.missing == 0)
        until(lambda: events("backfill"))
    assert len(events("gap")) == 1


def test_a_hole_that_an_earlier_end_left_is_filled_at_the_start(pool):
    aaa, _ = pool
    current = now_us() // MINUTE * MINUTE
    times = [current - MINUTE * ago for ago in (9, 8, 7, 3, 2, 1)]
    bars_copy([(aaa.pk, 1, at, 7, 7, 7, 7, 1, 1) for at in times])
    one = Told("one", history=[minute_of("AAA", current - MINUTE * ago, 7) for ago in range(9, 0, -1)])
    with feeding(one):
        until(lambda: IntradayBar.objects.filter(instrument=aaa, minutes=1).count() == 9)


def test_what_was_missed_counts_for_the_session_too(pool):
    aaa, _ = pool
    current = now_us() // MINUTE * MINUTE
    history = [minute_of("AAA", current - MINUTE * ago, price) for ago, price in ((3, 90), (2, 120), (1, 100))]
    bars_copy([(aaa.pk, 1, history[0].at, *history[0][3:])])
    one = Told("one", history=history)
    with feeding(one):
        until(lambda: one.is_on)
        one.say(trade("AAA", 100))
        found = until(lambda: (quote := shown(aaa)) and quote.volume >= 310 and quote)
    assert found.volume == 310
    assert (found.high, found.low) == (120_010_000, 89_990_000)


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
        until(lambda: one.is_on and process.board.watched)
        one.say(trade("AAA", 100), trade("BBB", 50))
        until(pushed)
        until(lambda: shown(bbb))
    assert {event["symbol"] for event in pushed()} == {"AAA"}


def test_the_last_word_is_pushed_however_fast_it_came(pool):
    aaa, _ = pool
    client().zadd(live_board.WATCHED, {str(aaa.pk): time.time() + 60})
    one = Told("one")
    with feeding(one) as process:
        until(lambda: one.is_on and process.board.watched)
        for step in range(20):
            one.say(trade("AAA", 100 + step))
            time.sleep(0.02)
        until(lambda: pushed() and pushed()[-1]["last"] == "119.00")
    assert 2 <= len(pushed()) <= 5


def test_a_board_that_was_lost_is_whole_again_soon(pool, monkeypatch):
    aaa, bbb = pool
    monkeypatch.setattr(feed_board, "WHOLE_SECONDS", 0.3)
    one = Told("one")
    with feeding(one):
        until(lambda: one.is_on)
        one.say(trade("AAA", 100), trade("BBB", 50))
        until(lambda: shown(aaa) and shown(bbb))
        live_board.live_drop()
        until(lambda: shown(aaa) and shown(bbb))


@pytest.fixture
def own_redis(settings, tmp_path):
    """A Redis that only this test speaks to: what it does to the whole server, other test processes do not feel."""
    server = RedisServer(tmp_path / "redis", log=tmp_path / "redis.log", throwaway=True)
    spec = server.spec()
    if spec.prepare:
        spec.prepare()
    with (tmp_path / "redis.log").open("wb") as log:
        process = subprocess.Popen(spec.argv, cwd=spec.cwd, env=spec.env, stdout=log, stderr=log)
    try:
        until(server.is_ready)
        settings.REDIS_URL = server.url
        client.cache_clear()
        yield
    finally:
        client.cache_clear()
        process.kill()
        process.wait()


@pytest.mark.usefixtures("own_redis")
def test_while_redis_does_not_answer_candles_go_on_and_the_board_is_made_up_for(pool):
    aaa, bbb = pool
    one = Told("one")
    with feeding(one) as process:
        until(lambda: one.is_on)
        one.say(trade("AAA", 100))
        until(lambda: shown(aaa))
        client().config_set("maxmemory", "1")  # every write is refused
        try:
            one.say(trade("AAA", 101), trade("BBB", 50))
            until(lambda: process.board.is_lost)
            assert {item[0] for item in process.engine.roller.forming()} == {aaa.pk, bbb.pk}
        finally:
            client().config_set("maxmemory", "0")
        until(lambda: shown(bbb) and shown(aaa).last == 101_000_000)


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
    assert LatestQuote.objects.get(pk=aaa.pk).document[4] == 101_000_000
