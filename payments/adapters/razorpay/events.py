"""Razorpay's webhooks: the signature over the raw body, when it was made, and what each event is about."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from payments.domain.ports import BadWebhookError, Hint, Ignored, ObjectKind

HEADER, EVENT_ID = "x-razorpay-signature", "x-razorpay-event-id"
# They are sent again for a day.
OLDEST = timedelta(hours=25)

# The beginning of an event's name -> what to look at, the entity in the payload, and where its reference stands.
_ABOUT: tuple[tuple[str, ObjectKind, str, str], ...] = (
    ("order.", ObjectKind.CHECKOUT, "order", "id"),
    ("payment.dispute.", ObjectKind.DISPUTE, "dispute", "id"),
    # An attempt is looked at through its order: the next one is another payment.
    ("payment.", ObjectKind.CHECKOUT, "payment", "order_id"),
    ("refund.", ObjectKind.REFUND, "refund", "id"),
    ("payout.", ObjectKind.PAYOUT, "payout", "id"),
)
# Known, and nothing to be done: why.
_IGNORED: tuple[tuple[str, str], ...] = (
    ("settlement.", "Transfers to a bank are booked from the statement."),
    ("subscription.", "Subscriptions are not offered here."),
    ("invoice.", "Invoices are ours."),
    ("fund_account.", "Bank accounts are looked at before they are paid."),
    ("transaction.", "Balances are read from the statement."),
)


def read(
    body: bytes, headers: Mapping[str, str], *, secrets: Sequence[str], tolerance: int, now: datetime
) -> Hint | Ignored:
    """Verify and read a webhook. Raises BadWebhookError.

    No time is signed beside the body; the one in it may be a day back, because events are sent again so long.
    """
    given = headers.get(HEADER, "")
    if not given:
        raise BadWebhookError("signature_missing", "There is no X-Razorpay-Signature.")
    if not any(hmac.compare_digest(signature(body, secret), given.encode()) for secret in secrets):
        raise BadWebhookError("signature_wrong", "The signature is not Razorpay's.")
    try:
        told = json.loads(body)
        name, payload = str(told["event"]), told["payload"]
        at = datetime.fromtimestamp(told["created_at"], tz=UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError) as error:
        raise BadWebhookError("body_unreadable", "The body is no event.") from error
    if at < now - OLDEST or at > now + timedelta(seconds=tolerance):
        raise BadWebhookError("signature_stale", "The webhook is too old, or from the future.")
    ident = headers.get(EVENT_ID, "") or sha256(body).hexdigest()
    return _about(ident, name, payload, at)


def signature(body: bytes, secret: str) -> bytes:
    """Lower-case hex HMAC-SHA256 of a body, which the client would only make of text."""
    return hmac.new(secret.encode(), body, sha256).hexdigest().encode()


def _about(ident: str, name: str, payload: Any, at: datetime) -> Hint | Ignored:
    for beginning, why in _IGNORED:
        if name.startswith(beginning):
            return Ignored(ident, name, why, at)
    for beginning, kind, entity, where in _ABOUT:
        if not name.startswith(beginning):
            continue
        found = _entity(payload, entity)
        ref = str(found.get(where) or "")
        if ref:
            return Hint(ident, name, kind, ref, at)
        if entity == "payment" and found.get("id"):
            return Hint(ident, name, ObjectKind.CHARGE, str(found["id"]), at)
        return Ignored(ident, name, "It names nothing of ours.", at)
    return Ignored(ident, name, "Nothing is done about this event.", at)


def _entity(payload: Any, name: str) -> dict[str, Any]:
    part = payload.get(name) if isinstance(payload, dict) else None
    found = part.get("entity") if isinstance(part, dict) else None
    return found if isinstance(found, dict) else {}
