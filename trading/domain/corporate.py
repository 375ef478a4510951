"""What corporate actions do to an account: its position, its cash and its resting orders. Pure and exact.

An action takes effect before the open of its date, for what the account held then. Applied late, it is put in its
place in the account's history: what was traded since is replayed on top, and the account gets the difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from core.errors import Conflict
from trading.domain import states
from trading.domain.adjusting import Effect, adjust_orders
from trading.domain.draft import Draft
from trading.domain.positions import ZERO, Holding, apply_fill, apply_split
from trading.domain.rows import account_row
from trading.domain.snapshot import Instrument, OrderState, Snapshot
from trading.domain.types import OrderView, Side, plain


@dataclass(frozen=True, slots=True)
class FillStep:
    """A fill as the history of a position needs it."""

    side: Side
    quantity: Decimal
    notional_minor: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """A holding after an action, and the cash it brought (signed minor units)."""

    holding: Holding
    cash_minor: int
    fraction: Decimal = ZERO


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
    """What trading_apply writes, and the orders that changed."""

    data: dict[str, Any]
    views: tuple[OrderView, ...]


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
    adjust_orders(draft, orders, effect, instrument)
    data = draft.data() | {"market_at": effect.at.isoformat(), "account": account_row(draft.account)}
    # Of a late action the row holds what changes now, so that the sums of all rows are what the account has.
    after = replace(
        before,
        quantity=before.quantity + held.quantity - snapshot.holding.quantity,
        cost_minor=before.cost_minor + held.cost_minor - snapshot.holding.cost_minor,
    )
    data["adjustment"] = _row(snapshot, effect, before, after, outcome, gained, late=bool(since))
    data["events"].append(_event(snapshot, effect, before, outcome))
    return Decision(data, tuple(draft.view(key) for key in draft.touched()))


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
