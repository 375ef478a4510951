"""Payouts of profit of an account: what stands in the way, asking, taking back; and the fee back, untraded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from core.errors import DomainError
from core.pages import page, paginated
from payments.forms import amount_minor
from payments.pages import TONES, money_context
from propfirm.selectors.accounts import account_row, last_phase, own_account_row
from propfirm.selectors.payouts import payout_views, payouts_query
from propfirm.services.fee_refunds import is_withdrawable, withdraw_purchase
from propfirm.services.payout_lines import payout_lines
from propfirm.services.payouts import payout_cancel, payout_request
from trading.pages import actor, market_context, viewer

ROWS = 10


@login_required
@never_cache
@require_GET
@page
def payouts(request: HttpRequest, number: str) -> HttpResponse:
    """What stands between an account and its next payout, what it would come to, and the payouts before."""
    return _shown(request, number)


@login_required
@never_cache
@require_POST
@page
def payout_ask(request: HttpRequest, number: str) -> HttpResponse:
    """Ask for a payout; a refusal says what is missing."""
    account = own_account_row(number, viewer(request))
    try:
        payout_request(
            actor=actor(request),
            number=number,
            amount_minor=amount_minor(request.POST.get("amount", ""), account.plan.currency),
            idempotency_key=request.POST.get("idempotency_key", ""),
        )
    except DomainError as error:
        if error.status == 404:
            raise
        return _shown(request, number, error)
    messages.success(request, "Asked for. The account is locked until two people have decided.")
    return redirect("prop-payouts", number=number)


@login_required
@require_POST
@page
def payout_back(request: HttpRequest, number: str, public_id: UUID) -> HttpResponse:
    """Take a payout back."""
    return _acted(
        request, number, lambda: payout_cancel(actor=actor(request), public_id=public_id),
        "Taken back. The account trades on.",
    )  # fmt: skip


@login_required
@require_POST
@page
def purchase_back(request: HttpRequest, number: str) -> HttpResponse:
    """Give an account back that was not traded; asked about first."""

    def act() -> object:
        if request.POST.get("confirm") != "yes":
            raise DomainError("confirm_first", "Tick the box to confirm, then give the account back.", status=422)
        return withdraw_purchase(actor=actor(request), number=number)

    return _acted(request, number, act, "Given back: your fee is on its way to you, the way it was paid.")


def _acted(request: HttpRequest, number: str, act: Callable[[], object], done: str) -> HttpResponse:
    own_account_row(number, viewer(request))
    try:
        act()
    except DomainError as error:
        if error.status == 404:
            raise
        messages.error(request, error.message)
    else:
        messages.success(request, done)
    return redirect("prop-payouts", number=number)


def _shown(request: HttpRequest, number: str, refusal: DomainError | None = None) -> HttpResponse:
    who = actor(request)
    account = account_row(number, who)
    rows = paginated(request, payouts_query(account.pk), ROWS)
    standing = payout_lines(account)
    phase = last_phase(account.pk)
    context: dict[str, Any] = {
        "account": account,
        "back": f"/prop-firm/accounts/{account.number}",
        "standing": standing,
        "page": rows,
        "payouts": payout_views(rows.object_list),
        "tones": {"approved": "me", "requested": "me", "reviewed": "me", **TONES},
        "refusal": refusal,
        "amount": request.POST.get("amount", ""),
        "may_withdraw": is_withdrawable(account),
        "is_mine": who.user_id == account.owner_id,
        "section": "prop-firm",
        **money_context(account.plan.currency),
        **({} if phase is None else market_context(phase.trading_account.market_id)),
    }
    return render(request, "propfirm/payouts/page.html", context, status=422 if refusal else 200)


urlpatterns = [
    path("prop-firm/accounts/<str:number>/payouts", payouts, name="prop-payouts"),
    path("prop-firm/accounts/<str:number>/payouts/request", payout_ask, name="prop-payout-request"),
    path("prop-firm/accounts/<str:number>/payouts/<uuid:public_id>/cancel", payout_back, name="prop-payout-cancel"),
    path("prop-firm/accounts/<str:number>/withdraw", purchase_back, name="prop-withdraw"),
]
