"""The practice account: what it is, opening it, starting afresh."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from core.errors import DomainError
from core.money import Money
from core.pages import page
from core.throttling import limit
from payments.domain.catalogue import Feature
from payments.entitlements import entitlement
from trading.pages import actor
from trading.selectors.accounts import practice_account_of
from trading.services.practice import practice_open, practice_reset


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def practice(request: HttpRequest) -> HttpResponse:
    """One's practice account, or what it is and a button to open it."""
    who = actor(request)
    refusal: DomainError | None = None
    found = practice_account_of(who.user_id or 0)
    if found is None and request.method == "POST":
        try:
            found = practice_open(actor=who)
        except DomainError as error:
            if error.details.get("url"):
                messages.info(request, error.message)
                return redirect(error.details["url"])
            refusal = error
    if found is not None:
        return redirect("account", account_id=found)
    context = {
        "error": refusal,
        "balance_minor": Money.of(settings.DEFAULT_BALANCE, "USD").minor,
        "trades": entitlement(who.user_id or 0, Feature.TRADES),
    }
    return render(request, "trading/practice.html", context, status=refusal.status if refusal else 200)


@login_required
@require_POST
@page
def practice_again(request: HttpRequest) -> HttpResponse:
    """Close one's practice account and open a new one."""
    who = actor(request)
    try:
        limit("exports", f"practice:{who.user_id}")
        found = practice_reset(actor=who)
    except DomainError as error:
        if error.status == 404:
            raise
        messages.error(request, error.message)
        return redirect("practice")
    messages.success(request, "A new practice account with the full balance. The old one stays on record.")
    return redirect("account", account_id=found)
