"""What never changes about a market, kept by the process: its exchange, its definition, what its venue shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from core.errors import NotFound
from marketdata.domain.live import LiveDefinition
from marketdata.domain.overlay import Overlay
from marketdata.models import Market


@dataclass(frozen=True, slots=True)
class MarketFacts:
    """The immutable part of a market's row, read once. `live`: the definition of a live or simulated market."""

    id: int
    exchange: str
    definition: Mapping[str, Any] = field(hash=False)
    live: LiveDefinition | None
    overlay: Overlay

    @property
    def is_replay(self) -> bool:
        """Whether its prices are a function of loaded history and its tick."""
        return self.live is None


@lru_cache(maxsize=512)
def market_facts(market_id: int) -> MarketFacts:
    """The market's immutable facts; raises NotFound (which is not kept)."""
    row = Market.objects.filter(pk=market_id).first()
    if row is None:
        raise NotFound("unknown_market", "There is no such market.", {"market": market_id})
    live = None if row.kind == Market.Kind.REPLAY else LiveDefinition.from_json(row.definition)
    overlay = Overlay.of(row.venue, int(row.definition.get("seed", 0)))
    return MarketFacts(row.pk, row.exchange, row.definition, live, overlay)
