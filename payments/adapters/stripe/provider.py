"""Stripe as payments.domain.ports.Provider."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings

from payments.adapters.stripe import events, states
from payments.adapters.stripe.calls import asked, client
from payments.adapters.stripe.money import to_stripe
from payments.adapters.stripe.movements import movement
from payments.adapters.stripe.states import plain, ref_of
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
    PayeeState,
    PayoutRequest,
    PayoutState,
    ProviderError,
    RefundState,
    SubscriptionState,
)

SHORTEST, LONGEST = 31 * 60, 24 * 3600 - 60  # seconds that a page may be open
MOST_LINES = 100_000


class StripeProvider:
    """Payments, subscriptions, refunds and Connect transfers by Stripe. A charge is its PaymentIntent here."""

    name = "stripe"
    label = "Card and more, by Stripe"
    is_simulated = False
    can = frozenset(Can)
    currencies: frozenset[str] = frozenset()
    payee_fields: tuple[str, ...] = ()

    def __init__(self, *, key: str, url: str, timeout: float) -> None:
        self._client = client(key, url, timeout)
        self._codes: dict[str, str] = {}

    @property
    def _v1(self) -> Any:
        return self._client.v1

    # ---- Checkout

    def checkout_create(self, request: CheckoutRequest, *, key: str) -> CheckoutState:
        """A Checkout Session on Stripe's page."""
        ends = int(min(max(request.expires_at.timestamp(), time.time() + SHORTEST), time.time() + LONGEST))
        tags = {
            "our_ref": request.our_ref,
            **{name: value for name, value in (request.metadata or {}).items() if value},
        }
        params: dict[str, Any] = {
            "mode": "subscription" if request.interval else "payment",
            "success_url": request.success_url,
            "cancel_url": request.cancel_url,
            "client_reference_id": request.our_ref,
            "metadata": tags,
            # Ten minutes are one: the same key must come with the same body.
            "expires_at": ends // 600 * 600 + 600 if ends // 600 * 600 + 600 < time.time() + LONGEST else ends,
        }
        if request.customer_ref:
            params["customer"] = request.customer_ref
        else:
            params["customer_email"] = request.email
        if request.interval:
            params |= self._subscribing(request, tags, key)
        else:
            params |= {
                "line_items": [{"quantity": 1, "price_data": self._price_data(request)}],
                "payment_intent_data": {"metadata": tags},
                **({} if request.customer_ref else {"customer_creation": "always"}),
            }
        return states.checkout_state(self._post(self._v1.checkout.sessions.create, params, f"{key}:checkout"))

    @staticmethod
    def _price_data(request: CheckoutRequest) -> dict[str, Any]:
        return {
            "currency": request.currency.lower(),
            "unit_amount": to_stripe(request.amount_minor, request.currency),
            "product_data": {"name": request.title},
        }

    def _subscribing(self, request: CheckoutRequest, tags: dict[str, str], key: str) -> dict[str, Any]:
        code = tags.get("price_code", "")
        price = self._price(code, request.title, request.amount_minor, request.currency, request.interval)
        found: dict[str, Any] = {
            "line_items": [{"price": price, "quantity": 1}],
            "subscription_data": {"metadata": tags},
        }
        if request.first_discount_minor:
            off = {
                "amount_off": to_stripe(request.first_discount_minor, request.currency),
                "currency": request.currency.lower(),
                "duration": "once",
                "max_redemptions": 1,
            }
            coupon = self._post(self._v1.coupons.create, off, f"{key}:coupon")
            found["discounts"] = [{"coupon": coupon["id"]}]
        return found

    def _price(self, code: str, title: str, amount: int, currency: str, interval: str) -> str:
        """The id of a price with this amount, made once: it is found again by its lookup key."""
        lookup = f"{code}:{currency}:{amount}:{interval}"[:200]
        known = self._get(self._v1.prices.list, {"lookup_keys": [lookup], "limit": 1})["data"]
        if known:
            return str(known[0]["id"])
        params = {
            "currency": currency.lower(),
            "unit_amount": to_stripe(amount, currency),
            "recurring": {"interval": interval},
            "lookup_key": lookup,
            "product_data": {"name": title, "metadata": {"price_code": code}},
            "metadata": {"price_code": code},
        }
        return str(self._post(self._v1.prices.create, params, f"price:{lookup}")["id"])

    def checkout_expire(self, ref: str) -> None:
        """Close it; one that is not open stays as it is."""
        if self.checkout(ref).status == "open":
            try:
                self._post(self._v1.checkout.sessions.expire, ref, None)
            except ProviderError as error:
                # Somebody paid in this second: what it is now says it.
                if error.is_retryable or error.is_unknown:
                    raise

    def checkout(self, ref: str) -> CheckoutState:
        """As it is now."""
        return states.checkout_state(self._get(self._v1.checkout.sessions.retrieve, ref))

    # ---- What came of it

    def charge(self, ref: str) -> ChargeState:
        """The PaymentIntent with its refunds and disputes; of a subscription with its bill."""
        found = self._get(self._v1.payment_intents.retrieve, ref, {"expand": ["latest_charge"]})
        refunds = self._get(self._v1.refunds.list, {"payment_intent": ref, "limit": 100})["data"]
        disputes = self._get(self._v1.disputes.list, {"payment_intent": ref, "limit": 100})["data"]
        invoice = ""
        if not (found.get("metadata") or {}).get("our_ref"):
            wanted = {"payment": {"type": "payment_intent", "payment_intent": ref}, "limit": 1}
            rows = self._get(self._v1.invoice_payments.list, wanted)["data"]
            invoice = ref_of(rows[0]["invoice"]) if rows else ""
        return states.charge_state(found, refunds, disputes, invoice)

    def refund(self, ref: str) -> RefundState:
        """As it is now."""
        return states.refund_state(self._get(self._v1.refunds.retrieve, ref))

    def dispute(self, ref: str) -> DisputeState:
        """As it is now."""
        return states.dispute_state(self._get(self._v1.disputes.retrieve, ref))

    def refund_create(
        self, charge_ref: str, *, our_ref: str, amount_minor: int, currency: str, key: str
    ) -> RefundState:
        """A part of a charge, or all of it."""
        params = {
            "payment_intent": charge_ref,
            "amount": to_stripe(amount_minor, currency),
            "metadata": {"our_ref": our_ref},
        }
        return states.refund_state(self._post(self._v1.refunds.create, params, key))

    # ---- Subscriptions

    def subscription(self, ref: str) -> SubscriptionState:
        """As it is now."""
        return states.subscription_state(self._get(self._v1.subscriptions.retrieve, ref))

    def invoice(self, ref: str) -> InvoiceState:
        """As it is now."""
        return self._invoice(self._get(self._v1.invoices.retrieve, ref, {"expand": ["payments"]}))

    def invoices_of(self, subscription_ref: str) -> Iterator[InvoiceState]:
        """The newest first; drafts are not bills yet."""
        wanted = {"subscription": subscription_ref, "limit": 100, "expand": ["data.payments"]}
        for data in self._get(self._v1.invoices.list, wanted)["data"]:
            if data["status"] != "draft":
                yield self._invoice(data)

    def _invoice(self, data: dict[str, Any]) -> InvoiceState:
        line = states.invoice_line(data)
        details = (line.get("pricing") or {}).get("price_details") or {}
        return states.invoice_state(data, self._code(ref_of(details.get("price"))))

    def _code(self, price: str) -> str:
        """Our code of a Stripe price; prices never change, so it is asked once."""
        if price and price not in self._codes:
            found = self._get(self._v1.prices.retrieve, price)
            self._codes[price] = (found.get("metadata") or {}).get("price_code", "")
        return self._codes.get(price, "")

    def subscription_change(
        self,
        ref: str,
        *,
        price_code: str,
        title: str,
        amount_minor: int,
        currency: str,
        interval: str,
        bill_now: bool,
        key: str,
    ) -> SubscriptionState:
        """Another price; `bill_now` bills the rest of the period at once, and changes nothing when that fails."""
        price = self._price(price_code, title, amount_minor, currency, interval)
        item = self._get(self._v1.subscriptions.retrieve, ref)["items"]["data"][0]["id"]
        params = {
            "items": [{"id": item, "price": price}],
            "proration_behavior": "always_invoice" if bill_now else "none",
            "payment_behavior": "error_if_incomplete" if bill_now else "allow_incomplete",
        }
        return states.subscription_state(self._post(self._v1.subscriptions.update, ref, key, params))

    def subscription_cancel(self, ref: str, *, at_period_end: bool, key: str) -> SubscriptionState:
        """Later, or now."""
        if at_period_end:
            params = {"cancel_at_period_end": True}
            return states.subscription_state(self._post(self._v1.subscriptions.update, ref, key, params))
        found = self._get(self._v1.subscriptions.retrieve, ref)
        if found["status"] != "canceled":
            found = plain(asked(self._v1.subscriptions.cancel, ref))
        return states.subscription_state(found)

    def subscription_resume(self, ref: str, *, key: str) -> SubscriptionState:
        """Go on after all."""
        params = {"cancel_at_period_end": False}
        return states.subscription_state(self._post(self._v1.subscriptions.update, ref, key, params))

    def portal_url(self, *, customer_ref: str, return_url: str) -> str:
        """Stripe's billing portal."""
        params = {"customer": customer_ref, "return_url": return_url}
        return str(self._post(self._v1.billing_portal.sessions.create, params, None)["url"])

    # ---- Payouts by Connect

    def payee_create(
        self,
        *,
        our_ref: str,
        email: str,
        country: str,
        currency: str,
        details: Mapping[str, str] | None,  # noqa: ARG002 - Stripe asks for them itself
        key: str,
    ) -> PayeeState:
        """A connected account that may receive transfers, with Stripe's own dashboard for it."""
        params = {
            "country": country,
            "email": email,
            "default_currency": currency.lower(),
            "controller": {
                "fees": {"payer": "application"},
                "losses": {"payments": "application"},
                "stripe_dashboard": {"type": "express"},
            },
            "capabilities": {"transfers": {"requested": True}},
            "metadata": {"our_ref": our_ref},
        }
        return states.payee_state(self._post(self._v1.accounts.create, params, key))

    def payee_url(self, ref: str, *, return_url: str, refresh_url: str) -> str:
        """Stripe's onboarding; the link is good once."""
        params = {"account": ref, "return_url": return_url, "refresh_url": refresh_url, "type": "account_onboarding"}
        return str(self._post(self._v1.account_links.create, params, None)["url"])

    def payee(self, ref: str) -> PayeeState:
        """As it is now."""
        return states.payee_state(self._get(self._v1.accounts.retrieve, ref))

    def payout_create(self, request: PayoutRequest, *, key: str) -> PayoutState:
        """A transfer to the payee's account; the bank follows on the account's own schedule."""
        params = {
            "amount": to_stripe(request.amount_minor, request.currency),
            "currency": request.currency.lower(),
            "destination": request.payee_ref,
            "transfer_group": request.our_ref,
            "description": request.description,
            "metadata": {"our_ref": request.our_ref},
        }
        return states.payout_state(self._post(self._v1.transfers.create, params, key))

    def payout_find(self, our_ref: str) -> PayoutState | None:
        """By its transfer group."""
        rows = self._get(self._v1.transfers.list, {"transfer_group": our_ref, "limit": 1})["data"]
        return states.payout_state(rows[0]) if rows else None

    def payout(self, ref: str) -> PayoutState:
        """As it is now."""
        return states.payout_state(self._get(self._v1.transfers.retrieve, ref))

    # ---- The statement, and webhooks

    def movements(self, *, since: datetime, until: datetime) -> Iterator[Movement]:
        """Balance transactions, the oldest first."""
        wanted = {
            "created": {"gte": int(since.timestamp()), "lt": int(until.timestamp()) + 1},
            "limit": 100,
            "expand": ["data.source"],
        }
        lines: list[Movement] = []
        pages = asked(self._v1.balance_transactions.list, wanted).auto_paging_iter()
        while (line := asked(_next, pages)) is not None:
            lines.append(movement(plain(line)))
            if len(lines) > MOST_LINES:
                raise ProviderError("statement_too_long", "Ask for a shorter time.")
        yield from reversed(lines)

    def webhook(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> Hint | Ignored:
        """Signed with one of the endpoint's secrets."""
        return events.read(
            body,
            headers,
            secrets=settings.STRIPE_WEBHOOK_SECRETS,
            tolerance=settings.WEBHOOK_TOLERANCE,
            now=now,
        )

    # ---- Asking

    @staticmethod
    def _get(act: Any, *args: Any) -> dict[str, Any]:
        return plain(asked(act, *args))

    @staticmethod
    def _post(act: Any, first: Any, key: str | None, *more: Any) -> dict[str, Any]:
        """Ask for a change under a key of ours; without one the client makes its own for its retries."""
        options = {"idempotency_key": key[:255]} if key else {}
        if isinstance(first, str):
            return plain(asked(act, first, *(more or ({},)), options))
        return plain(asked(act, first, options))


def _next(lines: Iterator[Any]) -> Any:
    """The next line of a statement, asked for when a page is at its end."""
    return next(lines, None)
