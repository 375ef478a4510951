"""What is at stake in a contest: its fee, its pool, its prizes, and who gets how much. Pure; amounts in minor units.

The pool is what entrants have paid without tax, less the house's share, and what a sponsor has added. Fixed prizes are
paid from what was added; the shares are of the rest. When fewer people are ranked than there are prizes, the shares of
the places that nobody took go to those that were, in proportion. Agents take no prize: prizes go by the place among
people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from core.errors import Invalid
from payments.domain.amounts import shared

BASIS = 10_000
MOST_PRIZES, MOST_PLACES = 50, 10_000
MOST_MINOR = 10**12
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Prize:
    """What each of the places `first` to `last` gets: an amount or a share of the pool in basis points, and a badge."""

    first: int
    last: int
    amount_minor: int = 0
    share_bp: int = 0
    badge: str = ""

    @property
    def places(self) -> int:
        """How many get it."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Stakes:
    """Fee and prizes of a contest, in one currency. `house_bp`: the house's share of each fee.

    `added_minor` is put into the pool by the house or a sponsor; `dispute_hours` lie between the end and the prizes.
    """

    currency: str = ""
    fee_minor: int = 0
    house_bp: int = 0
    added_minor: int = 0
    sponsor: str = ""
    prizes: tuple[Prize, ...] = ()
    dispute_hours: int = 24

    def __bool__(self) -> bool:
        """Whether money is at stake."""
        return bool(self.fee_minor or self.added_minor or self.prizes)

    @property
    def fixed_minor(self) -> int:
        """What the fixed prizes come to when every place is taken."""
        return sum(prize.amount_minor * prize.places for prize in self.prizes)

    @property
    def shares_bp(self) -> int:
        """What the shares come to."""
        return sum(prize.share_bp * prize.places for prize in self.prizes)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Stakes:
        """Read and check; unknown names are refused, so that a typo never means 'no fee'. Raises Invalid."""
        unknown = sorted(set(data) - {item.name for item in fields(cls)})
        _require(not unknown, unknown[0] if unknown else "", "There is no such field of what is at stake.")
        found = data.get("prizes") or []
        _require(isinstance(found, list) and len(found) <= MOST_PRIZES, "prizes", f"At most {MOST_PRIZES} prizes.")
        return cls(
            currency=str(data.get("currency") or "").strip().upper(),
            fee_minor=_whole(data, "fee_minor", MOST_MINOR),
            house_bp=_whole(data, "house_bp", BASIS),
            added_minor=_whole(data, "added_minor", MOST_MINOR),
            sponsor=" ".join(str(data.get("sponsor") or "").split())[:80],
            prizes=tuple(_prize(row) for row in found),
            dispute_hours=_whole(data, "dispute_hours", 24 * 30, other=24),
        ).checked()

    def checked(self) -> Stakes:
        """Itself; raises Invalid with the field that does not fit the others."""
        if not self:
            return self
        _require(bool(_CURRENCY.fullmatch(self.currency)), "currency", "Name the currency of fee and prizes.")
        ends = 0
        for prize in sorted(self.prizes, key=lambda one: one.first):
            _require(prize.first > ends, "prizes", "Two prizes are for one place.")
            ends = prize.last
        _require(self.shares_bp <= BASIS, "prizes", "The shares of the pool come to more than 100 %.")
        _require(
            self.fixed_minor <= self.added_minor, "prizes", "Fixed prizes are more than what was put into the pool."
        )
        has_shared = bool(self.fee_minor and self.house_bp < BASIS) or self.added_minor > self.fixed_minor
        _require(not has_shared or self.shares_bp > 0, "prizes", "Say who gets what comes into the pool.")
        return self

    def to_json(self) -> dict[str, Any]:
        """Canonical; empty when nothing is at stake."""
        if not self:
            return {}
        rows = [
            {name: value for name in ("first", "last", "amount_minor", "share_bp", "badge")
             if (value := getattr(prize, name))}
            for prize in self.prizes
        ]  # fmt: skip
        rest = {
            item.name: getattr(self, item.name) for item in fields(self) if item.name not in ("prizes", "dispute_hours")
        }
        return {**{name: value for name, value in rest.items() if value}, "prizes": rows,
                "dispute_hours": self.dispute_hours}  # fmt: skip


NOTHING = Stakes()


@dataclass(frozen=True, slots=True)
class Award:
    """What one place gets."""

    place: int
    amount_minor: int
    badge: str = ""


def awards(stakes: Stakes, *, pool_minor: int, ranked: int) -> list[Award]:
    """What each of `ranked` places gets of a pool; never more than is in it. A badge may come without money."""
    places = [(place, prize) for prize in stakes.prizes for place in range(prize.first, min(prize.last, ranked) + 1)]
    left = max(0, pool_minor)
    fixed: dict[int, int] = {}
    for place, prize in sorted(places, key=lambda item: item[0]):
        fixed[place] = min(prize.amount_minor, left)
        left -= fixed[place]
    weights = [prize.share_bp for _, prize in places]
    parts = [0] * len(places)
    if sum(weights):
        # All shares together are of what is left; those of places that nobody took go to the others.
        parts = shared(left * stakes.shares_bp // BASIS, weights)
    return [
        Award(place, fixed[place] + part, prize.badge)
        for (place, prize), part in sorted(zip(places, parts, strict=True), key=lambda item: item[0][0])
    ]


def _prize(data: Any) -> Prize:
    _require(isinstance(data, Mapping), "prizes", "A prize names its places and what they get.")
    unknown = sorted(set(data) - {item.name for item in fields(Prize)})
    _require(not unknown, "prizes", f"There is no such field of a prize: {', '.join(unknown)}.")
    first = _whole(data, "first", MOST_PLACES)
    made = Prize(
        first=first,
        last=_whole(data, "last", MOST_PLACES, other=first),
        amount_minor=_whole(data, "amount_minor", MOST_MINOR),
        share_bp=_whole(data, "share_bp", BASIS),
        badge=" ".join(str(data.get("badge") or "").split())[:40],
    )
    _require(1 <= made.first <= made.last, "prizes", "A prize is for places from 1 on, the first before the last.")
    what = bool(made.amount_minor) + bool(made.share_bp)
    _require(what == 1 or (not what and bool(made.badge)), "prizes", "A prize is an amount, a share or a badge.")
    return made


def _whole(data: Mapping[str, Any], name: str, most: int, *, other: int = 0) -> int:
    value = data.get(name)
    if value is None or value == "":
        return other
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    _require(is_whole and 0 <= value <= most, name, f"{name} is a whole number from 0 to {most:,}.")
    return int(value)


def _require(holds: bool, field: str, message: str) -> None:
    if not holds:
        raise Invalid("invalid_stakes", message, {"field": field})
