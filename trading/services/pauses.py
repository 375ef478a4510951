"""Pauses of enforcement: a listing whose price is not believed, and what its holders are judged at meanwhile.

The market's process looks at each tick's quotes before anything judges (`pauses_tick`), with the last good prices in
memory; they come back from the market's timeline after a restart. Which pauses hold is the table's business: it is read
once a tick, so that what an operator opens or closes counts from the next tick on at the latest.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, connection, transaction

from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.services import audit, outbox
from marketdata import selectors as market_selectors
from marketdata.domain.types import MarketView, Tick, TickAction, iso, plain
from trading import locks
from trading.domain.anomalies import ANOMALY, OPERATOR, Bounds, Change, Held, Watch, followed, is_price
from trading.domain.types import Actor
from trading.models import EnforcementPause

MARKETS_KEPT = 64
_MOST = Decimal(10) ** 15
# After a restart a hold is followed again over so many ticks.
_LOOK_BACK = 8
_STEP = Decimal("0.000001")
_HOLDERS = """
SELECT p.account_id FROM trading_position p JOIN trading_accountrules r ON r.account_id = p.account_id
WHERE p.listing_id = ANY(%s) AND p.quantity <> 0
"""


@dataclass(slots=True)
class _Seen:
    """What this process knows of a market at a tick: its watch, the pauses that hold (ids), who was let go at it."""

    slug: str
    tick: int
    watch: Watch
    rows: dict[int, int] = field(default_factory=dict)
    resumed: set[int] = field(default_factory=set)


_seen: OrderedDict[int, _Seen] = OrderedDict()


def forget() -> None:
    """Forget every market (a crash, tests)."""
    _seen.clear()


def pauses_tick(market: MarketView, tick: Tick) -> list[Change]:
    """Open and close the pauses of a tick, before anything is judged at it; what changed. Idempotent per tick."""
    known = _seen.get(market.id)
    if known is not None and (known.slug, known.tick) == (market.slug, tick.index):
        return []
    try:
        changes = _step(market, tick)
    except BaseException:
        _seen.pop(market.id, None)
        raise
    while len(_seen) > MARKETS_KEPT:
        _seen.popitem(last=False)
    return changes


def _step(market: MarketView, tick: Tick) -> list[Change]:
    rows = {row.listing_id: row for row in EnforcementPause.objects.filter(market_id=market.id, until_tick=None)}
    known = _seen.pop(market.id, None)
    decided: set[int] = set()
    if known is None or (known.slug, known.tick) != (market.slug, tick.index - 1):
        known, decided = _begin(market, tick, rows)
    else:
        known.resumed = set()
    spared = {item.listing_id for item in market_selectors.timeline(market.id).actions(tick.day_index)}
    _agree(known, rows)
    changes = [change for action in tick.actions for change in _split(tick, action, known, rows)]
    changes += known.watch.step((item for item in tick.quotes.values() if item.listing_id not in decided), spared)
    if changes or tick.is_last:
        with transaction.atomic(durable=True):
            for change in changes:
                _store(market, tick, change, rows)
            if tick.is_last:
                _end(market, tick, rows)
    known.tick, known.rows = tick.index, {listing_id: row.pk for listing_id, row in rows.items()}
    known.resumed |= {change.listing_id for change in changes if not change.opens} - rows.keys()
    _seen[market.id] = known
    return changes


def _begin(market: MarketView, tick: Tick, rows: dict[int, EnforcementPause]) -> tuple[_Seen, set[int]]:
    """What is known of a market that this process has not followed; and the listings that were decided on at the tick.

    The last prices of before, but for what was held then; a pause that opened or ended at this tick has been looked at.
    """
    before = tick.index - 1
    good = market_selectors.timeline(market.id).lasts(before) if before >= 0 else {}
    lately = EnforcementPause.objects.filter(market_id=market.id, until_tick__gte=before)
    known, decided = _Seen(market.slug, before, Watch(good=dict(good))), set()
    for row in [*lately, *rows.values()]:
        if row.until_tick is not None and row.until_tick <= tick.index:
            known.resumed.add(row.listing_id)
        if row.from_tick == tick.index or (row.until_tick is not None and row.until_tick >= tick.index):
            decided.add(row.listing_id)
        if row.until_tick is None or row.until_tick > before:
            known.watch.good[row.listing_id] = row.held_price
        if row.until_tick is None:
            known.rows[row.listing_id] = row.pk
            known.watch.held[row.listing_id] = _followed(market, row, before)
    for quote in tick.quotes.values():
        if quote.listing_id in decided - rows.keys() and is_price(quote.last):
            known.watch.good[quote.listing_id] = quote.last
    return known, decided


def _followed(market: MarketView, row: EnforcementPause, before: int) -> Held:
    """A hold as it stands after the tick `before`, by what its listing showed since it began."""
    held, bounds = Held(row.kind, row.held_price, row.seen_price), Bounds()
    line = market_selectors.timeline(market.id)
    for index in range(max(row.from_tick + 1, before - _LOOK_BACK), before + 1):
        last = line.lasts(index).get(row.listing_id)
        if last is not None and row.kind == ANOMALY:
            held = followed(held, last, bounds)
    return held


def _split(tick: Tick, action: TickAction, known: _Seen, rows: dict[int, EnforcementPause]) -> list[Change]:
    """Count what is remembered in the new shares. A pause goes on as another: before this tick its price is the old."""
    row, listing_id = rows.get(action.listing_id), action.listing_id
    if action.kind != "split" or (row is not None and row.from_tick >= tick.index):
        return []
    known.watch.split(listing_id, action.value)
    if row is None:
        return []
    held, why = known.watch.held[listing_id], "a split: it goes on in new shares"
    return [
        Change(False, listing_id, action.symbol, row.kind, why, row.held_price, held.level),
        Change(True, listing_id, action.symbol, row.kind, row.reason, held.price, held.level),
    ]


def _agree(known: _Seen, rows: dict[int, EnforcementPause]) -> None:
    """Hold what the table holds. What it does not hold any more an operator let go: its next price is believed."""
    watch = known.watch
    for listing_id, row in rows.items():
        if known.rows.get(listing_id) != row.pk or listing_id not in watch.held:
            watch.held[listing_id] = Held(row.kind, row.held_price, row.seen_price)
            watch.good.setdefault(listing_id, row.held_price)
    gone = set(watch.held) - rows.keys()
    for listing_id in gone:
        del watch.held[listing_id]
        watch.good.pop(listing_id, None)
    known.resumed |= gone


def _store(market: MarketView, tick: Tick, change: Change, rows: dict[int, EnforcementPause]) -> None:
    if change.opens:
        rows[change.listing_id] = _open(
            EnforcementPause(
                market_id=market.id,
                listing_id=change.listing_id,
                kind=change.kind,
                reason=change.reason[:200],
                held_price=_storable(change.price),
                seen_price=_storable(change.seen),
                from_tick=tick.index,
                from_at=tick.at,
            ),
            change.symbol,
        )
        return
    row = rows.pop(change.listing_id)
    _close(row, tick.index, tick.at, change.reason, change.symbol)


def _end(market: MarketView, tick: Tick, rows: dict[int, EnforcementPause]) -> None:
    """The market is over with this tick, at which they hold still."""
    names = {item.id: item.symbol for item in market_selectors.listings(market.id)} if rows else {}
    for listing_id, row in rows.items():
        _close(row, tick.index + 1, tick.at, "the market is over", names.get(listing_id, ""))


def _storable(price: Decimal) -> Decimal:
    if not price.is_finite():
        return Decimal(0)
    return max(min(price, _MOST), -_MOST).quantize(_STEP)


def _open(row: EnforcementPause, symbol: str, actor: Actor | None = None) -> EnforcementPause:
    row.save(force_insert=True)
    _tell(row, "enforcement_paused", symbol, row.reason, row.from_tick, iso(row.from_at), actor)
    return row


def _close(
    row: EnforcementPause, tick: int, at: datetime, reason: str, symbol: str, actor: Actor | None = None
) -> None:
    row.until_tick, row.until_at, row.end_reason = tick, at, reason[:200]
    row.released_by_id = None if actor is None else actor.user_id
    row.save(update_fields=["until_tick", "until_at", "end_reason", "released_by"])
    _tell(row, "enforcement_resumed", symbol, reason, tick, iso(at), actor)


def _tell(row: EnforcementPause, event: str, symbol: str, reason: str, tick: int, at: str, actor: Actor | None) -> None:
    payload = {
        "pause_id": row.pk,
        "market_id": row.market_id,
        "listing_id": row.listing_id,
        "symbol": symbol,
        "kind": row.kind,
        "reason": reason,
        "held_price": plain(row.held_price),
        "seen_price": plain(row.seen_price),
        "tick": tick,
        "market_at": at,
    }
    outbox.emit(topic=f"trading.{event}", aggregate=f"market:{row.market_id}", payload=payload)
    audit.record(
        actor=actor, action=event, subject_type="listing", subject_id=row.listing_id, after=payload, reason=reason
    )


def held_prices(market_id: int, tick: int) -> dict[int, Decimal]:
    """Prices by listing id that rules go by at the tick that this process is at, in place of the market's."""
    known = _seen.get(market_id)
    if known is None or known.tick != tick:
        return {}
    return {listing_id: held.price for listing_id, held in known.watch.held.items()}


