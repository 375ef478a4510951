"""The sandbox at work: telling what has happened through the same door as every provider, and letting time pass."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from core.errors import DomainError, NotFound
from payments.adapters import registry
from payments.adapters.sandbox import charges, payouts, subscriptions
from payments.adapters.sandbox.signature import HEADER, body_of, signature
from payments.domain.ports import ProviderError
from payments.models import SandboxEvent, SandboxObject
from payments.services.webhooks import webhook_process, webhook_receive

logger = logging.getLogger(__name__)

BATCH = 200
AGAIN = timedelta(seconds=20)


def events_deliver(limit: int = BATCH, *, process: bool = True) -> int:
    """Deliver what the sandbox has to tell; how many were taken. With `process` each is dealt with at once."""
    due = SandboxEvent.objects.filter(delivered_at__isnull=True, next_at__lte=timezone.now()).order_by("pk")
    taken = 0
    for event in list(due[:limit]):
        # Claimed for a while: two workers do not tell the same.
        mine = SandboxEvent.objects.filter(pk=event.pk, delivered_at__isnull=True, attempts=event.attempts)
        if mine.update(attempts=F("attempts") + 1, next_at=timezone.now() + AGAIN):
            taken += event_deliver(event, process=process)
    return taken


def event_deliver(event: SandboxEvent, *, process: bool = True) -> bool:
    """Deliver one event, signed now; whether it was taken."""
    body = body_of(event)
    try:
        answer = webhook_receive(
            provider=registry.SANDBOX, body=body, headers={HEADER: signature(body, int(timezone.now().timestamp()))}
        )
    except DomainError as error:
        logger.warning("the sandbox is not heard: %s", error.message)
        return False
    if not answer.is_accepted:
        return False
    SandboxEvent.objects.filter(pk=event.pk).update(delivered_at=timezone.now())
    if process and answer.delivery_id is not None:
        webhook_process(answer.delivery_id)
    return True


def sandbox_tick() -> int:
    """Let the sandbox's time pass: charges that succeed later, renewals, payouts on their way; then tell of it."""
    now = timezone.now()
    for row in _due("charge", now.isoformat()):
        charges.charge_finish(row.ref)
    for row in _due("subscription", now.isoformat()):
        subscriptions.renew(row.ref, now)
    for row in _due("payout", now.isoformat()):
        payouts.advance(row.ref)
    provider = registry.provider(registry.SANDBOX)
    for row in _due("checkout", now.isoformat()):
        provider.checkout_expire(row.ref)
    return events_deliver()


def subscription_end_now(ref: str) -> None:
    """Let the period of a subscription end now, so that the next tick renews it. Raises NotFound."""
    try:
        subscriptions.end_now(ref, timezone.now())
    except ProviderError as error:
        raise NotFound("subscription_not_found", error.message) from error


def _due(kind: str, now: str) -> list[SandboxObject]:
    # Times are ISO 8601 of UTC, which sort as they are; null sorts before every text.
    return list(
        SandboxObject.objects.filter(kind=kind, data__moves_at__gt="", data__moves_at__lt=now).order_by("pk")[:BATCH]
    )
