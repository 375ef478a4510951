"""Corporate actions: applied to every account before the prices of their tick are matched.

Each account in its own transaction under its lock, by ascending id, once (Adjustment is unique by account and
reference). Between the moment that a tick is shown and the moment that its actions have been applied an order may come
in: the order path settles its own account first (`actions_settle`).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.db import connection, transaction

from core.errors import DomainError
from core.money import exponent
from core.push import publish
from marketdata import selectors as market_selectors
from marketdata.domain.types import MarketView, Tick, TickAction
from trading import locks
from trading.domain import corporate, states
from trading.domain.adjusting import Effect
from trading.domain.corporate import FillStep
from trading.domain.snapshot import Instrument, OrderState, order_state
from trading.models import Account, Order
from trading.services.barrier import barrier_wait
from trading.services.context import AccountContext, account_context, instrument_of
from trading.services.rebuild import steps_of

logger = logging.getLogger(__name__)

KINDS = ("split", "dividend", "delisting")

# Whom an action may touch: holders, and those with orders in the listing, that have not had it. Accounts and groups
# that are closed stand still: they are no longer marked either.
_NOMINEES = """
SELECT a.id FROM trading_account a LEFT JOIN trading_accountgroup g ON g.id = a.group_id
WHERE a.market_id = %(market)s AND a.status <> 'closed' AND (g.id IS NULL OR g.status <> 'closed')
    AND a.id IN (
        SELECT account_id FROM trading_position
        WHERE listing_id = %(listing)s AND (quantity <> 0 OR %(late)s)
        UNION SELECT account_id FROM trading_order WHERE listing_id = %(listing)s AND accepted_tick < %(tick)s
            AND status IN ('held', 'accepted', 'triggered', 'partially_filled') AND %(orders)s)
    AND NOT EXISTS (SELECT FROM trading_adjustment j WHERE j.account_id = a.id AND j.reference = %(reference)s)
ORDER BY a.id
"""
# The same for one account; where it trades itself, its lock decides.
_OWN = """
SELECT r.reference
FROM unnest(%(references)s::text[], %(listings)s::bigint[]) WITH ORDINALITY AS r(reference, listing, n)
WHERE NOT EXISTS (SELECT FROM trading_adjustment j
        WHERE j.account_id = %(account)s AND j.reference = r.reference)
    AND (r.listing = %(own)s
        OR EXISTS (SELECT FROM trading_position p
            WHERE p.account_id = %(account)s AND p.listing_id = r.listing AND p.quantity <> 0)
        OR EXISTS (SELECT FROM trading_order o WHERE o.account_id = %(account)s AND o.listing_id = r.listing
            AND o.accepted_tick < %(tick)s AND o.status IN ('held', 'accepted', 'triggered', 'partially_filled')))
ORDER BY r.n
"""
# Under the account's lock: whether it has had the action, its live orders, and what has happened since.
_STATE = """
SELECT EXISTS (SELECT FROM trading_adjustment WHERE account_id = %(account)s AND reference = %(reference)s),
    (SELECT jsonb_agg(to_jsonb(o) ORDER BY o.id) FROM trading_order o
     WHERE o.account_id = %(account)s AND o.listing_id = %(listing)s
        AND o.status IN ('held', 'accepted', 'triggered', 'partially_filled'))::text,
    EXISTS (SELECT FROM trading_fill WHERE account_id = %(account)s AND listing_id = %(listing)s
            AND market_at >= %(at)s)
    OR EXISTS (SELECT FROM trading_adjustment WHERE account_id = %(account)s AND listing_id = %(listing)s
            AND market_at > %(at)s)
