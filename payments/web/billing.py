"""One's plan, what is used of it, payments and papers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from core.errors import DomainError
from core.pages import page, paginated
from payments import entitlements
from payments.adapters.invoice_pdf import invoice_pdf
from payments.models import Payment
from payments.pages import TONES, money_context
from payments.selectors.invoices import invoices_of, paper_get
from payments.selectors.payments import payment_view, payments_of, view_of
from payments.selectors.plans import holding_of, plans_offered, subscription_of
from payments.services import subscriptions


def _me(request: HttpRequest) -> User:
    return cast(User, request.user)


@login_required
@never_cache
@require_safe
def billing(request: HttpRequest) -> HttpResponse:
    """The plan, its limits, what else there is, payments."""
    user_id = _me(request).pk
    has, running = holding_of(user_id), subscription_of(user_id)
    others = []
    if running is not None:
        priced = [(plan, plan.price(running.price.currency, running.price.interval)) for plan in plans_offered()]
        found = [(plan, price) for plan, price in priced if price is not None and price.code != running.price.code]
        dues = subscriptions.upgrade_dues(user_id, [price.amount_minor for _, price in found])
        others = [
            {"plan": plan, "price": price, "is_more": plan.rank > running.plan.rank,
             "due_minor": dues[price.amount_minor]}
            for plan, price in found
        ]  # fmt: skip
    rows = paginated(request, payments_of(user_id))
    papers: dict[int, list[str]] = {}
    for row in invoices_of(user_id).filter(payment__in=rows.object_list).order_by("pk")[:500]:
        papers.setdefault(row.payment_id, []).append(row.number)
    context: dict[str, Any] = {
        "has": has, "running": running, "others": others, "entitlements": entitlements.entitlements(user_id),
        "page": rows, "papers": papers, "payments": [view_of(row) for row in rows.object_list], "tones": TONES,
        **money_context(),
    }  # fmt: skip
    return render(request, "payments/billing.html", context)


@login_required
@never_cache
@page
@require_safe
def billing_payment(request: HttpRequest, public_id: str) -> HttpResponse:
    """One payment: its steps, what went back, its papers."""
    view = payment_view(public_id, user_id=_me(request).pk)
    row = Payment.objects.get(pk=view.id)
    context = {
        "payment": view, "refunds": row.refunds.order_by("pk")[:50], "disputes": row.disputes.order_by("pk")[:20],
        "invoices": invoices_of(view.user_id).filter(payment_id=view.id).order_by("pk")[:50],
        "tone": TONES.get(view.status, ""),
    }  # fmt: skip
    return render(request, "payments/payment.html", context)


@login_required
@page
@require_safe
def billing_invoice(request: HttpRequest, number: str) -> HttpResponse:
    """An invoice or a credit note as PDF."""
    paper = paper_get(number, _me(request).pk)
    name = f"{paper.number}.pdf"
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "private, no-store"}
    return HttpResponse(invoice_pdf(paper), content_type="application/pdf", headers=headers)


def _act(request: HttpRequest, act: Callable[[str], object], done: str) -> HttpResponse:
    try:
        act(request.POST.get("idempotency_key", ""))
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, done)
    return redirect("billing")


@login_required
@require_POST
def billing_change(request: HttpRequest) -> HttpResponse:
    """Another plan."""
    price = request.POST.get("price", "")
    return _act(
        request,
        lambda key: subscriptions.subscription_change(actor=_me(request), price_code=price, idempotency_key=key),
        "Your plan is changed.",
    )


@login_required
@require_POST
def billing_cancel(request: HttpRequest) -> HttpResponse:
    """End it at the end of what is paid for."""
    return _act(
        request,
        lambda key: subscriptions.subscription_cancel(actor=_me(request), idempotency_key=key),
        "Your plan ends with what is paid for. You can take that back until then.",
    )


@login_required
@require_POST
def billing_resume(request: HttpRequest) -> HttpResponse:
    """Go on after all."""
    return _act(
        request,
        lambda key: subscriptions.subscription_resume(actor=_me(request), idempotency_key=key),
        "Your plan goes on.",
    )


@login_required
@require_POST
def billing_portal(request: HttpRequest) -> HttpResponse:
    """To the provider's page on which to change how one pays."""
    try:
        return HttpResponseRedirect(subscriptions.portal_url(actor=_me(request)))
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("billing")


urlpatterns = [
    path("billing", billing, name="billing"),
    path("billing/change", billing_change, name="billing-change"),
    path("billing/cancel", billing_cancel, name="billing-cancel"),
    path("billing/resume", billing_resume, name="billing-resume"),
    path("billing/portal", billing_portal, name="billing-portal"),
    path("billing/payments/<uuid:public_id>", billing_payment, name="billing-payment"),
    path("billing/invoices/<str:number>.pdf", billing_invoice, name="billing-invoice"),
]
