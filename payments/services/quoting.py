"""What something costs a person, worked out from our own tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.models import Profile, User
from core.errors import NotFound
from payments.adapters import registry
from payments.domain import amounts
from payments.domain.ports import Can
from payments.domain.purchases import Offer, PurchaseKind, purchase_kind
from payments.models import Coupon
from payments.selectors.taxes import tax_in_force
from payments.services.coupons import coupon_find


@dataclass(frozen=True, slots=True)
class ProviderChoice:
    """A way to pay."""

    name: str
    label: str
    is_simulated: bool


@dataclass(frozen=True, slots=True)
class Quote:
    """A price with everything on it, in minor units of `currency`, and the ways to pay it."""

    kind: str
    reference: str
    title: str
    about: str
    currency: str
    subtotal_minor: int
    discount_minor: int
    tax_minor: int
    total_minor: int
    tax_name: str
    tax_bp: int
    tax_country: str
    interval: str
    coupon: str
    providers: tuple[ProviderChoice, ...]


@dataclass(frozen=True, slots=True)
class Priced:
    """A quote with what it was made of."""

    quote: Quote
    offer: Offer
    coupon: Coupon | None


def kind_get(kind: str) -> PurchaseKind:
    """What sells a kind. Raises NotFound."""
    found = purchase_kind(kind)
    if found is None:
        raise NotFound("purchase_unknown", "There is nothing of this kind to buy.")
    return found


def currency_of(user_id: int) -> str:
    """The currency that a person has chosen, else the platform's."""
    chosen = Profile.objects.filter(user_id=user_id).values_list("currency", flat=True).first()
    return chosen or str(settings.PAYMENT_CURRENCY)


def priced(
    *, user: User, kind: str, reference: str, params: Mapping[str, Any], currency: str = "", coupon: str = ""
) -> Priced:
    """The offer with discount and tax. Raises what the kind and the coupon have against it."""
    now = timezone.now()
    wanted = (currency or currency_of(user.pk)).upper()
    offer = kind_get(kind).offer(user_id=user.pk, reference=reference, params=params, currency=wanted)
    given = (
        coupon_find(code=coupon, user_id=user.pk, kind=kind, reference=reference, offer=offer, now=now)
        if coupon.strip()
        else None
    )
    off = (
        amounts.discount_of(offer.subtotal_minor, percent_bp=given.percent_bp, amount=given.amount_minor)
        if given
        else 0
    )
    country = Profile.objects.filter(user_id=user.pk).values_list("country", flat=True).first() or ""
    tax = tax_in_force(country, now.date()) if country else None
    total = amounts.total_of(offer.subtotal_minor, discount=off, tax_bp=tax.rate_bp if tax else 0)
    can = Can.SUBSCRIBE if offer.interval else Can.PAY
    ways = registry.available(can=can, currency=offer.currency)
    quote = Quote(
        kind=kind,
        reference=reference,
        title=offer.title,
        about=offer.about,
        currency=offer.currency,
        subtotal_minor=total.subtotal,
        discount_minor=total.discount,
        tax_minor=total.tax,
        total_minor=total.total,
        tax_name=tax.name if tax else "",
        tax_bp=tax.rate_bp if tax else 0,
        tax_country=country if tax else "",
        interval=offer.interval,
        coupon=given.code if given else "",
        providers=tuple(ProviderChoice(one.name, one.label, one.is_simulated) for one in ways),
    )
    return Priced(quote, offer, given)


def purchase_quote(
    *,
    user: User,
    kind: str,
    reference: str,
    params: Mapping[str, Any] | None = None,
    currency: str = "",
    coupon: str = "",
) -> Quote:
    """What it costs this person now, and how it can be paid."""
    return priced(
        user=user, kind=kind, reference=reference, params=params or {}, currency=currency, coupon=coupon
    ).quote