"""


@dataclass(slots=True)
class ActionReport:
    """What one action has done, or would do, in a market. `failed` names the accounts that were left, and why."""

    action: TickAction
    accounts: int = 0
    orders: int = 0
    failed: list[tuple[int, str]] = field(default_factory=list)


def actions_of_day(market_id: int, tick: int) -> tuple[TickAction, ...]:
    """The actions of the session that a tick belongs to."""
    if tick < 0:
        return ()
    line = market_selectors.timeline(market_id)
    return line.actions(line.day_of(tick))


def _effect(market_id: int, action: TickAction, day: int, currency: str) -> tuple[Effect, Instrument]:
    """An action of a session as it meets accounts in `currency`. Raises Unavailable without an exchange rate."""
    line = market_selectors.timeline(market_id)
    listing = next(item for item in market_selectors.listings(market_id) if item.id == action.listing_id)
    tick = line.first_tick(day)
    at = line.at(tick)
    instrument = instrument_of(listing, currency, at.date())
    unit, ratio = Fraction(action.value), Decimal(1)
    if action.kind == "split":
        # A fraction is paid at the last price of before, in the new shares.
        unit, ratio = line.before_split(day, action), action.value
    effect = Effect(
        kind=action.kind,
        listing_id=action.listing_id,
        symbol=listing.symbol,
        ex_date=action.ex_date,
        at=at,
        tick=tick,
        unit_minor=unit * Fraction(instrument.fx) * 10 ** exponent(currency),
        lot_size=listing.lot_size,
        ratio=ratio,
    )
    return effect, instrument


def _account_act(context: AccountContext, effect: Effect, instrument: Instrument) -> int | None:
    """Apply an action to one account; the number of orders that changed, or None when there was nothing to do."""
    with transaction.atomic(durable=True):
        snapshot = locks.account_snapshot(account_id=context.id, listing_id=effect.listing_id)
        if snapshot is None or snapshot.account.status == "closed" or snapshot.group_status == "closed":
            return None
        done, orders, late = _state(context.id, effect)
        if done:
            return None
        earlier, since = _around(context.id, effect) if late else ([], [])
        snapshot = replace(snapshot, companions=tuple(orders))
        decided = corporate.decide(snapshot, effect, instrument, earlier=earlier, since=since)
        if decided is None:
            return None
        locks.plan_apply(decided.data, last=True)
    for view in decided.views:
        publish(f"account:{context.id}", "order", view.to_json())
    return len(decided.views)


def _state(account_id: int, effect: Effect) -> tuple[bool, list[OrderState], bool]:
    values: dict[str, Any] = {
        "account": account_id,
        "listing": effect.listing_id,
        "reference": effect.reference,
        "at": effect.at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_STATE, values)
        done, text, late = cursor.fetchone()
    rows = json.loads(text, parse_float=Decimal) if text else []
    return done, [order_state(row) for row in rows], late


def _around(account_id: int, effect: Effect) -> tuple[list[FillStep | Effect], list[FillStep | Effect]]:
    """The position's history before an action's moment and after it."""
    earlier: list[FillStep | Effect] = []
    since: list[FillStep | Effect] = []
    for at, step in steps_of(account_id, effect.listing_id):
        after = at >= effect.at if isinstance(step, FillStep) else at > effect.at
        (since if after else earlier).append(step)
    return earlier, since


def actions_settle(context: AccountContext, tick: int, listing_id: int) -> None:
    """Apply today's actions that an order in `listing_id` depends on to its account, if they have not been yet.

    At a session's first print that is every position's: equity counts them all. Later prints find them applied, but for
    an order's own listing nothing is taken on trust. Costs nothing on a day without such an action.
    """
    actions = actions_of_day(context.market_id, tick)
    if not actions:
        return
    line = market_selectors.timeline(context.market_id)
    day = line.day_of(tick)
    first = line.first_tick(day)
    today = {
        _reference(action): action
        for action in actions
        if action.kind in KINDS and (tick == first or action.listing_id == listing_id)
    }
    for reference in _due(context.id, today, first, listing_id):
        _account_act(context, *_effect(context.market_id, today[reference], day, context.currency))


def actions_due(account_id: int, market_id: int, tick: int) -> list[str]:
    """The references of today's actions that an account holds shares of and has not had yet."""
    today = {_reference(action): action for action in actions_of_day(market_id, tick) if action.kind in KINDS}
    line = market_selectors.timeline(market_id)
    return _due(account_id, today, line.first_tick(line.day_of(tick)), None) if today else []


