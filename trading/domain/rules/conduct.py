"""The rules of how one trades: size, exposure, stops, instruments, hours, news."""
# ruff: noqa: RUF009 - `knob` is dataclasses.field with a spec, evaluated once per class on purpose.

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from typing import ClassVar

from trading.domain.rules.knobs import PERCENT, Amount, Choice, Flag, Number, Text, Whole, knob
from trading.domain.rules.limits import SEVERITY, Rule
from trading.domain.rules.shapes import DAYS, SYMBOLS, WINDOW, AmountOf, Clock, ListOf, Maybe, Zone
from trading.domain.rules.times import WEEKDAYS, Span, Window

_SIZE = AmountOf(("initial", "equity", "fixed"), most=Decimal(10_000))
_SEVERITY_ABOUT = "What a breach does: fail, soft or warn."


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxQuantity(Rule):
    """The largest position in a symbol, in units."""

    kind: ClassVar[str] = "max_quantity"
    quantity: Decimal = knob(Number(), "Units, long or short.")
    symbols: tuple[str, ...] = knob(SYMBOLS, "The symbols it holds for; empty means each.", ())


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxNotional(Rule):
    """The largest position in a symbol, in money."""

    kind: ClassVar[str] = "max_notional"
    amount: Amount = knob(_SIZE, "Value of the position after the order.")
    symbols: tuple[str, ...] = knob(SYMBOLS, "The symbols it holds for; empty means each.", ())


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxGrossExposure(Rule):
    """The largest sum of all positions' values, long and short added."""

    kind: ClassVar[str] = "max_gross_exposure"
    amount: Amount = knob(_SIZE, "Gross value after the order.")


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxSymbolShare(Rule):
    """The largest share of equity in one symbol."""

    kind: ClassVar[str] = "max_symbol_share"
    percent: Decimal = knob(Number(most=Decimal(10_000)), "Percentage of equity.")


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxOpenPositions(Rule):
    """How many positions may be open at once."""

    kind: ClassVar[str] = "max_open_positions"
    count: int = knob(Whole(1, 1000), "Open positions, after the order.")


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxLotsPerOrder(Rule):
    """The largest single order, in lots."""

    kind: ClassVar[str] = "max_lots_per_order"
    lots: Decimal = knob(Number(), "Lots of the instrument.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LossPerTrade(Rule):
    """One trade may lose only so much. An order whose stop risks more is not taken."""

    kind: ClassVar[str] = "loss_per_trade"
    amount: Amount = knob(AmountOf(("equity", "initial", "fixed")), "The loss of one trade.")
    tested: str = knob(
        Choice(("closed", "open")),
        "closed: a fill's realised loss; open: a position's loss at every mark too.",
        "closed",
    )
    comparator: str = knob(Choice(("above", "at_or_above")), "Whether losing exactly the amount is a breach.", "above")
    severity: str = knob(SEVERITY, _SEVERITY_ABOUT, "fail")


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRequired(Rule):
    """An order that opens needs a stop-loss."""

    kind: ClassVar[str] = "stop_required"
    max_distance_percent: Decimal | None = knob(
        Maybe(PERCENT), "The stop's largest distance from the price, or null.", None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedInstruments(Rule):
    """What may be traded."""

    kind: ClassVar[str] = "allowed_instruments"
    allow: tuple[str, ...] = knob(SYMBOLS, "The only symbols; empty means all.", ())
    deny: tuple[str, ...] = knob(SYMBOLS, "Symbols that are not traded.", ())
    asset_classes: tuple[str, ...] = knob(ListOf(Text(32)), "The only asset classes; empty means all.", ())

    def problems(self) -> list[tuple[str, str]]:
        """No symbol is both; at least one list says something."""
        both = sorted(set(self.allow) & set(self.deny))
        if both:
            return [("deny", f"{both[0]} is allowed and denied at once.")]
        if not (self.allow or self.deny or self.asset_classes):
            return [("allow", "Name symbols to allow or to deny, or asset classes.")]
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedSessions(Rule):
    """The hours in which positions may be opened."""

    kind: ClassVar[str] = "allowed_sessions"
    windows: tuple[Window, ...] = knob(ListOf(WINDOW, least=1, most=50), "An end before the start is the next day's.")
    zone: str = knob(Zone(), "The zone of the windows.", "UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoOvernight(Rule):
    """No position is held from `flat_by` to `reopen`, day by day, and none opened."""

    kind: ClassVar[str] = "no_overnight"
    flat_by: time = knob(Clock(), "By when all is closed.")
    reopen: time = knob(Clock(), "From when positions may be opened again.")
    zone: str = knob(Zone(), "The zone of both.", "UTC")
    days: tuple[str, ...] = knob(DAYS, "The weekdays on whose evening it holds.", WEEKDAYS)
    severity: str = knob(SEVERITY, _SEVERITY_ABOUT, "soft")

    def span(self) -> Span:
        """The closed hours."""
        return Span(self.flat_by, self.reopen, self.zone, self.days)

    def problems(self) -> list[tuple[str, str]]:
        """The two times differ."""
        return [("reopen", "Must differ from flat_by.")] if self.flat_by == self.reopen else []


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatByWeekend(Rule):
    """No position is held over the weekend, and none opened in it."""

    kind: ClassVar[str] = "flat_by_weekend"
    flat_day: str = knob(Choice(WEEKDAYS), "The weekday by whose time all is closed.", "fri")
    flat_by: time = knob(Clock(), "By when all is closed.", time(22))
    reopen_day: str = knob(Choice(WEEKDAYS), "The weekday from which positions may be opened again.", "mon")
    reopen: time = knob(Clock(), "From when.", time(0))
    zone: str = knob(Zone(), "The zone of both.", "UTC")
    severity: str = knob(SEVERITY, _SEVERITY_ABOUT, "soft")

    def span(self) -> Span:
        """The closed hours."""
        return Span(self.flat_by, self.reopen, self.zone, (self.flat_day,), (self.reopen_day,))

    def problems(self) -> list[tuple[str, str]]:
        """Start and end differ."""
        same = (self.flat_day, self.flat_by) == (self.reopen_day, self.reopen)
        return [("reopen", "Must differ from the time to be flat.")] if same else []


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsBlackout(Rule):
    """No position is opened around scheduled news."""

    kind: ClassVar[str] = "news_blackout"
    minutes_before: int = knob(Whole(0, 1440), "Minutes before the news.", 2)
    minutes_after: int = knob(Whole(0, 1440), "Minutes after the news.", 2)
    impact: str = knob(Choice(("low", "medium", "high")), "The least impact that counts.", "high")
    include_stops: bool = knob(Flag(), "Whether a stop or target that fills in the minutes breaks the rule too.", True)
    severity: str = knob(SEVERITY, _SEVERITY_ABOUT, "fail")
