"""What the chain leaves behind for operators: who serves what, and when that changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from django.db import DatabaseError, transaction
from redis.exceptions import RedisError

from core.redis import client
from marketdata.adapters.vendors import guard, registry
from marketdata.domain.providers import ProviderError
from marketdata.models import FeedEvent
from marketdata.selectors.providers import vendor_symbols

logger = structlog.get_logger(__name__)

KEEP_SECONDS = 30 * 86_400
QUIET_SECONDS = 3_600
# Failures for which the next is asked, and that say something of the vendor (and not of what was asked).
TROUBLES = frozenset(
    {
        ProviderError.UNAVAILABLE,
        ProviderError.RATE_LIMITED,
        ProviderError.UNAUTHORIZED,
        ProviderError.MALFORMED,
        "provider_not_configured",
    }
)


def install() -> None:
    """Let vendors know our symbols, and circuits be recorded. Called when the app starts; again changes nothing."""
    registry.symbols_from(vendor_symbols)
    guard.on_circuit(circuit_changed)


def serving(*, what: str, name: str, order: Sequence[str], failures: Mapping[str, Mapping[str, Any]]) -> None:
    """`name` serves `what` now. A change is a FeedEvent when trouble is the cause of it, or its end; one that is for
    nothing but used up budgets once an hour.
    """
    if len(order) < 2 or name not in order:
        return
    place = f"md:serving:{what}:{','.join(order)}"
    ahead = order[: order.index(name)]
    troubles = {one: failures[one]["code"] for one in ahead if one in failures and failures[one]["code"] in TROUBLES}
    try:
        before = client().get(place)
        if before == name:
            return
        is_down = before is None or before not in order or order.index(str(before)) < order.index(name)
        if before is not None and is_down and not troubles:
            return
        if is_down and set(troubles.values()) == {ProviderError.RATE_LIMITED}:
            quiet = f"{place}:quiet:{order[0] if before is None else str(before)}>{name}"
            if not client().set(quiet, "1", nx=True, ex=QUIET_SECONDS):
                return
        client().set(place, name, ex=KEEP_SECONDS)
    except RedisError:
        logger.warning("serving_not_recorded", what=what, provider=name)
        return
    if before is None and not troubles:
        return
    old = str(before) if before is not None else order[0]
    details = {"what": what, "from": old, "to": name, "failures": {one: dict(failures[one]) for one in troubles}}
    _record(FeedEvent.Kind.SWITCH, name, f"{what}: {name} serves instead of {old}", details)


def circuit_changed(name: str, before: str, after: str) -> None:
    """A vendor's circuit opened or closed: recorded once, whichever processes notice it."""
    if after not in ("open", "closed") or (before, after) == ("closed", "closed"):
        return
    try:
        known = client().set(f"md:event:circuit:{name}", after, ex=QUIET_SECONDS, get=True)
    except RedisError:
        known = None
    if known == after:
        return
    words = "fails and rests" if after == "open" else "answers again"
    _record(FeedEvent.Kind.CIRCUIT, name, f"{name} {words}", {"from": before, "to": after})


def _record(kind: FeedEvent.Kind, provider: str, message: str, details: Mapping[str, Any]) -> None:
    """Whoever is served must not fail for want of a record of it."""
    try:
        with transaction.atomic():
            FeedEvent.objects.create(kind=kind, provider=provider[:24], message=message[:300], details=dict(details))
    except DatabaseError:
        logger.exception("feed_event_not_recorded", provider=provider, message=message)


install()
