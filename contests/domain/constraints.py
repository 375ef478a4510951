"""The limits and terms of one contest, the same for everyone in it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from core.errors import Invalid
from trading.domain.fees import check_schedule
from trading.domain.margin import Terms

MOST_RESETS = 20


@dataclass(frozen=True, slots=True)
class Constraints:
    """Limits of one contest on top of the market's own (none when empty), and the terms that its accounts trade on.

    `leverage` above 1 and `short_selling` make the accounts margin accounts. `fee_schedule` names the charges
    (trading.domain.fees); `commission_bps` is the plain commission where it is empty. Who has made fewer than
    `min_trades` trades is not ranked. In the last `closing_minutes` of market time nothing may be opened. `resets`: how
    often one may begin anew with the starting balance.
    """

    max_position_pct: Decimal | None = None
    max_trades_per_day: int | None = None
    commission_bps: Decimal | None = None
    leverage: Decimal | None = None
    short_selling: bool = False
    fee_schedule: str = ""
    min_trades: int | None = None
    closing_minutes: int | None = None
    resets: int | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Constraints:
        """Read and check the limits; unknown names are refused, so that a typo never means 'no limit'."""
        unknown = set(data) - set(cls.__dataclass_fields__)
        if unknown:
            raise _bad_limit(f"Unknown limit: {', '.join(sorted(unknown))}.")
        found = cls(
            _number(data, "max_position_pct", above=Decimal(0), most=Decimal(100)),
            _count(data, "max_trades_per_day"),
            _number(data, "commission_bps", above=Decimal(-1), most=Decimal(1000)),
            _number(data, "leverage", above=Decimal("0.99"), most=Decimal(100)),
            _flag(data.get("short_selling")),
            str(data.get("fee_schedule") or ""),
            _count(data, "min_trades"),
            _count(data, "closing_minutes"),
            _count(data, "resets", most=MOST_RESETS),
        )
        if found.fee_schedule:
            check_schedule(found.fee_schedule)
        found.terms().check()
        return found

    def as_json(self) -> dict[str, Any]:
        """The limits that are set, as JSON."""
        values = {
            "max_position_pct": self.max_position_pct,
            "commission_bps": self.commission_bps,
            "leverage": self.leverage,
        }
        out: dict[str, Any] = {name: format(value, "f") for name, value in values.items() if value is not None}
        counts = ("max_trades_per_day", "min_trades", "closing_minutes", "resets")
        out |= {name: getattr(self, name) for name in counts if getattr(self, name) is not None}
        if self.short_selling:
            out["short_selling"] = True
        if self.fee_schedule:
            out["fee_schedule"] = self.fee_schedule
        return out

    def terms(self) -> Terms:
        """The terms of a participant's account."""
        leverage = self.leverage or Decimal(1)
        fees = self.fee_schedule or "none"
        if leverage == 1 and not self.short_selling:
            return Terms(fees=fees)
        # Maintenance stays below what opening needs, whatever the leverage: a quarter, or half of the initial margin.
        maintenance = min(Decimal(25), 50 / leverage)
        return Terms("margin", leverage, self.short_selling, maintenance_pct=maintenance, fees=fees)


def _bad_limit(message: str) -> Invalid:
    return Invalid("invalid_constraints", message, {"field": "constraints"})


def _number(data: Mapping[str, Any], name: str, *, above: Decimal, most: Decimal) -> Decimal | None:
    value = data.get(name)
    if value is None or value == "":
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise _bad_limit(f"{name} is not a number.") from error
    if not number.is_finite() or not above < number <= most:
        raise _bad_limit(f"{name} is out of range: at most {most}.")
    return number.normalize() + 0


def _count(data: Mapping[str, Any], name: str, most: int = 1_000_000) -> int | None:
    value = data.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise _bad_limit(f"{name} must be a whole number from 1 to {most:,}.")
    return value


def _flag(value: Any) -> bool:
    if value not in (None, "", True, False):
        raise _bad_limit("short_selling must be true or false.")
    return bool(value)
