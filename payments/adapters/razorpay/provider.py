"""Razorpay as payments.domain.ports.Provider. Rupees only; a checkout is an order, a charge the payment of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from razorpay.errors import SignatureVerificationError

from payments.adapters.razorpay import events, movements, states
from payments.adapters.razorpay.calls import client
from payments.adapters.razorpay.movements import Lists, Part
from payments.adapters.razorpay.subscriptions import NoSubscriptions
from payments.domain.bank import INDIAN_FIELDS
from payments.domain.ports import (
    Can,
    ChargeState,
    CheckoutRequest,
    CheckoutState,
    DisputeState,
    Hint,
    Ignored,
    Movement,
    PayeeState,
    PayoutRequest,
    PayoutState,
    ProviderError,
    RefundState,
)

LEAST = 100  # paise
IMPS_MOST, UPI_MOST = 50_000_000, 10_000_000  # five lakh rupees, one lakh


class RazorpayProvider(NoSubscriptions):
    """Payments and refunds by Razorpay, payouts by RazorpayX when there is an account of it."""

    name = "razorpay"
    label = "UPI, cards and net banking, by Razorpay"
    is_simulated = False
    currencies = frozenset({"INR"})

    def __init__(self, *, key: tuple[str, str], url: str, account: str, timeout: float) -> None:
        self._client: Any = client(key, url, timeout)
        self._account = account
        self.can = frozenset({Can.PAY, Can.REFUND, *([Can.PAY_OUT] if account else [])})
        self.payee_fields = INDIAN_FIELDS

    # ---- Checkout

    def checkout_create(self, request: CheckoutRequest, *, key: str) -> CheckoutState:  # noqa: ARG002
        """An order under the payment's id; the page to pay it on is ours and leads to Razorpay's."""
        if request.interval:
            self.not_offered()
        if request.amount_minor < LEAST:
            raise ProviderError("amount_too_small", "Razorpay takes 1.00 INR and more.")
        known = self._by("/v1/orders", "receipt", request.our_ref)
        order = known or self._client.order.create(data={
            "amount": request.amount_minor,
            "currency": request.currency,
            "receipt": request.our_ref,
            "notes": {"our_ref": request.our_ref, "title": request.title[:250]},
        })  # fmt: skip
        return states.checkout_state(order, (), self._page(request.our_ref))

    @staticmethod
    def _page(our_ref: str) -> str:
        return f"{settings.SITE_URL}/checkout/razorpay/{our_ref}"

    def checkout_expire(self, ref: str) -> None:
        """Nothing: an order stays payable at Razorpay. Our page no longer leads to it; a late payment is given back."""

    def checkout(self, ref: str) -> CheckoutState:
        """The order as it is now, with the payment that counts. An authorized one of an order of ours is captured now.

        Razorpay gives back what nobody captures, and a payment cannot be captured by any other amount than its own.
        """
        order = self._client.order.fetch(ref)
        paid = self._client.order.payments(ref)["items"]
        our_ref = states.our_ref_of(order)
        held = [row for row in paid if row["status"] == "authorized"]
        if our_ref and held and not any(states.came_in(row) for row in paid):
            first = min(held, key=lambda row: row["created_at"])
            paid = [*(row for row in paid if row is not first), self._capture(first)]
        return states.checkout_state(order, paid, self._page(our_ref))

    # ---- What came of it

    def charge(self, ref: str) -> ChargeState:
        """A payment with its refunds and disputes. An authorized one of an order of ours is captured now."""
        found = self._client.payment.fetch(ref)
        order = self._client.order.fetch(found["order_id"]) if found.get("order_id") else {}
        our_ref = states.our_ref_of(order)
        if found["status"] == "authorized" and our_ref:
            found = self._capture(found)
        is_in = states.came_in(found)
        refunds = self._get(f"/v1/payments/{ref}/refunds", {"count": 100})["items"] if is_in else []
        disputes = self._disputes_of(found) if is_in else []
        return states.charge_state(found, our_ref, refunds, disputes)

    def _capture(self, found: dict[str, Any]) -> dict[str, Any]:
        try:
            taken: dict[str, Any] = self._client.payment.capture(
                found["id"], found["amount"], {"currency": found["currency"]}
            )
        except ProviderError as error:
            if error.is_retryable or error.is_unknown:
                raise
            # Captured in the meantime by the account's own setting, or given back: what it is now says it.
            taken = self._client.payment.fetch(found["id"])
        return taken

    def _disputes_of(self, payment: dict[str, Any]) -> list[dict[str, Any]]:
        found = movements.listed(self._lists("/v1/disputes"), {"from": payment["created_at"]})
        return [row for row in found if row["payment_id"] == payment["id"]]

    def refund(self, ref: str) -> RefundState:
        """As it is now."""
        return states.refund_state(self._client.refund.fetch(ref))

    def dispute(self, ref: str) -> DisputeState:
        """As it is now."""
        return states.dispute_state(self._client.dispute.fetch(ref))

    def refund_create(
        self,
        charge_ref: str,
        *,
        our_ref: str,
        amount_minor: int,
        currency: str,  # noqa: ARG002 - of the payment
        key: str,
    ) -> RefundState:
        """A part of a payment, or all of it."""
        body = {"amount": amount_minor, "receipt": our_ref, "notes": {"our_ref": our_ref}}
        made = self._post(f"/v1/payments/{charge_ref}/refund", body, "X-Refund-Idempotency", key)
        return states.refund_state(made)

    # ---- Payouts by RazorpayX

    def payee_create(
        self,
        *,
        our_ref: str,
        email: str,
        country: str,  # noqa: ARG002 - India
        currency: str,  # noqa: ARG002 - rupees
        details: Mapping[str, str] | None,
        key: str,  # noqa: ARG002 - the same contact and account are found again by Razorpay
    ) -> PayeeState:
        """A contact, and a bank account or UPI address of it. `details` are payments.domain.bank's."""
        given = details or {}
        person = {"name": given.get("name", ""), "email": email, "type": "customer", "reference_id": our_ref}
        contact = self._client.post("/v1/contacts", person)
        account: dict[str, Any] = {"contact_id": contact["id"]}
        if given.get("vpa"):
            account |= {"account_type": "vpa", "vpa": {"address": given["vpa"]}}
        else:
            bank = {name: given.get(name, "") for name in ("name", "ifsc", "account_number")}
            account |= {"account_type": "bank_account", "bank_account": bank}
        return states.payee_state(self._client.post("/v1/fund_accounts", account))

    def payee_url(self, ref: str, *, return_url: str, refresh_url: str) -> str:  # noqa: ARG002
        """None: our own form asks."""
        return ""

    def payee(self, ref: str) -> PayeeState:
        """As it is now."""
        return states.payee_state(self._get(f"/v1/fund_accounts/{ref}", {}))

    def payout_create(self, request: PayoutRequest, *, key: str) -> PayoutState:
        """A payout from our RazorpayX account; it waits there when that has too little."""
        payee = self._get(f"/v1/fund_accounts/{request.payee_ref}", {})
        body = {
            "account_number": self._account,
            "fund_account_id": request.payee_ref,
            "amount": request.amount_minor,
            "currency": request.currency,
            "mode": self._mode(payee, request.amount_minor),
            "purpose": "payout",
            "queue_if_low_balance": True,
            "reference_id": request.our_ref[:40],
            "narration": re.sub(r"[^A-Za-z0-9 ]", " ", request.description)[:30],
            "notes": {"our_ref": request.our_ref},
        }
        return states.payout_state(self._post("/v1/payouts", body, "X-Payout-Idempotency", key))

    @staticmethod
    def _mode(payee: dict[str, Any], amount: int) -> str:
        if payee.get("account_type") == "vpa":
            if amount > UPI_MOST:
                raise ProviderError("amount_too_large", "UPI takes up to one lakh rupees at once: name a bank account.")
            return "UPI"
        return "IMPS" if amount <= IMPS_MOST else "NEFT"

    def payout_find(self, our_ref: str) -> PayoutState | None:
        """By its reference."""
        found = self._by("/v1/payouts", "reference_id", our_ref[:40], account_number=self._account)
        return states.payout_state(found) if found else None

    def payout(self, ref: str) -> PayoutState:
        """As it is now."""
        return states.payout_state(self._get(f"/v1/payouts/{ref}", {}))

    # ---- The statement, and webhooks

    def movements(self, *, since: datetime, until: datetime) -> Iterator[Movement]:
        """Payments, refunds, disputes, settlements and payouts, the oldest first."""
        lists = [Part(self._lists(f"/v1/{name}"), *how) for name, how in movements.LISTS.items()]
        if self._account:
            more = {"account_number": self._account}
            lists.append(Part(self._lists("/v1/payouts"), movements.of_payout, movements.PAYOUTS_BACK, more))
        yield from movements.statement(lists, since=since, until=until)

    def webhook(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> Hint | Ignored:
        """Signed with one of the webhook secrets."""
        return events.read(
            body,
            headers,
            secrets=settings.RAZORPAY_WEBHOOK_SECRETS,
            tolerance=settings.WEBHOOK_TOLERANCE,
            now=now,
        )

    def signature_fits(self, *, order_ref: str, payment_ref: str, signature: str) -> bool:
        """Whether what a browser brought back from Razorpay's page was signed by it, for this order of ours."""
        try:
            self._client.utility.verify_payment_signature(
                {"razorpay_order_id": order_ref, "razorpay_payment_id": payment_ref, "razorpay_signature": signature}
            )
        except (SignatureVerificationError, TypeError):
            return False
        return True

    # ---- Asking

    def _get(self, path: str, params: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self._client.get(path, params)
        return found

    def _lists(self, path: str) -> Lists:
        return lambda params: self._get(path, params)

    def _by(self, path: str, name: str, ref: str, **more: str) -> dict[str, Any] | None:
        """What has this reference of ours; others are passed over, should the list not know how to look for it."""
        rows = self._get(path, {name: ref, "count": 10, **more})["items"]
        return next((row for row in rows if row.get(name) == ref), None)

    def _post(self, path: str, body: dict[str, Any], header: str, key: str) -> dict[str, Any]:
        """Ask for a change under a key of ours: letters, digits, dashes, ten and more."""
        clean = re.sub(r"[^A-Za-z0-9_-]", "-", key)[:64].ljust(10, "-")
        made: dict[str, Any] = self._client.post(path, body, headers={header: clean})
        return made
