"""Subscriptions of the sandbox: their bills, renewals, declined cards, changes and ends."""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from payments.adapters.sandbox import charges, store
from payments.domain.amounts import earned, prorated
from payments.domain.ports import ProviderError
from payments.models import SandboxObject

RETRY = timedelta(days=2)
MAX_ATTEMPTS = 4


def after(start: datetime, interval: str) -> datetime:
    """The end of an interval that begins then; the last day of a month where the month is short."""
    years, month = divmod(start.month - 1 + (12 if interval == "year" else 1), 12)
    year = start.year + years
    return start.replace(year=year, month=month + 1, day=min(start.day, monthrange(year, month + 1)[1]))


def begin(checkout: SandboxObject, outcome: str) -> None:
    """The first bill of a subscription is paid, or is not."""
    data = checkout.data
    if outcome != "pay":
        # A first bill is settled on the page or not at all.
        charge = SandboxObject.objects.filter(kind="charge", ref=data.get("charge") or "-").first()
        if charge is None:
            blank = charges.blank_charge(data["amount"] - data["first_discount"], data["currency"], data["customer"])
            charge = store.make("charge", blank, our_ref=checkout.our_ref, parent_ref=checkout.ref)
            checkout.data = {**data, "charge": charge.ref}
            checkout.save(update_fields=["data"])
        charges.settle(charge, "decline" if outcome == "later" else outcome)
        return
    now = timezone.now()
    made = store.make(
        "subscription",
        {
            "status": "active", "price_code": data["price_code"], "title": data["title"], "amount": data["amount"],
            "currency": data["currency"], "interval": data["interval"], "start": now.isoformat(),
            "end": after(now, data["interval"]).isoformat(), "cancel_at_period_end": False, "ended_at": None,
            "customer": data["customer"], "card": "works", "moves_at": after(now, data["interval"]).isoformat(),
        },
        our_ref=checkout.our_ref,
        parent_ref=checkout.ref,
    )  # fmt: skip
    invoice = bill(made, data["amount"] - data["first_discount"], "first", now, after(now, data["interval"]))
    pay(invoice, our_ref=checkout.our_ref, charge_ref=data.get("charge") or "")
    store.change(checkout, "completed", status="complete", subscription=made.ref, moves_at=None)


def bill(subscription: SandboxObject, amount: int, reason: str, start: datetime, end: datetime) -> SandboxObject:
    """A bill for a time."""
    data = {
        "status": "open", "amount": amount, "paid": 0, "currency": subscription.data["currency"],
        "price_code": subscription.data["price_code"], "reason": reason, "start": start.isoformat(),
        "end": end.isoformat(), "charge": "", "attempts": 0, "next_attempt": None,
        "pay_url": f"{settings.SITE_URL}/sandbox/portal/{subscription.data['customer']}",
    }  # fmt: skip
    return store.make("invoice", data, parent_ref=subscription.ref)


def pay(invoice: SandboxObject, *, our_ref: str = "", charge_ref: str = "", works: bool = True) -> None:
    """Try to collect a bill."""
    data = invoice.data
    subscription = store.find("subscription", invoice.parent_ref, lock=True)
    charge = SandboxObject.objects.filter(kind="charge", ref=charge_ref or data["charge"] or "-").first()
    if charge is None and (data["amount"] or not works):
        blank = charges.blank_charge(
            data["amount"], data["currency"], subscription.data["customer"], invoice=invoice.ref
        )
        charge = store.make("charge", blank, our_ref=our_ref, parent_ref=invoice.ref)
    if charge is not None:
        charge.data = {**charge.data, "invoice": invoice.ref}
        charges.settle(charge, "pay" if works else "decline")
    attempts = data["attempts"] + 1
    ref = charge.ref if charge else ""
    if works:
        store.change(
            invoice, "paid", status="paid", paid=data["amount"], charge=ref, attempts=attempts, next_attempt=None
        )
        return
    again = (timezone.now() + RETRY).isoformat() if attempts < MAX_ATTEMPTS else None
    store.change(invoice, "payment_failed", charge=ref, attempts=attempts, next_attempt=again)


