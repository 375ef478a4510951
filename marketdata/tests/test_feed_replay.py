"""Stored history played as if it were now: shifted by whole weeks, labelled, and never stored again."""

import time
from datetime import UTC, date, datetime, timedelta
from threading import Event, Thread

import pytest
from django.db import connection

from marketdata.adapters.bars_copy import bars_copy
from marketdata.adapters.vendors import replay
from marketdata.domain.feed import at_of, micro_of
from marketdata.domain.providers import ProviderError, StreamSink
from marketdata.models import IntradayBar
from marketdata.services.feed import process as feed_process
from marketdata.tests.factories import InstrumentFactory, bars_create
from marketdata.tests.feed import MINUTE, always_open, feeding, now_us, shown, until

pytestmark = pytest.mark.django_db(transaction=True)
WEEKS = timedelta(weeks=3)


@pytest.fixture
def stored():
    """An instrument with two hours of minutes around this time of the day, three weeks ago."""
    instrument = InstrumentFactory(symbol="OLD", exchange=always_open().code)
    begin = now_us() // MINUTE * MINUTE - micros_of(WEEKS) - 60 * MINUTE
    rows = [
        (instrument.pk, 1, begin + place * MINUTE, 100 + place, 110 + place, 95 + place, 105 + place, 40, 4)
        for place in range(120)
    ]
    bars_copy([tuple(value * 1_000_000 if 3 <= at <= 6 else value for at, value in enumerate(row)) for row in rows])
    return instrument


def micros_of(span):
    return int(span.total_seconds()) * 1_000_000


def test_a_tape_keeps_weekdays_and_hours_and_ends_today_or_later(stored):
    tape = replay.Tape.of("OLD")
    first = IntradayBar.objects.filter(instrument=stored).order_by("at").first()
    moved = at_of(tape.bars[0].at) - first.at
    assert moved.days % 7 == 0
    assert moved.seconds == 0
    assert at_of(tape.bars[-1].at).date() >= datetime.now(tz=UTC).date()
    assert len(tape.bars) == 120
    bar, prints = tape.bars[0], tape.prints[:4]
    assert [item.last for item in prints] == [bar.open, bar.low, bar.high, bar.close]
    assert sum(item.size for item in prints) == bar.volume
    assert [item.at - bar.at for item in prints] == [0, 15_000_000, 30_000_000, 45_000_000]
    assert len({item.key for item in tape.prints}) == len(tape.prints)


def test_days_are_played_where_there_are_no_minutes():
    instrument = InstrumentFactory(symbol="DAY", exchange="NYSE")
    bars_create(instrument, [(100, 104, 98, 102), (102, 106, 101, 105)], start=date(2024, 1, 8))
    tape = replay.Tape.of("DAY")
    assert [item.last // 1_000_000 for item in tape.prints[::4]] == [100, 98, 104, 102, 102, 101, 106, 105]
    assert at_of(tape.prints[0].at).weekday() == 0
    assert replay.Tape.of("NONE") is None


def test_simulated_history_is_not_played():
    instrument = InstrumentFactory(symbol="SIMU", exchange="SIMX", is_simulated=True)
    bars_create(instrument, [(1, 1, 1, 1)])
    assert replay.Tape.of("SIMU") is None
    assert replay.build().instruments(["SIMU"]) == []


def test_it_plays_what_is_due_and_is_never_silent(stored, monkeypatch):
    monkeypatch.setattr(replay, "TICK_SECONDS", 0.02)
    provider, said, stop = replay.build(), [], Event()

    def play():
        try:
            provider.stream(["OLD", "NONE"], StreamSink(said.append, lambda _: None), stop)
        finally:
            connection.close()

    thread = Thread(target=play)
    thread.start()
    until(lambda: len(said) > 5)
    stop.set()
    thread.join(2.0)
    assert not thread.is_alive()
    items = [item for batch in said for item in batch]
    assert all(item.at <= now_us() for item in items)
    assert now_us() - items[0].at < 20_000_000
    assert provider.quotes(["OLD", "NONE"])[0].provider == "replay"
    assert provider.search("ol")[0].symbol == "OLD"


def test_what_it_cannot_do_it_says(stored):
    provider, now = replay.build(), datetime.now(tz=UTC)
    for ask in (
        lambda: list(provider.bars("OLD", minutes=1, start=now, end=now)),
        lambda: provider.status("US"),
        lambda: provider.news("OLD"),
        lambda: provider.stream(["NONE"], StreamSink(lambda _: None, lambda _: None), Event()),
    ):
        with pytest.raises(ProviderError):
            ask()


def test_the_feed_shows_it_as_replay_and_leaves_history_as_it_was(stored, settings, monkeypatch):
    settings.STOCK_POOL, settings.FEED_FLUSH_SECONDS = ["OLD"], 0.02
    settings.FEED_SILENCE_SECONDS = 1.0
    monkeypatch.setattr(feed_process, "FOLLOW_SECONDS", 0.1)
    monkeypatch.setattr(replay, "TICK_SECONDS", 0.05)
    before = list(IntradayBar.objects.order_by("instrument_id", "minutes", "at").values_list())
    with feeding(replay.build()) as process:
        found = until(lambda: shown(stored))
        time.sleep(1.5)
        assert process.sources["real"].failures == 0
    assert found.provider == "replay"
    assert micro_of(datetime.now(tz=UTC)) - found.at < 30_000_000
    assert list(IntradayBar.objects.order_by("instrument_id", "minutes", "at").values_list()) == before
