"""The order path. `order_place` is the only function that creates an order, for people, agents and bots alike.

(`order_replace` in trading.services.changes puts a new order in an old one's place, through the same judgement.)
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from time import sleep

from django.db import transaction

from core.errors import Conflict, Denied, Invalid, NotFound, Unavailable
from core.push import publish
from core.services.idempotency import MAX_KEY
from marketdata import selectors as market_selectors
from marketdata.domain.types import ListingView, MarketClock, Quote
from trading import locks
from trading.domain import plan, states
from trading.domain.case import Case, Marks, make_case
from trading.domain.defaults import with_default_legs
from trading.domain.judge import judge
from trading.domain.plan import Plan
from trading.domain.ports import Access, account_access, account_policy
from trading.domain.requests import validate
from trading.domain.snapshot import Instrument, QuoteState, Snapshot
from trading.domain.types import Actor, OrderRequest, OrderView
from trading.services.context import (
    AccountContext,
    account_context,
    closed_now,
    in_sight,
    instrument_of,
    limits_of,
    marks_of,
    quote_state,
)
from trading.services.corporate import actions_settle
from trading.services.gates import trade_use_in_tx
from trading.services.matching import order_match

logger = logging.getLogger(__name__)

# The market may step on between reading a quote and holding the lock; then the order is judged on the new quote.
QUOTE_ATTEMPTS = 6
_QUOTE_WAIT_SECONDS = 0.004
_IDS = {"bracket": 3, "oto": 2, "oco": 2}


@dataclass(frozen=True, slots=True)
class Scene:
    """The market side of a decision, read before the account is locked."""

    listing: ListingView
    instrument: Instrument
    quote: QuoteState
    marks: Marks | None
    clock: MarketClock

    @property
    def day_start(self) -> datetime:
        """The first moment of the session's date."""
        return datetime.combine(self.clock.session_date, time.min, tzinfo=UTC)


def may_act(actor: Actor, context: AccountContext) -> bool:
    """Whether the actor trades this account: its owner, somebody who shares it, or the system."""
    if actor.user_id is None or actor.user_id == context.owner_id:
        return True
    return account_access(context.purpose, context.id, actor.user_id) == Access.TRADE


def owned(actor: Actor, account_id: int) -> AccountContext:
    """The account of an actor, or one that they share (the system acts on any); NotFound otherwise."""
    context = account_context(account_id)
    if not may_act(actor, context):
        # The same answer as for an account that does not exist: ids tell nothing to strangers.
        raise NotFound("account_not_found", "There is no such account.")
    return context


def scene(context: AccountContext, symbol: str) -> Scene:
    """The listing, its quote and the clock; for a margin account every quote of the market, from the same tick."""
    listing = market_selectors.listing_get(context.market_id, symbol)
    if listing is None:
        raise Denied("unknown_symbol", f"{symbol} does not trade in this market.", {"symbol": symbol})
    marks: Marks | None = None
    quote: Quote | None
    clock: MarketClock | None
    if context.is_margin:
        quotes, clock = market_selectors.quotes_and_clock(context.market_id)
        quote = quotes.get(symbol)
        marks = marks_of(context.market_id, context.currency, quotes.values())
    else:
        quote, clock = market_selectors.quote_and_clock(context.market_id, symbol)
    if quote is None:
        if clock is None or clock.status != "running":
            raise Denied("market_closed", "The market is not open. Orders are taken while it runs.")
        raise Unavailable("no_quote", f"There is no price for {symbol} just now. Try again in a moment.")
    # A tick is shown before its corporate actions have reached every account: this one's are applied now.
    actions_settle(context, quote.tick, listing.id)
    instrument = instrument_of(listing, context.currency, quote.at.date(), last=quote.last)
    shown = replace(quote_state(quote), closed=closed_now(context.market_id, listing))
    return Scene(listing, instrument, shown, marks, clock)


