"""Change, volatility and trend of the last sessions."""

import numpy as np
import pytest
from rest_framework.test import APIClient

from marketdata import selectors
from marketdata.domain.metrics import window_metrics
from marketdata.tests.factories import replay_market


def test_change_volatility_and_trend():
    closes = np.array([[100.0, 100, 100], [102, 99, 101], [104, 98, 99], [106, 97, 100.5]])
    up, down, flat = window_metrics(("A", "B", "C"), closes)
    assert (up.change_pct, up.trend, up.days) == (6.0, "up", 3)
    assert (down.change_pct, down.trend) == (-3.0, "down")
    assert flat.trend == "flat"
    returns = np.diff(np.log(closes[:, 2]))
    assert flat.volatility_pct == round(float(returns.std(ddof=1)) * 100, 2)


def test_too_little_history_says_nothing():
    empty, one = window_metrics(("A", "B"), np.array([[np.nan, np.nan], [np.nan, 5.0]]))
    assert (empty.change_pct, one.change_pct, one.trend) == (None, None, None)


@pytest.mark.django_db
def test_the_api_gives_them_for_each_symbol_and_never_looks_ahead():
    market = replay_market(warmup=2, ticks=1)
    answer = APIClient().get(f"/api/v1/stocks/metrics?market={market.slug}&days=2").json()
    assert [row["symbol"] for row in answer["stocks"]] == [item.symbol for item in selectors.listings(market.id)]
    closes = selectors.closes_matrix(market.id, 3)[1][:, 0]
    assert answer["stocks"][0]["change_pct"] == str(round((closes[-1] / closes[0] - 1) * 100, 2))
    for days in ("0", "-1", "x", "100000"):
        assert APIClient().get(f"/api/v1/stocks/metrics?market={market.slug}&days={days}").status_code == 400
