"""Webhooks: stored as they come, verified, taken once, processed by tasks in any order, replayed at will."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.models import User
from core.errors import DomainError, NotFound
from core.services import audit, outbox
from core.throttling import hit
from payments.adapters import registry
from payments.domain.ports import BadWebhookError, Hint, Ignored, ObjectKind, ProviderError
from payments.models import WebhookDelivery
from payments.services.sync import object_sync

logger = logging.getLogger(__name__)

TOPIC = "payments.webhook"
KEPT_HEADERS = ("stripe-signature", "x-razorpay-signature", "x-razorpay-event-id", "x-sandbox-signature")
MAX_ATTEMPTS = 8
LEASE = timedelta(minutes=2)
BATCH = 50
NOT_OURS_TRIES = 6  # our own row may be on its way; this is about twenty minutes
REFUSED_TRIES = 3  # the provider has answered that it does not do it; it may still be catching up
KEPT_AN_HOUR = 60  # of what is not the provider's, from one address; from all of them a hundred times as much
WAITS = (5, 15, 60, 300, 900, 3_600, 7_200)  # seconds before the next attempt
_Status = WebhookDelivery.Status


@dataclass(frozen=True, slots=True)
class Received:
    """What came of a delivery: whether it is answered with 200, why not, and the id to process."""

    is_accepted: bool
    code: str
    message: str
    delivery_id: int | None = None


def webhook_receive(*, provider: str, body: bytes, headers: Mapping[str, str], address: str = "") -> Received:
    """Store a delivery and verify it. Raises NotFound for an unknown provider, Unavailable when it is not set up.

    It is stored before it is believed: what a provider sends is not lost when everything after that fails. What is not
    believed is kept as well, up to a number an hour of each address; 429 `rate_limited` after that.
    """
    if provider not in registry.NAMES:
        raise NotFound("provider_unknown", "There is no such payment provider.")
    asked = registry.provider(provider)
    kept = {name: value[:1_000] for name, value in _lowered(headers).items() if name in KEPT_HEADERS}
    row = WebhookDelivery.objects.create(provider=provider, body=body, headers=kept, next_at=timezone.now() + LEASE)
    try:
        said = asked.webhook(body, kept, now=timezone.now())
    except BadWebhookError as error:
        if (wait := _too_many(address)) is not None:
            row.delete()
            raise DomainError("rate_limited", "Too many of these.", {"retry_after": wait}, status=429) from error
        WebhookDelivery.objects.filter(pk=row.pk).update(status=_Status.REJECTED, reason=f"{error.code}: {error}"[:300])
        logger.warning("a webhook of %s was rejected: %s", provider, error.code)
        return Received(is_accepted=False, code=error.code, message=error.message)
    return _accept(row, said)


def _too_many(address: str) -> int | None:
    """Whether no more of what is not the provider's is kept: the seconds to wait, else None."""
    waits = [hit(f"wrong-webhook:{address}", KEPT_AN_HOUR, 3_600), hit("wrong-webhook", KEPT_AN_HOUR * 100, 3_600)]
    found = [wait for wait in waits if wait is not None]
    return math.ceil(max(found)) if found else None


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _accept(row: WebhookDelivery, said: Hint | Ignored) -> Received:
    row.event_id, row.event_type = said.event_id[:120], said.event_type[:80]
    row.event_at, row.next_at = said.created_at, timezone.now()
    if isinstance(said, Hint):
        row.object_kind, row.object_ref, row.account = said.kind, said.ref[:120], said.account[:80]
    else:
        row.status, row.reason, row.processed_at = _Status.IGNORED, said.reason[:300], timezone.now()
    try:
        with transaction.atomic():
            row.save()
            if row.status == _Status.RECEIVED:
                outbox.emit(topic=TOPIC, aggregate=f"webhook:{row.pk}", payload={"delivery_id": row.pk})
    except IntegrityError:
        WebhookDelivery.objects.filter(pk=row.pk).update(
            status=_Status.DUPLICATE, event_id=row.event_id, event_type=row.event_type, processed_at=timezone.now()
        )
        return Received(is_accepted=True, code="duplicate", message="This event has been taken before.")
    waits = row.status == _Status.RECEIVED
    return Received(is_accepted=True, code=row.status, message="", delivery_id=row.pk if waits else None)


