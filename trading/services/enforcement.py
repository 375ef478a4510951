"""What happens to accounts that are in trouble at the marks of a tick: margin calls, forced reductions, flat at the
close, and telling that a daily loss limit is near or reached. SQL nominates; the locked row decides.
"""

from __future__ import annotations

import logging
from decimal import ROUND_CEILING, Decimal
from typing import Any

from django.db import connection, transaction

from core.errors import DomainError
from core.money import exponent
from core.services import outbox
from marketdata import selectors as market_selectors
from marketdata.domain.types import MarketView, Tick
from trading import locks
from trading.domain import states
from trading.domain.case import Marks, exposures, margin_at
from trading.domain.margin import Exposure, Margin, Terms, reduction_minor
from trading.domain.positions import ZERO
from trading.domain.snapshot import Snapshot
from trading.domain.types import SYSTEM, OrderRequest
from trading.models import MarginCall, Order
from trading.services.changes import order_end
from trading.services.context import AccountContext, account_context, instrument_of, marks_of
from trading.services.flatten import account_flatten
from trading.services.orders import order_place

logger = logging.getLogger(__name__)

_ROUNDS = 4
_PLAIN = Terms()
_LIVING = "a.status <> 'closed' AND (g.id IS NULL OR g.status <> 'closed')"
# Margin accounts at or below maintenance, give or take the rounding of each position, and those with an open call.
_NOMINEES = f"""
SELECT a.id FROM trading_account a LEFT JOIN trading_accountgroup g ON g.id = a.group_id
LEFT JOIN LATERAL (
    SELECT sum(round(p.quantity * q.minor)) AS value, sum(abs(round(p.quantity * q.minor))) AS exposure, count(*) AS n
    FROM trading_position p
    JOIN unnest(%s::bigint[], %s::text[], %s::numeric[]) AS q(listing_id, currency, minor)
        ON q.listing_id = p.listing_id AND q.currency = a.currency
    WHERE p.account_id = a.id AND p.quantity <> 0) v ON true
WHERE a.market_id = %s AND a.is_margin AND {_LIVING}
    AND (a.cash_minor + v.value - v.n
         <= v.exposure * coalesce((a.terms ->> 'maintenance_pct')::numeric, %s) / 100
         OR EXISTS (SELECT FROM trading_margincall c WHERE c.account_id = a.id AND c.ended_tick IS NULL))
ORDER BY a.id
"""  # noqa: S608  constants of this file
_INTRADAY = f"""
SELECT a.id FROM trading_account a LEFT JOIN trading_accountgroup g ON g.id = a.group_id
WHERE a.market_id = %s AND a.terms ->> 'product' = 'intraday' AND {_LIVING}
    AND (a.open_orders_count > 0
         OR EXISTS (SELECT FROM trading_position p WHERE p.account_id = a.id AND p.quantity <> 0))
ORDER BY a.id
"""  # noqa: S608  constants of this file
# Each level is told once for each account and day, and of several at once the highest: the notices and their event are
# one statement.
_DAILY_LOSS = f"""
WITH limited AS (
    SELECT a.id, a.owner_id, k.equity_minor, k.day_equity_minor, least(
        (r.limits ->> 'max_daily_loss_pct')::numeric, (g.policy -> 'limits' ->> 'max_daily_loss_pct')::numeric) AS pct
    FROM trading_accountmark k JOIN trading_account a ON a.id = k.account_id
    LEFT JOIN trading_accountgroup g ON g.id = a.group_id
    LEFT JOIN trading_risksettings r ON r.owner_id = a.owner_id
    WHERE a.market_id = %(market)s AND k.day_index = %(day)s AND k.equity_minor < k.day_equity_minor AND {_LIVING}
        AND (r.limits ? 'max_daily_loss_pct' OR g.policy -> 'limits' ? 'max_daily_loss_pct')
), told AS (
    INSERT INTO trading_risknotice (account_id, kind, day_index, market_at, details)
    SELECT id, level.kind, %(day)s, %(at)s, jsonb_build_object('owner_id', owner_id, 'limit_pct', pct::text,
        'lost_minor', day_equity_minor - equity_minor, 'day_equity_minor', day_equity_minor, 'tick', %(tick)s,
        'level', level.used)
    FROM limited CROSS JOIN (VALUES (50, 'daily_loss_50'), (80, 'daily_loss_80'), (90, 'daily_loss_90'),
        (100, 'daily_loss_limit')) AS level(used, kind)
    WHERE (day_equity_minor - equity_minor) * 10000 >= pct * day_equity_minor * level.used
    ON CONFLICT DO NOTHING RETURNING account_id, details)
INSERT INTO core_outboxevent (topic, aggregate, payload)
SELECT DISTINCT ON (account_id)
    CASE WHEN (details ->> 'level')::int = 100 THEN 'trading.daily_loss_limit' ELSE 'trading.daily_loss_warning' END,
    'account:' || account_id, details || jsonb_build_object('account_id', account_id)
FROM told ORDER BY account_id, (details ->> 'level')::int DESC
"""  # noqa: S608  constants of this file


