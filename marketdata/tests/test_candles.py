"""Candles from prints: the same whatever the order, vendors' own bars first, coarser ones from minutes."""

from hypothesis import given
from hypothesis import strategies as st

from marketdata.domain.candles import MINUTE, Roller, recomputed, rolled
from marketdata.domain.cleaning import Cleaner
from marketdata.domain.feed import FeedBar, Print

BEGIN = 30_000_000 * MINUTE
SECOND = 1_000_000
GRACE = 5 * SECOND
IDS = {"AAA": 1, "BBB": 2}


def trade(second, price, size=1, symbol="AAA", key=""):
    return Print(symbol, BEGIN + int(second * SECOND), last=price, size=size, key=key)


def take(roller, *items):
    return [roller.take(IDS[item.symbol], item) for item in items]


def test_a_minute_by_hand():
    roller = Roller(GRACE)
    take(roller, trade(1, 100, 5), trade(20, 120), trade(30, 90, 2), trade(59.9, 110), trade(60, 300))
    assert roller.close(BEGIN + 64 * SECOND) == []
    assert roller.close(BEGIN + 65 * SECOND) == [(1, 1, BEGIN, 100, 120, 90, 110, 9, 4)]
    assert roller.close(BEGIN + 70 * SECOND) == []
    assert roller.forming() == [(1, 1, BEGIN + MINUTE, 300, 300, 300, 300, 1, 1)]


def test_late_prints_amend_a_minute_within_the_grace():
    roller = Roller(GRACE)
    take(roller, trade(10, 100), trade(50, 110), trade(61, 200), trade(55, 105), trade(2, 80))
    assert roller.close(BEGIN + 66 * SECOND) == [(1, 1, BEGIN, 80, 110, 80, 105, 4, 4)]
    assert take(roller, trade(58, 500)) == [False]  # it is stored; nothing changes it behind the database's back
    assert [row[2] for row in roller.close(BEGIN + 130 * SECOND)] == [BEGIN + MINUTE]


def test_a_vendors_bar_replaces_ours_and_is_not_added_to():
    roller = Roller(GRACE)
    take(roller, trade(10, 100))
    bar = FeedBar("AAA", 1, BEGIN, 1, 5, 1, 4, 1000, 7)
    assert roller.replace(1, bar) == (1, 1, BEGIN, 1, 5, 1, 4, 1000, 7)
    assert take(roller, trade(59, 300), trade(60, 7)) == [False, True]
    assert [row[2] for row in roller.close(BEGIN + 200 * SECOND)] == [BEGIN + MINUTE]


def test_what_was_replaced_is_forgotten_in_time():
    roller = Roller(GRACE)
    for minute in range(100):
        roller.replace(1, FeedBar("AAA", 1, BEGIN + minute * MINUTE, 1, 1, 1, 1, 1, 1))
        roller.close(BEGIN + (minute + 1) * MINUTE + GRACE)
    assert len(roller._replaced) < 10


seconds = st.lists(
    st.tuples(st.integers(0, 179_999), st.integers(1, 500), st.integers(0, 20), st.sampled_from(["AAA", "BBB"])),
    max_size=60,
    unique_by=lambda item: item[0],
)


@given(seconds, st.randoms(use_true_random=False), st.integers(0, 5))
def test_candles_are_the_recomputed_ones_in_any_order_within_the_grace(said, draw, again):
    """Prints arrive up to the grace late, shuffled, some of them twice: cleaned and rolled they make the same bars."""
    items = [
        Print(symbol, BEGIN + ms * 1_000, last=1_000 + price, size=size, key=str(ms))
        for ms, price, size, symbol in sorted(said)
    ]
    arriving = [(item.at + draw.randrange(GRACE), item) for item in items]
    arriving += [(at + draw.randrange(GRACE), item) for at, item in draw.sample(arriving, min(again, len(arriving)))]
    arriving.sort(key=lambda pair: pair[0])
    cleaner, roller, rows = Cleaner(1_000.0), Roller(GRACE), []
    cleaner.know(dict.fromkeys(IDS, 0))
    for now, item in arriving:
        rows += roller.close(now)
        fresh, late = cleaner.take([item], now)
        take(roller, *fresh, *late)
    rows += roller.close(BEGIN + 10 * MINUTE)
    assert sorted(rows) == recomputed(items, IDS)
    assert sum(row[7] for row in rows) == sum(item.size for item in items)


@given(seconds)
def test_coarser_bars_are_those_of_the_prints_themselves(said):
    items = [trade(ms / 1_000, price, size, symbol) for ms, price, size, symbol in sorted(said)]
    five = rolled(recomputed(items, IDS), 5)
    for ident, symbol in ((1, "AAA"), (2, "BBB")):
        own = [item for item in items if item.symbol == symbol]
        for bar in (row for row in five if row[0] == ident):
            inside = [item for item in own if bar[2] <= item.at < bar[2] + 5 * MINUTE]
            prices = [item.last for item in inside]
            assert bar[3:] == (
                *(prices[0], max(prices), min(prices), prices[-1]),
                *(sum(item.size for item in inside), len(inside)),
            )
        assert sum(row[8] for row in five if row[0] == ident) == len(own)
