"""Positions as their history makes them: fills and corporate actions, replayed in order, against what is stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.db import connection, transaction

from core.services import audit
from trading import locks
from trading.domain import corporate
from trading.domain.adjusting import Effect, effect_again
from trading.domain.corporate import FillStep
from trading.domain.positions import Holding
from trading.domain.rows import position_row
from trading.domain.types import Actor, plain
from trading.models import Account, BookChange

_CHUNK = 20_000
# Every fill and every action that changed a position, position by position, each in the order in which it counts.
_HISTORY = """
SELECT account_id, listing_id, market_at, rank, id, kind, quantity, notional_minor, details FROM (
    SELECT account_id, listing_id, market_at, 1 AS rank, id, side AS kind, quantity, notional_minor,
        NULL::jsonb AS details FROM trading_fill
    UNION ALL
    SELECT account_id, listing_id, market_at, 0, id, kind, 0, 0, details
    FROM trading_adjustment WHERE kind IN ('split', 'delisting')) s
WHERE (%(account)s::bigint IS NULL OR account_id = %(account)s)
    AND (%(group)s::bigint IS NULL
        OR account_id IN (SELECT id FROM trading_account WHERE group_id = %(group)s))
    AND (%(listing)s::bigint IS NULL OR listing_id = %(listing)s)
    AND (NOT %(adjusted)s OR (account_id, listing_id) IN (
        SELECT account_id, listing_id FROM trading_adjustment WHERE kind IN ('split', 'delisting')))
ORDER BY account_id, listing_id, market_at, rank, id
"""
_STORED = """
SELECT p.account_id, p.listing_id, p.quantity, p.cost_minor, p.realized_minor, p.reserved_quantity
FROM trading_position p WHERE (%(account)s::bigint IS NULL OR p.account_id = %(account)s)
    AND (NOT %(adjusted)s OR (p.account_id, p.listing_id) IN (
        SELECT account_id, listing_id FROM trading_adjustment WHERE kind IN ('split', 'delisting')))
"""
_PROMISED = """
SELECT account_id, listing_id, sum(reserved_quantity) FROM trading_order
WHERE status IN ('accepted', 'triggered', 'partially_filled') AND reserved_quantity > 0
    AND (%(account)s::bigint IS NULL OR account_id = %(account)s)
GROUP BY account_id, listing_id
"""
_CASH = """
SELECT a.id, coalesce(sum(p.amount_minor), 0)::bigint FROM trading_account a
LEFT JOIN core_posting p ON p.account_id = a.ledger_account_id WHERE a.group_id = %(group)s GROUP BY a.id
"""
_FILLS = """
SELECT f.id, f.account_id, f.listing_id, f.side, f.quantity, f.price, f.fee_minor, f.market_at
FROM trading_fill f JOIN trading_account a ON a.id = f.account_id WHERE a.group_id = %(group)s ORDER BY f.id
"""
_Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """A position that is not what its history says. Quantities signed, amounts in minor units."""

    account_id: int
    listing_id: int
    stored: Holding
    rebuilt: Holding

    def __str__(self) -> str:
        return f"account {self.account_id}, listing {self.listing_id}: {_words(self.stored)}; is {_words(self.rebuilt)}"


def _words(holding: Holding) -> str:
    return (
        f"{plain(holding.quantity)} at {holding.cost_minor}, realised {holding.realized_minor}, "
        f"promised {plain(holding.reserved_quantity)}"
    )


def _step(row: tuple[Any, ...]) -> FillStep | Effect:
    _, listing_id, at, rank, _, kind, quantity, notional, details = row
    if rank:
        return FillStep(kind, quantity, notional)
    data = json.loads(details) if isinstance(details, str) else details
    return effect_again(kind, listing_id, at, data)


def steps_of(account_id: int, listing_id: int) -> list[tuple[datetime, FillStep | Effect]]:
    """The history of a position: (market time, step), in the order in which it counts.

    An action comes before the trades of its open.
    """
    values = {"account": account_id, "listing": listing_id, "adjusted": False, "group": None}
    return [(row[2], _step(row)) for row in _rows(_HISTORY, values)]


def _histories(values: dict[str, Any]) -> Iterator[tuple[_Key, Holding]]:
    """Each position's key and its holding from history, a chunk of rows at a time."""

    def rows() -> Iterator[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(_HISTORY, values)
            while chunk := cursor.fetchmany(_CHUNK):
                yield from chunk

    for key, steps in groupby(rows(), key=lambda row: (row[0], row[1])):
        yield key, corporate.replay(_step(row) for row in steps)


def _rows(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def positions_check(*, account_id: int | None = None, adjusted_only: bool = False) -> tuple[int, list[Difference]]:
    """How many positions were rebuilt, and those that differ from what is stored.

    `adjusted_only`: those alone that a split or a delisting has changed (sums do for the others).
    """
    values = {"account": account_id, "listing": None, "adjusted": adjusted_only, "group": None}
    promised = {(row[0], row[1]): Decimal(row[2]) for row in _rows(_PROMISED, values)}
    stored = {
        (row[0], row[1]): Holding(row[2], row[5], row[3], row[4])  # quantity, promised, cost, realised
        for row in _rows(_STORED, values)
    }
    rebuilt = dict(_histories(values))
    found = []
    for key in sorted(set(stored) | set(rebuilt)):
        bare = rebuilt.get(key, Holding())
        right = Holding(bare.quantity, promised.get(key, Decimal(0)), bare.cost_minor, bare.realized_minor)
        if stored.get(key, Holding()) != right:
            found.append(Difference(key[0], key[1], stored.get(key, Holding()), right))
    return len(set(stored) | set(rebuilt)), found


def group_holdings(group_id: int) -> dict[_Key, Decimal]:
    """Every position of a group's accounts from its history: signed quantity by (account id, listing id)."""
    values = {"account": None, "listing": None, "adjusted": False, "group": group_id}
    return {key: holding.quantity for key, holding in _histories(values) if holding.quantity}


def group_cash(group_id: int) -> dict[int, int]:
    """The cash of a group's accounts from their journals, in minor units."""
    return {row[0]: int(row[1]) for row in _rows(_CASH, {"group": group_id})}


def group_fills(group_id: int) -> Iterator[tuple[Any, ...]]:
    """Every fill of a group, in order: id, account, listing, side, quantity, price, fee, market time."""
    with connection.cursor() as cursor:
        cursor.execute(_FILLS, {"group": group_id})
        while chunk := cursor.fetchmany(_CHUNK):
            yield from chunk


def position_fix(*, actor: Actor, difference: Difference, reason: str) -> bool:
    """Store what a position's history says, under its account's lock; False when it agrees by now. Audited."""
    account_id, listing_id = difference.account_id, difference.listing_id
    with transaction.atomic(durable=True):
        Account.objects.select_for_update(no_key=True).get(pk=account_id)
        _, found = positions_check(account_id=account_id)
        now = next((item for item in found if item.listing_id == listing_id), None)
        if now is None:
            return False
        frame = {"account_id": account_id, "steps": [], "events": []}
        locks.plan_apply({**frame, "position": position_row(listing_id, now.rebuilt)})
        # No journal tells of it to who keeps accounts in memory.
        BookChange.objects.create(account_id=account_id)
        audit.record(
            actor=actor,
            action="position_rebuilt",
            subject_type="account",
            subject_id=account_id,
            before={"listing_id": listing_id, "position": _words(now.stored)},
            after={"listing_id": listing_id, "position": _words(now.rebuilt)},
            reason=reason,
        )
    return True
