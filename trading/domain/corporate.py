"""What corporate actions do to an account: its position, its cash and its resting orders. Pure and exact.

An action takes effect before the open of its date, for what the account held then. Applied late, it is put in its
place in the account's history: what was traded since is replayed on top, and the account gets the difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import Any

from core.errors import Conflict
from trading.domain import states
from trading.domain.case import CUSHION
from trading.domain.draft import Draft
from trading.domain.fills import on_grid, trail_stop
from trading.domain.links import entry_ended
from trading.domain.margin import initial_minor
from trading.domain.positions import ZERO, Holding, apply_fill, apply_split
from trading.domain.rows import account_row
from trading.domain.snapshot import Instrument, OrderState, Snapshot
from trading.domain.types import OrderView, Side, plain
from trading.domain.worth import Rates, value_minor, worth


@dataclass(frozen=True, slots=True)
class FillStep:
    """A fill as the history of a position needs it."""

    side: Side
    quantity: Decimal
    notional_minor: int


@dataclass(frozen=True, slots=True)
class Effect:
    """A corporate action as it meets accounts of one currency.

    `ratio` new shares for one old (1 when it is no split). `unit_minor`: minor units of the account's currency for one
    share: what a fraction of a new share is paid (split), the dividend, or the final value (delisting). `at` and `tick`
    are the open that it takes effect before.
    """

    kind: str
    listing_id: int
    symbol: str
    ex_date: date
    at: datetime
    tick: int
    unit_minor: Fraction
    lot_size: Decimal
    ratio: Decimal = Decimal(1)

    @property
    def reference(self) -> str:
        """What is stored with an adjustment, once for each account."""
        return f"{self.kind}:{self.listing_id}:{self.ex_date.isoformat()}"

    def details(self) -> dict[str, Any]:
        """Enough to apply it again: see `effect_again`."""
        return {
            "symbol": self.symbol,
            "ex_date": self.ex_date.isoformat(),
            "tick": self.tick,
            "ratio": plain(self.ratio),
            "lot_size": plain(self.lot_size),
            "unit_minor": str(self.unit_minor),
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """A holding after an action, and the cash it brought (signed minor units)."""

    holding: Holding
    cash_minor: int
    fraction: Decimal = ZERO


def effect_again(kind: str, listing_id: int, at: datetime, details: dict[str, Any]) -> Effect:
    """The effect that an adjustment's details tell of."""
    return Effect(
        kind=kind,
        listing_id=listing_id,
        symbol=details["symbol"],
        ex_date=date.fromisoformat(details["ex_date"]),
        at=at,
        tick=details["tick"],
        unit_minor=Fraction(details["unit_minor"]),
        lot_size=Decimal(details["lot_size"]),
        ratio=Decimal(details["ratio"]),
    )


def meet_holding(holding: Holding, effect: Effect) -> Outcome:
    """What an action makes of a holding. Equity stands still but for rounding, at prices that fell by it."""
    if effect.kind == "split":
        split = apply_split(holding, effect.ratio, effect.lot_size, effect.unit_minor)
        return Outcome(split.holding, split.cash_minor, split.fraction)
    cash = round(Fraction(holding.quantity) * effect.unit_minor)
    if effect.kind == "dividend":
        return Outcome(holding, cash)
    realized = holding.realized_minor + cash - holding.cost_minor
    return Outcome(replace(holding, quantity=ZERO, cost_minor=0, realized_minor=realized), cash)


def replay(steps: Iterable[FillStep | Effect], start: Holding | None = None) -> Holding:
    """A holding as its history makes it: fills and actions in their order. Reservations are not of the history."""
    holding = start or Holding()
    for step in steps:
        if isinstance(step, FillStep):
            holding, _ = apply_fill(holding, step.side, step.quantity, step.notional_minor)
        else:
            holding = meet_holding(holding, step).holding
    return holding


@dataclass(frozen=True, slots=True)
class Decision:
    """What trading_apply writes, the orders that changed, and the new trail amounts (which it does not write)."""

    data: dict[str, Any]
    views: tuple[OrderView, ...]
    trails: dict[int, Decimal]


