"""The page of an affiliate."""

from __future__ import annotations

from decimal import Decimal

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from core.pages import page, paginated
from propfirm.selectors.affiliates import affiliate_view, referral_view, referrals_query
from trading.pages import actor, mapped

TONES = {"earned": "up", "reversed": "down"}


@login_required
@never_cache
@require_GET
@page
def affiliate(request: HttpRequest) -> HttpResponse:
    """The code, the link, what was brought, and what is earned."""
    found = affiliate_view(actor(request).user_id or 0)
    context = {
        "affiliate": found,
        "link": request.build_absolute_uri(found.path),
        "commission": _percent(found.commission_bp),
        "discount": _percent(found.discount_bp) if found.discount_bp else "",
        "page": mapped(paginated(request, referrals_query(found.id)), referral_view),
        "tones": TONES,
        "section": "prop-firm",
    }
    return render(request, "propfirm/payouts/affiliate.html", context)


def _percent(basis_points: int) -> str:
    """Basis points as percent: 1250 -> 12.5%."""
    return f"{(Decimal(basis_points) / 100).normalize():f}%"


urlpatterns = [path("prop-firm/affiliate", affiliate, name="prop-affiliate")]
