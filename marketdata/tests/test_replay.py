"""The replay's rules: definition, prints, market time, spread, masking."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Invalid
from marketdata.domain.replay import (
    MASKED_EPOCH,
    HighLowRule,
    ReplayDefinition,
    day_path,
    day_prints,
    mask_aliases,
    mask_shift,
    print_at,
    spread,
)

GOOD = {"start": "2024-01-08", "end": "2024-02-09", "symbols": ["aaa", "BBB"]}
prices = st.integers(min_value=1, max_value=10_000_000)


@st.composite
def ohlc(draw: st.DrawFn) -> list[int]:
    low, one, two, high = sorted(draw(st.lists(prices, min_size=4, max_size=4)))
    return draw(st.sampled_from([[one, high, low, two], [two, high, low, one]]))


def test_definition_round_trip_is_canonical():
    definition = ReplayDefinition.from_json(
        {**GOOD, "seconds_per_tick": "2.50", "spread_bps": 6, "mask": True, "seed": 9}
    )
    document = definition.to_json()
    assert document["seconds_per_tick"] == "2.5"
    assert document["symbols"] == ["AAA", "BBB"]
    assert ReplayDefinition.from_json(document) == definition
    assert ReplayDefinition.from_json(document).to_json() == document


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start", "soon"),
        ("start", None),
        ("end", "2023-01-01"),
        ("symbols", []),
        ("symbols", "AAA"),
        ("symbols", ["AAA", "aaa"]),
        ("symbols", [1]),
        ("symbols", [""]),
        ("seconds_per_tick", 0),
        ("seconds_per_tick", "NaN"),
        ("seconds_per_tick", True),
        ("seconds_per_tick", [1]),
        ("warmup_days", -1),
        ("warmup_days", "many"),
        ("warmup_days", 10**9),
        ("spread_bps", "-1"),
        ("spread_bps", "Infinity"),
        ("mask", "yes"),
        ("seed", -1),
        ("seed", 1.5),
        ("high_low_rule", "coin"),
        ("speed", 3),
    ],
)
def test_definition_refuses(field, value):
    with pytest.raises(Invalid) as refused:
        ReplayDefinition.from_json({**GOOD, field: value})
    assert refused.value.code == "invalid_definition"
    assert refused.value.details == {"field": field}


@pytest.mark.parametrize("field", ["start", "end", "symbols"])
def test_definition_needs(field):
    with pytest.raises(Invalid) as refused:
        ReplayDefinition.from_json({name: value for name, value in GOOD.items() if name != field})
    assert refused.value.details == {"field": field}


@settings(deadline=None)
@given(ohlc(), st.sampled_from(HighLowRule))
def test_prints_are_the_bar(bar, rule):
    open_, high, low, close = bar
    prints = day_prints(np.array(bar), rule).tolist()
    assert prints[0] == open_
    assert prints[3] == close
    assert sorted(prints[1:3]) == [low, high]
    if rule is HighLowRule.LOW_FIRST:
        assert prints[1] == low
    elif rule is HighLowRule.HIGH_FIRST:
        assert prints[1] == high
    else:
        assert prints[1] == (low if open_ - low <= high - open_ else high)


@settings(deadline=None)
@given(ohlc(), prices)
def test_the_close_does_not_choose_the_order(bar, other):
    """The rule looks at nothing that prints later than the extremes."""
    open_, high, low, _ = bar
    close = min(max(other, low), high)
    before = day_prints(np.array(bar), HighLowRule.NEARER_FIRST)[:3]
    assert before.tolist() == day_prints(np.array([open_, high, low, close]), HighLowRule.NEARER_FIRST)[:3].tolist()


@settings(deadline=None)
@given(st.lists(prices, min_size=1, max_size=5), st.decimals(min_value=0, max_value=1000, places=3))
def test_spread_is_outward_on_the_grid(lasts, bps):
    bid, ask = spread(np.array(lasts, dtype=np.int64), bps)
    for last, low, high in zip(lasts, bid.tolist(), ask.tolist(), strict=True):
        half = max(Decimal(last) * bps / 20_000, Decimal("0.5"))
        assert low == max(1, (last - half).__floor__())
        assert high == (last + half).__ceil__()
        assert low <= last < high


@settings(deadline=None)
@given(st.dates(date(1990, 1, 1), date(2049, 12, 31)))
def test_market_time_runs_forward(day):
    times = [print_at(day, phase) for phase in range(4)] + [print_at(day + timedelta(days=1), 0)]
    assert times == sorted(set(times))
    assert all(at.tzinfo is UTC for at in times)


def test_market_time_is_new_york():
    assert print_at(date(2024, 1, 8), 0) == datetime(2024, 1, 8, 14, 30, tzinfo=UTC)
    assert print_at(date(2024, 7, 8), 3) == datetime(2024, 7, 8, 19, 59, 59, tzinfo=UTC)


@settings(deadline=None)
@given(st.sets(st.text("ABCDEFGHIJ", min_size=1, max_size=5), min_size=1, max_size=80), st.integers(0, 2**63 - 1))
def test_aliases_are_neutral(symbols, seed):
    given_order = sorted(symbols)
    aliases = mask_aliases(given_order, seed)
    assert sorted(real for real, _ in aliases) == given_order
    assert len({alias for _, alias in aliases}) == len(symbols)
    # Neither the order of the question nor the answer's aliases say which is which.
    assert aliases == mask_aliases(given_order[::-1], seed)


def test_the_seed_orders_the_aliases():
    symbols = [f"S{number}" for number in range(12)]
    assert mask_aliases(symbols, 1) != mask_aliases(symbols, 2)


@settings(deadline=None)
@given(st.dates(date(1960, 1, 1), date(2049, 12, 31)))
def test_masked_dates_keep_their_weekday(day):
    moved = day + mask_shift(day)
    assert moved.weekday() == day.weekday()
    assert timedelta(0) <= moved - MASKED_EPOCH < timedelta(days=7)


def path_of(rows, **definition):
    ohlc = np.array(rows, dtype=np.int64)
    return day_path(ohlc, definition_of(**definition))


def definition_of(**fields):
    return ReplayDefinition(start=date(2024, 1, 8), end=date(2024, 1, 9), symbols=("AAA",), **fields)


@given(
    st.lists(st.tuples(st.integers(1, 10**7), st.integers(1, 10**7), st.integers(1, 10**7), st.integers(1, 10**7))),
    st.integers(4, 79),
    st.integers(0, 2**32),
)
def test_a_finer_path_is_the_same_bar(draws, prints, seed):
    rows = [(o, max(o, h, low, c), min(o, h, low, c), c) for o, h, low, c in draws]
    path = path_of(rows or [(1, 1, 1, 1)], prints=prints, seed=seed)
    assert path.shape[-1] == prints
    for (open_, high, low, close), day in zip(rows, path.tolist(), strict=False):
        assert (day[0], max(day), min(day), day[-1]) == (open_, high, low, close)
        nearer_low = open_ - low <= high - open_
        if low < min(open_, close) and high > max(open_, close):
            assert (day.index(low) < day.index(high)) == nearer_low


def test_a_finer_path_is_the_same_every_time_and_another_with_another_seed():
    rows = [(10_000, 10_400, 9_800, 10_200)] * 50
    assert (path_of(rows, prints=14, seed=1) == path_of(rows, prints=14, seed=1)).all()
    assert (path_of(rows, prints=14, seed=1) != path_of(rows, prints=14, seed=2)).any()


def test_with_more_prints_the_second_below_the_open_no_longer_gives_the_high_away():
    path = path_of([(10_000, 10_400, 9_800, 10_200)] * 2_000, prints=14, seed=5).astype(float)
    below = path[path[:, 1] < path[:, 0]]
    assert (below[:, 2] < below[:, 1]).mean() > 0.25


def test_prints_are_spread_over_the_session():
    times = [print_at(date(2024, 1, 8), phase, 14) for phase in range(14)]
    assert times[1] - times[0] == timedelta(minutes=30)
    assert times[-1] == print_at(date(2024, 1, 8), 3)
    assert times == sorted(times)
