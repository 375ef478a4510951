"""What an affiliate sees: the code, what it brought, and what is earned. Who the buyers are is theirs to tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet, Sum

from core.errors import NotFound
from propfirm.models import Affiliate, Referral


@dataclass(frozen=True, slots=True)
class EarnedView:
    """Commissions in a currency, minor units: earned, and held while a fee may still go back."""

    currency: str
    earned_minor: int
    held_minor: int


@dataclass(frozen=True, slots=True)
class AffiliateView:
    """An affiliate. Shares are basis points; `path` is where a link with the code leads."""

    id: int
    code: str
    path: str
    commission_bp: int
    discount_bp: int
    is_active: bool
    totals: tuple[EarnedView, ...]


@dataclass(frozen=True, slots=True)
class ReferralView:
    """A purchase that was brought. `due_at`: when it is earned."""

    plan: str
    commission_minor: int
    currency: str
    status: str
    label: str
    created_at: datetime
    due_at: datetime


def affiliate_view(user_id: int) -> AffiliateView:
    """A person's own affiliate page. Raises NotFound for who is none."""
    row = Affiliate.objects.filter(user_id=user_id).first()
    if row is None:
        raise NotFound("affiliate_unknown", "You are not an affiliate.")
    sums: dict[str, dict[str, int]] = {}
    found = Referral.objects.filter(affiliate=row).values("currency", "status").annotate(total=Sum("commission_minor"))
    for item in found.order_by():
        sums.setdefault(item["currency"], {})[item["status"]] = int(item["total"])
    totals = tuple(
        EarnedView(currency, parts.get(Referral.Status.EARNED, 0), parts.get(Referral.Status.HELD, 0))
        for currency, parts in sorted(sums.items())
    )
    return AffiliateView(
        id=row.pk,
        code=row.code,
        path=f"/prop-firm?affiliate={row.code}",
        commission_bp=row.commission_bp,
        discount_bp=row.discount_bp,
        is_active=row.is_active,
        totals=totals,
    )


def referrals_query(affiliate_id: int) -> QuerySet[Referral]:
    """What an affiliate brought, the newest first; `referral_view` makes views of it."""
    return Referral.objects.filter(affiliate_id=affiliate_id).select_related("account__plan").order_by("-pk")


def referral_view(row: Referral) -> ReferralView:
    """A row of `referrals_query`."""
    return ReferralView(
        plan=row.account.plan.name,
        commission_minor=row.commission_minor,
        currency=row.currency,
        status=row.status,
        label=row.get_status_display(),
        created_at=row.created_at,
        due_at=row.due_at,
    )
