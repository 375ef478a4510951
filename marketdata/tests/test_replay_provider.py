"""The replay provider alone: what is played of a bar makes that bar again; what is stored is what it knows."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from threading import Event, Thread

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from marketdata.adapters.bars_copy import bars_copy
from marketdata.adapters.vendors import replay
from marketdata.domain.candles import recomputed
from marketdata.domain.feed import FeedBar, at_of, micro_of
from marketdata.domain.providers import StreamSink
from marketdata.tests.factories import InstrumentFactory, actions_create, bars_create
from marketdata.tests.feed import MINUTE, now_us, until

THURSDAY = date(2024, 2, 1)
prices = st.integers(min_value=1, max_value=10**12)


@st.composite
def minutes(draw: st.DrawFn) -> FeedBar:
    low, one, two, high = sorted(draw(st.lists(prices, min_size=4, max_size=4)))
    opened, close = draw(st.sampled_from([(one, two), (two, one), (low, high), (high, low), (low, low), (high, high)]))
    volume = draw(st.integers(4, 10**9))
    return FeedBar("OLD", 1, draw(st.integers(10**7, 10**8)) * MINUTE, opened, high, low, close, volume, 4)


@settings(deadline=None)
@given(minutes())
def test_what_is_played_of_a_minute_makes_that_minute_again(bar):
    played = replay._prints(bar)
    assert recomputed(reversed(played), {"OLD": 5}) == [(5, 1, *bar[2:])]
    assert all(item.at // MINUTE * MINUTE == bar.at and item.size > 0 for item in played)
    assert all(one.at < two.at for one, two in pairwise(played))


@given(minutes())
def test_the_extreme_that_is_nearer_to_the_open_comes_first(bar):
    _, first, second, _ = (item.last for item in replay._prints(bar))
    assert {first, second} == {bar.high, bar.low}
    assert abs(first - bar.open) <= abs(second - bar.open)


@pytest.mark.django_db
class TestStored:
    def test_it_knows_real_active_instruments(self):
        for symbol in ("ABC", "ABD", "XYZ"):
            InstrumentFactory(symbol=symbol, exchange="NYSE", name=f"{symbol} Incorporated")
        InstrumentFactory(symbol="ABGONE", exchange="NYSE", is_active=False)
        InstrumentFactory(symbol="ABSIM", exchange="SIMX", is_simulated=True)
        provider = replay.build()
        assert [item.symbol for item in provider.search(" ab ")] == ["ABC", "ABD"]
        assert [item.symbol for item in provider.search("ab", limit=1)] == ["ABC"]
        assert provider.search("ab", limit=-1) == []
        found = provider.instruments(["XYZ", "ABSIM", "ABC", "NONE"])
        assert [(item.symbol, item.name, item.exchange) for item in found] == [
            ("ABC", "ABC Incorporated", "NYSE"),
            ("XYZ", "XYZ Incorporated", "NYSE"),
        ]

    def test_actions_are_the_stored_ones_between_two_days(self):
        instrument = InstrumentFactory(symbol="ABC", exchange="NYSE")
        actions_create(instrument, [("split", 2, 2), ("dividend", 5, "0.25")], start=date(2024, 1, 8))
        days = {item.ex_date: (item.kind, item.value) for item in _actions("ABC", date(2024, 1, 1), date(2024, 12, 31))}
        assert sorted(days.values()) == [("dividend", Decimal("0.25")), ("split", Decimal(2))]
        dividend = max(days)
        assert [item.kind for item in _actions("ABC", dividend, dividend)] == ["dividend"]
        assert _actions("ABC", date(2023, 1, 1), date(2023, 12, 31)) == []
        assert _actions("NONE", date(2024, 1, 1), date(2024, 12, 31)) == []

    def test_a_quote_is_the_last_print_before_now(self):
        instrument = InstrumentFactory(symbol="OLD", exchange="NYSE")
        begin = now_us() // MINUTE * MINUTE - 14 * 24 * 60 * MINUTE - 5 * MINUTE
        step = 1_000_000
        bars_copy(
            [
                (instrument.pk, 1, begin + place * MINUTE, *[(100 + place) * step] * 4, 40, 4)
                for place in range(60)  # 55 of them are still to come
            ]
        )
        [quote] = replay.build().quotes(["OLD", "NONE"])
        assert quote.last in {105 * step, 106 * step}
        assert 0 <= now_us() - quote.at < 20_000_000
        assert (quote.provider, quote.symbol, quote.instrument_id) == ("replay", "OLD", 0)
        assert quote.session == at_of(quote.at).date()

    def test_days_keep_their_weekday_and_are_played_in_order(self):
        instrument = InstrumentFactory(symbol="DAY", exchange="NYSE")
        bars_create(instrument, [(100 + n, 110 + n, 90 + n, 105 + n) for n in range(15)], start=THURSDAY)
        tape = replay.Tape.of("DAY")
        days = sorted({at_of(item.at).date() for item in tape.prints})
        assert len(days) == replay.DAYS_KEPT
        assert [day.weekday() for day in days] == [3, 4, 0, 1, 2, 3, 4, 0, 1, 2]  # a Thursday first, no weekends
        assert 0 <= (days[-1] - datetime.now(tz=UTC).date()).days < 7
        assert [item.at for item in tape.prints] == sorted(item.at for item in tape.prints)
        for item in tape.prints:
            inside = at_of(item.at) - datetime.combine(at_of(item.at).date(), datetime.min.time(), tzinfo=UTC)
            assert timedelta(hours=14, minutes=30) <= inside < timedelta(hours=21)
        assert tape.before(tape.prints[0].at - 1) == -1
        assert tape.before(tape.prints[0].at) == 0
        assert tape.before(micro_of(datetime(2100, 1, 1, tzinfo=UTC))) == len(tape.prints) - 1


@pytest.mark.django_db(transaction=True)
def test_the_stream_goes_on_with_the_next_day_when_its_tape_has_ended(monkeypatch):
    """Stored until a Thursday; on the Thursday two weeks later it ends, on the Friday the Friday before is played."""
    instrument, said, stop = InstrumentFactory(symbol="OLD", exchange="NYSE"), [], Event()
    clock = Clock(datetime(2026, 11, 26, 23, 59, 58, tzinfo=UTC))
    monkeypatch.setattr(replay, "time", clock)
    monkeypatch.setattr(replay, "datetime", clock.dates())
    monkeypatch.setattr(replay, "TICK_SECONDS", 0.02)
    for day in (5, 6, 9, 10, 11, 12):
        opens = micro_of(datetime(2026, 11, day, 14, 30, tzinfo=UTC))
        bars_copy([(instrument.pk, 1, opens + n * MINUTE, *[day * 1_000_000] * 4, 40, 4) for n in range(10)])

    def play():
        try:
            replay.build().stream(["OLD"], StreamSink(said.extend, lambda _: None), stop)
        finally:
            connection.close()

    thread = Thread(target=play)
    thread.start()
    try:
        until(lambda: said)
        clock.now = datetime(2026, 11, 27, 0, 0, 1, tzinfo=UTC)
        until(lambda: clock.seen >= 3)
        clock.now = datetime(2026, 11, 27, 14, 32, tzinfo=UTC)
        until(lambda: len(said) > 8)
    finally:
        stop.set()
        thread.join(2.0)
    assert [item.last // 1_000_000 for item in said] == [12, *[6] * 9]
    assert at_of(said[1].at) == datetime(2026, 11, 27, 14, 30, tzinfo=UTC)


class Clock:
    """A clock that stands where a test puts it."""

    def __init__(self, now):
        self.now = now
        self.seen = 0  # how often it was asked since it was put somewhere

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "now":
            super().__setattr__("seen", 0)

    def time(self):
        """Seconds, as `time.time`."""
        self.seen += 1
        return self.now.timestamp()

    def dates(self):
        """A `datetime` whose now is this clock's."""
        clock = self

        class Dates(datetime):
            @classmethod
            def now(cls, tz=None):
                return clock.now.astimezone(tz)

        return Dates


def _actions(symbol, start, end):
    return replay.build().actions(symbol, start=start, end=end)
