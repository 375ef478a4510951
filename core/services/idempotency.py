"""Idempotent writes: the same key with the same body gives the first answer; with another body, a conflict."""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, connection, transaction

from core.errors import Conflict, Invalid
from core.models import IdempotencyRecord

MAX_KEY = 128


def body_hash(body: Mapping[str, Any]) -> str:
    """A hash of a request body that does not depend on the order of its fields."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), cls=DjangoJSONEncoder)
    return hashlib.sha256(text.encode()).hexdigest()


def find(*, scope: str, key: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]] | None:
    """The recorded answer, or None. Raises Conflict when the key was used with another body."""
    row = IdempotencyRecord.objects.filter(scope=scope, key=key).values_list("body_hash", "status", "response").first()
    if row is None:
        return None
    if row[0] != body_hash(body):
        raise Conflict("idempotency_key_reused", "This idempotency key was already used for a different request.")
    return row[1], row[2]


def run(
    *, scope: str, key: str, body: Mapping[str, Any], effect: Callable[[], tuple[int, dict[str, Any]]]
) -> tuple[int, dict[str, Any]]:
    """Run `effect` once for (scope, key), inside the caller's transaction, and keep its (status, response).

    Two requests with one key at the same time wait for each other: the second gets the first's answer. An effect that
    raises leaves no record, so it can be tried again.
    """
    if not key or len(key) > MAX_KEY or not key.isprintable():
        raise Invalid("idempotency_key_invalid", f"The idempotency key must have 1 to {MAX_KEY} printable characters.")
    if not connection.in_atomic_block:
        raise RuntimeError("idempotency.run needs the caller's transaction")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"idem:{scope}:{key}"])
    known = find(scope=scope, key=key, body=body)
    if known is not None:
        return known
    status, response = effect()
    try:
        with transaction.atomic():
            IdempotencyRecord.objects.create(
                scope=scope, key=key, body_hash=body_hash(body), status=status, response=response
            )
    except IntegrityError as error:
        raise Conflict("idempotency_key_busy", "A request with this key is in progress. Try again.") from error
    return status, response


def purge(*, older_than: timedelta = timedelta(days=7), batch: int = 5_000) -> int:
    """Delete records that are older, a batch a transaction; returns how many."""
    border = datetime.now(tz=UTC) - older_than
    removed = 0
    while True:
        old = IdempotencyRecord.objects.filter(created_at__lt=border).order_by("created_at")
        ids = list(old.values_list("pk", flat=True)[:batch])
        if not ids:
            return removed
        IdempotencyRecord.objects.filter(pk__in=ids).delete()
        removed += len(ids)
