"""A market's life: created idle, started, paused, resumed, ended. Each change is audited and told to the outbox.

Every entry service has a composable `..._in_tx` twin for callers that are already in a transaction.
"""

import re
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from core.errors import Conflict, Invalid
from core.services import audit, outbox
from marketdata.domain.live import LiveDefinition
from marketdata.domain.overlay import Overlay
from marketdata.domain.replay import ReplayDefinition
from marketdata.domain.types import MarketView
from marketdata.locks import market_lock
from marketdata.models import Instrument, Listing, Market
from marketdata.selectors import market_view, replay_plan, view_of
from marketdata.selectors.sessions import exchange_view
from marketdata.services.publish import status_publish

__all__ = ["market_create_replay", "market_end", "market_pause", "market_resume", "market_start", "market_view"]

Status = Market.Status
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# verb -> (states it leaves, state it reaches, event)
_MOVES: dict[str, tuple[tuple[str, ...], str, str]] = {
    "start": ((Status.IDLE,), Status.RUNNING, "started"),
    "pause": ((Status.RUNNING,), Status.PAUSED, "paused"),
    "resume": ((Status.PAUSED,), Status.RUNNING, "resumed"),
    "end": ((Status.IDLE, Status.RUNNING, Status.PAUSED), Status.ENDED, "ended"),
}


def market_create_replay_in_tx(
    *,
    actor: object | None,
    slug: str,
    name: str,
    definition: ReplayDefinition | Mapping[str, Any],
    venue: Mapping[str, Any] | None = None,
) -> MarketView:
    """`market_create_replay` in the caller's transaction."""
    if not isinstance(definition, ReplayDefinition):
        definition = ReplayDefinition.from_json(definition)
    definition.validated()
    _check_names(slug, name)
    Overlay.of(venue or {}, definition.seed)
    plan = replay_plan(definition)
    market = _row_create(
        slug=slug,
        name=name,
        currency=plan.currency,
        definition=definition.to_json(),
        venue=dict(venue or {}),
        days_total=plan.table.days_total,
        source_label=plan.source_label,
        is_simulated=plan.is_simulated,
        created_by_id=_user_id(actor),
    )
    Listing.objects.bulk_create(
        Listing(
            market=market,
            instrument_id=item.instrument_id,
            symbol=symbol,
            name=item.name,
            sector=item.sector,
            position=item.position,
        )
        for item, symbol in zip(plan.listings, plan.table.names(-1), strict=True)
    )
    audit.record(
        actor=actor, action="market.create", subject_type="market", subject_id=market.pk, after=market.definition
    )
    return view_of(market)


def market_create_replay(
    *,
    actor: object | None,
    slug: str,
    name: str,
    definition: ReplayDefinition | Mapping[str, Any],
    venue: Mapping[str, Any] | None = None,
) -> MarketView:
    """Create an idle replay market over loaded history. `venue` is how orders execute there.

    Its currency is that of the first symbol; instruments in others need exchange rates for the whole slice. Raises
    Invalid (definition, venue, unknown symbols, history or rates that do not cover the slice) and Conflict.
    """
    with transaction.atomic(durable=True):
        return market_create_replay_in_tx(actor=actor, slug=slug, name=name, definition=definition, venue=venue)


def market_create_in_tx(
    *,
    actor: object | None,
    slug: str,
    name: str,
    definition: Mapping[str, Any],
    venue: Mapping[str, Any] | None = None,
) -> MarketView:
    """Create the kind of market that a definition names (`kind`: replay when it names none), idle."""
    kind = str(definition.get("kind", Market.Kind.REPLAY))
    rest = {key: value for key, value in definition.items() if key != "kind"}
    if kind == Market.Kind.REPLAY:
        return market_create_replay_in_tx(actor=actor, slug=slug, name=name, definition=rest, venue=venue)
    if kind not in (Market.Kind.LIVE, Market.Kind.SIMULATED):
        raise Invalid("invalid_definition", "A market is a replay, live or simulated.", {"field": "kind"})
    return market_create_live_in_tx(
        actor=actor, slug=slug, name=name, definition=LiveDefinition.from_json(rest), venue=venue
    )


def market_create_live_in_tx(
    *,
    actor: object | None,
    slug: str,
    name: str,
    definition: LiveDefinition,
    venue: Mapping[str, Any] | None = None,
) -> MarketView:
    """Create an idle market that shows what the feed has of its instruments, in the sessions of its exchange.

    It is simulated when its exchange is, and then lists simulated instruments only; else it lists none of them. Raises
    Invalid (definition, venue, unknown symbols or exchange) and Conflict.
    """
    _check_names(slug, name)
    Overlay.of(venue or {}, definition.seed)
    exchange = exchange_view(definition.exchange)
    rows = _instruments_listed(definition, is_simulated=exchange.is_simulated)
    kind = Market.Kind.SIMULATED if exchange.is_simulated else Market.Kind.LIVE
    label = "SIMULATED prices of" if exchange.is_simulated else "Live prices,"
    market = _row_create(
        slug=slug,
        name=name,
        kind=kind,
        exchange=exchange.code,
        currency=rows[definition.symbols[0]].currency,
        definition=definition.to_json(),
        venue=dict(venue or {}),
        source_label=f"{label} {exchange.name}",
        is_simulated=exchange.is_simulated,
        created_by_id=_user_id(actor),
    )
    Listing.objects.bulk_create(
        Listing(
            market=market,
            instrument=rows[symbol],
            symbol=symbol,
            name=rows[symbol].name,
            sector=rows[symbol].sector,
            position=position,
        )
        for position, symbol in enumerate(definition.symbols)
    )
    audit.record(
        actor=actor, action="market.create", subject_type="market", subject_id=market.pk, after=market.definition
    )
    return view_of(market)