def daily_loss_tell(market: MarketView, tick: Tick) -> int:
    """Tell of every account that has used 50, 80, 90 or all of its daily loss at its mark, each once a market day.

    Returns how many were told of. The order path denies new risk in an account without any left by itself.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(_DAILY_LOSS, {"market": market.id, "day": tick.day_index, "at": tick.at, "tick": tick.index})
        return int(cursor.rowcount)


def intraday_flatten(market: MarketView, tick: Tick) -> int:
    """At a session's last print, intraday accounts go flat: orders cancelled, positions closed; returns how many did.

    What the print's volume cannot take goes on at the next prints; what is halted is left, and logged.
    """
    if not tick.is_session_close:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_INTRADAY, [market.id])
        account_ids = [row[0] for row in cursor.fetchall()]
    flat = 0
    for account_id in account_ids:
        report = account_flatten(
            actor=SYSTEM, account_id=account_id, code="intraday_close", source="intraday", time_in_force="gtc"
        )
        flat += report.is_flat
        if report.left:
            logger.warning("intraday account %s is not flat at the close: %s", account_id, report.left)
    return flat


def _prices(market: MarketView, tick: Tick) -> tuple[list[int], list[str], list[Decimal]]:
    """Minor units of one unit of each quoted listing, in each currency of the market's margin accounts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT currency FROM trading_account WHERE market_id = %s AND is_margin", [market.id])
        currencies = [row[0] for row in cursor.fetchall()]
    listings = {item.id: item for item in market_selectors.listings(market.id)}
    columns: tuple[list[int], list[str], list[Decimal]] = [], [], []
    for currency in currencies:
        for quote in tick.quotes.values():
            instrument = instrument_of(listings[quote.listing_id], currency, tick.at.date())
            columns[0].append(quote.listing_id)
            columns[1].append(currency)
            columns[2].append((quote.last * instrument.fx).scaleb(exponent(currency)))
    return columns


def _nominees(market: MarketView, tick: Tick) -> list[int]:
    columns = _prices(market, tick)
    if not columns[0]:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_NOMINEES, [*columns, market.id, _PLAIN.maintenance_pct])
        return [row[0] for row in cursor.fetchall()]


def margin_enforce(market: MarketView, tick: Tick) -> int:
    """Call margin accounts below maintenance, end calls that were met, and reduce by force; returns how many reduced.

    An account is reduced below its close-out level, or when it was called at an earlier tick and is still below
    maintenance at the session's close. Idempotent for a tick.
    """
    reduced = 0
    marks: dict[str, Marks] = {}
    for account_id in _nominees(market, tick):
        context = account_context(account_id)
        if context.currency not in marks:
            marks[context.currency] = marks_of(market.id, context.currency, tick.quotes.values())
        if _judged(context, tick, marks[context.currency]):
            reduced += _reduce(context, tick, marks[context.currency]) > 0
    return reduced


def _standing(context: AccountContext, marks: Marks) -> tuple[Snapshot, Margin] | None:
    """The locked account and where it stands; None when it may not be touched."""
    snapshot = locks.account_snapshot(account_id=context.id)
    if snapshot is None or snapshot.account.status == "closed" or snapshot.group_status == "closed":
        return None
    margin = margin_at(snapshot, marks)
    return None if margin is None else (snapshot, margin)


def _judged(context: AccountContext, tick: Tick, marks: Marks) -> bool:
    """Open or end the account's margin call under its lock; whether positions must be reduced now."""
    with transaction.atomic(durable=True):
        found = _standing(context, marks)
        if found is None:
            return False
        margin = found[1]
        call = MarginCall.objects.filter(account_id=context.id, ended_tick__isnull=True).first()
        if call is not None and call.reduced_orders and not margin.is_covered:
            return True  # what was begun is brought to its end
        if not margin.is_called or not margin.exposure_minor:
            if call is not None:
                _end(call, tick, margin)
            return False
        if call is None:
            call = _call(context, tick, margin)
        return margin.is_closed_out or (tick.is_session_close and call is not None and call.tick < tick.index)


