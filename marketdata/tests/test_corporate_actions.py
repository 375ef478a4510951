"""Splits, dividends, changes of symbols and delistings as a slice plays them, in both bases."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Invalid
from marketdata.domain.building import slice_build
from marketdata.domain.replay import ReplayDefinition
from marketdata.domain.types import TickAction
from marketdata.tests.factories import MONDAY, weekdays
from marketdata.tests.test_slices import definition, flat, history

DAYS = weekdays(MONDAY, 5)


def play(table):
    return [table.tick(index, "test") for index in range(table.ticks_total)]


def acted(table):
    """(session number, kind, value) of everything that took effect, which only an open may carry."""
    found = [(tick, action) for tick in play(table) for action in tick.actions]
    assert all(tick.is_new_day for tick, _ in found)
    return [(tick.day_index, action.kind, action.value) for tick, action in found]


def split_history(**more):
    """700 a share, then seven shares for one, then a dividend of 2 a share."""
    rows = flat(350, 700, 100, "101.37", 99)
    volumes = [10, 10, 700, 707, 700]
    return history(rows, splits=[(DAYS[2], Decimal(7))], dividends=[(DAYS[3], Decimal(2))], volumes=volumes, **more)


def test_as_traded_a_split_is_an_event_and_prices_fall_by_it():
    table = slice_build(definition(DAYS, warmup=1, basis="traded"), [split_history()])
    assert acted(table) == [(1, "split", Decimal(7)), (2, "dividend", Decimal(2))]
    first = table.tick(4, "test")
    assert first.actions == (TickAction("split", 1, "AAA", Decimal(7), DAYS[2]),)
    quote = first.quotes["AAA"]
    assert (str(quote.last), str(quote.previous_close), str(quote.change_pct)) == ("100.00", "100.00", "0.00")
    assert quote.volume == 70  # ten shares of the day before are seventy of today's
    assert table.tick(7, "test").quotes["AAA"].volume == 700


def test_adjusted_there_is_no_split_and_dividends_are_in_the_shares_of_the_start():
    table = slice_build(definition(DAYS, warmup=1), [split_history()])
    assert acted(table) == [(2, "dividend", Decimal(14))]
    assert [str(table.tick(index, "test").quotes["AAA"].last) for index in (0, 4, 8)] == ["700.00", "700.00", "709.59"]


@pytest.mark.parametrize("basis", ["adjusted", "traded"])
def test_bars_adjusted_and_as_traded(basis):
    table = slice_build(definition(DAYS, warmup=1, basis=basis), [split_history()])
    shares = 7 if basis == "adjusted" else 1
    last = table.ticks_total - 1
    closes = [bar.close for bar in table.bars("AAA", last, 10)]
    assert closes == [value * shares for value in (50, 100, 100, Decimal("101.37"), 99)]
    assert [bar.volume for bar in table.bars("AAA", last, 10)] == [v // shares for v in (70, 70, 700, 707, 700)]
    traded = table.bars("AAA", last, 10, adjusted=False)
    assert [bar.close for bar in traded] == [350, 700, 100, Decimal("101.37"), 99]
    assert [bar.volume for bar in traded] == [10, 10, 700, 707, 700]
    # Before the split nothing is divided by it: it is not known yet.
    if basis == "traded":
        assert [bar.close for bar in table.bars("AAA", 3, 10)] == [350, 700]
        assert table.closes(3, 10)[:, 0].tolist() == [350, 700]
        assert table.closes(4, 10)[:, 0].tolist() == [50, 100, 100]
    assert table.bars("AAA", 4, 1, adjusted=False)[0].close == 100


def test_a_masked_market_hides_the_level_in_both_bases():
    for basis, level in (("adjusted", 100), ("traded", 100)):
        table = slice_build(definition(DAYS, warmup=1, basis=basis, mask=True), [split_history()])
        assert table.bars("AAA", -1, 5)[0].close == level
        played = {value for _, _, value in acted(table)}
        assert Decimal(2) not in played
        assert Decimal(14) not in played
        for index in range(table.ticks_total):
            for action in table.tick(index, "test").actions:
                assert action.ex_date.year == 2001
    # 350 is shown as 100, so the dividend of 2 is 2 / 3.5, and of the shares of the start seven times that.
    assert acted(table) == [(1, "split", Decimal(7)), (2, "dividend", Decimal("0.57142857"))]
    adjusted = slice_build(definition(DAYS, warmup=1, mask=True), [split_history()])
    assert acted(adjusted) == [(2, "dividend", Decimal(4))]


def test_a_session_missed_at_a_split_repeats_the_close_in_the_new_shares():
    held = history(flat(700, 102), dates=[DAYS[0], DAYS[2]], splits=[(DAYS[1], Decimal(7))], symbol="BBB")
    table = slice_build(definition(DAYS[:3], basis="traded"), [history(flat(1, 1, 1)), held])
    assert [table.tick(index, "test").quotes["BBB"].last for index in (0, 4, 8)] == [700, 100, 102]
    assert table.tick(4, "test").actions[0].kind == "split"


def test_an_action_on_a_day_without_a_session_takes_effect_at_the_next_open():
    friday, monday = date(2024, 1, 12), date(2024, 1, 15)
    rows = history(flat(10, 11), dates=[friday, monday], dividends=[(date(2024, 1, 13), Decimal(1))])
    table = slice_build(definition([friday, monday]), [rows])
    assert acted(table) == [(1, "dividend", Decimal(1))]
    assert table.tick(4, "test").actions[0].ex_date == date(2024, 1, 13)


@pytest.mark.parametrize(("cash", "paid"), [("0", "30.00"), ("31.5", "31.50000000")])
def test_a_delisted_share_has_no_quote_and_pays_out_at_the_next_open(cash, paid):
    gone = history(flat(20, 30), symbol="BBB", dates=DAYS[:2], listing_id=2, delisting=(DAYS[2], Decimal(cash)))
    table = slice_build(definition(DAYS), [history(flat(1, 2, 3, 4, 5)), gone])
    ticks = play(table)
    assert [set(tick.quotes) for tick in ticks] == [{"AAA", "BBB"}] * 8 + [{"AAA"}] * 12
    [(at, action)] = [(tick, action) for tick in ticks for action in tick.actions]
    assert (at.index, action.kind, action.listing_id, str(action.value)) == (8, "delisting", 2, paid)
    assert [bar.close for bar in table.bars("BBB", 19, 9)] == [20, 30]
    assert table.symbols(7) == ("AAA", "BBB")
    assert table.symbols(8) == ("AAA",)
    assert table.closes(8, 9).shape == (3, 1)


def test_a_delisting_excuses_only_what_comes_after_it():
    gone = history(flat(20), symbol="BBB", dates=DAYS[:1], delisting=(DAYS[0], Decimal(0)))
    with pytest.raises(Invalid) as refused:
        slice_build(definition(DAYS), [history(flat(1, 2, 3, 4, 5)), gone])
    assert refused.value.code == "history_missing"


def test_a_symbol_changes_at_its_open_and_the_old_one_still_finds_it():
    rows = history(flat(1, 2, 3, 4, 5), symbol="FB", symbol_changes=[(DAYS[2], "META"), (DAYS[3], "MTVS")])
    table = slice_build(definition(DAYS, warmup=1), [rows])
    assert [table.names(index) for index in (-1, 3, 4, 8)] == [("FB",), ("FB",), ("META",), ("MTVS",)]
    assert set(table.tick(4, "test").quotes) == {"META"}
    action = table.tick(4, "test").actions[0]
    assert (action.kind, action.symbol, action.new_symbol) == ("symbol_change", "FB", "META")
    assert table.tick(8, "test").actions[0].symbol == "META"
    assert table.symbols_changed(4) == {1: "META"}
    assert table.symbols_changed(5) == {}
    assert table.bars("FB", 8, 9) == table.bars("MTVS", 8, 9)
    with pytest.raises(KeyError):
        table.bars("META", 3, 9)  # not yet
    started_later = slice_build(definition(DAYS, warmup=3), [rows])
    assert started_later.names(-1) == ("META",)
    masked = slice_build(definition(DAYS, warmup=1, mask=True), [rows])
    assert masked.names(19 - 4) == ("FB",)
    assert acted(masked) == []


def test_two_instruments_may_swap_symbols_but_not_share_one():
    def pair(first, second):
        one = history(flat(1, 1, 1, 1, 1), symbol="AAA", symbol_changes=first)
        two = history(flat(2, 2, 2, 2, 2), symbol="BBB", symbol_changes=second, listing_id=2)
        return slice_build(definition(DAYS), [one, two])

    table = pair([(DAYS[2], "BBB")], [(DAYS[2], "AAA")])
    assert table.tick(8, "test").quotes["BBB"].last == 1
    assert table.bars("AAA", 8, 9)[0].close == 2
    with pytest.raises(Invalid) as refused:
        pair([(DAYS[2], "BBB")], [(DAYS[3], "AAA")])
    assert refused.value.code == "symbol_clash"


def priced(days, splits):
    """A share worth 8400 on the first day and what is left of it after each split: (bars, price of each day)."""
    prices, price = [], Decimal(8400)
    for day in days:
        price /= dict(splits).get(day, 1)
        prices.append(price)
    return flat(*prices), prices


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from(["2", "3", "7", "0.1", "1.5", "20"]), max_size=3),
    st.lists(st.integers(0, 500), max_size=3),
    st.sampled_from(["adjusted", "traded"]),
    st.booleans(),
    st.integers(0, 2),
)
def test_equity_is_continuous_over_every_split_and_dividend(values, cents, basis, mask, warmup):
    """One share bought at the first print stays worth the same, and is paid what the dividends were of its price."""
    days = weekdays(MONDAY, 8)
    splits = [(days[2 + n], Decimal(value)) for n, value in enumerate(values)]
    dividends = [(days[3 + n], Decimal(cash) / 100) for n, cash in enumerate(cents) if cash]
    rows, prices = priced(days, splits)
    bars = history(rows, splits=splits, dividends=dividends, tick=Decimal("0.0001"))
    table = slice_build(definition(days, warmup=warmup, basis=basis, mask=mask), [bars])
    shares, paid, bought = Decimal(1), Decimal(0), table.tick(0, "test").quotes["AAA"].last
    for tick in play(table)[1:]:
        for action in tick.actions:
            shares *= action.value if action.kind == "split" else 1
            paid += shares * action.value if action.kind == "dividend" else 0
        quote = tick.quotes["AAA"]
        assert float(shares * quote.last / bought) == pytest.approx(1, rel=3e-4)  # a tick of the smallest price
        assert abs(quote.change_pct) <= Decimal("0.03")
    # A dividend of a day is its share of that day's price, whatever the shares and the scale that are played.
    yields = [float(cash / prices[days.index(day)]) for day, cash in dividends]
    assert float(paid / bought) == pytest.approx(sum(yields), rel=1e-3, abs=1e-6)


def test_a_definition_says_its_basis():
    base = {"start": "2024-01-08", "end": "2024-01-12", "symbols": ["AAA"]}
    assert ReplayDefinition.from_json(base).basis == "adjusted"
    assert ReplayDefinition.from_json({**base, "basis": "traded"}).to_json()["basis"] == "traded"
    with pytest.raises(Invalid):
        ReplayDefinition.from_json({**base, "basis": "close"})
