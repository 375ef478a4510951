"""Real prices, when shared/data is beside the checkout (or SHARED_DATA_DIR names it). Never part of the product."""

import itertools
import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from marketdata import selectors
from marketdata.models import BarSeries, CorporateAction, DailyBar
from marketdata.services import markets
from marketdata.services.history import Provenance
from marketdata.services.imports import ImportListing, bars_import
from marketdata.tests.factories import advance

REPO = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("SHARED_DATA_DIR") or REPO.parent / "shared" / "data")
LEAN = DATA / "lean"

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        not (LEAN / "daily").is_dir(), reason=f"REAL PRICES NOT TESTED: no {LEAN} (set SHARED_DATA_DIR)"
    ),
]


def load(*symbols):
    return bars_import(
        paths=[LEAN],
        listing=ImportListing("US", "USD"),
        provenance=Provenance("LEAN sample data", "Apache-2.0"),
        today=date(2026, 1, 1),
        only=symbols,
    )


def play(definition):
    market = markets.market_create_replay(actor=None, slug="real", name="Real", definition=definition)
    markets.market_start(actor=None, market_id=market.id)
    return market


def test_everything_loads_and_loads_again_without_a_change():
    first = load()
    assert {item.symbol for item in first} >= {"AAPL", "IBM", "SPY"}
    assert all(item.error is None for item in first)
    assert sum(item.result.changed for item in first) == DailyBar.objects.count() > 30_000
    assert sum(item.result.changed for item in load()) == 0
    assert set(BarSeries.objects.values_list("source", "licence")) == {("LEAN sample data", "Apache-2.0")}


def test_known_splits_and_dividends():
    load("AAPL")
    actions = CorporateAction.objects.order_by("ex_date")
    splits = list(actions.filter(kind="split").values_list("ex_date", "value"))
    assert splits == [
        (date(2000, 6, 21), 2),
        (date(2005, 2, 28), 2),
        (date(2014, 6, 9), 7),
        (date(2020, 8, 31), 4),
    ]
    dividends = dict(actions.filter(kind="dividend").values_list("ex_date", "value"))
    assert dividends[date(2012, 8, 9)] == Decimal("2.65")
    assert dividends[date(2014, 5, 8)] == Decimal("3.29")
    assert dividends[date(2020, 11, 6)] == Decimal("0.205")


def test_a_slice_over_a_split_plays_without_a_jump():
    load("AAPL", "SPY")
    market = play({"start": "2014-06-02", "end": "2014-06-13", "symbols": ["AAPL", "SPY"], "warmup_days": 60})
    last, opens = None, []
    while tick := advance(market.id):
        quote = tick.quotes["AAPL"]
        if last is not None:
            assert abs(float(quote.last / last) - 1) < 0.06
        last = quote.last
        if tick.is_new_day:
            opens.append(quote.last)
    # As traded: 645.57 on Friday, then seven shares for one; Monday's open of 92.70 plays as 648.90.
    bars = {bar.date: bar for bar in selectors.bars(market.id, "AAPL", 200)}
    assert bars[date(2014, 6, 6)].close == Decimal("645.57")
    assert bars[date(2014, 6, 9)].open == DailyBar.objects.get(date="2014-06-09", instrument__symbol="AAPL").open * 7
    assert bars[date(2014, 6, 9)].open in opens
    assert len(bars) == 70


