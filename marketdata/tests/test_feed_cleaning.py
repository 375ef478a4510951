"""What the feed takes and refuses: garbage never moves the board, trades count once, and nothing takes memory."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.domain.cleaning import KEYS_KEPT, LATE, PRICE_MOST, SAMPLES_KEPT, SECOND, Cleaner, latest
from marketdata.domain.feed import Anomaly, Print

NOW = 1_800_000_000 * SECOND
CENT = 10_000
PRICE = 100_000_000


def cleaner(**lasts):
    made = Cleaner(50.0)
    made.know(lasts or {"AAA": PRICE})
    return made


def trade(price=PRICE, at=NOW, **more):
    return Print(more.pop("symbol", "AAA"), at, last=price, size=more.pop("size", 10), **more)


def quote(bid, ask, at=NOW):
    return Print("AAA", at, bid=bid, ask=ask, bid_size=1, ask_size=1)


def kinds(made):
    return {kind: count for _, kind, _, count, _ in made.drain()}


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        (Print("AAA", NOW, last=math.nan, size=1), Anomaly.NOT_A_NUMBER),
        (Print("AAA", NOW, bid=math.inf, ask=math.inf), Anomaly.NOT_A_NUMBER),
        (Print("AAA", NOW, last=100.5, size=1), Anomaly.NOT_A_NUMBER),
        (Print("AAA", math.nan, last=PRICE), Anomaly.NOT_A_NUMBER),
        (Print("AAA", NOW, last=True, size=1), Anomaly.NOT_A_NUMBER),
        (Print("AAA", NOW, last="100", size=1), Anomaly.NOT_A_NUMBER),
        (Print("AAA", NOW), Anomaly.NOT_POSITIVE),
        (trade(-PRICE), Anomaly.NOT_POSITIVE),
        (trade(size=-1), Anomaly.NOT_POSITIVE),
        (trade(at=0), Anomaly.NOT_POSITIVE),
        (quote(-CENT, PRICE), Anomaly.NOT_POSITIVE),
        (trade(PRICE_MOST + 1), Anomaly.MALFORMED),
        (trade(size=10**15), Anomaly.MALFORMED),
        (trade(at=NOW + 3 * SECOND), Anomaly.FUTURE),
        (quote(PRICE + CENT, PRICE), Anomaly.CROSSED),
        (trade(PRICE * 3), Anomaly.JUMP),
        (trade(PRICE // 3), Anomaly.JUMP),
        (quote(PRICE * 3 - CENT, PRICE * 3), Anomaly.JUMP),
        (quote(1, PRICE * 2 - 1), Anomaly.JUMP),  # the middle is right, the sides are not
        (quote(0, PRICE * 50), Anomaly.JUMP),
        (trade(symbol="ZZZ"), Anomaly.UNKNOWN_SYMBOL),
    ],
)
def test_what_cannot_be_is_counted_and_not_taken(item, kind):
    made = cleaner()
    assert made.take([item], NOW) == ([], [])
    assert kinds(made) == {kind: 1}
    good = trade()
    assert made.take([good], NOW) == ([good], [])  # and has left nothing behind


@pytest.mark.parametrize(
    "item",
    [
        trade(),
        trade(at=NOW + 2 * SECOND),
        trade(PRICE * 3 // 2),
        trade(PRICE // 2),
        quote(PRICE, PRICE),
        quote(PRICE, 0),
        quote(0, PRICE + CENT),
        Print("AAA", NOW, halted=True),
        trade(size=0),
    ],
)
def test_what_can_be_is_taken(item):
    made = cleaner()
    assert made.take([item], NOW) == ([item], [])
    assert not made.counts


def test_a_first_price_has_nothing_to_be_compared_with_but_its_own_sides():
    made = cleaner(AAA=0)
    assert made.take([quote(1, PRICE)], NOW) == ([], [])
    item = trade(PRICE * 7)
    assert made.take([item], NOW)[0] == [item]


def test_a_trade_is_kept_without_the_quote_that_cannot_be():
    for bid, ask in ((PRICE + CENT, PRICE - CENT), (1, PRICE), (PRICE, PRICE * 9)):
        made = cleaner()
        fresh, _ = made.take([Print("AAA", NOW, bid, ask, 1, 1, PRICE, 10)], NOW)
        assert fresh == [trade()]
        assert sum(kinds(made).values()) == 1


class TestGaps:
    def test_a_real_gap_is_taken_when_it_is_said_again(self):
        made = cleaner()
        first, second = trade(PRICE * 2, key="1"), trade(PRICE * 2 + CENT, NOW + 1, key="2")
        assert made.take([first, second], NOW)[0] == [second]
        assert kinds(made) == {Anomaly.JUMP: 1}
        third = trade(PRICE * 2, NOW + 2)
        assert made.take([third], NOW)[0] == [third]

    def test_a_quote_confirms_a_trade(self):
        made = cleaner()
        second = quote(PRICE * 2 - CENT, PRICE * 2 + CENT, NOW + 1)
        assert made.take([trade(PRICE * 2), second], NOW)[0] == [second]

    def test_the_same_message_again_confirms_nothing(self):
        for key in ("", "1"):
            assert cleaner().take([trade(PRICE * 2, key=key)] * 5, NOW)[0] == []

    def test_too_late_or_elsewhere_confirms_nothing(self):
        made = cleaner()
        said = [trade(PRICE * 2, NOW - 61 * SECOND), trade(PRICE * 2, NOW - 1), trade(PRICE * 4, NOW)]
        assert made.take(said, NOW)[0] == []
        assert kinds(made) == {Anomaly.JUMP: 3}

    def test_a_good_price_in_between_takes_the_suspicion_back(self):
        made = cleaner()
        said = [trade(PRICE * 2, NOW), trade(PRICE, NOW + 1), trade(PRICE * 2, NOW + 2), trade(PRICE, NOW + 3)]
        assert made.take(said, NOW)[0] == [said[1], said[3]]


class TestOrder:
    def test_a_late_trade_counts_for_its_candle_and_never_moves_the_board(self):
        made = cleaner()
        now, late = trade(at=NOW), trade(PRICE - CENT, NOW - 30 * SECOND)
        assert made.take([now, late], NOW) == ([now], [late])
        assert kinds(made) == {Anomaly.OUT_OF_ORDER: 1}

    def test_a_trade_from_long_ago_counts_for_nothing(self):
        made = cleaner()
        assert made.take([trade(at=NOW), trade(at=NOW - LATE - 1)], NOW) == ([trade(at=NOW)], [])
        assert kinds(made) == {Anomaly.STALE: 1}

    def test_an_old_quote_is_dropped(self):
        made = cleaner()
        assert made.take([trade(at=NOW), quote(PRICE, PRICE, NOW - 1)], NOW)[1] == []

    def test_a_trade_counts_once(self):
        made = cleaner()
        once, again = trade(key="1"), trade(key="1", at=NOW + 1)
        assert made.take([once, again, once], NOW) == ([once], [])
        assert kinds(made) == {Anomaly.DUPLICATE: 2}

    def test_without_keys_equal_trades_are_two(self):
        made = cleaner()
        assert made.take([trade(), trade()], NOW)[0] == [trade(), trade()]


def test_memory_is_bounded():
    made = cleaner(**{f"S{number}": PRICE for number in range(SAMPLES_KEPT + 100)})
    made.take([trade(symbol=f"S{number}", size=-1) for number in range(SAMPLES_KEPT + 100)], NOW)
    assert len(made.samples) == SAMPLES_KEPT
    made.take([trade(key=str(number), symbol="S1") for number in range(KEYS_KEPT * 3)], NOW)
    state = made._symbols["S1"]
    assert len(state.keys) == len(state.order) == KEYS_KEPT
    made.know({"S1": PRICE})
    assert list(made._symbols) == ["S1"]


def test_a_symbol_that_stays_keeps_what_is_known_of_it():
    made = cleaner()
    made.take([trade(key="1")], NOW)
    made.know({"AAA": 5, "BBB": 0})
    assert made.take([trade(key="1")], NOW)[0] == []


numbers = st.one_of(
    st.integers(-(2**70), 2**70), st.integers(PRICE - 50 * CENT, PRICE + 50 * CENT), st.floats(), st.just(0)
)
prints = st.builds(
    Print,
    symbol=st.sampled_from(["AAA", "BBB"]),
    at=st.one_of(st.integers(NOW - 200 * SECOND, NOW + 5 * SECOND), numbers),
    bid=numbers,
    ask=numbers,
    bid_size=numbers,
    ask_size=numbers,
    last=numbers,
    size=numbers,
    key=st.sampled_from(["", "1", "2"]),
    halted=st.sampled_from([None, True, False]),
)


@given(st.lists(prints, max_size=40))
def test_whatever_is_said_the_board_gets_prices_near_the_last_in_time(said):
    made = cleaner()
    fresh, late = made.take(said, NOW)
    newest, price = 0, PRICE
    for item in fresh:
        assert newest <= item.at <= NOW + 2 * SECOND
        assert item.symbol == "AAA"
        assert all(type(value) is int and 0 <= value <= PRICE_MOST for value in item[2:8])
        assert not (item.bid and item.ask) or item.bid <= item.ask
        centre = item.last or ((item.bid + item.ask) // 2 if item.bid and item.ask else price)
        for side in filter(None, (item.bid, item.ask)):
            assert abs(side - centre) <= centre * 0.5
        newest, price = item.at, centre
    assert all(item.last > 0 and item.at < newest for item in late)
    taken = len(fresh) + len(late)
    assert taken <= len(said) <= taken + sum(made.counts.values())


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 9), st.integers(0, 3)), max_size=30))
def test_merged_prints_keep_the_newest_and_all_of_the_volume(said):
    items = [trade(PRICE + price, NOW + at, size=size) for at, price, size in said]
    found = latest(items, NOW)
    assert len(found) == min(len(items), 1)
    if items:
        assert found[0].size == sum(item.size for item in items)
        newest = max(item.at for item in items)
        assert found[0].at == newest
        assert found[0].last == [item for item in items if item.at == newest][-1].last
