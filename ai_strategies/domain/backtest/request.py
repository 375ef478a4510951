"""What is asked of a backtest: checked, in one canonical form, and in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from ai_strategies.domain.backtest.bars import BarRules, Sizing
from ai_strategies.domain.backtest.engine import Turns
from ai_strategies.domain.backtest.types import Setup
from ai_strategies.domain.strategies import LOOKBACK, STRATEGIES, make
from ai_strategies.domain.view import Strategy
from core.errors import Invalid
from core.money import to_minor
from marketdata.domain.replay import PRINTS, Basis, ReplayDefinition
from trading.domain.fees import check_schedule, describe
from trading.domain.margin import Terms
from trading.domain.types import plain
from trading.domain.venue import FRICTIONLESS, Venue

FILLS = ("next_open", "close", "market")
SIZINGS = ("own", "all_in")
MAX_SYMBOLS = 50
MAX_CASH = Decimal(10**11)
Mode = Literal["next_open", "close", "market"]


@dataclass(frozen=True, slots=True)
class BacktestRequest:
    """A backtest to run. `cash` in major units of the instruments' currency; `fees` a schedule of trading.domain.fees.

    `fill`: "next_open" and "close" play bars without friction; "market" plays the ticks of a replay market with its
    spread and venue. `warmup`: sessions before `start` that the strategy may look back on. `seed` is the strategy's;
    `interval_minutes`, `spread_bps`, `prints`, `basis`, `market_seed` and `venue` go with "market" only.
    """

    strategy: str
    symbols: tuple[str, ...]
    start: date
    end: date
    params: Mapping[str, Any] = field(default_factory=dict)
    cash: Decimal = Decimal(100_000)
    fees: str = "none"
    fill: Mode = "next_open"
    sizing: Sizing = "own"
    warmup: int | None = None
    seed: int = 0
    interval_minutes: int = 120
    spread_bps: Decimal = Decimal(4)
    prints: int = PRINTS
    basis: str = "adjusted"
    market_seed: int = 0
    venue: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_market(self) -> bool:
        """Whether the ticks of a replay market are played."""
        return self.fill == "market"

    @property
    def warmup_days(self) -> int:
        """Sessions shown before the first: none on bars, what the longest strategy needs in a market."""
        if self.warmup is not None:
            return self.warmup
        return LOOKBACK - 1 if self.is_market else 0

    def coded(self) -> Strategy:
        """The strategy with its parameters. Raises Invalid."""
        return make(self.strategy, self.params)

    def validated(self) -> BacktestRequest:
        """Itself; raises Invalid with the field in the details."""
        coded = self.coded()
        if getattr(coded, "fast", 0) >= getattr(coded, "slow", 1):
            raise _invalid("params", "The fast average must have fewer days than the slow one.")
        _require(0 < len(self.symbols) <= MAX_SYMBOLS, "symbols", f"Choose between 1 and {MAX_SYMBOLS} symbols.")
        _require(self.start <= self.end, "end", f"The end ({self.end}) is before the start ({self.start}).")
        _require(
            self.cash.is_finite() and 0 < self.cash <= MAX_CASH, "cash", f"The cash is above 0, at most {MAX_CASH:,}."
        )
        _require(self.fill in FILLS, "fill", f"The fill is one of {', '.join(FILLS)}.")
        _require(self.sizing in SIZINGS, "sizing", f"The sizing is one of {', '.join(SIZINGS)}.")
        _require(0 <= self.seed < 2**63, "seed", "The seed is a whole number from 0 to 2^63 - 1.")
        _require(0 <= self.interval_minutes <= 525_600, "interval", "The interval is 0 to 525,600 minutes.")
        _require(self.basis in tuple(Basis), "basis", f"The basis is one of {', '.join(Basis)}.")
        if self.sizing == "all_in":
            _require(len(self.symbols) == 1, "sizing", "Sizing all_in goes with one symbol.")
            _require(not self.is_market, "sizing", "Sizing all_in goes with bars: --fill next_open or close.")
        check_schedule(self.fees)
        self.definition().validated()
        Venue.from_json(self.venue)
        return self

    def definition(self) -> ReplayDefinition:
        """The slice of history that is played."""
        market = self.is_market
        return ReplayDefinition(
            start=self.start,
            end=self.end,
            symbols=self.symbols,
            warmup_days=self.warmup_days,
            spread_bps=self.spread_bps if market else Decimal(0),
            prints=self.prints if market else PRINTS,
            basis=Basis(self.basis) if market else Basis.ADJUSTED,
            seed=self.market_seed if market else 0,
        )

    def setup(self, currency: str) -> Setup:
        """The account's terms and the venue's knobs."""
        venue = Venue.from_json(self.venue) if self.is_market else FRICTIONLESS
        return Setup(to_minor(self.cash, currency), currency, Terms(fees=self.fees), venue)

    def turns(self) -> Turns:
        """When the strategy decides, and by what chance."""
        return Turns(timedelta(minutes=self.interval_minutes), self.seed, self.market_seed if self.is_market else 0)

    def rules(self) -> BarRules:
        """How bars fill."""
        return BarRules("close" if self.fill == "close" else "next_open", self.sizing)

    def all_params(self) -> dict[str, Any]:
        """The parameters with their defaults."""
        known = STRATEGIES[self.strategy].parameters
        return {item.name: self.params.get(item.name, item.default) for item in known}

    def to_json(self) -> dict[str, Any]:
        """Canonical and JSON-ready: requests that mean the same are equal."""
        found: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name in _MARKET_ONLY and not self.is_market:
                continue
            if isinstance(value, Decimal):
                value = plain(value)
            elif isinstance(value, date):
                value = value.isoformat()
            found[item.name] = list(value) if isinstance(value, tuple) else value
        venue = {"venue": {name: str(value) for name, value in sorted(self.venue.items())}} if self.is_market else {}
        return found | {"params": self.all_params(), "warmup": self.warmup_days} | venue

    def words(self, currency: str) -> list[str]:
        """The assumptions, a sentence each."""
        warm = self.warmup_days
        found = [*(self._market_words() if self.is_market else self._bar_words())]
        found.append(
            f"The strategy may look back on {warm} sessions before the start."
            if warm
            else "The strategy sees nothing of before the start."
        )
        found.append("Whole lots; orders are judged, filled and charged by the functions of the live order path.")
        found.append("Splits are undone in prices and volumes; cash dividends in the loaded history are paid.")
        found += describe(self.fees, self.start)
        found.append(
            f"It starts with {self.cash:,} {currency}; what is held at the end is left open, at the last close."
        )
        return found

    def _bar_words(self) -> list[str]:
        when = {
            "next_open": "The signal is taken on a session's close and fills at the next session's open.",
            "close": "The signal is taken on a session's close and fills at that same close.",
        }[self.fill]
        size = {
            "own": "A purchase has the strategy's own size, cut to what cash buys at the fill price.",
            "all_in": "A purchase takes all whole lots that cash buys at the fill price, charges included.",
        }[self.sizing]
        return [when, "No spread, no impact and no limit of volume: one price for both sides.", size]

    def _market_words(self) -> list[str]:
        venue = Venue.from_json(self.venue)
        return [
            f"The ticks of a replay market: {self.prints} prints a session, a spread of {plain(self.spread_bps)} bps.",
            f"The strategy decides every {self.interval_minutes} minutes of market time and orders at the market.",
            f"Latency {venue.latency_ms} ms, impact {plain(venue.impact_k)} x (share of volume)^2, "
            f"at most {plain(venue.max_volume_share * 100)}% of the last session's volume on one print (0: no limit).",
            "A purchase has the strategy's own size.",
        ]


_MARKET_ONLY = frozenset({"interval_minutes", "spread_bps", "prints", "basis", "market_seed", "venue"})


def _invalid(name: str, message: str) -> Invalid:
    return Invalid("invalid_backtest", message, {"field": name})


def _require(good: bool, name: str, message: str) -> None:
    if not good:
        raise _invalid(name, message)


def param_of(strategy: str, text: str) -> tuple[str, int | float]:
    """A parameter written as NAME=VALUE, in its own kind of number. Raises Invalid."""
    name, equals, raw = text.partition("=")
    known = {item.name: item for item in STRATEGIES[strategy].parameters} if strategy in STRATEGIES else {}
    if not equals or not name:
        raise _invalid("params", f"Write a parameter as NAME=VALUE, not '{text[:60]}'.")
    if name not in known:
        raise _invalid("params", f"{strategy} has no parameter {name[:40]}. It has {', '.join(known) or 'none'}.")
    try:
        number = Decimal(raw)
    except InvalidOperation as error:
        raise _invalid("params", f"{name} must be a number, not '{raw[:40]}'.") from error
    if not number.is_finite() or (known[name].whole and number != int(number)):
        raise _invalid("params", f"{name} must be a {'whole ' if known[name].whole else ''}number, not '{raw[:40]}'.")
    return name, int(number) if known[name].whole else float(number)