def resumed_holders(market_id: int, tick: int) -> set[int]:
    """Accounts under rules that hold what was let go at the tick that this process is at: to be judged again."""
    known = _seen.get(market_id)
    if known is None or known.tick != tick or not known.resumed:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_HOLDERS, [sorted(known.resumed)])
        return {row[0] for row in cursor.fetchall()}


def pause_open(*, actor: Actor, listing_id: int, reason: str, held_price: Decimal | None = None) -> int:
    """Hold a listing at an operator's word: its holders' rules go by `held_price` (the last price, when None) from now.

    It ends by an operator only. Its id. Raises Forbidden, Invalid (`reason_needed`, `price_invalid`), NotFound,
    Conflict (`already_paused`, `market_not_begun`).
    """
    reason = _require(actor, reason)
    listing = market_selectors.listing_by_id(listing_id)
    if held_price is not None and not (held_price.is_finite() and 0 < held_price < _MOST):
        raise Invalid("price_invalid", "The price must be above zero.", {"field": "held_price"})
    market = market_selectors.market_row(listing.market_id)
    if market.tick < 0 or market.tick_at is None:
        raise Conflict("market_not_begun", "This market has shown no price yet.")
    last = market_selectors.timeline(market.pk).lasts(market.tick)
    last |= {quote.listing_id: quote.last for quote in market_selectors.quotes_of(market).values()}
    price = held_price or last.get(listing_id)
    if price is None:
        raise Conflict("market_not_begun", "This listing has shown no price yet.")
    row = EnforcementPause(
        market_id=market.pk,
        listing_id=listing_id,
        kind=OPERATOR,
        reason=reason,
        held_price=_storable(price),
        seen_price=_storable(last.get(listing_id, price)),
        from_tick=market.tick,
        from_at=market.tick_at,
    )
    try:
        with transaction.atomic(durable=True):
            return _open(row, listing.symbol, actor).pk
    except IntegrityError as error:
        raise Conflict("already_paused", f"{listing.symbol} is paused already.") from error


def pause_close(*, actor: Actor, pause_id: int, reason: str) -> None:
    """End a pause at an operator's word: what the market shows is judged by again, at the next tick at the latest.

    Raises Forbidden, Invalid `reason_needed`, NotFound, Conflict `pause_over`.
    """
    reason = _require(actor, reason)
    with transaction.atomic(durable=True):
        row = locks.pause_lock(pause_id)
        if row is None:
            raise NotFound("pause_not_found", "There is no such pause.")
        if row.until_tick is not None:
            raise Conflict("pause_over", "This pause is over.")
        market = market_selectors.market_row(row.market_id)
        at = market.tick_at or row.from_at
        _close(row, max(market.tick, row.from_tick), at, reason, row.listing.symbol, actor)


def _require(actor: Actor, reason: str) -> str:
    if not actor.is_staff:
        raise Forbidden("operators_only", "Only an operator may do this.")
    reason = reason.strip()[:200]
    if not reason:
        raise Invalid("reason_needed", "Give a reason.", {"field": "reason"})
    return reason
