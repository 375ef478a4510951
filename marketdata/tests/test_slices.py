"""The tables of a slice, and that nothing in them looks ahead."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Invalid
from marketdata.domain.building import slice_build
from marketdata.domain.layout import MICRO, History
from marketdata.domain.replay import ReplayDefinition
from marketdata.domain.splits import split_ratio
from marketdata.tests.factories import MONDAY, weekdays

CENT = Decimal("0.01")


def history(rows, *, symbol="AAA", dates=None, volumes=None, tick=CENT, listing_id=1, **actions) -> History:
    dates = dates or weekdays(MONDAY, len(rows))
    table = [[int(Decimal(str(price)) * MICRO) for price in row] for row in rows]
    return History(
        symbol=symbol,
        listing_id=listing_id,
        tick_size=tick,
        dates=dates,
        ohlc=np.array(table, dtype=np.int64).reshape(-1, 4),
        volume=np.array(volumes or [1000 + n for n in range(len(rows))], dtype=np.int64),
        **actions,
    )


def definition(days, *, warmup=0, **more) -> ReplayDefinition:
    return ReplayDefinition(start=days[warmup], end=days[-1], symbols=("AAA",), warmup_days=warmup, **more)


def flat(*closes):
    return [(close, close, close, close) for close in closes]


def test_ticks_of_a_day():
    days = weekdays(MONDAY, 2)
    table = slice_build(definition(days, warmup=1), [history([(10, 12, 9, 11), (20, 26, 19, 25)])])
    assert (table.days_total, table.ticks_total) == (1, 4)
    ticks = [table.tick(index, "test") for index in range(4)]
    assert [str(tick.quotes["AAA"].last) for tick in ticks] == ["20.00", "19.00", "26.00", "25.00"]
    assert [tick.quotes["AAA"].is_open_print for tick in ticks] == [True, False, False, False]
    assert [tick.is_last for tick in ticks] == [False, False, False, True]
    # The day's volume is known once it has closed.
    assert [tick.quotes["AAA"].volume for tick in ticks] == [1000, 1000, 1000, 1001]
    assert {tick.quotes["AAA"].previous_close for tick in ticks} == {Decimal("11.00")}
    assert ticks[3].quotes["AAA"].change_pct == Decimal("127.27")


def test_forming_day_shows_prints_so_far():
    days = weekdays(MONDAY, 2)
    table = slice_build(definition(days, warmup=1), [history([(10, 12, 9, 11), (20, 26, 19, 25)])])
    seen = [
        [(str(b.open), str(b.high), str(b.low), str(b.close)) for b in table.bars("AAA", t, 10)] for t in range(-1, 4)
    ]
    warm = ("10.00", "12.00", "9.00", "11.00")
    assert seen == [
        [warm],
        [warm, ("20.00", "20.00", "20.00", "20.00")],
        [warm, ("20.00", "20.00", "19.00", "19.00")],
        [warm, ("20.00", "26.00", "19.00", "26.00")],
        [warm, ("20.00", "26.00", "19.00", "25.00")],
    ]
    assert [table.bars("AAA", t, 10)[-1].is_complete for t in range(4)] == [False, False, False, True]
    assert len(table.bars("AAA", 0, 1)) == 1
    assert table.bars("AAA", 0, 0) == []
    assert table.closes(1, 10).tolist() == [[11.0], [19.0]]
    assert table.closes(3, 10).tolist() == [[11.0], [25.0]]
    assert table.closes(3, 1).tolist() == [[25.0]]


def test_split_inside_the_slice_makes_no_jump():
    """Prices stay in the basis of the first session: 700, then 7 for 1 to 100, plays on at 700."""
    days = weekdays(MONDAY, 4)
    rows = history(flat(350, 700, 100, "101.37"), splits=[(days[2], Decimal(7))], volumes=[10, 10, 700, 707])
    table = slice_build(definition(days, warmup=1), [rows])
    assert (table.ohlc[:, 0, 3] / 100).tolist() == [350, 700, 700, 709.59]
    assert table.volume[:, 0].tolist() == [10, 10, 100, 101]


def test_split_in_the_warm_up_is_undone_before_it():
    days = weekdays(MONDAY, 3)
    table = slice_build(definition(days, warmup=2), [history(flat(700, 100, 101), splits=[(days[1], Decimal(7))])])
    assert (table.ohlc[:, 0, 3] / 100).tolist() == [100, 100, 101]


def test_reverse_split_and_uneven_ratio():
    days = weekdays(MONDAY, 3)
    assert split_ratio([(days[1], Decimal("0.1"))], days[2], days[0]) == Fraction(1, 10)
    table = slice_build(definition(days), [history(flat(30, "1.23", "1.24"), splits=[(days[1], Decimal("1.5"))])])
    assert (table.ohlc[:, 0, 3]).tolist() == [3000, 184, 186]  # 1.845 and 1.86: half to even


def test_missing_session_repeats_the_close_without_volume():
    days = weekdays(MONDAY, 3)
    whole = history(flat(10, 11, 12))
    hole = history(flat(20, 22), symbol="BBB", dates=[days[0], days[2]])
    table = slice_build(definition(days), [whole, hole])
    assert (table.ohlc[:, 1, 0] / 100).tolist() == [20, 20, 22]
    assert table.volume[1, 1] == 0


@pytest.mark.parametrize("dates", [slice(1, 3), slice(0, 2)])
def test_history_must_cover_the_slice(dates):
    days = weekdays(MONDAY, 3)
    short = history(flat(20, 22), symbol="BBB", dates=days[dates])
    with pytest.raises(Invalid) as refused:
        slice_build(definition(days), [history(flat(10, 11, 12)), short])
    assert refused.value.code == "history_missing"
    assert refused.value.details["symbol"] == "BBB"


def test_later_listing_has_no_early_warm_up():
    days = weekdays(MONDAY, 3)
    young = history(flat(20, 22), symbol="BBB", dates=days[1:])
    table = slice_build(definition(days, warmup=2), [history(flat(10, 11, 12)), young])
    assert [bar.date for bar in table.bars("BBB", -1, 10)] == [days[1]]
    assert np.isnan(table.closes(-1, 5)[0, 1])


def test_big_and_small_prices_stay_exact():
    days = weekdays(MONDAY, 2)
    rows = history(
        flat("123456789012.123456", "0.000001"), tick=Decimal("0.000001"), splits=[(days[1], Decimal("0.33333333"))]
    )
    table = slice_build(definition(days), [rows])
    assert table.ohlc[0, 0, 0] == 123456789012123456
    assert table.ohlc[1, 0, 0] == 1  # never below a tick


@settings(deadline=None)
@given(st.lists(st.integers(500, 90_000), min_size=3, max_size=8), st.integers(0, 2**31))
def test_masking_keeps_returns_and_hides_the_level(closes, seed):
    days = weekdays(date(2013, 5, 15), len(closes))
    rows = history(flat(*(Decimal(close) / 100 for close in closes)), dates=days)
    open_, masked = (slice_build(definition(days, warmup=1, mask=mask, seed=seed), [rows]) for mask in (False, True))
    assert masked.ohlc[0, 0, 3] == 10_000
    assert [day.weekday() for day in masked.dates] == [day.weekday() for day in open_.dates]
    assert {real - fake for real, fake in zip(open_.dates, masked.dates, strict=True)} == {days[1] - masked.dates[1]}
    scale = 10_000 / closes[0]
    for row, close in enumerate(closes):
        assert abs(int(masked.ohlc[row, 0, 3]) - close * scale) <= 0.5 + 1e-9 or masked.ohlc[row, 0, 3] == 1


def test_masked_level_does_not_tell_the_first_close():
    """With no warm-up the first open is the anchor: the first close prints three ticks later."""
    days = weekdays(MONDAY, 2)
    table = slice_build(definition(days, mask=True), [history([(50, 60, 40, 55), (55, 56, 54, 55)])])
    assert table.tick(0, "test").quotes["AAA"].last == 100


# A day as its prints see it: open, distance of the nearer extreme, is it the low, how much farther the other, close.
day_shapes = st.tuples(
    st.integers(2_000, 5_000),
    st.integers(0, 300),
    st.booleans(),
    st.integers(1, 700),
    st.floats(0, 1),
    st.integers(1, 10**6),
)


def shape_bar(shape):
    open_, near, low_first, more, place, volume = shape
    far = near + more
    low, high = (open_ - near, open_ + far) if low_first else (open_ - far, open_ + near)
    return [open_, high, low, low + round((high - low) * place)], volume


def mixed(known, other, phase):
    """A day that agrees with `known` in its prints up to `phase` and is `other` afterwards."""
    if phase == 3:
        return known
    parts = 1 if phase == 0 else 3 if phase == 1 else 4
    return (*known[:parts], *other[parts:])


FUTURES = ("split", "dividend", "symbol_change", "delisting")


def told(kinds, day):
    """Actions on a day that only one of the twins knows."""
    known = {
        "split": {"splits": [(day, Decimal(4))]},
        "dividend": {"dividends": [(day, Decimal(1))]},
        "symbol_change": {"symbol_changes": [(day, "NEW")]},
        "delisting": {"delisting": (day, Decimal(0))},
    }
    return {name: value for kind in kinds for name, value in known[kind].items()}


def assert_same_until(ours, theirs, tick):
    for index in range(-1, tick + 1):
        for adjusted in (True, False):
            assert ours.bars("AAA", index, 50, adjusted=adjusted) == theirs.bars("AAA", index, 50, adjusted=adjusted)
        assert np.array_equal(ours.closes(index, 50), theirs.closes(index, 50), equal_nan=True)
        assert ours.at(index) == theirs.at(index)
        assert ours.names(index) == theirs.names(index)
        assert ours.symbols_changed(index) == theirs.symbols_changed(index)
        if index >= 0:
            a, b = ours.tick(index, "test"), theirs.tick(index, "test")
            assert a.quotes == b.quotes
            assert replace(a, quotes={}) == replace(b, quotes={})


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(day_shapes, day_shapes), min_size=4, max_size=7),
    st.integers(0, 27),
    st.booleans(),
    st.sampled_from(["adjusted", "traded"]),
    st.integers(0, 6),
    st.sets(st.sampled_from(FUTURES)),
)
def test_no_look_ahead(pairs, cut, mask, basis, acts_at, kinds):
    """Two histories that agree in everything printed so far look the same so far, whatever comes later."""
    warmup = 1
    days = weekdays(MONDAY, len(pairs))
    tick = min(cut, 4 * (len(pairs) - warmup) - 1)
    today, phase = warmup + tick // 4, tick % 4
    twins = [
        known if row < today else mixed(known, other, phase) if row == today else other
        for row, (known, other) in enumerate(pairs)
    ]
    future = told(kinds, days[acts_at]) if today < acts_at < len(days) else {}
    tables = []
    for shapes, actions in (([known for known, _ in pairs], {}), (twins, future)):
        bars = [shape_bar(shape) for shape in shapes]
        rows = history(
            [[Decimal(cents) / 100 for cents in bar] for bar, _ in bars], volumes=[v for _, v in bars], **actions
        )
        other = history(flat(*[9] * len(days)), symbol="ZZZ", listing_id=2)
        tables.append(slice_build(definition(days, warmup=warmup, mask=mask, basis=basis), [rows, other]))
    assert_same_until(*tables, tick)


def test_definition_end_may_be_a_day_off():
    days = weekdays(MONDAY, 5)
    table = slice_build(
        ReplayDefinition(start=days[0] - timedelta(days=1), end=days[-1] + timedelta(days=1), symbols=("AAA",)),
        [history(flat(1, 2, 3, 4, 5))],
    )
    assert table.days_total == 5
