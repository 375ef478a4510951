"""Resting orders meet each print: the pass takes only the orders that the print can touch.

Several accounts are decided in one transaction. Several workers may run the same pass: each takes the accounts that
nobody else holds (SKIP LOCKED) and comes back for the others at the end, one by one. Whoever holds the account judges
the order again, so nothing is done twice.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from core.push import publish_many
from marketdata import selectors as market_selectors
from marketdata.domain.types import MarketView, Quote, Tick
from trading import locks
from trading.domain import plan, states
from trading.domain.case import Marks
from trading.domain.checks import may_reduce
from trading.domain.plan import Plan
from trading.domain.positions import opening
from trading.domain.snapshot import Instrument, QuoteState, Snapshot
from trading.domain.types import SYSTEM, OrderView
from trading.domain.venue import Venue
from trading.models import Order
from trading.services.candidates import Candidate, candidates
from trading.services.context import AccountContext, account_context, instrument_of, marks_of, quote_state
from trading.services.corporate import actions_of_day, actions_settle

logger = logging.getLogger(__name__)

# Accounts locked and written in one transaction: enough to share its commit, few enough to hold nobody up for long.
CHUNK = 32


def _may_trade(snapshot: Snapshot) -> bool:
    """What a new order needs, a resting one needs to fill.

    An active owner of good standing and an active account, an open group, and no halt of the platform.
    """
    is_open = snapshot.group_status in (None, "open") and snapshot.halt is None
    return is_open and snapshot.account.status == "active" and snapshot.owner_active and _is_cleared(snapshot)


def _is_cleared(snapshot: Snapshot) -> bool:
    found, order = snapshot.owner_standing, snapshot.order
    if found.is_clear or order is None:
        return found.is_clear
    return may_reduce(found, opening(snapshot.holding, order.side, order.remaining))


def _over(snapshot: Snapshot, quote: QuoteState, day_tick: int) -> str:
    """The code of the ending that time has brought to the snapshot's order, if any."""
    order = snapshot.order
    assert order is not None
    if order.time_in_force == "day" and (order.accepted_tick or 0) < day_tick:
        return "day_over"
    if order.expires_at is not None and quote.at >= datetime.fromisoformat(order.expires_at):
        return "date_passed"
    return ""


def _decide(
    snapshot: Snapshot, quote: QuoteState, instrument: Instrument, day_tick: int, marks: Marks | None
) -> Plan | None:
    """What the print does to the order, if anything. `day_tick` is the first tick of the print's day."""
    order = snapshot.order
    if order is None or order.status not in states.OPEN or snapshot.market_tick != quote.tick:
        return None
    if order.seen_tick is None or order.seen_tick >= quote.tick:
        return None
    over = _over(snapshot, quote, day_tick)
    if over:
        return plan.end_order(snapshot, order, states.EXPIRED, over, SYSTEM)
    return plan.act(snapshot, quote, instrument, marks) if _may_trade(snapshot) else None


def order_match(*, account_id: int, order_id: int, market_id: int) -> OrderView | None:
    """Let one resting order meet the quote in force, if that came after it. None when it stays as it is."""
    known = Order.objects.filter(pk=order_id).values_list("symbol", "seen_tick").first()
    if known is None or known[1] is None:
        return None
    quote, clock = market_selectors.quote_and_clock(market_id, known[0])
    if quote is None or quote.tick <= known[1]:
        return None
    done = _meet(account_context(account_id), order_id, quote, clock.tick - clock.phase)
    return done.view if done is not None else None


def _marks(context: AccountContext, quotes: Mapping[int, Quote] | None) -> Marks | None:
    if not context.is_margin:
        return None
    found = market_selectors.quotes_all(context.market_id).values() if quotes is None else quotes.values()
    return marks_of(context.market_id, context.currency, found)


def _meet(
    context: AccountContext, order_id: int, quote: Quote, day_tick: int, *, quotes: Mapping[int, Quote] | None = None
) -> Plan | None:
    """Fill (or expire) an order as the print says, under the account's lock; None when it stays."""
    listing = market_selectors.listing_get(context.market_id, quote.symbol)
    if listing is None:
        return None
    instrument = instrument_of(listing, context.currency, quote.at.date())
    marks = _marks(context, quotes)
    # Whoever was still deciding when the tick came may have been overtaken by its corporate actions.
    actions_settle(context, quote.tick, listing.id)
    with transaction.atomic(durable=True):
        snapshot = locks.account_snapshot(account_id=context.id, order_id=order_id)
        decided = None if snapshot is None else _decide(snapshot, quote_state(quote), instrument, day_tick, marks)
        if decided is None:
            return None
        locks.plan_apply(decided.data)
    publish_many(_news(decided))
    return decided


def _news(decided: Plan) -> list[tuple[str, str, dict[str, Any]]]:
    """What the account's live channel is told of a decision."""
    filled = (decided.data.get("fill") or {}).get("order_id")
    return [
        (f"account:{view.account_id}", "fill" if view.id == filled else "order", view.to_json())
        for view in (decided.view, *decided.others)
    ]


