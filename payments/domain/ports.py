"""What the platform asks of a payment provider, said by what it does and not by who does it. Pure.

Events are hints: they name an object, whose present state is then fetched and applied. So it does not matter in which
order events come, how often, or whether some are lost. Amounts are integer minor units of an ISO 4217 currency (upper
case), times aware datetimes. Adapters translate every vendor's words into these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class ProviderError(Exception):
    """A provider did not do what it was asked.

    `is_retryable`: asking again with the same key may help (429, 5xx, no connection). `is_unknown`: it may have acted
    all the same (a time-out, a 5xx), so nothing may be concluded before it has been looked up.
    """

    def __init__(self, code: str, message: str, *, is_retryable: bool = False, is_unknown: bool = False) -> None:
        super().__init__(message)
        self.code, self.message = code, message
        self.is_retryable, self.is_unknown = is_retryable, is_unknown


class BadWebhookError(Exception):
    """A webhook that is not the provider's, too old, from the future, or unreadable. `code` says which."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Can(StrEnum):
    """What a provider may offer."""

    PAY = "pay"
    SUBSCRIBE = "subscribe"
    PORTAL = "portal"
    REFUND = "refund"
    PAY_OUT = "pay_out"


class ObjectKind(StrEnum):
    """Kinds of objects at a provider whose state can be fetched."""

    CHECKOUT = "checkout"
    CHARGE = "charge"
    REFUND = "refund"
    DISPUTE = "dispute"
    SUBSCRIPTION = "subscription"
    INVOICE = "invoice"
    PAYEE = "payee"
    PAYOUT = "payout"


@dataclass(frozen=True, slots=True)
class Hint:
    """A verified event: something about the object `ref` may have changed. `account`: a connected account's object."""

    event_id: str
    event_type: str
    kind: ObjectKind
    ref: str
    created_at: datetime
    account: str = ""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A verified event that means nothing to us, and why."""

    event_id: str
    event_type: str
    reason: str
    created_at: datetime


# ---- What is asked for


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """A page on which to pay `amount_minor` once, or at the start of every interval when `interval` is set.

    `our_ref` is the payment's public id (of a subscription the first one's); it comes back in every state.
    `first_discount_minor` is taken off the first amount only, of a subscription.
    """

    our_ref: str
    title: str
    amount_minor: int
    currency: str
    email: str
    customer_ref: str
    success_url: str
    cancel_url: str
    expires_at: datetime
    interval: str = ""  # "", "month", "year"
    first_discount_minor: int = 0
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class PayoutRequest:
    """Send `amount_minor` to a payee; `our_ref` is the payout's public id and finds it again after a time-out."""

    our_ref: str
    payee_ref: str
    amount_minor: int
    currency: str
    description: str


# ---- States, as they are now


@dataclass(frozen=True, slots=True)
class CheckoutState:
    """`status`: open, complete (paid for or being paid for), expired."""

    ref: str
    our_ref: str
    status: str
    url: str = ""
    charge_ref: str = ""
    subscription_ref: str = ""
    customer_ref: str = ""


@dataclass(frozen=True, slots=True)
class RefundState:
    """`status`: pending, succeeded, failed. `our_ref`: the refund's public id; empty when made at the provider."""

    ref: str
    charge_ref: str
    our_ref: str
    status: str
    amount_minor: int
    currency: str
    failure: str = ""


@dataclass(frozen=True, slots=True)
class DisputeState:
    """`status`: open, under_review, won, lost. `withdrawn_minor`: what the provider holds back of us just now."""

    ref: str
    charge_ref: str
    status: str
    amount_minor: int
    currency: str
    withdrawn_minor: int
    reason: str = ""
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChargeState:
    """A payment at the provider. `status`: requires_action, processing, succeeded, failed, canceled.

    `captured_minor` is what has come in; refunds and disputes are listed whole. `invoice_ref`: of a subscription.
    `instrument`: what names the card or account it was paid with, the same for everybody who pays with it.
    """

    ref: str
    our_ref: str
    status: str
    amount_minor: int
    captured_minor: int
    currency: str
    customer_ref: str = ""
    invoice_ref: str = ""
    refunds: tuple[RefundState, ...] = ()
    disputes: tuple[DisputeState, ...] = ()
    failure_code: str = ""
    failure: str = ""
    instrument: str = ""


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """`status`: incomplete, trialing, active, past_due, paused, canceled (over for good).

    `our_ref`: the first payment's public id. `price_code`: which of our prices it renews at (from its metadata).
    """

    ref: str
    our_ref: str
    status: str
    customer_ref: str
    price_code: str
    period_start: datetime
    period_end: datetime
    cancel_at_period_end: bool = False
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class InvoiceState:
    """A subscription's bill. `status`: open, paid, void, uncollectible. `reason`: first, renewal, change.

    `price_code`: which of our prices it bills; `period_start` to `period_end` is the time that it pays for.
    """

    ref: str
    subscription_ref: str
    status: str
    amount_minor: int
    paid_minor: int
    currency: str
    price_code: str
    reason: str
    period_start: datetime
    period_end: datetime
    charge_ref: str = ""
    attempts: int = 0
    next_attempt_at: datetime | None = None
    pay_url: str = ""