def decide(
    snapshot: Snapshot,
    effect: Effect,
    instrument: Instrument,
    *,
    earlier: Sequence[FillStep | Effect] = (),
    since: Sequence[FillStep | Effect] = (),
) -> Decision | None:
    """What an action does to the locked account; None when it holds nothing that the action touches.

    `snapshot.companions` are all live orders in the listing. `since` is what has happened to the position after the
    action's moment, when it is late; `earlier` is then what happened before. Raises Conflict ("action_too_late") when
    what was traded since cannot have happened after it.
    """
    before = replay(earlier) if since else snapshot.holding
    outcome = meet_holding(before, effect)
    draft = Draft(snapshot)
    draft.listing_id = effect.listing_id
    orders = [] if effect.kind == "dividend" else [o for o in snapshot.companions if _met(o, effect)]
    if not before.quantity and not orders:
        return None
    held = _after(snapshot, outcome.holding, since)
    gained = held.realized_minor - snapshot.holding.realized_minor
    draft.holding = held
    draft.account = replace(
        draft.account,
        cash_minor=draft.account.cash_minor + outcome.cash_minor,
        realized_minor=draft.account.realized_minor + gained,
        other_minor=draft.account.other_minor + (outcome.cash_minor if effect.kind == "dividend" else 0),
    )
    trails = _orders(draft, orders, effect, instrument)
    data = draft.data() | {"market_at": effect.at.isoformat(), "account": account_row(draft.account)}
    # Of a late action the row holds what changes now, so that the sums of all rows are what the account has.
    after = replace(
        before,
        quantity=before.quantity + held.quantity - snapshot.holding.quantity,
        cost_minor=before.cost_minor + held.cost_minor - snapshot.holding.cost_minor,
    )
    data["adjustment"] = _row(snapshot, effect, before, after, outcome, gained, late=bool(since))
    data["events"].append(_event(snapshot, effect, before, outcome))
    return Decision(data, tuple(draft.view(key) for key in draft.touched()), trails)


def _met(order: OrderState, effect: Effect) -> bool:
    """Orders of before the action; later ones are in its shares already."""
    return order.status in states.LIVE and (order.accepted_tick or 0) < effect.tick


def _after(snapshot: Snapshot, holding: Holding, since: Sequence[FillStep | Effect]) -> Holding:
    found = replay(since, holding) if since else holding
    found = replace(found, reserved_quantity=snapshot.holding.reserved_quantity)
    if since and not snapshot.terms.is_margin and found.quantity < 0:
        raise Conflict(
            "action_too_late",
            "More was sold since than there would have been: an operator must settle this account by hand.",
            {"account_id": snapshot.account.id},
        )
    return found


def _row(
    snapshot: Snapshot,
    effect: Effect,
    before: Holding,
    after: Holding,
    outcome: Outcome,
    gained: int,
    *,
    late: bool,
) -> dict[str, Any]:
    account, cash = snapshot.account, outcome.cash_minor
    words = {
        "split": f"split {plain(effect.ratio)} for 1, {effect.symbol}",
        "dividend": f"dividend on {plain(before.quantity)} {effect.symbol}",
        "delisting": f"{plain(before.quantity)} {effect.symbol} paid out, the instrument has left the market",
    }[effect.kind]
    return {
        "listing_id": effect.listing_id,
        "kind": effect.kind,
        "reference": effect.reference,
        "quantity_before": str(before.quantity),
        "quantity_after": str(after.quantity),
        "cost_before_minor": before.cost_minor,
        "cost_after_minor": after.cost_minor,
        "cash_minor": cash,
        "realized_minor": gained,
        "details": effect.details() | ({"fraction": plain(outcome.fraction)} if outcome.fraction else {})
        | ({"late": True} if late else {}),
        "memo": words,
        "legs": [[account.ledger_account_id, cash, ""], [account.clearing_account_id, -cash, ""]] if cash else [],
    }  # fmt: skip


def _event(snapshot: Snapshot, effect: Effect, before: Holding, outcome: Outcome) -> dict[str, Any]:
    payload = {
        "account_id": snapshot.account.id,
        "listing_id": effect.listing_id,
        "symbol": effect.symbol,
        "kind": effect.kind,
        "ex_date": effect.ex_date.isoformat(),
        "quantity_before": plain(before.quantity),
        "quantity_after": plain(outcome.holding.quantity),
        "cash_minor": outcome.cash_minor,
    }
    return {"topic": "trading.corporate_action", "payload": payload}


