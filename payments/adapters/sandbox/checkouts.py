"""Checkouts of the sandbox: what the buttons of its page do."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from payments.adapters.sandbox import charges, store, subscriptions
from payments.domain.ports import ProviderError
from payments.models import SandboxObject


def checkout_pay(ref: str, outcome: str) -> SandboxObject:
    """Somebody presses a button on the page: `pay`, `later`, `decline`, `confirm` or `cancel`. The checkout.

    `later` is processing and succeeds within a minute; `confirm` waits for a confirmation, which is another `pay`.
    """
    with transaction.atomic(durable=True):
        checkout = store.find("checkout", ref, lock=True)
        data = checkout.data
        if data["status"] != "open":
            raise ProviderError("checkout_closed", "This page is closed.")
        if store.passed(data["expires_at"], timezone.now()):
            raise ProviderError("checkout_closed", "This page has expired.")
        if outcome == "cancel":
            return checkout
        if data["interval"]:
            subscriptions.begin(checkout, outcome)
        else:
            _pay_once(checkout, outcome)
        return checkout


def _pay_once(checkout: SandboxObject, outcome: str) -> None:
    data = checkout.data
    charge = SandboxObject.objects.filter(kind="charge", ref=data.get("charge") or "-").first()
    if charge is None:
        charge = store.make(
            "charge",
            charges.blank_charge(data["amount"], data["currency"], data["customer"]),
            our_ref=checkout.our_ref,
            parent_ref=checkout.ref,
        )
        checkout.data = {**data, "charge": charge.ref}
        checkout.save(update_fields=["data"])
    charges.settle(charge, outcome)
    if outcome in ("pay", "later"):
        store.change(checkout, "completed", status="complete", moves_at=None)
