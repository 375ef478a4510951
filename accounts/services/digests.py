"""Digests: what could wait goes out as one mail, in the morning."""

from __future__ import annotations

import logging
import time
from collections import Counter

from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.adapters.mail import letter_send, mail_render, mail_service, message_id_of
from accounts.domain.catalogue import CATALOGUE, EMAIL
from accounts.domain.ports import MessageNotSentError
from accounts.domain.quiet import quiet_until, zone_of
from accounts.domain.sending import SendLaterError
from accounts.domain.telling import WEEKLY, Recipient
from accounts.locks import user_try_lock
from accounts.models import NotificationDelivery
from accounts.selectors.notices import choices_of, recipients
from accounts.services.deliveries import LEASE, TROUBLES, failed_settle, sent_settle
from accounts.services.letter_words import address_of, digest_context, headers_of

logger = logging.getLogger(__name__)

PEOPLE_A_RUN = 100
ROWS = 1_000
_Status = NotificationDelivery.Status


def digests_send(*, seconds: float = 8.0, people: int = PEOPLE_A_RUN) -> Counter[str]:
    """Send the digests that are due, one mail a person; how many ended in which status. Safe in several processes."""
    done: Counter[str] = Counter()
    waiting = _people(people)
    if not waiting:
        return done
    deadline = time.monotonic() + seconds
    try:
        with mail_service() as service:
            for user_id in waiting:
                if time.monotonic() > deadline or done[_Status.PENDING] >= TROUBLES:
                    break
                done[_digest(service, user_id)] += 1
    except SendLaterError as error:
        logger.warning("no digest goes out: the mail service is not reached (%s)", error)
    return done


def _people(most: int) -> list[int]:
    rows = _due().order_by("notification__user_id").values_list("notification__user_id", flat=True)
    return list(rows.distinct()[:most])


def _due() -> QuerySet[NotificationDelivery]:
    waiting = NotificationDelivery.objects.filter(is_digest=True, channel=EMAIL, next_at__lte=timezone.now())
    return waiting.filter(status__in=[_Status.HELD, _Status.PENDING])


def _digest(service: BaseEmailBackend, user_id: int) -> str:
    rows, who = _claim(user_id)
    if not rows or who is None:
        return _Status.SKIPPED
    ids = [row.pk for row in rows]
    message_id = message_id_of(f"digest.{min(ids)}-{max(ids)}")
    weekly = who.digest == WEEKLY
    try:
        letter = mail_render(
            "notices/digest", digest_context(user_id, [row.notification for row in rows], weekly=weekly)
        )
        letter_send(
            service,
            to=address_of(user_id),
            letter=letter,
            headers=headers_of(user_id=user_id),
            message_id=message_id,
        )
    except MessageNotSentError as error:
        return failed_settle(ids, max(row.attempts for row in rows), error)
    return sent_settle(ids, message_id)


def _claim(user_id: int) -> tuple[list[NotificationDelivery], Recipient | None]:
    """Take all that waits for one person's digest, under the person's lock, so that nobody else begins another.

    What has been read in the bell since then, or switched off, is left out.
    """
    now = timezone.now()
    with transaction.atomic(durable=True):
        if user_try_lock(user_id) is None:
            return [], None
        rows = list(_due().filter(notification__user_id=user_id).select_related("notification").order_by("pk")[:ROWS])
        who = recipients([user_id]).get(user_id)
        if who is None or who.is_suspended or not address_of(user_id):
            _put(rows, status=_Status.SKIPPED, error="nobody is to be told any more")
            return [], None
        until = quiet_until(now, zone_of(who.time_zone), who.quiet_from, who.quiet_until)
        if until is not None:
            _put(rows, status=_Status.HELD, next_at=until)
            return [], None
        chosen = choices_of([user_id], {row.notification.kind for row in rows})
        wanted = [row for row in rows if _is_wanted(row, chosen.get((user_id, row.notification.kind), {}))]
        _put([row for row in rows if row not in wanted], status=_Status.SKIPPED, error="read, or switched off")
        _put(wanted, status=_Status.SENDING, next_at=now + LEASE, attempts=F("attempts") + 1)
        for row in wanted:
            row.attempts += 1
    return wanted, who


def _is_wanted(row: NotificationDelivery, choices: dict[str, bool]) -> bool:
    kind = CATALOGUE.get(row.notification.kind)
    if kind is None or not kind.goes_by(EMAIL, choices.get(EMAIL)):
        return False
    return row.notification.read_at is None


def _put(rows: list[NotificationDelivery], **changes: object) -> None:
    if rows:
        NotificationDelivery.objects.filter(pk__in=[row.pk for row in rows]).update(**changes)
