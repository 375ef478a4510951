"""A plan plays what a market of the same definition plays."""

import pytest

from core.errors import Invalid
from marketdata import selectors
from marketdata.domain.overlay import Overlay
from marketdata.domain.replay import ReplayDefinition
from marketdata.models import Market
from marketdata.tests.factories import advance, replay_market

pytestmark = pytest.mark.django_db


def seen(tick):
    rows = [{**quote.to_json(), "listing_id": 0} for quote in tick.quotes.values()]
    return rows, [(action.kind, action.value) for action in tick.actions]


@pytest.mark.parametrize("mask", [False, True])
def test_tick_by_tick_the_same(mask):
    venue = {"sizes": True, "band_pct": "20"}
    actions = {"AAA": [("split", 2, "1.5"), ("dividend", 3, 1)], "BBB": [("delisting", 4, 0)]}
    market = replay_market(warmup=1, mask=mask, seed=3, prints=6, basis="traded", venue=venue, actions=actions)
    definition = ReplayDefinition.from_json(Market.objects.get(pk=market.id).definition)
    plan = selectors.replay_plan(definition)
    assert (plan.currency, plan.table.ticks_total) == ("USD", market.ticks_total)
    for index in range(market.ticks_total):
        assert seen(plan.tick(index, Overlay.of(venue, definition.seed))) == seen(advance(market.id))
    assert len({quote.listing_id for quote in plan.tick(0).quotes.values()}) == 2


def test_what_is_missing_is_said():
    with pytest.raises(Invalid) as refused:
        selectors.replay_plan(
            ReplayDefinition.from_json({"start": "2024-01-08", "end": "2024-01-09", "symbols": ["NO"]})
        )
    assert refused.value.code == "unknown_symbol"
