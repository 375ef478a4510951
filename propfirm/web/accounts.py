"""Pages of accounts: the list, the cockpit, a second chance, a dispute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from core.errors import DomainError
from core.pages import page, paginated
from core.throttling import limit_attempts
from propfirm.models import Affiliate, PropAccount
from propfirm.pages import account_context, live_context
from propfirm.selectors.accounts import (
    account_detail,
    account_row,
    accounts_of,
    cards,
    detail_of,
    number_of_trading,
    own_account_row,
)
from propfirm.selectors.plans import definition_of
from propfirm.services.disputes import dispute_open
from propfirm.services.fee_refunds import is_withdrawable
from propfirm.services.plans import plan_market
from propfirm.services.resets import retry_take
from trading.pages import actor, market_context, viewer

ROWS = 20


@login_required
@never_cache
@require_GET
def account_list(request: HttpRequest) -> HttpResponse:
    """The viewer's own accounts of the firm, the newest first."""
    found = paginated(request, accounts_of(actor(request).user_id or 0), ROWS)
    found.object_list = cards(found.object_list)
    is_affiliate = Affiliate.objects.filter(user_id=actor(request).user_id or 0).exists()
    context = {"page": found, "section": "propfirm", "is_affiliate": is_affiliate}
    return render(request, "propfirm/accounts/list.html", context)


def _market(row: PropAccount, market_id: int | None) -> dict[str, Any]:
    """The ribbon's market: of the phase, or where the plan will be traded."""
    if market_id is not None:
        return market_context(market_id)
    try:
        return market_context(plan_market(row.plan).id)
    except DomainError:
        return {"market": None}


@login_required
@never_cache
@require_GET
@page
def account(request: HttpRequest, number: str) -> HttpResponse:
    """The cockpit: how far from each limit, the curve with its floors, days, verdicts, what comes next."""
    who = viewer(request)
    row = account_row(number, who)
    detail = detail_of(row, who)
    trading_id = None if detail.phase is None else detail.phase.trading_account_id
    context: dict[str, Any] = {
        **_market(row, detail.market_id),
        "section": "propfirm",
        "mine": who is not None and who.user_id == row.owner_id,
        "phases": definition_of(row.plan).phases,
        "trading_id": trading_id,
    }
    tick = context["market"].tick if context.get("market") else -1
    context |= account_context(row, detail, tick)
    context["may_withdraw"] = context["mine"] and is_withdrawable(row)
    if context["mine"] and trading_id is not None:
        context["channels"] = f"market:{detail.market_id},account:{trading_id}"
    return render(request, "propfirm/accounts/account.html", context)


@login_required
@never_cache
@require_GET
@page
def account_live(request: HttpRequest, number: str) -> HttpResponse:
    """The figures that move, for the page that is open; one that is about what is over is loaded anew."""
    detail = account_detail(number, viewer(request))
    if request.GET.get("state", detail.card.state) != detail.card.state:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return render(request, "propfirm/accounts/_live.html", live_context(detail))


@login_required
@require_GET
@page
def account_of_trading(request: HttpRequest, trading_id: int) -> HttpResponse:
    """From a trading account to the cockpit that it belongs to."""
    return redirect("prop-account", number=number_of_trading(trading_id, viewer(request)))


def _acted(request: HttpRequest, number: str, act: Callable[[], str]) -> HttpResponse:
    """Do it, say how it went, and show the account again. Only its owner acts. Raises NotFound."""
    own_account_row(number, viewer(request))
    try:
        messages.success(request, act())
    except DomainError as error:
        if error.status == 404:
            raise
        messages.error(request, error.message)
    return redirect("prop-account", number=number)


@login_required
@require_POST
@page
def account_retry(request: HttpRequest, number: str) -> HttpResponse:
    """Try a phase again, free."""

    def act() -> str:
        retry_take(actor=actor(request), number=number)
        return "The phase has begun anew, with the full balance."

    return _acted(request, number, act)


@login_required
@require_POST
@page
def account_dispute(request: HttpRequest, number: str) -> HttpResponse:
    """Object to the verdict that ended a phase."""

    def act() -> str:
        limit_attempts(request)
        asked = request.POST.get("verdict", "")
        verdict_id = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 18 else 0
        dispute_open(actor=actor(request), number=number, verdict_id=verdict_id, body=request.POST.get("body", ""))
        return "Your objection is with us. Two people look at it, and you are told what they find."

    return _acted(request, number, act)


urlpatterns = [
    path("prop-firm/accounts", account_list, name="prop-accounts"),
    path("prop-firm/accounts/of/<int:trading_id>", account_of_trading, name="prop-account-of"),
    path("prop-firm/accounts/<slug:number>", account, name="prop-account"),
    path("prop-firm/accounts/<slug:number>/live", account_live, name="prop-account-live"),
    path("prop-firm/accounts/<slug:number>/retry", account_retry, name="prop-account-retry"),
    path("prop-firm/accounts/<slug:number>/disputes", account_dispute, name="prop-account-dispute"),
]