def test_as_traded_every_split_and_dividend_of_the_history_leaves_equity_continuous():
    """Shares before an action are worth what shares and cash after it are, but for the night's move of the price."""
    load("AAPL")
    market = play(
        {"start": "1998-01-05", "end": "2020-12-31", "symbols": ["AAPL"], "warmup_days": 0, "basis": "traded"}
    )
    table = selectors.market_slice(market.id)
    raw = dict(DailyBar.objects.values_list("date", "close"))
    acted = {}
    for day in range(1, table.days_total):
        tick = table.tick(day * 4, "test")
        if not tick.actions:
            continue
        quote, before = tick.quotes["AAPL"], raw[table.dates[day - 1]]
        shares, cash = Decimal(1), Decimal(0)
        for action in tick.actions:
            acted.setdefault(action.kind, []).append(action.ex_date)
            shares *= action.value if action.kind == "split" else 1
            cash += shares * action.value if action.kind == "dividend" else 0
        assert abs(shares * quote.previous_close / before - 1) < Decimal("0.001")
        assert abs((shares * quote.last + cash) / before - 1) < Decimal("0.11"), tick.at
    assert acted["split"] == [date(2000, 6, 21), date(2005, 2, 28), date(2014, 6, 9), date(2020, 8, 31)]
    assert len(acted["dividend"]) > 30


def test_adjusted_and_unadjusted_bars_over_the_split_of_2014():
    load("AAPL")
    for basis, at_the_split in (("traded", Decimal("92.22")), ("adjusted", Decimal("645.57"))):
        definition = {"start": "2014-06-02", "end": "2014-06-13", "symbols": ["AAPL"], "warmup_days": 5}
        market = markets.market_create_replay(
            actor=None, slug=basis, name="Real", definition=definition | {"basis": basis}
        )
        markets.market_start(actor=None, market_id=market.id)
        while advance(market.id):
            pass
        raw = dict(DailyBar.objects.values_list("date", "close"))
        unadjusted = {bar.date: bar.close for bar in selectors.bars(market.id, "AAPL", 99, adjusted=False)}
        adjusted = {bar.date: bar.close for bar in selectors.bars(market.id, "AAPL", 99)}
        assert unadjusted == {day: raw[day].quantize(Decimal("0.01")) for day in unadjusted}
        assert adjusted[date(2014, 6, 6)] == at_the_split
        for before, after in itertools.pairwise(sorted(adjusted)):
            shares = 7 if after == date(2014, 6, 9) else 1
            assert float(adjusted[after] / adjusted[before]) == pytest.approx(
                float(raw[after] * shares / raw[before]), abs=2e-4
            )


def test_bars_replayed_are_the_bars_loaded():
    load("IBM")
    market = play({"start": "2008-09-02", "end": "2008-10-31", "symbols": ["IBM"], "warmup_days": 20})
    while advance(market.id):
        pass
    shown = selectors.bars(market.id, "IBM", 1000)
    raw = DailyBar.objects.filter(date__range=(shown[0].date, shown[-1].date)).order_by("date")
    cents = Decimal("0.01")
    expected = [tuple(getattr(bar, field).quantize(cents) for field in ("open", "high", "low", "close")) for bar in raw]
    assert [(bar.open, bar.high, bar.low, bar.close) for bar in shown] == expected
    assert [bar.volume for bar in shown] == [bar.volume for bar in raw]


def test_masked_it_cannot_be_recognised_but_returns_are_the_same():
    load("AAPL", "IBM", "SPY")
    definition = {"start": "2012-01-03", "end": "2012-02-29", "symbols": ["AAPL", "IBM", "SPY"], "warmup_days": 100}
    market = play({**definition, "mask": True, "seed": 11})
    while advance(market.id):
        pass
    symbols, closes = selectors.closes_matrix(market.id, 1000)
    assert set(symbols) == {"ALFA", "BRVO", "CHRL"}
    assert selectors.market_clock(market.id).session_date.year == 2001
    instruments = {item.symbol: item.instrument_id for item in selectors.listings(market.id)}
    for column, symbol in enumerate(symbols):
        raw = DailyBar.objects.filter(instrument_id=instruments[symbol], date__lte="2012-02-29").order_by("-date")
        real = np.array([float(close) for close in raw.values_list("close", flat=True)[: len(closes)]])[::-1]
        assert closes[99, column] == pytest.approx(100)  # the last close before the slice
        assert np.diff(np.log(closes[:, column])) == pytest.approx(np.diff(np.log(real)), abs=2e-4)
