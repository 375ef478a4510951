"""Charges of a fill, by kind, from dated schedules (`trading.domain.schedules`, docs/fees.md). Pure and exact.

Minima, maxima and rounding belong to the order. A fill pays what the order owes with it minus what it owed without
it, so the parts of an order pay exactly what the whole pays; nothing is ever negative. `bps:` and `pct:` are plain
commissions that each fill pays on its own exact notional.

A schedule's name: "none", "bps:<basis points>", "pct:<percent>", "us", "in", or a market with a commission of its own:
"us:share=0.005,min=1,max_pct=1". Terms: share, order, bps, min, max (currency), max_pct (percent of the order).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from functools import lru_cache

from core.errors import DomainError
from core.money import exponent, to_major, to_minor
from trading.domain.schedules import MARKETS, Line, Market, pick
from trading.domain.schedules.lines import BEGINNING, ZERO
from trading.domain.schedules.words import describe_line, label
from trading.domain.types import Side

_NUMBER = re.compile(r"\d{1,9}(\.\d{1,10})?")
_TERMS = frozenset({"share", "order", "bps", "min", "max", "max_pct"})


@dataclass(frozen=True, slots=True)
class Charge:
    """One charge of a fill: its kind (see `words.LABELS`) and integer minor units of the case's currency."""

    kind: str
    minor: int


@dataclass(frozen=True, slots=True)
class FeeCase:
    """A fill to be charged. Price and money are in `currency`, the instrument's; `notional_minor` is the fill's.

    `filled_*`: what the same order filled before this fill. `product`: "delivery" or "intraday".
    """

    side: Side
    quantity: Decimal
    price: Decimal
    notional_minor: int
    currency: str
    on: date
    exchange: str = ""
    product: str = "delivery"
    filled_quantity: Decimal = ZERO
    filled_notional_minor: int = 0


@dataclass(frozen=True, slots=True)
class _Schedule:
    lines: tuple[Line, ...]
    market: Market | None


def schedule_names() -> tuple[str, ...]:
    """The forms a schedule's name can have."""
    markets = sorted(MARKETS)
    own = (f"{name}:<commission>" for name in markets)
    return ("none", "bps:<basis points>", "pct:<percent>", *markets, *own)


def _unknown(name: str, why: str) -> DomainError:
    forms = ", ".join(schedule_names())
    return DomainError("fee_schedule_unknown", f"{why} Use one of: {forms}.", {"schedule": name})


def _number(name: str, text: str, most: int) -> Decimal:
    if not _NUMBER.fullmatch(text) or Decimal(text) > most:
        raise _unknown(name, f"'{text[:40]}' is not a number from 0 to {most}.")
    return Decimal(text)


def _own_commission(name: str, spec: str, kind: str) -> Line:
    terms: dict[str, Decimal] = {}
    for part in spec.split(","):
        key, _, text = part.partition("=")
        if key not in _TERMS or key in terms:
            raise _unknown(name, f"'{part[:40]}' is not a term of a commission.")
        terms[key] = _number(name, text, {"bps": 10_000, "max_pct": 100}.get(key, 1_000_000))
    most_percent = terms.get("max_pct")
    return Line(
        kind,
        BEGINNING,
        "this account's schedule",
        rate=terms.get("bps", ZERO) / 10_000,
        per_unit=terms.get("share", ZERO),
        per_order=terms.get("order", ZERO),
        least=terms.get("min", ZERO),
        most=terms.get("max"),
        most_rate=None if most_percent is None else most_percent / 100,
    )


@lru_cache(maxsize=256)
def _schedule(name: str) -> _Schedule:
    if name == "none":
        return _Schedule((), None)
    head, colon, spec = name.partition(":")
    if head in {"bps", "pct"}:
        divisor, most = (10_000, 10_000) if head == "bps" else (100, 100)
        rate = _number(name, spec, most) / divisor
        line = Line("commission", BEGINNING, "this account's schedule", rate=rate, each_fill=True)
        return _Schedule((line,), None)
    market = MARKETS.get(head)
    if market is None:
        raise _unknown(name, f"There is no fee schedule '{name[:40]}'.")
    if not colon:
        return _Schedule(market.lines, market)
    kind = "brokerage" if any(line.kind == "brokerage" for line in market.lines) else "commission"
    kept = tuple(line for line in market.lines if line.kind != kind)
    return _Schedule((_own_commission(name, spec, kind), *kept), market)


def check_schedule(name: str) -> None:
    """Raise DomainError `fee_schedule_unknown` when `name` is not a schedule: for forms and rule sets."""
    _schedule(name)


