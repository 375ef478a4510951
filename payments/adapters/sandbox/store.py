"""What the sandbox keeps: objects, used keys, events to tell, lines of its statement.

It commits by itself and never inside a transaction of ours, as a provider elsewhere would.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from payments.domain.ports import MovementKind, ProviderError
from payments.models import SandboxEvent, SandboxKey, SandboxMovement, SandboxObject

Data = dict[str, Any]
_PREFIXES = {
    "checkout": "sco", "charge": "sch", "refund": "sre", "dispute": "sdp", "subscription": "ssu", "invoice": "sin",
    "payee": "spe", "payout": "spo", "customer": "scu",
}  # fmt: skip


def find(kind: str, ref: str, *, lock: bool = False) -> SandboxObject:
    """An object. Raises ProviderError `not_found`."""
    rows = SandboxObject.objects.select_for_update(no_key=True) if lock else SandboxObject.objects.all()
    row = rows.filter(kind=kind, ref=ref).first()
    if row is None:
        raise ProviderError("not_found", f"The sandbox has no {kind} {ref}.")
    return row


def make(kind: str, data: Data, *, our_ref: str = "", parent_ref: str = "") -> SandboxObject:
    """A new object, and the event that tells of it."""
    row = SandboxObject.objects.create(
        kind=kind, ref=new_ref(kind), our_ref=our_ref, parent_ref=parent_ref, data=data, changed_at=timezone.now()
    )
    tell(row, "created")
    return row


def new_ref(kind: str) -> str:
    """A reference for an object of a kind."""
    return f"{_PREFIXES[kind]}_{uuid4().hex[:20]}"


def change(row: SandboxObject, what: str, **data: Any) -> None:
    """Change an object and tell of it."""
    row.data = {**row.data, **data}
    row.changed_at = timezone.now()
    row.save(update_fields=["data", "changed_at"])
    tell(row, what)


def tell(row: SandboxObject, what: str) -> None:
    """Something that is to be told."""
    SandboxEvent.objects.create(
        ref=f"sev_{uuid4().hex[:20]}", type=f"{row.kind}.{what}", object_kind=row.kind, object_ref=row.ref
    )


def move(kind: MovementKind, source_ref: str, amount: int, currency: str, *, fee: int = 0) -> None:
    """A line of the statement: our balance moves by amount less fee."""
    SandboxMovement.objects.create(
        ref=f"smv_{uuid4().hex[:20]}",
        kind=kind,
        source_ref=source_ref,
        amount_minor=amount,
        fee_minor=fee,
        currency=currency,
        at=timezone.now(),
    )


def once(key: str, body: Mapping[str, Any], act: Callable[[], SandboxObject]) -> SandboxObject:
    """Do something once for a key: the same key and body give the first object, another body is refused."""
    digest = hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"sandbox:{key}"])
        known = SandboxKey.objects.filter(key=key).first()
        if known is not None:
            if known.body_hash != digest:
                raise ProviderError("idempotency_error", "This key was used for something else.")
            return SandboxObject.objects.get(ref=known.ref)
        made = act()
        try:
            SandboxKey.objects.create(key=key, body_hash=digest, ref=made.ref)
        except IntegrityError as error:  # pragma: no cover - the lock above forbids it
            raise ProviderError("busy", "Ask again.", is_retryable=True) from error
        return made


def moment(text: str | None) -> datetime | None:
    """A stored time."""
    return datetime.fromisoformat(text) if text else None


def passed(text: str, now: datetime) -> bool:
    """Whether a stored time has come."""
    return datetime.fromisoformat(text) <= now
