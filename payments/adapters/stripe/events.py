"""Stripe's webhooks: the signature, the time, and what each event is about."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import stripe

from payments.domain.ports import BadWebhookError, Hint, Ignored, ObjectKind

HEADER = "stripe-signature"
_STAMP = re.compile(r"(?:^|,)\s*t=(\d{1,12})(?:,|$)")

# The beginning of an event's type -> what to look at, and where its reference stands in the object.
_ABOUT: tuple[tuple[str, ObjectKind, str], ...] = (
    ("checkout.session.", ObjectKind.CHECKOUT, "id"),
    ("payment_intent.", ObjectKind.CHARGE, "id"),
    ("charge.dispute.", ObjectKind.DISPUTE, "id"),
    ("charge.refund.", ObjectKind.REFUND, "id"),
    ("charge.", ObjectKind.CHARGE, "payment_intent"),
    ("refund.", ObjectKind.REFUND, "id"),
    ("customer.subscription.", ObjectKind.SUBSCRIPTION, "id"),
    ("invoice_payment.", ObjectKind.INVOICE, "invoice"),
    ("invoice.", ObjectKind.INVOICE, "id"),
    ("transfer.", ObjectKind.PAYOUT, "id"),
    ("account.updated", ObjectKind.PAYEE, "id"),
    ("account.external_account.", ObjectKind.PAYEE, "account"),
    ("capability.", ObjectKind.PAYEE, "account"),
    ("account.application.deauthorized", ObjectKind.PAYEE, "account"),
)
# Known, and nothing to be done: why.
_IGNORED: tuple[tuple[str, str], ...] = (
    ("invoice.upcoming", "It announces a bill that does not exist yet."),
    ("customer.subscription.trial_will_end", "Trials are not offered."),
    ("payout.", "Transfers to a bank are booked from the statement."),
    ("balance.available", "Balances are read from the statement."),
    ("customer.", "What we know of a customer does not change with it."),
    ("payment_method.", "Payment methods are kept at Stripe."),
    ("price.", "Prices are ours."),
    ("product.", "Products are ours."),
    ("setup_intent.", "Payment methods are kept at Stripe."),
)


def read(
    body: bytes, headers: Mapping[str, str], *, secrets: Sequence[str], tolerance: int, now: datetime
) -> Hint | Ignored:
    """Verify and read a webhook. Raises BadWebhookError."""
    header = headers.get(HEADER, "")
    if not header:
        raise BadWebhookError("signature_missing", "There is no Stripe-Signature.")
    _verify(body, header, secrets, tolerance)
    stamp = _STAMP.search(header)
    # The client refuses what is too old and takes what is from the future.
    if stamp is None or abs(now.timestamp() - int(stamp.group(1))) > tolerance:
        raise BadWebhookError("signature_stale", "The webhook is too old, or from the future.")
    try:
        told = json.loads(body)
        event_id, event_type, created = str(told["id"]), str(told["type"]), told["created"]
        at = datetime.fromtimestamp(created, tz=UTC)
        found = told["data"]["object"]
        account = str(told.get("account") or "")
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise BadWebhookError("body_unreadable", "The body is no snapshot event.") from error
    for beginning, why in _IGNORED:
        if event_type.startswith(beginning) and not event_type.startswith(_exceptions(beginning)):
            return Ignored(event_id, event_type, why, at)
    for beginning, kind, where in _ABOUT:
        if event_type.startswith(beginning):
            ref = found.get(where) if isinstance(found, dict) else ""
            ref = ref.get("id", "") if isinstance(ref, dict) else str(ref or "")
            if kind is ObjectKind.PAYEE:
                ref = account or ref
            if not ref:
                return Ignored(event_id, event_type, "It names nothing of ours.", at)
            return Hint(event_id, event_type, kind, ref, at, account)
    return Ignored(event_id, event_type, "Nothing is done about this type.", at)


def _exceptions(beginning: str) -> tuple[str, ...]:
    return ("customer.subscription.",) if beginning == "customer." else ()


def _verify(body: bytes, header: str, secrets: Sequence[str], tolerance: int) -> None:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadWebhookError("body_unreadable", "The body is not UTF-8.") from error
    problem = "No webhook secret is set."
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(text, header, secret, tolerance)
        except stripe.SignatureVerificationError as error:
            problem = str(error)
        else:
            return
    code = "signature_stale" if "tolerance" in problem else "signature_wrong"
    raise BadWebhookError(code, "The signature is not Stripe's, or too old.")
