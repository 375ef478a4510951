"""The transactional outbox: events written with the facts they tell, delivered in order per aggregate.

Delivery is at least once; a handler's effects happen once, because its receipt commits with them. An event that keeps
failing holds back the later events of its aggregate, until it succeeds or is set aside as `dead`.
"""

import json
import logging
import random
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from core.errors import Conflict, NotFound
from core.models import OutboxEvent, OutboxReceipt
from core.outbox import EventView, Handler, handlers_for, topics
from core.privacy import text_masked
from core.services import audit

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 12
MAX_DELAY = 600
CHAIN = 50
SKIP_BATCH = 5_000

Event = tuple[str, str, dict[str, Any]]
# As one document: hundreds of rows as parameters cost more than writing them.
_EMIT_MANY = """
INSERT INTO core_outboxevent (topic, aggregate, payload)
SELECT e ->> 0, e ->> 1, e -> 2 FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS x(e, n) ORDER BY n
"""


def emit(*, topic: str, aggregate: str, payload: dict[str, Any]) -> None:
    """Write an event in the caller's transaction. It is delivered only if that transaction commits."""
    OutboxEvent.objects.create(topic=topic, aggregate=aggregate, payload=payload)


def emit_many(events: Iterable[Event]) -> None:
    """Write several (topic, aggregate, payload) in one statement, in the caller's transaction."""
    rows = list(events)
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_EMIT_MANY, [json.dumps(rows)])


def drain(limit: int = 500, *, seconds: float = 20.0) -> int:
    """Deliver up to `limit` pending events, within about `seconds`; returns how many were delivered or failed once.

    Safe to run in several processes at once: each event is taken by one of them, under its row lock.
    """
    deadline = time.monotonic() + seconds
    handled = _finish_unheard()
    while handled < limit:
        before = handled
        for event_id, aggregate in _heads(limit - handled):
            handled += _deliver_chain(event_id, aggregate, deadline, min(CHAIN, limit - handled))
            if time.monotonic() > deadline or handled >= limit:
                return handled
        if handled == before:
            break
    return handled


def retry(*, actor: object | None, event_id: int, reason: str) -> None:
    """Give a dead event another life, at the operator's word."""
    with transaction.atomic(durable=True):
        event = OutboxEvent.objects.select_for_update().filter(pk=event_id).first()
        if event is None:
            raise NotFound("event_not_found", "There is no such event.")
        if event.status != OutboxEvent.Status.DEAD:
            raise Conflict("event_not_dead", "Only an event that was set aside can be tried again.")
        event.status = OutboxEvent.Status.PENDING
        event.attempts = 1  # not zero: some handlers may have had their effect
        event.next_at = datetime.now(tz=UTC)
        event.save(update_fields=["status", "attempts", "next_at"])
        audit.record(actor=actor, action="outbox_retry", subject_type="event", subject_id=event_id, reason=reason)


def purge_done(*, older_than: timedelta = timedelta(days=7), batch: int = 2_000) -> int:
    """Delete delivered events that are older, with their receipts, a batch a transaction; returns how many."""
    border = datetime.now(tz=UTC) - older_than
    removed = 0
    while True:
        old = OutboxEvent.objects.filter(status=OutboxEvent.Status.DONE, created_at__lt=border)
        ids = list(old.order_by("created_at").values_list("pk", flat=True)[:batch])
        if not ids:
            return removed
        with transaction.atomic(durable=True):
            OutboxReceipt.objects.filter(event_id__in=ids).delete()
            OutboxEvent.objects.filter(pk__in=ids).delete()
        removed += len(ids)


def _finish_unheard() -> int:
    """Mark events that no handler listens to as done, in bulk."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE core_outboxevent SET status = 'done', done_at = statement_timestamp() WHERE id IN (
                SELECT id FROM core_outboxevent WHERE status = 'pending' AND NOT topic = ANY(%s)
                ORDER BY aggregate, id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED)
            """,
            [topics(), SKIP_BATCH],
        )
        return int(cursor.rowcount)


