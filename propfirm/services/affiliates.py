"""Affiliates: who may bring buyers, and what they are owed once the fee can no longer be taken back."""

from __future__ import annotations

import logging
import re
from fractions import Fraction

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Sum
from django.utils import timezone

from accounts.domain.roles import ADMIN
from accounts.models import User
from core.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from core.money import Money
from core.services import audit, outbox
from payments.domain import chart
from payments.domain.states import UNDECIDED
from payments.models import Dispute, Payment, Refund
from payments.services.payables import payable_credit_in_tx
from propfirm.locks import account_lock, affiliate_lock, referral_lock
from propfirm.models import Affiliate, PropAccount, Referral

logger = logging.getLogger(__name__)

COSTS = chart.costs("affiliates")
BATCH = 200
MOST_BP = 5_000
_CODE = re.compile(r"^[A-Z0-9]{2,20}$")
_UNDER_WAY = (Refund.Status.REQUESTED, Refund.Status.PENDING)


def affiliate_make(*, actor: User, user_id: int, code: str, commission_bp: int, discount_bp: int = 0) -> Affiliate:
    """Let a person bring buyers, for a share of the net fee in basis points; who comes by the code pays less.

    Raises Forbidden unless an administrator asks; NotFound; Invalid `affiliate_code_invalid`,
    `affiliate_share_invalid`; Conflict `affiliate_exists`, `affiliate_code_taken`.
    """
    _admin_require(actor)
    code = code.strip().upper()
    if not _CODE.match(code):
        raise Invalid("affiliate_code_invalid", "A code has 2 to 20 letters and digits.", {"field": "code"})
    for name, share in (("commission_bp", commission_bp), ("discount_bp", discount_bp)):
        if not 0 <= share <= MOST_BP:
            raise Invalid("affiliate_share_invalid", f"Give 0 to {MOST_BP} basis points.", {"field": name})
    if not User.objects.filter(pk=user_id, kind=User.Kind.PERSON).exists():
        raise NotFound("person_not_found", "There is nobody of that number here.")
    values = {"code": code, "commission_bp": commission_bp, "discount_bp": discount_bp}
    try:
        with transaction.atomic():
            made = Affiliate.objects.create(user_id=user_id, **values)
            _told(actor, made, "make", values)
    except IntegrityError as error:
        if Affiliate.objects.filter(user_id=user_id).exists():
            raise Conflict("affiliate_exists", "This person is an affiliate already.") from error
        raise Conflict("affiliate_code_taken", "This code is taken. Choose another one.") from error
    return made


def affiliate_set_active(*, actor: User, affiliate_id: int, is_active: bool, reason: str = "") -> Affiliate:
    """Let a code work or not from now on; what was brought stays owed. Raises Forbidden, NotFound."""
    _admin_require(actor)
    with transaction.atomic():
        row = affiliate_lock(affiliate_id)
        if row.is_active != is_active:
            row.is_active = is_active
            row.save(update_fields=["is_active"])
            _told(actor, row, "set_active", {"is_active": is_active}, reason)
    return row


def referrals_earn_due() -> int:
    """Owe the commissions whose wait is over; how many were decided. What of a fee went back earns nothing.

    A fee that comes back with a payout does: the buyer stayed. While a refund or a dispute is open, it waits.
    """
    disputed = Dispute.objects.filter(payment=OuterRef("payment"), status__in=UNDECIDED)
    returning = Refund.objects.filter(payment=OuterRef("payment"), status__in=_UNDER_WAY)
    rows = Referral.objects.filter(~Exists(disputed), status=Referral.Status.HELD, due_at__lte=timezone.now())
    # What waits is passed over, so that it keeps nothing else waiting.
    rows = rows.exclude(Exists(returning), account__fee_refund=PropAccount.FeeRefund.NONE).order_by("due_at", "pk")
    done = 0
    for referral_id, account_id in list(rows.values_list("pk", "account_id")[:BATCH]):
        try:
            with transaction.atomic(durable=True):
                done += _earn_in_tx(referral_id, account_id)
        except DomainError as error:
            logger.warning("referral %s is not earned yet: %s", referral_id, error.message)
    return done


def _earn_in_tx(referral_id: int, account_id: int) -> bool:
    account = account_lock(account_id)
    row = referral_lock(referral_id)
    if row.status != Referral.Status.HELD:
        return False
    payment = Payment.objects.get(pk=row.payment_id)
    promised = account.fee_refund_minor if account.fee_refund else 0
    if _is_open(payment, promised):
        return False
    earned_minor = _earned_minor(row, payment, promised)
    is_earned = earned_minor > 0
    if is_earned:
        row.commission_minor = earned_minor
        payable_credit_in_tx(
            user_id=row.affiliate.user_id,
            amount=Money(row.commission_minor, row.currency),
            source_account=COSTS,
            reference=f"referral:{row.pk}",
            memo=f"Commission, {row.affiliate.code}",
        )
    row.status = Referral.Status.EARNED if is_earned else Referral.Status.REVERSED
    row.save(update_fields=["status", "commission_minor"])
    values = {"referral_id": row.pk, "status": row.status, "commission_minor": row.commission_minor}
    audit.record(
        actor=None, action=f"referral.{row.status}", subject_type="affiliate", subject_id=row.affiliate_id, after=values
    )
    outbox.emit(
        topic="propfirm.referral", aggregate=f"affiliate:{row.affiliate_id}",
        payload={**values, "user_id": row.affiliate.user_id},
    )  # fmt: skip
    return True


def _earned_minor(row: Referral, payment: Payment, promised_minor: int) -> int:
    """The commission on what stayed of the fee, minor units, rounded down once. What payouts give back has stayed."""
    came_back = payment.lost_minor + max(payment.refunded_minor - promised_minor, 0)
    if not came_back:
        return row.commission_minor
    net = payment.subtotal_minor - payment.discount_minor
    exact = Fraction(net * row.affiliate.commission_bp, 10_000)
    earned = int(exact * max(payment.captured_minor - came_back, 0) / payment.captured_minor)
    return min(earned, row.commission_minor)


def _is_open(payment: Payment, promised_minor: int) -> bool:
    """Whether it is not known yet if the fee stays; what goes back with a payout does not count."""
    if payment.disputes.filter(status__in=UNDECIDED).exists():
        return True
    under_way = payment.refunds.filter(status__in=_UNDER_WAY)
    asked = under_way.filter(status=Refund.Status.REQUESTED).aggregate(total=Sum("amount_minor"))["total"] or 0
    return under_way.exists() and payment.refunded_minor + asked > promised_minor


def _admin_require(actor: User) -> None:
    if not (actor.is_superuser or actor.role == ADMIN):
        raise Forbidden("forbidden", "Only an administrator may do this.")


def _told(actor: User, row: Affiliate, verb: str, after: dict[str, object], reason: str = "") -> None:
    audit.record(
        actor=actor, action=f"affiliate.{verb}", subject_type="affiliate", subject_id=row.pk,
        after={"user_id": row.user_id, **after}, reason=reason,
    )  # fmt: skip
    outbox.emit(
        topic="propfirm.affiliate", aggregate=f"affiliate:{row.pk}", payload={"affiliate_id": row.pk, "verb": verb}
    )
