"""Limits on a person's trading, and how several of them are made into one. Pure.

A person sets limits; their plan, the platform and the account's group may set others. The tightest of each counts:
whoever comes later may tighten, never loosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any

from core.errors import Invalid

_WHOLE = ("max_open_orders", "max_orders_per_minute", "max_orders_per_day", "max_trades_per_day")
# Legs further away than this lie outside the collar of prices: each entry that is given them would be denied.
_LEG_PCT = 45


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds; None is no bound. Percentages are of equity (daily loss: of the day's opening equity).

    `default_stop_pct` and `default_target_pct` are the distances of the legs that an entry without legs is given.
    `blocked` is the kill switch: only orders that reduce are taken.
    """

    max_position_pct: Decimal | None = None
    max_order_pct: Decimal | None = None
    max_daily_loss_pct: Decimal | None = None
    max_open_orders: int | None = None
    max_orders_per_minute: int | None = None
    max_orders_per_day: int | None = None
    max_trades_per_day: int | None = None
    default_stop_pct: Decimal | None = None
    default_target_pct: Decimal | None = None
    blocked: bool = False

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Limits:
        """Read limits; raises Invalid with code `invalid_limits` and the field."""
        names = {item.name for item in fields(cls)}
        values: dict[str, Any] = {}
        for name, raw in data.items():
            if name not in names:
                raise Invalid("invalid_limits", f"There is no limit called {name}.", {"field": name})
            values[name] = _read(name, raw)
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready: only what is set."""
        found = {item.name: getattr(self, item.name) for item in fields(self)}
        return {
            name: str(value) if isinstance(value, Decimal) else value
            for name, value in found.items()
            if value not in (None, False)
        }


def _read(name: str, raw: Any) -> Any:
    if raw is None:
        return None
    wrong = Invalid("invalid_limits", f"{name} is out of bounds.", {"field": name})
    if name == "blocked":
        if not isinstance(raw, bool):
            raise wrong
        return raw
    if isinstance(raw, bool):
        raise wrong
    try:
        value = Decimal(str(raw))
    except InvalidOperation as error:
        raise wrong from error
    if not value.is_finite() or value <= 0:
        raise wrong
    if name in _WHOLE:
        if value != int(value) or value > 1_000_000:
            raise wrong
        return int(value)
    most = {"max_daily_loss_pct": 100, "default_stop_pct": _LEG_PCT, "default_target_pct": _LEG_PCT}.get(name, 10_000)
    if value > most:
        raise wrong
    return value


def tighten(first: Limits, second: Limits) -> Limits:
    """The tighter of each pair of limits."""
    values: dict[str, Any] = {}
    for item in fields(Limits):
        one, other = getattr(first, item.name), getattr(second, item.name)
        if item.name == "blocked":
            values[item.name] = one or other
        elif one is None or other is None:
            values[item.name] = other if one is None else one
        else:
            values[item.name] = min(one, other)
    return Limits(**values)
