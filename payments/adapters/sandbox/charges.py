"""Charges, refunds and disputes of the sandbox: its own side, moved by the test pages and by drills."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from django.db import transaction
from django.utils import timezone

from core.money import to_minor
from payments.adapters.sandbox import store
from payments.domain.amounts import rounded
from payments.domain.ports import MovementKind, ProviderError
from payments.models import SandboxObject

FEE_BP, FEE_FIXED, DISPUTE_FEE = 290, 30, 15
DECLINED = {"code": "card_declined", "text": "Your card was declined. Try another one."}
LATER = timedelta(seconds=60)


def fee_of(amount: int) -> int:
    """What the sandbox takes of a charge: 2.9 % and 30 minor units."""
    return rounded(Fraction(amount * FEE_BP, 10_000)) + FEE_FIXED if amount else 0


def blank_charge(amount: int, currency: str, customer: str, invoice: str = "") -> store.Data:
    """A charge that nobody has tried yet."""
    return {
        "status": "requires_action", "amount": amount, "captured": 0, "currency": currency, "customer": customer,
        "invoice": invoice, "failure_code": "", "failure": "", "moves_at": None,
    }  # fmt: skip


def settle(charge: SandboxObject, outcome: str) -> None:
    """Try a charge."""
    if outcome == "pay":
        store.change(
            charge, "succeeded", status="succeeded", captured=charge.data["amount"], failure="", failure_code="",
            moves_at=None,
        )  # fmt: skip
        if charge.data["amount"]:
            amount = charge.data["amount"]
            store.move(MovementKind.CHARGE, charge.ref, amount, charge.data["currency"], fee=fee_of(amount))
    elif outcome == "later":
        store.change(charge, "processing", status="processing", moves_at=(timezone.now() + LATER).isoformat())
    elif outcome == "confirm":
        store.change(charge, "requires_action", status="requires_action", moves_at=None)
    else:
        store.change(
            charge, "failed", status="failed", failure=DECLINED["text"], failure_code=DECLINED["code"], moves_at=None
        )


def charge_finish(ref: str, outcome: str = "pay") -> None:
    """Bring a charge that is being processed to its end: `pay` or `decline`."""
    with transaction.atomic(durable=True):
        charge = store.find("charge", ref, lock=True)
        if charge.data["status"] == "processing":
            settle(charge, outcome)


def refund(charge_ref: str, amount: int, *, our_ref: str = "", status: str = "succeeded") -> SandboxObject:
    """Give back a part of a charge; also what an operator does at the provider. In the caller's transaction."""
    charge = store.find("charge", charge_ref, lock=True)
    rows = SandboxObject.objects.filter(kind="refund", parent_ref=charge_ref)
    gone = sum(row.data["amount"] for row in rows if row.data["status"] != "failed")
    gone += sum(row.data["withdrawn"] for row in SandboxObject.objects.filter(kind="dispute", parent_ref=charge_ref))
    if amount <= 0 or gone + amount > charge.data["captured"]:
        raise ProviderError("charge_already_refunded", "That is more than is left of the charge.")
    data = {"status": status, "amount": amount, "currency": charge.data["currency"], "failure": ""}
    made = store.make("refund", data, our_ref=our_ref, parent_ref=charge_ref)
    store.move(MovementKind.REFUND, made.ref, -amount, charge.data["currency"])
    store.tell(charge, "refunded")
    return made


def refund_at_provider(charge_ref: str, amount: int) -> SandboxObject:
    """Somebody refunds at the provider, without asking us."""
    with transaction.atomic(durable=True):
        return refund(charge_ref, amount)


def refund_fail(ref: str) -> None:
    """The bank does not take a refund: the money is back with us."""
    with transaction.atomic(durable=True):
        row = store.find("refund", ref, lock=True)
        if row.data["status"] == "failed":
            return
        store.change(row, "failed", status="failed", failure="The bank did not take it.")
        store.move(MovementKind.REFUND_FAILED, row.ref, row.data["amount"], row.data["currency"])


def dispute_open(charge_ref: str, amount: int | None = None) -> SandboxObject:
    """The customer contests a charge: the amount is held back."""
    with transaction.atomic(durable=True):
        charge = store.find("charge", charge_ref, lock=True)
        refunds = SandboxObject.objects.filter(kind="refund", parent_ref=charge_ref)
        left = charge.data["captured"] - sum(row.data["amount"] for row in refunds if row.data["status"] != "failed")
        wanted = left if amount is None else amount
        if wanted <= 0 or wanted > left or SandboxObject.objects.filter(kind="dispute", parent_ref=charge_ref).exists():
            raise ProviderError("dispute_impossible", "There is nothing left of this charge to contest.")
        data = {
            "status": "open", "amount": wanted, "currency": charge.data["currency"], "withdrawn": wanted,
            "reason": "fraudulent", "due_at": (timezone.now() + timedelta(days=7)).isoformat(),
        }  # fmt: skip
        made = store.make("dispute", data, parent_ref=charge_ref)
        store.move(
            MovementKind.DISPUTE,
            made.ref,
            -wanted,
            data["currency"],
            fee=to_minor(Decimal(DISPUTE_FEE), data["currency"]),
        )
        return made


def dispute_close(ref: str, *, won: bool) -> None:
    """The bank decides."""
    with transaction.atomic(durable=True):
        row = store.find("dispute", ref, lock=True)
        if row.data["status"] in ("won", "lost"):
            return
        if won:
            store.move(MovementKind.DISPUTE_RETURNED, row.ref, row.data["withdrawn"], row.data["currency"])
        store.change(row, "closed", status="won" if won else "lost", withdrawn=0 if won else row.data["withdrawn"])
