"""What the money pages share: words of statuses, the ribbon of simulated money, plans as rows of features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from payments.adapters import registry
from payments.domain.catalogue import FEATURES, UNLIMITED
from payments.domain.ports import Can
from payments.selectors.plans import PlanView, PriceView

CURRENCIES = ("USD", "EUR", "INR")
INTERVALS = ("month", "year")
_OF_COUNTRY = {"IN": "INR"} | dict.fromkeys(
    ("AT", "BE", "CY", "DE", "EE", "ES", "FI", "FR", "GR", "HR", "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PT", "SI",
     "SK"), "EUR",
)  # fmt: skip
TONES = {
    "succeeded": "up", "paid": "up", "active": "up", "failed": "down", "expired": "", "refunded": "warn",
    "disputed": "warn", "past_due": "warn", "rejected": "down", "returned": "down", "cancelled": "",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """What a plan says about a feature, in words."""

    label: str
    value: str
    is_there: bool


@dataclass(frozen=True, slots=True)
class PlanCard:
    """A plan on the pricing page."""

    plan: PlanView
    price: PriceView | None
    monthly_minor: int
    rows: tuple[FeatureRow, ...]


def currency_for(country: str) -> str:
    """The currency in which somebody of a country is shown prices first."""
    return _OF_COUNTRY.get(country.upper(), str(settings.PAYMENT_CURRENCY))


def feature_rows(plan: PlanView) -> tuple[FeatureRow, ...]:
    """What a plan holds, feature by feature."""
    rows = []
    for key, kind in FEATURES.items():
        limit = plan.limit(key)
        if kind.is_switch:
            value = "Included" if limit else "Not included"
        else:
            value = "Unlimited" if limit == UNLIMITED else f"{limit:,}"
            if limit > 0 and kind.period == "ever":
                value += " in all"
        rows.append(FeatureRow(kind.label, value, limit != 0))
    return tuple(rows)


def plan_cards(plans: list[PlanView], currency: str, interval: str) -> list[PlanCard]:
    """Plans with their price in a currency and a rhythm."""
    cards = []
    for plan in plans:
        price = plan.price(currency, interval)
        monthly = 0 if price is None else price.amount_minor // (12 if interval == "year" else 1)
        cards.append(PlanCard(plan, price, monthly, feature_rows(plan)))
    return cards


def money_context(currency: str = "") -> dict[str, Any]:
    """Whether money is real here: no provider, only the sandbox, or a real one."""
    ways = registry.available(can=Can.PAY, currency=currency or str(settings.PAYMENT_CURRENCY))
    return {"can_pay": bool(ways), "is_sandbox": bool(ways) and all(way.is_simulated for way in ways)}
