"""The sandbox as payments.domain.ports.Provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from django.conf import settings
from django.db import transaction

from payments.adapters.sandbox import charges, payouts, signature, store, subscriptions
from payments.domain.ports import (
    Can,
    ChargeState,
    CheckoutRequest,
    CheckoutState,
    DisputeState,
    Hint,
    Ignored,
    InvoiceState,
    Movement,
    MovementKind,
    PayeeState,
    PayoutRequest,
    PayoutState,
    RefundState,
    SubscriptionState,
)
from payments.models import SandboxMovement, SandboxObject


class SandboxProvider:
    """Moves no money."""

    name = "sandbox"
    label = "Sandbox"
    is_simulated = True
    can = frozenset(Can)
    currencies: frozenset[str] = frozenset()
    payee_fields: tuple[str, ...] = ()

    def checkout_create(self, request: CheckoutRequest, *, key: str) -> CheckoutState:
        """A page of ours that looks like a provider's."""

        def make() -> SandboxObject:
            data = {
                "title": request.title, "amount": request.amount_minor, "currency": request.currency,
                "customer": request.customer_ref or store.new_ref("customer"),
                "success_url": request.success_url, "cancel_url": request.cancel_url,
                "expires_at": request.expires_at.astimezone(UTC).isoformat(),
                "moves_at": request.expires_at.astimezone(UTC).isoformat(), "interval": request.interval,
                "first_discount": request.first_discount_minor, "status": "open", "charge": "", "subscription": "",
                "price_code": (request.metadata or {}).get("price_code", ""),
            }  # fmt: skip
            return store.make("checkout", data, our_ref=request.our_ref)

        return _checkout(store.once(key, asdict(request), make))

    def checkout_expire(self, ref: str) -> None:
        """Close it, unless it is closed."""
        with transaction.atomic(durable=True):
            row = store.find("checkout", ref, lock=True)
            if row.data["status"] == "open":
                store.change(row, "expired", status="expired", moves_at=None)

    def checkout(self, ref: str) -> CheckoutState:
        """As it is now."""
        return _checkout(store.find("checkout", ref))

    def charge(self, ref: str) -> ChargeState:
        """As it is now."""
        row = store.find("charge", ref)
        data = row.data
        return ChargeState(
            ref=row.ref,
            our_ref=row.our_ref,
            status=data["status"],
            amount_minor=data["amount"],
            captured_minor=data["captured"],
            currency=data["currency"],
            customer_ref=data["customer"],
            invoice_ref=data["invoice"],
            refunds=tuple(_refund(one) for one in _children("refund", ref)),
            disputes=tuple(_dispute(one) for one in _children("dispute", ref)),
            failure_code=data["failure_code"],
            failure=data["failure"],
        )

    def refund(self, ref: str) -> RefundState:
        """As it is now."""
        return _refund(store.find("refund", ref))

    def dispute(self, ref: str) -> DisputeState:
        """As it is now."""
        return _dispute(store.find("dispute", ref))

    def subscription(self, ref: str) -> SubscriptionState:
        """As it is now."""
        return _subscription(store.find("subscription", ref))

    def invoice(self, ref: str) -> InvoiceState:
        """As it is now."""
        return _invoice(store.find("invoice", ref))

    def invoices_of(self, subscription_ref: str) -> Iterator[InvoiceState]:
        """The newest first."""
        rows = SandboxObject.objects.filter(kind="invoice", parent_ref=subscription_ref).order_by("-pk")[:100]
        yield from (_invoice(row) for row in rows)

    def subscription_change(
        self,
        ref: str,
        *,
        price_code: str,
        title: str,
        amount_minor: int,
        currency: str,  # noqa: ARG002 - a subscription keeps its currency
        interval: str,
        bill_now: bool,
        key: str,
    ) -> SubscriptionState:
        """Another price from the next bill, or at once."""
        body = {"ref": ref, "price": price_code, "amount": amount_minor, "now": bill_now}
        row = store.once(
            key,
            body,
            lambda: subscriptions.change(
                ref, price_code=price_code, title=title, amount=amount_minor, interval=interval, bill_now=bill_now
            ),
        )
        return _subscription(row)

    def subscription_cancel(self, ref: str, *, at_period_end: bool, key: str) -> SubscriptionState:
        """End it."""
        body = {"ref": ref, "later": at_period_end}
        return _subscription(store.once(key, body, lambda: subscriptions.cancel(ref, at_period_end=at_period_end)))

    def subscription_resume(self, ref: str, *, key: str) -> SubscriptionState:
        """Go on."""
        return _subscription(store.once(key, {"ref": ref, "resume": True}, lambda: subscriptions.resume(ref)))

    def portal_url(self, *, customer_ref: str, return_url: str) -> str:  # noqa: ARG002
        """A page of ours."""
        return f"{settings.SITE_URL}/sandbox/portal/{customer_ref}"

    def refund_create(
        self,
        charge_ref: str,
        *,
        our_ref: str,
        amount_minor: int,
        currency: str,  # noqa: ARG002 - that of the charge
        key: str,
    ) -> RefundState:
        """At once."""
        body = {"charge": charge_ref, "amount": amount_minor}
        return _refund(store.once(key, body, lambda: charges.refund(charge_ref, amount_minor, our_ref=our_ref)))

    def payee_create(
        self,
        *,
        our_ref: str,
        email: str,  # noqa: ARG002 - it writes to nobody, and keeps nobody's address
        country: str,
        currency: str,
        details: Mapping[str, str] | None,  # noqa: ARG002 - it has a page of its own
        key: str,
    ) -> PayeeState:
        """Somebody who has still to say where the money goes to."""
        data = {
            "is_ready": False, "country": country, "currency": currency, "label": "", "digits": "",
            "missing": ["a bank account"],
        }  # fmt: skip
        row = store.once(key, {"payee": our_ref}, lambda: store.make("payee", data, our_ref=our_ref))
        return _payee(row)

    def payee_url(self, ref: str, *, return_url: str, refresh_url: str) -> str:  # noqa: ARG002
        """A page of ours."""
        return f"{settings.SITE_URL}/sandbox/payee/{ref}"

    def payee(self, ref: str) -> PayeeState:
        """As they are now."""
        return _payee(store.find("payee", ref))

    def payout_create(self, request: PayoutRequest, *, key: str) -> PayoutState:
        """Pending at first."""
        row = store.once(
            key,
            asdict(request),
            lambda: payouts.send(
                request.payee_ref,
                our_ref=request.our_ref,
                amount=request.amount_minor,
                currency=request.currency,
                description=request.description,
            ),
        )
        return _payout(row)

    def payout_find(self, our_ref: str) -> PayoutState | None:
        """By our id."""
        row = SandboxObject.objects.filter(kind="payout", our_ref=our_ref).order_by("-pk").first()
        return None if row is None else _payout(row)

    def payout(self, ref: str) -> PayoutState:
        """As it is now."""
        return _payout(store.find("payout", ref))

    def movements(self, *, since: datetime, until: datetime) -> Iterator[Movement]:
        """The oldest first."""
        for row in SandboxMovement.objects.filter(at__gte=since, at__lt=until).order_by("at", "pk").iterator():
            yield Movement(
                ref=row.ref,
                kind=MovementKind(row.kind),
                source_ref=row.source_ref,
                amount_minor=row.amount_minor,
                fee_minor=row.fee_minor,
                currency=row.currency,
                at=row.at,
            )

    def webhook(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> Hint | Ignored:
        """Signed by this installation."""
        return signature.read(body, headers, now)


def _children(kind: str, ref: str) -> list[SandboxObject]:
    return list(SandboxObject.objects.filter(kind=kind, parent_ref=ref).order_by("pk"))


def _checkout(row: SandboxObject) -> CheckoutState:
    data = row.data
    url = f"{settings.SITE_URL}/sandbox/checkout/{row.ref}" if data["status"] == "open" else ""
    return CheckoutState(
        ref=row.ref,
        our_ref=row.our_ref,
        status=data["status"],
        url=url,
        charge_ref=data["charge"],
        subscription_ref=data["subscription"],
        customer_ref=data["customer"],
    )


def _refund(row: SandboxObject) -> RefundState:
    data = row.data
    return RefundState(
        row.ref, row.parent_ref, row.our_ref, data["status"], data["amount"], data["currency"], data["failure"]
    )


def _dispute(row: SandboxObject) -> DisputeState:
    data = row.data
    return DisputeState(
        ref=row.ref,
        charge_ref=row.parent_ref,
        status=data["status"],
        amount_minor=data["amount"],
        currency=data["currency"],
        withdrawn_minor=data["withdrawn"],
        reason=data["reason"],
        due_at=store.moment(data["due_at"]),
    )


def _subscription(row: SandboxObject) -> SubscriptionState:
    data = row.data
    return SubscriptionState(
        ref=row.ref,
        our_ref=row.our_ref,
        status=data["status"],
        customer_ref=data["customer"],
        price_code=data["price_code"],
        period_start=datetime.fromisoformat(data["start"]),
        period_end=datetime.fromisoformat(data["end"]),
        cancel_at_period_end=data["cancel_at_period_end"],
        ended_at=store.moment(data["ended_at"]),
    )


def _invoice(row: SandboxObject) -> InvoiceState:
    data = row.data
    return InvoiceState(
        ref=row.ref,
        subscription_ref=row.parent_ref,
        status=data["status"],
        amount_minor=data["amount"],
        paid_minor=data["paid"],
        currency=data["currency"],
        price_code=data["price_code"],
        reason=data["reason"],
        period_start=datetime.fromisoformat(data["start"]),
        period_end=datetime.fromisoformat(data["end"]),
        charge_ref=data["charge"],
        attempts=data["attempts"],
        next_attempt_at=store.moment(data["next_attempt"]),
        pay_url=data["pay_url"] if data["status"] == "open" else "",
    )


def _payee(row: SandboxObject) -> PayeeState:
    data = row.data
    return PayeeState(
        row.ref, data["is_ready"], data["country"], data["currency"], tuple(data["missing"]), data["label"]
    )


def _payout(row: SandboxObject) -> PayoutState:
    data = row.data
    return PayoutState(
        row.ref, row.our_ref, data["status"], data["amount"], data["currency"], data["failure_code"], data["failure"]
    )