def renew(ref: str, now: datetime) -> None:
    """What is due for a subscription: its end, its next bill, another try of the last one."""
    with transaction.atomic(durable=True):
        row = store.find("subscription", ref, lock=True)
        data = row.data
        end = datetime.fromisoformat(data["end"])
        if data["status"] == "past_due":
            _try_again(row, now)
        elif data["status"] == "active" and end <= now:
            if data["cancel_at_period_end"]:
                store.change(row, "canceled", status="canceled", ended_at=end.isoformat(), moves_at=None)
                return
            until = after(end, data["interval"])
            store.change(row, "renewed", start=end.isoformat(), end=until.isoformat(), moves_at=until.isoformat())
            invoice = bill(row, data["amount"], "renewal", end, until)
            works = data["card"] == "works"
            pay(invoice, works=works)
            if not works:
                store.change(row, "past_due", status="past_due", moves_at=invoice.data["next_attempt"])


def end_now(ref: str, now: datetime) -> None:
    """Let the period end now: what renewals and ends wait for, without the waiting."""
    with transaction.atomic(durable=True):
        row = store.find("subscription", ref, lock=True)
        if row.data["status"] == "active":
            row.data = {**row.data, "end": now.isoformat(), "moves_at": now.isoformat()}
            row.save(update_fields=["data"])


def _open_bill(subscription: SandboxObject) -> SandboxObject | None:
    rows = SandboxObject.objects.filter(kind="invoice", parent_ref=subscription.ref, data__status="open")
    return rows.order_by("-pk").first()


def _try_again(row: SandboxObject, now: datetime) -> None:
    invoice = _open_bill(row)
    due = store.moment(invoice.data["next_attempt"]) if invoice else None
    if invoice is None or due is None or due > now:
        return
    works = row.data["card"] == "works"
    pay(invoice, works=works)
    if works:
        store.change(row, "active", status="active", moves_at=row.data["end"])
    elif invoice.data["next_attempt"] is None:
        store.change(invoice, "uncollectible", status="uncollectible")
        store.change(row, "canceled", status="canceled", ended_at=now.isoformat(), moves_at=None)
    else:
        store.change(row, "updated", moves_at=invoice.data["next_attempt"])


def card_set(ref: str, *, works: bool) -> None:
    """The customer's card works from now on, or does not; a bill that is due is paid at once when it does."""
    with transaction.atomic(durable=True):
        row = store.find("subscription", ref, lock=True)
        row.data = {**row.data, "card": "works" if works else "declines"}
        row.save(update_fields=["data"])
        invoice = _open_bill(row)
        if works and invoice is not None and row.data["status"] == "past_due":
            pay(invoice, works=True)
            store.change(row, "active", status="active", moves_at=row.data["end"])


def change(ref: str, *, price_code: str, title: str, amount: int, interval: str, bill_now: bool) -> SandboxObject:
    """Another price; in the caller's transaction. `bill_now` collects the difference for the rest of the period."""
    row = store.find("subscription", ref, lock=True)
    data = row.data
    if data["status"] not in ("active", "past_due"):
        raise ProviderError("subscription_over", "This subscription is over.")
    now, start, end = timezone.now(), datetime.fromisoformat(data["start"]), datetime.fromisoformat(data["end"])
    new: dict[str, Any] = {"price_code": price_code, "title": title, "amount": amount, "interval": interval}
    if bill_now and interval != data["interval"]:
        # Another rhythm begins a new period: the unused part of the old one is taken off.
        until = after(now, interval)
        due = max(0, amount - (data["amount"] - earned(data["amount"], start, end, now)))
        new |= {"start": now.isoformat(), "end": until.isoformat(), "moves_at": until.isoformat()}
    else:
        until, due = end, prorated(data["amount"], amount, start, end, now)
    if bill_now and data["card"] != "works":
        raise ProviderError("card_declined", charges.DECLINED["text"])
    store.change(row, "updated", **new)
    if bill_now:
        pay(bill(row, due, "change", now, until))
    return row


def cancel(ref: str, *, at_period_end: bool) -> SandboxObject:
    """End it later or now; in the caller's transaction."""
    row = store.find("subscription", ref, lock=True)
    if row.data["status"] == "canceled":
        return row
    if at_period_end:
        store.change(row, "updated", cancel_at_period_end=True)
    else:
        invoice = _open_bill(row)
        if invoice is not None:
            store.change(invoice, "voided", status="void")
        store.change(row, "canceled", status="canceled", ended_at=timezone.now().isoformat(), moves_at=None)
    return row


def resume(ref: str) -> SandboxObject:
    """Take back a cancellation; in the caller's transaction."""
    row = store.find("subscription", ref, lock=True)
    if row.data["status"] == "canceled":
        raise ProviderError("subscription_over", "This subscription is over.")
    store.change(row, "updated", cancel_at_period_end=False)
    return row