def _body_hash(account_id: int, request: OrderRequest) -> str:
    body = json.dumps({"account_id": account_id, **request.canonical()}, sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()


def _replay(snapshot: Snapshot, body_hash: str) -> OrderView | None:
    """The first answer to this idempotency key; Conflict when the key came with another body."""
    if snapshot.replay is None:
        return None
    if snapshot.replay["body_hash"] != body_hash:
        raise Conflict(
            "idempotency_key_reused",
            "This idempotency key was used for another order. Send a new key with a new order.",
        )
    return replace(OrderView.from_json(snapshot.replay["response"]), replayed=True)


def case_of(
    snapshot: Snapshot, request: OrderRequest, found: Scene, actor: Actor, *, default_legs: bool = True
) -> Case:
    """The order before its judges, with the legs that the person's risk settings give an entry without any."""
    limits = limits_of(snapshot)
    snapshot, marks = in_sight(snapshot, found.marks)

    def made(wanted: OrderRequest) -> Case:
        return make_case(snapshot, wanted, found.instrument, found.quote, actor=actor, limits=limits, marks=marks)

    case = made(request)
    wanted = with_default_legs(case) if default_legs else request
    return case if wanted is request else made(wanted)


def decide(case: Case, actor: Actor) -> Plan:
    """Judge a new order, and let the quote in force do to it what it does."""
    denial = judge(case, account_policy(case.snapshot.account.purpose))
    return plan.accept(case, actor) if denial is None else plan.deny(case, actor, denial)


def _attempt(
    *, actor: Actor, context: AccountContext, request: OrderRequest, key: str | None, last_attempt: bool
) -> Plan | OrderView | None:
    """One try at the path; None when the market stepped on meanwhile and the quote must be read again."""
    found = scene(context, request.symbol)
    scope = f"order:{context.id}"
    body_hash = _body_hash(context.id, request)
    with transaction.atomic(durable=True):
        snapshot = locks.account_snapshot(
            account_id=context.id,
            listing_id=found.listing.id,
            scope=scope,
            key=key,
            day_start=found.day_start,
            ids=_IDS.get(request.order_class, 1),
            side=request.side,
        )
        if snapshot is None:
            raise NotFound("account_not_found", "There is no such account.")
        first = _replay(snapshot, body_hash)
        if first is not None:
            return first
        if found.quote.tick != snapshot.market_tick and not last_attempt:
            return None
        case = case_of(snapshot, request, found, actor)
        decided = decide(case, actor)
        if decided.view.status != states.DENIED:
            trade_use_in_tx(context, actor, case)
        if key is not None:
            decided.data["idempotency"] = {
                "scope": scope,
                "key": key,
                "body_hash": body_hash,
                "status": 422 if decided.view.status == states.DENIED else 201,
                "response": decided.view.to_json(),
            }
        locks.plan_apply(decided.data, last=True)
    return decided


def order_place(
    *, actor: Actor, account_id: int, request: OrderRequest, idempotency_key: str | None = None
) -> OrderView:
    """Place an order on the actor's own account (the system: on any).

    Returns the order as it stands: filled, resting, or status "denied" with code, message and details. The same key and
    body again return the first answer (`replayed`), the same key with another body raises Conflict. Malformed requests
    raise Invalid; unknown symbols and closed markets without a price raise Denied; what a plan does not hold raises 402
    (trading.services.gates); nothing is stored for those.
    """
    key = idempotency_key
    if key is not None and not (1 <= len(key) <= MAX_KEY and key.isprintable()):
        raise Invalid("invalid_idempotency_key", f"An idempotency key has 1 to {MAX_KEY} printable characters.")
    validate(request)
    context = owned(actor, account_id)
    decided: Plan | OrderView | None = None
    for attempt in range(QUOTE_ATTEMPTS):
        last = attempt == QUOTE_ATTEMPTS - 1
        decided = _attempt(actor=actor, context=context, request=request, key=key, last_attempt=last)
        if decided is not None:
            break
        sleep(_QUOTE_WAIT_SECONDS * (attempt + 1))
    assert decided is not None
    if isinstance(decided, OrderView):
        return decided
    announce(decided)
    look_again(context, decided)
    return decided.view


def announce(decided: Plan) -> None:
    """Tell the account's live channel what became of its orders."""
    filled = (decided.data.get("fill") or {}).get("order_id")
    for view in (decided.view, *decided.others):
        publish(f"account:{view.account_id}", "fill" if view.id == filled else "order", view.to_json())


def look_again(context: AccountContext, decided: Plan) -> None:
    """The passes of a tick that came while a resting order was being written have not seen it: do their work on it.

    The order is accepted whatever becomes of this: a failure is logged, and the next tick's passes see the order.
    """
    for view in (decided.view, *decided.others):
        if view.status not in states.OPEN:
            continue
        try:
            order_match(account_id=context.id, order_id=view.id, market_id=context.market_id)
        except Exception:
            logger.exception("order %s was accepted and not matched against the tick in force", view.id)
