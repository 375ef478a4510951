"""A verdict judged again at corrected prices: its own evidence, revalued exactly, through the same function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from core.errors import Invalid
from core.money import exponent
from trading.domain.rules.facts import Closing, Observation, PositionFact
from trading.domain.rules.verdicts import Verdict
from trading.domain.rules.verify import UNREADABLE, recompute
from trading.domain.rules.wire import decode, encode
from trading.domain.types import plain


def reevaluate(data: Mapping[str, Any], prices: Mapping[str, Decimal]) -> list[Verdict]:
    """What the rules find on a verdict's evidence at other prices by symbol (in the instruments' currencies).

    Each position is worth round_half_even(quantity x price x fx), equity is the balance plus what is unrealised; a
    closing moves by as much as the equity. The rest of the evidence stays, so without prices the verdicts are those
    that were given. Raises Invalid: `price_invalid` (not above zero), `symbol_not_in_evidence`, `not_priced` (the
    evidence holds no position), `evidence_unreadable`.
    """
    for symbol, price in prices.items():
        if not price.is_finite() or price <= 0:
            raise Invalid("price_invalid", f"The price of {symbol} must be above zero.", {"symbol": symbol})
    try:
        evidence = data["evidence"]
        raw = evidence["inputs"].get("observation")
        seen = None if raw is None else decode(Observation, raw)
        if seen is None or not seen.positions:
            raise Invalid("not_priced", "This verdict was not given on the prices of positions.")
        missing = sorted(set(prices) - {held.symbol for held in seen.positions})
        if missing:
            text = f"{missing[0]} is not among the positions of this verdict."
            raise Invalid("symbol_not_in_evidence", text, {"symbol": missing[0]})
        return recompute({**evidence, "inputs": _inputs(evidence, seen, prices)})
    except Invalid:
        raise
    except UNREADABLE as error:
        raise Invalid("evidence_unreadable", "The evidence of this verdict cannot be read.") from error


def observed_at(seen: Observation, prices: Mapping[str, Decimal], currency: str) -> Observation:
    """What was seen, at other prices by symbol: positions and equity anew, the balance as it was."""
    places = exponent(currency)
    positions = tuple(
        _valued(held, prices[held.symbol], places) if held.symbol in prices else held for held in seen.positions
    )
    equity = seen.balance_minor + sum(held.profit_minor for held in positions)
    return replace(seen, equity_minor=equity, positions=positions)


def _inputs(evidence: Mapping[str, Any], seen: Observation, prices: Mapping[str, Decimal]) -> dict[str, Any]:
    if not prices:
        return dict(evidence["inputs"])
    corrected = observed_at(seen, prices, evidence["state"]["currency"])
    inputs = {**evidence["inputs"], "observation": encode(corrected)}
    if "closing" in inputs:
        closing = decode(Closing, inputs["closing"])
        moved = closing.equity_minor + corrected.equity_minor - seen.equity_minor
        inputs["closing"] = encode(replace(closing, equity_minor=moved))
    return inputs


def _valued(held: PositionFact, price: Decimal, places: int) -> PositionFact:
    value = round(Fraction(held.quantity) * Fraction(price) * Fraction(held.fx) * 10**places)
    if price == held.price and value == held.value_minor:
        return held
    source = f"corrected, was {plain(held.price)} ({held.source})"
    return replace(held, price=price, value_minor=value, source=source)
