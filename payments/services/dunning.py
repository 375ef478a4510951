"""What becomes of plans that are not paid for, were refunded, or are one too many. Network outside transactions."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from core.errors import DomainError
from payments.domain.ports import ProviderError
from payments.models import Payment, Subscription
from payments.services.billing import reminder_tell_in_tx
from payments.services.subscriptions import subscription_end

logger = logging.getLogger(__name__)

REMIND_AFTER = (timedelta(days=3), timedelta(days=6))  # after the first word, which comes with the failure
BATCH = 100
_Status = Subscription.Status


def reminders_send() -> int:
    """Remind those whose renewal is due; how many."""
    now, sent = timezone.now(), 0
    rows = Subscription.objects.filter(status=_Status.PAST_DUE, reminders__gt=0, grace_until__gt=now)
    for pk in list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic(durable=True):
            row = Subscription.objects.select_for_update(no_key=True).get(pk=pk)
            number = row.reminders
            began = row.reminded_at or now
            if row.status != _Status.PAST_DUE or number > len(REMIND_AFTER):
                continue
            # Counted from the first word: `reminded_at` moves on with each.
            wait = REMIND_AFTER[number - 1] - (REMIND_AFTER[number - 2] if number > 1 else timedelta())
            payment = row.payments.filter(captured_minor=0).order_by("-pk").first()
            if now < began + wait or payment is None:
                continue
            row.reminders, row.reminded_at = number + 1, now
            row.save(update_fields=["reminders", "reminded_at"])
            reminder_tell_in_tx(row, payment)
            sent += 1
    return sent


def subscriptions_tidy() -> int:
    """End at the provider what must not go on: past its grace, refunded, or one plan too many; how many."""
    now = timezone.now()
    revoked = Payment.objects.filter(subscription=OuterRef("pk"), revoked_at__isnull=False)
    standing = Payment.objects.filter(
        subscription=OuterRef("pk"), granted_at__isnull=False, revoked_at__isnull=True, plan_grant__ends_at__gt=now
    )
    rows = Subscription.objects.exclude(status=_Status.CANCELED)
    wanted = [
        (rows.filter(status=_Status.PAST_DUE, grace_until__lte=now), "Nobody paid within the days of grace."),
        (rows.filter(status=_Status.INCOMPLETE), "Another plan of this person is running."),
        (rows.filter(Exists(revoked), ~Exists(standing)).exclude(status=_Status.INCOMPLETE), "It was refunded."),
    ]
    ended = 0
    for found, reason in wanted:
        for row in list(found.order_by("pk")[:BATCH]):
            try:
                subscription_end(row, reason=reason)
                ended += 1
            except (ProviderError, DomainError) as error:
                logger.warning("subscription %s is not ended yet: %s", row.pk, error.message)
    return ended