@dataclass
class _Pass:
    """One pass over one tick: what its decisions share, made once."""

    market: MarketView
    tick: Tick
    quotes: dict[int, Quote]
    states: dict[int, QuoteState] = field(default_factory=dict)
    instruments: dict[tuple[int, str], Instrument] = field(default_factory=dict)
    marks: dict[str, Marks] = field(default_factory=dict)

    @property
    def day_tick(self) -> int:
        """The first tick of the print's day."""
        return self.tick.index - self.tick.phase

    def decide(self, item: Candidate, snapshot: Snapshot) -> Plan | None:
        """What the tick does to one order, if anything."""
        quote = self.quotes[item.listing_id]
        key = item.listing_id, item.currency
        if key not in self.instruments:
            listing = market_selectors.listing_get(self.market.id, quote.symbol)
            if listing is None:
                return None
            self.instruments[key] = instrument_of(listing, item.currency, quote.at.date())
            self.states[item.listing_id] = quote_state(quote)
        if item.is_margin and item.currency not in self.marks:
            self.marks[item.currency] = marks_of(self.market.id, item.currency, self.quotes.values())
        marks = self.marks[item.currency] if item.is_margin else None
        return _decide(snapshot, self.states[item.listing_id], self.instruments[key], self.day_tick, marks)

    def meet(self, chunk: Sequence[Candidate]) -> tuple[int, list[Candidate]]:
        """Decide several accounts' orders in one transaction; (fills, those whose account somebody else holds)."""
        if actions_of_day(self.market.id, self.tick.index):
            for item in chunk:
                actions_settle(account_context(item.account_id), self.tick.index, item.listing_id)
        busy: list[Candidate] = []
        plans: list[Plan] = []
        with transaction.atomic(durable=True):
            snapshots = locks.orders_snapshot([(item.account_id, item.order_id) for item in chunk])
            for item, snapshot in zip(chunk, snapshots, strict=True):
                if snapshot is None:
                    busy.append(item)
                    continue
                decided = self.decide(item, _after(plans, snapshot))
                if decided is not None:
                    plans.append(decided)
            if plans:
                locks.plans_apply([decided.data for decided in plans])
        if plans:
            publish_many(news for decided in plans for news in _news(decided))
        return sum("fill" in decided.data for decided in plans), busy

    def meet_waiting(self, item: Candidate) -> int:
        """Decide one order, however long its account is held by somebody else; how many fills that made."""
        context = account_context(item.account_id)
        done = _meet(context, item.order_id, self.quotes[item.listing_id], self.day_tick, quotes=self.quotes)
        return int(done is not None and "fill" in done.data)


def _after(plans: Sequence[Plan], snapshot: Snapshot) -> Snapshot:
    """The snapshot with what the chunk's earlier orders have taken of the quote's size (one listing, one side)."""
    for decided in reversed(plans):
        if "liquidity" in decided.data:
            return replace(snapshot, taken=Decimal(decided.data["liquidity"]["taken"]))
    return snapshot


def _rounds(found: Sequence[Candidate], *, sizes: bool) -> Iterator[list[Candidate]]:
    """Chunks of at most one order an account, each account's oldest first.

    In a market with sizes a chunk has one side of one listing, oldest first over all accounts: who came first has the
    size first, and nobody holds one quote's size while waiting for another's.
    """
    if not sizes:
        queues: dict[int, list[Candidate]] = {}
        for item in found:
            queues.setdefault(item.account_id, []).append(item)
        for step in range(max(map(len, queues.values()), default=0)):
            turn = [queue[step] for _, queue in sorted(queues.items()) if len(queue) > step]
            yield from (turn[at : at + CHUNK] for at in range(0, len(turn), CHUNK))
        return
    sides: dict[tuple[int, str], list[Candidate]] = {}
    for item in found:
        sides.setdefault((item.listing_id, item.side), []).append(item)
    for side in sides.values():
        chunk: dict[int, Candidate] = {}
        for item in side:
            if item.account_id in chunk or len(chunk) == CHUNK:
                yield list(chunk.values())
                chunk = {}
            chunk[item.account_id] = item
        yield list(chunk.values())


def match_tick(market: MarketView, tick: Tick) -> int:
    """Match every resting order that this print can touch, each account's oldest first; returns the number of fills.

    Idempotent, and safe beside other workers that run the same pass. An order that fails does not keep the others from
    theirs: the first failure is raised at the end.
    """
    work = _Pass(market, tick, {quote.listing_id: quote for quote in tick.quotes.values()})
    filled, later, failures = 0, [], []
    for chunk in _rounds(candidates(market, tick), sizes=Venue.from_json(market.venue).sizes):
        try:
            fills, busy = work.meet(chunk)
        except Exception:
            if not connection.is_usable():
                raise
            # Together they failed and nothing of it is stored; one by one only the culprit does.
            logger.warning("%s orders at tick %s are matched one by one", len(chunk), tick.index, exc_info=True)
            fills, busy = 0, chunk
        filled += fills
        later += busy
    for item in later:
        try:
            filled += work.meet_waiting(item)
        except Exception as error:
            if not connection.is_usable():
                raise
            logger.exception("order %s could not be matched at tick %s", item.order_id, tick.index)
            failures.append(error)
    if failures:
        raise failures[0]
    return filled
