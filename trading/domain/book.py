"""The columnar book: cash and positions of a market's accounts as arrays, marked exactly in int64. Pure.

Equity = cash + sum over positions of round_half_even(quantity x price), each position rounded once: the same
integers as trading.domain.marking. One book is one account currency; a listing in another currency is given its price
times the FX rate. Sharding by account is the caller's.

Layout: an account is a slot; layer k holds every slot's k-th position (quantity units and a price column), so a mark
is a few passes over contiguous memory and a fill changes one cell. Positions beyond the layers lie in an overflow list
until enough slots have one to be worth a layer. Quantities that are no whole number of units, and products that int64
could not hold, go through exact fractions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from trading.domain.marking import Ints, scaled

_PRODUCT_BITS = 62
_VALUE_BITS = 52
_MOST_UNITS = 2**40
_MOST_PLACES = 12
NO_PROFIT = 2**63 - 1
Cell = tuple[int, int]


class Book:
    """Accounts of one market and currency. `exponent`: places of the minor unit; a unit is 10**-quantity_places."""

    def __init__(self, *, exponent: int = 2, quantity_places: int = 0, capacity: int = 1024, layers: int = 4) -> None:
        self._exponent, self._places = exponent, quantity_places
        self._slots: dict[int, int] = {}
        self._free: list[int] = []
        self.size = 0
        self._ids, self._cash, self._cost = (np.zeros(capacity, dtype=np.int64) for _ in range(3))
        self._quantity, self._costs = (np.zeros((layers, capacity), dtype=np.int64) for _ in range(2))
        self._column = np.zeros((layers, capacity), dtype=np.int32)
        self._columns: dict[int, int] = {}
        self._price: list[Decimal] = [Decimal(0)]
        self._price_places = [exponent]
        self._units, self._divisors = np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int64)
        self._overflow: dict[Cell, tuple[int, int]] = {}
        self._spilled: tuple[Ints, ...] | None = None
        self._exact: dict[Cell, tuple[Decimal, int]] = {}
        self._most_units = 1

    # Accounts

    def slot(self, account_id: int) -> int:
        """The account's slot. Raises KeyError."""
        return self._slots[account_id]

    @property
    def account_ids(self) -> Ints:
        """Account id by slot, 0 where a slot is free."""
        return self._ids[: self.size]

    @property
    def live(self) -> npt.NDArray[np.intp]:
        """Slots that hold an account, ascending."""
        return np.flatnonzero(self._ids[: self.size])

    @property
    def nbytes(self) -> int:
        """Memory of the arrays (the overflow and exact positions aside)."""
        arrays = (self._ids, self._cash, self._cost, self._quantity, self._costs, self._column)
        return sum(array.nbytes for array in arrays)

    def upsert_account(self, account_id: int, cash_minor: int) -> int:
        """Add an account or set its cash; its slot. Ids are positive; a freed slot is used again."""
        if account_id <= 0:
            raise ValueError("account ids are positive")
        slot = self._slots.get(account_id)
        if slot is None:
            slot = self._free.pop() if self._free else self.size
            if slot == len(self._ids):
                self._grow()
            self.size = max(self.size, slot + 1)
            self._slots[account_id] = slot
            self._ids[slot] = account_id
        self._cash[slot] = cash_minor
        return slot

    def remove_account(self, account_id: int) -> int:
        """Drop an account with its positions; the slot that is now free. Raises KeyError."""
        slot = self._slots.pop(account_id)
        for values in (self._ids, self._cash, self._cost):
            values[slot] = 0
        for cells in (self._quantity, self._costs, self._column):
            cells[:, slot] = 0
        for store in (self._overflow, self._exact):
            for cell in [cell for cell in store if cell[0] == slot]:
                del store[cell]
        self._spilled = None
        self._free.append(slot)
        return slot

    def _grow(self) -> None:
        for name in ("_ids", "_cash", "_cost", "_quantity", "_costs", "_column"):
            array = getattr(self, name)
            setattr(self, name, np.concatenate([array, np.zeros_like(array)], axis=-1))

    # Positions

    def upsert_position(self, account_id: int, listing_id: int, quantity: Decimal, cost_minor: int) -> None:
        """Set a position: signed quantity (0 removes it) and its signed open cost. Raises KeyError without account."""
        slot, column = self._slots[account_id], self._column_of(listing_id)
        self._cost[slot] += cost_minor - self._clear(slot, column)
        units = scaled(quantity, self._places)
        if not quantity:
            self._cost[slot] -= cost_minor
        elif units is None or abs(units) > _MOST_UNITS:
            self._exact[slot, column] = (quantity, cost_minor)
        else:
            self._most_units = max(self._most_units, abs(units))
            self._place(slot, column, units, cost_minor)

    def remove_position(self, account_id: int, listing_id: int) -> None:
        """Remove a position if there is one. Raises KeyError without account."""
        self.upsert_position(account_id, listing_id, Decimal(0), 0)

    def _clear(self, slot: int, column: int) -> int:
        """Empty the position's cell; the cost that lay in it."""
        here = self._column[:, slot].tolist()
        if column in here:
            layer = here.index(column)
            cost = int(self._costs[layer, slot])
            self._column[layer, slot] = self._quantity[layer, slot] = self._costs[layer, slot] = 0
            return cost
        if (slot, column) in self._overflow:
            self._spilled = None
            return self._overflow.pop((slot, column))[1]
        return self._exact.pop((slot, column), (Decimal(0), 0))[1]

    def _place(self, slot: int, column: int, units: int, cost: int) -> None:
        here = self._column[:, slot].tolist()
        if 0 in here:
            layer = here.index(0)
            self._column[layer, slot], self._quantity[layer, slot], self._costs[layer, slot] = column, units, cost
            return
        self._overflow[slot, column] = (units, cost)
        self._spilled = None
        if len(self._overflow) > max(256, len(self._slots) // 4):
            self._add_layer()

    def _add_layer(self) -> None:
        for name in ("_quantity", "_costs", "_column"):
            array = getattr(self, name)
            setattr(self, name, np.concatenate([array, np.zeros_like(array[:1])]))
        waiting, self._overflow = self._overflow, {}
        for (slot, column), (units, cost) in waiting.items():
            if self._column[-1, slot]:
                self._overflow[slot, column] = (units, cost)
            else:
                self._column[-1, slot], self._quantity[-1, slot], self._costs[-1, slot] = column, units, cost

    # Prices

    def _column_of(self, listing_id: int) -> int:
        column = self._columns.get(listing_id)
        if column is None:
            column = self._columns[listing_id] = len(self._price)
            self._price.append(Decimal(0))
            self._price_places.append(self._exponent)
            self._units = np.append(self._units, 0)
            self._divisors = np.append(self._divisors, 10**self._places)
        return column

    def set_prices(self, prices: Mapping[int, Decimal]) -> None:
        """Set the last prices of listings, in the account currency. A listing without a price counts as worthless."""
        for listing_id, price in prices.items():
            column = self._column_of(listing_id)
            if price == self._price[column]:
                continue
            self._price[column] = price
            units = scaled(price, self._price_places[column])
            if units is None:
                units = self._refine(column, price)
            # What does not fit is marked by the exact path: its column counts nothing in the arrays.
            self._units[column] = units if units is not None and abs(units) < 2**_PRODUCT_BITS else NO_PROFIT

    def _refine(self, column: int, price: Decimal) -> int | None:
        """Give a column the places that its price needs, for good; None when that is too many."""
        exponent = price.normalize().as_tuple().exponent
        places = -exponent if isinstance(exponent, int) else 0
        if places > _MOST_PLACES:
            return None
        self._price_places[column] = places
        self._divisors[column] = 10 ** (places + self._places - self._exponent)
        return scaled(price, places)

    # Marks

    def mark(self, prices: Mapping[int, Decimal] | None = None) -> Ints:
        """Equity by slot in minor units (0 in free slots), after setting `prices`. Exact.

        Raises OverflowError when an equity that is beyond every bound of the platform does not fit 64 bits.
        """
        if prices:
            self.set_prices(prices)
        equity = self._cash[: self.size].copy()
        units, slow = self._usable()
        for column, quantity, _, slots in self._blocks():
            values = self._values(units, column, quantity)
            if slots is None:
                equity += values
            else:
                np.add.at(equity, slots, values)
        for slot, value, _ in self._slow(slow):
            equity[slot] = int(equity[slot]) + value
        return equity

    @property
    def cash(self) -> Ints:
        """Cash by slot, minor units."""
        return self._cash[: self.size]

    def balance(self) -> Ints:
        """Closed balance by slot: cash plus the (signed) open cost, minor units."""
        return self._cash[: self.size] + self._cost[: self.size]

    def worst(self) -> Ints:
        """The worst open position's profit by slot at the prices set, minor units; NO_PROFIT without a position."""
        found = np.full(self.size, NO_PROFIT, dtype=np.int64)
        units, slow = self._usable()
        for column, quantity, costs, slots in self._blocks():
            known = (quantity != 0) & ~slow[column]
            profit = np.where(known, self._values(units, column, quantity) - costs, NO_PROFIT)
            if slots is None:
                np.minimum(found, profit, out=found)
            else:
                np.minimum.at(found, slots, profit)
        for slot, value, cost in self._slow(slow):
            found[slot] = min(int(found[slot]), value - cost)
        return found

    def _usable(self) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """(price units by column, 0 where unusable; which columns must be marked exactly)."""
        # A product is below 2**62 before rounding and a value below 2**52 after, so that a thousand of them add up.
        room = np.minimum(self._divisors, 2 ** (_PRODUCT_BITS - _VALUE_BITS)) * 2**_VALUE_BITS
        slow = np.abs(self._units) > room // self._most_units
        return np.where(slow, 0, self._units), slow

    def _blocks(self) -> Iterator[tuple[npt.NDArray[np.int32], Ints, Ints, Ints | None]]:
        """(columns, quantities, costs, slots) of each layer, slots None meaning all in order; then of the overflow."""
        for layer in range(len(self._column)):
            here = slice(0, self.size)
            yield self._column[layer, here], self._quantity[layer, here], self._costs[layer, here], None
        if self._overflow:
            if self._spilled is None:
                rows = np.array([(*cell, *held) for cell, held in self._overflow.items()], dtype=np.int64)
                self._spilled = (rows[:, 1].astype(np.int32), rows[:, 2].copy(), rows[:, 3].copy(), rows[:, 0].copy())
            yield self._spilled  # type: ignore[misc]

    def _values(self, units: Ints, column: npt.NDArray[np.int32], quantity: Ints) -> Ints:
        values = np.take(units, column, mode="clip")
        values *= quantity
        divisors = np.unique(self._divisors[1:])
        if not len(divisors) or divisors[-1] == 1:
            return values
        return half_even(values, divisors[0] if len(divisors) == 1 else np.take(self._divisors, column, mode="clip"))

    def _slow(self, slow: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int, int]]:
        """(slot, value, cost) of every position that int64 cannot mark, by exact fractions."""
        if slow.any():
            for column, quantity, costs, slots in self._blocks():
                for index in np.flatnonzero(slow[column] & (quantity != 0)).tolist():
                    held = Fraction(int(quantity[index]), 10**self._places)
                    slot = index if slots is None else int(slots[index])
                    yield slot, self._exactly(held, int(column[index])), int(costs[index])
        for (slot, named), (amount, cost) in self._exact.items():
            yield slot, self._exactly(Fraction(amount), named), cost

    def _exactly(self, quantity: Fraction, column: int) -> int:
        return round(quantity * Fraction(self._price[column]) * Fraction(10) ** self._exponent)


