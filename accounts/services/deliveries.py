"""Sending what people are told: each delivery is taken, handed over and settled by itself, so that a crash loses none.

A delivery is marked `sending` and committed before it is handed over. Whoever dies in between leaves it so; ten
minutes later a mail becomes `unknown` and is not sent again, because nobody knows whether it went out. A push is sent
again: the browser shows one of the same tag once. What certainly failed is tried up to six times.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.adapters.mail import letter_send, mail_render, mail_service, message_id_of
from accounts.adapters.webpush import PushGoneError, push_send
from accounts.domain.catalogue import CATALOGUE, EMAIL, PUSH
from accounts.domain.ports import MessageNotSentError
from accounts.domain.sending import MAX_ATTEMPTS, SendLaterError, SendRefusedError, SendUnknownError, retry_after
from accounts.domain.telling import held
from accounts.locks import delivery_claim_lock
from accounts.models import Notification, NotificationDelivery, PushSubscription
from accounts.selectors.notices import choices_of, recipients
from accounts.services.letter_words import address_of, headers_of, one_context, push_data
from core.errors import Conflict, Invalid, NotFound
from core.services import audit

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=10)
MOST_A_RUN = 200
TROUBLES = 3  # failures in a row after which a service rests until the next run
PUSH_FAILURES = 5
_Status = NotificationDelivery.Status
Take = Callable[[NotificationDelivery], str]


def deliveries_send(*, seconds: float = 8.0, most: int = MOST_A_RUN) -> Counter[str]:
    """Send what is due, within about so many seconds; how many ended in which status. Safe in several processes."""
    deadline = time.monotonic() + seconds
    done: Counter[str] = Counter(lost=lost_settle())
    _run(PUSH, _push, done, deadline, most)
    while _mail_is_due() and time.monotonic() < deadline and done["trouble"] < TROUBLES:
        try:
            with mail_service() as service:
                clean = _run(EMAIL, partial(_mail, service), done, deadline, most)
        except SendLaterError as error:
            logger.warning("no mail goes out: the mail service is not reached (%s)", error)
            break
        if clean:
            break
    return done


def _run(channel: str, take: Take, done: Counter[str], deadline: float, most: int) -> bool:
    """Send deliveries of a channel one by one; False after one that failed: its connection may be broken."""
    while time.monotonic() < deadline and done.total() < most:
        row = _claim(channel)
        if row is None:
            return True
        if row.status != _Status.SENDING:
            done[row.status] += 1
            continue
        status = take(row)
        done[status] += 1
        if channel == EMAIL and status != _Status.SENT:
            done["trouble"] += 1
            return False
        done["trouble"] = 0
    return True


def _mail_is_due() -> bool:
    due = NotificationDelivery.objects.filter(status__in=[_Status.PENDING, _Status.HELD], is_digest=False)
    return due.filter(channel=EMAIL, next_at__lte=timezone.now()).exists()


def _claim(channel: str) -> NotificationDelivery | None:
    """Take the delivery that has waited longest. What is not to be sent any more, or not yet, is settled at once."""
    now = timezone.now()
    with transaction.atomic(durable=True):
        row = delivery_claim_lock(channel=channel, now=now)
        if row is None:
            return None
        status, until, why = _judge(row, now)
        row.status, row.error = status, why
        row.next_at = until
        row.attempts += status == _Status.SENDING
        row.save(update_fields=["status", "error", "next_at", "attempts"])
    return row


def _judge(row: NotificationDelivery, now: datetime) -> tuple[str, datetime, str]:
    """What becomes of a delivery that is due: the person may have left, changed their mind, or be asleep."""
    notice = row.notification
    kind = CATALOGUE.get(notice.kind)
    who = recipients([notice.user_id]).get(notice.user_id)
    if kind is None or who is None:
        return _Status.SKIPPED, now, "nobody is to be told any more"
    choice = choices_of([who.user_id], [kind.key]).get((who.user_id, kind.key), {}).get(row.channel)
    if not kind.goes_by(row.channel, choice):
        return _Status.SKIPPED, now, "switched off by the person"
    if row.channel == EMAIL and not address_of(who.user_id):
        return _Status.SKIPPED, now, "the address is not confirmed"
    until = held(kind, who, now)
    if until is not None:
        return _Status.HELD, until, ""
    return _Status.SENDING, now + LEASE, ""


def _mail(service: BaseEmailBackend, row: NotificationDelivery) -> str:
    notice = row.notification
    message_id = message_id_of(f"notice.{notice.pk}")
    try:
        letter = mail_render("notices/one", one_context(notice))
        letter_send(
            service, to=address_of(notice.user_id), letter=letter, headers=headers_of(notice), message_id=message_id
        )
    except MessageNotSentError as error:
        return failed_settle([row.pk], row.attempts, error)
    return sent_settle([row.pk], message_id)


def _push(row: NotificationDelivery) -> str:
    """To each browser of the person. One that takes it is enough; those that are gone are forgotten."""
    notice, data, taken = row.notification, push_data(row.notification), 0
    failure: MessageNotSentError = SendRefusedError("no browser takes it")
    for browser in PushSubscription.objects.filter(user_id=notice.user_id).order_by("pk")[:20]:
        try:
            urgent = CATALOGUE[notice.kind].is_urgent
            push_send(endpoint=browser.endpoint, p256dh=browser.p256dh, auth=browser.auth, data=data, urgent=urgent)
            taken += 1
        except PushGoneError:
            browser.delete()
        except SendRefusedError:
            _push_failed(browser)
        except SendUnknownError as error:
            failure = failure if isinstance(failure, SendLaterError) else SendLaterError(str(error))
        except SendLaterError as error:
            failure = error
    if taken:
        return sent_settle([row.pk])
    return failed_settle([row.pk], row.attempts, failure)


def _push_failed(browser: PushSubscription) -> None:
    if browser.failures + 1 >= PUSH_FAILURES:
        browser.delete()
        return
    PushSubscription.objects.filter(pk=browser.pk).update(failures=F("failures") + 1)


def sent_settle(ids: list[int], message_id: str = "") -> str:
    """Write down that deliveries went out."""
    with transaction.atomic(durable=True):
        NotificationDelivery.objects.filter(pk__in=ids, status=_Status.SENDING).update(
            status=_Status.SENT, sent_at=timezone.now(), error="", message_id=message_id[:120]
        )
    return _Status.SENT


def failed_settle(ids: list[int], attempts: int, error: MessageNotSentError) -> str:
    """Write down that deliveries did not go out, or that nobody knows."""
    changes: dict[str, Any] = {"error": str(error)[:300]}
    if isinstance(error, SendLaterError):
        wait = retry_after(attempts, error.after)
        changes["status"] = _Status.FAILED if wait is None else _Status.PENDING
        if wait is not None:
            changes["next_at"] = timezone.now() + wait
    else:
        changes["status"] = _Status.UNKNOWN if isinstance(error, SendUnknownError) else _Status.FAILED
    logger.warning("deliveries %s: %s (%s)", ids[:10], changes["status"], changes["error"])
    with transaction.atomic(durable=True):
        NotificationDelivery.objects.filter(pk__in=ids, status=_Status.SENDING).update(**changes)
    return str(changes["status"])


def lost_settle() -> int:
    """What was being sent ten minutes ago, by a process that is no more: mail is left alone, push is sent again."""
    now = timezone.now()
    lost = NotificationDelivery.objects.filter(status=_Status.SENDING, next_at__lte=now)
    with transaction.atomic(durable=True):
        mails = lost.filter(channel=EMAIL).update(status=_Status.UNKNOWN, error="the sender died while sending")
        given_up = lost.filter(channel=PUSH, attempts__gte=MAX_ATTEMPTS).update(status=_Status.FAILED)
        again = lost.filter(channel=PUSH).update(status=_Status.PENDING)
    if mails:
        logger.error("%s mails may or may not have gone out", mails)
    return mails + given_up + again


def delivery_retry(*, actor: object, delivery_id: int, reason: str, ip: str | None = None) -> NotificationDelivery:
    """Send again what failed, or what may have been sent: at an operator's word, with a reason."""
    if not reason.strip():
        raise Invalid("reason_needed", "Give a reason.", {"field": "reason"})
    with transaction.atomic(durable=True):
        row = NotificationDelivery.objects.select_for_update(no_key=True).filter(pk=delivery_id).first()
        if row is None:
            raise NotFound("delivery_not_found", "There is no such delivery.")
        before = row.status
        if before not in (_Status.FAILED, _Status.UNKNOWN):
            raise Conflict("delivery_not_failed", f"Only what failed can be sent again; this one is {before}.")
        row.status, row.attempts, row.next_at, row.is_digest = _Status.PENDING, 0, timezone.now(), False
        row.save(update_fields=["status", "attempts", "next_at", "is_digest"])
        audit.record(
            actor=actor,
            action="delivery_retry",
            subject_type="delivery",
            subject_id=delivery_id,
            before={"status": before},
            after={"status": row.status},
            reason=reason.strip(),
            ip=ip,
        )
    return row


def notifications_forget(*, before: datetime, batch: int = 1_000, batches: int = 200) -> int:
    """Delete old notifications with their deliveries, in bounded steps; returns how many."""
    gone = 0
    for _ in range(batches):
        rows = Notification.objects.filter(created_at__lt=before).order_by("created_at")
        ids = list(rows.values_list("pk", flat=True)[:batch])
        if not ids:
            break
        with transaction.atomic(durable=True):
            NotificationDelivery.objects.filter(notification_id__in=ids).delete()
            Notification.objects.filter(pk__in=ids).delete()
        gone += len(ids)
    return gone
