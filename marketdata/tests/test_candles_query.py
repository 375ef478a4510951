"""Candles: resolutions, grids, splits, ranges, and what must not be seen."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import numpy as np
import pytest
from django.core.cache import cache
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Invalid, NotFound
from marketdata.domain.candles_query import (
    MAX_CANDLES,
    RESOLUTIONS,
    bucket_keys,
    resolution_of,
    rolled,
    undo_splits,
    with_price,
)
from marketdata.models import DailyBar, Instrument, LatestQuote, Market
from marketdata.selectors.candles import candle_before, candles
from marketdata.selectors.horizon import horizons_read
from marketdata.selectors.prices import prices_of
from marketdata.services import markets
from marketdata.tests.bars import exchange, minute_bars, seconds, sessions
from marketdata.tests.factories import MONDAY, InstrumentFactory, actions_create, advance, bars_create, replay_market
from marketdata.tests.live import tell

V1 = "/api/v1"
MICRO = 1_000_000


@pytest.fixture
def api():
    return Client()


def table_of(times, price=100, volume=10):
    rows = [[at, price, price + 5, price - 5, price + 1, volume] for at in times]
    return np.array(rows, dtype=np.int64).reshape(-1, 6)


# Pure.


def test_resolutions_are_named_as_clients_name_them():
    assert [resolution_of(text).name for text in ("D", "1d", "w", "1M", "60", " 5 ")] == [
        "1D",
        "1D",
        "1W",
        "1M",
        "60",
        "5",
    ]
    for text in ("", "2", "10S", "1440", "1Y", "١"):
        with pytest.raises(Invalid) as refused:
            resolution_of(text)
        assert refused.value.code == "unsupported_resolution"


times_strategy = st.lists(st.integers(min_value=0, max_value=4_000_000), min_size=1, max_size=60, unique=True)


@given(times_strategy, st.sampled_from(sorted(RESOLUTIONS)), st.lists(st.integers(0, 4_000_000), max_size=5))
@settings(max_examples=150, deadline=None)
def test_rolling_loses_nothing_whatever_the_grid(times, name, opens):
    unit = RESOLUTIONS[name]
    times = np.array(sorted(times), dtype=np.int64)
    rng = np.random.Generator(np.random.PCG64(int(times.sum())))
    prices = rng.integers(50, 90, (len(times), 2))
    table = np.column_stack(
        [
            times,
            prices[:, 0],
            prices.max(axis=1) + 3,
            prices.min(axis=1) - 3,
            prices[:, 1],
            rng.integers(0, 9, len(times)),
        ]
    )
    keys = bucket_keys(times, unit, sorted(opens))
    result = rolled(table, keys, by_key=unit.is_intraday)
    assert (np.diff(keys) >= 0).all()
    assert (np.diff(result[:, 0]) > 0).all()
    assert result[:, 5].sum() == table[:, 5].sum()
    assert (result[0, 1], result[-1, 4]) == (table[0, 1], table[-1, 4])
    assert (result[:, 2].max(), result[:, 3].min()) == (table[:, 2].max(), table[:, 3].min())
    if unit.is_intraday:
        assert (times - keys < unit.seconds).all()
        assert (keys <= times).all()


def test_weeks_begin_on_monday_and_months_on_their_first():
    days = [date(2024, 12, 27), date(2024, 12, 30), date(2025, 1, 2), date(2025, 1, 3), date(2025, 1, 6)]
    times = np.array([seconds(day.year, day.month, day.day) for day in days])
    assert np.diff(bucket_keys(times, RESOLUTIONS["1W"])).tolist() == [1, 0, 0, 1]
    assert np.diff(bucket_keys(times, RESOLUTIONS["1M"])).tolist() == [0, 1, 0, 0]


def test_an_hour_begins_at_the_sessions_open_on_both_sides_of_a_clock_change():
    friday, monday = seconds(2026, 3, 6, 14, 30), seconds(2026, 3, 9, 13, 30)  # 09:30 in New York, both
    times = np.array([friday, friday + 3599, friday + 3600, monday - 60, monday, monday + 5400])
    keys = bucket_keys(times, RESOLUTIONS["60"], [friday, monday])
    assert keys.tolist() == [friday, friday, friday + 3600, monday - 3600, monday, monday + 3600]


def test_splits_are_undone_exactly_and_rounded_once():
    table = table_of([0, 100, 200, 300], price=1_000_001, volume=3)
    result = undo_splits(table, [(200, Fraction(3)), (100, Fraction(1, 2))])
    assert result[:, 1].tolist() == [666_667, 333_334, 1_000_001, 1_000_001]  # divided by 3/2, by 3, by nothing
    assert result[:, 5].tolist() == [4, 9, 3, 3]  # 4.5 is rounded to the even 4
    assert table[0, 1] == 1_000_001
    assert undo_splits(table_of([0], price=6), [(10, Fraction(10**6))])[0, 1] == 1  # a price stays above zero


def test_a_last_price_moves_the_last_candle_or_begins_one():
    table = table_of([0, 60])
    assert with_price(table, 60, 200)[-1].tolist() == [60, 100, 200, 95, 200, 10]
    assert with_price(table, 120, 90)[-1].tolist() == [120, 90, 90, 90, 90, 0]
    assert with_price(table, 0, 999) is table
    assert table[-1].tolist() == [60, 100, 105, 95, 101, 10]


# From the database.

pytestmark = pytest.mark.django_db


def daily(symbol="DDD", rows=10, start=MONDAY, **more):
    found = InstrumentFactory(symbol=symbol, **more)
    bars_create(found, [(100 + n, 104 + n, 98 + n, 101 + n) for n in range(rows)], start=start)
    return found


def test_days_weeks_and_months():
    found = daily(rows=30)  # 8 January to 16 February 2024
    days = candles(found.pk, "1D")
    assert (len(days), days.times[0], days.times[-1]) == (30, seconds(2024, 1, 8), seconds(2024, 2, 16))
    assert days.table[0].tolist() == [seconds(2024, 1, 8), 100 * MICRO, 104 * MICRO, 98 * MICRO, 101 * MICRO, MICRO]
    weeks = candles(found.pk, "1W")
    assert weeks.times == [seconds(2024, 1, 8 + 7 * n) if n < 4 else seconds(2024, 2, 7 * n - 23) for n in range(6)]
    assert weeks.table[1].tolist()[1:] == [105 * MICRO, 113 * MICRO, 103 * MICRO, 110 * MICRO, 5 * MICRO]
    months = candles(found.pk, "1M")
    assert months.times == [seconds(2024, 1, 8), seconds(2024, 2, 1)]
    assert sum(months.column(5)) == 30 * MICRO
    assert not weeks.is_forming


def test_a_range_holds_its_start_and_not_its_end():
    found = daily()
    second, fourth = seconds(2024, 1, 9), seconds(2024, 1, 11)
    assert candles(found.pk, "1D", start=second, end=fourth).times == [second, seconds(2024, 1, 10)]
    assert candles(found.pk, "1D", start=second + 1, end=fourth + 1).times == [seconds(2024, 1, 10), fourth]
    assert len(candles(found.pk, "1D", start=fourth, end=fourth)) == 0
    # A week whose first day is before the range is not in it; one that begins in it is there as a whole.
    week = candles(found.pk, "1W", start=second, end=seconds(2024, 1, 16))
    assert (week.times, week.table[0, 5]) == ([seconds(2024, 1, 15)], 5 * MICRO)


def test_countback_is_exact_whatever_the_resolution():
    found = daily(rows=30)
    for name in ("1D", "1W", "1M"):
        every = candles(found.pk, name)
        for count in range(1, len(every) + 2):
            got = candles(found.pk, name, countback=count)
            assert got.table.tolist() == every.table[-count:].tolist()
            before = candles(found.pk, name, countback=count, end=every.times[-1])
            assert before.table.tolist() == every.table[:-1][-count:].tolist()
    with pytest.raises(Invalid):
        candles(found.pk, "1D", countback=MAX_CANDLES + 1)
    with pytest.raises(NotFound):
        candles(0, "1D")
    assert candle_before(found.pk, "1D", seconds(2024, 1, 13)) == seconds(2024, 1, 12)
    assert candle_before(found.pk, "1D", seconds(2024, 1, 8)) is None


def test_minutes_are_read_from_the_coarsest_and_the_newest():
    found, first = InstrumentFactory(symbol="MMM"), seconds(2026, 3, 2, 14, 0)
    minute_bars(found, first, [100 + n for n in range(90)])  # 14:00 to 15:30
    minute_bars(found, first, [100 + n for n in range(14, 75, 15)], minutes=15)  # 14:00 to 15:15, in quarters
    for name in ("5", "15", "30", "60", "240"):
        unit, got = RESOLUTIONS[name], candles(found.pk, name)
        assert got.times == sorted({second // unit.seconds * unit.seconds for second in range(first, first + 5400, 60)})
        assert got.column(4)[-1] == 189 * MICRO
    # The quarters said 10 each; from the last of them on it is read by the minute.
    assert candles(found.pk, "60").column(5) == [40, 300]
    assert candles(found.pk, "1", countback=3).column(4) == [187 * MICRO, 188 * MICRO, 189 * MICRO]
    assert candles(found.pk, "30", countback=2).column(5) == [20, 300]
    middle = candles(found.pk, "1", start=first + 60, end=first + 180)
    assert middle.times == [first + 60, first + 120]


def test_hours_of_an_exchange_begin_at_its_open():
    row = exchange()
    sessions(row, date(2026, 3, 2), 14)
    found, opens = InstrumentFactory(symbol="HHH", exchange="XT"), seconds(2026, 3, 2, 14, 30)
    minute_bars(found, opens, [100 + n for n in range(130)])
    hours = candles(found.pk, "60")
    assert hours.times == [opens, opens + 3600, opens + 7200]
    assert hours.column(5) == [600, 600, 100]
    assert candles(found.pk, "240").times == [opens]
    assert candles(found.pk, "60", countback=2).table.tolist() == hours.table[-2:].tolist()


def test_splits_of_days_and_of_minutes():
    row = exchange()
    found = daily(exchange=row.code)
    actions_create(found, [("split", 5, 2)])  # 15 January
    got, raw = candles(found.pk, "1D"), candles(found.pk, "1D", adjusted=False)
    assert got.column(4)[:6] == [50_500_000, 51 * MICRO, 51_500_000, 52 * MICRO, 52_500_000, 106 * MICRO]
    assert (got.column(5)[0], raw.column(5)[0], raw.column(4)[0]) == (2 * MICRO, MICRO, 101 * MICRO)
    minute_bars(found, seconds(2024, 1, 15, 4, 58), [100, 100, 50, 50])  # midnight in New York is 05:00
    assert candles(found.pk, "1").column(4) == [50 * MICRO] * 4
    assert candles(found.pk, "1", adjusted=False).column(4) == [100 * MICRO, 100 * MICRO, 50 * MICRO, 50 * MICRO]


def test_a_split_to_come_is_not_undone_yet():
    found = daily(rows=2, start=datetime.now(tz=UTC).date() - timedelta(days=10))
    actions_create(found, [("split", 8, 2)], start=datetime.now(tz=UTC).date())
    assert candles(found.pk, "1D").column(4) == [101 * MICRO, 102 * MICRO]


# What a contest will play is not to be seen.

HIDDEN_BARS = {"FUT": [(100 + n, 104 + n, 98 + n, 101 + n) for n in range(10)]}


def last_day(instrument, **more):
    from django.core.cache import cache

    cache.clear()
    found = candles(instrument.pk, "1D", **more)
    return datetime.fromtimestamp(found.times[-1], tz=UTC).date() if len(found) else None


def hidden(running=False, **more):
    view = replay_market(HIDDEN_BARS, warmup=4, running=running, instrument={"exchange": "SIM"}, **more)
    return view, Instrument.objects.get(symbol="FUT")


def test_of_a_replay_that_has_not_begun_nothing_is_seen_from_its_first_day_on():
    _, found = hidden()
    assert last_day(found) == date(2024, 1, 11)  # the session before the first, 12 January
    assert last_day(found, end=seconds(2030, 1, 1)) == date(2024, 1, 11)
    assert last_day(found, start=seconds(2024, 1, 12)) is None
    assert candles(found.pk, "1W").table[-1, 4] == 104 * MICRO
    assert candles(found.pk, "1M", countback=5).table[-1, 2] == 107 * MICRO
    assert prices_of([found.pk])[found.pk].session == date(2024, 1, 11)


def test_of_a_running_replay_what_is_over_is_seen_session_by_session():
    market, found = hidden(running=True)
    assert last_day(found) == date(2024, 1, 11)
    for tick in range(24):
        advance(market.id)
        in_force = Market.objects.get(pk=market.id).tick_at.date()
        assert last_day(found) == max(bar for bar in DailyBar.objects.values_list("date", flat=True) if bar < in_force)
        assert tick // 4 == [date(2024, 1, day) for day in (12, 15, 16, 17, 18, 19)].index(in_force)
    advance(market.id)
    assert Market.objects.get(pk=market.id).status == "ended"
    assert last_day(found) == date(2024, 1, 19)


def test_the_earliest_of_several_markets_counts_and_a_paused_or_masked_one_too():
    ahead, found = hidden(running=True, ticks=9)
    assert last_day(found) == date(2024, 1, 15)
    markets.market_pause(actor=None, market_id=ahead.id)
    assert last_day(found) == date(2024, 1, 15)
    masked, _ = hidden(running=True, ticks=5, mask=True)
    assert last_day(found) == date(2024, 1, 11)
    Market.objects.filter(pk=masked.id).update(status="ended")
    assert last_day(found) == date(2024, 1, 15)


def test_nothing_of_the_future_is_in_adjustments_minutes_or_marks(api):
    bars = {"FUT": HIDDEN_BARS["FUT"]}
    replay_market(bars, warmup=4, running=False, instrument={"exchange": "SIM"}, actions={"FUT": [("split", 6, 2)]})
    found = Instrument.objects.get(symbol="FUT")
    minute_bars(found, seconds(2024, 1, 11, 23, 58), [100, 100, 100, 100])  # the limit is midnight, UTC for SIM here
    assert candles(found.pk, "1D").column(4)[-1] == 104 * MICRO
    assert candles(found.pk, "1").times[-1] == seconds(2024, 1, 11, 23, 59)
    assert candles(found.pk, "60").column(5) == [20]
    url = f"{V1}/udf/marks?symbol=FUT&resolution=1D&from=0&to=2000000000"
    assert api.get(url).json()["id"] == []
    Market.objects.update(status="ended")
    assert last_day(found) == date(2024, 1, 19)
    assert candles(found.pk, "1D").column(4)[0] == 50_500_000
    api.get(url)
    assert api.get(f"{url}&again=1").json()["label"] == ["S"]


def test_history_of_what_is_followed_live_stays_public_and_one_question_answers_for_all(
    django_assert_num_queries, django_assert_max_num_queries
):
    exchange("NYSE")
    replay_market({"REAL": HIDDEN_BARS["FUT"]}, warmup=4, running=False, instrument={"exchange": "NYSE"})
    real = Instrument.objects.get(symbol="REAL")
    assert last_day(real) == date(2024, 1, 11)  # as long as nobody follows it, a replay's future is hidden
    heard = tell(real, 100)
    LatestQuote.objects.create(instrument=real, document=heard.to_row(), at=datetime.now(tz=UTC), provider="test")
    cache.clear()
    assert last_day(real) >= date(2024, 1, 19)
    hidden()
    with django_assert_num_queries(1):
        assert list(horizons_read().values()) == [date(2024, 1, 12)]
    candles(real.pk, "1D")
    # The instrument, its splits, its bars, the feed's latest, maybe what the calendar is; horizons are kept.
    with django_assert_max_num_queries(6):
        candles(real.pk, "1D")
