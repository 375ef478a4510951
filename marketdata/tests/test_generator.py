"""The demo history: the same everywhere, valid, and alive."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from marketdata.domain.calendar import easter, holidays, sessions
from marketdata.domain.generator import CRISIS, DEFAULT_SEED, DemoHistory, Draws, history_generate
from marketdata.domain.universe import COMPANIES, SECTORS

CHECKSUM = "9c0248313dbb02d22adb9ce8e50163003b60fe8ee896e8a28c0f4d41b647c55b"


@pytest.fixture(scope="module")
def demo() -> DemoHistory:
    return history_generate()


def returns(demo: DemoHistory) -> np.ndarray:
    """Daily log returns of the close, splits undone."""
    shares = np.ones(demo.ohlc.shape[:2])
    rows = {day: row for row, day in enumerate(demo.dates)}
    columns = {company.symbol: column for column, company in enumerate(demo.companies)}
    for symbol, action in demo.actions:
        if action.kind == "split":
            shares[rows[action.ex_date] :, columns[symbol]] *= float(action.value)
    return np.diff(np.log(demo.ohlc[..., 3] * shares), axis=0)


def test_the_same_everywhere(demo):
    assert demo.checksum() == CHECKSUM
    assert history_generate(DEFAULT_SEED + 1).checksum() != CHECKSUM


def test_raw_stream_is_pinned():
    assert np.random.PCG64(1).random_raw(2).tolist() == Draws(1)._bits.random_raw(2).tolist()
    assert Draws(DEFAULT_SEED).uniform(2).tolist() == pytest.approx(Draws(DEFAULT_SEED).uniform(2).tolist())


def test_bars_are_valid(demo):
    opens, highs, lows, closes = (demo.ohlc[..., index] for index in range(4))
    assert (lows > 0).all()
    assert (lows <= np.minimum(opens, closes)).all()
    assert (highs >= np.maximum(opens, closes)).all()
    assert (demo.volume > 0).all()
    assert demo.ohlc.dtype == np.int64


def test_ten_years_of_two_dozen_invented_companies(demo):
    assert len(demo.companies) == 24
    assert len(SECTORS) == 6
    assert (demo.dates[0], demo.dates[-1]) == (date(2016, 1, 4), date(2025, 12, 31))
    assert 2500 < len(demo.dates) < 2530
    famous = {"AAPL", "MSFT", "GOOGL", "AMZN", "NVDA", "META", "TSLA", "JPM", "V", "WMT"}
    assert not famous & {company.symbol for company in COMPANIES}


def test_it_moves_like_a_market(demo):
    moves = returns(demo)
    scores = (moves - moves.mean(axis=0)) / moves.std(axis=0)
    assert (scores**4).mean() > 4.5  # fat tails
    size = np.abs(moves)
    assert np.mean([np.corrcoef(size[1:, c], size[:-1, c])[0, 1] for c in range(24)]) > 0.03  # clusters
    pairs = np.corrcoef(moves.T)
    same = np.array([[a.sector == b.sector for b in COMPANIES] for a in COMPANIES]) & ~np.eye(24, dtype=bool)
    assert 0.1 < pairs[~same & ~np.eye(24, dtype=bool)].mean() < pairs[same].mean()  # sectors hang together
    assert np.mean([np.corrcoef(size[:, c], demo.volume[1:, c])[0, 1] for c in range(24)]) > 0.2  # volume with moves
    yearly = moves.std(axis=0) * np.sqrt(252)
    assert 0.12 < yearly.min() < yearly.max() < 0.7
    gaps = np.log(demo.ohlc[1:, :, 0] / demo.ohlc[:-1, :, 3])
    assert (gaps != 0).mean() > 0.9  # overnight gaps
    assert (demo.regimes == CRISIS).any()


def test_splits_and_dividends(demo):
    splits = [(symbol, action) for symbol, action in demo.actions if action.kind == "split"]
    dividends = [action for _, action in demo.actions if action.kind == "dividend"]
    assert splits
    assert len(dividends) > 500
    assert all(action.value == action.value.quantize(Decimal("0.01")) > 0 for action in dividends)
    rows = {day: row for row, day in enumerate(demo.dates)}
    columns = {company.symbol: column for column, company in enumerate(demo.companies)}
    for symbol, action in splits:
        row, column = rows[action.ex_date], columns[symbol]
        before, after = demo.ohlc[row - 1, column, 3], demo.ohlc[row, column, 0] * float(action.value)
        assert abs(np.log(after / before)) < 0.2
    assert np.abs(returns(demo)).max() < 0.5


@pytest.mark.parametrize("seed", range(1, 6))
def test_other_seeds_stay_reasonable(seed):
    other = history_generate(seed)
    assert other.ohlc.min() > 100
    assert other.ohlc.max() < 100_000


def test_calendar():
    assert [easter(year) for year in (2016, 2024, 2025)] == [date(2016, 3, 27), date(2024, 3, 31), date(2025, 4, 20)]
    assert holidays(2024) == {
        date(2024, 1, 1),
        date(2024, 1, 15),
        date(2024, 2, 19),
        date(2024, 3, 29),
        date(2024, 5, 27),
        date(2024, 6, 19),
        date(2024, 7, 4),
        date(2024, 9, 2),
        date(2024, 11, 28),
        date(2024, 12, 25),
    }
    assert len(sessions(date(2024, 1, 1), date(2024, 12, 31))) == 252
    assert date(2021, 12, 31) in sessions(date(2021, 12, 1), date(2022, 1, 31))  # a Saturday New Year is not kept
