"""An account kept in memory: snapshots of it go to the order path's own functions, and their plans are applied to it.

No rule of an order, a fill or a charge is here: `make_case`, `judge`, `plan.accept`, `plan.act` and `plan.end_order`
decide, as they do for a stored account; this book does with their rows what `trading_apply` does in the database.
"""

from __future__ import annotations

from dataclasses import replace

from ai_strategies.domain.backtest.state import PaperState
from ai_strategies.domain.backtest.waking import in_turn, only_touched, over, woken
from core.errors import DomainError
from trading.domain import corporate, plan, states
from trading.domain.adjusting import Effect
from trading.domain.case import Case, make_case, margin_at
from trading.domain.defaults import with_default_legs
from trading.domain.judge import judge
from trading.domain.margin import Margin
from trading.domain.plan import Plan
from trading.domain.requests import validate
from trading.domain.snapshot import (
    Instrument,
    OrderState,
    Snapshot,
)
from trading.domain.types import SYSTEM, Actor, OrderRequest

OWNER = Actor(user_id=0, label="backtest")


class PaperBook(PaperState):
    """One account in one market. Call `stand` at each tick, then what is due at it."""

    def place(self, request: OrderRequest, actor: Actor = OWNER) -> Plan | None:
        """Send an order, as its owner unless told otherwise; None (counted in `endings`) when it is not even stored."""
        listing_id = self.symbols.get(request.symbol)
        refusal = self._refusal(request, listing_id)
        if refusal or listing_id is None:
            self.endings[refusal] += 1
            return None
        snapshot = self.snapshot(listing_id=listing_id, side=request.side)
        case = self._case(snapshot, request, listing_id, actor)
        denial = judge(case, self.setup.account_policy)
        decided = plan.accept(case, actor) if denial is None else plan.deny(case, actor, denial)
        self.apply(decided.data)
        return decided

    def _refusal(self, request: OrderRequest, listing_id: int | None) -> str:
        """The code with which the order path turns a request away without storing it."""
        try:
            validate(request)
        except DomainError as error:
            return error.code
        if listing_id is None:
            return "unknown_symbol"
        return "" if listing_id in self.quotes else "no_quote"

    def _case(self, snapshot: Snapshot, request: OrderRequest, listing_id: int, actor: Actor) -> Case:
        instrument, quote, limits = self.instruments[listing_id], self.quotes[listing_id], self.setup.limits

        def made(wanted: OrderRequest) -> Case:
            marks = self.carried()
            return make_case(snapshot, wanted, instrument, quote, actor=actor, limits=limits, marks=marks)

        case = made(request)
        wanted = with_default_legs(case)
        return case if wanted is request else made(wanted)

    def expire(self) -> None:
        """Orders whose time has passed end before the print can touch them, legs that wait included."""
        for order in sorted(self.orders.values(), key=lambda item: (item.listing_id, item.id)):
            code = over(order, self.moment.at, self.moment.day_tick)
            if code and order.id in self.orders:
                self.end(self.orders[order.id], states.EXPIRED, code)

    def match(self, *, through: bool = False) -> None:
        """Let every resting order that the prints can touch meet its quote.

        `through`: prices have no spread, so a limit fills only where the print trades through it.
        """
        if not self.orders:
            return
        venue = self.setup.venue
        awake = [
            order
            for order in self.orders.values()
            if order.listing_id in self.quotes
            and woken(order, self.quotes[order.listing_id], self.instruments[order.listing_id].tick_size, venue)
        ]
        for key in [order.id for order in in_turn(awake, sizes=venue.sizes)]:
            order = self.orders.get(key)
            if order is None or order.status not in states.OPEN or (order.seen_tick or 0) >= self.moment.tick:
                continue
            quote, instrument = self.quotes[order.listing_id], self.instruments[order.listing_id]
            if not (through and only_touched(order, quote, instrument.tick_size)):
                self._meet(order)

    def _meet(self, order: OrderState) -> None:
        quote = self.quotes[order.listing_id]
        snapshot = self.snapshot(listing_id=order.listing_id, order=order)
        decided = plan.act(snapshot, quote, self.instruments[order.listing_id], self.carried())
        if decided is not None:
            self.apply(decided.data)

    def end(self, order: OrderState, status: str, code: str) -> None:
        """End an order as the system does."""
        snapshot = self.snapshot(listing_id=order.listing_id, order=order)
        self.apply(plan.end_order(snapshot, order, status, code, SYSTEM).data)

    def act(self, effect: Effect, instrument: Instrument) -> None:
        """Let a corporate action meet the account, before the prices of its open."""
        snapshot = self.snapshot(listing_id=effect.listing_id, everything=True)
        decided = corporate.decide(snapshot, effect, instrument)
        if decided is not None:
            self.apply(decided.data)

    def rename(self, listing_id: int, symbol: str) -> None:
        """Give the live orders of a listing its new symbol."""
        for key, order in self.orders.items():
            if order.listing_id == listing_id:
                self.orders[key] = replace(order, symbol=symbol)

    def standing(self) -> tuple[Snapshot, Margin] | None:
        """A margin account and where it stands; None for a cash account."""
        snapshot = self.snapshot(listing_id=0)
        margin = margin_at(snapshot, self.carried())
        return None if margin is None else (snapshot, margin)

    def buying_power_minor(self) -> int:
        """Free cash; for a margin account what its free equity carries, with leverage."""
        found = self.standing() if self.setup.terms.is_margin else None
        if found is None:
            return self.account.buying_power_minor
        return int((found[1].excess_minor - self.account.reserved_minor) * self.setup.terms.leverage)
