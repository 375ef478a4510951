"""The plans as data: what each lets a person do, and for how much. Pure.

`sync_plans` writes them as versions: what was sold stays as it was sold, a change here makes a new version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

UNLIMITED = -1


class Feature(StrEnum):
    """What a plan may grant."""

    TRADES = "trades"
    AUTO_TRADES = "auto_trades"
    ANALYTICS = "analytics"
    LIBRARY = "library"
    SIGNALS = "signals"
    API_RATE = "api_rate"


@dataclass(frozen=True, slots=True)
class FeatureKind:
    """How a feature is measured. `unit`: "" for a switch (0 off, 1 on), else what is counted.

    `period`: "ever", "day" (of UTC), "minute"; empty for a switch.
    """

    key: Feature
    label: str
    unit: str = ""
    period: str = ""
    about: str = ""

    @property
    def is_switch(self) -> bool:
        """Whether it is on or off, not counted."""
        return not self.unit


FEATURES: Mapping[Feature, FeatureKind] = MappingProxyType({
    kind.key: kind
    for kind in (
        FeatureKind(Feature.TRADES, "Trades on your own accounts", "trade", "ever",
                    "On practice and broker accounts. Reducing a position is free; so are contests."),
        FeatureKind(Feature.AUTO_TRADES, "Automatic trades a day", "trade", "day"),
        FeatureKind(Feature.ANALYTICS, "Account analytics and statements",
                    about="Of practice and broker accounts. Those of contests and challenges come with them."),
        FeatureKind(Feature.LIBRARY, "Strategy library with backtests"),
        FeatureKind(Feature.SIGNALS, "Live signals"),
        FeatureKind(Feature.API_RATE, "API requests a minute", "request", "minute",
                    "With a token or an API key. The pages of this site do not count."),
    )
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlanPriceSeed:
    """A price in minor units of a currency, each `month` or `year`, before tax."""

    currency: str
    interval: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class PlanSeed:
    """A plan as it is offered. Plans of higher `rank` hold all of the lower ones."""

    code: str
    name: str
    tagline: str
    rank: int
    limits: Mapping[Feature, int]
    prices: tuple[PlanPriceSeed, ...] = ()


def _limits(trades: int, auto: int, rate: int, *, analytics: int, library: int, signals: int) -> Mapping[Feature, int]:
    return MappingProxyType({
        Feature.TRADES: trades, Feature.AUTO_TRADES: auto, Feature.API_RATE: rate,
        Feature.ANALYTICS: analytics, Feature.LIBRARY: library, Feature.SIGNALS: signals,
    })  # fmt: skip


def _prices(usd: int, inr: int, eur: int) -> tuple[PlanPriceSeed, ...]:
    """Monthly prices in minor units; a year costs ten months."""
    return tuple(
        PlanPriceSeed(currency, interval, amount * months)
        for currency, amount in (("USD", usd), ("INR", inr), ("EUR", eur))
        for interval, months in (("month", 1), ("year", 10))
    )


FREE = "free"
PLANS: tuple[PlanSeed, ...] = (
    PlanSeed(FREE, "Free", "Contests, and a first look at trading.", 0,
             _limits(4, 0, 120, analytics=0, library=0, signals=0)),
    PlanSeed("basic", "Basic", "Trade without a limit, and read how you did.", 1,
             _limits(UNLIMITED, 10, 300, analytics=1, library=0, signals=0), _prices(900, 49_900, 900)),
    PlanSeed("pro", "Pro", "Strategies, signals and automatic trading.", 2,
             _limits(UNLIMITED, 50, 600, analytics=1, library=1, signals=1), _prices(2_900, 149_900, 2_900)),
    PlanSeed("elite", "Elite", "More of everything, for who trades all day.", 3,
             _limits(UNLIMITED, 200, 1_800, analytics=1, library=1, signals=1), _prices(7_900, 399_900, 7_900)),
    PlanSeed("enterprise", "Enterprise", "For desks and their machines.", 4,
             _limits(UNLIMITED, 1_000, 6_000, analytics=1, library=1, signals=1), _prices(29_900, 1_499_900, 29_900)),
)  # fmt: skip