def _orders(draft: Draft, orders: Sequence[OrderState], effect: Effect, instrument: Instrument) -> dict[int, Decimal]:
    """Adjust or end the resting orders; the new trail amounts by order."""
    trails: dict[int, Decimal] = {}
    for found in orders:
        order = draft.orders[found.id]
        if order.status not in states.LIVE:
            continue
        if effect.kind == "delisting":
            _end(draft, order, "delisted")
        elif _has_filled_in_part(draft, order):
            # Its legs protect what has filled of it, counted in old shares: it cannot go on in new ones.
            _end(draft, order, "corporate_action")
        else:
            _split_order(draft, order, effect, instrument, trails)
    return trails


def _has_filled_in_part(draft: Draft, order: OrderState) -> bool:
    legs = any(leg.link_id == order.id and leg.id != order.id for leg in draft.orders.values())
    return bool(order.filled_quantity) and not order.role and legs


def _end(draft: Draft, order: OrderState, code: str) -> None:
    draft.end(order.id, states.CANCELED, code)
    entry_ended(draft, order.id)
    draft.emit("order_canceled", order.id, code=code)


def _split_order(
    draft: Draft, order: OrderState, effect: Effect, instrument: Instrument, trails: dict[int, Decimal]
) -> None:
    left = (order.remaining * effect.ratio / instrument.lot_size).to_integral_value(ROUND_FLOOR) * instrument.lot_size
    if not left:
        _end(draft, order, "corporate_action")
        return
    moved = split_prices(order, effect.ratio, instrument.tick_size)
    # What has filled stays as it was filled; what is left is counted in new shares.
    moved = replace(moved, quantity=order.filled_quantity + left)
    if moved.trail_amount is not None and moved.trail_amount != order.trail_amount:
        trails[order.id] = moved.trail_amount
    draft.move(
        order.id,
        order.status,
        f"split {plain(effect.ratio)} for 1",
        quantity=moved.quantity,
        limit_price=moved.limit_price,
        stop_price=moved.stop_price,
        trail_amount=moved.trail_amount,
        extreme=moved.extreme,
        reserved_minor=min(order.reserved_minor, _hold(draft.snapshot, moved, instrument, effect)),
        reserved_quantity=left if order.reserved_quantity else ZERO,
    )
    draft.emit("order_adjusted", order.id, code="split", ratio=plain(effect.ratio))


def split_prices(order: OrderState, ratio: Decimal, tick_size: Decimal) -> OrderState:
    """An order with its prices in the shares after a split: on the grid, rounded away from the market.

    Away means that nothing fills or triggers sooner than it would have: a buy limit and a sell stop go down, a sell
    limit and a buy stop up.
    """
    buys = order.side == "buy"
    down, up = (ROUND_FLOOR, ROUND_CEILING) if buys else (ROUND_CEILING, ROUND_FLOOR)

    def moved(price: Decimal | None, rounding: str) -> Decimal | None:
        return None if price is None else on_grid(price / ratio, tick_size, rounding)

    after = replace(
        order,
        limit_price=moved(order.limit_price, down),
        stop_price=moved(order.stop_price, up),
        trail_amount=moved(order.trail_amount, ROUND_CEILING),
        extreme=moved(order.extreme, up),
    )
    if order.type == "trailing_stop" and not order.triggered and after.extreme is not None:
        after = replace(after, stop_price=trail_stop(after.working(), tick_size))
    return after


def _hold(snapshot: Snapshot, order: OrderState, instrument: Instrument, effect: Effect) -> int:
    """What an order needs to hold for what is left of it, minor units; all that it held when it has no price."""
    price = order.limit_price
    if price is None and order.stop_price is not None:
        price = order.stop_price * (1 + CUSHION) if order.side == "buy" else order.stop_price
    if price is None:
        return order.reserved_minor
    currency = snapshot.account.currency
    rates = Rates(snapshot.fee_schedule, snapshot.terms.product, effect.at.date(), currency)
    value = worth(
        order.side,
        order.remaining,
        price,
        instrument,
        rates,
        filled_quantity=order.filled_quantity,
        filled_native_minor=order.notional_minor,
    )
    if not snapshot.terms.is_margin:
        return value.notional_minor + value.fee_minor
    exposure = abs(value_minor(order.remaining, price, instrument, currency))
    return initial_minor(exposure, snapshot.terms) + value.fee_minor