@lru_cache(maxsize=4096)
def _lines(name: str, side: Side | None, exchange: str, product: str, on: date, live: bool) -> tuple[Line, ...]:
    schedule = _schedule(name)
    market = schedule.market
    if market is not None:
        if market.exchanges and exchange not in market.exchanges:
            raise DomainError(
                "fee_exchange_unknown",
                f"The charges of {market.title} are known for {', '.join(sorted(market.exchanges))}.",
                {"exchange": exchange},
            )
        exchange = market.exchanges.get(exchange, exchange)
        if market.products and product not in market.products:
            raise DomainError("fee_product_unknown", f"Use one of: {', '.join(market.products)}.", {"product": product})
    return pick(schedule.lines, side, exchange, product, on, live=live)


def _rounded(amount: Decimal, line: Line, currency: str) -> int:
    if line.rounding == "half_even":
        return to_minor(amount, currency)
    if line.rounding == "up":
        return int(amount.scaleb(exponent(currency)).to_integral_value(rounding=ROUND_CEILING))
    return to_minor(amount.to_integral_value(rounding=ROUND_HALF_UP), currency)


def _owed(lines: tuple[Line, ...], quantity: Decimal, notional_minor: int, currency: str) -> list[int]:
    """What an order that filled so much owes in all, by line. Every step is monotone, so this never falls."""
    if not quantity:
        return [0] * len(lines)
    notional = to_major(notional_minor, currency)
    owed: list[int] = []
    totals: dict[str, int] = {}
    for line in lines:
        if line.taxes:
            base = sum(totals.get(kind, 0) for kind in line.taxes)
            minor = int((base * line.rate).to_integral_value(rounding=ROUND_HALF_EVEN))
        elif line.is_free or line.each_fill:
            minor = 0
        else:
            amount = line.rate * notional + line.per_unit * quantity + line.per_order
            amount = max(amount, line.least)
            if line.most is not None:
                amount = min(amount, line.most)
            if line.most_rate is not None:
                amount = min(amount, line.most_rate * notional)
            minor = _rounded(amount, line, currency)
        owed.append(minor)
        totals[line.kind] = totals.get(line.kind, 0) + minor
    return owed


def charges(schedule: str, case: FeeCase, *, live: bool = False) -> tuple[Charge, ...]:
    """What the fill pays: the charges that are not zero, in the schedule's order.

    `live` (a real venue) refuses a day before a schedule's first dated line (`fee_schedule_not_dated`); a simulated
    fill of old history pays the earliest known rate. Raises DomainError: `fee_schedule_unknown`,
    `fee_exchange_unknown`, `fee_product_unknown`, `fee_currency_mismatch`; ValueError on a quantity not above zero.
    """
    if case.quantity <= 0 or case.filled_quantity < 0 or case.notional_minor < 0 or case.filled_notional_minor < 0:
        raise ValueError("a fill has a positive quantity, and no amount below zero")
    lines = _lines(schedule, case.side, case.exchange, case.product, case.on, live)
    if not lines:
        return ()
    market = _schedule(schedule).market
    if market is not None and case.currency != market.currency:
        raise DomainError(
            "fee_currency_mismatch",
            f"The charges of {market.title} are in {market.currency}, this order is in {case.currency}.",
            {"schedule": schedule, "currency": case.currency},
        )
    before = _owed(lines, case.filled_quantity, case.filled_notional_minor, case.currency)
    quantity = case.filled_quantity + case.quantity
    after = _owed(lines, quantity, case.filled_notional_minor + case.notional_minor, case.currency)
    found = []
    for line, was, now in zip(lines, before, after, strict=True):
        minor = now - was
        if line.each_fill:
            minor = to_minor(case.quantity * case.price * line.rate, case.currency)
        if minor:
            found.append(Charge(line.kind, minor))
    return tuple(found)


def total(found: tuple[Charge, ...]) -> int:
    """The sum of charges, minor units."""
    return sum(charge.minor for charge in found)


def describe(schedule: str, on: date, exchange: str = "", product: str = "delivery") -> list[str]:
    """The schedule of that day in plain words, a sentence a charge, from the lines that charge it."""
    market = _schedule(schedule).market
    currency = market.currency if market else ""
    lines = _lines(schedule, None, exchange, product, on, False)
    words = [describe_line(line, currency, on) for line in lines]
    if not any(line.kind in {"commission", "brokerage"} for line in lines):
        words.insert(0, f"{label('commission')}: none.")
    return words
