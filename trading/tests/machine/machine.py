"""The machine: people trade, the market moves, operators halt, processes die, and the books hold after every step."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.db import transaction
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from core.errors import DomainError
from core.redis import client
from marketdata import selectors as market_selectors
from marketdata.models import Listing, Market
from marketdata.services.listings import listing_halt, listing_resume
from marketdata.services.ticks import forget_process_state, tick_resume
from marketdata.tests.factories import advance
from trading import locks
from trading.domain import states
from trading.domain.types import Actor, OrderRequest
from trading.models import Account, Order, Position
from trading.services import matching
from trading.services.changes import order_cancel, order_replace, orders_cancel
from trading.services.context import account_context, forget, instrument_of, marks_of, quote_state
from trading.services.orders import order_place
from trading.tests import factories as make
from trading.tests.machine import venues
from trading.tests.machine.books import check_account, check_books, check_sizes
from trading.tests.machine.crashes import MOMENTS, killed
from trading.tests.machine.orders import QUANTITIES, SYMBOLS, requests, revisions, validate

WHO = st.integers(0, 2)
DATA = st.data()


class TradingMachine(RuleBasedStateMachine):
    """Three accounts (cash, margin, margin without shorts) in one market of two symbols."""

    def __init__(self) -> None:
        super().__init__()
        self.books: list[tuple[int, Actor]] = []
        self.seen: dict[int, int] = {}
        self.sent: list[tuple[int, OrderRequest, str]] = []
        # Each example is rolled back; services may still ask for a durable transaction inside it.
        self.block = transaction.atomic()
        self.block._from_testcase = True  # type: ignore[attr-defined]
        self.block.__enter__()

    def teardown(self) -> None:
        try:
            if self.books:
                check_books()
        finally:
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)
            forget()
            forget_process_state()
            market_selectors.cache_clear()
            cache.clear()
            client().flushdb()

    @initialize(
        first=venues.walks(100),
        second=venues.walks(40),
        venue=venues.VENUES,
        spread=st.sampled_from(["4", "60"]),
        volume=st.sampled_from([300, 1000, 1_000_000]),
        cash=st.sampled_from(["2000", "10000", "60000"]),
        bps=st.sampled_from([None, "10"]),
        actions=st.just([]) | venues.ACTIONS,
    )
    def begin(self, first, second, venue, spread, volume, cash, bps, actions):
        self.view = venues.market(first, second, venue, spread, volume, actions)
        group = None if bps is None else make.group(self.view, commission_bps=bps)
        self.books = [venues.account(self.view, terms, cash, group) for terms in venues.TERMS]

    def attempt(self, call: Callable[[], Any]) -> Any:
        """What people are told is no failure: refusals are answers."""
        try:
            return call()
        except DomainError as error:
            note(f"refused: {error.code}")
            return None

    def last(self, symbol: str) -> tuple[Decimal, Any]:
        quote, clock = market_selectors.quote_and_clock(self.view.id, symbol)
        return (Decimal(50) if quote is None else quote.last), clock.at

    def some_order(self, pick: int) -> int | None:
        rows = Order.objects.filter(status__in=states.LIVE).order_by("-id").values_list("id", flat=True)
        found = list(rows[:12])
        return found[pick % len(found)] if found else None

    def place(self, who: int, request: OrderRequest, key: str) -> Any:
        account_id, actor = self.books[who]
        return self.attempt(
            lambda: order_place(actor=actor, account_id=account_id, request=request, idempotency_key=key)
        )

    @rule(data=DATA, who=WHO, symbol=SYMBOLS)
    def order(self, data, who, symbol):
        request = self.draw_request(data, symbol)
        if request is None:
            return
        self.sent.append((who, request, f"key-{len(self.sent)}"))
        self.place(*self.sent[-1])

    def draw_request(self, data: Any, symbol: str) -> OrderRequest | None:
        drawn = data.draw(requests(*self.last(symbol)))
        request = OrderRequest(**{**{name: getattr(drawn, name) for name in drawn.__slots__}, "symbol": symbol})
        return request if self.attempt(lambda: validate(request) or True) else None

    @rule(who=WHO, symbol=SYMBOLS, quantity=QUANTITIES, side=st.sampled_from(["buy", "sell"]))
    def market_order(self, who, symbol, quantity, side):
        self.sent.append((who, OrderRequest(symbol, side, quantity), f"key-{len(self.sent)}"))
        self.place(*self.sent[-1])

    @rule(pick=st.integers(0, 20))
    def deliver_again(self, pick):
        if self.sent:
            before = Order.objects.count()
            who, request, key = self.sent[pick % len(self.sent)]
            view = self.place(who, request, key)
            assert Order.objects.count() == before + (view is not None and not view.replayed)

    @rule(pick=st.integers(0, 11))
    def cancel(self, pick):
        order_id = self.some_order(pick)
        if order_id is not None:
            row = Order.objects.get(pk=order_id)
            actor = dict(self.books)[row.account_id]
            assert order_cancel(actor=actor, order_id=order_id).status == states.CANCELED

    @rule(who=WHO)
    def cancel_all(self, who):
        account_id, actor = self.books[who]
        orders_cancel(actor=actor, account_id=account_id)
        assert not Order.objects.filter(account_id=account_id, status__in=states.LIVE).exists()

    @rule(data=DATA, pick=st.integers(0, 11))
    def replace(self, data, pick):
        order_id = self.some_order(pick)
        if order_id is None:
            return
        row = Order.objects.get(pk=order_id)
        revision = data.draw(revisions(self.last(row.symbol)[0]))
        actor = dict(self.books)[row.account_id]
        self.attempt(lambda: order_replace(actor=actor, order_id=order_id, revision=revision))

    @rule(who=WHO)
    def close(self, who):
        account_id, _ = self.books[who]
        for position in Position.objects.filter(account_id=account_id).exclude(quantity=0).select_related("listing"):
            side = "sell" if position.quantity > 0 else "buy"
            request = OrderRequest(position.listing.symbol, side, abs(position.quantity), reduce_only=True)
            self.sent.append((who, request, f"key-{len(self.sent)}"))
            self.place(*self.sent[-1])

    @rule(ticks=st.integers(1, 3))
    def tick(self, ticks):
        for _ in range(ticks):
            if advance(self.view.id) is not None:
                self.check_nothing_is_left()
                self.books_hold()

    @rule()
    def match_again(self):
        before = self.state()
        market = Market.objects.get(pk=self.view.id)
        if market.status == "running":
            tick = market_selectors.tick_of(market)
            halted = any(quote.halted for quote in tick.quotes.values())
            matching.match_tick(market_selectors.view_of(market), tick)
            assert halted or self.state() == before, "a second pass over the same tick changed something"

    @rule()
    def resume_after_a_restart(self):
        forget_process_state()
        tick_resume(market_id=self.view.id)

    @rule(moment=st.sampled_from(sorted(MOMENTS)), pick=st.integers(0, 11))
    def die_in_a_tick(self, moment, pick):
        with killed(moment):
            advance(self.view.id)
        tick_resume(market_id=self.view.id)
        self.check_nothing_is_left()

    @rule(data=DATA, who=WHO, symbol=SYMBOLS, moment=st.sampled_from(sorted(MOMENTS)))
    def die_in_an_order(self, data, who, symbol, moment):
        request = self.draw_request(data, symbol)
        if request is None:
            return
        self.sent.append((who, request, f"key-{len(self.sent)}"))
        before = Order.objects.count()
        with killed(moment):
            self.place(*self.sent[-1])
        self.place(*self.sent[-1])
        legs = {"bracket": 3, "oto": 2, "oco": 2}.get(request.order_class, 1)
        assert Order.objects.count() - before in (0, 1, legs)

    @rule(pick=st.integers(0, 11), moment=st.sampled_from(sorted(MOMENTS)))
    def die_in_a_cancel(self, pick, moment):
        with killed(moment):
            self.cancel(pick)

    @rule(symbol=SYMBOLS, halted=st.booleans())
    def halt(self, symbol, halted):
        listing = Listing.objects.get(market_id=self.view.id, symbol=symbol)
        change = listing_halt if halted else listing_resume
        change(actor=None, listing_id=listing.pk, reason="news")

    @rule(who=WHO, status=st.sampled_from(["active", "active", "locked"]))
    def lock(self, who, status):
        Account.objects.filter(pk=self.books[who][0]).update(status=status)

    def state(self) -> list[Any]:
        """All that a pass over a tick may change."""
        return [
            *Order.objects.order_by("id").values_list("id", "status", "filled_quantity", "stop_price", "seen_tick"),
            *Account.objects.order_by("id").values_list("id", "cash_minor", "reserved_minor"),
        ]

    def check_nothing_is_left(self) -> None:
        """The pass's index has overlooked nothing: no open order would be changed by the quote in force."""
        market = Market.objects.get(pk=self.view.id)
        if market.status != "running":
            return
        tick = market_selectors.tick_of(market)
        by_id = {quote.listing_id: quote for quote in tick.quotes.values()}
        for order in Order.objects.filter(status__in=states.OPEN, listing__market=market):
            context = account_context(order.account_id)
            quote = by_id[order.listing_id]
            snapshot = locks.account_snapshot(account_id=context.id, order_id=order.pk)
            listing = market_selectors.listing_get(market.pk, quote.symbol)
            instrument = instrument_of(listing, context.currency, quote.at.date())
            marks = marks_of(market.pk, context.currency, by_id.values())
            decided = matching._decide(snapshot, quote_state(quote), instrument, tick.index - tick.phase, marks)
            assert decided is None, (order.pk, order.type, order.wake, decided.view)

    @invariant()
    def books_hold(self):
        if not self.books:
            return
        for account_id, _ in self.books:
            self.seen[account_id] = check_account(account_id, self.seen.get(account_id, 0))
        check_sizes(self.view.id)