def webhook_process(delivery_id: int) -> bool:
    """Process one delivery that waits; False when it is not due, is another process's, or is done."""
    now = timezone.now()
    # The claim is a lease: who dies while holding it lets it fall due again.
    rows = WebhookDelivery.objects.filter(pk=delivery_id, status=_Status.RECEIVED, next_at__lte=now)
    if not rows.update(next_at=now + LEASE, attempts=F("attempts") + 1):
        return False
    row = WebhookDelivery.objects.get(pk=delivery_id)
    try:
        if not row.event_id:
            return _again(row)
        is_ours = object_sync(row.provider, ObjectKind(row.object_kind), row.object_ref, row.account)
    except ProviderError as error:
        is_final = not (error.is_retryable or error.is_unknown)
        _later(row, f"{error.code}: {error.message}", most=REFUSED_TRIES if is_final else MAX_ATTEMPTS)
    except DomainError as error:
        _later(row, f"{error.code}: {error.message}")
    except Exception as error:  # whatever it is, the delivery is kept, and the next ones are processed
        logger.exception("webhook %s could not be processed", row.pk)
        _later(row, f"{type(error).__name__}: {error}")
    else:
        _done(row, is_ours=is_ours)
    return True


def _again(row: WebhookDelivery) -> bool:
    """Stored, but the process died before it was verified: verify it now. Raises Unavailable."""
    try:
        said = registry.provider(row.provider).webhook(bytes(row.body), row.headers, now=row.received_at)
    except BadWebhookError as error:
        WebhookDelivery.objects.filter(pk=row.pk).update(status=_Status.REJECTED, reason=str(error)[:300])
        return True
    taken = _accept(row, said)
    return taken.delivery_id is None or webhook_process(row.pk)


def _done(row: WebhookDelivery, *, is_ours: bool) -> None:
    if not is_ours and row.attempts < NOT_OURS_TRIES:
        _later(row, "We do not know this object yet.")
        return
    WebhookDelivery.objects.filter(pk=row.pk, status=_Status.RECEIVED).update(
        status=_Status.PROCESSED if is_ours else _Status.IGNORED,
        reason="" if is_ours else "Not an object of ours.",
        processed_at=timezone.now(),
    )


def _later(row: WebhookDelivery, reason: str, *, most: int = MAX_ATTEMPTS) -> None:
    is_poison = row.attempts >= most
    if is_poison:
        logger.error("webhook %s (%s) is set aside: %s", row.pk, row.event_type, reason)
    WebhookDelivery.objects.filter(pk=row.pk, status=_Status.RECEIVED).update(
        status=_Status.POISON if is_poison else _Status.RECEIVED,
        reason=reason[:300],
        next_at=timezone.now() + timedelta(seconds=WAITS[min(row.attempts, len(WAITS)) - 1]),
    )


def webhooks_process_due(limit: int = BATCH) -> int:
    """Process what is due, the oldest first; how many."""
    due = WebhookDelivery.objects.filter(status=_Status.RECEIVED, next_at__lte=timezone.now()).order_by("next_at", "pk")
    return sum(webhook_process(delivery_id) for delivery_id in list(due.values_list("pk", flat=True)[:limit]))


def webhooks_replay(*, actor: User | None, rows: QuerySet[WebhookDelivery], reason: str) -> int:
    """Have stored deliveries processed again: those that were believed. What they name is fetched anew. How many."""
    with transaction.atomic(durable=True):
        chosen = rows.filter(status__in=[_Status.PROCESSED, _Status.IGNORED, _Status.POISON, _Status.RECEIVED])
        ids = list(chosen.exclude(object_kind="").values_list("pk", flat=True))
        WebhookDelivery.objects.filter(pk__in=ids).update(
            status=_Status.RECEIVED, attempts=0, next_at=timezone.now(), replays=F("replays") + 1, reason=""
        )
        audit.record(
            actor=actor,
            action="webhooks.replay",
            subject_type="webhooks",
            subject_id=len(ids),
            after={"count": len(ids), "first": ids[:1], "last": ids[-1:]},
            reason=reason,
        )
    return len(ids)


def webhooks_purge(*, now: datetime, bodies_days: int = 90, rejected_days: int = 14) -> int:
    """Empty the bodies of old deliveries and forget old ones that were never the provider's; how many rows."""
    old = WebhookDelivery.objects.filter(received_at__lt=now - timedelta(days=bodies_days))
    emptied = old.exclude(body=b"").update(body=b"", headers={})
    stale = WebhookDelivery.objects.filter(status=_Status.REJECTED, received_at__lt=now - timedelta(days=rejected_days))
    return emptied + stale.delete()[0]
