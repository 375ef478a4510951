"""What operators set about prices: coupons and taxes. Every change has a reason and a trace."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from core.errors import Conflict, Invalid, NotFound
from core.services import audit
from payments.models import Coupon, TaxRate

_CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{2,31}")


def coupon_create(
    *,
    actor: User,
    code: str,
    percent_bp: int = 0,
    amount_minor: int = 0,
    currency: str = "",
    kinds: Sequence[str] = (),
    references: Sequence[str] = (),
    max_uses: int | None = None,
    max_uses_each: int = 1,
    ends_at: datetime | None = None,
    reason: str,
) -> Coupon:
    """Make a coupon. Raises Invalid `coupon_invalid`, Conflict `coupon_exists`."""
    _reason_require(reason)
    code = code.strip().upper()
    if not _CODE.fullmatch(code):
        raise Invalid("coupon_invalid", "A code has 3 to 32 letters, digits and hyphens.", {"code": [code]})
    if (percent_bp > 0) is (amount_minor > 0) or percent_bp > 10_000:
        raise Invalid("coupon_invalid", "Take off a share of the price, at most all of it, or an amount: one of both.")
    if amount_minor and not currency:
        raise Invalid("coupon_invalid", "Say in which currency the amount is.")
    if ends_at is not None and ends_at <= timezone.now():
        raise Invalid("coupon_invalid", "A coupon ends at a time that lies ahead.")
    fields: dict[str, Any] = {
        "code": code, "percent_bp": percent_bp, "amount_minor": amount_minor, "currency": currency.upper(),
        "kinds": list(kinds), "references": list(references), "max_uses": max_uses, "max_uses_each": max_uses_each,
        "ends_at": ends_at,
    }  # fmt: skip
    try:
        with transaction.atomic(durable=True):
            coupon = Coupon.objects.create(**fields)
            after = {**fields, "ends_at": ends_at.isoformat() if ends_at else None}
            _record_in_tx(actor, "coupon.create", coupon, after=after, reason=reason)
    except IntegrityError as error:
        raise Conflict("coupon_exists", "There is a coupon with this code already.") from error
    return coupon


def coupon_switch(*, actor: User, coupon_id: int, is_active: bool, reason: str) -> Coupon:
    """Let a coupon be used, or no longer; what was bought with it stays. Raises NotFound."""
    _reason_require(reason)
    with transaction.atomic(durable=True):
        coupon = Coupon.objects.select_for_update(no_key=True).filter(pk=coupon_id).first()
        if coupon is None:
            raise NotFound("coupon_not_found", "There is no such coupon.")
        before, coupon.is_active = coupon.is_active, is_active
        coupon.save(update_fields=["is_active"])
        _record_in_tx(
            actor, "coupon.switch", coupon, before={"is_active": before}, after={"is_active": is_active}, reason=reason
        )
    return coupon


def tax_rate_create(*, actor: User, country: str, name: str, rate_bp: int, starts_on: date, reason: str) -> TaxRate:
    """A country's rate from a day on, which ends the one before. Raises Invalid, Conflict `tax_rate_exists`."""
    _reason_require(reason)
    if starts_on < timezone.now().date():
        raise Invalid("tax_rate_invalid", "A rate starts today or later: what was sold was taxed as it was.")
    if not 0 <= rate_bp <= 10_000 or not re.fullmatch("[A-Za-z]{2}", country):
        raise Invalid("tax_rate_invalid", "Give a country of two letters and a rate of 0 to 100 %.")
    rows = TaxRate.objects.filter(country=country.upper())
    with transaction.atomic(durable=True):
        if rows.select_for_update(no_key=True).filter(starts_on__gte=starts_on).exists():
            raise Conflict("tax_rate_exists", "A rate of this country starts then or later already.")
        rows.filter(starts_on__lt=starts_on).exclude(ends_on__lte=starts_on).update(ends_on=starts_on)
        rate = TaxRate.objects.create(country=country.upper(), name=name, rate_bp=rate_bp, starts_on=starts_on)
        after = {"country": rate.country, "name": name, "rate_bp": rate_bp, "starts_on": starts_on.isoformat()}
        _record_in_tx(actor, "tax_rate.create", rate, after=after, reason=reason)
    return rate


def tax_rate_end(*, actor: User, rate_id: int, ends_on: date, reason: str) -> TaxRate:
    """Let a rate end; nothing is taxed in that country from that day on. Raises NotFound, Invalid."""
    _reason_require(reason)
    with transaction.atomic(durable=True):
        rate = TaxRate.objects.select_for_update(no_key=True).filter(pk=rate_id).first()
        if rate is None:
            raise NotFound("tax_rate_not_found", "There is no such rate.")
        if ends_on < timezone.now().date() or ends_on <= rate.starts_on or (rate.ends_on and rate.ends_on < ends_on):
            raise Invalid("tax_rate_invalid", "A rate ends today or later, after it has started, and not twice.")
        before, rate.ends_on = rate.ends_on, ends_on
        rate.save(update_fields=["ends_on"])
        was = {"ends_on": before.isoformat() if before else None}
        _record_in_tx(actor, "tax_rate.end", rate, before=was, after={"ends_on": ends_on.isoformat()}, reason=reason)
    return rate


def _reason_require(reason: str) -> None:
    if not reason.strip():
        raise Invalid("reason_required", "Say why.")


def _record_in_tx(
    actor: User,
    action: str,
    row: Coupon | TaxRate,
    *,
    reason: str,
    after: dict[str, Any],
    before: dict[str, Any] | None = None,
) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject_type=str(row._meta.model_name),
        subject_id=row.pk,
        before=before,
        after=after,
        reason=reason,
    )
