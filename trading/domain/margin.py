"""Buying power, margin and what a fill needs of them, exact in minor units. Pure.

A cash account pays for what it buys and sells what it has. A margin account's equity carries its exposure:

    equity      = cash + sum(value of positions)          (a short's value is negative)
    exposure    = sum(|value|)                            at the quotes in force
    initial     = exposure / leverage                     what opening needs
    maintenance = exposure * maintenance_pct / 100        below it: margin call, no new risk
    close-out   = maintenance * close_out_pct / 100       below it: forced reduction

(FINRA Rule 4210 asks 50 % initial, that is leverage 2, and 25 % maintenance of a US margin account.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from core.errors import Invalid


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms an account trades.

    `kind` cash or margin; only margin accounts may go short, where `short` allows it. `fees` names a schedule of
    trading.domain.fees; `product` is delivery or intraday: intraday accounts are flat at each close.
    """

    kind: str = "cash"
    leverage: Decimal = Decimal(1)
    short: bool = False
    maintenance_pct: Decimal = Decimal(25)
    close_out_pct: Decimal = Decimal(80)
    fees: str = "none"
    product: str = "delivery"

    @property
    def is_margin(self) -> bool:
        """Whether equity, not cash, carries the positions."""
        return self.kind == "margin"

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Terms:
        """Read and check an account's terms; raises Invalid with code `invalid_terms`."""
        names = {item.name for item in fields(cls)}
        unknown = sorted(set(data) - names)
        if unknown:
            raise Invalid("invalid_terms", f"An account has no term {unknown[0]}.", {"field": unknown[0]})
        values: dict[str, Any] = dict(data)
        for name in ("leverage", "maintenance_pct", "close_out_pct"):
            if name in values:
                try:
                    values[name] = Decimal(str(values[name]))
                except InvalidOperation as error:
                    raise Invalid("invalid_terms", f"{name} must be a number.", {"field": name}) from error
        terms = cls(**values)
        terms.check()
        return terms

    def check(self) -> None:
        """Raise Invalid for terms that make no sense together."""
        for name, good in (
            ("kind", self.kind in ("cash", "margin")),
            ("leverage", 1 <= self.leverage <= 100 and (self.is_margin or self.leverage == 1)),
            ("short", isinstance(self.short, bool) and (self.is_margin or not self.short)),
            ("maintenance_pct", 0 < self.maintenance_pct <= 100 and self.maintenance_pct <= 100 / self.leverage),
            ("close_out_pct", 0 < self.close_out_pct <= 100),
            ("product", self.product in ("delivery", "intraday")),
        ):
            if not good and not (name == "maintenance_pct" and not self.is_margin):
                raise Invalid("invalid_terms", f"The account's {name} is out of bounds.", {"field": name})

    def to_json(self) -> dict[str, Any]:
        """JSON-ready: only what differs from the defaults."""
        plain = _DEFAULTS
        found = {item.name: getattr(self, item.name) for item in fields(self)}
        return {
            name: str(value) if isinstance(value, Decimal) else value
            for name, value in found.items()
            if value != getattr(plain, name)
        }


_DEFAULTS = Terms()


@dataclass(frozen=True, slots=True)
class Exposure:
    """A position at its mark. Values in minor units of the account's currency; a short's is negative."""

    listing_id: int
    quantity: Decimal
    value_minor: int


@dataclass(frozen=True, slots=True)
class Margin:
    """Where an account stands. All minor units."""

    equity_minor: int
    exposure_minor: int
    initial_minor: int
    maintenance_minor: int
    close_out_minor: int

    @property
    def excess_minor(self) -> int:
        """Equity that carries nothing yet: what new exposure may use as initial margin."""
        return self.equity_minor - self.initial_minor

    @property
    def is_called(self) -> bool:
        """Below maintenance: a margin call."""
        return self.equity_minor < self.maintenance_minor

    @property
    def is_closed_out(self) -> bool:
        """Below the close-out level: positions are reduced by force."""
        return self.exposure_minor > 0 and self.equity_minor < self.close_out_minor

    @property
    def is_covered(self) -> bool:
        """Equity covers the initial margin of what is held: a reduction that was begun has nothing left to do."""
        return self.excess_minor >= 0 or not self.exposure_minor


def _up(value: Fraction) -> int:
    return -((-value.numerator) // value.denominator)


def initial_minor(exposure_minor: int, terms: Terms) -> int:
    """Initial margin of an exposure, rounded up."""
    return _up(Fraction(exposure_minor) / Fraction(terms.leverage))


def margin_of(cash_minor: int, positions: list[Exposure], terms: Terms) -> Margin:
    """Where an account stands at the marks of `positions`."""
    exposure = sum(abs(item.value_minor) for item in positions)
    maintenance = Fraction(exposure) * Fraction(terms.maintenance_pct) / 100 if terms.is_margin else Fraction(0)
    return Margin(
        equity_minor=cash_minor + sum(item.value_minor for item in positions),
        exposure_minor=exposure,
        initial_minor=initial_minor(exposure, terms),
        maintenance_minor=_up(maintenance),
        close_out_minor=_up(maintenance * Fraction(terms.close_out_pct) / 100),
    )


def reduction_minor(margin: Margin, terms: Terms) -> int:
    """Exposure to give up so that equity covers the initial margin of the rest: what a forced reduction closes."""
    carried = margin.equity_minor * Fraction(terms.leverage)
    return max(_up(margin.exposure_minor - carried), 0)
