"""Coupons: whether one is good for this, and how often it may be used."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from core.errors import Denied
from payments.domain.purchases import Offer
from payments.models import Coupon, CouponUse, Payment

_COUNTS = (CouponUse.Status.HELD, CouponUse.Status.USED)


def coupon_find(*, code: str, user_id: int, kind: str, reference: str, offer: Offer, now: datetime) -> Coupon:
    """The coupon that somebody typed, if it is good for this. Raises Denied with a code that says why not."""
    # No database takes a NUL, wherever it was typed.
    coupon = Coupon.objects.filter(code=code.replace("\0", " ").strip().upper()[:32], is_active=True).first()
    if coupon is None:
        raise Denied("coupon_unknown", "There is no such coupon. Check its spelling, or go on without it.")
    if (coupon.starts_at and now < coupon.starts_at) or (coupon.ends_at and now >= coupon.ends_at):
        raise Denied("coupon_not_in_force", "This coupon is not valid at this time.")
    fits = (not coupon.kinds or kind in coupon.kinds) and (not coupon.references or reference in coupon.references)
    if not fits or not offer.takes_coupons:
        raise Denied("coupon_for_something_else", "This coupon is not for what you are buying.")
    if coupon.amount_minor and coupon.currency != offer.currency:
        raise Denied("coupon_for_another_currency", f"This coupon is for prices in {coupon.currency}.")
    _require_uses_left(coupon, user_id)
    return coupon


def coupon_hold_in_tx(*, coupon_id: int, payment: Payment) -> None:
    """Keep one use for a payment; counted under the coupon's lock."""
    coupon = Coupon.objects.select_for_update(no_key=True).get(pk=coupon_id)
    _require_uses_left(coupon, payment.user_id)
    CouponUse.objects.create(coupon=coupon, user_id=payment.user_id, payment=payment)


def coupon_settle_in_tx(payment: Payment, *, used: bool) -> None:
    """The payment came to something, or to nothing: its use counts or is free again."""
    status = CouponUse.Status.USED if used else CouponUse.Status.RELEASED
    CouponUse.objects.filter(payment=payment).update(status=status)


def _counted(coupon: Coupon) -> QuerySet[CouponUse]:
    return CouponUse.objects.filter(coupon=coupon, status__in=_COUNTS)


def _require_uses_left(coupon: Coupon, user_id: int) -> None:
    if coupon.max_uses is not None and _counted(coupon).count() >= coupon.max_uses:
        raise Denied("coupon_used_up", "This coupon has been used as often as it may be.")
    if _counted(coupon).filter(user_id=user_id).count() >= coupon.max_uses_each:
        raise Denied("coupon_used", "You have used this coupon already.")