def _instruments_listed(definition: LiveDefinition, *, is_simulated: bool) -> dict[str, Instrument]:
    """The instruments of a live definition by symbol; raises Invalid for unknown ones and those of the other sort."""
    rows = {row.symbol: row for row in Instrument.objects.filter(symbol__in=definition.symbols, is_active=True)}
    missing = [symbol for symbol in definition.symbols if symbol not in rows]
    if missing:
        raise Invalid("unknown_symbol", "Some of the symbols are not known.", {"symbols": missing[:50]})
    odd = [symbol for symbol, row in rows.items() if row.is_simulated != is_simulated]
    if odd:
        message = "Simulated and real instruments do not trade in one market."
        raise Invalid("mixed_sources", message, {"field": "symbols", "symbols": odd[:50]})
    return rows


def _check_names(slug: str, name: str) -> None:
    if not _SLUG.fullmatch(slug) or len(slug) > 80:
        raise Invalid("invalid_slug", "The address is small letters, digits and dashes, at most 80.", {"field": "slug"})
    if not 0 < len(name.strip()) <= 120:
        raise Invalid("invalid_name", "The name has 1 to 120 characters.", {"field": "name"})


def _user_id(actor: object | None) -> int | None:
    return getattr(actor, "pk", None) or getattr(actor, "user_id", None)


def _row_create(*, slug: str, **fields: Any) -> Market:
    try:
        with transaction.atomic():
            return Market.objects.create(slug=slug, **fields)
    except IntegrityError as error:
        raise Conflict("market_exists", "There is already a market with this address.", {"slug": slug}) from error


def _move_in_tx(verb: str, actor: object | None, market_id: int, reason: str) -> Market:
    sources, target, event = _MOVES[verb]
    market = market_lock(market_id)
    if market.status == target:
        return market
    if market.status not in sources:
        details = {"status": market.status, "market": market.slug}
        raise Conflict("market_state", f"You cannot {verb} a market that is {market.status}.", details)
    before, market.status = market.status, target
    market.save(update_fields=["status"])
    outbox.emit(
        topic=f"marketdata.market_{event}",
        aggregate=f"market:{market.pk}",
        payload={"market_id": market.pk, "slug": market.slug, "tick": market.tick},
    )
    audit.record(
        actor=actor,
        action=f"market.{verb}",
        subject_type="market",
        subject_id=market.pk,
        before={"status": before},
        after={"status": str(target)},
        reason=reason,
    )
    return market


def _move(verb: str, actor: object | None, market_id: int, reason: str) -> MarketView:
    with transaction.atomic(durable=True):
        market = _move_in_tx(verb, actor, market_id, reason)
    status_publish(market=market)
    return view_of(market)


def _move_composed(verb: str, actor: object | None, market_id: int, reason: str) -> MarketView:
    market = _move_in_tx(verb, actor, market_id, reason)
    transaction.on_commit(lambda: status_publish(market=market), robust=True)
    return view_of(market)


def market_start(*, actor: object | None, market_id: int, reason: str = "") -> MarketView:
    """Let an idle market run. Starting a running one changes nothing."""
    return _move("start", actor, market_id, reason)


def market_start_in_tx(*, actor: object | None, market_id: int, reason: str = "") -> MarketView:
    """`market_start` in the caller's transaction; shown once it commits."""
    return _move_composed("start", actor, market_id, reason)


def market_pause(*, actor: object | None, market_id: int, reason: str = "") -> MarketView:
    """Stop the clock where it is; orders are refused until it resumes."""
    return _move("pause", actor, market_id, reason)


def market_pause_in_tx(*, actor: object | None, market_id: int, reason: str = "") -> MarketView:
    """`market_pause` in the caller's transaction; shown once it commits."""
    return _move_composed("pause", actor, market_id, reason)


def market_resume(*, actor: object | None, market_id: int, reason: str = "") -> MarketView:
    """Let a paused market go on from the tick in force."""
    return _move("resume", actor, market_id, reason)


def market_resume_in_tx(*, actor: object | None, market_id: int, reason: str = "") -> MarketView:
    """`market_resume` in the caller's transaction; shown once it commits."""
    return _move_composed("resume", actor, market_id, reason)


def market_end(*, actor: object | None, market_id: int, reason: str = "") -> MarketView:
    """End a market for good, wherever it stands."""
    return _move("end", actor, market_id, reason)


def market_end_in_tx(*, actor: object | None, market_id: int, reason: str = "") -> MarketView:
    """`market_end` in the caller's transaction; shown once it commits."""
    return _move_composed("end", actor, market_id, reason)