def half_even(values: Ints, divisor: Ints | np.int64) -> Ints:
    """values / divisor rounded half-even, exact; `divisor` positive, one or one per value."""
    whole = values // divisor
    twice = (values - whole * divisor) * 2
    whole += (twice > divisor) | ((twice == divisor) & (whole & 1 == 1))
    return whole


@dataclass(frozen=True, slots=True)
class Ties:
    """How equal scores are told apart: `rows` lists row indexes in tie order, `place` is its inverse.

    `group` numbers the rows so that rows equal in every key share a number.
    """

    rows: npt.NDArray[np.intp]
    place: Ints
    group: Ints


def tie_order(*keys: Ints) -> Ties:
    """Ties by keys, the first deciding first, smaller values before larger. Keep it until a key changes."""
    number = len(keys[0])
    rows = np.lexsort((np.arange(number), *reversed(keys)))
    new = np.zeros(number, dtype=bool)
    for key in keys:
        new[1:] |= key[rows[1:]] != key[rows[:-1]]
    place, group = np.empty(number, dtype=np.int64), np.empty(number, dtype=np.int64)
    place[rows] = np.arange(number)
    group[rows] = np.cumsum(new)
    return Ties(rows, place, group)


def ranks(scores: Ints, ties: Ties | None = None) -> tuple[npt.NDArray[np.intp], Ints]:
    """(order, rank): row indexes from first to last, and each row's place by competition ranking (1, 2, 2, 4).

    Higher scores come first, `ties` tells equal ones apart. Rows equal in all share a place and stand in row order.
    Exact: integers are compared, never floats.
    """
    number = len(scores)
    if not number:
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.int64)
    order, new = _descending(scores, ties)
    if ties is not None and not new.all():
        tied = np.flatnonzero(~new)
        new[tied] = ties.group[order[tied]] != ties.group[order[tied - 1]]
    rank = np.empty(number, dtype=np.int64)
    rank[order] = _places(new)
    return order, rank


def _places(new: npt.NDArray[np.bool_]) -> Ints:
    return np.maximum.accumulate(np.where(new, np.arange(1, len(new) + 1, dtype=np.int64), 0))


def _descending(scores: Ints, ties: Ties | None) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """(row indexes by falling score, then by tie order; where a score differs from the one before).

    One sort of score and place packed in 63 bits when they fit, which is several times faster than sorting indexes.
    """
    number = len(scores)
    place = np.arange(number, dtype=np.int64) if ties is None else ties.place
    new = np.ones(number, dtype=bool)
    bits = max(number - 1, 1).bit_length()
    top, least = int(scores.max()), int(scores.min())
    if (top - least).bit_length() + bits > 63:
        order = np.lexsort((place, ~scores))
        ordered = scores[order]
        np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
        return order, new
    packed = top - scores
    packed <<= bits
    packed |= place
    packed.sort()
    found = packed & ((1 << bits) - 1)
    packed >>= bits
    np.not_equal(packed[1:], packed[:-1], out=new[1:])
    return (found if ties is None else ties.rows[found]), new
