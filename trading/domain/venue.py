"""How orders execute in a market: the knobs of the one fill model. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from core.errors import Invalid


@dataclass(frozen=True, slots=True)
class Venue:
    """The knobs. The same for everybody in a market: people, agents, replays and backtests.

    `latency_ms`: market time between acceptance and the first quote that may fill. `staleness_s`: a quote older than
    this denies an order. `impact_k`: a taker's price moves by k * (quantity / volume)^2. `max_volume_share`: at most
    this share of the last session's volume fills on one quote; 0 is no cap. `sizes`: a quote's size fills once.
    `trigger`: the price that triggers stops, the last one or the side that the stop would trade at.
    """

    latency_ms: int = 0
    staleness_s: int = 900
    impact_k: Decimal = Decimal("0.1")
    max_volume_share: Decimal = Decimal("0.1")
    sizes: bool = False
    trigger: Literal["last", "quote"] = "last"

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Venue:
        """Read a market's venue; keys of other readers are left alone. Raises Invalid with code `invalid_venue`."""
        known = {item.name for item in fields(cls)}
        values: dict[str, Any] = {}
        for name in known & set(data):
            raw = data[name]
            try:
                values[name] = (
                    Decimal(str(raw)) if name in ("impact_k", "max_volume_share") else type(_DEFAULT[name])(raw)
                )
            except (TypeError, ValueError, InvalidOperation) as error:
                raise Invalid("invalid_venue", f"The venue's {name} is not valid.", {"field": name}) from error
        venue = cls(**values)
        for name, bad in (
            ("latency_ms", not 0 <= venue.latency_ms <= 86_400_000),
            ("staleness_s", venue.staleness_s < 1),
            ("impact_k", not 0 <= venue.impact_k <= 100),
            ("max_volume_share", not 0 <= venue.max_volume_share <= 1),
            ("trigger", venue.trigger not in ("last", "quote")),
        ):
            if bad:
                raise Invalid("invalid_venue", f"The venue's {name} is out of bounds.", {"field": name})
        return venue


_DEFAULT: dict[str, Any] = {"latency_ms": 0, "staleness_s": 0, "sizes": False, "trigger": ""}
DEFAULT_VENUE = Venue()
# No spread of our own making, no impact, no cap: what published backtests assume.
FRICTIONLESS = Venue(impact_k=Decimal(0), max_volume_share=Decimal(0))
