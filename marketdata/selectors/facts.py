"""What never changes about a market, kept by the process: its kind, exchange, definition and execution."""

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
    """The immutable part of a market's row."""

    id: int
    slug: str
    kind: str
    exchange: str
    is_simulated: bool
    definition: Mapping[str, Any] = field(hash=False)
    venue: Mapping[str, Any] = field(hash=False)

    @property
    def is_replay(self) -> bool:
        """Whether its prices are a function of loaded history and its tick."""
        return self.kind == Market.Kind.REPLAY

    @property
    def live(self) -> LiveDefinition:
        """The definition of a live or simulated market."""
        return LiveDefinition.from_json(self.definition)

    @property
    def overlay(self) -> Overlay:
        """What of the venue shows on quotes."""
        return Overlay.of(self.venue, int(self.definition.get("seed", 0)))


@lru_cache(maxsize=512)
def market_facts(market_id: int) -> MarketFacts:
    """The market's immutable facts; raises NotFound (which is not kept)."""
    row = Market.objects.filter(pk=market_id).first()
    if row is None:
        raise NotFound("unknown_market", "There is no such market.", {"market": market_id})
    return MarketFacts(row.pk, row.slug, row.kind, row.exchange, row.is_simulated, row.definition, row.venue)
