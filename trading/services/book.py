"""The accounts of a market in memory, as columns: loaded once, then kept up with by what has changed, exactly.

**What has changed** is asked of the database by its own notion of time. Every look first takes a snapshot
(pg_current_snapshot) and then reads; the next look reads again every account with a journal, or a BookChange, whose
transaction that snapshot did not see. A transaction that commits late is so found whenever it commits, and what is read
twice is read right twice. Accounts and groups that were closed are taken out.

The book is no truth: it is rebuilt when it was not looked at for a while, when ticks were missed (another process had
the market), when anything failed halfway, and inside a transaction, where its own changes cannot be told apart.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import numpy as np
from django.db import connection

from core.money import exponent
from marketdata import selectors as market_selectors
from marketdata.domain.types import MarketView, Tick
from trading.domain.book import Book
from trading.domain.marking import Ints
from trading.domain.rules import Lines
from trading.services.columns import Side
from trading.services.judging import LINE_COLUMNS
from trading.services.sight import last_prices

PAGE = 20_000
MARKETS_KEPT = 64
# Longer than this without a look, and what tells of changes may have been purged.
STALE_SECONDS = 3600.0

_LINES = ", ".join(f"l.{name}" for name in ("phase", *LINE_COLUMNS))
_PAGE = f"""
SELECT p.*, q.listing_id, q.quantity, q.cost_minor FROM (
    SELECT a.id, a.cash_minor, a.currency, false, {_LINES} FROM trading_account a
    LEFT JOIN trading_accountgroup g ON g.id = a.group_id LEFT JOIN trading_rulelines l ON l.account_id = a.id
    WHERE a.market_id = %s AND a.id > %s AND a.status <> 'closed' AND (g.id IS NULL OR g.status <> 'closed')
    ORDER BY a.id LIMIT {PAGE}) p
LEFT JOIN trading_position q ON q.account_id = p.id AND q.quantity <> 0 ORDER BY p.id
"""  # noqa: S608  constants of this file
# One account after the other by its indexes (OFFSET 0 keeps the planner from reading whole tables for a few of them).
_SOME = f"""
SELECT a.id, a.cash_minor, a.currency, a.status = 'closed' OR coalesce(g.status = 'closed', false), {_LINES},
    q.listing_id, q.quantity, q.cost_minor
FROM unnest(%s::bigint[]) AS w(id)
CROSS JOIN LATERAL (SELECT * FROM trading_account a WHERE a.id = w.id OFFSET 0) a
LEFT JOIN trading_accountgroup g ON g.id = a.group_id
LEFT JOIN LATERAL (SELECT * FROM trading_rulelines l WHERE l.account_id = w.id OFFSET 0) l ON true
LEFT JOIN LATERAL (
    SELECT listing_id, quantity, cost_minor FROM trading_position q WHERE q.account_id = w.id OFFSET 0) q ON true
ORDER BY a.id
"""  # noqa: S608  constants of this file
_CHANGED = """
SELECT id, bool_and(rules_only) FROM (
    SELECT a.id, false AS rules_only FROM core_journal j JOIN core_posting p ON p.journal_id = j.id
    JOIN trading_account a ON a.ledger_account_id = p.account_id
    WHERE j.xact >= pg_snapshot_xmin(%(seen)s) AND a.market_id = %(market)s
        AND NOT pg_visible_in_snapshot(j.xact, %(seen)s)
    UNION ALL
    SELECT a.id, b.rules_only FROM trading_bookchange b JOIN trading_account a ON a.id = b.account_id
    WHERE b.xact >= pg_snapshot_xmin(%(seen)s) AND a.market_id = %(market)s
        AND NOT pg_visible_in_snapshot(b.xact, %(seen)s)
) c GROUP BY id
"""
_CLOSED = """
SELECT id, true FROM trading_accountgroup WHERE market_id = %(market)s AND status = 'closed'
UNION ALL SELECT id, false FROM trading_account WHERE market_id = %(market)s AND status = 'closed'
"""
# Accounts whose rules have not taken in all that has happened to them.
_BEHIND = """
SELECT r.account_id FROM trading_accountrules r JOIN trading_account a ON a.id = r.account_id
WHERE a.market_id = %s AND (
    EXISTS (SELECT FROM trading_fill f WHERE f.account_id = r.account_id AND f.id > r.last_fill_id)
    OR EXISTS (SELECT FROM trading_adjustment j WHERE j.account_id = r.account_id AND j.created_at > r.updated_at))
