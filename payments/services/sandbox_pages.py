"""What people do on the sandbox's pages: its checkout, its portal, its form for payees, its desk for operators.

Everybody reaches their own only. After each act the sandbox tells of it, through the same door as ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from core.errors import Conflict, Invalid, NotFound
from core.services import audit
from payments.adapters import registry
from payments.adapters.sandbox import charges, checkouts, payouts, store, subscriptions
from payments.domain.ports import ChargeState, InvoiceState, ProviderError
from payments.models import Customer, Payee, Payment, SandboxObject
from payments.services.sandbox import events_deliver

TOLD_AT_ONCE = 20
OUTCOMES = ("pay", "later", "decline", "confirm", "cancel", "finish", "refuse")
DESK = ("dispute", "win", "lose", "refund", "refund_fail")


@dataclass(frozen=True, slots=True)
class CheckoutPage:
    """What the checkout shows. `state`: open, confirming, processing, expired, closed."""

    ref: str
    title: str
    amount_minor: int
    due_minor: int
    currency: str
    interval: str
    state: str
    failure: str
    back_url: str


@dataclass(frozen=True, slots=True)
class SubscriptionCard:
    """A subscription on the portal, with its bills."""

    ref: str
    title: str
    amount_minor: int
    currency: str
    interval: str
    status: str
    card_works: bool
    ends: bool
    until: str
    bills: tuple[InvoiceState, ...]


def checkout_page(*, actor: User, ref: str) -> CheckoutPage:
    """The page of a payment of theirs. Raises NotFound."""
    row = _checkout_of(actor, ref)
    data = row.data
    charge = SandboxObject.objects.filter(kind="charge", ref=data["charge"] or "-").first()
    tried = charge.data["status"] if charge else ""
    state = "closed"
    if data["status"] == "open" and store.passed(data["expires_at"], timezone.now()):
        state = "expired"
    elif data["status"] == "open":
        state = "confirming" if tried == "requires_action" else "open"
    elif tried == "processing":
        state = "processing"
    return CheckoutPage(
        ref=row.ref,
        title=data["title"],
        amount_minor=data["amount"],
        due_minor=data["amount"] - data["first_discount"],
        currency=data["currency"],
        interval=data["interval"],
        state=state,
        failure=charge.data["failure"] if charge and tried == "failed" else "",
        back_url=_ours(data["success_url"]),
    )


def checkout_act(*, actor: User, ref: str, outcome: str) -> str:
    """Press a button; the address to go on to, or empty to stay. Raises NotFound, Invalid, Conflict."""
    row = _checkout_of(actor, ref)
    if outcome not in OUTCOMES:
        raise Invalid("outcome_unknown", "Choose one of the buttons.")
    with _told():
        if outcome in ("finish", "refuse"):
            charges.charge_finish(row.data["charge"], "pay" if outcome == "finish" else "decline")
        else:
            row = checkouts.checkout_pay(ref, outcome)
    if outcome == "cancel":
        return _ours(row.data["cancel_url"])
    return _ours(row.data["success_url"]) if row.data["status"] == "complete" else ""


def portal_page(*, actor: User, customer_ref: str) -> list[SubscriptionCard]:
    """The subscriptions of a customer who is this person, the newest first. Raises NotFound."""
    cards = []
    provider = registry.provider(registry.SANDBOX)
    for row in _subscriptions_of(actor, customer_ref):
        data = row.data
        cards.append(
            SubscriptionCard(
                ref=row.ref,
                title=data["title"],
                amount_minor=data["amount"],
                currency=data["currency"],
                interval=data["interval"],
                status=data["status"],
                card_works=data["card"] == "works",
                ends=data["cancel_at_period_end"],
                until=data["end"][:10],
                bills=tuple(provider.invoices_of(row.ref))[:12],
            )
        )
    return cards


def portal_act(*, actor: User, customer_ref: str, subscription_ref: str, act: str) -> None:
    """`works`, `declines`: the card; `cancel`, `resume`: the end. Raises NotFound, Invalid, Conflict."""
    if subscription_ref not in {row.ref for row in _subscriptions_of(actor, customer_ref)}:
        raise NotFound("subscription_not_found", "There is no such subscription.")
    with _told():
        if act in ("works", "declines"):
            subscriptions.card_set(subscription_ref, works=act == "works")
        elif act == "cancel":
            with transaction.atomic(durable=True):
                subscriptions.cancel(subscription_ref, at_period_end=True)
        elif act == "resume":
            with transaction.atomic(durable=True):
                subscriptions.resume(subscription_ref)
        else:
            raise Invalid("act_unknown", "Choose one of the buttons.")


def payee_page(*, actor: User, ref: str) -> Payee:
    """The payee who is this person. Raises NotFound."""
    row = Payee.objects.filter(user=actor, provider=registry.SANDBOX, ref=ref, is_active=True).first()
    if row is None:
        raise NotFound("payee_not_found", "There is no such payee.")
    return row


def payee_fill(*, actor: User, ref: str, bank: str, digits: str) -> None:
    """Say where the money goes to. Raises NotFound, Invalid, Conflict."""
    payee_page(actor=actor, ref=ref)
    with _told():
        payouts.payee_fill(ref, bank=bank, digits=digits)


def desk_page(ref: str) -> ChargeState:
    """A charge as an operator sees it at the sandbox. Raises NotFound."""
    try:
        return registry.provider(registry.SANDBOX).charge(ref)
    except ProviderError as error:
        raise NotFound("charge_not_found", error.message) from error


def desk_act(*, actor: User, ref: str, act: str, target: str = "", amount_minor: int = 0) -> None:
    """What happens at a provider without us: a dispute and its end, a refund, one that fails. Raises like the pages."""
    charge = desk_page(ref)
    if act not in DESK:
        raise Invalid("act_unknown", "Choose one of the buttons.")
    theirs = {one.ref for one in charge.refunds} | {one.ref for one in charge.disputes}
    if act in ("win", "lose", "refund_fail") and target not in theirs:
        raise NotFound("target_not_found", "This charge has no such refund or dispute.")
    with _told():
        if act == "dispute":
            charges.dispute_open(ref)
        elif act == "refund":
            charges.refund_at_provider(ref, amount_minor)
        elif act == "refund_fail":
            charges.refund_fail(target)
        else:
            charges.dispute_close(target, won=act == "win")
        with transaction.atomic(durable=True):
            audit.record(
                actor=actor,
                action=f"sandbox.{act}",
                subject_type="sandbox_charge",
                subject_id=ref,
                after={"target": target, "amount_minor": amount_minor},
                reason="A drill at the sandbox",
            )


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ProviderError as error:
        raise Conflict(error.code, error.message) from error
    events_deliver(TOLD_AT_ONCE)


def _checkout_of(actor: User, ref: str) -> SandboxObject:
    row = SandboxObject.objects.filter(kind="checkout", ref=ref).first()
    if row is None or not _payments_of(actor, [row.our_ref]):
        raise NotFound("checkout_not_found", "There is no such page.")
    return row


def _payments_of(actor: User, public_ids: list[str]) -> bool:
    try:
        return Payment.objects.filter(public_id__in=public_ids, user=actor).exists()
    except ValidationError:
        return False


def _subscriptions_of(actor: User, customer_ref: str) -> list[SandboxObject]:
    rows = SandboxObject.objects.filter(kind="subscription", data__customer=customer_ref).order_by("-pk")[:20]
    found = list(rows)
    known = Customer.objects.filter(user=actor, provider=registry.SANDBOX, ref=customer_ref).exists()
    if not known and not (found and _payments_of(actor, [row.our_ref for row in found])):
        raise NotFound("customer_not_found", "There is no such page.")
    return found


def _ours(url: str) -> str:
    """An address of this site without its host: the browser stays on the one it is on."""
    return url.removeprefix(settings.SITE_URL)
