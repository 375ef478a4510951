"""The provider's word, applied: states of checkouts, charges, refunds and disputes, in any order, any number of times.

Each function works out what should be, takes away what is booked, and does the difference under the payment's lock. It
answers whether the object is one of ours; when it is not, nothing has happened.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from accounts.services.leads import sighting_record
from payments import locks
from payments.domain import states
from payments.domain.ports import ChargeState, CheckoutState, DisputeState, RefundState
from payments.models import Customer, Dispute, Payment, PaymentStep, Refund
from payments.services.booking import (
    CHARGED_CURRENCY,
    capture_book_in_tx,
    currency_of,
    dispute_book_in_tx,
    refund_book_in_tx,
)
from payments.services.granting import (
    GRANTABLE,
    payment_grant_in_tx,
    payment_problem_in_tx,
    payment_release_in_tx,
    payment_revoke_in_tx,
)
from payments.services.invoices import credit_note_issue_in_tx
from payments.services.refunding import refund_automatic_in_tx
from payments.services.telling import payment_tell_in_tx

_OF_CHARGE = {"requires_action": states.REQUIRES_ACTION, "processing": states.PROCESSING, "failed": states.FAILED}
_OPEN_DISPUTES = (Dispute.Status.OPEN, Dispute.Status.UNDER_REVIEW)


def checkout_apply(provider: str, state: CheckoutState) -> bool:
    """A page to pay on: remember whom and what it led to; give up what it held when nobody paid in time."""
    with transaction.atomic(durable=True):
        payment = _payment_lock(provider, our_ref=state.our_ref, checkout_ref=state.ref)
        if payment is None:
            return False
        payment.checkout_ref = payment.checkout_ref or state.ref
        if state.charge_ref and not payment.interval:
            payment.charge_ref = payment.charge_ref or state.charge_ref
        payment.checked_at = timezone.now()
        _customer_keep_in_tx(payment, state.customer_ref)
        if state.status == "expired" and not payment.captured_minor:
            _become_in_tx(payment, states.EXPIRED, "Nobody paid in time.")
            payment_release_in_tx(payment)
        payment.save()
        return True


def charge_apply(provider: str, state: ChargeState) -> bool:
    """A charge with its refunds and disputes. Bills of subscriptions must have been applied before their charges."""
    with transaction.atomic(durable=True):
        payment = _payment_lock(provider, our_ref=state.our_ref, charge_ref=state.ref)
        if payment is None or (payment.interval and not payment.invoice_ref):
            return False
        payment_book_in_tx(payment, state)
        return True


def payment_book_in_tx(payment: Payment, state: ChargeState) -> None:
    """Bring a locked payment, its books and what was bought to what the charge says."""
    payment.charge_ref = payment.charge_ref or state.ref
    payment.checked_at = timezone.now()
    payment.failure_code, payment.failure = state.failure_code[:60], payment.failure or state.failure[:300]
    _customer_keep_in_tx(payment, state.customer_ref)
    if state.captured_minor and state.instrument:
        sighting_record(user_id=payment.user_id, kind="payment", value=state.instrument)
    if state.captured_minor and state.currency != payment.currency:
        payment.params = {**payment.params, CHARGED_CURRENCY: state.currency}
    capture_book_in_tx(payment, state.captured_minor)
    for refund in state.refunds:
        _refund_in_tx(payment, refund)
    for dispute in state.disputes:
        _dispute_in_tx(payment, dispute)
    _status_in_tx(payment, state)
    _hand_over_in_tx(payment, is_free=state.status == "succeeded" and not payment.total_minor)
    payment.save()


def refund_apply(provider: str, state: RefundState) -> bool:
    """One refund."""
    with transaction.atomic(durable=True):
        payment = _payment_lock(provider, charge_ref=state.charge_ref)
        if payment is None or payment.captured_minor < state.amount_minor:
            return False
        _refund_in_tx(payment, state)
        _status_in_tx(payment, None)
        _hand_over_in_tx(payment)
        payment.save()
        return True


def dispute_apply(provider: str, state: DisputeState) -> bool:
    """One dispute."""
    with transaction.atomic(durable=True):
        payment = _payment_lock(provider, charge_ref=state.charge_ref)
        if payment is None or payment.captured_minor < state.withdrawn_minor:
            return False
        _dispute_in_tx(payment, state)
        _status_in_tx(payment, None)
        _hand_over_in_tx(payment)
        payment.save()
        return True


def _payment_lock(provider: str, *, our_ref: str = "", **refs: str) -> Payment | None:
    """The payment that an object belongs to, locked: by the reference that we have, else by our own id in it."""
    found = locks.payment_find_lock(provider=provider, **refs)
    if found is None and our_ref:
        found = locks.payment_public_lock(our_ref)
    if found is None or found.provider != provider:
        return None
    ref = refs.get("charge_ref", "")
    # Another charge under the same id of ours is not this payment: a second one is for people to look at.
    return None if ref and found.charge_ref and found.charge_ref != ref else found


def _customer_keep_in_tx(payment: Payment, ref: str) -> None:
    if ref:
        Customer.objects.get_or_create(user_id=payment.user_id, provider=payment.provider, defaults={"ref": ref})


def _refund_in_tx(payment: Payment, state: RefundState) -> None:
    rows = Refund.objects.select_for_update(no_key=True).filter(payment=payment)
    refund = rows.filter(ref=state.ref).first()
    if refund is None and state.our_ref:
        refund = rows.filter(public_id=state.our_ref, ref="").first()
    if refund is None:
        refund = Refund(payment=payment, amount_minor=state.amount_minor, reason="Made at the provider.")
    refund.currency, refund.ref = state.currency, state.ref
    refund.status = {"succeeded": Refund.Status.SUCCEEDED, "failed": Refund.Status.FAILED}.get(
        state.status, Refund.Status.PENDING
    )
    refund.failure = state.failure[:300]
    if refund.status != Refund.Status.PENDING and refund.settled_at is None:
        refund.settled_at = timezone.now()
    refund.save()
    refund_book_in_tx(payment, refund, 0 if refund.status == Refund.Status.FAILED else state.amount_minor)
    refund.save()
    if refund.booked_minor and payment.allocated_minor:
        credit_note_issue_in_tx(refund)
    if refund.status == Refund.Status.FAILED and not payment.problem:
        payment_problem_in_tx(payment, "refund_failed", state.failure or "The bank did not take the refund.")
    elif refund.status == Refund.Status.SUCCEEDED:
        payment_tell_in_tx(payment, "refunded", refund.reason)


def _dispute_in_tx(payment: Payment, state: DisputeState) -> None:
    dispute = Dispute.objects.select_for_update(no_key=True).filter(payment=payment, ref=state.ref).first()
    if dispute is None:
        dispute = Dispute(payment=payment, ref=state.ref)
    dispute.status, dispute.reason, dispute.due_at = state.status, state.reason[:80], state.due_at
    dispute.amount_minor, dispute.currency = state.amount_minor, state.currency
    if state.status in (Dispute.Status.WON, Dispute.Status.LOST) and dispute.closed_at is None:
        dispute.closed_at = timezone.now()
    dispute.save()
    is_lost = state.status == Dispute.Status.LOST
    dispute_book_in_tx(
        payment,
        dispute,
        held_minor=0 if is_lost else state.withdrawn_minor,
        lost_minor=state.withdrawn_minor if is_lost else 0,
    )
    dispute.save()


def _become_in_tx(payment: Payment, status: str, note: str = "") -> None:
    if payment.status != status and states.may_become(states.PAYMENT, payment.status, status):
        payment.status = status
        PaymentStep.objects.create(payment=payment, status=status, note=note[:200])


def _status_in_tx(payment: Payment, state: ChargeState | None) -> None:
    gone = payment.refunded_minor + payment.lost_minor
    if payment.captured_minor:
        # Through "paid", so that the timeline shows it even when the refund comes in the same breath.
        if payment.succeeded_at is None:
            payment.succeeded_at = timezone.now()
            _become_in_tx(payment, states.SUCCEEDED)
        if payment.lost_minor or payment.disputes.filter(status__in=_OPEN_DISPUTES).exists():
            _become_in_tx(payment, states.DISPUTED)
        elif gone >= payment.captured_minor:
            _become_in_tx(payment, states.REFUNDED)
        else:
            _become_in_tx(payment, states.SUCCEEDED)
    elif state is not None and state.status in _OF_CHARGE:
        _become_in_tx(payment, _OF_CHARGE[state.status], state.failure)
    elif state is not None and state.status == "canceled":
        _become_in_tx(payment, states.EXPIRED, "Cancelled.")
        payment_release_in_tx(payment)


def _hand_over_in_tx(payment: Payment, *, is_free: bool = False) -> None:
    left = payment.captured_minor - payment.refunded_minor - payment.lost_minor
    if (left > 0 or is_free) and not payment.granted_at and payment.problem in GRANTABLE:
        if currency_of(payment) != payment.currency:
            payment_problem_in_tx(payment, "currency_differs", f"Paid in {currency_of(payment)}.")
        elif payment.captured_minor != payment.total_minor:
            payment_problem_in_tx(payment, "amount_differs", f"{payment.captured_minor} came in.")
        else:
            _grant_or_refund_in_tx(payment)
    _take_back_in_tx(payment)


def _grant_or_refund_in_tx(payment: Payment) -> None:
    payment_grant_in_tx(payment)
    if not payment.granted_at:
        refund_automatic_in_tx(payment)


def _take_back_in_tx(payment: Payment) -> None:
    gone = payment.refunded_minor + payment.lost_minor
    if gone and gone >= payment.captured_minor:
        payment_revoke_in_tx(payment, reason="Its money has gone back.")