"""


@dataclass(slots=True)
class MarketBook:
    """One market's accounts, as this process knows them. Not shared between threads: the market's lease sees to it."""

    market_id: int
    slug: str = ""
    seen: str = ""
    tick: int = -2
    day: int = -2
    looked: float = 0.0
    places: int = 0
    sides: dict[str, Side] = field(default_factory=dict)
    closed: set[int] = field(default_factory=set)
    closed_groups: set[int] = field(default_factory=set)
    nominated: set[int] = field(default_factory=set)
    # The last price of each listing that a mark went by, in the listing's own currency.
    lasts: dict[int, Decimal] = field(default_factory=dict)
    # Listings whose price the sides' books do not have as it was shown: rules went by the price they are held at.
    held: set[int] = field(default_factory=set)

    def look(self, market: MarketView, tick: Tick) -> bool:
        """Bring the book up to date; whether it was rebuilt. Raises what the database raises."""
        fresh = (
            self.seen == ""
            or self.slug != market.slug
            or tick.index not in (self.tick, self.tick + 1)
            or time.monotonic() - self.looked > STALE_SECONDS
            or connection.in_atomic_block
        )
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_snapshot()::text")
            snapshot = cursor.fetchone()[0]
        if fresh:
            self._load(market)
        else:
            self._refresh()
        self.seen, self.tick, self.looked = snapshot, tick.index, time.monotonic()
        return fresh

    def _side(self, currency: str) -> Side:
        found = self.sides.get(currency)
        if found is None:
            book = Book(exponent=exponent(currency), quantity_places=self.places)
            found = self.sides[currency] = Side(currency, book)
        return found

    def _load(self, market: MarketView) -> None:
        self.slug, self.day, self.sides, self.nominated = market.slug, -2, {}, set()
        lots = [item.lot_size.normalize().as_tuple().exponent for item in market_selectors.listings(market.id)]
        self.places = max((-lot for lot in lots if isinstance(lot, int) and lot < 0), default=0)
        last = 0
        while True:
            with connection.cursor() as cursor:
                cursor.execute(_PAGE, [market.id, last])
                rows = cursor.fetchall()
            for account in _grouped(rows):
                self._side(account[0][2]).put(account, judge=False)
            if not rows:
                break
            last = rows[-1][0]
        with connection.cursor() as cursor:
            cursor.execute(_BEHIND, [market.id])
            behind = {row[0] for row in cursor.fetchall()}
        for side in self.sides.values():
            side.asked = behind & side.ruled.keys()
        self._closings()

    def _refresh(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_CHANGED, {"seen": self.seen, "market": self.market_id})
            changed = dict(cursor.fetchall())
            rows: list[Any] = []
            if changed:
                cursor.execute(_SOME, [list(changed)])
                rows = cursor.fetchall()
        for account in _grouped(rows):
            head = account[0]
            if head[3]:
                self._drop([head[0]])
            else:
                self._side(head[2]).put(account, judge=not changed[head[0]])
        self._closings()

    def _closings(self) -> None:
        """Take out what was closed since. Nothing that is closed opens again."""
        with connection.cursor() as cursor:
            cursor.execute(_CLOSED, {"market": self.market_id})
            rows = cursor.fetchall()
            groups = {ident for ident, is_group in rows if is_group} - self.closed_groups
            accounts = {ident for ident, is_group in rows if not is_group} - self.closed
            if groups:
                cursor.execute("SELECT id FROM trading_account WHERE group_id = ANY(%s)", [list(groups)])
                self._drop(row[0] for row in cursor.fetchall())
        self._drop(accounts)
        self.closed_groups |= groups
        self.closed |= accounts

    def _drop(self, account_ids: Iterable[int]) -> None:
        for account_id in account_ids:
            for side in self.sides.values():
                side.drop(account_id)

    def mark(self, tick: Tick, held: Mapping[int, Decimal] = MappingProxyType({})) -> None:
        """Mark every side at a tick's prices. A listing without a price keeps its last known one.

        `held`: prices by listing that rules go by in place of those; what is marked and stored is as shown.
        """
        listings = {item.id: item for item in market_selectors.listings(self.market_id)}
        again = {key: self.lasts[key] for key in self.held if key in self.lasts}
        for side in self.sides.values():
            quoted = again | {quote.listing_id: quote.last for quote in tick.quotes.values()}
            missing = side.listings - side.priced - quoted.keys()
            if missing:
                quoted |= last_prices(self.market_id, tick.index, missing)
                side.priced |= missing
            self.lasts |= quoted
            side.marked = side.judged = side.book.mark(side.own_prices(quoted, listings, tick.at.date()))
            unbelieved = {key: price for key, price in held.items() if key in side.listings}
            if unbelieved:
                side.judged = side.book.mark(side.own_prices(unbelieved, listings, tick.at.date()))
            side.priced |= quoted.keys()
            side.fit()
        self.held = set(held)

    def changes(self, *, everything: bool) -> tuple[Ints, Ints, Ints]:
        """(account ids, equity, cash) of the marks that are not stored as they are now; of all, if asked so."""
        parts = []
        for side in self.sides.values():
            book, size = side.book, side.book.size
            live = book.account_ids > 0
            if not everything:
                new = (side.marked != side.equity[:size]) | (book.cash != side.cash[:size])
                new[list(side.dirty)] = True
                live &= new
            slots = np.flatnonzero(live)
            parts.append((book.account_ids[slots], side.marked[slots], book.cash[slots]))
        if not parts:
            return (np.zeros(0, dtype=np.int64),) * 3
        ids, equity, cash = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(ids, kind="stable")
        return ids[order], equity[order], cash[order]

    def marks_of(self, account_ids: Ints, tick: int) -> tuple[Ints, Ints] | None:
        """(equity, cash) of some accounts as marked at a tick; None when the book is of another tick or lacks one.

        For who ranks in the market's own process, with the accounts in any order: no row is read.
        """
        equity, cash = np.zeros_like(account_ids), np.zeros_like(account_ids)
        found = np.zeros(len(account_ids), dtype=bool)
        for side in self.sides.values():
            ids = side.book.account_ids[: len(side.marked)]
            order = np.argsort(ids, kind="stable")
            places = np.minimum(np.searchsorted(ids, account_ids, sorter=order), max(len(ids) - 1, 0))
            slots = order[places] if len(ids) else places
            mine = ids[slots] == account_ids if len(ids) else np.zeros(len(account_ids), dtype=bool)
            equity[mine], cash[mine] = side.marked[slots[mine]], side.book.cash[slots[mine]]
            found |= mine
        return (equity, cash) if self.tick == tick and bool(found.all()) else None

    def stored(self, day: int) -> None:
        """What `changes` gave is stored."""
        self.day = day
        for side in self.sides.values():
            size = side.book.size
            side.equity[:size], side.cash[:size] = side.marked, side.book.cash
            side.dirty.clear()

    def nominate(self, tick: Tick, again: Set[int] = frozenset()) -> None:
        """Compare marks with lines, at the prices that rules go by: who is to be judged. `again`: these too."""
        self.nominated = set()
        for side in self.sides.values():
            if not side.ruled:
                continue
            worst = side.book.worst() if side.sweep.needs_trades else None
            slots = side.sweep.nominate(side.judged, side.book.balance(), tick.at, worst).tolist()
            ids = side.book.account_ids
            self.nominated |= ({int(ids[slot]) for slot in slots} | side.asked | again) & side.ruled.keys()
            side.asked = set()

    def nominated_take(self, tick: int) -> set[int]:
        """Accounts to judge at a tick, once they are asked for; none when the marks are of another tick."""
        found, self.nominated = self.nominated, set()
        return found if self.tick == tick else set()

    def peaks_take(self) -> tuple[Ints, Ints, Ints]:
        """(accounts, peaks, phases) of peaks that rose since they were last taken: what is to be stored."""
        parts = []
        for side in self.sides.values():
            if side.ruled:
                slots, raised = side.sweep.take_raised()
                accounts = side.book.account_ids[slots]
                phases = np.array([side.ruled[ident] for ident in accounts.tolist()], dtype=np.int64)
                parts.append((accounts, raised, phases))
        if not parts:
            return (np.zeros(0, dtype=np.int64),) * 3
        whole = [np.concatenate(column) for column in zip(*parts, strict=True)]
        return whole[0], whole[1], whole[2]

    def rules_put(self, lines: Mapping[int, Lines]) -> None:
        """Lines of accounts that were judged; those that the book does not hold are left out."""
        for side in self.sides.values():
            for account_id in lines.keys() & side.ruled.keys():
                side.sweep.put(side.book.slot(account_id), lines[account_id])

    @property
    def accounts(self) -> int:
        """How many accounts it holds."""
        return sum(len(side.book.live) for side in self.sides.values())


def _grouped(rows: Sequence[Sequence[Any]]) -> Iterable[Sequence[Sequence[Any]]]:
    """Rows in runs of the same account."""
    start = 0
    for index in range(1, len(rows) + 1):
        if index == len(rows) or rows[index][0] != rows[start][0]:
            yield rows[start:index]
            start = index


_books: OrderedDict[int, MarketBook] = OrderedDict()


def book_of(market_id: int) -> MarketBook:
    """The process's book of a market, empty at first. The markets looked at last are kept."""
    book = _books.pop(market_id, None) or MarketBook(market_id)
    _books[market_id] = book
    while len(_books) > MARKETS_KEPT:
        _books.popitem(last=False)
    return book


def forget(market_id: int | None = None) -> None:
    """Forget a market's book, or all: after a failure halfway, when a market is over, in tests."""
    if market_id is None:
        _books.clear()
    else:
        _books.pop(market_id, None)
