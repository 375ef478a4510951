"""Prizes as people write them, a line each: `1: 50%`, `2-3: 10%`, `1: 250.00 Gold badge`, `4-10: Finisher`. Pure."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from contests.domain.stakes import Prize
from core.errors import Invalid
from core.money import to_major, to_minor

_LINE = re.compile(r"(?P<first>\d{1,5})(?:\s*-\s*(?P<last>\d{1,5}))?\s*:\s*(?P<what>.+)")
_WHAT = re.compile(r"(?P<number>[\d,]+(?:\.\d+)?)\s*(?P<percent>%)?\s*(?P<badge>.*)")


def prizes_read(text: str, currency: str) -> list[dict[str, Any]]:
    """The lines as contests.domain.stakes reads them. Raises Invalid `invalid_stakes`."""
    return [_read(line.strip(), currency) for line in text.splitlines() if line.strip()]


def _read(line: str, currency: str) -> dict[str, Any]:
    found = _LINE.fullmatch(line)
    if found is None:
        raise _bad(line)
    made: dict[str, Any] = {"first": int(found["first"]), "last": int(found["last"] or found["first"])}
    what = _WHAT.fullmatch(found["what"].strip())
    if what is None:
        return made | {"badge": found["what"].strip()}
    try:
        number = Decimal(what["number"].replace(",", ""))
        if what["percent"]:
            made["share_bp"] = int(number * 100)
        else:
            made["amount_minor"] = to_minor(number, currency)
    except (InvalidOperation, KeyError, ValueError) as error:
        raise _bad(line) from error
    if what["badge"].strip():
        made["badge"] = what["badge"].strip()
    return made


def _bad(line: str) -> Invalid:
    return Invalid(
        "invalid_stakes",
        f'Write prizes as "1: 50%", "2-3: 100.00" or "4-10: Finisher", a line each; not "{line[:40]}".',
        {"field": "prizes"},
    )


def places_words(first: int, last: int) -> str:
    """Places as they read: "1", "2 to 3"."""
    return str(first) if first == last else f"{first} to {last}"


def amount_words(minor: int, currency: str) -> str:
    """An amount: "1,250.00 USD"."""
    return f"{to_major(minor, currency):,f} {currency}"


def percent_words(basis_points: int) -> str:
    """Basis points: "12.5%"."""
    return f"{(Decimal(basis_points) / 100).normalize():f}%"


def prize_words(prize: Prize, currency: str) -> str:
    """What a prize is, for each of its places."""
    if prize.share_bp:
        return _listed(f"{percent_words(prize.share_bp)} of the pool", prize.badge)
    return won_words(prize.amount_minor, currency, prize.badge)


def won_words(minor: int, currency: str, badge: str) -> str:
    """What somebody has won: an amount, a badge, or both."""
    return _listed(amount_words(minor, currency) if minor else "", badge)


def _listed(*parts: str) -> str:
    return " and ".join(filter(None, parts))
