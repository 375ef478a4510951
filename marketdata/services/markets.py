"""A market's life: created idle, started, paused, resumed, ended. Each change is audited and told to the outbox.

Every entry service has a composable `..._in_tx` twin for callers that are already in a transaction.
"""

import re
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from core.errors import Conflict, Invalid
from core.services import audit, outbox
from marketdata.domain.overlay import Overlay
from marketdata.domain.replay import ReplayDefinition
from marketdata.domain.types import MarketView
from marketdata.locks import market_lock
from marketdata.models import Listing, Market
from marketdata.selectors import market_view, replay_plan, view_of
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
    if not _SLUG.fullmatch(slug) or len(slug) > 80:
        raise Invalid("invalid_slug", "The address is small letters, digits and dashes, at most 80.", {"field": "slug"})
    if not 0 < len(name.strip()) <= 120:
        raise Invalid("invalid_name", "The name has 1 to 120 characters.", {"field": "name"})
    Overlay.of(venue or {}, definition.seed)
    plan = replay_plan(definition)
    user_id = getattr(actor, "pk", None) or getattr(actor, "user_id", None)
    try:
        with transaction.atomic():
            market = Market.objects.create(
                slug=slug,
                name=name,
                currency=plan.currency,
                definition=definition.to_json(),
                venue=dict(venue or {}),
                days_total=plan.table.days_total,
                source_label=plan.source_label,
                is_simulated=plan.is_simulated,
                created_by_id=user_id,
            )
    except IntegrityError as error:
        raise Conflict("market_exists", "There is already a market with this address.", {"slug": slug}) from error
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
