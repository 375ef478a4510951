"""What a fill is worth in the account's money: notional and charges, each rounded once. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.money import to_major, to_minor
from trading.domain import fees
from trading.domain.positions import ZERO
from trading.domain.snapshot import Instrument
from trading.domain.types import Side


@dataclass(frozen=True, slots=True)
class Rates:
    """What charges depend on beside the fill: the schedule, the account's product and the trade date."""

    schedule: str
    product: str
    on: date
    currency: str


@dataclass(frozen=True, slots=True)
class Worth:
    """Minor units of the account's currency; `native_minor` is the notional in the instrument's."""

    notional_minor: int
    fee_minor: int
    charges: tuple[fees.Charge, ...]
    native_minor: int


def worth(
    side: Side,
    quantity: Decimal,
    price: Decimal,
    instrument: Instrument,
    rates: Rates,
    *,
    filled_quantity: Decimal = ZERO,
    filled_native_minor: int = 0,
) -> Worth:
    """Notional and charges of a fill. What the order has filled before counts towards minima and caps of the order."""
    native = to_minor(quantity * price, instrument.currency)
    case = fees.FeeCase(
        side=side,
        quantity=quantity,
        price=price,
        notional_minor=native,
        currency=instrument.currency,
        on=rates.on,
        exchange=instrument.exchange,
        product=rates.product,
        filled_quantity=filled_quantity,
        filled_notional_minor=filled_native_minor,
    )
    found = fees.charges(rates.schedule, case)
    if instrument.currency == rates.currency:
        return Worth(native, fees.total(found), found, native)
    converted = tuple(
        fees.Charge(item.kind, to_minor(to_major(item.minor, instrument.currency) * instrument.fx, rates.currency))
        for item in found
    )
    notional = to_minor(quantity * price * instrument.fx, rates.currency)
    return Worth(notional, fees.total(converted), converted, native)


def value_minor(quantity: Decimal, price: Decimal, instrument: Instrument, currency: str) -> int:
    """A position at a price, signed, in minor units of the account's currency."""
    return to_minor(quantity * price * instrument.fx, currency)