def _due(account_id: int, today: dict[str, TickAction], day_tick: int, listing_id: int | None) -> list[str]:
    """The references of the actions that one account has not had; of its own listing the lock decides."""
    if not today:
        return []
    values: dict[str, Any] = {
        "account": account_id,
        "references": list(today),
        "listings": [action.listing_id for action in today.values()],
        "own": listing_id,
        "tick": day_tick,
    }
    with connection.cursor() as cursor:
        cursor.execute(_OWN, values)
        return [row[0] for row in cursor.fetchall()]


def _reference(action: TickAction) -> str:
    return f"{action.kind}:{action.listing_id}:{action.ex_date.isoformat()}"


def actions_tick(market: MarketView, tick: Tick) -> list[ActionReport]:
    """Apply what takes effect before a tick's prices; at the print after, what was overtaken. Idempotent."""
    if tick.phase > 1:
        return []
    actions = tick.actions if tick.phase == 0 else actions_of_day(market.id, tick.index)
    if not actions:
        return []
    if tick.phase == 0:
        barrier_wait()
    return [action_apply(market.id, action, tick.day_index) for action in actions]


def action_apply(
    market_id: int, action: TickAction, day: int, *, late: bool = False, dry_run: bool = False
) -> ActionReport:
    """Apply one action of a session to every account of a market that it touches, by ascending id.

    `late` looks at accounts that have sold since, too. An account that cannot take it is left and reported; a lost
    database is not swallowed.
    """
    report = ActionReport(action)
    if action.kind == "symbol_change":
        report.orders = _rename(market_id, action, dry_run=dry_run)
        return report
    effects: dict[str, tuple[Effect, Instrument]] = {}
    for account_id in _nominees(market_id, action, day, late=late):
        context = account_context(account_id)
        if context.currency not in effects:
            effects[context.currency] = _effect(market_id, action, day, context.currency)
        try:
            changed = 0 if dry_run else _account_act(context, *effects[context.currency])
        except DomainError as error:
            logger.exception("%s was not applied to account %s", effects[context.currency][0].reference, account_id)
            report.failed.append((account_id, error.code))
            continue
        if changed is not None:
            report.accounts += 1
            report.orders += changed
    return report


def _nominees(market_id: int, action: TickAction, day: int, *, late: bool) -> list[int]:
    values: dict[str, Any] = {
        "market": market_id,
        "listing": action.listing_id,
        "tick": market_selectors.timeline(market_id).first_tick(day),
        "late": late,
        "orders": action.kind != "dividend",
        "reference": _reference(action),
    }
    with connection.cursor() as cursor:
        cursor.execute(_NOMINEES, values)
        return [row[0] for row in cursor.fetchall()]


def _rename(market_id: int, action: TickAction, *, dry_run: bool) -> int:
    """Give live orders the new symbol of their listing, an account at a time; returns how many."""
    rows = Order.objects.filter(listing_id=action.listing_id, status__in=states.LIVE, account__market_id=market_id)
    rows = rows.exclude(symbol=action.new_symbol)
    if dry_run:
        return rows.count()
    renamed = 0
    for account_id in rows.order_by("account_id").values_list("account_id", flat=True).distinct():
        with transaction.atomic(durable=True):
            Account.objects.select_for_update(no_key=True).get(pk=account_id)
            renamed += rows.filter(account_id=account_id).update(symbol=action.new_symbol)
    return renamed


def actions_catch_up(*, market_id: int, dry_run: bool = False, days: Iterable[int] | None = None) -> list[ActionReport]:
    """Apply every action of a market up to its tick that accounts have missed, in order."""
    tick = market_selectors.market_view(market_id).tick
    if tick < 0:
        return []
    line = market_selectors.timeline(market_id)
    known = line.action_days(line.day_of(tick))
    return [
        action_apply(market_id, action, day, late=True, dry_run=dry_run)
        for day in (known if days is None else sorted(set(days) & set(known)))
        for action in line.actions(day)
        if action.kind in KINDS
    ]
