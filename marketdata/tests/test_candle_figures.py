"""True range, volume profile and ranges: pure, of one instrument, and of a market at its tick."""

from decimal import Decimal

import numpy as np
import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from marketdata.domain.metrics import average_true_range, range_metrics, value_area
from marketdata.selectors.figures import instrument_metrics, market_metrics
from marketdata.tests.factories import InstrumentFactory, actions_create, bars_create, replay_market

CENT = Decimal("0.01")


def table(rows):
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


def test_true_range_looks_back_over_gaps_and_is_smoothed():
    rows = [(100, 102, 98, 100)] * 15
    assert average_true_range(table(rows)) == 4.0
    assert average_true_range(table(rows[:14])) is None
    gap = table([*rows, (120, 121, 119, 120)])  # from the close of 100 to the high of 121
    assert average_true_range(gap) == pytest.approx(4 + (21 - 4) / 14)
    assert average_true_range(table([(1, 3, 1, 2), (2, 6, 2, 5)]), length=1) == 4.0


def test_where_the_volume_was_traded():
    rows = table([(100, 124, 100, 112), (100, 100, 100, 100)])
    found = range_metrics(rows, np.array([2400, 2400]), 2, size=CENT)
    assert len(found.profile) == 24
    assert found.profile[0].share == pytest.approx(0.5 + 0.5 / 24, abs=1e-4)  # all of the second, a 24th of the first
    assert found.profile[5].share == pytest.approx(0.5 / 24, abs=1e-4)
    assert (found.high, found.low, found.point_of_control) == (Decimal("1.24"), Decimal("1.00"), Decimal("1.005"))
    assert found.value_area_low == Decimal("1.00")
    assert found.value_area_high == Decimal("1.10")
    assert found.average_volume == 2400
    assert range_metrics(rows[1:], np.array([7]), 1, size=CENT).profile[0].share == 1
    assert range_metrics(rows, np.array([0, 0]), 2, size=CENT).profile == ()
    assert range_metrics(table([]), np.array([], dtype=np.int64), 5, size=CENT).atr is None


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(0, 80), st.integers(0, 10**6)), min_size=1, max_size=40))
def test_a_profile_holds_all_volume_and_its_value_area_enough_of_it(bars):
    rows = table([(low, low + span, low, low + span) for low, span, _ in bars])
    volume = np.array([each for *_, each in bars], dtype=np.int64)
    found = range_metrics(rows, volume, len(rows), size=CENT)
    if volume.sum() == 0:
        assert found.profile == ()
        return
    assert sum(bucket.share for bucket in found.profile) == pytest.approx(1, abs=2e-3)
    inside = [b.share for b in found.profile if found.value_area_low <= b.low and b.high <= found.value_area_high]
    assert sum(inside) >= 0.698
    assert found.low <= found.value_area_low < found.value_area_high or found.low == found.high


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=30))
def test_a_value_area_is_no_wider_than_it_must_be(parts):
    shares = np.array(parts) / sum(parts)
    first, last = value_area(shares)
    held = shares[first : last + 1].sum()
    assert first <= int(shares.argmax()) <= last
    assert held >= 0.7 - 1e-6
    if first < last:
        assert min(held - shares[first], held - shares[last]) < 0.7


@pytest.mark.django_db
def test_figures_of_an_instrument_in_todays_shares():
    found = InstrumentFactory(symbol="FIG")
    bars_create(found, [(100, 110, 90, 100)] * 20 + [(50, 55, 45, 50)] * 10, volume=1000)
    actions_create(found, [("split", 20, 2)])
    got = instrument_metrics(found.pk, 25)
    assert (got.symbol, got.days, got.change_pct, got.volatility_pct, got.trend) == ("FIG", 25, 0.0, 0.0, "flat")
    assert (got.ranges.high, got.ranges.low, got.ranges.atr, got.ranges.atr_pct) == (55, 45, 10, 20.0)
    assert got.ranges.average_volume == (15 * 2000 + 10 * 1000) // 25
    empty = InstrumentFactory()
    assert (instrument_metrics(empty.pk, 5).days, instrument_metrics(empty.pk, 5).ranges.high) == (0, None)


@pytest.mark.django_db
def test_figures_of_a_replay_know_nothing_of_what_is_to_come():
    rows = [(100, 110, 90, 100)] * 18 + [(500, 900, 400, 800)]
    market = replay_market({"AAA": rows}, warmup=16, ticks=6, basis="traded", actions={"AAA": [("split", 17, 2)]})
    got = {item.symbol: item for item in market_metrics(market.id, 10)}["AAA"]
    # Two sessions of the slice: the first is over, of the second two prints are known; splits are undone to its shares.
    assert (got.ranges.high, got.ranges.low, got.ranges.high_52w) == (100, 45, 100)
    assert got.ranges.average_volume == 2_000_000
    again = market_metrics(market.id, 10)
    assert again == market_metrics(market.id, 10)


@pytest.mark.django_db
def test_more_metrics_are_told_beside_those_there_were():
    market = replay_market({"AAA": [(100, 110, 90, 100)] * 20, "BBB": [(50, 55, 45, 50)] * 20}, warmup=18, ticks=4)
    body = Client().get(f"/api/v1/stocks/metrics?market={market.slug}&days=10").json()
    assert body["stocks"][0] == {
        "symbol": "AAA",
        "days": 10,
        "change_pct": "0.0",
        "volatility_pct": "0.0",
        "trend": "flat",
        "atr": "20.00",
        "atr_pct": 20.0,
        "average_volume": 1_000_000,
        "high": "110.00",
        "low": "90.00",
        "high_52w": "110.00",
        "low_52w": "90.00",
        "point_of_control": "90.416667",
        "value_area_low": "90.00",
        "value_area_high": "104.166667",
    }
    assert [row["symbol"] for row in body["stocks"]] == ["AAA", "BBB"]