@dataclass(frozen=True, slots=True)
class PayeeState:
    """Whether somebody can be paid, and what is still missing in words."""

    ref: str
    is_ready: bool
    country: str
    currency: str
    missing: tuple[str, ...] = ()
    label: str = ""  # "Bank account ending 6789"


@dataclass(frozen=True, slots=True)
class PayoutState:
    """`status`: pending, in_transit, paid, failed. Paid may become failed later (returned by the bank)."""

    ref: str
    our_ref: str
    status: str
    amount_minor: int
    currency: str
    failure_code: str = ""
    failure: str = ""


class MovementKind(StrEnum):
    """Why a provider's balance moved."""

    CHARGE = "charge"
    REFUND = "refund"
    REFUND_FAILED = "refund_failed"
    DISPUTE = "dispute"
    DISPUTE_RETURNED = "dispute_returned"
    PAYOUT = "payout"
    PAYOUT_FAILED = "payout_failed"
    TO_BANK = "to_bank"
    FROM_BANK = "from_bank"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of a provider's statement: our balance there moved by `amount_minor - fee_minor` (signed)."""

    ref: str
    kind: MovementKind
    source_ref: str  # the charge, refund, dispute or payout
    amount_minor: int
    fee_minor: int
    currency: str
    at: datetime
    description: str = ""


class Provider(Protocol):
    """A payment provider. Every method that asks may raise ProviderError; those with `key` are idempotent by it."""

    name: str
    label: str
    is_simulated: bool
    can: frozenset[Can]
    currencies: frozenset[str]  # empty: any
    payee_fields: tuple[str, ...]  # what our own form must ask a payee (payments.domain.bank); empty: their page asks

    def checkout_create(self, request: CheckoutRequest, *, key: str) -> CheckoutState:
        """Make a page to pay on."""
        ...

    def checkout_expire(self, ref: str) -> None:
        """Close a page that nobody has paid on; harmless when it is closed."""
        ...

    def checkout(self, ref: str) -> CheckoutState:
        """A checkout as it is now."""
        ...

    def charge(self, ref: str) -> ChargeState:
        """A charge as it is now, with its refunds and disputes."""
        ...

    def refund(self, ref: str) -> RefundState:
        """A refund as it is now."""
        ...

    def dispute(self, ref: str) -> DisputeState:
        """A dispute as it is now."""
        ...

    def subscription(self, ref: str) -> SubscriptionState:
        """A subscription as it is now."""
        ...

    def invoice(self, ref: str) -> InvoiceState:
        """A subscription's bill as it is now."""
        ...

    def invoices_of(self, subscription_ref: str) -> Iterator[InvoiceState]:
        """The bills of a subscription, the newest first, at most 100."""
        ...

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
        """Let it renew at another price; `bill_now` bills the rest of this period, less what was paid for it."""
        ...

    def subscription_cancel(self, ref: str, *, at_period_end: bool, key: str) -> SubscriptionState:
        """End it at the end of what is paid for, or now."""
        ...

    def subscription_resume(self, ref: str, *, key: str) -> SubscriptionState:
        """Take back a cancellation at the period's end."""
        ...

    def portal_url(self, *, customer_ref: str, return_url: str) -> str:
        """A page of the provider on which the customer changes how they pay."""
        ...

    def refund_create(
        self, charge_ref: str, *, our_ref: str, amount_minor: int, currency: str, key: str
    ) -> RefundState:
        """Give back a part of a charge, or all."""
        ...

    def payee_create(
        self, *, our_ref: str, email: str, country: str, currency: str, details: Mapping[str, str] | None, key: str
    ) -> PayeeState:
        """Register somebody to be paid; `details` of the bank account where the provider keeps no page for them."""
        ...

    def payee_url(self, ref: str, *, return_url: str, refresh_url: str) -> str:
        """A page on which the payee says where the money goes to."""
        ...

    def payee(self, ref: str) -> PayeeState:
        """A payee as they are now."""
        ...

    def payout_create(self, request: PayoutRequest, *, key: str) -> PayoutState:
        """Send money to a payee."""
        ...

    def payout_find(self, our_ref: str) -> PayoutState | None:
        """The payout of that public id, if the provider has it: asked after a time-out, before sending again."""
        ...

    def payout(self, ref: str) -> PayoutState:
        """A payout as it is now."""
        ...

    def movements(self, *, since: datetime, until: datetime) -> Iterator[Movement]:
        """The provider's statement, the oldest first."""
        ...

    def webhook(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> Hint | Ignored:
        """Verify a webhook's signature and time and say what it is about. Raises BadWebhookError."""
        ...
