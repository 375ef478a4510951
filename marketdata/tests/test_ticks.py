"""Advancing a market."""

import pytest

from marketdata import selectors
from marketdata.tests.factories import advance, replay_market

pytestmark = pytest.mark.django_db


def test_smoke():
    market = replay_market(warmup=2)
    tick = advance(market.id)
    assert tick.index == 0
    assert advance(market.id, 20) is None
    assert selectors.market_view(market.id).status == "ended"
