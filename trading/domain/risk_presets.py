"""Limits by risk tolerance, what a person may change at once, and the port by which plans tighten. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any

from core.errors import Invalid
from trading.domain.limits import Limits, tighten

# Shares of equity in percent. A starting point that people change: no figure here is advice.
PRESETS: dict[str, Limits] = {
    "conservative": Limits(
        max_position_pct=Decimal(10),
        max_order_pct=Decimal(10),
        max_daily_loss_pct=Decimal(2),
        max_open_orders=20,
        max_orders_per_minute=10,
        max_orders_per_day=50,
        max_trades_per_day=20,
        default_stop_pct=Decimal(5),
        default_target_pct=Decimal(10),
    ),
    "moderate": Limits(
        max_position_pct=Decimal(25),
        max_order_pct=Decimal(25),
        max_daily_loss_pct=Decimal(5),
        max_open_orders=50,
        max_orders_per_minute=30,
        max_orders_per_day=200,
        max_trades_per_day=100,
    ),
    "aggressive": Limits(
        max_position_pct=Decimal(100),
        max_order_pct=Decimal(50),
        max_daily_loss_pct=Decimal(10),
        max_open_orders=200,
        max_orders_per_minute=60,
        max_orders_per_day=1000,
    ),
}
# What a person has bound themselves to for the day: looser only from the next market day on.
COOLING = ("max_daily_loss_pct", "max_orders_per_day", "max_trades_per_day", "blocked")
# No limit of risk: the distances of default legs are no bounds, so they change at once.
NAMES = tuple(item.name for item in fields(Limits))

PlanLimits = Callable[[int], Limits]
_plans: list[PlanLimits] = []


@dataclass(frozen=True, slots=True)
class EffectiveLimit:
    """A figure that is in force and who set it: "own", "plan" or "account" (its contest or evaluation)."""

    name: str
    value: Decimal | int | bool
    source: str

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        value = str(self.value) if isinstance(self.value, Decimal) else self.value
        return {"name": self.name, "value": value, "source": self.source}


def register_plan_limits(fn: PlanLimits) -> None:
    """Let `fn(user_id)` say what a person's plan allows; called from a higher app's AppConfig.ready().

    When a plan changes, the higher app calls trading.services.risk.risk_refresh.
    """
    if fn not in _plans:
        _plans.append(fn)


def unregister_plan_limits(fn: PlanLimits) -> None:
    """Forget a plan port (tests)."""
    if fn in _plans:
        _plans.remove(fn)


def plan_limits(user_id: int) -> Limits:
    """The tightest of what the registered plans allow a person."""
    found = Limits()
    for fn in _plans:
        found = tighten(found, fn(user_id))
    return found


def preset(tolerance: str) -> Limits:
    """The limits of a risk tolerance; raises Invalid with code `unknown_tolerance`."""
    if tolerance not in PRESETS:
        words = ", ".join(PRESETS)
        raise Invalid("unknown_tolerance", f"A risk tolerance is one of: {words}.", {"field": "tolerance"})
    return PRESETS[tolerance]


def is_looser(name: str, before: Any, after: Any) -> bool:
    """Whether a new figure allows more than the old one."""
    if name == "blocked":
        return bool(before) and not after
    if before is None:
        return False
    return after is None or after > before


def change(current: Limits, wanted: Limits) -> tuple[Limits, bool]:
    """What of a change holds at once, and whether the rest must wait for the next market day."""
    waits = [name for name in COOLING if is_looser(name, getattr(current, name), getattr(wanted, name))]
    return replace(wanted, **{name: getattr(current, name) for name in waits}), bool(waits)


def effective(own: Limits, plan: Limits, account: Limits) -> list[EffectiveLimit]:
    """Every figure in force with its source; of equal figures the person's own is named."""
    total = tighten(tighten(own, plan), account)
    found = []
    for name in NAMES:
        value = getattr(total, name)
        if value is None or value is False:
            continue
        named = (("own", own), ("plan", plan), ("account", account))
        found.append(EffectiveLimit(name, value, next(who for who, them in named if getattr(them, name) == value)))
    return found