def _heads(limit: int) -> list[tuple[int, str]]:
    """The oldest pending event of each aggregate, where it is due."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, aggregate FROM (
                SELECT DISTINCT ON (aggregate) id, aggregate, next_at FROM core_outboxevent
                WHERE status = 'pending' ORDER BY aggregate, id
            ) AS head WHERE next_at <= statement_timestamp() ORDER BY id LIMIT %s
            """,
            [limit],
        )
        return [(int(row[0]), str(row[1])) for row in cursor.fetchall()]


def _deliver_chain(event_id: int, aggregate: str, deadline: float, most: int) -> int:
    """Deliver an aggregate's events from its head on, until one fails or another process has it."""
    handled = 0
    next_id: int | None = event_id
    while next_id is not None and handled < most and time.monotonic() <= deadline:
        outcome = _deliver(next_id)
        if outcome is None:
            break
        handled += 1
        if not outcome:
            break
        pending = OutboxEvent.objects.filter(aggregate=aggregate, status=OutboxEvent.Status.PENDING)
        next_id = pending.order_by("pk").values_list("pk", flat=True).first()
    return handled


def _deliver(event_id: int) -> bool | None:
    """Deliver one event in a transaction of its own: True when done, False when it failed, None when it is not ours."""
    with transaction.atomic(durable=True):
        pending = OutboxEvent.objects.filter(status=OutboxEvent.Status.PENDING)
        older = pending.filter(aggregate=OuterRef("aggregate"), pk__lt=OuterRef("pk"))
        mine = pending.filter(~Exists(older), pk=event_id, next_at__lte=Now())
        event = mine.select_for_update(skip_locked=True, no_key=True, of=("self",)).first()
        if event is None:
            return None
        view = EventView(event.pk, event.topic, event.aggregate, event.payload, event.created_at)
        received = _received(event)
        errors = [
            f"{name}: {error}"
            for name, handler in handlers_for(event.topic).items()
            if name not in received and (error := _handle(view, name, handler)) is not None
        ]
        _settle(event, errors)
        return not errors


def _received(event: OutboxEvent) -> set[str]:
    """The handlers that have had their effect. Receipts of a first attempt commit together with its outcome."""
    if event.attempts == 0:
        return set()
    return set(OutboxReceipt.objects.filter(event=event).values_list("handler", flat=True))


def _handle(view: EventView, name: str, handler: Handler) -> str | None:
    """Run one handler with its receipt in a savepoint; returns what went wrong, if anything."""
    try:
        with transaction.atomic():
            handler(view)
            OutboxReceipt.objects.create(event_id=view.id, handler=name)
    except Exception as error:
        if isinstance(error, DatabaseError) and not connection.is_usable():
            raise
        logger.exception("handler %s failed on event %s (%s)", name, view.id, view.topic)
        return text_masked(f"{type(error).__name__}: {error}")
    return None


def _settle(event: OutboxEvent, errors: list[str]) -> None:
    """Write the outcome: done, later, or dead."""
    if not errors:
        event.status = OutboxEvent.Status.DONE
        event.done_at = datetime.now(tz=UTC)
        event.error = ""
    else:
        event.attempts += 1
        event.error = "\n".join(errors)[:4_000]
        event.next_at = datetime.now(tz=UTC) + _delay(event.attempts)
        if event.attempts >= MAX_ATTEMPTS:
            event.status = OutboxEvent.Status.DEAD
            logger.error("event %s (%s) is set aside after %s attempts", event.pk, event.topic, event.attempts)
    event.save(update_fields=["status", "done_at", "error", "attempts", "next_at"])


def _delay(attempts: int) -> timedelta:
    """Growing delay with jitter: about 1, 2, 4, ... seconds, at most ten minutes."""
    return timedelta(seconds=min(2 ** (attempts - 1), MAX_DELAY) * random.uniform(0.75, 1.25))  # noqa: S311