def _figures(margin: Margin) -> dict[str, int]:
    return {
        "equity_minor": margin.equity_minor,
        "exposure_minor": margin.exposure_minor,
        "maintenance_minor": margin.maintenance_minor,
        "close_out_minor": margin.close_out_minor,
    }


def _call(context: AccountContext, tick: Tick, margin: Margin) -> MarginCall | None:
    """A new call with its event; None when one was made and ended at this very tick."""
    call, made = MarginCall.objects.get_or_create(
        account_id=context.id, tick=tick.index, defaults={"market_at": tick.at, **_figures(margin)}
    )
    if not made:
        return None
    _emit("margin_call", context.id, {"owner_id": context.owner_id, "tick": tick.index, **_figures(margin)})
    return call


def _end(call: MarginCall, tick: Tick, margin: Margin) -> None:
    outcome = MarginCall.Outcome.REDUCED if call.reduced_orders else MarginCall.Outcome.MET
    call.outcome, call.ended_tick, call.ended_at = outcome, tick.index, tick.at
    call.save(update_fields=["outcome", "ended_tick", "ended_at"])
    details = {"tick": tick.index, "outcome": outcome, "orders": call.reduced_orders, **_figures(margin)}
    _emit("margin_call_ended", call.account_id, details)


def _emit(kind: str, account_id: int, payload: dict[str, Any]) -> None:
    body = {"account_id": account_id, **payload}
    outbox.emit(topic=f"trading.{kind}", aggregate=f"account:{account_id}", payload=body)


def _reduce(context: AccountContext, tick: Tick, marks: Marks) -> int:
    """Close the largest positions until equity covers the initial margin of the rest; returns the orders that filled.

    Orders that would open anything are cancelled first. Closing costs spread and charges, so the account is looked at
    again until it is covered or nothing more can be closed at this print.
    """
    opening = Order.objects.filter(account_id=context.id, status__in=states.LIVE, reduce_only=False).order_by("id")
    for order_id in list(opening.values_list("id", flat=True)):
        order_end(account_id=context.id, order_id=order_id, status=states.CANCELED, code="margin_call", actor=SYSTEM)
    filled, stuck = 0, set[int]()
    for _ in range(_ROUNDS * max(len(marks), 1)):
        with transaction.atomic(durable=True):
            found = _standing(context, marks)
        if found is None or not (missing := reduction_minor(found[1], found[0].terms)):
            break
        candidates = [item for item in exposures(found[0], marks) if item.listing_id not in stuck]
        if not candidates:
            break
        largest = max(candidates, key=lambda item: (abs(item.value_minor), -item.listing_id))
        asked, done = _close(context, largest, missing, marks)
        filled += done > 0
        if done < asked or not asked:
            # The print gives no more of it: asking again would take the same volume twice.
            stuck.add(largest.listing_id)
    _settle(context, tick, marks, filled)
    return filled


def _close(context: AccountContext, position: Exposure, missing: int, marks: Marks) -> tuple[Decimal, Decimal]:
    """Close what is missing of a position, in whole lots: the quantity asked for, and what of it filled."""
    mark = marks.get(position.listing_id)
    if mark is None or not position.value_minor:
        return ZERO, ZERO
    held, lot = abs(position.quantity), mark[1].lot_size
    lots = (held * missing / abs(position.value_minor) / lot).to_integral_value(ROUND_CEILING)
    request = OrderRequest(
        symbol=mark[1].symbol,
        side="sell" if position.quantity > 0 else "buy",
        quantity=min(lots * lot, held),
        time_in_force="ioc",
        source="margin",
        reduce_only=True,
    )
    try:
        view = order_place(actor=SYSTEM, account_id=context.id, request=request)
    except DomainError:
        logger.exception("account %s could not be reduced in %s", context.id, mark[1].symbol)
        return request.quantity, ZERO
    return request.quantity, Decimal(view.filled_quantity)


def _settle(context: AccountContext, tick: Tick, marks: Marks, filled: int) -> None:
    """Store what the reduction came to: a call that is covered ends; another goes on at the next tick."""
    with transaction.atomic(durable=True):
        found = _standing(context, marks)
        call = MarginCall.objects.filter(account_id=context.id, ended_tick__isnull=True).first()
        if found is None or call is None:
            return
        call.reduced_orders += filled
        call.save(update_fields=["reduced_orders"])
        if found[1].is_covered:
            _end(call, tick, found[1])
