"""Confirming what is bought, and coming back. Nothing is handed over here: only the provider's word counts."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from core.errors import DomainError
from core.pages import page
from core.throttling import limit
from payments.domain.ports import ObjectKind, ProviderError
from payments.domain.purchases import use_of
from payments.forms import CheckoutForm
from payments.pages import TONES, money_context
from payments.selectors.payments import PaymentView, checkout_ref_of, payment_view
from payments.services.checkout import purchase_begin, purchase_cancel
from payments.services.quoting import Quote, purchase_quote
from payments.services.sync import object_sync

POLLS = 90  # at two seconds each; after that the page is refreshed by hand
ASK_EVERY = 5  # each so many polls the provider itself is asked


def _me(request: HttpRequest) -> User:
    return cast(User, request.user)


@login_required
@never_cache
@page
@require_http_methods(["GET", "POST"])
def checkout(request: HttpRequest, kind: str, reference: str) -> HttpResponse:
    """What is bought and what it costs; sending it leads to the provider's page."""
    form = CheckoutForm(request.POST if request.method == "POST" else None)
    coupon = request.POST.get("coupon", "") if request.method == "POST" else request.GET.get("coupon", "")
    if request.method == "POST" and form.is_valid():
        try:
            limit("uploads", f"buy:{_me(request).pk}")
            made = purchase_begin(
                actor=_me(request),
                kind=kind,
                reference=reference,
                provider=form.cleaned_data["provider"],
                coupon=coupon,
                idempotency_key=form.cleaned_data["idempotency_key"],
            )
        except DomainError as error:
            return _confirm(request, kind, reference, coupon, refusal=error)
        return HttpResponseRedirect(made.url or f"/checkout/return/{made.public_id}")
    return _confirm(request, kind, reference, coupon)


def _confirm(
    request: HttpRequest, kind: str, reference: str, coupon: str, refusal: DomainError | None = None
) -> HttpResponse:
    """The page, with the price as it is now; a coupon that is not good does not hide the price without it."""
    quote: Quote | None = None
    problem = ""
    for typed in dict.fromkeys([coupon, ""]):
        try:
            quote = purchase_quote(user=_me(request), kind=kind, reference=reference, coupon=typed)
            break
        except DomainError as error:
            if not error.code.startswith("coupon"):
                if error.status == 404:
                    raise
                refusal = refusal or error
                break
            problem = error.message
    if refusal is not None and refusal.message == problem:
        refusal = None
    context: dict[str, Any] = {
        "quote": quote, "coupon": coupon, "coupon_problem": problem, "refusal": refusal, "kind": kind,
        "reference": reference, **money_context(quote.currency if quote else ""),
    }  # fmt: skip
    partial = request.headers.get("HX-Request") and request.headers.get("HX-Target") == "quote"
    status = 422 if refusal and not partial else 200
    return render(request, "payments/_quote.html" if partial else "payments/checkout.html", context, status=status)


@login_required
@never_cache
@page
@require_safe
def checkout_return(request: HttpRequest, public_id: str) -> HttpResponse:
    """Where the provider sends people back to: how the payment stands, asked for again until it is decided."""
    view = payment_view(public_id, user_id=_me(request).pk)
    raw = request.GET.get("poll", "0")
    number = min(int(raw), POLLS) if raw.isdigit() else 0
    if view.is_open and number % ASK_EVERY == 0:
        view = _asked(view, _me(request).pk)
    use = use_of(view.kind, view.reference)
    context = {
        "payment": view, "number": number + 1, "polls": not view.is_settled and number < POLLS,
        "is_cancelled": "cancelled" in request.GET and view.is_open, "use_url": use[0], "use_label": use[1],
        "tone": TONES.get(view.status, ""),
    }  # fmt: skip
    name = "payments/_return.html" if request.headers.get("HX-Request") else "payments/return.html"
    return render(request, name, context)


def _asked(view: PaymentView, user_id: int) -> PaymentView:
    """Ask the provider, in case that it has told us and we have not heard yet."""
    try:
        limit("codes", f"ask:{view.public_id}")
        ref = checkout_ref_of(view.public_id)
        if ref:
            object_sync(view.provider, ObjectKind.CHECKOUT, ref)
    except (ProviderError, DomainError):
        return view
    return payment_view(view.public_id, user_id=user_id)


@login_required
@page
@require_POST
def checkout_cancel(request: HttpRequest, public_id: str) -> HttpResponse:
    """Give up a payment."""
    try:
        purchase_cancel(actor=_me(request), public_id=public_id)
    except DomainError as error:
        if error.status == 404:
            raise
        messages.error(request, error.message)
    else:
        messages.success(request, "Given up. Nothing was charged.")
    return redirect("billing-payment", public_id=public_id)


urlpatterns = [
    path("checkout/return/<uuid:public_id>", checkout_return, name="checkout-return"),
    path("checkout/cancel/<uuid:public_id>", checkout_cancel, name="checkout-cancel"),
    path("checkout/<slug:kind>/<path:reference>", checkout, name="checkout"),
]
